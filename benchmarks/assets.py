"""How soon an asset event starts a run: until the run is there, and until its task has begun.

The event of a task is timed from the task's last line to the first line of the run it starts; one
told by the API from the call to its answer, which names the run.
"""

import statistics
import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.latency import spread_ms
from benchmarks.machine import read_load
from benchmarks.options import Options
from benchmarks.standalone import Api, Standalone, wait_until

TARGET_MS = 100.0
_EVENTS_A_ROUND = 4

_DAGS = '''
"""A Dag that makes an asset, and one that waits for it and for another."""

import time

from tradewind import Asset, dag, task

made, told = Asset("made"), Asset("told")


def mark(name, run_id):
    with open("{marks}", "a") as marks:
        marks.write(f"{{name}} {{run_id}} {{time.monotonic_ns()}}\\n")


@dag(schedule=None, is_paused_upon_creation=False)
def maker():
    @task(outlets=[made])
    def make(run_id=None):
        mark("made", run_id)

    make()


@dag(schedule=made | told, is_paused_upon_creation=False)
def follower():
    @task
    def follow(run_id=None):
        mark("followed", run_id)

    follow()


maker()
follower()
'''


def measure(options: Options) -> list[Figure]:
    """Make events in both ways, several times."""
    load = read_load()
    folder = options.place("assets")
    server, marks = Standalone(folder), folder / "marks.txt"
    server.dags.mkdir(parents=True, exist_ok=True)
    (server.dags / "followers.py").write_text(_DAGS.format(marks=marks), encoding="utf-8")
    created: list[float] = []
    begun: list[float] = []
    with server.running() as api:
        server.wait_for_dags(2)
        _follow_task(api, marks)
        for _ in range(options.rounds):
            created += [_tell(api) for _ in range(_EVENTS_A_ROUND)]
            begun += [_follow_task(api, marks) for _ in range(_EVENTS_A_ROUND)]
    return [
        Figure(
            name="asset event told by the API → the run it starts is there",
            target=f"<= {TARGET_MS:.0f} ms",
            measured=spread_ms(created),
            passed=statistics.median(created) <= TARGET_MS,
            runs=len(created),
            load=load,
            note="the call and its answer included",
        ),
        Figure(
            name="last line of a task with an outlet → first line of the run it starts",
            target=f"<= {TARGET_MS:.0f} ms",
            measured=spread_ms(begun),
            passed=statistics.median(begun) <= TARGET_MS,
            runs=len(begun),
            load=load,
            note="zygote warm",
        ),
    ]


def _tell(api: Api) -> float:
    """Tell of one event; answer the milliseconds until its run is there.

    Raises:
        RuntimeError: The event started none, or several.
    """
    assets = {one["name"]: one["id"] for one in api.pages("/assets", "assets")}
    sent = time.monotonic_ns()
    event = api.post("/assets/events", {"asset_id": assets["told"]})
    took = (time.monotonic_ns() - sent) / 1e6
    if len(event["created_dagruns"]) != 1:
        raise RuntimeError(f"One run was expected, not {event['created_dagruns']}.")
    api.wait_for_run("follower", event["created_dagruns"][0]["run_id"])
    return took


def _follow_task(api: Api, marks: Path) -> float:
    """Run the maker once; answer the milliseconds until its follower began."""
    run_id = api.trigger("maker")
    api.wait_for_run("maker", run_id)
    found = wait_until(
        lambda: api.get("/assets/events", source_run_id=run_id)["asset_events"],
        lambda events: bool(events and events[0]["created_dagruns"]),
        60.0,
        "the event and its run",
    )
    follower = found[0]["created_dagruns"][0]["run_id"]
    api.wait_for_run("follower", follower)
    at = {
        (name, run): int(moment)
        for name, run, moment in map(str.split, marks.read_text(encoding="utf-8").splitlines())
    }
    return (at["followed", follower] - at["made", run_id]) / 1e6
