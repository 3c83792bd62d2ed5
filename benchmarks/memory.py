"""What all processes take once the examples have run and their zygotes are gone."""

import sys
import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.machine import read_load
from benchmarks.options import Options
from benchmarks.processes import count_zygotes, describe_tree, read_pss_mb, read_tree
from benchmarks.standalone import Standalone, wait_until

TARGET_MB = 300.0
_WAIT_SECONDS = 60.0
_EVICTION_SECONDS = 90.0
_EXAMPLES = Path(__file__).parents[1] / "examples" / "dags"
_DATE = "2026-04-20T00:00:00+00:00"


def measure(options: Options) -> list[Figure]:
    """Run each example once, wait, and add up the memory of every process."""
    load = read_load()
    folder = options.place("memory")
    server = Standalone(
        folder,
        {
            "TRADEWIND__CORE__DAGS_FOLDER": str(_EXAMPLES),
            "TRADEWIND__CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
            "TRADEWIND_EXAMPLES_DATA": str(folder / "data"),
        },
    )
    with server.running() as api:
        count = len(list(_EXAMPLES.glob("*.py")))
        server.wait_for_dags(count)
        at_start = read_pss_mb(read_tree(server.pid))
        dag_ids = sorted(dag["dag_id"] for dag in api.pages("/dags", "dags"))
        for dag_id in dag_ids:
            api.wait_for_run(dag_id, api.trigger(dag_id, _DATE))
        path = "/dags/~/dagRuns"
        wait_until(
            lambda: [r["state"] for r in api.pages(path, "dag_runs")],
            lambda states: not {"queued", "running"} & set(states),
            120.0,
            "the end of all runs",
        )
        ended = time.monotonic()
        time.sleep(_WAIT_SECONDS)
        warm_mb, warm = read_pss_mb(read_tree(server.pid)), count_zygotes(read_tree(server.pid))
        wait_until(
            lambda: count_zygotes(read_tree(server.pid)),
            lambda zygotes: zygotes <= 1,
            _EVICTION_SECONDS,
            "the eviction of file zygotes",
        )
        evicted = time.monotonic() - ended
        tree = read_tree(server.pid)
        megabytes = read_pss_mb(tree)
        sys.stderr.write(f"{describe_tree(tree)}\n")
    return [
        Figure(
            name=f"PSS of all processes after each of {len(dag_ids)} examples ran once",
            target=f"<= {TARGET_MB:.0f} MB",
            measured=f"{megabytes:.0f} MB",
            passed=megabytes <= TARGET_MB,
            runs=1,
            load=load,
            note=f"file zygotes evicted, {evicted:.0f} s after the last run; at 60 s "
            f"{warm_mb:.0f} MB with {warm - 1} file zygotes; after the start {at_start:.0f} MB",
        )
    ]
