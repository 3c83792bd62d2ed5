"""Making a trigger from what its task told of it, and running it to its first event."""

import importlib
import logging
import sys
import traceback
from pathlib import Path
from typing import Any

import msgspec

from tradewind.compat.finder import install
from tradewind.core.states import TaskState
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.ports import TaskPort
from tradewind.protocol.triggers import Fired, TriggerOrder
from tradewind.runtime.faults import one_line
from tradewind.runtime.loading import code_path, extend_path, import_path, module_name
from tradewind.sdk.exceptions import AirflowException, TaskDeferralError
from tradewind.sdk.instants import to_pendulum
from tradewind.sdk.serde import decode, encode, length_of
from tradewind.sdk.task_instance import RuntimeTaskInstance
from tradewind.sdk.triggers.base import BaseTaskEndEvent, TriggerEvent

log = logging.getLogger("tradewind.trigger")

_SHARED = [name for name in TriggerOrder.__struct_fields__ if name in TaskOrder.__struct_fields__]


def find_class(order: TriggerOrder) -> type:
    """Answer the class of a trigger, imported as its Dag file would import it.

    A class of the Dag file itself is found there, under the name such files are imported by.

    Raises:
        AirflowException: There is no such class.
        BaseException: Whatever its module raises.
    """
    install()
    extend_path(code_path(order.bundle, order.file))
    module, _, name = order.classpath.rpartition(".")
    path = Path(order.bundle.root) / order.file
    if not module:
        raise AirflowException(f"'{order.classpath}' is no dotted path of a trigger's class")
    if module == module_name(order.file) and module not in sys.modules:
        found = getattr(import_path(path, order.file), name, None)
    else:
        found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, type):
        raise AirflowException(f"There is no trigger class '{order.classpath}'")
    return found


def make_trigger(cls: type, order: TriggerOrder, port: TaskPort) -> Any:
    """Answer a trigger, made as its task said, that knows whose it is.

    Raises:
        BaseException: Whatever its constructor raises.
    """
    trigger = cls(**decode(order.kwargs))
    trigger.trigger_id = order.trigger_id
    if order.is_watcher:
        return trigger
    fields = {name: getattr(order, name) for name in _SHARED}
    fields["resume"] = None
    instance = RuntimeTaskInstance(TaskOrder(**fields), port, to_pendulum)
    instance.state = "deferred"
    trigger.task_instance = instance
    trigger.timeout_after = order.timeout_at
    return trigger


async def first_event(trigger: Any) -> TriggerEvent:
    """Answer the first event of a trigger.

    Raises:
        TaskDeferralError: It ended without one, or yielded something else.
        BaseException: Whatever it raises.
    """
    events = trigger.run()
    try:
        async for event in events:
            if not isinstance(event, TriggerEvent):
                raise TaskDeferralError(
                    f"{type(trigger).__name__}.run() yielded a {type(event).__name__}, "
                    "which is no TriggerEvent"
                )
            return event
    finally:
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()
    raise TaskDeferralError(f"{type(trigger).__name__} ended without an event")


def fired_by(order: TriggerOrder, event: TriggerEvent) -> Fired:
    """Answer what is told of an event.

    Raises:
        AirflowException: Its payload cannot be kept; the message says what in it.
    """
    said = Fired(trigger_id=order.trigger_id, epoch=order.epoch, event=encode(event.payload))
    if not isinstance(event, BaseTaskEndEvent):
        return said
    pushed = tuple(
        (key, encode(value), length_of(value)) for key, value in (event.xcoms or {}).items()
    )
    ends = TaskState(event.task_instance_state.value)
    return msgspec.structs.replace(said, ends=ends, xcoms=pushed)


def failed_by(order: TriggerOrder, error: BaseException) -> Fired:
    """Answer what is told of a trigger that failed."""
    return Fired(
        trigger_id=order.trigger_id,
        epoch=order.epoch,
        error=one_line(error),
        detail="".join(traceback.format_exception(error)),
    )
