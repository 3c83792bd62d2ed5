"""Callbacks and deadlines on real processes: owed by the server, run by workers, at least once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.process.conftest import SHORT, Install
from tests.process.installation import Installation, kill
from tests.waiting import wait_file, wait_until

pytestmark = pytest.mark.process

DAG = """
import json, os, signal, time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tradewind import DAG, Asset, task
from tradewind.sdk.deadlines import (
    FAIL_RUN, BaseDeadlineReference, DeadlineAlert, DeadlineReference, SyncCallback,
)

ROOT = Path(__file__).parent.parent

def write(name, **facts):
    path = ROOT / name
    with path.open("a") as file:
        file.write(json.dumps(facts) + "\\n")

def told(what):
    def tell(context):
        ti = context.get("ti")
        write(
            what, id=context["callback_id"], reason=context.get("reason"), run=context["run_id"],
            task=ti.task_id if ti else None, error=str(context.get("exception") or ""),
            pid=os.getpid(),
        )
        if (ROOT / "hold").exists() and not (ROOT / "held").exists():
            (ROOT / "held").write_text(f"{os.getppid()}\\n")
            signal.pause()
    return tell

with DAG("calls", schedule=None, on_failure_callback=told("dag"), on_success_callback=told("dag")):
    @task(on_failure_callback=told("task"))
    def dies():
        os.kill(os.getpid(), signal.SIGKILL)
    dies()

with DAG("good", schedule=None, on_success_callback=told("good")):
    @task(outlets=[Asset("made")])
    def works():
        return 1
    works()

with DAG("strict", schedule=None, fail_fast=True):
    @task(retries=5, on_retry_callback=told("strict"), on_failure_callback=told("strict"))
    def waits():
        (ROOT / "waits").touch()
        signal.pause()

    @task
    def breaks():
        while not (ROOT / "waits").exists():
            time.sleep(0.05)
        raise ValueError("no")
    waits(), breaks()

class Yesterday(BaseDeadlineReference):
    def evaluate(self, **facts):
        return datetime(2020, 1, 1, tzinfo=timezone.utc)

def late(context, kind):
    write("late", id=context["callback_id"], kind=kind, dag=context["dag_run"]["dag_id"],
          due=str(context["deadline"]["deadline_time"]))

def alert(reference, kind, seconds):
    return DeadlineAlert(
        reference=reference, interval=timedelta(seconds=seconds), name=kind,
        callback=SyncCallback(late, {"kind": kind}),
    )

with DAG(
    "slow", schedule=None,
    deadline=[
        alert(DeadlineReference.DAGRUN_QUEUED_AT, "run", 0.5),
        alert(DeadlineReference.DAGRUN_QUEUED_AT, "far", 3600),
        alert(Yesterday(), "own", 60),
        DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(seconds=2), FAIL_RUN),
    ],
):
    @task(deadline=alert(DeadlineReference.TASK_STARTED_AT, "task", 0.2))
    def sleeps():
        signal.pause()
    sleeps()
"""


PLUGIN = """
import json
from pathlib import Path
from tradewind.sdk.listeners import hookimpl
from tradewind.sdk.plugins import AirflowPlugin

ROOT = Path(__file__).parent.parent

def write(event, who):
    with (ROOT / "heard").open("a") as file:
        file.write(json.dumps({"event": event, "who": who}) + "\\n")

class Ears:
    @hookimpl
    def on_task_instance_success(self, previous_state, task_instance):
        write("task", task_instance.task_id)

    @hookimpl
    def on_asset_created(self, asset):
        write("created", asset.name)

    @hookimpl
    def on_asset_event_emitted(self, asset_event):
        write("event", asset_event.asset.name)

    @hookimpl
    def on_dag_run_running(self, dag_run):
        write("running", dag_run.run_id)

    @hookimpl
    def on_dag_run_success(self, dag_run, msg):
        write(msg, dag_run.run_id)

class Listening(AirflowPlugin):
    name = "listening"
    listeners = [Ears()]
"""


def lines(place: Installation, name: str) -> list[dict[str, Any]]:
    path: Path = place.root / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def start(install: Install, **settings: str) -> Installation:
    place = install(**settings)
    (place.dags / "calls.py").write_text(DAG)
    (place.root / "plugins").mkdir()
    (place.root / "plugins" / "ears.py").write_text(PLUGIN)
    place.start()
    place.wait_ready()
    there = lambda: place.call("GET", "/api/v2/dags/slow")[0] == 200  # noqa: E731 - one look
    wait_until(there, 30, "the Dags are there")
    return place


def trigger(place: Installation, dag_id: str, run_id: str) -> None:
    body = {"dag_run_id": run_id, "logical_date": None}
    status, answer = place.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)
    assert status == 200, answer


def wait_for(what: Callable[[], Any], words: str) -> Any:
    return wait_until(what, 30, words)


def test_ends_that_no_task_could_tell_of_are_told_by_a_worker(install: Install) -> None:
    place = start(install)
    trigger(place, "calls", "one")
    wait_for(lambda: lines(place, "dag") and lines(place, "task"), "both are told")
    (of_dag,), (of_task,) = lines(place, "dag"), lines(place, "task")
    assert (of_dag["reason"], of_dag["task"], of_dag["run"]) == ("task_failure", "dies", "one")
    assert of_task["task"] == "dies"
    assert "was killed by signal 9" in of_task["error"]

    trigger(place, "strict", "three")
    wait_for(lambda: lines(place, "strict"), "who was stopped is told of")
    assert lines(place, "strict")[0]["task"] == "waits"
    told = "SELECT event, state FROM callback WHERE kind = 'task' AND task_id = 'waits'"
    wait_for(lambda: place.rows(told) == [("failure", "success")], "as a failure, once")
    assert len(lines(place, "strict")) == 1

    trigger(place, "good", "two")
    wait_for(lambda: lines(place, "good"), "the success is told")
    assert lines(place, "good")[0]["reason"] == "success"
    done = "SELECT count(*) FROM callback WHERE state = 'success' AND kind <> 'listener'"
    wait_for(lambda: place.value(done) == 4, "all are recorded")
    heard = {
        ("running", "one"),
        ("running", "two"),
        ("running", "three"),
        ("created", "made"),
        ("event", "made"),
        ("task", "works"),
        ("success", "two"),
    }
    wait_for(
        lambda: {(one["event"], one["who"]) for one in lines(place, "heard")} == heard,
        "listeners hear of all",
    )
    _, told = place.call("GET", "/api/own/callbacks?dag_id=calls&run_id=one")
    mine = next(one for one in told["callbacks"] if one["kind"] == "dag")
    where = f"/api/own/callbacks/{mine['callback_id']}/log?dag_id=calls&run_id=one"
    _, log = place.call("GET", where)
    assert "on_failure_callback of 'dies' in one" in log["content"][0]["event"]


def test_a_callback_whose_worker_is_killed_runs_again_under_its_id(install: Install) -> None:
    place = start(install, **SHORT)
    (place.root / "hold").touch()
    trigger(place, "good", "one")
    wait_file(place.root / "held")
    kill(place.own_worker())
    again = wait_for(lambda: lines(place, "good")[1:], "it runs again")
    first = lines(place, "good")[0]
    assert again[0]["id"] == first["id"]
    assert again[0]["pid"] != first["pid"]
    done = "SELECT state, tries FROM callback WHERE kind = 'dag'"
    wait_for(lambda: place.rows(done) == [("success", 2)], "its success is recorded")
    assert len(lines(place, "good")) == 2


def test_missed_deadlines_call_back_and_fail_the_run(install: Install) -> None:
    place = start(install)
    trigger(place, "slow", "one")
    kinds = {"run", "own", "task"}
    wait_for(lambda: {one["kind"] for one in lines(place, "late")} == kinds, "three are told")
    wait_for(lambda: place.run_state("one") == "failed", "the run is failed")
    rows = place.rows("SELECT scope, name, state FROM deadline ORDER BY scope, position")
    assert rows == [
        ("run", "run", "missed"),
        ("run", "far", "over"),
        ("run", "own", "missed"),
        ("run", "", "missed"),
        ("task", "task", "missed"),
    ]
    assert {one["dag"] for one in lines(place, "late")} == {"slow"}
    assert len(lines(place, "late")) == 3
    _, told = place.call("GET", "/api/own/deadlines?dag_id=slow&run_id=one&state=missed")
    assert [one["alert_name"] for one in told["deadlines"]] == ["own", "task", "run", ""]
    assert all(one["missed_at"] for one in told["deadlines"])
