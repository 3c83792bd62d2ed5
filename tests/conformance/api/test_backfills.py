"""Backfills by HTTP: made, looked at, held, resized, cancelled."""

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.api.conftest import Stack

V2, OWN = "/api/v2/backfills", "/api/own/backfills"


@pytest.fixture
def dag(stack: Stack, tmp_path: Path) -> Stack:
    """A server that knows a daily Dag, paused."""
    stack.discover(tmp_path / "project")
    stack.parse(stack.register())
    return stack
    return stack


def asked(first: str = "2026-04-01", last: str = "2026-04-03", **more: Any) -> dict[str, Any]:
    return {"dag_id": "daily_sales", "from_date": first, "to_date": last, **more}


def test_a_dry_run_lists_dates_and_writes_nothing(dag: Stack) -> None:
    dates = dag.ask("POST", f"{V2}/dry_run", asked())

    assert dates["total_entries"] == 3
    assert dag.ask("GET", V2)["total_entries"] == 0


def test_it_tells_how_far_it_is(dag: Stack) -> None:
    made = dag.ask("POST", V2, asked(max_active_runs=1))
    told = dag.ask("GET", f"{OWN}/{made['id']}/progress")

    assert (told["state"], told["runs"], told["queued"], told["running"]) == ("active", 3, 2, 1)
    assert (told["code"], told["skipped"], told["expected_end"]) == ("latest", 0, None)
    dates = dag.ask("GET", f"{OWN}/{made['id']}/dates")["dates"]
    assert [one["state"] for one in dates] == ["running", "queued", "queued"]


def test_it_is_held_resized_and_cancelled(dag: Stack) -> None:
    number = dag.ask("POST", V2, asked(max_active_runs=1))["id"]
    assert dag.ask("PUT", f"{V2}/{number}/pause")["is_paused"]
    assert dag.ask("GET", f"{OWN}/{number}/progress")["state"] == "paused"
    assert not dag.ask("PUT", f"{V2}/{number}/unpause")["is_paused"]
    resized = dag.ask("PATCH", f"{OWN}/{number}", {"max_active_runs": 2})
    assert (resized["max_active_runs"], resized["running"]) == (2, 2)
    assert dag.ask("PUT", f"{V2}/{number}/cancel")["completed_at"] is not None
    told = dag.ask("GET", f"{OWN}/{number}/progress")
    assert (told["state"], told["failed"], told["running"]) == ("cancelled", 1, 2)
    for verb in ("pause", "unpause", "cancel"):
        dag.ask("PUT", f"{V2}/{number}/{verb}", status=409)
    dag.ask("PATCH", f"{OWN}/{number}", {"max_active_runs": 2}, status=409)


def test_what_cannot_be_is_refused(dag: Stack) -> None:
    number = dag.ask("POST", V2, asked())["id"]
    dag.ask("POST", V2, asked("2026-04-03", "2026-04-05"), status=409)
    dag.ask("POST", V2, asked("2026-04-04", "2026-04-05"))
    dag.ask("POST", V2, asked("2026-04-09", "2026-04-08"), status=400)
    dag.ask("POST", V2, asked("2026-04-08", "2026-04-09", dag_version=9), status=404)
    dag.ask("POST", V2, asked("2026-04-08", "2026-04-09", max_active_runs=0), status=422)
    dag.ask("PATCH", f"{OWN}/{number}", {"max_active_runs": 0}, status=422)
    dag.ask("GET", f"{OWN}/99/progress", status=404)
    dag.ask("PUT", f"{V2}/99/cancel", status=404)
