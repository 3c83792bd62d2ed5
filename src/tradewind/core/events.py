"""The values of a run's event log: what happened to one run, in order, one number each.

An event that is not written yet is a decision: ``drive.decide`` answers the very events to write.
Folding them in order gives the run's state (``graph``); rows are only the newest fold of them.
"""

from datetime import datetime

import msgspec

from tradewind.core.states import RunState, TaskState


class _Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class TaskMoved(_Event, frozen=True, kw_only=True, tag="task_moved"):
    """One task instance changed its state along an edge of the table."""

    task_id: str
    map_path: str = ""
    old: TaskState
    new: TaskState
    try_number: int = 0
    """After the move. 0 before the first try; grows by one on the way to ``scheduled``."""
    reason: str = ""
    """Why, in the words a person reads; empty where the states say it all."""
    wake_at: datetime | None = None
    """When an instance in ``up_for_retry`` or ``up_for_reschedule`` is due again."""
    max_tries: int | None = None
    """Set where it starts over only: the tries allowed from now on."""
    pushed: tuple[tuple[str, int | None], ...] = ()
    """On success: the XCom keys that a mapping waits for, with the length of each list or dict."""
    skips: tuple[str, ...] = ()
    """On success of a branch or short circuit: the tasks below that it chose to skip."""


class Expanded(_Event, frozen=True, kw_only=True, tag="expanded"):
    """A mapped task or group has instances up to this number from now on.

    The instances are those whose paths go on behind ``map_path`` with ``first`` .. ``length - 1``;
    when there were none, what stood there as a placeholder becomes the one with 0. New ones are
    in state none. Instances beyond the length are moved to ``removed`` by events of their own.
    """

    task_id: str = ""
    group_id: str = ""
    """Instead of a task: every task in this group is expanded."""
    map_path: str = ""
    """Of the mapped group's instance it lies in; empty outside."""
    length: int
    first: int = 0


class GroupRetried(_Event, frozen=True, kw_only=True, tag="group_retried"):
    """A group as a whole is tried again; an empty id means the whole run.

    The moves of its instances to ``up_for_retry`` follow as events of their own.
    """

    group_id: str
    map_path: str = ""
    retries: int
    """Retries given by now, this one counted."""
    reason: str = ""


class RunMoved(_Event, frozen=True, kw_only=True, tag="run_moved"):
    """The run changed its state."""

    old: RunState
    new: RunState
    at: datetime
    """When; a run's timeout counts from its move to running."""
    reason: str = ""
    """``success``, ``task_failure``, ``all_tasks_deadlocked``, ``timed_out``, or as told."""


class RunDoomed(_Event, frozen=True, kw_only=True, tag="run_doomed"):
    """The run is to fail once all in it has ended, however that ends; without a reason, no more.

    Said of a run that a person ends while teardowns are left to clean up after it.
    """

    reason: str = ""


Event = TaskMoved | Expanded | GroupRetried | RunMoved | RunDoomed

_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode_event(event: Event) -> bytes:
    """Answer the event as JSON, the form it has in the log.

    Example:
        >>> encode_event(Expanded(task_id="load", length=3))
        b'{"type":"expanded","task_id":"load","length":3}'
    """
    return msgspec.json.encode(event)


def decode_event(data: bytes | str) -> Event:
    """Answer the event that was encoded.

    Raises:
        msgspec.ValidationError: Not an event of this version of the log.

    Example:
        >>> decode_event(b'{"type":"expanded","task_id":"load","length":3}')
        Expanded(task_id='load', group_id='', map_path='', length=3, first=0)
    """
    return _DECODER.decode(data)
