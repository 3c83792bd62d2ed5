"""What importing the authoring API costs."""

import statistics
import subprocess
import sys
import time

from benchmarks.figures import Figure, spread
from benchmarks.machine import read_load
from benchmarks.options import Options

TARGET_MS, TARGET_MODULES = 150.0, 250
_RUNS_A_ROUND = 4
_STATEMENT = "import tradewind.sdk; from tradewind import dag, task"


def measure(options: Options) -> list[Figure]:
    """Start Python with and without the import, in turn, and count the modules it loads."""
    load = read_load()
    extra = []
    for _ in range(options.rounds * _RUNS_A_ROUND):
        bare = _time("pass")
        extra.append(1000 * (_time(_STATEMENT) - bare))
    count = subprocess.run(
        [sys.executable, "-c", f"import sys; {_STATEMENT}; print(len(sys.modules))"],
        check=True,
        capture_output=True,
        text=True,
    )
    modules = int(count.stdout)
    return [
        Figure(
            name="import tradewind.sdk (dag and task used), over bare Python",
            target=f"<= {TARGET_MS:.0f} ms",
            measured=spread(extra, 0, " ms"),
            passed=statistics.median(extra) <= TARGET_MS,
            runs=len(extra),
            load=load,
        ),
        Figure(
            name="modules loaded after it",
            target=f"<= {TARGET_MODULES}",
            measured=str(modules),
            passed=modules <= TARGET_MODULES,
            runs=1,
            load=load,
        ),
    ]


def _time(statement: str) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.monotonic() - started
