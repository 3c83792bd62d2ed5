"""Deletes old runs by itself, where ``[database] retention_days`` says how old."""

import logging
import threading
from datetime import timedelta

from tradewind.config import Settings
from tradewind.errors import TradewindError
from tradewind.protocol.clock import Clock
from tradewind.scheduler.cleaning import Cleaning, Place, choose_tables
from tradewind.store.retention import Wish

log = logging.getLogger(__name__)

_EVERY_SECONDS = 3600.0
_FIRST_SECONDS = 60.0
"""After the start there is more urgent work."""

_PART_SECONDS = 1.0


class Keeper:
    """A thread that cleans once an hour; there only where it is wanted."""

    def __init__(self, settings: Settings, cleaning: Cleaning, clock: Clock) -> None:
        """Start nothing yet."""
        self._age = timedelta(days=settings.retention_days)
        self._cleaning = cleaning
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Start the thread, if anything is ever to be deleted."""
        if self._age:
            self._thread.start()

    def stop(self) -> None:
        """End the thread; what it was at is ended by the next cleaning."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        pause = _FIRST_SECONDS
        while not self._stopping.wait(pause):
            pause = _EVERY_SECONDS
            try:
                self.clean()
            except TradewindError as error:
                log.warning("Old runs stay for now: %s", error)
            except Exception:
                # The loop must outlive any one cleaning; the next begins from the rows again.
                log.exception("Cleaning failed; it is tried again in an hour")

    def clean(self) -> dict[str, int]:
        """Delete what is old now; answer how many rows of each table."""
        tables, _ = choose_tables(())
        wish = Wish(before=self._clock.now() - self._age)
        removed: dict[str, int] = {}
        place: Place | None = Place()
        while place is not None and not self._stopping.is_set():
            done = self._cleaning.clean(
                wish,
                tables,
                archive=None,
                place=place,
                seconds=_PART_SECONDS,
                rest=self._stopping.wait,
            )
            place = done.place
            for name, rows in done.removed.items():
                removed[name] = removed.get(name, 0) + rows
        if removed.get("run"):
            log.info("Deleted %s runs that ended before %s", removed["run"], wish.before)
        return removed
