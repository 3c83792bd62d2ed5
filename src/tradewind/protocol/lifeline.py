"""Ties processes together: a child dies with its parent, an ancestor waits for every descendant."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)
_prctl = _libc.prctl if sys.platform == "linux" else None


def die_with_parent(parent_pid: int, signal_number: int = signal.SIGTERM) -> None:
    """Have this process get a signal when its parent dies, however it dies.

    Linux only; elsewhere a process notices by its closed pipe. A parent that died before the
    request was made is noticed here: then the signal comes at once.
    """
    if _prctl is None:
        return
    _prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal_number)


def outlive_parent() -> None:
    """Take ``die_with_parent`` back."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, to wait for it."""
    if _prctl is not None:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
