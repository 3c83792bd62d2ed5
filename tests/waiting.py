"""Waiting for what other processes do: told by the kernel where it can tell, else by looking."""

import os
import select
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event
from typing import Any

import psutil
from watchfiles._rust_notify import RustNotify

_LOOK_SECONDS = 0.02
_STEP_MS = 5

# Waited on, never set: a pause between two looks at what nobody tells of.
_pause = Event()


def is_alive(pid: int) -> bool:
    """Tell whether a process lives; one that only waits to be waited for does not."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def wait_gone(pids: Iterable[int], seconds: float) -> float:
    """Wait until none of these lives; answer how long that took."""
    began = time.monotonic()
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            left = began + seconds - time.monotonic()
            assert poll.poll(max(left, 0) * 1000), f"{pid} still lives after {seconds:g} s"
        finally:
            os.close(handle)
    return time.monotonic() - began


def wait_file(path: Path, seconds: float = 20.0) -> str:
    """Wait until a file holds whole lines, as a task writes them that wants to be seen."""
    deadline = time.monotonic() + seconds
    watch = RustNotify([str(path.parent)], False, False, 0, False, True)
    try:
        while not (path.exists() and path.read_text().endswith("\n")):
            left = deadline - time.monotonic()
            assert left > 0, f"{path} was never written"
            watch.watch(_STEP_MS, _STEP_MS, int(left * 1000) + 1, None)
    finally:
        watch.close()
    return path.read_text().strip()


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Look until something is so that nobody tells of; answer what the condition answered."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        _pause.wait(_LOOK_SECONDS)
    return found
