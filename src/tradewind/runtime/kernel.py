"""The few kernel calls Python has no name for, looked up once, before anything is forked."""

import ctypes
import os
import time
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_fflush = _libc.fflush

_STILL = frozenset({b"T", b"t", b"Z", b"X"})
_LOOK_SECONDS = 0.001


def flush_c_streams() -> None:
    """Write out what C code printed: ``os._exit`` would drop it."""
    _fflush(None)


def signal_group(group: int, signal_number: int) -> bool:
    """Send a signal to a process group; answer whether anybody was there."""
    try:
        os.killpg(group, signal_number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def children_of(parent: int) -> set[int]:
    """Answer the processes that have this parent, those included that wait to be waited for."""
    found = set()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_bytes()
            except OSError:
                continue
            # After the program's name, which may hold anything: state, then the parent.
            if int(stat.rpartition(b")")[2].split()[1]) == parent:
                found.add(int(entry.name))
    return found


def wait_stopped(pid: int, seconds: float) -> bool:
    """Wait until a process that was sent SIGSTOP has stopped; False if it has not by then.

    The signal counts only when its process is next to run.
    """
    until = time.monotonic() + seconds
    while _state_of(pid) not in _STILL:
        if time.monotonic() >= until:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _state_of(pid: int) -> bytes:
    try:
        stat = Path("/proc", str(pid), "stat").read_bytes()
    except OSError:
        return b"X"
    return stat.rpartition(b")")[2].split()[0]
