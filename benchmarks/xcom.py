"""What an XCom of 100 MB costs in memory and time on its way through object storage."""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Figure, spread
from benchmarks.machine import read_load
from benchmarks.options import Options

TARGET_MB = 60.0
_PROGRAM = """
import resource, sys, time
from tradewind.sdk.xcom import backend

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

mb = 1 << 20
value = {
    "text": lambda: "x" * (100 * mb),
    "bytes": lambda: b"x" * (100 * mb),
    "list of 250,000 rows": lambda: [{"id": n, "name": f"{n:080}"} for n in range(250_000)],
}[sys.argv[1]]()
where = dict(key="k", dag_id="d", run_id="r", task_id="t", map_index=-1)
before, started = peak(), time.monotonic()
raw = backend().to_bytes(value, **where)
size, value = len(value), None
assert len(backend().from_bytes(raw)) == size
print(peak() - before, time.monotonic() - started, len(raw))
"""


def measure(options: Options) -> list[Figure]:
    """Write and read each kind of value in a process of its own."""
    return [_measure(kind, options) for kind in ("text", "bytes", "list of 250,000 rows")]


def _measure(kind: str, options: Options) -> Figure:
    load = read_load()
    peaks, seconds = [], []
    for _ in range(options.rounds):
        peak, second, travelled = _run(kind, options.folder / "xcoms")
        peaks.append(peak)
        seconds.append(second)
    took = f"written and read in {spread(seconds, 1, ' s')}"
    return Figure(
        name=f"XCom of 100 MB ({kind}) through files: memory beyond the value itself",
        target=f"<= {TARGET_MB:.0f} MB",
        measured=spread(peaks, 0, " MB"),
        passed=max(peaks) <= TARGET_MB,
        runs=len(peaks),
        load=load,
        note=f"{took}; {travelled:.0f} bytes in the database",
    )


def _run(kind: str, folder: Path) -> tuple[float, float, float]:
    settings = {
        "TRADEWIND__CORE__XCOM_BACKEND": "tradewind.sdk.xcom_storage.ObjectStorageXCom",
        "TRADEWIND__XCOM__STORAGE_PATH": f"file://{folder}",
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, kind],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=True,
    )
    peak, took, travelled = map(float, done.stdout.split())
    return peak, took, travelled
