"""Ends of attempts that could not be told yet, on disk: they outlive this worker process."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tradewind.protocol.reports import Finish

_SUFFIX = ".finishes"
_encode = msgspec.msgpack.Encoder().encode
_DECODER = msgspec.msgpack.Decoder(list[Finish])


class Spool:
    """One file per worker process, there only while something is owed."""

    def __init__(self, home: Path, pid: int) -> None:
        """Use the folder ``spool`` below this home."""
        self._folder = home / "spool"
        self._pid = pid
        self.is_used = False
        """Whether there is a file now."""

    def keep(self, finishes: Sequence[Finish]) -> None:
        """Hold exactly these; without any the file goes.

        A disk that is full costs the spool, not the worker: the finishes are in memory still.
        """
        if not finishes:
            self._clear()
            return
        path = self._path()
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = path.with_suffix(".new")
            # Attempts' tokens are in it.
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(fd, "wb") as file:
                file.write(_encode(list(finishes)))
            fresh.replace(path)
            self.is_used = True

    def adopt(self) -> list[Finish]:
        """Answer what worker processes left behind that live no more."""
        found: list[Finish] = []
        adopted: list[Path] = []
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            if path == self._path() or _lives(path.stem):
                continue
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                found += _DECODER.decode(path.read_bytes())
            adopted.append(path)
        if found:
            self.keep(found)
        for path in adopted:
            path.unlink(missing_ok=True)
        return found

    def _clear(self) -> None:
        if self.is_used:
            self._path().unlink(missing_ok=True)
            self.is_used = False

    def _path(self) -> Path:
        return self._folder / f"{self._pid}{_SUFFIX}"


def _lives(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
