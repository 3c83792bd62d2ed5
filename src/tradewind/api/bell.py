"""The bell: parks a call until there is something to tell it: a worker's, or one about a run."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Line:
    """One call that may park. What is rung after it was opened is never missed.

    Attributes:
        is_cut: Whether the caller has gone away.
    """

    __slots__ = ("_future", "_rung", "is_cut")

    def __init__(self) -> None:
        """Start silent."""
        self.is_cut = False
        self._rung = False
        self._future: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake the call, or let its next wait return at once."""
        self._rung = True
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    @property
    def is_parked(self) -> bool:
        """Whether the call waits now."""
        return self._future is not None

    def cut(self) -> None:
        """End the call: nobody reads its answer any more."""
        self.is_cut = True
        self.ring()

    async def wait(self, timeout: float) -> bool:  # noqa: ASYNC109 - a poll, not a deadline
        """Wait until it rings, at most ``timeout`` seconds; tell whether it did, and be silent."""
        if not self._rung:
            self._future = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(timeout):
                    await self._future
            except TimeoutError:
                return False
            finally:
                self._future = None
        self._rung = False
        return True


class Bell:
    """Rung by the writer thread after a commit, heard by calls parked on the event loop.

    A call opens its line *before* it asks the writer for an answer. So whatever is committed
    between that answer and the moment the call parks has rung the line already.
    """

    def __init__(self) -> None:
        """Know no worker yet."""
        self._lines: dict[str, set[Line]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        # Reentrant: a signal handler closes the bell in the very thread that may hold the lock.
        self._lock = threading.RLock()
        self._due: set[str] | None = set()
        self._scheduled = False
        self._closed = False

    @property
    def is_closed(self) -> bool:
        """Whether the server is going away and no call may park any more."""
        return self._closed

    def ring(self, worker_ids: Iterable[str] | None = None) -> None:
        """Wake the calls of these workers, or of all; from any thread."""
        wanted = None if worker_ids is None else set(worker_ids)
        with self._lock:
            loop = self._loop
            if loop is None or (wanted is not None and not wanted):
                return
            if wanted is None:
                self._due = None
            elif self._due is not None:
                self._due |= wanted
            if self._scheduled:
                return
            self._scheduled = True
        try:
            loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:
            # The loop is closed: the server is gone, and so are all that waited.
            with self._lock:
                self._loop = None
                self._scheduled = False

    def close(self) -> None:
        """Wake everyone for good, so that a server can stop without waiting for parked calls."""
        self._closed = True
        self.ring()

    @contextmanager
    def listen(self, worker_id: str) -> Iterator[Line]:
        """Open a line of a worker; on the event loop only."""
        line = Line()
        self._lines.setdefault(worker_id, set()).add(line)
        with self._lock:
            running = asyncio.get_running_loop()
            if self._loop is not running:
                self._loop, self._scheduled = running, False
        try:
            yield line
        finally:
            lines = self._lines[worker_id]
            lines.discard(line)
            if not lines:
                del self._lines[worker_id]

    def _deliver(self) -> None:
        with self._lock:
            # In this order: a ring by a signal handler between the two is delivered once more.
            self._scheduled = False
            due, self._due = self._due, set()
        workers = list(self._lines) if due is None else due & self._lines.keys()
        for worker_id in workers:
            for line in self._lines[worker_id]:
                line.ring()
