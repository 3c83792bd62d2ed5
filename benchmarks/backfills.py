"""How long a backfill takes: daily runs of three tasks, some at a time."""

import statistics
import time
from datetime import UTC, datetime, timedelta

from benchmarks.dagfiles import DAYS_DAG, write_days
from benchmarks.figures import Figure, spread
from benchmarks.machine import read_load
from benchmarks.options import Options
from benchmarks.standalone import Api, Json, Standalone, wait_until

TARGET_SECONDS = 2.0
AT_ONCE = 16
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)


def measure(options: Options) -> list[Figure]:
    """Backfill one range of days after the other, all new; the first one warms the zygote."""
    load = read_load()
    server = Standalone(options.place("backfills"))
    write_days(server.dags)
    with server.running() as api:
        server.wait_for_dags(1)
        measure_backfill(api, _FIRST - timedelta(days=10), 2)
        took = []
        for number in range(options.rounds):
            first = _FIRST + timedelta(days=number * options.days)
            took.append(measure_backfill(api, first, options.days))
    return [
        Figure(
            name=f"backfill of {options.days} daily runs x 3 tasks, {AT_ONCE} at a time",
            target=f"<= {TARGET_SECONDS:.0f} s",
            measured=spread(took, 2, " s"),
            passed=statistics.median(took) <= TARGET_SECONDS,
            runs=options.rounds,
            load=load,
            note="zygote warm; the Dag paused, as new Dags are",
        )
    ]


def measure_backfill(api: Api, first: datetime, days: int) -> float:
    """Backfill some days; answer the seconds from the call until it is complete.

    Raises:
        RuntimeError: A run is missing or failed, or more were at work than allowed.
    """
    last = first + timedelta(days=days - 1)
    body = {
        "dag_id": DAYS_DAG,
        "from_date": first.isoformat(),
        "to_date": last.isoformat(),
        "max_active_runs": AT_ONCE,
        "reprocess_behavior": "none",
        "run_backwards": False,
        "dag_run_conf": {},
    }
    started = time.monotonic()
    made = api.post("/backfills", body)
    path = f"/backfills/{made['id']}"
    wait_until(lambda: api.get(path), lambda it: it["completed_at"] is not None, 120.0, path)
    seconds = time.monotonic() - started
    bounds = {"logical_date_gte": first.isoformat(), "logical_date_lte": last.isoformat()}
    _check(list(api.pages(f"/dags/{DAYS_DAG}/dagRuns", "dag_runs", **bounds)), days)
    return seconds


def _check(runs: list[Json], days: int) -> None:
    good = [run for run in runs if run["state"] == "success"]
    if len(good) != days:
        raise RuntimeError(f"{len(good)} of {days} runs succeeded.")
    moves = [(run["start_date"], 1) for run in good] + [(run["end_date"], -1) for run in good]
    active = most = 0
    for _, change in sorted(moves):
        active += change
        most = max(most, active)
    if most > AT_ONCE:
        raise RuntimeError(f"{most} runs were at work at once; {AT_ONCE} were allowed.")
