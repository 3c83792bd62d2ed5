"""Variables, connections, pools and backfills."""

import pytest

from tests.conformance.api.conftest import Stack
from tradewind.store.connections import read_connection
from tradewind.store.variables import read_variable

VARIABLES, CONNECTIONS, POOLS = "/api/v2/variables", "/api/v2/connections", "/api/v2/pools"
BACKFILLS, SECRETS = "/api/v2/backfills", "/api/own/secrets"
RANGE = {"dag_id": "daily_sales", "from_date": "2026-04-03", "to_date": "2026-04-05T00:00:00Z"}


def test_a_variable_is_made_read_changed_and_deleted(stack: Stack) -> None:
    made = stack.ask("POST", VARIABLES, {"key": "a/region", "value": "eu"}, status=201)
    assert made == stack.get(f"{VARIABLES}/a/region")
    stack.ask("POST", VARIABLES, {"key": "a/region", "value": "us"}, status=409)
    stack.ask("PATCH", f"{VARIABLES}/a/region", {"description": "where"})
    changed = stack.ask("PATCH", f"{VARIABLES}/a/region", {"key": "a/region", "value": "us"})
    assert (changed["value"], changed["description"]) == ("us", "where")
    assert stack.get(f"{VARIABLES}?variable_key_pattern=%25REG%25")["total_entries"] == 1
    assert "Did you mean" in stack.get(f"{VARIABLES}/a/regio", status=404)["hint"]
    stack.ask("DELETE", f"{VARIABLES}/a/region", status=204)
    stack.ask("DELETE", f"{VARIABLES}/a/region", status=404)


def test_a_variable_whose_name_tells_is_never_shown(stack: Stack) -> None:
    stack.ask("POST", VARIABLES, {"key": "db_password", "value": "s3cr3t"}, status=201)
    shown = stack.get(f"{VARIABLES}/db_password")
    assert shown["value"] == "***"
    # Sent back as it was read, it must not become the stars.
    stack.ask("PATCH", f"{VARIABLES}/db_password", {"value": "***", "description": "d"})
    with stack.database.read() as tx:
        found = read_variable(tx, stack.services.vault, "db_password")
    assert found is not None
    assert found.value == "s3cr3t"


def test_a_connection_keeps_its_secrets_to_itself(stack: Stack) -> None:
    body = {
        "connection_id": "shop",
        "conn_type": "http",
        "host": "h",
        "schema": "s",
        "password": "s3cr3t",
        "extra": '{"region":"eu","api_key":"k3y","deep":{"token":"t"}}',
    }
    made = stack.ask("POST", CONNECTIONS, body, status=201)
    assert made == stack.get(f"{CONNECTIONS}/shop")
    assert made["schema"] == "s"
    assert made["password"] == "***"
    assert made["extra"] == '{"region":"eu","api_key":"***","deep":{"token":"***"}}'
    stack.ask("POST", CONNECTIONS, body, status=409)

    made["host"] = "h2"
    stack.ask("PATCH", f"{CONNECTIONS}/shop", made)
    with stack.database.read() as tx:
        found = read_connection(tx, stack.services.vault, "shop")
    assert found is not None
    assert (found.host, found.password) == ("h2", "s3cr3t")
    assert found.extra == body["extra"]
    assert stack.get(CONNECTIONS)["total_entries"] == 1
    stack.ask("DELETE", f"{CONNECTIONS}/shop", status=204)
    stack.get(f"{CONNECTIONS}/shop", status=404)


def test_the_holder_of_the_token_reads_secrets_in_clear_and_nobody_keeps_them(stack: Stack) -> None:
    stack.ask("POST", VARIABLES, {"key": "a/db_password", "value": "s3cr3t"}, status=201)
    body = {"conn_type": "http", "password": "p", "extra": '{"token":"t"}', "schema": "s"}
    stack.ask("POST", CONNECTIONS, {"connection_id": "shop", **body}, status=201)
    reply = stack.call("GET", f"{SECRETS}/variables/a/db_password")
    assert reply.json()["value"] == "s3cr3t"
    assert reply.headers["cache-control"] == "no-store"
    reply = stack.call("GET", f"{SECRETS}/connections/shop")
    assert {key: reply.json()[key] for key in body} == body
    assert reply.headers["cache-control"] == "no-store"
    assert "Did you mean" in stack.get(f"{SECRETS}/connections/shp", status=404)["hint"]
    stack.ask("DELETE", f"{SECRETS}/variables/a/db_password", status=405)


def test_a_pool_is_made_changed_and_deleted(stack: Stack) -> None:
    made = stack.ask("POST", POOLS, {"name": "p", "slots": 2}, status=201)
    assert (made["open_slots"], made["occupied_slots"]) == (2, 0)
    stack.ask("POST", POOLS, {"name": "p", "slots": 2}, status=409)
    changed = stack.ask("PATCH", f"{POOLS}/p", {"pool": "p", "slots": 3, "description": None})
    assert changed == stack.get(f"{POOLS}/p")
    assert changed["slots"] == 3
    assert stack.get(POOLS)["total_entries"] == 2
    stack.ask("DELETE", f"{POOLS}/p", status=204)
    stack.ask("DELETE", f"{POOLS}/default_pool", status=400)
    stack.get(f"{POOLS}/p", status=404)


def test_a_pool_tells_what_is_in_use(stack: Stack, worker: str) -> None:
    stack.trigger(dag_run_id="mine")
    claims = stack.exchange(worker).claims
    pool = stack.get(f"{POOLS}/default_pool")
    assert pool["running_slots"] == pool["occupied_slots"] == len(claims) == 1
    assert pool["open_slots"] == pool["slots"] - 1


@pytest.mark.usefixtures("worker")
class TestBackfills:
    def test_a_dry_run_lists_dates_and_writes_nothing(self, stack: Stack) -> None:
        answer = stack.ask("POST", f"{BACKFILLS}/dry_run", RANGE)
        days = [one["logical_date"] for one in answer["backfills"]]
        assert days == [f"2026-04-0{day}T00:00:00Z" for day in (3, 4, 5)]
        assert stack.get(BACKFILLS)["total_entries"] == 0

    def test_it_is_made_held_and_cancelled(self, stack: Stack) -> None:
        stack.trigger(logical_date="2026-04-04")
        plan = stack.ask("POST", "/api/own/backfills/plan", RANGE)["dates"]
        assert [one["decision"] for one in plan] == ["create", "skip", "create"]
        assert plan[0]["run_id"] == "backfill__2026-04-03T00:00:00+00:00"

        made = stack.ask("POST", BACKFILLS, {**RANGE, "max_active_runs": 1})
        path = f"{BACKFILLS}/{made['id']}"
        assert stack.get(path) == made
        assert (made["max_active_runs"], made["is_paused"]) == (1, False)
        dates = stack.get(f"/api/own/backfills/{made['id']}/dates")["dates"]
        assert [one["run_id"] and one["run_id"][:10] for one in dates] == [
            "backfill__",
            None,
            "backfill__",
        ]
        assert [one["state"] for one in dates] == ["running", None, "queued"]
        assert dates[1]["reason"]

        assert stack.ask("PUT", f"{path}/pause")["is_paused"] is True
        assert stack.ask("POST", f"{path}/unpause")["is_paused"] is False
        assert stack.ask("POST", BACKFILLS, RANGE, status=409)["detail"]
        assert stack.ask("PUT", f"{path}/cancel")["completed_at"] == "2026-04-20T08:00:00Z"
        stack.ask("PUT", f"{path}/cancel", status=409)
        assert stack.get(f"{BACKFILLS}?dag_id=daily_sales")["total_entries"] == 1
        assert stack.get(f"{BACKFILLS}?dag_id=other")["total_entries"] == 0

    def test_nonsense_is_refused(self, stack: Stack) -> None:
        stack.ask("POST", BACKFILLS, {**RANGE, "dag_id": "nope"}, status=404)
        stack.ask("POST", BACKFILLS, {**RANGE, "reprocess_behavior": "some"}, status=422)
        stack.ask("POST", BACKFILLS, {**RANGE, "max_active_runs": 0}, status=422)
        stack.ask("POST", BACKFILLS, {**RANGE, "dag_id": "weekly_report"}, status=400)
        turned = {**RANGE, "to_date": "2026-04-01"}
        assert stack.call("POST", BACKFILLS, turned).status in (400, 422)
        stack.get(f"{BACKFILLS}/99", status=404)
        stack.ask("PUT", f"{BACKFILLS}/99/pause", status=404)
