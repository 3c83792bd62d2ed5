"""Ending programs that a killed task started in sessions of their own.

A task that dies by a signal cannot run its ``on_kill``, and its process group misses who left it.
What it started by exec carries its mark in the environment, and is found by that.
"""

import contextlib
import hashlib
import os
import signal
from collections.abc import Collection
from pathlib import Path

from tradewind.protocol.orders import MARK_NAME, TaskOrder

_PROC = Path("/proc")


def mark_of(order: TaskOrder) -> str:
    """Answer what names this attempt among all of this machine, without telling its secret."""
    digest = hashlib.sha256(order.token.encode()).hexdigest()[:16]
    return f"{order.attempt_id}.{order.epoch}.{digest}"


def end_strays(marks: Collection[str]) -> None:
    """Kill every process that carries one of these marks."""
    wanted = {f"{MARK_NAME}={mark}".encode() for mark in marks}
    if not wanted or not _PROC.is_dir():
        return
    for entry in os.scandir(_PROC):
        if entry.name.isdigit() and not wanted.isdisjoint(_environment(entry.name)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(entry.name), signal.SIGKILL)


def _environment(pid: str) -> list[bytes]:
    try:
        return (_PROC / pid / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
