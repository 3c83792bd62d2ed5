"""How many tasks a second: independent tasks that do nothing, each in a process of its own."""

import statistics
import time

import msgspec

from benchmarks.dagfiles import LOG_LINE, TASKS_DAG, WARM_DAG, write_tasks
from benchmarks.figures import Figure, spread
from benchmarks.machine import measure_bare_forks, read_load
from benchmarks.options import Options
from benchmarks.standalone import Api, Standalone

TARGET_RATIO = 0.35
_SAMPLED_LOGS = 20


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """One run of all tasks, between two measurements of the bare rate."""

    tasks_a_second: float
    bare: float

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
        rates = [measure_rate(api, options.tasks) for _ in range(options.rounds)]
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
        ),
    ]


def warm(api: Api) -> None:
    """Run a few tasks of the same file, so that its zygote is there."""
    api.wait_for_run(WARM_DAG, api.trigger(WARM_DAG))


def measure_rate(api: Api, count: int) -> Rate:
    """Run the Dag once, the bare rate before and after; check what the run left.

    The time counts from before the call until the API says success, so it holds the call, all
    decisions and all commits.

    Raises:
        RuntimeError: The run failed, or left less than it should.
    """
    before = measure_bare_forks()
    started = time.monotonic()
    run_id = api.trigger(TASKS_DAG)
    api.wait_for_run(TASKS_DAG, run_id)
    seconds = time.monotonic() - started
    after = measure_bare_forks()
    check_run(api, run_id, count)
    return Rate(tasks_a_second=count / seconds, bare=(before + after) / 2)


def check_run(api: Api, run_id: str, count: int) -> None:
    """See that each task succeeded in a process of its own, and that its log can be read.

    Raises:
        RuntimeError: It is not so.
    """
    instances = api.instances(TASKS_DAG, run_id)
    succeeded = [one for one in instances if one["state"] == "success"]
    pids = {one["pid"] for one in succeeded}
    if len(succeeded) != count or len(pids) != count:
        raise RuntimeError(f"{len(succeeded)} tasks succeeded in {len(pids)} processes.")
    for one in succeeded[:: max(1, count // _SAMPLED_LOGS)]:
        if LOG_LINE not in api.log_of(TASKS_DAG, run_id, one["task_id"]):
            raise RuntimeError(f"The log of {one['task_id']} lacks its line.")
        path = f"/dags/{TASKS_DAG}/dagRuns/{run_id.replace('+', '%2B')}/taskInstances"
        entry = api.get(f"{path}/{one['task_id']}/xcomEntries/return_value")
        if str(entry["value"]) != "1":
            raise RuntimeError(f"{one['task_id']} left {entry['value']!r} instead of 1.")
