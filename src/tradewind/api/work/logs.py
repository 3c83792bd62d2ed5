"""Log bytes of workers that share no disk with the server."""

import os
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import msgspec

from tradewind.errors import RefusedError
from tradewind.protocol.reports import LogChunk


def confined(root: Path, log_path: str) -> Path:
    """Answer where a log lies under the log root.

    Raises:
        RefusedError: The path leads out of the root, by ``..``, as an absolute path or by a link.
    """
    base = root.resolve()
    path = (base / log_path).resolve()
    if not log_path or not path.is_relative_to(base) or path == base:
        raise RefusedError("bad-log-path", f"The log path {log_path!r} leads out of the logs.")
    return path


def write_chunks(root: Path, chunks: Iterable[LogChunk]) -> None:
    """Append each chunk; one that comes twice is written once.

    The legs of a try, and the triggers between them, write to one log: how far each of them has
    got is noted beside it.

    Raises:
        RefusedError: A path leads out of the root.
        OSError: The disk refuses; the worker sends the chunks again.
    """
    streams: dict[int, list[LogChunk]] = {}
    for chunk in chunks:
        streams.setdefault(chunk.attempt_id, []).append(chunk)
    in_order = [sorted(stream, key=lambda one: one.offset) for stream in streams.values()]
    for chunk in chain.from_iterable(in_order):
        path = confined(root, chunk.log_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _append(path, chunk)


def _append(path: Path, chunk: LogChunk) -> None:
    beside = path.with_name(f"{path.name}.marks")
    marks = _read_marks(beside)
    end = chunk.offset + len(chunk.data)
    known = marks.get(chunk.attempt_id, chunk.offset)
    if end <= known:
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, chunk.data[max(known - chunk.offset, 0) :])
    finally:
        os.close(handle)
    marks[chunk.attempt_id] = end
    beside.write_bytes(msgspec.json.encode(marks))


def _read_marks(path: Path) -> dict[int, int]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[int, int])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}
