"""The few kernel calls Python has no name for, looked up once, before anything is forked."""

import ctypes
import os
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_fflush = _libc.fflush


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
