"""Log bytes of workers that share no disk with the server."""

import os
from collections.abc import Iterable
from pathlib import Path

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
    """Write each chunk at its offset; one that comes twice is written once.

    Raises:
        RefusedError: A path leads out of the root.
        OSError: The disk refuses; the worker sends the chunks again.
    """
    for chunk in chunks:
        path = confined(root, chunk.log_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(handle, chunk.data, chunk.offset)
        finally:
            os.close(handle)
