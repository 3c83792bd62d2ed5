"""Lets go of kept bytes that no run can need again."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tradewind.codestore.trees import Trees
from tradewind.protocol.clock import Clock
from tradewind.store import bundles, dags
from tradewind.store.database import Database, Tx

log = logging.getLogger(__name__)

_EVERY_SECONDS = 3600.0
_FIRST_SECONDS = 60.0
_MIN_AGE = timedelta(hours=1)
"""A worker may have a process open on a tree that was current a moment ago."""

Write = Callable[[Callable[[Tx], None]], object]


class Collector:
    """A thread that looks through the kept trees each hour."""

    def __init__(self, trees: Trees, database: Database, write: Write, clock: Clock) -> None:
        """Start nothing yet.

        Args:
            trees: What is kept.
            database: Says what is needed.
            write: Runs a unit where all writing is done: nobody refreshes a bundle meanwhile.
            clock: What time it is.
        """
        self._trees = trees
        self._database = database
        self._write = write
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="collector", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for its end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def collect(self) -> None:
        """Let go of trees that nothing needs, and of what only they held."""
        now = self._clock.now()

        def unit(tx: Tx) -> None:
            for tree in bundles.take_unused_trees(tx, now, _MIN_AGE):
                self._trees.put_away(Path(tree.root))

        self._write(unit)
        with self._database.read() as tx:
            sources = dags.read_source_digests(tx)
        self._trees.sweep(sources, (now - _MIN_AGE).timestamp())

    def _run(self) -> None:
        wait = _FIRST_SECONDS
        while not self._stop.wait(wait):
            wait = _EVERY_SECONDS
            try:
                self.collect()
            except Exception:
                # What is kept for nothing costs room only; the next look may do better.
                log.exception("Kept bytes could not be looked through; they are later")
