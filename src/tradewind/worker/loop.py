"""The worker's one loop: descriptors, timers, signals, and what threads post to it."""

import os
import selectors
import signal
import socket
from collections import deque
from collections.abc import Callable

from tradewind.protocol.clock import Clock
from tradewind.worker.timers import Timers

Watched = int | socket.socket
Action = Callable[[], object]


class Loop:
    """Waits for whatever comes first and calls who asked for it; everything runs on this thread."""

    def __init__(self, clock: Clock) -> None:
        """Watch nothing yet."""
        self.clock = clock
        self.timers = Timers()
        self._selector = selectors.DefaultSelector()
        self._posted: deque[Action] = deque()
        self._wake_read, self._wake_write = os.pipe()
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        self._watched: set[int] = set()
        self.watch(self._wake_read, self._run_posted)

    def watch(self, source: Watched, action: Action, *, also_writable: bool = False) -> None:
        """Call ``action`` when ``source`` can be read, or also written; replaces a former watch."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if also_writable else 0)
        # A miss in the selector's own map is an error with the source's whole name in it.
        fd = source if isinstance(source, int) else source.fileno()
        if fd in self._watched:
            self._selector.modify(source, events, action)
        else:
            self._selector.register(source, events, action)
            self._watched.add(fd)

    def unwatch(self, source: Watched) -> None:
        """Stop watching; must come before ``source`` is closed."""
        self._watched.discard(self._selector.unregister(source).fd)

    def post(self, action: Action) -> None:
        """Have the loop call ``action``; for other threads."""
        self._posted.append(action)
        self._wake()

    def on_signal(self, number: int, action: Action) -> None:
        """Call ``action`` on the loop's thread after a signal. Only in the main thread."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(number, lambda *_: self._posted.append(action))

    def run_once(self, max_wait: float | None) -> None:
        """Wait for the next event, at most ``max_wait`` seconds, and serve all that are there."""
        now = self.clock.monotonic()
        moment = self.timers.next_moment()
        waits = [max_wait, None if moment is None else max(0.0, moment - now)]
        timeout = min((wait for wait in waits if wait is not None), default=None)
        for key, _ in self._selector.select(timeout):
            # One action may end what another of the same round was about.
            if key.fd in self._watched:
                key.data()
        self.timers.run_due(self.clock.monotonic())

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"\0")
        except BlockingIOError:
            return

    def _run_posted(self) -> None:
        os.read(self._wake_read, 4096)
        while self._posted:
            self._posted.popleft()()
