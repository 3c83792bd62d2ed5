"""Ten years of daily runs at once: made, run at the engine's rate, and in nobody's way."""

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

from benchmarks.dagfiles import (
    BESIDE_DAG,
    BESIDE_SECONDS,
    DAYS_DAG,
    write_beside,
    write_days,
    write_tasks,
)
from benchmarks.figures import Figure, spread
from benchmarks.machine import read_load
from benchmarks.options import Options
from benchmarks.standalone import Api, Json, Standalone, wait_until
from benchmarks.throughput import measure_rate, warm

CREATED_SECONDS = 2.0
LATE_SECONDS = 1.0
RATE_SHARE = 0.9
AT_ONCE = 32
_FIRST = datetime(2010, 1, 1, tzinfo=UTC)
_STEPS = 3
_WARM_DAYS = 4


def measure(options: Options) -> list[Figure]:
    """Backfill ten years beside a Dag that is due every two seconds; then run plain tasks."""
    load = read_load()
    server = Standalone(options.place("years"))
    write_days(server.dags)
    write_tasks(server.dags, options.tasks)
    write_beside(server.dags)
    with server.running() as api:
        server.wait_for_dags(4)
        warm(api)
        _backfill(api, _FIRST - timedelta(days=_WARM_DAYS), _WARM_DAYS)
        before = measure_rate(server, options.tasks).tasks_a_second
        created, seconds = _backfill(api, _FIRST, options.years_days)
        late, ticks = _lateness(server)
        after = measure_rate(server, options.tasks).tasks_a_second
        _check(server, options.years_days)
    rate = options.years_days * _STEPS / seconds
    share = rate / ((before + after) / 2)
    days = f"{options.years_days:,} daily runs x {_STEPS} tasks"
    return [
        Figure(
            name=f"backfill of {days}: created",
            target=f"<= {CREATED_SECONDS:.0f} s",
            measured=f"{created:.2f} s",
            passed=created <= CREATED_SECONDS,
            runs=1,
            load=load,
            note="one API call, until it answers",
        ),
        Figure(
            name=f"the same, {AT_ONCE} at a time: share of the rate of independent tasks",
            target=f">= {RATE_SHARE}",
            measured=f"{share:.2f}",
            passed=share >= RATE_SHARE,
            runs=1,
            load=load,
            note=f"{rate:.0f} tasks/s; {before:.0f} before and {after:.0f} after it",
        ),
        Figure(
            name="scheduled runs of another Dag meanwhile: due → begun",
            target=f"<= {LATE_SECONDS:.0f} s",
            measured=f"{spread(late, 2, ' s')}; the latest {max(late):.2f} s",
            passed=max(late) <= LATE_SECONDS,
            runs=len(late),
            load=load,
            note=f"of {ticks} ticks, every 2 s; until its task has begun",
        ),
    ]


def _backfill(api: Api, first: datetime, days: int) -> tuple[float, float]:
    """Backfill some days; answer the seconds until it was made, and until it was complete."""
    body: Json = {
        "dag_id": DAYS_DAG,
        "from_date": first.isoformat(),
        "to_date": (first + timedelta(days=days - 1)).isoformat(),
        "max_active_runs": AT_ONCE,
    }
    started = time.monotonic()
    path = f"/backfills/{api.post('/backfills', body)['id']}"
    created = time.monotonic() - started
    wait_until(lambda: api.get(path), lambda it: it["completed_at"] is not None, 3600.0, path)
    return created, time.monotonic() - started


def _lateness(server: Standalone) -> tuple[list[float], int]:
    """Answer how late each run of the Dag beside it began, and how many ticks there were."""
    with closing(sqlite3.connect(server.home / "tradewind.db")) as db:
        (began, ended), *_ = db.execute(
            "SELECT created_at, completed_at FROM backfill ORDER BY id DESC LIMIT 1"
        )
        rows = db.execute(
            "SELECT ti.start_date - run.run_after FROM run JOIN task_instance AS ti"
            " ON ti.run_pk = run.id WHERE run.dag_id = ? AND run.run_type = 'scheduled'"
            " AND run.run_after BETWEEN ? AND ? AND ti.start_date IS NOT NULL",
            (BESIDE_DAG, began, ended),
        ).fetchall()
    return [micros / 1e6 for (micros,) in rows], int((ended - began) / 1e6 / BESIDE_SECONDS)


def _check(server: Standalone, days: int) -> None:
    with closing(sqlite3.connect(server.home / "tradewind.db")) as db:
        states = dict(
            db.execute("SELECT state, COUNT(*) FROM run WHERE dag_id = ? GROUP BY 1", (DAYS_DAG,))
        )
    if states != {"success": days + _WARM_DAYS}:
        raise RuntimeError(f"Of {days} runs: {states}.")
