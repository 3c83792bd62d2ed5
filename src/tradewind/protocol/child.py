"""Messages inside a worker's own machine: worker, zygote and task process.

All are msgpack frames with a 4-byte big-endian length, over Unix stream socketpairs. A zygote gets
file descriptors beside the frame (SCM_RIGHTS): the task's end of its socketpair, and the write end
of its output pipe (its stdout and stderr).
"""

import msgspec

from tradewind.protocol.orders import BundleRef, ParseOrder, TaskOrder
from tradewind.protocol.reports import ParseReport, XComPush


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


ToZygote = OpenZygote | Fork | Parse | GoodUntil


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """A file zygote imported its file, or could not (``fault``), or must not be forked (``unsafe``)."""

    zygote_id: int
    pid: int
    fault: str = ""
    unsafe: str = ""
    variables: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()


class Forked(msgspec.Struct, frozen=True, kw_only=True, tag="forked"):
    """A child lives; its process group is its pid."""

    key: int
    """Attempt id, or minus the job id of a parse."""
    pid: int


class Exited(msgspec.Struct, frozen=True, kw_only=True, tag="exited"):
    """A child was waited for; ``status`` as ``os.waitpid`` gives it."""

    key: int
    pid: int
    status: int


FromZygote = Ready | Forked | Exited


class LogRecord(msgspec.Struct, frozen=True, kw_only=True, tag="log"):
    """One record of Python logging in a task; raw output travels by the pipe instead."""

    timestamp: str
    level: str
    event: str
    logger: str = "task"
    filename: str = ""
    lineno: int = 0
    error_detail: str = ""


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag="ask"):
    """A TaskPort question; answered by a ``Told`` of the same number."""

    number: int
    verb: str
    args: dict[str, object] = {}


class Push(msgspec.Struct, frozen=True, kw_only=True, tag="push"):
    """An XCom pushed while the task runs."""

    xcom: XComPush


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """The last word of a task: how it ended (fields as in ``reports.Finish``)."""

    outcome: str
    started_at: float
    ended_at: float
    xcoms: tuple[XComPush, ...] = ()
    retry: bool = True
    error: str = ""
    wake_at: float | None = None


class Parsed(msgspec.Struct, frozen=True, kw_only=True, tag="parsed"):
    """The last word of a parse child."""

    report: ParseReport


FromTask = LogRecord | Ask | Push | Done | Parsed


class Told(msgspec.Struct, frozen=True, kw_only=True, tag="told"):
    """The answer to an ``Ask``."""

    number: int
    value: object = None
    error: str = ""
    message: str = ""
