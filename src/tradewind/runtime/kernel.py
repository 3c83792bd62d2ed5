"""The few kernel calls Python has no name for, looked up once, before anything is forked."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_IS_LINUX = sys.platform == "linux"

_libc = ctypes.CDLL(None, use_errno=True)
_prctl = _libc.prctl if _IS_LINUX else None
_fflush = _libc.fflush


def die_with_parent(parent_pid: int, signal_number: int) -> None:
    """Have this process get a signal when its parent dies, however it dies.

    A parent that died before the request was made is noticed here: then this process ends at once.
    """
    if _prctl is None:
        return
    _prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


def outlive_parent() -> None:
    """Take ``die_with_parent`` back."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, to wait for it."""
    if _prctl is not None:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


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
