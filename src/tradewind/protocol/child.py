"""Messages inside a worker's own machine: worker, zygote and task process.

All are msgpack frames with a 4-byte big-endian length, over Unix stream socketpairs. A zygote gets
file descriptors beside the frame (SCM_RIGHTS): the task's end of its socketpair, and the write end
of its output pipe (its stdout and stderr).
"""

import msgspec

from tradewind.protocol.callbacks import CallBack, Called
from tradewind.protocol.leaving import Deferral, InputRequest
from tradewind.protocol.orders import BundleRef, ParseOrder, TaskOrder
from tradewind.protocol.reports import AssetEventPush, ParseReport, XComPush


class OpenZygote(msgspec.Struct, frozen=True, kw_only=True, tag="open"):
    """To the base zygote: fork a file zygote that imports this file; one fd: its control socket."""

    zygote_id: int
    bundle: BundleRef
    file: str


class Fork(msgspec.Struct, frozen=True, kw_only=True, tag="fork"):
    """To a file zygote (warm) or to the base zygote (fresh process, imports by itself).

    Two fds: the task's socket and its output pipe.
    """

    order: TaskOrder


class Parse(msgspec.Struct, frozen=True, kw_only=True, tag="parse"):
    """To the base zygote: fork a child that imports the file and describes it. Fds as for Fork."""

    order: ParseOrder


class GoodUntil(msgspec.Struct, frozen=True, kw_only=True, tag="good_until"):
    """The fence: past this BOOTTIME second, every child is ended: TERM, then KILL within 5 s."""

    boottime: float


class Ping(msgspec.Struct, frozen=True, kw_only=True, tag="ping"):
    """Asks a zygote that has orders whether it still serves: a ``Pong`` says so."""


class Told(msgspec.Struct, frozen=True, kw_only=True, tag="told"):
    """The answer to an ``Ask``."""

    number: int
    value: object = None
    error: str = ""
    message: str = ""


MASK = "mask"
"""The one verb that does not travel on to the server."""


ToZygote = OpenZygote | Fork | Parse | CallBack | GoodUntil | Ping | Told
"""A file zygote gets nothing but ``Told`` before it said ``Ready``."""


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """A file zygote imported its file, or not (``fault``), or must not be forked (``unsafe``)."""

    zygote_id: int
    pid: int
    fault: str = ""
    unsafe: str = ""
    variables: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()


class Forked(msgspec.Struct, frozen=True, kw_only=True, tag="forked"):
    """A child lives; its process group is its pid."""

    key: int
    """Attempt id, minus the job id of a parse, or ``callback_key`` of a callback; 0 for the file
    zygote that says it, itself."""
    pid: int


class Exited(msgspec.Struct, frozen=True, kw_only=True, tag="exited"):
    """A child was waited for; ``status`` as ``os.waitpid`` gives it. Pid 0: it was never forked."""

    key: int
    pid: int
    status: int


class Pong(msgspec.Struct, frozen=True, kw_only=True, tag="pong"):
    """The answer to a ``Ping``."""


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag="ask"):
    """A TaskPort question; answered by a ``Told`` of the same number.

    With ``MASK`` the worker itself answers, once it hides the ``secrets``: until then the task
    waits, so that nothing it prints can arrive before, by whichever way it travels.
    """

    number: int
    verb: str
    args: dict[str, object] = {}


FromZygote = Ready | Forked | Exited | Pong | Ask
"""A file zygote asks while it imports its file: Dag files read Variables and Connections."""


class LogRecord(msgspec.Struct, frozen=True, kw_only=True, tag="log"):
    """One record of Python logging in a task; raw output travels by the pipe instead."""

    timestamp: str
    level: str
    event: str
    logger: str = "task"
    filename: str = ""
    lineno: int = 0
    error_detail: str = ""


class Push(msgspec.Struct, frozen=True, kw_only=True, tag="push"):
    """An XCom pushed while the task runs."""

    xcom: XComPush


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """The last word of a task: how it ended (fields as in ``reports.Finish``)."""

    outcome: str
    started_at: float
    ended_at: float
    pid: int = 0
    """Of the process that ran it: it may end before its zygote has said that it was born."""
    xcoms: tuple[XComPush, ...] = ()
    retry: bool = True
    error: str = ""
    wake_at: float | None = None
    called: str = ""
    asset_events: tuple[AssetEventPush, ...] = ()
    clears_state: bool = False
    skips: tuple[str, ...] = ()
    retry_delay_seconds: float | None = None
    retry_reason: str = ""
    deferral: Deferral | None = None
    input_request: InputRequest | None = None
    rendered: bytes = b""
    map_label: str = ""
    links: dict[str, str] = {}


class Parsed(msgspec.Struct, frozen=True, kw_only=True, tag="parsed"):
    """The last word of a parse child."""

    report: ParseReport


FromTask = LogRecord | Ask | Push | Done | Parsed | Called
