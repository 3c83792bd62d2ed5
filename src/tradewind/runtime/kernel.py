"""The few kernel calls Python has no name for, looked up once, before anything is forked."""

import ctypes
import os

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
