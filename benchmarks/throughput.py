"""How many tasks a second: independent tasks that do nothing, each in a process of its own."""

import sqlite3
import statistics
import time
from contextlib import closing

import msgspec

from benchmarks.dagfiles import LOG_LINE, TASKS_DAG, WARM_DAG, write_tasks
from benchmarks.figures import Figure, spread
from benchmarks.machine import LEAN_MB, measure_bare_forks, read_load
from benchmarks.options import Options
from benchmarks.processes import read_cpu_by_part, read_tree
from benchmarks.standalone import Api, Standalone

TARGET_RATIO = 0.35
_SAMPLED_LOGS = 20


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """One run of all tasks, between two measurements of the bare rate."""

    tasks_a_second: float
    bare: float
    cpu_ms: dict[str, float]
    """CPU time of each kind of process, per task."""

    @property
    def ratio(self) -> float:
        """The share of the bare rate."""
        return self.tasks_a_second / self.bare


def measure(options: Options) -> list[Figure]:
    """Trigger the Dag several times and set each run beside the bare rate around it."""
    load = read_load()
    server = Standalone(options.place("throughput"))
    write_tasks(server.dags, options.tasks)
    with server.running() as api:
        server.wait_for_dags(2)
        warm(api)
        rates = [measure_rate(server, options.tasks) for _ in range(options.rounds)]
    lean = measure_bare_forks(LEAN_MB)
    ratio = statistics.median(rate.ratio for rate in rates)
    return [
        Figure(
            name=f"{options.tasks:,} no-op tasks, trigger → success, ratio to bare fork+wait",
            target=f">= {TARGET_RATIO}",
            measured=spread(rate.ratio for rate in rates),
            passed=ratio >= TARGET_RATIO,
            runs=options.rounds,
            load=load,
            note="zygote warm; logs, XComs and pids of each run checked",
        ),
        Figure(
            name="the same in tasks/s; bare forks/s",
            target="",
            measured=f"{spread((rate.tasks_a_second for rate in rates), 0)}; "
            f"{spread((rate.bare for rate in rates), 0)}",
            passed=None,
            runs=options.rounds,
            load=load,
            note=f"a process of 8 MB forks {lean:.0f}/s; CPU ms a task: {_cpu(rates)}",
        ),
    ]


def _cpu(rates: list[Rate]) -> str:
    medians = {
        part: statistics.median(rate.cpu_ms[part] for rate in rates) for part in rates[0].cpu_ms
    }
    return ", ".join(f"{part} {value:.2f}" for part, value in medians.items())


def warm(api: Api) -> None:
    """Run a few tasks of the same file, so that its zygote is there."""
    api.wait_for_run(WARM_DAG, api.trigger(WARM_DAG))


def measure_rate(server: Standalone, count: int) -> Rate:
    """Run the Dag once, the bare rate before and after; check what the run left.

    The time counts from before the call until the API says success, so it holds the call, all
    decisions and all commits.

    Raises:
        RuntimeError: The run failed, or left less than it should.
    """
    api = server.api
    before = measure_bare_forks()
    used = read_cpu_by_part(read_tree(server.pid))
    started = time.monotonic()
    run_id = api.trigger(TASKS_DAG)
    api.wait_for_run(TASKS_DAG, run_id)
    seconds = time.monotonic() - started
    cpu = read_cpu_by_part(read_tree(server.pid))
    after = measure_bare_forks()
    check_run(server, run_id, count)
    return Rate(
        tasks_a_second=count / seconds,
        bare=(before + after) / 2,
        cpu_ms={part: 1000 * (cpu[part] - used[part]) / count for part in cpu},
    )


def check_run(server: Standalone, run_id: str, count: int) -> None:
    """See that each task succeeded in a process of its own, and that logs and XComs can be read.

    Raises:
        RuntimeError: It is not so.
    """
    api = server.api
    instances = api.instances(TASKS_DAG, run_id)
    succeeded = [one["task_id"] for one in instances if one["state"] == "success"]
    pids = _pids_left(server, run_id)
    if len(succeeded) != count or len(set(pids.values())) != count:
        raise RuntimeError(f"{len(succeeded)} tasks succeeded in {len(pids)} processes.")
    for task_id in succeeded[:: max(1, count // _SAMPLED_LOGS)]:
        if LOG_LINE not in api.log_of(TASKS_DAG, run_id, task_id):
            raise RuntimeError(f"The log of {task_id} lacks its line.")
        if str(api.xcom_of(TASKS_DAG, run_id, task_id)) != pids[task_id]:
            raise RuntimeError(f"The XCom of {task_id} is not what it returned.")


def _pids_left(server: Standalone, run_id: str) -> dict[str, str]:
    """Answer what each task returned, from the database: a thousand calls would take as long."""
    with closing(sqlite3.connect(server.home / "tradewind.db")) as db:
        rows = db.execute(
            "SELECT xcom.task_id, CAST(xcom.value AS TEXT) FROM xcom JOIN run ON run.id = run_pk"
            " WHERE run.dag_id = ? AND run.run_id = ? AND xcom.key = 'return_value'",
            (TASKS_DAG, run_id),
        )
        return dict(rows.fetchall())
