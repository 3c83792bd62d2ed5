"""Many Dag files: how long until all are seen, until a change is seen, and what idling costs."""

import statistics
import time

from benchmarks.dagfiles import write_small
from benchmarks.figures import Figure, spread
from benchmarks.machine import read_load
from benchmarks.options import Options
from benchmarks.processes import read_cpu_seconds, read_tree
from benchmarks.standalone import Standalone, wait_until

TARGET_ALL_SECONDS, TARGET_ONE_SECONDS, TARGET_IDLE = 15.0, 1.0, 1.0
_ALL_ROUNDS = 3
_SETTLE_SECONDS = 5.0
_IDLE_SECONDS = 20.0


def measure(options: Options) -> list[Figure]:
    """Start on fresh homes with all files there, change one of them, then watch it idle."""
    load = read_load()
    took: list[float] = []
    changed: list[float] = []
    idle = 0.0
    rounds = min(options.rounds, _ALL_ROUNDS)
    for number in range(rounds):
        server = Standalone(options.place(f"files-{number}"))
        for file in range(options.files):
            write_small(server.dags, file)
        started = time.monotonic()
        with server.running():
            server.wait_for_dags(options.files)
            took.append(time.monotonic() - started)
            if number == rounds - 1:
                changed = [_change_one(server, change) for change in range(options.rounds)]
                idle = _watch(server)
    return [
        Figure(
            name=f"{options.files} Dag files of 5 tasks: start → all visible",
            target=f"<= {TARGET_ALL_SECONDS:.0f} s",
            measured=spread(took, 1, " s"),
            passed=statistics.median(took) <= TARGET_ALL_SECONDS,
            runs=rounds,
            load=load,
            note="empty home, start of all processes included",
        ),
        Figure(
            name="the same: one file saved → its new Dag visible",
            target=f"<= {TARGET_ONE_SECONDS:.0f} s",
            measured=spread(changed, 2, " s"),
            passed=statistics.median(changed) <= TARGET_ONE_SECONDS,
            runs=len(changed),
            load=load,
        ),
        Figure(
            name=f"the same, idle for {_IDLE_SECONDS:.0f} s: CPU of all processes",
            target=f"< {TARGET_IDLE:.0f} % of a core",
            measured=f"{idle:.2f} %",
            passed=idle < TARGET_IDLE,
            runs=1,
            load=load,
        ),
    ]


def _change_one(server: Standalone, number: int) -> float:
    started = time.monotonic()
    dag_id = write_small(server.dags, number, f"changed_{number}")
    wait_until(
        lambda: int(server.api.get("/dags", limit=1, dag_id_pattern=dag_id)["total_entries"]),
        bool,
        30.0,
        dag_id,
    )
    return time.monotonic() - started


def _watch(server: Standalone) -> float:
    time.sleep(_SETTLE_SECONDS)
    before, started = read_cpu_seconds(read_tree(server.pid)), time.monotonic()
    time.sleep(_IDLE_SECONDS)
    used = read_cpu_seconds(read_tree(server.pid)) - before
    return 100 * used / (time.monotonic() - started)
