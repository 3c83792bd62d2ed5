"""Runs, task instances, logs and XComs, from trigger to end."""

from typing import Any

import pytest

from tests.conformance.api.conftest import NOW, Stack
from tradewind.core.states import LegState

RUNS = "/api/v2/dags/daily_sales/dagRuns"
DATE = "2026-04-10T00:00:00Z"
ID = "manual__2026-04-10T00:00:00+00:00"
RUN_FIELDS, INSTANCE_FIELDS = 22, 34


def test_a_triggered_run_is_answered_whole(stack: Stack, worker: str) -> None:
    run = stack.trigger(logical_date="2026-04-10", conf={"a": 1}, note="why not")
    assert len(run) == RUN_FIELDS
    assert run["dag_run_id"] == ID
    assert run["logical_date"] == DATE
    assert run["conf"] == {"a": 1}
    assert run["triggered_by"] == "rest_api"
    assert run["dag_versions"][0]["version_number"] == 1
    assert stack.get(f"{RUNS}/{ID}")["dag_run_id"] == ID


def test_a_run_of_the_command_line_says_so(stack: Stack, worker: str) -> None:
    headers = {"tradewind-client": "cli", "tradewind-user": "ann"}
    run = stack.call("POST", RUNS, {"logical_date": None}, headers).json()
    assert (run["triggered_by"], run["triggering_user_name"]) == ("cli", "ann")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"logical_date": None, "colour": "red"}, 422),
        ({"logical_date": "soon"}, 422),
        ({"logical_date": None, "dag_run_id": "not legal"}, 400),
        ({"logical_date": None, "dag_run_id": "scheduled__x"}, 400),
        ({"logical_date": None, "partition_key": "eu"}, 400),
        ("not an object", 422),
    ],
)
def test_a_bad_trigger_is_refused_and_changes_nothing(
    stack: Stack, worker: str, body: Any, status: int
) -> None:
    problem = stack.ask("POST", RUNS, body, status=status)
    assert problem["detail"]
    assert problem["status"] == status
    wanted = "run_type=manual"
    assert stack.get(f"{RUNS}?{wanted}")["total_entries"] == 0


def test_a_second_run_of_a_date_is_a_conflict(stack: Stack, worker: str) -> None:
    stack.trigger(logical_date=DATE)
    problem = stack.ask("POST", RUNS, {"logical_date": DATE}, status=409)
    assert problem["code"] == "run-exists"
    assert ID in problem["detail"]


def test_runs_are_filtered_sorted_and_paged(stack: Stack, worker: str) -> None:
    for day in (10, 11, 12):
        stack.trigger(logical_date=f"2026-04-{day}T00:00:00Z", run_after=f"2026-04-{day}T01:00:00Z")

    def days(query: str, path: str = RUNS) -> list[int]:
        answer = stack.get(f"{path}?run_type=manual&{query}")
        return [int(run["logical_date"][8:10]) for run in answer["dag_runs"]]

    assert days("") == [12, 11, 10]
    assert days("", "/api/v2/dags/~/dagRuns") == [12, 11, 10]
    assert days("order_by=logical_date") == [10, 11, 12]
    assert days("logical_date_gte=2026-04-11") == [12, 11]
    assert days("logical_date_lte=2026-04-11T00:00:00+00:00") == [11, 10]
    assert days("run_after_gte=2026-04-11T02:00:00Z") == [12]
    assert days("limit=1&offset=1") == [11]
    assert days("state=failed") == []
    stack.get(f"{RUNS}?state=sleeping", status=422)
    stack.get(f"{RUNS}?order_by=colour", status=400)
    stack.get("/api/v2/dags/nope/dagRuns", status=404)


def test_a_run_lives_and_is_shown_at_each_step(stack: Stack, worker: str) -> None:
    stack.trigger(logical_date=DATE)
    base = f"{RUNS}/{ID}/taskInstances"
    (order,) = [o for o in stack.exchange(worker).claims if o.run.run_id == ID]
    one = stack.get(f"{base}/extract")
    assert len(one) == INSTANCE_FIELDS
    assert (one["state"], one["try_number"], one["map_index"]) == ("running", 1, -1)
    assert one["run_after"] == "2026-04-20T08:00:00Z"
    assert stack.get(f"{base}/load")["state"] is None
    assert stack.get(f"{base}/extract/-1") == one

    answer = stack.finish(worker, order, LegState.SUCCESS, b'{"rows":3}')
    assert answer.recorded == (order.attempt_id,)
    (load,) = [o for o in answer.claims if o.run.run_id == ID]
    stack.finish(worker, load, LegState.SUCCESS)

    listed = stack.get(base)
    assert [t["state"] for t in listed["task_instances"]] == ["success", "success"]
    assert stack.get(f"{base}?state=failed")["total_entries"] == 0
    assert stack.get(f"{base}?order_by=-task_id")["task_instances"][0]["task_id"] == "load"
    assert stack.get(f"{base}?task_id=load")["total_entries"] == 1
    assert stack.get(f"{base}?state=sleeping", status=400)["code"] == "bad-state"
    every = stack.get("/api/v2/dags/~/dagRuns/~/taskInstances?state=success")
    assert every["total_entries"] == 2
    assert stack.get(f"{RUNS}/{ID}")["state"] == "success"

    entries = stack.get(f"{base}/extract/xcomEntries")
    assert [x["key"] for x in entries["xcom_entries"]] == ["return_value"]
    entry = stack.get(f"{base}/extract/xcomEntries/return_value")
    assert entry["value"] == {"rows": 3}
    text = stack.get(f"{base}/extract/xcomEntries/return_value?stringify=true")
    assert text["value"] == '{"rows":3}'
    stack.get(f"{base}/extract/xcomEntries/returned", status=404)


def test_what_is_not_there_names_what_is(stack: Stack, worker: str) -> None:
    stack.trigger(dag_run_id="mine")
    assert "Did you mean 'mine'?" in stack.get(f"{RUNS}/min", status=404)["detail"]
    path = f"{RUNS}/mine/taskInstances"
    assert "Did you mean 'load'?" in stack.get(f"{path}/lod", status=404)["detail"]
    assert stack.get(f"{path}/load/7", status=404)["code"] == "task-not-found"


def test_a_run_that_runs_is_not_deleted(stack: Stack, worker: str) -> None:
    stack.trigger(dag_run_id="mine")
    stack.ask("DELETE", f"{RUNS}/mine", status=409)
    stack.trigger("weekly_report", dag_run_id="waits")
    stack.ask("DELETE", "/api/v2/dags/weekly_report/dagRuns/waits", status=204)
    stack.get("/api/v2/dags/weekly_report/dagRuns/waits", status=404)


def test_logs_are_read_whole_in_pieces_and_never_from_elsewhere(stack: Stack, worker: str) -> None:
    stack.trigger(dag_run_id="mine")
    (order,) = [o for o in stack.exchange(worker).claims if o.run.run_id == "mine"]
    path = f"{RUNS}/mine/taskInstances/extract/logs"
    assert "no log" in stack.get(f"{path}/1")["content"][0]["event"]

    file = stack.settings.log_root / order.log_path
    file.parent.mkdir(parents=True)
    file.write_text('{"event":"one","level":"info"}\n{"event":"two"}\n{"event":"thr')
    first = stack.get(f"{path}/1")
    assert [e["event"] for e in first["content"]] == ["one", "two"]
    # It runs still, and its last line is not whole yet.
    token = first["continuation_token"]
    with file.open("a") as log:
        log.write('ee"}\n')
    rest = stack.get(f"{path}/1?token={token}")
    assert [e["event"] for e in rest["content"]] == ["three"]

    stack.finish(worker, order, LegState.SUCCESS)
    assert stack.get(f"{path}/1?full_content=true")["continuation_token"] is None
    raw = stack.call("GET", f"{path}/1", headers={"accept": "application/x-ndjson"})
    assert raw.headers["content-type"].startswith("application/x-ndjson")
    assert raw.body == file.read_bytes()
    stack.get(f"{path}/2", status=404)
    stack.get(f"{path}/1?token=x", status=400)


def test_why_is_told_in_sentences(stack: Stack, worker: str) -> None:
    stack.trigger("weekly_report", dag_run_id="waits")
    lines = stack.get("/api/own/why?dag_id=weekly_report&run_id=waits")["lines"]
    assert "paused" in " ".join(lines)
    stack.get("/api/own/why?dag_id=weekly_report&run_id=nope", status=404)
    stack.get("/api/own/why?dag_id=nope&run_id=nope", status=404)


def test_health_tells_of_each_part_and_whether_work_moves(stack: Stack, worker: str) -> None:
    stack.tick()
    health = stack.get("/api/v2/monitor/health")
    assert {part: state["status"] for part, state in health.items()} == {
        "metadatabase": "healthy",
        "scheduler": "healthy",
        "triggerer": None,
        "dag_processor": "healthy",
    }
    assert health["scheduler"]["latest_scheduler_heartbeat"] == "2026-04-20T08:00:00Z"
    assert stack.get("/api/own/health")["is_moving"] is True
    stack.clock.at = NOW.replace(hour=9)
    assert stack.get("/api/v2/monitor/health")["scheduler"]["status"] == "unhealthy"
    moves = stack.get("/api/own/health")
    assert moves["is_moving"] is False
    assert "2026-04-20T08:00" in moves["reason"]
