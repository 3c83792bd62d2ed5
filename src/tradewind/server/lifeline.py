"""Ties processes to each other: a child dies with its parent, an orphan comes to its ancestor."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel for SIGTERM when the parent dies, however it dies.

    Linux only. A parent that died before the request was made is noticed here.
    """
    if _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) and os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGTERM)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, to wait for it."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
    return True
