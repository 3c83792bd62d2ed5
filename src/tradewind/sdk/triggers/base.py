"""What a trigger is, and what it says when what it waits for has come."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from tradewind.sdk.enums import TaskInstanceState
from tradewind.sdk.log import LoggingMixin
from tradewind.sdk.serde import encode


class TriggerEvent:
    """What a trigger yields: its payload is what the deferred task goes on with.

    Example:
        >>> TriggerEvent({"status": "done"}).payload
        {'status': 'done'}
    """

    def __init__(self, payload: Any = None) -> None:
        self.payload = payload

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}<{self.payload!r}>"


class BaseTaskEndEvent(TriggerEvent):
    """An event that ends the task there and then, without another process for it."""

    task_instance_state: ClassVar[TaskInstanceState]

    def __init__(self, *, xcoms: Mapping[str, Any] | None = None) -> None:
        super().__init__(self.task_instance_state.value)
        self.xcoms = None if xcoms is None else dict(xcoms)
        """What the task pushes, by key."""


class TaskSuccessEvent(BaseTaskEndEvent):
    """Yielded, it ends the task in success."""

    task_instance_state = TaskInstanceState.SUCCESS


class TaskFailedEvent(BaseTaskEndEvent):
    """Yielded, it ends the task in failed; it is not tried again."""

    task_instance_state = TaskInstanceState.FAILED


class TaskSkippedEvent(BaseTaskEndEvent):
    """Yielded, it ends the task in skipped."""

    task_instance_state = TaskInstanceState.SKIPPED


class BaseTrigger(LoggingMixin):
    """Waits for something: subclass it, implement ``serialize`` and ``run``.

    One instance lives in the task that defers, and only tells what it is made from; another is
    made of that in the process that runs triggers. ``run`` shares its event loop with thousands
    of others: whatever takes time in it must be awaited.

    Example:
        >>> class Knock(BaseTrigger):
        ...     def __init__(self, door):
        ...         super().__init__()
        ...         self.door = door
        ...
        ...     def serialize(self):
        ...         return ("my_triggers.Knock", {"door": self.door})
        ...
        ...     async def run(self):
        ...         yield TriggerEvent({"door": self.door})
        >>> Knock("front").serialize()
        ('my_triggers.Knock', {'door': 'front'})
    """

    def __init__(self, **kwargs: Any) -> None:
        self.task_instance: Any = None
        """The task instance that waits; set where triggers run."""
        self.trigger_id: int | None = None
        self.timeout_after: Any = None
        """When the wait times out, if ever; set where triggers run."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Answer the class's dotted path and the arguments another instance is made from.

        Raises:
            NotImplementedError: The subclass does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement serialize()")

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, then yield an event; the first one counts.

        Raises:
            NotImplementedError: The subclass does not say what to wait for.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement run()")
        yield

    async def cleanup(self) -> None:
        """Let go of what ``run`` holds: called whenever this instance is needed no more."""

    async def on_kill(self) -> None:
        """End what the task started elsewhere: called when it was cleared, marked or its run ended.

        ``cleanup`` follows. Not called when only the place changes where the trigger runs.
        """

    def __repr__(self) -> str:
        # Never the arguments: they may hold secrets, and this ends up in logs.
        return f"<{type(self).__name__} of {self.task_instance or 'a task'}>"


class BaseEventTrigger(BaseTrigger):
    """A trigger whose events may also stand for something that happened to an asset."""

    supports_triggerer_queue = False

    @staticmethod
    def hash(classpath: str, kwargs: dict[str, Any]) -> int:
        """Answer the same number for triggers that wait for the same thing."""
        tree = json.loads(encode(kwargs))
        return hash((classpath, json.dumps(tree, sort_keys=True)))


@dataclass
class StartTriggerArgs:
    """The trigger that a task begins with, and how it goes on after it.

    Set as ``start_trigger_args`` on an operator with ``start_from_trigger = True``: the task then
    waits without ever having held a worker's place.
    """

    trigger_cls: str
    """Dotted path of the trigger's class."""
    next_method: str
    """The operator's method that goes on with the event."""
    trigger_kwargs: dict[str, Any] | None = None
    next_kwargs: dict[str, Any] | None = None
    timeout: timedelta | None = None
    trigger_queue: str | None = None
