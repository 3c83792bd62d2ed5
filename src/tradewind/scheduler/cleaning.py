"""Deletes what is old and needed by nothing, in small transactions beside live work.

Each transaction takes a few milliseconds, and as long is left to others before the next. It can be
broken off anywhere: what is half done is found and ended by the next cleaning.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from tradewind.errors import UsageError, did_you_mean
from tradewind.protocol.clock import Clock
from tradewind.scheduler.engine import Engine
from tradewind.store import retention
from tradewind.store.archives import Archive
from tradewind.store.database import Database, Tx
from tradewind.store.retention import TABLES, Wish

T = TypeVar("T")

_GOOD_SECONDS = 0.005
_LONG_SECONDS = 0.010
"""A transaction that takes longer is followed by one with half as much to do."""

_FIRST = 8
_MOST = 400
_LEAVING_LOGS = ".leaving"
_THEIRS = {
    "task_instance": "dag_run",
    "task_instance_history": "dag_run",
    "task_reschedule": "dag_run",
    "callback_request": "dag_run",
    "callback": "dag_run",
    "deadline": "dag_run",
    "rendered_task_instance_fields": "dag_run",
    "log": "dag_run",
    "run": "dag_run",
    "job": "worker",
}
"""Names of Airflow's tables whose rows go with what is called otherwise here."""

_ABSENT = frozenset(
    {"dag", "import_error", "trigger", "session", "sla_miss", "celery_taskmeta"}
    | {"celery_tasksetmeta", "_xcom_archive", "dag_priority_parsing_request"}
)
"""Names of Airflow's tables that hold nothing here that grows old."""


class WritePort(Protocol):
    """Where transactions are queued; see ``api.services``."""

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run a unit in the one transaction under way or the next, and wait for its commit."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """How far a cleaning has come."""

    table: int = 0
    """Of those asked for, by number; after the last come the logs."""
    after: int = 0
    size: int = _FIRST


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What a part of a cleaning did."""

    removed: dict[str, int]
    place: Place | None
    """Where to go on; None when nothing is left to do."""
    longest_seconds: float
    """Of its transactions."""


def choose_tables(names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Answer what is to be cleaned for the names given, and which of these mean nothing here.

    None given: all but XComs, which go with their runs.

    Raises:
        UsageError: There is no such table, here or in Airflow.

    Example:
        >>> choose_tables(("task_instance", "xcom", "celery_taskmeta"))
        (['dag_run', 'xcom'], ['celery_taskmeta'])
    """
    if not names:
        return [name for name in TABLES if name != "xcom"], []
    chosen, absent = set(), []
    for name in names:
        ours = _THEIRS.get(name, name)
        if ours in TABLES:
            chosen.add(ours)
        elif name in _ABSENT:
            absent.append(name)
        else:
            raise UsageError(
                "unknown-table",
                f"There is no table '{name}' to clean.",
                did_you_mean(name, TABLES) or f"There are {', '.join(TABLES)}.",
            )
    return [name for name in TABLES if name in chosen], absent


class Cleaning:
    """Cleans one installation, a part at a time."""

    def __init__(
        self, database: Database, writer: WritePort, engine: Engine, clock: Clock, log_root: Path
    ) -> None:
        """Bind the parts; nothing is deleted yet."""
        self._database = database
        self._writer = writer
        self._engine = engine
        self._clock = clock
        self._log_root = log_root
        self._longest = 0.0

    def count(self, wish: Wish, tables: list[str]) -> dict[str, int]:
        """Answer how many rows of each would be deleted, their own rows only."""
        with self._database.read() as tx:
            return {
                name: retention.count_removable(tx, wish)
                if name == "dag_run"
                else retention.count_old(tx, name, wish)
                for name in tables
            }

    def clean(
        self,
        wish: Wish,
        tables: list[str],
        *,
        archive: str | None,
        place: Place,
        seconds: float,
        most: int = _MOST,
        rest: Callable[[float], object] = lambda _seconds: None,
    ) -> Progress:
        """Go on with a cleaning for a while.

        Args:
            wish: What is old enough.
            tables: From ``choose_tables``.
            archive: Stamp of the archive that takes the rows; None deletes them.
            place: Where the last part ended.
            seconds: For about so long.
            most: Runs or rows in one transaction, at most.
            rest: Called between two transactions with how long the last one took.
        """
        removed: dict[str, int] = {}
        kept = None if archive is None else Archive(archive)
        until = self._clock.monotonic() + seconds
        self._longest = 0.0
        at: Place | None = place
        while at is not None:
            began = self._clock.monotonic()
            counts, at = self._step(wish, tables, kept, at, most)
            for name, rows in counts.items():
                removed[name] = removed.get(name, 0) + rows
            if at is None or self._clock.monotonic() > until:
                break
            if counts:
                rest(self._clock.monotonic() - began)
        return Progress(removed=removed, place=at, longest_seconds=self._longest)

    def _step(
        self, wish: Wish, tables: list[str], archive: Archive | None, place: Place, most: int
    ) -> tuple[dict[str, int], Place | None]:
        if place.table >= len(tables):
            swept = self._sweep_logs(wish) if "dag_run" in tables else 0
            return ({"logs": swept} if swept else {}), None
        following = Place(table=place.table + 1)
        name, size = tables[place.table], min(place.size, most)
        if name == "dag_run":
            return self._step_runs(wish, archive, place, size) or ({}, following)
        with self._database.read() as tx:
            keys = retention.read_old_keys(tx, name, wish, size)
        if not keys:
            return {}, following
        counts, took = self._timed(lambda tx: retention.remove_old(tx, name, wish, keys, archive))
        if not counts:
            # What was old is needed by now: it would be found again and again.
            return {}, following
        return counts, Place(table=place.table, size=_next_size(size, took))

    def _step_runs(
        self, wish: Wish, archive: Archive | None, place: Place, size: int
    ) -> tuple[dict[str, int], Place | None] | None:
        with self._database.read() as tx:
            leaving = retention.read_leaving(tx)
            found, after = retention.read_removable(tx, wish, place.after, size)
        if leaving is not None:
            counts, _ = self._timed(lambda tx: retention.remove_piece(tx, leaving, archive))
            return counts, place
        if not found:
            return None
        pks = [one.pk for one in found]
        counts, took = self._timed(lambda tx: self._engine.remove_old_runs(tx, wish, pks, archive))
        size = _next_size(size, took)
        if any(one.is_large for one in found):
            return counts, Place(table=place.table, after=place.after, size=size)
        if after is None:
            return counts, Place(table=place.table + 1)
        return counts, Place(table=place.table, after=after, size=size)

    def _timed(self, work: Callable[[Tx], dict[str, int]]) -> tuple[dict[str, int], float]:
        def unit(tx: Tx) -> tuple[dict[str, int], float]:
            began = self._clock.monotonic()
            return work(tx), self._clock.monotonic() - began

        answer, took = self._writer.write(unit)
        self._longest = max(self._longest, took)
        return answer, took

    def _sweep_logs(self, wish: Wish) -> int:
        """Delete the logs of runs that are gone; answer of how many.

        Asked and taken aside where runs are made, so that a new run of the name keeps its logs.
        """
        swept = 0
        aside = self._log_root / _LEAVING_LOGS
        shutil.rmtree(aside, ignore_errors=True)
        for dag_id, run_id, folder in _log_folders(self._log_root):
            if (wish.dag_ids and dag_id not in wish.dag_ids) or dag_id in wish.exclude_dag_ids:
                continue
            with self._database.read() as tx:
                if retention.has_run(tx, dag_id, run_id):
                    continue
            target = aside / str(swept)
            aside.mkdir(exist_ok=True)

            def take(
                tx: Tx,
                dag_id: str = dag_id,
                run_id: str = run_id,
                folder: Path = folder,
                target: Path = target,
            ) -> bool:
                is_gone = not retention.has_run(tx, dag_id, run_id)
                if is_gone and folder.exists():
                    folder.rename(target)
                return is_gone

            if self._writer.write(take):
                swept += 1
                shutil.rmtree(target, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)
        return swept


def _log_folders(root: Path) -> Iterator[tuple[str, str, Path]]:
    for of_dag in sorted(root.glob("dag_id=*")):
        for of_run in sorted(of_dag.glob("run_id=*")):
            dag_id = of_dag.name.removeprefix("dag_id=")
            yield dag_id, of_run.name.removeprefix("run_id="), of_run
        # Fails while it holds anything: a run may have begun to log there just now.
        with contextlib.suppress(OSError):
            of_dag.rmdir()


def _next_size(size: int, took: float) -> int:
    if took > _LONG_SECONDS:
        return max(1, size // 2)
    return size if took > _GOOD_SECONDS else min(_MOST, size * 2)


def stamp_of(moment: datetime) -> str:
    """Answer the stamp of an archive that is begun now."""
    return moment.strftime("%Y%m%d%H%M%S")
