"""Whether this process, having imported a Dag file, may be forked for every attempt.

Only the forking thread lives on in a child: the locks and pools of all others stay behind, dead,
and an open connection would be shared by all children. The figures are in the decision records.
"""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from tradewind.sdk.context import is_parsing_context_asked

FORK_UNSAFE = frozenset({"grpc", "polars", "snowflake.connector", "torch"})
"""Modules whose own threads do not survive a fork, once they run any."""

HARMLESS_THREADS = frozenset({"jemalloc_bg_thd", "polars-ooc-clea"})
"""Names of threads that nothing waits for."""

_TASKS = Path("/proc/self/task")
_FILES = Path("/proc/self/fd")
_own_sockets: set[str] = set()


def note_own_sockets() -> None:
    """Remember the sockets open now as ours: called right before user code is first imported."""
    _own_sockets.update(_open_sockets())


def why_unsafe() -> str:
    """Answer why attempts of this file need a fresh process each; empty when forking is safe."""
    if is_parsing_context_asked():
        return "the file asks for which task it is imported"
    others = threading.active_count() - 1
    if others:
        names = ", ".join(
            sorted(t.name for t in threading.enumerate() if t is not threading.main_thread())
        )
        return f"importing the file left Python threads running: {names}"
    own = _name_of(_TASKS / str(os.getpid()))
    threads = [name for name in _other_threads() if name not in HARMLESS_THREADS]
    listed = sorted(FORK_UNSAFE & sys.modules.keys())
    if threads and listed:
        return f"{', '.join(listed)} has threads that do not survive a fork"
    named = sorted({name for name in threads if name != own})
    if named:
        return f"importing the file started native threads: {', '.join(named)}"
    if _open_sockets() - _own_sockets:
        return "importing the file opened a network connection, which children would share"
    return ""


def _other_threads() -> Iterator[str]:
    main = str(os.getpid())
    if not _TASKS.is_dir():
        return
    for thread in _TASKS.iterdir():
        if thread.name != main:
            yield _name_of(thread)


def _name_of(thread: Path) -> str:
    try:
        return (thread / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _open_sockets() -> set[str]:
    if not _FILES.is_dir():
        return set()
    found: set[str] = set()
    for file in _FILES.iterdir():
        try:
            target = os.readlink(file)
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found
