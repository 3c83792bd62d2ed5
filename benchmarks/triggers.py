"""What thousands of tasks cost that only wait: CPU of all of Tradewind's processes."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import psutil

from benchmarks.figures import Figure
from benchmarks.machine import read_load
from benchmarks.options import Options
from benchmarks.standalone import Api, Standalone, wait_until

WAITING = 5000
TARGET_CORE_SECONDS = 1.0
_MEASURED_SECONDS = 60.0
_SETTLE_SECONDS = 10.0

_TRIGGER = """
import asyncio
from tradewind.sdk.triggers.base import BaseTrigger, TriggerEvent


class Sleeps(BaseTrigger):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def serialize(self):
        return "sleeping.Sleeps", {"seconds": self.seconds}

    async def run(self):
        await asyncio.sleep(self.seconds)
        yield TriggerEvent(True)
"""
_DAG = f"""
from tradewind import DAG, BaseOperator
from tradewind.sdk.triggers.base import StartTriggerArgs


class Waits(BaseOperator):
    start_from_trigger = True
    start_trigger_args = StartTriggerArgs(
        trigger_cls="sleeping.Sleeps", trigger_kwargs={{"seconds": 3600}}, next_method="go_on"
    )

    def go_on(self, context, event):
        return event


with DAG("waiting", schedule=None, is_paused_upon_creation=False):
    for number in range({WAITING}):
        Waits(task_id=f"wait_{{number}}")
"""


def measure(options: Options) -> list[Figure]:
    """Let 5,000 tasks wait, each for a trigger of its own; measure a minute of it."""
    load = read_load()
    folder = options.place("triggers")
    server = Standalone(folder)
    (server.dags / "sleeping.py").write_text(_TRIGGER)
    (server.dags / "waiting.py").write_text(_DAG)
    with server.running() as api:
        server.wait_for_dags(1)
        started = time.monotonic()
        api.trigger("waiting")
        wait_until(lambda: _deferred(api), lambda found: found >= WAITING, 300, "all wait")
        wait_until(lambda: _claimed(server.home), lambda found: found >= WAITING, 300, "all run")
        took = time.monotonic() - started
        time.sleep(_SETTLE_SECONDS)
        before = _cpu(server.pid)
        time.sleep(_MEASURED_SECONDS)
        used = {name: _cpu(server.pid)[name] - seconds for name, seconds in before.items()}
    total = sum(used.values())
    parts = ", ".join(f"{name} {seconds:.2f}" for name, seconds in sorted(used.items()))
    return [
        Figure(
            name=f"{WAITING} tasks that wait for triggers: CPU of all processes in a minute",
            target=f"< {TARGET_CORE_SECONDS:.0f} core-second",
            measured=f"{total:.2f} core-seconds",
            passed=total < TARGET_CORE_SECONDS,
            runs=1,
            load=load,
            note=f"{parts}; all ran {took:.0f} s after the trigger call",
        )
    ]


def _deferred(api: Api) -> int:
    path = "/dags/~/dagRuns/~/taskInstances"
    return int(api.get(path, limit=1, state="deferred")["total_entries"])


def _claimed(home: Path) -> int:
    # Through the database: no route tells which trigger runs where.
    uri = f"file:{home / 'tradewind.db'}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=10)) as database:
        query = "SELECT count(*) FROM deferral WHERE claimed_by IS NOT NULL"
        return int(database.execute(query).fetchone()[0])


def _cpu(pid: int) -> dict[str, float]:
    """Answer the CPU seconds of the launcher and all below it, by what they are."""
    used: dict[str, float] = {}
    launcher = psutil.Process(pid)
    for one in (launcher, *launcher.children(recursive=True)):
        arguments = one.cmdline()
        name = next((a.rpartition(".")[2] for a in arguments if a.startswith("tradewind.")), "up")
        times = one.cpu_times()
        used[name] = used.get(name, 0.0) + times.user + times.system
    return used
