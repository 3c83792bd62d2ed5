"""Deadlines as authors write them: from when, how long, and what happens when it is missed.

They go on a Dag (each run), on a task or on a task group. What is due when is decided by the
server from ``core.deadlines``; only references of an author's own are asked in a worker.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, TypeVar

from tradewind.core import deadlines as core
from tradewind.sdk.calling import run_to_end
from tradewind.sdk.timezone import as_instant

T = TypeVar("T")


class BaseDeadlineReference:
    """A moment that deadlines count from. Subclass it to give one of your own.

    A reference of your own is asked in a worker once for each run, so it may look anywhere; when it
    fails it is asked again, and it may answer None for "no deadline for this run".

    Example:
        >>> from datetime import UTC, datetime
        >>> class Payday(BaseDeadlineReference):
        ...     def evaluate(self, *, dag_id, run_id, **facts):
        ...         return datetime(2026, 5, 29, 12, tzinfo=UTC)
    """

    required_kwargs: Collection[str] = ()

    def evaluate(self, **facts: Any) -> datetime | None:
        """Answer the moment for a run, or None.

        Args:
            facts: ``dag_id``, ``run_id``, ``logical_date``, ``run_after``, ``conf`` of the run.
        """
        return self._evaluate_with(session=None, **facts)

    def _evaluate_with(self, *, session: Any = None, **facts: Any) -> datetime | None:
        """Answer the moment; the name existing references give this. There is no session.

        Raises:
            NotImplementedError: The subclass says neither this nor ``evaluate``.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say from when it counts")

    @property
    def reference_name(self) -> str:
        """Answer the name of this kind of reference."""
        return type(self).__name__

    def to_core(self) -> core.Reference:
        """Answer it as data."""
        return core.Custom(name=self.reference_name, when=getattr(self, "_when", "created"))


class _BuiltIn(BaseDeadlineReference):
    def __init__(self, reference: core.Reference) -> None:
        self._reference = reference

    def to_core(self) -> core.Reference:
        """Answer it as data."""
        return self._reference

    @property
    def reference_name(self) -> str:
        """Answer the name of this kind of reference."""
        return core.describe(self._reference)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BuiltIn) and other._reference == self._reference

    def __hash__(self) -> int:
        return hash(self._reference)

    def __repr__(self) -> str:
        return f"<DeadlineReference {self.reference_name}>"


class DeadlineReference(BaseDeadlineReference):
    """The references there are; a subclass is one of an author's own.

    Example:
        >>> DeadlineReference.AVERAGE_RUNTIME(max_runs=5).to_core()
        AverageRuntime(max_runs=5, min_runs=5)
    """

    DAGRUN_LOGICAL_DATE: BaseDeadlineReference = _BuiltIn(core.LogicalDate())
    DAGRUN_QUEUED_AT: BaseDeadlineReference = _BuiltIn(core.QueuedAt())
    TASK_SCHEDULED_AT: BaseDeadlineReference = _BuiltIn(core.Scheduled())
    """From when all above the task (or the first task of the group) was done."""
    TASK_STARTED_AT: BaseDeadlineReference = _BuiltIn(core.Started())
    """From when the task (or the first task of the group) began."""

    class TYPES:
        """When a reference of an author's own is asked."""

        DAGRUN_CREATED = "created"
        DAGRUN_QUEUED = "queued"
        DAGRUN = "created"

    @classmethod
    def FIXED_DATETIME(cls, moment: datetime) -> BaseDeadlineReference:  # noqa: N802 - the field's
        """Answer a reference that is this moment for all runs."""
        at = as_instant("FIXED_DATETIME", moment, None)
        assert at is not None  # noqa: S101 - a moment was given
        return _BuiltIn(core.FixedAt(at=at))

    @classmethod
    def AVERAGE_RUNTIME(  # noqa: N802 - the field's name
        cls, max_runs: int = 10, min_runs: int | None = None
    ) -> BaseDeadlineReference:
        """Answer a reference that is when it began plus the average of its last successes.

        Args:
            max_runs: Of how many runs at most.
            min_runs: With fewer there is no deadline yet; ``max_runs`` unless given.

        Raises:
            ValueError: A number below 1, or ``min_runs`` above ``max_runs``.
        """
        least = max_runs if min_runs is None else min_runs
        if not 1 <= least <= max_runs:
            raise ValueError(f"AVERAGE_RUNTIME needs 1 <= min_runs ({least}) <= max_runs")
        return _BuiltIn(core.AverageRuntime(max_runs=max_runs, min_runs=least))


def deadline_reference(when: Any = None) -> Any:
    """Register a class as a reference of one's own: ``DeadlineReference.Payday()`` answers one.

    Args:
        when: ``DeadlineReference.TYPES.DAGRUN_CREATED`` (asked once for a run, the default) or
            ``DAGRUN_QUEUED`` (asked anew when it is cleared).
    """
    chosen = "queued" if str(when).lower() == "queued" else "created"

    def register(cls: type[T]) -> type[T]:
        cls._when = chosen  # type: ignore[attr-defined]
        setattr(DeadlineReference, cls.__name__, cls)
        return cls

    return register(when) if inspect.isclass(when) else register


class VariableInterval:
    """An interval kept in a Variable, in seconds; read when the deadline is made.

    Example:
        >>> VariableInterval("sales_deadline_seconds").key
        'sales_deadline_seconds'
    """

    def __init__(self, key: str) -> None:
        self.key = key

    def __repr__(self) -> str:
        return f"VariableInterval({self.key!r})"


class DeadlineCallback:
    """Something to call: a function, a notifier class, or the dotted path of either.

    Called with its ``kwargs`` and the context. In which process it is called is the same for all
    kinds: one of a worker's.
    """

    def __init__(
        self, callback_callable: Callable[..., Any] | str, kwargs: Mapping[str, Any] | None = None
    ) -> None:
        self.callback_callable = callback_callable
        self.kwargs = dict(kwargs or {})
        if "context" in self.kwargs:
            raise ValueError("'context' is given to a callback by Tradewind: name yours otherwise")

    @property
    def path(self) -> str:
        """Answer the dotted path of what is called."""
        target = self.callback_callable
        if isinstance(target, str):
            return target
        return f"{target.__module__}.{getattr(target, '__qualname__', type(target).__qualname__)}"

    def __call__(self, context: Any) -> Any:
        """Call it; a coroutine is run to its end.

        Raises:
            Exception: Whatever it raises.
        """
        target = _imported(self.callback_callable)
        if inspect.isclass(target):
            made: Any = target(**self.kwargs)
            return run_to_end(made(context))
        return run_to_end(target(**self.kwargs, **_context_for(target, context)))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"


class AsyncCallback(DeadlineCallback):
    """A coroutine function, or a notifier."""


class SyncCallback(DeadlineCallback):
    """A function, or a notifier.

    ``executor`` is taken for the sake of existing files: every callback is run by a worker.
    """

    def __init__(
        self,
        callback_callable: Callable[..., Any] | str,
        kwargs: Mapping[str, Any] | None = None,
        executor: str | None = None,
    ) -> None:
        super().__init__(callback_callable, kwargs)
        self.executor = executor


class _FailRun:
    def __repr__(self) -> str:
        return "FAIL_RUN"


FAIL_RUN = _FailRun()
"""Instead of a callback, or beside one in a list: end the run as failed."""


class DeadlineAlert:
    """By when something is to be done, and what happens if it is not.

    Example:
        >>> from datetime import timedelta
        >>> DeadlineAlert(
        ...     reference=DeadlineReference.DAGRUN_QUEUED_AT,
        ...     interval=timedelta(hours=1),
        ...     callback=FAIL_RUN,
        ...     name="within the hour",
        ... ).fails_run
        True
    """

    def __init__(
        self,
        reference: BaseDeadlineReference,
        interval: timedelta | VariableInterval,
        callback: Any = None,
        name: str | None = None,
        description: str | None = None,
    ) -> None:
        """Check what was given.

        Args:
            reference: From when it counts.
            interval: How long after that it is due; negative for before.
            callback: What is called when it is missed: an AsyncCallback or SyncCallback, a
                notifier, a function of the context, ``FAIL_RUN``, or a list of these. Without one a
                miss is recorded and shown.
            name: What people know it by.
            description: What it is for.

        Raises:
            TypeError: One of them is of another kind.
        """
        if inspect.isclass(reference) and issubclass(reference, BaseDeadlineReference):
            reference = reference()
        if not isinstance(reference, BaseDeadlineReference):
            raise TypeError(f"A deadline counts from a DeadlineReference, not from {reference!r}")
        if not isinstance(interval, timedelta | VariableInterval):
            raise TypeError(f"The interval of a deadline is a timedelta, not {interval!r}")
        self.reference = reference
        self.interval = interval
        self.name = name
        self.description = description
        self.callback = callback
        given = callback if isinstance(callback, list | tuple) else [callback]
        self.fails_run = FAIL_RUN in given
        self.callbacks = [one for one in given if one is not None and one is not FAIL_RUN]
        for one in self.callbacks:
            if not callable(one):
                raise TypeError(f"A deadline calls something that can be called, not {one!r}")


def as_alerts(deadline: Any) -> list[DeadlineAlert]:
    """Answer what was given as ``deadline``, always as a list.

    Raises:
        TypeError: Something in it is no DeadlineAlert.
    """
    if deadline is None:
        return []
    given = list(deadline) if isinstance(deadline, list | tuple | set) else [deadline]
    for one in given:
        if not isinstance(one, DeadlineAlert):
            raise TypeError(f"'deadline' takes DeadlineAlerts, not {one!r}")
    return given


def _imported(target: Callable[..., Any] | str) -> Callable[..., Any]:
    if not isinstance(target, str):
        return target
    module, _, name = target.rpartition(".")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _context_for(target: Callable[..., Any], context: Any) -> dict[str, Any]:
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return {"context": context}
    takes = any(one.name == "context" or one.kind is one.VAR_KEYWORD for one in parameters)
    return {"context": context} if takes else {}
