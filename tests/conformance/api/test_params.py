"""What a run is told is checked against its Dag's Params when it is asked for."""

from typing import Any

import msgspec
import pytest

from tests.conformance.api.conftest import SALES, Stack
from tradewind.core.spec import ParamSpec

PARAMS = {
    "limit": ParamSpec(
        default=5,
        has_default=True,
        json_schema={"type": "integer", "minimum": 1, "title": "Most rows"},
    ),
    "region": ParamSpec(json_schema={"enum": ["eu", "us"]}, description="One of two."),
    "where": ParamSpec(default={"a": 1, "b": 2}, has_default=True),
}


@pytest.fixture
def server(stack: Stack, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Stack:
    told = msgspec.structs.replace(SALES, params=PARAMS)
    monkeypatch.setattr("tests.conformance.api.conftest.SALES", told)
    stack.discover(tmp_path / "project")
    stack.parse(stack.register())
    return stack


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [
        ({}, "needs the param 'region'"),
        ({"region": "jp"}, "Invalid input for param 'region' of Dag 'daily_sales'"),
        ({"region": "eu", "limit": 0}, "0 is less than the minimum of 1"),
        ({"region": "eu", "limit": "x"}, "is not of type 'integer'"),
    ],
)
def test_a_conf_that_does_not_fit_is_refused(server: Stack, conf: Any, sentence: str) -> None:
    body = {"logical_date": None, "conf": conf}
    said = server.ask("POST", "/api/v2/dags/daily_sales/dagRuns", body, status=400)

    assert sentence in said["detail"]
    assert server.get("/api/v2/dags/daily_sales/dagRuns")["total_entries"] == 0


def test_a_conf_that_fits_is_kept_as_it_was_given(server: Stack) -> None:
    conf = {"region": "eu", "where": {"b": 3}, "something": "else"}
    run = server.ask(
        "POST", "/api/v2/dags/daily_sales/dagRuns", {"logical_date": None, "conf": conf}
    )

    assert run["conf"] == conf


def test_a_backfill_is_checked_too(server: Stack) -> None:
    body = {
        "dag_id": "daily_sales",
        "from_date": "2026-04-10T00:00:00Z",
        "to_date": "2026-04-11T00:00:00Z",
        "dag_run_conf": {"region": "jp"},
    }
    assert "region" in server.ask("POST", "/api/v2/backfills", body, status=400)["detail"]


def test_the_form_gets_every_keyword(server: Stack) -> None:
    shown = server.get("/api/v2/dags/daily_sales/details")["params"]["limit"]

    assert shown["schema"] == {"type": "integer", "minimum": 1, "title": "Most rows"}
    assert shown["value"] == 5
