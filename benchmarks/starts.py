"""How long a start takes on a home that has been used before."""

import statistics

from benchmarks.dagfiles import write_days
from benchmarks.figures import Figure, spread
from benchmarks.machine import read_load
from benchmarks.options import Options
from benchmarks.standalone import Standalone

TARGET_SECONDS = 2.0


def measure(options: Options) -> list[Figure]:
    """Start and stop several times; the first start, on an empty home, is told apart."""
    load = read_load()
    server = Standalone(options.place("starts"))
    write_days(server.dags)
    try:
        first = server.start()
        server.wait_for_dags(1)
        server.stop()
        took = []
        for _ in range(options.rounds):
            took.append(server.start())
            server.stop()
    finally:
        server.stop()
    return [
        Figure(
            name="warm standalone → health ok (database, scheduler and worker)",
            target=f"<= {TARGET_SECONDS:.0f} s",
            measured=spread(took, 2, " s"),
            passed=statistics.median(took) <= TARGET_SECONDS,
            runs=options.rounds,
            load=load,
            note=f"first start, making the database: {first:.2f} s",
        )
    ]
