"""How soon: from one task's last line to the next one's first, and from a trigger to a first line.

All times are CLOCK_MONOTONIC of this machine, taken inside the tasks and by the caller.
"""

import statistics
import time
from itertools import pairwise
from pathlib import Path

import msgspec

from benchmarks.dagfiles import CHAIN_DAG, ONE_DAG, write_chain
from benchmarks.figures import Figure
from benchmarks.machine import read_load
from benchmarks.options import Options
from benchmarks.standalone import Api, Standalone

TARGET_GAP_MS, TARGET_TRIGGER_MS = 10.0, 50.0
_TRIGGERS_A_ROUND = 4


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """When a task's code began and ended, in nanoseconds."""

    number: int
    first: int
    last: int


def measure(options: Options) -> list[Figure]:
    """Run the chain and the single task several times."""
    load = read_load()
    folder = options.place("latency")
    server, marks = Standalone(folder), folder / "marks.txt"
    write_chain(server.dags, options.links, marks)
    gaps: list[float] = []
    triggers: list[float] = []
    with server.running() as api:
        server.wait_for_dags(2)
        measure_trigger(api, marks)
        for _ in range(options.rounds):
            gaps += measure_gaps(api, marks, options.links)
            triggers += [measure_trigger(api, marks) for _ in range(_TRIGGERS_A_ROUND)]
    return [
        Figure(
            name=f"chain of {options.links}: last line of a task → first line of the next",
            target=f"<= {TARGET_GAP_MS:.0f} ms",
            measured=spread_ms(gaps),
            passed=statistics.median(gaps) <= TARGET_GAP_MS,
            runs=options.rounds,
            load=load,
            note=f"zygote warm; {len(gaps)} gaps",
        ),
        Figure(
            name="trigger (API call) → first line of the first task",
            target=f"<= {TARGET_TRIGGER_MS:.0f} ms",
            measured=spread_ms(triggers),
            passed=statistics.median(triggers) <= TARGET_TRIGGER_MS,
            runs=len(triggers),
            load=load,
            note="zygote warm",
        ),
    ]


def spread_ms(values: list[float]) -> str:
    """Answer median, 95th percentile and largest of some milliseconds."""
    known = sorted(values)
    p95 = known[min(len(known) - 1, int(len(known) * 0.95))]
    return f"{statistics.median(known):.1f} ms (p95 {p95:.1f}, max {known[-1]:.1f})"


def measure_gaps(api: Api, marks: Path, count: int) -> list[float]:
    """Run the chain once; answer the milliseconds between each two tasks.

    Raises:
        RuntimeError: A task left no mark.
    """
    run_id = api.trigger(CHAIN_DAG)
    api.wait_for_run(CHAIN_DAG, run_id)
    found = read_marks(marks, run_id)
    if [mark.number for mark in found] != list(range(count)):
        raise RuntimeError(f"{len(found)} of {count} tasks left a mark, or in another order.")
    return [(b.first - a.last) / 1e6 for a, b in pairwise(found)]


def measure_trigger(api: Api, marks: Path) -> float:
    """Trigger the single task; answer the milliseconds until its first line."""
    sent = time.monotonic_ns()
    run_id = api.trigger(ONE_DAG)
    api.wait_for_run(ONE_DAG, run_id)
    return (read_marks(marks, run_id)[0].first - sent) / 1e6


def read_marks(path: Path, run_id: str) -> list[Mark]:
    """Answer the marks of a run, in order of time."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        of, number, first, last = line.split()
        if of == run_id:
            found.append(Mark(number=int(number), first=int(first), last=int(last)))
    return sorted(found, key=lambda mark: mark.first)
