"""Clears, marks and cancels, as clients ask for them."""

from typing import Any

import pytest

from tests.conformance.api.conftest import Stack
from tradewind.core.states import LegState

DAG = "/api/v2/dags/daily_sales"
RUN = f"{DAG}/dagRuns/one"
TI = f"{RUN}/taskInstances"


@pytest.fixture
def ended(stack: Stack, worker: str) -> str:
    """Answer a worker; run ``one`` has failed in its second task."""
    stack.trigger(dag_run_id="one", logical_date="2026-04-10")
    (order,) = stack.exchange(worker).claims
    (order,) = stack.finish(worker, order, LegState.SUCCESS).claims
    stack.finish(worker, order, LegState.FAILED)
    assert stack.get(RUN)["state"] == "failed"
    return worker


def ids(answer: Any) -> list[str]:
    assert answer["total_entries"] == len(answer["task_instances"])
    return [one["task_id"] for one in answer["task_instances"]]


def test_a_clear_says_what_it_would_do_unless_it_is_told_to_do_it(stack: Stack, ended: str) -> None:
    body = {"dag_run_id": "one"}

    would = stack.ask("POST", f"{DAG}/clearTaskInstances", body)

    assert ids(would) == ["load"]
    assert (would["task_instances"][0]["state"], would["warnings"]) == ("failed", [])
    assert stack.get(RUN)["state"] == "failed"
    done = stack.ask("POST", f"{DAG}/clearTaskInstances", body | {"dry_run": False})
    assert done["task_instances"][0]["state"] == "queued"
    assert stack.get(RUN)["state"] == "running"
    assert stack.exchange(ended).claims[0].try_number == 2


@pytest.mark.parametrize(
    ("body", "chosen"),
    [
        ({"only_failed": False}, ["extract", "load"]),
        ({"only_failed": False, "task_ids": ["extract"]}, ["extract"]),
        ({"task_ids": ["load"], "include_upstream": True}, ["load"]),
        (
            {"only_failed": False, "task_ids": [["extract", -1]], "include_downstream": True},
            ["extract", "load"],
        ),
        ({"only_running": True, "only_failed": False}, []),
        ({"dag_run_id": None, "start_date": "2026-04-10", "end_date": "2026-04-11"}, ["load"]),
        ({"dag_run_id": None, "start_date": "2026-04-11"}, []),
        ({"include_past": True}, ["load"]),
        ({"only_new": True}, []),
    ],
)
def test_a_clear_chooses(stack: Stack, ended: str, body: dict[str, Any], chosen: Any) -> None:
    asked = {"dag_run_id": "one"} | body
    assert ids(stack.ask("POST", f"{DAG}/clearTaskInstances", asked)) == chosen


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"task_ids": []}, 400, "bad-choice"),
        ({"task_ids": ["lod"]}, 404, "task-not-found"),
        ({"task_ids": [["load", 3]], "only_failed": False}, 404, "task-not-found"),
        ({"task_group_id": "g"}, 404, "task-group-not-found"),
        ({"dag_run_id": "two"}, 404, "run-not-found"),
        ({"include_past": True}, 400, "bad-choice"),
        ({"only_running": True, "only_failed": True, "dag_run_id": "one"}, 400, "bad-choice"),
        ({"start_date": "2026-04-11", "end_date": "2026-04-10"}, 400, "bad-range"),
        ({"colour": "red"}, 422, "invalid-request"),
    ],
)
def test_a_clear_that_cannot_be_is_refused(
    stack: Stack, ended: str, body: Any, status: int, code: str | None
) -> None:
    answer = stack.ask("POST", f"{DAG}/clearTaskInstances", body, status=status)
    assert answer.get("code") == code


def test_what_runs_may_be_left_in_peace(stack: Stack, worker: str) -> None:
    stack.trigger(dag_run_id="one")
    stack.exchange(worker)
    body = {"dag_run_id": "one", "only_failed": False, "prevent_running_task": True}

    refused = stack.ask("POST", f"{DAG}/clearTaskInstances", body, status=409)

    assert refused["code"] == "task-is-running"
    del body["prevent_running_task"]
    stack.ask("POST", f"{DAG}/clearTaskInstances", body | {"dry_run": False})
    assert stack.get(f"{TI}/extract")["state"] == "restarting"


def test_a_run_is_cleared_as_a_whole(stack: Stack, ended: str) -> None:
    assert ids(stack.ask("POST", f"{RUN}/clear", {})) == ["extract", "load"]

    run = stack.ask("POST", f"{RUN}/clear", {"dry_run": False, "note": "again"})

    assert (run["state"], run["note"]) == ("running", "again")
    assert stack.get(f"{TI}/extract")["state"] == "queued"


def test_many_runs_are_cleared(stack: Stack, ended: str) -> None:
    stack.trigger(dag_run_id="two", logical_date="2026-04-11")
    body = {"start_date": "2026-04-10", "end_date": "2026-04-11", "only_failed": True}

    answer = stack.ask("POST", f"{DAG}/clearDagRuns", body)

    assert (ids(answer), answer["dag_run_ids"]) == (["load"], ["one"])
    assert stack.ask("POST", f"{DAG}/clearDagRuns", {}, status=400)["code"] == "bad-choice"


def test_a_task_is_marked(stack: Stack, ended: str) -> None:
    would = stack.ask("PATCH", f"{TI}/load/dry_run", {"new_state": "success"})
    assert would["task_instances"][0]["state"] == "failed"

    done = stack.ask("PATCH", f"{TI}/load", {"new_state": "success"})

    assert (ids(done), done["task_instances"][0]["state"]) == (["load"], "success")
    assert ids(stack.ask("PATCH", f"{TI}/load/-1", {"new_state": "success"})) == []
    up = {"new_state": "skipped", "include_upstream": True}
    assert ids(stack.ask("PATCH", f"{TI}/load/-1/dry_run", up)) == ["extract", "load"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"{TI}/lod", {"new_state": "success"}, 404),
        (f"{TI}/load/3", {"new_state": "success"}, 404),
        (f"{TI}/load", {"new_state": "running"}, 422),
        (f"{TI}/load", {}, 422),
        (f"{RUN}/taskGroupInstances/g", {"new_state": "failed"}, 404),
        (f"{RUN}/taskGroupInstances/g/dry_run", {"new_state": "failed"}, 404),
        (RUN, {"state": "running"}, 422),
        (f"{DAG}/dagRuns/nope", {"state": "failed"}, 404),
    ],
)
def test_a_mark_that_cannot_be_is_refused(
    stack: Stack, ended: str, path: str, body: Any, status: int
) -> None:
    stack.ask("PATCH", path, body, status=status)


def test_several_tasks_are_marked_at_once(stack: Stack, ended: str) -> None:
    entities = [
        {"task_id": "load", "new_state": "success"},
        {"task_id": "nope", "new_state": "success"},
    ]
    answer = stack.ask("PATCH", TI, {"actions": [{"action": "update", "entities": entities}]})
    assert answer["update"]["success"] == ["daily_sales.one.load"]
    assert answer["update"]["errors"][0]["status_code"] == 404


def test_a_run_is_marked_and_gets_a_note(stack: Stack, ended: str) -> None:
    body = {"state": "success", "note": "it was right"}

    run = stack.ask("PATCH", f"{RUN}?update_mask=note", body)
    assert (run["state"], run["note"]) == ("failed", "it was right")

    run = stack.ask("PATCH", RUN, body)
    assert (run["state"], run["note"]) == ("success", "it was right")
    assert stack.get(f"{TI}/load")["state"] == "success"


def test_several_runs_are_changed_and_deleted(stack: Stack, ended: str) -> None:
    stack.trigger(dag_run_id="two", logical_date="2026-04-11")
    update = {"action": "update", "entities": [{"dag_run_id": "two", "state": "failed"}]}
    delete = {"action": "delete", "entities": [{"dag_run_id": "one"}, {"dag_run_id": "x"}]}

    answer = stack.ask("PATCH", f"{DAG}/dagRuns", {"actions": [update, delete]})

    assert answer["update"]["success"] == ["daily_sales.two"]
    assert answer["delete"]["success"] == ["daily_sales.one"]
    assert answer["delete"]["errors"][0]["status_code"] == 404
    assert stack.get(f"{DAG}/dagRuns/two")["state"] == "failed"


def test_a_run_is_cancelled_once(stack: Stack, worker: str) -> None:
    stack.trigger(dag_run_id="one")
    (order,) = stack.exchange(worker).claims
    path = "/api/own/dags/daily_sales/dagRuns/one/cancel"

    headers = {"tradewind-user": "ann"}
    run = stack.call("POST", path, headers=headers).json()

    assert run["state"] == "failed"
    assert [one.attempt_id for one in stack.exchange(worker).cancels] == [order.attempt_id]
    assert stack.ask("POST", path, status=409)["code"] == "run-has-ended"
    lines = stack.get("/api/own/why?dag_id=daily_sales&run_id=one")["lines"]
    assert "cancelled by ann" in lines[0]


def test_runs_forget_their_partition(stack: Stack, ended: str) -> None:
    path = f"{DAG}/clearPartitions"
    assert stack.ask("POST", path, {"dag_run_id": "one"})["total_entries"] == 0
    assert stack.ask("POST", path, {}, status=400)["code"] == "bad-choice"
