"""Where prints and log records of a task go: as records over its socket, in the order they came.

What does not pass through Python (subprocesses, C libraries) goes to file descriptors 1 and 2, a
pipe to the worker. Outside a task (in a zygote, in a process that user code forks) there is no
socket: then records go to the file descriptor as plain lines, or nowhere in a zygote.
"""

import io
import logging
import os
import sys
import threading
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

import msgspec

from tradewind.protocol.child import LogRecord
from tradewind.protocol.clock import Clock
from tradewind.runtime.channel import Channel

_MAX_LINE = 64 * 1024


class WayOut(Protocol):
    """Where records of prints and log calls leave the process."""

    clock: Clock
    turn: AbstractContextManager[Any]
    """Held while a line is put together: threads print at once."""

    def send(self, record: LogRecord) -> None:
        """Send a record; never raises because nobody reads it."""


class Outlet:
    """The way out that handler and streams share; bound once per task process."""

    def __init__(self, clock: Clock) -> None:
        """Start unbound: what is written is dropped."""
        self.clock = clock
        self.channel: Channel | None = None
        self.plain_fd: int | None = None
        # Threads of a task print at once; a signal's handler may print in the middle of a print.
        self.turn: AbstractContextManager[Any] = threading.RLock()

    def send(self, record: LogRecord) -> None:
        """Send a record, or write its text where there is no socket any more."""
        if self.channel is not None:
            try:
                self._send(self.channel, record)
            except OSError:
                # The worker is gone and this process about to be ended; a task must not fail
                # because its log has no reader.
                self.channel = None
        elif self.plain_fd is not None:
            detail = f"\n{record.error_detail}" if record.error_detail else ""
            os.write(self.plain_fd, f"{record.event}{detail}\n".encode(errors="replace"))

    def _send(self, channel: Channel, record: LogRecord) -> None:
        try:
            channel.send(record)
        except UnicodeEncodeError:
            # Half a surrogate pair, as file names in no known encoding have.
            channel.send(
                msgspec.structs.replace(
                    record, event=_clean(record.event), error_detail=_clean(record.error_detail)
                )
            )

    def forked(self) -> None:
        """In a process that user code forked: the socket is its parent's, the pipe is shared."""
        # Whoever had it may be a thread that is not there any more.
        self.turn = threading.RLock()
        if self.channel is not None:
            self.channel = None
            self.plain_fd = 1


class RecordStream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of a task: each line becomes a record of that logger.

    ``fileno`` and ``buffer`` are those of the real stream, so that subprocesses and binary writers
    work as ever; what they write arrives by the pipe.
    """

    def __init__(self, outlet: WayOut, real: TextIO, logger: str, level: str) -> None:
        """Stand in for ``real``."""
        self._outlet = outlet
        self._real = real
        self._logger = logger
        self._level = level
        self._line = ""

    @property
    def buffer(self) -> io.BufferedIOBase:
        """The binary stream below."""
        return self._real.buffer  # type: ignore[return-value]

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Text is UTF-8 all the way."""
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """What cannot be encoded is escaped rather than refused."""
        return "backslashreplace"

    def writable(self) -> bool:
        """Answer True."""
        return True

    def fileno(self) -> int:
        """Answer the descriptor of the pipe."""
        return self._real.fileno()

    def isatty(self) -> bool:
        """Answer False: nobody sits there."""
        return False

    def write(self, text: str) -> int:
        """Take text; send each line that is whole."""
        with self._outlet.turn:
            *lines, self._line = (self._line + text).split("\n")
            for line in lines:
                self._send(line)
            if len(self._line) > _MAX_LINE:
                self._send(self._line)
                self._line = ""
        return len(text)

    def flush(self) -> None:
        """Flush the binary stream; half a line stays until it is whole or the task ends."""
        self._real.flush()

    def finish(self) -> None:
        """Send the last, unfinished line."""
        if self._line:
            self._send(self._line)
            self._line = ""
        self._real.flush()

    def _send(self, line: str) -> None:
        stamp = _stamp(self._outlet.clock.now())
        self._outlet.send(
            LogRecord(timestamp=stamp, level=self._level, event=line, logger=self._logger)
        )


class RecordHandler(logging.Handler):
    """Sends records of Python logging."""

    def __init__(self, outlet: WayOut) -> None:
        """Send to this outlet."""
        super().__init__()
        self._outlet = outlet
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record; of one that cannot be formatted, send what is wrong with it."""
        try:
            message = self._convert(record)
        except Exception as error:  # noqa: BLE001 a broken log call must not fail its task
            message = LogRecord(
                timestamp=_stamp(self._outlet.clock.now()),
                level="error",
                event=f"This log call failed: {record.msg!r} with {error!r}",
                logger=record.name,
                filename=record.filename,
                lineno=record.lineno,
            )
        self._outlet.send(message)

    def _convert(self, record: logging.LogRecord) -> LogRecord:
        # A traceback that whoever logged it has cut down to the user's own frames already.
        detail = str(getattr(record, "error_detail", ""))
        if not detail and record.exc_info and record.exc_info[0]:
            detail = record.exc_text or self._formatter.formatException(record.exc_info)
        return LogRecord(
            timestamp=_stamp(datetime.fromtimestamp(record.created, UTC)),
            level=record.levelname.lower(),
            event=record.getMessage(),
            logger=record.name,
            filename=record.filename,
            lineno=record.lineno,
            error_detail=detail,
        )


class TaskOutput:
    """Streams and log handler of a process, set up before it forks and bound after."""

    def __init__(self, clock: Clock) -> None:
        """Stand in for stdout, stderr and the root logger's handlers."""
        self._outlet = Outlet(clock)
        self._streams = (
            RecordStream(self._outlet, sys.stdout, "stdout", "info"),
            RecordStream(self._outlet, sys.stderr, "stderr", "error"),
        )
        sys.stdout, sys.stderr = self._streams
        root = logging.getLogger()
        root.handlers[:] = [RecordHandler(self._outlet)]
        root.setLevel(logging.INFO)
        logging.captureWarnings(True)
        os.register_at_fork(after_in_child=self._outlet.forked)

    def bind(self, channel: Channel) -> None:
        """From here on, everything goes over this channel."""
        self._outlet.channel = channel

    def unbind(self) -> None:
        """From here on, everything is dropped."""
        self._outlet.channel = None

    def finish(self) -> None:
        """Send what was written but ended in no newline."""
        for stream in self._streams:
            stream.finish()


def _clean(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
