"""How long commands take, each in a fresh process."""

import statistics
import subprocess
import time

from benchmarks.dagfiles import WARM_DAG, write_tasks
from benchmarks.figures import Figure, spread
from benchmarks.machine import read_load
from benchmarks.options import Options
from benchmarks.standalone import TRADEWIND, Standalone
from benchmarks.throughput import warm

_RUNS_A_ROUND = 3


def measure(options: Options) -> list[Figure]:
    """Time ``version``, and ``dags list-runs`` with a server running and without."""
    load = read_load()
    server = Standalone(options.place("commands"))
    write_tasks(server.dags, 10)
    runs = options.rounds * _RUNS_A_ROUND
    list_runs = ("dags", "list-runs", WARM_DAG)
    with server.running() as api:
        server.wait_for_dags(2)
        warm(api)
        version = _time(server, ("version",), runs)
        served = _time(server, list_runs, runs)
    alone = _time(server, list_runs, runs)
    return [
        _figure("version", 0.15, version, load),
        _figure("dags list-runs, with a server", 0.40, served, load),
        _figure("dags list-runs, without one", 1.20, alone, load),
    ]


def _time(server: Standalone, words: tuple[str, ...], runs: int) -> list[float]:
    took = []
    for _ in range(runs + 1):
        started = time.monotonic()
        subprocess.run(
            [TRADEWIND, *words], env=server.environment, check=True, stdout=subprocess.DEVNULL
        )
        took.append(time.monotonic() - started)
    # The first reads files from disk that later ones find in memory.
    return took[1:]


def _figure(name: str, target: float, took: list[float], load: float) -> Figure:
    return Figure(
        name=f"cold CLI: {name}",
        target=f"<= {target:.2f} s",
        measured=spread(took, 3, " s"),
        passed=statistics.median(took) <= target,
        runs=len(took),
        load=load,
    )
