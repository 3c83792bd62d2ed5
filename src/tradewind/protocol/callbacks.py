"""Callbacks as work: what the server decided and user code is to be told of.

A callback order is claimed like a parse order: under an epoch, once per claim, given again when
its worker is lost. ``callback_id`` stays the same however often it is tried.
"""

from datetime import datetime

import msgspec

from tradewind.protocol.orders import BundleRef, RunFacts, TaskOrder

_CALLBACK_KEYS = 1 << 48


def callback_key(job_id: int) -> int:
    """Answer the key of a callback's process among those of attempts (above 0) and parses (below).

    Example:
        >>> is_callback_key(callback_key(7)), is_callback_key(-7)
        (True, False)
    """
    return -_CALLBACK_KEYS - job_id


def is_callback_key(key: int) -> bool:
    """Tell whether the process of this key runs a callback."""
    return key < -_CALLBACK_KEYS


def job_of_key(key: int) -> int:
    """Answer the job id of the callback whose process has this key."""
    return -_CALLBACK_KEYS - key


class DeadlineFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The deadline that a callback is about, as its context will show it."""

    id: int
    scope: str = "run"
    """``run``, ``task`` or ``group``: whose deadline it is."""
    owner: str = ""
    """Id of the task or of the group; empty for a run."""
    position: int = 0
    """Which of its owner's alerts, in the order they were written."""
    name: str = ""
    due_at: datetime | None = None


class CallbackOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell user code, or to ask of it (``deadline_reference``)."""

    job_id: int
    epoch: int
    callback_id: str
    """The same however often this is tried, and the same as in the task process."""
    kind: str
    """``dag``, ``task``, ``deadline``, ``listener``, ``deadline_reference`` or ``timetable``."""
    event: str = ""
    """``success``, ``failure`` or ``retry``; empty for a deadline."""
    reason: str = ""
    error: str = ""
    """What the server knows of the failure, in one line."""
    done: tuple[int, ...] = ()
    """Places in the list of callbacks that succeeded before: they are not called again."""
    run: RunFacts
    task: TaskOrder | None = None
    """The task instance it is about; of a run, the last that failed, or else that ended."""
    deadline: DeadlineFacts | None = None
    bundle: BundleRef
    file: str
    closure: str = ""
    log_path: str = ""
    try_number: int = 1
    timeout_seconds: float = 300.0
    question: bytes = b""
    """What a timetable is asked: a ``TimetableQuestion`` as JSON."""


class CallbackReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a callback ended; recorded once per (job, epoch)."""

    job_id: int
    epoch: int
    is_done: bool
    error: str = ""
    done: tuple[int, ...] = ()
    """Places in the list of callbacks that have succeeded by now."""
    moment: datetime | None = None
    """The answer to ``deadline_reference``; None where there is none for this run."""
    answer: bytes = b""
    """The answer of a timetable: a ``TimetableAnswer`` as JSON."""


class Called(msgspec.Struct, frozen=True, kw_only=True, tag="called"):
    """The last word of a process that ran a callback (fields as in ``CallbackReport``)."""

    is_done: bool
    error: str = ""
    done: tuple[int, ...] = ()
    moment: datetime | None = None
    answer: bytes = b""


class CallBack(msgspec.Struct, frozen=True, kw_only=True, tag="call_back"):
    """To a file zygote (warm) or to the base zygote: run a callback. Fds as for ``Fork``."""

    order: CallbackOrder
