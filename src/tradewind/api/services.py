"""What the routes stand on, handed in by whoever starts a server or runs a command without one."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from tradewind.api.bell import Bell
from tradewind.config import Settings
from tradewind.protocol.clock import Clock
from tradewind.scheduler.engine import Engine
from tradewind.store.database import Database, Tx
from tradewind.store.secrets import Vault

T = TypeVar("T")


class WriterPort(Protocol):
    """Where writes go: the server's writer thread, or the caller's own thread."""

    def submit(self, work: Callable[[Tx], T]) -> "Future[T]":
        """Queue a unit; the future holds its answer once it is committed, or its error."""

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run a unit and wait until it is committed."""


class InlineWriter:
    """Writes in the thread that asks, for a process that is alone with its database."""

    def __init__(
        self,
        database: Database,
        *,
        on_undo: Callable[[], None] = lambda: None,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:
        """Bind the database, and what is told of each end of a transaction."""
        self._database = database
        self._on_undo = on_undo
        self._on_commit = on_commit
        # Requests run in threads of a pool, and there is one write connection.
        self._lock = threading.Lock()

    def submit(self, work: Callable[[Tx], T]) -> "Future[T]":
        """Run a unit at once; the future is done when this returns."""
        future: Future[T] = Future()
        try:
            future.set_result(self.write(work))
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the unit
            future.set_exception(error)
        return future

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run a unit in a transaction of its own.

        Raises:
            Exception: Whatever the unit raised; nothing of it was written.
        """
        with self._lock:
            try:
                with self._database.begin() as tx:
                    answer = work(tx)
            except BaseException:
                self._on_undo()
                raise
            self._on_commit()
            return answer


@dataclass(frozen=True, kw_only=True)
class Services:
    """All that a route may use."""

    database: Database
    """Read from here; each ``read()`` is one consistent view."""
    writer: WriterPort
    engine: Engine
    """Called inside units of the writer only: it is single-threaded."""
    clock: Clock
    settings: Settings
    vault: Vault
    token: str
    """Bearer token of people and workers."""
    bell: Bell
    """Where calls of workers wait."""
    run_bell: Bell = field(default_factory=Bell)
    """Where people wait for runs, by their key."""
