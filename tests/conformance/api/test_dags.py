"""Dags and what belongs to them, as clients read them."""

import pytest

from tests.conformance.api.conftest import Stack

pytestmark = pytest.mark.usefixtures("worker")

DAG_FIELDS = 30


def test_a_dag_has_every_field_of_the_api(stack: Stack) -> None:
    dag = stack.get("/api/v2/dags/daily_sales")
    assert len(dag) == DAG_FIELDS
    assert dag["dag_display_name"] == "daily_sales"
    assert dag["fileloc"].endswith("/project/dags/sales.py")
    assert dag["relative_fileloc"] == "dags/sales.py"
    assert dag["has_task_concurrency_limits"] is True
    assert dag["timetable_periodic"] is dag["is_backfillable"] is True
    assert [tag["name"] for tag in dag["tags"]] == ["sales", "daily"]
    assert dag["last_parsed_time"] == "2026-04-20T08:00:00Z"


def test_details_add_to_it(stack: Stack) -> None:
    details = stack.get("/api/v2/dags/daily_sales/details")
    assert details["start_date"] == "2026-04-01T00:00:00Z"
    assert details["latest_dag_version"]["version_number"] == 1
    assert details["active_runs_count"] == 0
    assert stack.get("/api/v2/dags/daily_sales").items() <= details.items()


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", ["daily_sales", "weekly_report"]),
        ("?dag_id_pattern=SALES", ["daily_sales"]),
        ("?dag_id_pattern=%25report", ["weekly_report"]),
        ("?paused=true", ["weekly_report"]),
        ("?tags=sales&tags=nope", ["daily_sales"]),
        ("?tags=sales&tags=nope&tags_match_mode=all", []),
        ("?order_by=-dag_id", ["weekly_report", "daily_sales"]),
        ("?limit=1", ["daily_sales"]),
        ("?limit=1&offset=1", ["weekly_report"]),
        ("?limit=&offset=", ["daily_sales", "weekly_report"]),
        ("?limit=100000", ["daily_sales", "weekly_report"]),
    ],
)
def test_dags_are_filtered_sorted_and_paged(stack: Stack, query: str, ids: list[str]) -> None:
    answer = stack.get(f"/api/v2/dags{query}")
    assert [dag["dag_id"] for dag in answer["dags"]] == ids
    assert answer["total_entries"] == (2 if "limit=1" in query else len(ids))


def test_a_trailing_slash_is_forgiven(stack: Stack) -> None:
    assert stack.get("/api/v2/dags/")["total_entries"] == 2


def test_an_unknown_dag_is_answered_with_the_nearest(stack: Stack) -> None:
    problem = stack.get("/api/v2/dags/daily_sale", status=404)
    assert problem["detail"].startswith("The Dag with ID: `daily_sale` was not found")
    assert problem["hint"] == "Did you mean 'daily_sales'?"
    assert problem["code"] == "dag-not-found"


def test_a_wrong_order_is_refused(stack: Stack) -> None:
    problem = stack.get("/api/v2/dags?order_by=dag_idd", status=400)
    assert problem["code"] == "bad-order"
    assert "Did you mean 'dag_id'?" in problem["detail"]


def test_one_dag_is_paused_and_unpaused(stack: Stack) -> None:
    path = "/api/v2/dags/daily_sales"
    assert stack.ask("PATCH", path, {"is_paused": True})["is_paused"] is True
    assert stack.ask("PATCH", f"{path}?update_mask=is_paused", {"is_paused": False})
    assert stack.get(path)["is_paused"] is False
    stack.ask("PATCH", path, {"is_paused": True, "owner": "me"}, status=422)
    stack.ask("PATCH", f"{path}?update_mask=owner", {"is_paused": True}, status=400)


def test_many_dags_are_paused_by_a_pattern_and_never_by_accident(stack: Stack) -> None:
    answer = stack.ask("PATCH", "/api/v2/dags?dag_id_pattern=~", {"is_paused": True})
    assert [dag["is_paused"] for dag in answer["dags"]] == [True, True]
    stack.ask("PATCH", "/api/v2/dags", {"is_paused": False}, status=400)
    assert stack.get("/api/v2/dags?paused=true")["total_entries"] == 2


def test_a_dag_is_deleted(stack: Stack) -> None:
    stack.ask("DELETE", "/api/v2/dags/weekly_report", status=204)
    stack.get("/api/v2/dags/weekly_report", status=404)
    stack.ask("DELETE", "/api/v2/dags/weekly_report", status=404)


def test_tasks_are_listed_in_order(stack: Stack) -> None:
    answer = stack.get("/api/v2/dags/daily_sales/tasks")
    extract, load = answer["tasks"]
    assert extract["downstream_task_ids"] == ["load"]
    assert extract["class_ref"] == {"module_path": "shop.ops", "class_name": "Fetch"}
    assert load["execution_timeout"] == {
        "__type": "TimeDelta",
        "days": 1,
        "seconds": 3600,
        "microseconds": 500_000,
    }
    assert stack.get("/api/v2/dags/daily_sales/tasks/load") == load
    problem = stack.get("/api/v2/dags/daily_sales/tasks/lod", status=404)
    assert problem["hint"] == "Did you mean 'load'?"
    stack.get("/api/v2/dags/daily_sales/tasks?order_by=colour", status=400)


def test_versions_are_listed(stack: Stack) -> None:
    answer = stack.get("/api/v2/dags/daily_sales/dagVersions")
    assert [one["version_number"] for one in answer["dag_versions"]] == [1]
    one = stack.get("/api/v2/dags/daily_sales/dagVersions/1")
    assert one == answer["dag_versions"][0]
    stack.get("/api/v2/dags/daily_sales/dagVersions/2", status=404)


def test_import_errors_carry_the_users_traceback(stack: Stack) -> None:
    answer = stack.get("/api/v2/importErrors")
    assert answer["total_entries"] == 1
    error = answer["import_errors"][0]
    assert (error["filename"], error["stack_trace"]) == ("dags/broken.py", "Trace")
    assert stack.get(f"/api/v2/importErrors/{error['import_error_id']}") == error
    stack.get("/api/v2/importErrors/99", status=404)


def test_the_next_runs_are_told(stack: Stack) -> None:
    answer = stack.get("/api/own/next-runs/daily_sales?n=3")
    days = [one["run_after"][:10] for one in answer["next_runs"]]
    assert len(days) == 3
    assert days == sorted(set(days))
    assert stack.get("/api/own/next-runs/weekly_report")["next_runs"] == []
