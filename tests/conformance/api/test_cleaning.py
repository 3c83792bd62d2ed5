"""Cleaning a part at a call, and the archives that keep what went."""

import pytest

from tests.conformance.api.conftest import NOW, Stack
from tradewind.core.states import LegState

BEFORE = {"before": NOW.isoformat()}


@pytest.fixture
def ended(stack: Stack, worker: str) -> Stack:
    """Three runs that ended, and a clock that shows a later day."""
    for name in ("a", "b", "c"):
        stack.trigger(dag_run_id=name)
    orders = [*stack.exchange(worker).claims]
    while orders:
        orders += stack.finish(worker, orders.pop(), LegState.SUCCESS, b'"x"').claims
    stack.clock.at = NOW.replace(day=28)
    stack.tick()
    return stack


def test_cleaning_goes_on_until_nothing_is_left(ended: Stack) -> None:
    body = {"before": NOW.replace(day=21).isoformat(), "batch_size": 1}
    dry = ended.ask("POST", "/api/own/cleaning", body | {"dry_run": True})
    total, stamp = 0, None
    place = {"table": 0, "after": 0, "size": 1}
    while place is not None:
        done = ended.ask("POST", "/api/own/cleaning", body | {"place": place, "stamp": stamp})
        place, stamp = done["place"], done["stamp"]
        total += done["removed"].get("run", 0)
    assert total == dry["removed"]["dag_run"] == 2
    assert stamp == "20260428080000"

    kept = ended.get("/api/own/archives")["archives"]
    assert {one["table"] for one in kept} >= {"run", "task_instance", "attempt", "event", "xcom"}
    name = next(one["name"] for one in kept if one["table"] == "xcom")
    first = ended.get(f"/api/own/archives/{name}?limit=1")
    assert first["rows"][0]["value"] == '"x"'
    rest = ended.get(f"/api/own/archives/{name}?after={first['after']}")
    assert len(rest["rows"]) == 3
    for one in kept:
        ended.call("DELETE", f"/api/own/archives/{one['name']}")
    assert ended.get("/api/own/archives") == {"archives": []}


def test_what_means_nothing_here_is_told(ended: Stack) -> None:
    body = BEFORE | {"tables": ["celery_taskmeta", "log"], "skip_archive": True}
    done = ended.ask("POST", "/api/own/cleaning", body)
    assert (done["absent"], done["stamp"]) == (["celery_taskmeta"], None)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"before": "2030-01-01T00:00:00Z"}, 400, "clean-in-future"),
        (BEFORE | {"tables": ["dagrun"]}, 422, "unknown-table"),
        ({"before": "yesterday"}, 422, "invalid-request"),
    ],
)
def test_what_cannot_be_cleaned_is_refused(
    stack: Stack, body: dict[str, object], status: int, code: str
) -> None:
    assert stack.ask("POST", "/api/own/cleaning", body, status=status)["code"] == code


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_only_archives_are_read_and_dropped(stack: Stack, method: str) -> None:
    answer = stack.ask(method, "/api/own/archives/variable", status=404)
    assert answer["code"] == "archive-not-found"
