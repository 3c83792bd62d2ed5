"""The scheduler's sense of time: a thread that has the engine look when something is due."""

import logging
import threading
from datetime import datetime

from tradewind.errors import UnavailableError
from tradewind.protocol.clock import Clock
from tradewind.scheduler.engine import Engine
from tradewind.store.database import Writer

log = logging.getLogger(__name__)

_LONGEST_SECONDS = 1.0
"""However little is due, a look each second is the truth; signals only make it sooner."""

_SHORTEST_SECONDS = 0.005
_JUMP_SECONDS = 3.0
"""Wall clock or BOOTTIME ahead of MONOTONIC by more: the machine slept or its clock was set."""


class Pacer:
    """Ticks the engine: at due moments, when woken, and each second."""

    def __init__(self, engine: Engine, writer: Writer, clock: Clock) -> None:
        """Start nothing yet."""
        self._engine = engine
        self._writer = writer
        self._clock = clock
        self._wake = threading.Event()
        self._stopping = False
        self._due: datetime | None = None
        self._drift = 0.0
        self._was_away = False
        self._thread = threading.Thread(target=self._run, name="pacer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._drift = self._ahead()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self, due: datetime | None) -> None:
        """Say that something is due at that moment; earlier than was known, it wakes the thread."""
        if due is not None and (self._due is None or due < self._due):
            self._due = due
            self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._look()
            except UnavailableError as error:
                self._was_away = True
                log.warning("%s", error)
            except Exception:
                # The loop must outlive any one look; the next starts from the rows again.
                log.exception("The scheduler's look failed; it looks again")
            self._wake.wait(self._pause())
            self._wake.clear()

    def _look(self) -> None:
        now = self._clock.now()
        ahead = self._ahead()
        if self._was_away or abs(ahead - self._drift) > _JUMP_SECONDS:
            log.warning("The clock jumped or the database was away: all leases start anew")
            self._writer.write(lambda tx: self._engine.recover(tx, now))
            self._drift, self._was_away = ahead, False
        self._due = None
        due = self._writer.write(lambda tx: self._engine.tick(tx, now))
        self.look(due)
        self._wake.clear()

    def _ahead(self) -> float:
        monotonic = self._clock.monotonic()
        wall = self._clock.now().timestamp() - monotonic
        return wall + (self._clock.boottime() - monotonic)

    def _pause(self) -> float:
        if self._due is None:
            return _LONGEST_SECONDS
        left = (self._due - self._clock.now()).total_seconds()
        return min(max(left, _SHORTEST_SECONDS), _LONGEST_SECONDS)
