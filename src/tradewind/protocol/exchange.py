"""The one call between worker and server, and how a lost answer is told apart from a slow one.

Each request of a worker has a number, ``seq``, that only grows. An attempt remembers the seq whose
answer carried its claim. A worker that will never read an answer (the connection broke) says so in
``abandoned``: claims of those answers were never forked and are given again at no cost. With
``held`` it lists all it holds; ``open`` are requests whose answers it still awaits. A live attempt
of this worker that was claimed by an earlier seq, is neither held nor finished in this request, and
whose seq is neither open nor abandoned, is lost.
"""

import msgspec

from tradewind.protocol.callbacks import CallbackOrder, CallbackReport
from tradewind.protocol.orders import Cancel, ParseOrder, TaskOrder
from tradewind.protocol.reports import Finish, LogChunk, ParseReport, XComPush
from tradewind.protocol.triggers import Fired, TriggerCancel, TriggerOrder

PROTOCOL_VERSION = 1


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """A worker process introduces itself; it gets an id of its own, never used before."""

    version: int = PROTOCOL_VERSION
    name: str
    host: str
    pid: int
    slots: int
    parse_slots: int = 1
    queues: tuple[str, ...] = ("default",)


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """The lease a worker starts with."""

    worker_id: str
    lease_seconds: float = 30.0
    renew_seconds: float = 5.0
    fence_seconds: float = 20.0
    log_root: str | None = None
    """Where to append logs when worker and server share a disk; else logs travel."""
    masks: tuple[str, ...] = ()
    """Secret values to hide in logs from the start."""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a worker has to say, and whether it waits for an answer worth having."""

    worker_id: str
    seq: int
    wait: bool = False
    """Hold the call until there is something to say (at most ``renew_seconds``)."""
    draining: bool = False
    """Takes no new claims."""
    finishes: tuple[Finish, ...] = ()
    xcoms: tuple[XComPush, ...] = ()
    parsed: tuple[ParseReport, ...] = ()
    called: tuple[CallbackReport, ...] = ()
    logs: tuple[LogChunk, ...] = ()
    held: tuple[int, ...] | None = None
    """Ids of all attempts held; given on each renewal, None otherwise."""
    parsing: tuple[int, ...] | None = None
    """Job ids of all parse orders held, with ``held``."""
    calling: tuple[int, ...] | None = None
    """Job ids of all callback orders held, with ``held``."""
    fired: tuple[Fired, ...] = ()
    """What triggers said; each until it is answered."""
    triggers_held: tuple[int, ...] | None = None
    """Ids of all triggers held, with ``held``."""
    trigger_room: int = 0
    """How many more triggers the worker would take now."""
    blocked: dict[int, str | None] | None = None
    """Triggers that hold up their loop, and where; None when that has not changed."""
    open: tuple[int, ...] = ()
    abandoned: tuple[int, ...] = ()
    """Kept in every request until an answer to one that carried them was read."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server has to say."""

    known: bool = True
    """False: this worker's lease is gone. It fences all it holds and registers anew."""
    claims: tuple[TaskOrder, ...] = ()
    parses: tuple[ParseOrder, ...] = ()
    callbacks: tuple[CallbackOrder, ...] = ()
    cancels: tuple[Cancel, ...] = ()
    refused: tuple[int, ...] = ()
    """Attempts whose finish came too late: another outcome stands, or the epoch is over."""
    recorded: tuple[int, ...] = ()
    """Attempts whose finish is now committed (or was before)."""
    triggers: tuple[TriggerOrder, ...] = ()
    trigger_cancels: tuple[TriggerCancel, ...] = ()
    fired_recorded: tuple[tuple[int, int], ...] = ()
    """Trigger and epoch of events that are committed, or that nobody waits for any more."""


class Goodbye(msgspec.Struct, frozen=True, kw_only=True):
    """A drained worker leaves: it holds nothing, and its lease need not be waited out."""

    worker_id: str


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A question of user code (TaskPort) on its way to the server: a verb of PORT_VERBS."""

    verb: str
    args: dict[str, object] = {}
    attempt_id: int = 0
    epoch: int = 0
    token: str = ""
    job_id: int = 0
    """For questions asked while a file is parsed, instead of an attempt."""
    trigger_id: int = 0
    """For questions asked by a trigger, instead of an attempt."""
    callback_job: int = 0
    """For questions asked by a callback, instead of an attempt."""


class CallReply(msgspec.Struct, frozen=True, kw_only=True):
    """The server's answer to a Call: a value, or an error code and sentence."""

    value: object = None
    error: str = ""
    message: str = ""
    masks: tuple[str, ...] = ()
    """Secret values in the answer, to be hidden in logs from here on."""


MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""XComs in one answer to ``xcom.get_many``. Where there are more, its last row has None instead of
a value, and its index is to be asked for as ``after``."""

BEFORE_ALL = -2
"""Before every map index there is."""

PORT_VERBS = (
    "variable.get",
    "variable.set",
    "variable.delete",
    "variable.keys",
    "connection.get",
    "xcom.get",
    "xcom.get_many",
)
