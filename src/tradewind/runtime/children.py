"""The processes a zygote has forked and not yet waited for."""

import os
import signal
from math import inf

from tradewind.protocol.child import Exited
from tradewind.runtime.kernel import signal_group
from tradewind.runtime.strays import end_strays


class Children:
    """Children by pid; each leads a process group of its own."""

    def __init__(self) -> None:
        """Start childless."""
        self._keys: dict[int, int] = {}
        self._limits: dict[int, float] = {}
        self._marks: dict[int, str] = {}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def add(self, pid: int, key: int, until: float | None = None, mark: str = "") -> None:
        """Note a child, the MONOTONIC moment at which it is killed, and the mark of its strays."""
        self._keys[pid] = key
        self._marks[pid] = mark
        if until is not None:
            self._limits[pid] = until

    def next_limit(self) -> float:
        """Answer the earliest moment at which a child is to be killed."""
        return min(self._limits.values(), default=inf)

    def kill_overdue(self, now: float) -> None:
        """Kill the children whose time is over."""
        for pid in [pid for pid, until in self._limits.items() if until <= now]:
            del self._limits[pid]
            signal_group(pid, signal.SIGKILL)

    def signal_all(self, number: int) -> None:
        """Send a signal to every child's group."""
        for pid in self._keys:
            signal_group(pid, number)

    def reap(self) -> list[Exited]:
        """Wait for all who ended; what is left of their groups ends with them."""
        ended: list[Exited] = []
        killed: list[str] = []
        while True:
            flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
            try:
                found = os.waitid(os.P_ALL, 0, flags)
            except ChildProcessError:
                break
            if found is None:
                break
            pid = found.si_pid
            key = self._keys.pop(pid, None)
            if key is not None:
                # Before it is waited for: until then nobody else can get this process group's id.
                signal_group(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            if key is not None:
                self._limits.pop(pid, None)
                mark = self._marks.pop(pid)
                if status and mark:
                    killed.append(mark)
                ended.append(Exited(key=key, pid=pid, status=status))
        # Looking at every process of the machine is slow: not for those that ended in good order.
        end_strays(killed)
        return ended
