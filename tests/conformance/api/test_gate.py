"""Who may come in, and how refusals look."""

import re

import pytest
from fastapi.routing import iter_route_contexts

from tests.conformance.api.conftest import TOKEN, Stack
from tradewind.api.app import ROUTERS, build_app
from tradewind.api.gate import OPEN_PATHS
from tradewind.api.inprocess import Reply, call_app
from tradewind.api.people import People
from tradewind.api.work.routes import PATHS
from tradewind.store.database import Tx

V2, RUN = "/api/v2", "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}"
TI = f"{RUN}/taskInstances"

OPEN = {("GET", path) for path in OPEN_PATHS}
TOKEN_NEEDED = {
    *(("POST", path) for path in PATHS),
    *((method, f"{V2}/dags") for method in ("GET", "PATCH")),
    *((method, f"{V2}/dags/{{dag_id}}") for method in ("GET", "PATCH", "DELETE")),
    ("GET", f"{V2}/dags/{{dag_id}}/details"),
    ("GET", f"{V2}/dags/{{dag_id}}/dagVersions"),
    ("GET", f"{V2}/dags/{{dag_id}}/dagVersions/{{version_number}}"),
    ("GET", f"{V2}/dags/{{dag_id}}/tasks"),
    ("GET", f"{V2}/dags/{{dag_id}}/tasks/{{task_id}}"),
    *((method, f"{V2}/dags/{{dag_id}}/dagRuns") for method in ("GET", "POST")),
    *((method, RUN) for method in ("GET", "DELETE")),
    *((method, TI) for method in ("GET", "PATCH")),
    *(("PATCH", f"{TI}/{{task_id}}{rest}") for rest in ("", "/dry_run")),
    *(("PATCH", f"{TI}/{{task_id}}/{{map_index}}{rest}") for rest in ("", "/dry_run")),
    *(("PATCH", f"{RUN}/taskGroupInstances/{{group_id}}{rest}") for rest in ("", "/dry_run")),
    ("PATCH", RUN),
    ("PATCH", f"{V2}/dags/{{dag_id}}/dagRuns"),
    ("POST", f"{RUN}/clear"),
    *(
        ("POST", f"{V2}/dags/{{dag_id}}/clear{what}")
        for what in ("TaskInstances", "DagRuns", "Partitions")
    ),
    ("POST", "/api/own/dags/{dag_id}/dagRuns/{dag_run_id}/cancel"),
    ("GET", f"{TI}/{{task_id}}"),
    ("GET", f"{TI}/{{task_id}}/listMapped"),
    ("GET", f"{TI}/{{task_id}}/links"),
    ("GET", f"{TI}/{{task_id}}/{{map_index}}"),
    ("GET", f"{TI}/{{task_id}}/logs/{{try_number}}"),
    ("GET", f"{TI}/{{task_id}}/xcomEntries"),
    ("GET", f"{RUN}/wait"),
    ("GET", f"{RUN}/hitlDetails"),
    *((method, f"{TI}/{{task_id}}/{{map_index}}/hitlDetails") for method in ("GET", "PATCH")),
    ("GET", f"{TI}/{{task_id}}/{{map_index}}/hitlDetails/tries/{{try_number}}"),
    ("GET", f"{TI}/{{task_id}}/xcomEntries/{{xcom_key:path}}"),
    *((method, f"{V2}/variables") for method in ("GET", "POST")),
    *((m, f"{V2}/variables/{{variable_key:path}}") for m in ("GET", "PATCH", "DELETE")),
    *((method, f"{V2}/pools") for method in ("GET", "POST")),
    *((m, f"{V2}/pools/{{pool_name:path}}") for m in ("GET", "PATCH", "DELETE")),
    *((method, f"{V2}/connections") for method in ("GET", "POST")),
    *((m, f"{V2}/connections/{{connection_id}}") for m in ("GET", "PATCH", "DELETE")),
    *((method, f"{V2}/backfills") for method in ("GET", "POST")),
    ("POST", f"{V2}/backfills/dry_run"),
    ("GET", f"{V2}/backfills/{{backfill_id}}"),
    *(
        (method, f"{V2}/backfills/{{backfill_id}}/{verb}")
        for method in ("PUT", "POST")
        for verb in ("pause", "unpause", "cancel")
    ),
    ("GET", f"{V2}/assets"),
    *((method, f"{V2}/assets/events") for method in ("GET", "POST")),
    ("GET", f"{V2}/assets/aliases"),
    ("GET", f"{V2}/assets/aliases/{{asset_alias_id}}"),
    ("GET", f"{V2}/assets/{{asset_id}}"),
    ("POST", f"{V2}/assets/{{asset_id}}/materialize"),
    *((method, f"{V2}/assets/{{asset_id}}/queuedEvents") for method in ("GET", "DELETE")),
    *((m, f"{V2}/dags/{{dag_id}}/assets/queuedEvents") for m in ("GET", "DELETE")),
    *((m, f"{V2}/dags/{{dag_id}}/assets/{{asset_id}}/queuedEvents") for m in ("GET", "DELETE")),
    ("GET", f"{RUN}/upstreamAssetEvents"),
    ("GET", f"{V2}/assets/{{asset_id}}/state-store"),
    ("GET", f"{V2}/importErrors"),
    ("POST", "/api/own/cleaning"),
    ("GET", "/api/own/archives"),
    *((method, "/api/own/archives/{name}") for method in ("GET", "DELETE")),
    ("GET", f"{V2}/importErrors/{{import_error_id}}"),
    ("POST", "/api/own/state-stores/clean"),
    ("GET", "/api/own/why"),
    ("GET", "/api/own/waits/{dag_id}"),
    ("GET", "/api/own/bundles"),
    ("GET", "/api/v2/dagSources/{dag_id}"),
    ("PUT", "/api/v2/parseDagFile/{file_token:path}"),
    ("GET", "/api/own/health"),
    ("GET", "/api/own/next-runs/{dag_id}"),
    ("GET", "/api/own/deadlines"),
    ("GET", "/api/own/callbacks"),
    ("GET", "/api/own/callbacks/{callback_id}/log"),
    ("GET", "/api/own/backfills/{backfill_id}/dates"),
    ("GET", "/api/own/backfills/{backfill_id}/progress"),
    ("PATCH", "/api/own/backfills/{backfill_id}"),
    ("POST", "/api/own/backfills/plan"),
    ("GET", "/api/own/secrets/variables/{key:path}"),
    ("POST", "/api/own/questions"),
    ("GET", "/api/own/secrets/connections/{conn_id:path}"),
}
"""Every route there is has its row here or in ``OPEN``: a new one must be thought about."""


def routes_of(stack: Stack) -> set[tuple[str, str]]:
    people = stack.app.people
    assert isinstance(people, People)
    return {("POST", path) for path in PATHS} | mounted_in(people)


def mounted_in(people: People) -> set[tuple[str, str]]:
    return {
        (method, str(route.path))
        for route in iter_route_contexts(people.app.routes)
        for method in (route.methods or set()) - {"HEAD"}
    }


def test_every_route_has_its_row_in_the_matrix(stack: Stack) -> None:
    assert routes_of(stack) == OPEN | TOKEN_NEEDED


@pytest.mark.parametrize(("given", "detail"), [(None, "Not authenticated"), ("x", "Invalid")])
def test_no_route_but_the_open_ones_answers_without_the_token(
    stack: Stack, given: str | None, detail: str
) -> None:
    headers = {} if given is None else {"authorization": f"Bearer {given}"}
    for method, path in sorted(routes_of(stack)):
        reply = ask(stack, method, path, headers)
        if (method, path) in OPEN:
            assert reply.status == 200, (method, path)
        else:
            assert reply.status == 401, (method, path)
            assert detail in reply.json()["detail"]
            assert reply.headers["www-authenticate"] == "Bearer"


def test_every_route_lets_the_right_token_in_and_never_fails(stack: Stack) -> None:
    for method, path in sorted(routes_of(stack)):
        reply = ask(stack, method, path, {"authorization": f"bearer {TOKEN}"})
        assert reply.status not in (401, 403, 500), (method, path, reply.body)


def ask(stack: Stack, method: str, path: str, headers: dict[str, str]) -> Reply:
    return call_app(stack.app, method, re.sub(r"\{[^}]*\}", "1", path), headers=headers)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", ""])
def test_a_name_that_is_not_ours_is_refused(stack: Stack, host: str) -> None:
    reply = stack.call("GET", "/api/v2/version", headers={"host": host})
    assert reply.status == 400
    assert reply.json()["code"] == "unknown-host"


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:1", "[::1]:8080", "LOCALHOST"])
def test_loopback_names_are_ours(stack: Stack, host: str) -> None:
    assert stack.call("GET", "/api/v2/version", headers={"host": host}).status == 200


def test_the_version_is_that_of_the_api_that_clients_know(stack: Stack) -> None:
    answer = stack.get("/api/v2/version")
    assert answer["version"].startswith("3.")
    assert answer["git_version"] is None
    assert answer["server"].startswith("tradewind/")


def test_unknown_routes_are_told_as_clients_expect(stack: Stack) -> None:
    assert stack.get("/api/v2/nope", status=404)["error"] == "API route not found"
    assert "/api/v2" in stack.get("/api/v1/dags", status=404)["error"]
    assert stack.get("/nope", status=404)["detail"] == "Not Found"
    assert stack.ask("PUT", "/api/v2/dags", status=405)["code"] == "method-not-allowed"


def test_a_refusal_is_problem_details_beside_the_detail(stack: Stack) -> None:
    reply = stack.call("GET", "/api/v2/dags/nope")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json().keys() == {"detail", "type", "title", "status", "code", "hint"}
    assert reply.json()["type"] == "docs/reference/errors.md#dag-not-found"
    assert reply.json()["title"] == "Not Found"


def test_an_invalid_request_lists_each_fault(stack: Stack) -> None:
    problem = stack.get("/api/v2/dags?limit=ten", status=422)
    (fault,) = problem["detail"]
    assert fault.keys() == {"type", "loc", "msg", "input"}
    assert fault["loc"] == ["query", "limit"]
    assert "query.limit" in problem["hint"]


def test_a_fault_of_ours_shows_no_traceback(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    def drop(tx: Tx) -> None:
        tx.exec_driver_sql("DROP TABLE pool")

    stack.writer.write(drop)
    problem = stack.get("/api/v2/pools", status=500)
    assert problem["detail"] == "The server failed on this request; its log says how."
    assert "no such table: pool" in caplog.text


def test_only_what_is_wanted_is_mounted(stack: Stack) -> None:
    app = build_app(stack.services, frozenset({"pools"}))
    assert app.work is None
    assert isinstance(app.people, People)
    ours = {path for _, path in mounted_in(app.people) if path.startswith("/api")}
    assert {path.split("/")[3] for path in ours} == {"pools"}
    with pytest.raises(KeyError, match="nope"):
        build_app(stack.services, frozenset({"pools", "nope"}))


def test_each_operation_has_an_id_of_its_own(stack: Stack) -> None:
    document = stack.get("/openapi.json")
    assert document["security"] == [{"bearer": []}]
    paths = document["paths"]
    ids = [one["operationId"] for verbs in paths.values() for one in verbs.values()]
    assert len(ids) == len(set(ids))
    assert len(ids) > len(ROUTERS)


def test_the_printed_url_says_what_answers_there(stack: Stack) -> None:
    answer = stack.get("/")
    assert answer["server"].startswith("tradewind/")
    for path in (answer["health"], answer["docs"]):
        assert stack.call("GET", path).status == 200
