"""The process that runs triggers, and its worker, killed while tasks wait: nothing is lost."""

from pathlib import Path

import psutil
import pytest

from tests.process.conftest import SHORT, Install
from tests.process.installation import Installation, kill
from tests.waiting import wait_until

pytestmark = pytest.mark.process

WAITING = 20
HOST = "tradewind.runtime.trigger_host"
_MODULE = """
import asyncio, os
from pathlib import Path
from tradewind.sdk.triggers.base import BaseTrigger, TriggerEvent

ROOT = Path(__file__).parent.parent

class Gate(BaseTrigger):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def serialize(self):
        return "gates.Gate", {"number": self.number}

    async def run(self):
        with (ROOT / "watched").open("a") as lines:
            lines.write(f"{self.number} {os.getpid()}\\n")
        while not (ROOT / "gate").exists():
            await asyncio.sleep(0.05)
        yield TriggerEvent(self.number)
"""
_DAG = f"""
from gates import Gate
from tradewind import DAG, BaseOperator

class Waits(BaseOperator):
    def __init__(self, *, number, **kwargs):
        super().__init__(**kwargs)
        self.number = number

    def execute(self, context):
        self.defer(trigger=Gate(self.number), method_name="go_on")

    def go_on(self, context, event):
        assert event == self.number
        return event

with DAG("gated", schedule=None):
    Waits.partial(task_id="wait").expand(number=list(range({WAITING})))
"""


def gated(install: Install) -> Installation:
    place = install(**SHORT)
    (place.dags / "gates.py").write_text(_MODULE)
    (place.dags / "gated.py").write_text(_DAG)
    return place


def watched(place: Installation) -> dict[int, set[int]]:
    """Which processes have watched which gate."""
    path = place.root / "watched"
    found: dict[int, set[int]] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        number, pid = line.split()
        found.setdefault(int(number), set()).add(int(pid))
    return found


def begin(place: Installation) -> set[int]:
    """Let all wait; answer the process that watches for them."""
    wait_until(lambda: place.call("GET", "/api/v2/dags/gated")[0] == 200, 30, "the Dag is there")
    body = {"dag_run_id": "one", "logical_date": None}
    assert place.call("POST", "/api/v2/dags/gated/dagRuns", body)[0] == 200
    wait_until(lambda: len(watched(place)) == WAITING, 30, "all are watched for")
    return set().union(*watched(place).values())


def all_moved(place: Installation, before: set[int]) -> bool:
    return all(pids - before for pids in watched(place).values())


def finish(place: Installation) -> None:
    Path(place.root / "gate").touch()
    place.wait_success("one", 30)
    place.check()
    # No try was lost: each has the leg that deferred, and the one that went on.
    assert {tuple(legs) for legs in place.outcomes("one").values()} == {("deferred", "success")}
    assert place.value("SELECT count(*) FROM deferral") == 0


def test_a_killed_host_starts_again_with_all_it_watched(install: Install) -> None:
    place = gated(install)
    place.start()
    place.wait_ready()
    hosts = begin(place)
    assert {psutil.Process(pid).cmdline()[3] for pid in hosts} == {HOST}
    kill(*hosts)
    wait_until(lambda: all_moved(place, hosts), 10, "another host watches")
    finish(place)


def test_a_killed_workers_triggers_move_to_another(install: Install) -> None:
    place = gated(install)
    place.start()
    place.wait_ready()
    worker = place.own_worker()
    hosts = begin(place)
    place.start("worker")
    wait_until(
        lambda: place.value("SELECT count(*) FROM worker WHERE state = 'live'") == 2, 30, "two"
    )
    kill(worker)
    # The lease of 6 s and 5 s more; the launcher starts a worker too, which may take them.
    wait_until(lambda: all_moved(place, hosts), 6 + 5 + 3, "another worker watches")
    finish(place)
