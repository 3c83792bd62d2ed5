"""Writes years of history into a database: runs that ended, as the engine would have left them.

Straight through the tables' columns and the driver: it must write millions of rows in a minute.
"""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.dialects import sqlite

from tradewind.core.events import Event, RunMoved, TaskMoved, encode_event
from tradewind.core.runs import RunType, run_id_of
from tradewind.core.states import LegState, RunState, TaskState
from tradewind.store.columns import to_micros
from tradewind.store.tables import attempt, event, run, task_instance, xcom

SEED = 20_260_420
_RUNS_A_BATCH = 200
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_FAILED_SHARE = 0.02

Row = dict[str, Any]


class Past:
    """Fills one database with ended runs of Dags that it knows."""

    def __init__(self, path: Path) -> None:
        """Open the database; no server may have it open."""
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("PRAGMA cache_size=-200000")
        self._random = random.Random(SEED)
        self._run_pk = self._next_id("run")
        self._ti_id = self._next_id("task_instance")

    def _next_id(self, table: str) -> int:
        found = self._db.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}")  # noqa: S608
        return int(found.fetchone()[0])

    def fill(self, dag_id: str, task_ids: Sequence[str], runs: int) -> int:
        """Write hourly runs of a Dag; answer how many task instances they have.

        Raises:
            LookupError: The database does not know the Dag.
        """
        known = self._db.execute(
            "SELECT version_id, bundle FROM dag WHERE dag_id = ?", (dag_id,)
        ).fetchone()
        if known is None:
            raise LookupError(dag_id)
        for start in range(0, runs, _RUNS_A_BATCH):
            numbers = range(start, min(runs, start + _RUNS_A_BATCH))
            self._write([self._run(dag_id, known, number, task_ids) for number in numbers])
        return runs * len(task_ids)

    def close(self) -> None:
        """Write everything into the file itself, and close.

        No ANALYZE: the product makes none, so its queries must be right without.
        """
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._db.close()

    def _write(self, batch: list["_RunRows"]) -> None:
        self._db.execute("BEGIN")
        for table in (run, task_instance, attempt, event, xcom):
            rows = [row for each in batch for row in each.rows[table.name]]
            if rows:
                columns = list(rows[0])
                self._db.executemany(
                    _statement(table, columns), [tuple(row.values()) for row in rows]
                )
        self._db.execute("COMMIT")

    def _run(
        self, dag_id: str, known: tuple[int, str], number: int, task_ids: Sequence[str]
    ) -> "_RunRows":
        started = _FIRST + number * _HOUR
        rows = _RunRows(self._run_pk, dag_id, started)
        self._run_pk += 1
        for task_id in task_ids:
            rows.add_task(self._ti_id, task_id, self._random.random() < _FAILED_SHARE)
            self._ti_id += 1
        rows.end(known)
        return rows


class _RunRows:
    """All rows of one run."""

    def __init__(self, pk: int, dag_id: str, started: datetime) -> None:
        self.rows: dict[str, list[Row]] = {
            table.name: [] for table in (run, task_instance, attempt, event, xcom)
        }
        self._pk = pk
        self._dag_id = dag_id
        self._started = started
        self._at = started
        self._run_id = run_id_of(RunType.SCHEDULED, started, started)
        self._seq = 0
        self._log(RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=started))

    def _log(self, happened: Event) -> None:
        self._seq += 1
        self.rows["event"].append(
            {
                "run_pk": self._pk,
                "run_seq": self._seq,
                "at": to_micros(self._at),
                "body": encode_event(happened),
            }
        )

    def add_task(self, ti_id: int, task_id: str, retried: bool) -> None:
        """Add a task that succeeded, on its second try if ``retried``."""
        states = [TaskState.NONE]
        for number in range(2 if retried else 1):
            end = TaskState.UP_FOR_RETRY if retried and number == 0 else TaskState.SUCCESS
            states += [TaskState.SCHEDULED, TaskState.QUEUED, TaskState.RUNNING, end]
        tries = 0
        for old, new in pairwise(states):
            tries += new is TaskState.SCHEDULED
            self._at += timedelta(milliseconds=50)
            self._log(TaskMoved(task_id=task_id, old=old, new=new, try_number=tries))
        for number in range(1, tries + 1):
            self._add_attempt(ti_id, task_id, number, is_last=number == tries)
        self._add_instance(ti_id, task_id, tries)
        self.rows["xcom"].append(
            {
                "run_pk": self._pk,
                "task_id": task_id,
                "map_path": "",
                "key": "return_value",
                "map_index": -1,
                "value": b"1",
                "at": to_micros(self._at),
            }
        )

    def _add_instance(self, ti_id: int, task_id: str, tries: int) -> None:
        at = to_micros(self._at)
        self.rows["task_instance"].append(
            {
                "id": ti_id,
                "run_pk": self._pk,
                "dag_id": self._dag_id,
                "task_id": task_id,
                "map_path": "",
                "map_index": -1,
                "state": TaskState.SUCCESS.value,
                "try_number": tries,
                "max_tries": 1,
                "leg": 1,
                "epoch": tries,
                "pool": "default_pool",
                "pool_slots": 1,
                "queue": "default",
                "priority_weight": 1,
                "operator": "tradewind.sdk.decorated.DecoratedPythonOperator",
                "scheduled_at": at,
                "queued_at": at,
                "start_date": at,
                "end_date": at,
                "hostname": "history",
                "pid": 4_000 + ti_id % 30_000,
            }
        )

    def _add_attempt(self, ti_id: int, task_id: str, number: int, *, is_last: bool) -> None:
        at = to_micros(self._at)
        self.rows["attempt"].append(
            {
                "ti_id": ti_id,
                "try_number": number,
                "leg": 1,
                "epoch": number,
                "worker_id": "0" * 32,
                "claim_seq": 1,
                "state": (LegState.SUCCESS if is_last else LegState.FAILED).value,
                "claimed_at": at,
                "started_at": at,
                "ended_at": at,
                "log_path": f"dag_id={self._dag_id}/run_id={self._run_id}/task_id={task_id}"
                f"/attempt={number}.log",
            }
        )

    def end(self, known: tuple[int, str]) -> None:
        """Add the run's own row."""
        self._at += timedelta(milliseconds=10)
        self._log(RunMoved(old=RunState.RUNNING, new=RunState.SUCCESS, at=self._at))
        started, version_id, bundle = to_micros(self._started), *known
        self.rows["run"].append(
            {
                "id": self._pk,
                "dag_id": self._dag_id,
                "run_id": self._run_id,
                "run_type": RunType.SCHEDULED.value,
                "state": RunState.SUCCESS.value,
                "logical_date": started,
                "data_interval_start": started,
                "data_interval_end": started,
                "run_after": started,
                "queued_at": started,
                "start_date": started,
                "end_date": to_micros(self._at),
                "conf": b"{}",
                "triggered_by": "timetable",
                "version_id": version_id,
                "bundle": bundle,
                "digest": "",
                "seq": self._seq,
                "epoch": 1,
            }
        )


def _statement(table: Table, columns: Sequence[str]) -> str:
    made = insert(table).values(dict.fromkeys(columns)).compile(dialect=sqlite.dialect())
    assert list(made.positiontup or ()) == list(columns)  # noqa: S101
    return str(made)


def describe_rows(path: Path) -> Iterator[str]:
    """Answer how many rows each large table of a database has."""
    db = sqlite3.connect(path)
    for table in (run, task_instance, attempt, event, xcom):
        count = db.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]  # noqa: S608
        yield f"{count:,} {table.name}"
    db.close()
