"""What history costs: throughput and chain beside a million old task instances and beside none."""

import statistics
import sys
import time

from benchmarks import latency, throughput
from benchmarks.dagfiles import CHAIN_DAG, TASKS_DAG, write_chain, write_tasks
from benchmarks.figures import Figure, spread
from benchmarks.machine import read_load
from benchmarks.options import Options
from benchmarks.past import Past, describe_rows
from benchmarks.standalone import Standalone

TARGET_SHARE = 0.9
_WIDE_SHARE = 0.3
"""Of the instances, those in runs of the wide Dag; the others are in runs of the chain."""


class Installation:
    """One home with both Dags, and what was measured on it."""

    def __init__(self, options: Options, name: str) -> None:
        """Make it and let it see its Dags."""
        folder = options.place(name)
        self.server, self._marks = Standalone(folder), folder / "marks.txt"
        self._options = options
        write_tasks(self.server.dags, options.tasks)
        write_chain(self.server.dags, options.links, self._marks)
        with self.server.running():
            self.server.wait_for_dags(4)
        self.ratios: list[float] = []
        self.rates: list[float] = []
        self.gaps: list[float] = []
        self.server_cpu: list[float] = []

    def fill(self, instances: int) -> None:
        """Give it a past."""
        options = self._options
        past = Past(self.server.home / "tradewind.db")
        wide = int(instances * _WIDE_SHARE) // options.tasks
        past.fill(TASKS_DAG, [f"task_{n}" for n in range(options.tasks)], wide)
        left = -(-(instances - wide * options.tasks) // options.links)
        past.fill(CHAIN_DAG, [f"link_{n:02}" for n in range(options.links)], left)
        past.close()

    def measure_round(self) -> None:
        """Start it, measure once, stop it."""
        with self.server.running() as api:
            throughput.warm(api)
            rate = throughput.measure_rate(self.server, self._options.tasks)
            latency.measure_trigger(api, self._marks)
            gaps = latency.measure_gaps(api, self._marks, self._options.links)
        self.rates.append(rate.tasks_a_second)
        self.ratios.append(rate.ratio)
        self.server_cpu.append(rate.cpu_ms["server"])
        self.gaps.append(statistics.median(gaps))


def measure(options: Options) -> list[Figure]:
    """Measure with and without history, in turn."""
    load = read_load()
    empty, full = Installation(options, "history-empty"), Installation(options, "history-full")
    started = time.monotonic()
    full.fill(options.history)
    rows = ", ".join(describe_rows(full.server.home / "tradewind.db"))
    sys.stderr.write(f"history: {rows} in {time.monotonic() - started:.0f} s\n")
    for _ in range(options.rounds):
        empty.measure_round()
        full.measure_round()
    rates = [f / e for f, e in zip(full.ratios, empty.ratios, strict=True)]
    gaps = [e / f for f, e in zip(full.gaps, empty.gaps, strict=True)]
    cpu = [statistics.median(one.server_cpu) for one in (full, empty)]
    pairs = (
        (f"{options.tasks:,} tasks", rates, full.rates, empty.rates, "tasks/s"),
        (f"chain of {options.links}", gaps, full.gaps, empty.gaps, "ms a gap"),
    )
    return [
        Figure(
            name=f"{what} with {options.history:,} task instances of history, ratio to empty",
            target=f">= {TARGET_SHARE}",
            measured=spread(shares),
            passed=statistics.median(shares) >= TARGET_SHARE,
            runs=options.rounds,
            load=load,
            note=f"zygote warm; {statistics.median(with_it):.1f} with, "
            f"{statistics.median(without):.1f} without ({unit}); "
            f"server CPU {cpu[0]:.2f} and {cpu[1]:.2f} ms a task",
        )
        for what, shares, with_it, without, unit in pairs
    ]
