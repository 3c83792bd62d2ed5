"""One database: its connections, its one writer, and the transactions everything happens in.

SQLite allows one writer at a time, so all writes of a process go through one connection and, where
threads are about, through one ``Writer`` thread. Readers use connections of their own and see the
last committed state (WAL).
"""

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import QueuePool, StaticPool

from tradewind.errors import UnavailableError
from tradewind.store.faults import explain, is_damage
from tradewind.store.prepared import execute_text

T = TypeVar("T")

Tx = Connection
"""A transaction under way; only ``store`` looks inside."""

_CACHE_KIB = 16_384


class Database:
    """A SQLite database, in a file or in memory.

    Attributes:
        path: The file, or None for a database that lives in memory.
    """

    def __init__(self, path: Path | None, *, power_safe: bool = False) -> None:
        """Open or create the file; tables come with ``migrations.migrate``.

        Args:
            path: The file, None for memory.
            power_safe: Wait for the disk at each commit, so that a power cut loses nothing; process
                death never does.

        Raises:
            RefusedError: The file cannot be opened or written, or is not a database.
            UnavailableError: Another program keeps it locked.
        """
        self.path = path
        self._synchronous = "FULL" if power_safe else "NORMAL"
        if path is None:
            self._engine = create_engine(
                "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
            )
        else:
            self._engine = create_engine(
                f"sqlite:///{path}",
                poolclass=QueuePool,
                pool_size=8,
                max_overflow=24,
                connect_args={"check_same_thread": False, "timeout": 10.0},
            )
        event.listen(self._engine, "connect", self._prepare)
        event.listen(self._engine, "begin", _begin)
        try:
            self._write = self._engine.connect().execution_options(tradewind_write=True)
        except DatabaseError as error:
            raise explain(path, error.orig) from error

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, for migrations and for tests that watch statements."""
        return self._engine

    def _prepare(self, raw: Any, _record: Any) -> None:
        # The driver must not open transactions by itself: it would begin them deferred, and two
        # writers that upgrade at once get "database is locked" at once instead of waiting.
        raw.isolation_level = None
        cursor = raw.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={self._synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        cursor.close()

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """Open a write transaction on the one write connection; commit at the end, or undo.

        Only one thread may write: the ``Writer``'s where there is one.

        Raises:
            UnavailableError: Another process holds the database, or the disk refuses.
        """
        try:
            with self._write.begin():
                yield self._write
        except OperationalError as error:
            raise UnavailableError(
                "database-unavailable", f"The database cannot be written: {error.orig}."
            ) from error
        except DatabaseError as error:
            if is_damage(error.orig):
                raise explain(self.path, error.orig) from error
            raise

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Open a read transaction: one consistent view, whatever is written meanwhile."""
        if self.path is None:
            with self._write.begin():
                yield self._write
            return
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def without_references(self) -> Iterator[None]:
        """Follow no foreign keys in the transactions of the block; for who makes tables anew."""
        self._follow_references(False)
        try:
            yield
        finally:
            self._follow_references(True)

    def _follow_references(self, wanted: bool) -> None:
        # Without effect while a transaction is open, so past SQLAlchemy, which would open one.
        raw = self._write.connection.driver_connection
        if raw is not None:
            raw.execute(f"PRAGMA foreign_keys={'ON' if wanted else 'OFF'}")

    def close(self) -> None:
        """Close all connections; a file is left without a write-ahead log beside it."""
        self._write.close()
        self._engine.dispose()


def _begin(connection: Connection) -> None:
    wish = connection.get_execution_options().get("tradewind_write")
    execute_text(connection, "BEGIN IMMEDIATE" if wish else "BEGIN")


class Writer:
    """The one thread that writes: units of work come in by a queue and are committed together.

    A unit that comes in while a commit is in flight waits and shares the next one with all others
    that wait; one that comes in while nothing is in flight is committed at once. A unit that fails
    undoes the shared transaction; then each unit runs in a transaction of its own, so that no
    neighbour suffers. Units must therefore bear being run again after an undone run; ``on_undo`` is
    called before, for whatever they remembered in memory.
    """

    def __init__(
        self,
        database: Database,
        *,
        on_undo: Callable[[], None] = lambda: None,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:
        """Start nothing yet.

        Args:
            database: Where units write.
            on_undo: Called after a transaction was undone, before its units run again.
            on_commit: Called after each commit, before the answers of its units are handed out.
        """
        self._database = database
        self._on_undo = on_undo
        self._on_commit = on_commit
        self._units: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued, then end the thread."""
        self._units.put(None)
        self._thread.join()

    def submit(self, work: Callable[[Tx], T]) -> "Future[T]":
        """Queue a unit; the future holds its answer once it is committed, or its error."""
        unit = _Unit(work)
        self._units.put(unit)
        return unit.future

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run a unit and wait until it is committed.

        Raises:
            Exception: Whatever the unit raised; nothing of it was written.
        """
        return self.submit(work).result()

    def _run(self) -> None:
        while (first := self._units.get()) is not None:
            batch = [first]
            ended = False
            while not self._units.empty():
                unit = self._units.get()
                if unit is None:
                    ended = True
                    break
                batch.append(unit)
            # Whoever cancelled does not wait for an answer any more; setting one would raise.
            self._commit([one for one in batch if one.future.set_running_or_notify_cancel()])
            if ended:
                return

    def _commit(self, batch: "list[_Unit]") -> None:
        if not batch:
            return
        try:
            with self._database.begin() as tx:
                answers = [unit.work(tx) for unit in batch]
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the unit
            self._on_undo()
            if len(batch) == 1:
                batch[0].future.set_exception(error)
                return
            for unit in batch:
                self._commit([unit])
            return
        self._on_commit()
        for unit, answer in zip(batch, answers, strict=True):
            unit.future.set_result(answer)


class _Unit:
    """A unit of work and the future of its answer."""

    __slots__ = ("future", "work")

    def __init__(self, work: Callable[[Tx], Any]) -> None:
        self.work = work
        self.future: Future[Any] = Future()
