"""The log of one attempt: lines of JSON, masked, written as they come.

Where worker and server share a disk a line is appended to its file; else it waits as chunks that
travel with the next exchange, each with its offset so that a chunk sent twice is written once.
"""

import codecs
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from tradewind.protocol.child import LogRecord
from tradewind.protocol.clock import Clock
from tradewind.protocol.masking import Masker
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.reports import LogChunk

QUOTA_BYTES = 100 * 1024 * 1024
"""What one attempt may write; a task in an endless loop of prints must not fill the disk."""

MAX_LINE_CHARACTERS = 64 * 1024
_CHUNK_BYTES = 256 * 1024


class LogLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a log, as it is written."""

    timestamp: str
    level: str
    event: str
    logger: str = ""
    filename: str = ""
    lineno: int = 0
    error_detail: str = ""
    attempt: dict[str, object] | None = None
    """Who ran it; in the header line alone."""


class FileSink:
    """Appends to a file; keeps quiet about a disk that is full, for the task may go on."""

    def __init__(self, path: Path) -> None:
        """Open nothing before there is something to write."""
        self._path = path
        self._fd = -1
        self._lost = 0

    def write(self, data: bytes) -> None:
        """Append; what does not fit on the disk is counted and lost."""
        try:
            if self._fd < 0:
                self._fd = self._open()
            written = os.write(self._fd, data)
            if written < len(data):
                os.write(self._fd, data[written:])
        except OSError:
            self._lost += len(data)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self._path, flags, 0o640)
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, flags, 0o640)


class ChunkSink:
    """Cuts what is written into chunks for the exchange."""

    def __init__(self, attempt_id: int, log_path: str, send: Callable[[LogChunk], None]) -> None:
        """Hand each chunk to ``send``."""
        self._attempt_id = attempt_id
        self._log_path = log_path
        self._send = send
        self._offset = 0

    def write(self, data: bytes) -> None:
        """Send as chunks; the offset counts from this attempt's first byte."""
        for start in range(0, len(data), _CHUNK_BYTES):
            piece = data[start : start + _CHUNK_BYTES]
            self._send(
                LogChunk(
                    attempt_id=self._attempt_id,
                    log_path=self._log_path,
                    offset=self._offset,
                    data=piece,
                )
            )
            self._offset += len(piece)

    def close(self) -> None:
        """Nothing is held."""


class AttemptLog:
    """Turns what a task prints and logs into masked lines, and hands them to its sink."""

    def __init__(
        self,
        sink: FileSink | ChunkSink,
        masker: Masker,
        clock: Clock,
        quota_bytes: int = QUOTA_BYTES,
    ) -> None:
        """Write nothing yet."""
        self._sink = sink
        self._masker = masker
        self._clock = clock
        self._left = quota_bytes
        self._waiting: list[bytes] = []
        self._text = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def header(self, order: TaskOrder, worker: str) -> None:
        """Write who runs what, as the first line of each leg."""
        who: dict[str, object] = {
            "attempt_id": order.attempt_id,
            "try_number": order.try_number,
            "leg": order.leg,
            "worker": worker,
            "file": order.file,
            "digest": order.bundle.digest,
        }
        of = f"{order.try_number} of {order.max_tries + 1}"
        self._put(
            LogLine(
                timestamp=self._stamp(),
                level="info",
                event=f"Attempt {of} of {order.run.dag_id}.{order.task_id} in {order.run.run_id}",
                logger="tradewind.worker",
                attempt=who,
            )
        )

    def say(self, level: str, event: str) -> None:
        """Write a line of the worker's own."""
        hidden = self._masker.hide(event)
        self._put(
            LogLine(timestamp=self._stamp(), level=level, event=hidden, logger="tradewind.worker")
        )

    def record(self, record: LogRecord) -> None:
        """Write a record of the task's logging."""
        hide = self._masker.hide
        self._put(
            LogLine(
                timestamp=record.timestamp,
                level=record.level,
                event=hide(record.event),
                logger=record.logger,
                filename=record.filename,
                lineno=record.lineno,
                error_detail=hide(record.error_detail) if record.error_detail else "",
            )
        )

    def output(self, data: bytes) -> None:
        """Take a chunk of the output pipe; write the lines that are whole.

        Half a line waits for its rest, so no secret is missed for being cut by a chunk.
        """
        self._text += self._decode(data)
        *lines, self._text = self._text.split("\n")
        for line in lines:
            self._put_raw(line)
        while len(self._text) > MAX_LINE_CHARACTERS + self._masker.longest:
            cut = self._masker.cut_before(self._text, MAX_LINE_CHARACTERS) or MAX_LINE_CHARACTERS
            self._put_raw(self._text[:cut])
            self._text = self._text[cut:]

    def flush(self) -> None:
        """Hand what waits to the sink."""
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._sink.write(data)

    def close(self) -> None:
        """Write the last line, whole or not, and let go of the file."""
        self._text += self._decode(b"", final=True)
        if self._text:
            self._put_raw(self._text)
            self._text = ""
        self.flush()
        self._sink.close()

    def _put_raw(self, line: str) -> None:
        line = line.rstrip("\r")
        hidden = self._masker.hide(line)
        self._put(LogLine(timestamp=self._stamp(), level="info", event=hidden, logger="stdout"))

    def _put(self, line: LogLine) -> None:
        if self._left <= 0:
            return
        data = _encode(line) + b"\n"
        self._left -= len(data)
        self._waiting.append(data)
        if self._left <= 0:
            note = LogLine(
                timestamp=self._stamp(),
                level="warning",
                event="This attempt has written as much log as one may; the rest is not kept.",
                logger="tradewind.worker",
            )
            self._waiting.append(_encode(note) + b"\n")

    def _stamp(self) -> str:
        return self._clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z")


_encode = msgspec.json.Encoder().encode


def log_file(log_root: str, log_path: str) -> Path:
    """Answer where a log lies.

    Raises:
        ValueError: The path leaves the log root.
    """
    path = Path(log_root, log_path)
    if ".." in path.parts or not path.is_relative_to(log_root):
        raise ValueError(f"The log path {log_path!r} leaves the folder of logs")
    return path


def open_log(
    root: str | None,
    key: int,
    path: str,
    add_chunk: Callable[[LogChunk], None],
    masker: Masker,
    clock: Clock,
) -> AttemptLog:
    """Open a log: a file below ``root`` where the server shares the disk, else pieces sent to it.

    Args:
        root: Where logs lie; None where no disk is shared.
        key: What pieces of this log are known by.
        path: Of the log, relative to the root.
        add_chunk: Takes a piece that is to be sent.
        masker: Hides secrets.
        clock: Tells the time of each line.
    """
    if root is None:
        return AttemptLog(ChunkSink(key, path, add_chunk), masker, clock)
    return AttemptLog(FileSink(log_file(root, path)), masker, clock)
