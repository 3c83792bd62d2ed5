"""Assets, their events, and state that outlives a try, on a whole server."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.conformance.api.conftest import SALES, Stack
from tradewind.core.spec import AssetSpec, DagSpec
from tradewind.core.states import LegState
from tradewind.core.timetables import AssetTriggered
from tradewind.protocol.data_questions import (
    AssetEventView,
    DeleteState,
    DeleteXCom,
    FindAsset,
    FindAssetEvents,
    FindXComs,
    GetState,
    InactiveAssets,
    SetState,
    SetXCom,
    TriggeringEvents,
)
from tradewind.protocol.exchange import Call, CallReply
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.questions import BUILTIN_TYPES, Question, fields_of
from tradewind.protocol.reports import AssetEventPush, Finish, ParseReport
from tradewind.runtime.serialize_assets import serialize_assets
from tradewind.sdk.assets import Asset, AssetAll
from tradewind.store.assets import EventSource, apply_asset_events, apply_asset_uses
from tradewind.store.parsed_dags import apply_parsed_dags
from tradewind.store.runs import read_run
from tradewind.store.xcoms import XCom, apply_xcoms

SALES_ASSET = AssetSpec(name="sales", uri="s3://lake/sales", extra={"owner": "ann"})


@pytest.fixture
def server(stack: Stack, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Stack, str]:
    first, second = SALES.tasks
    with_assets: DagSpec = msgspec.structs.replace(
        SALES,
        assets=(AssetSpec(name="rates", uri="rates"),),
        tasks=(
            msgspec.structs.replace(first, outlets=(SALES_ASSET,)),
            msgspec.structs.replace(second, inlets=(SALES_ASSET,)),
        ),
    )
    monkeypatch.setattr("tests.conformance.api.conftest.SALES", with_assets)
    stack.discover(tmp_path / "project")
    worker = stack.register()
    stack.parse(worker)
    return stack, worker


def ask(stack: Stack, order: TaskOrder, question: Question) -> Any:
    reply = answer(stack, order, question)
    assert not reply.error, reply.message
    return msgspec.convert(reply.value, question.ANSWER, builtin_types=BUILTIN_TYPES)


def answer(stack: Stack, order: TaskOrder, question: Question) -> CallReply:
    call = Call(
        verb=question.verb(),
        args=fields_of(question),
        attempt_id=order.attempt_id,
        epoch=order.epoch,
        token=order.token,
    )
    return msgspec.msgpack.decode(stack.work("/work/call", call), type=CallReply)


def finish(
    stack: Stack, worker: str, order: TaskOrder, outcome: LegState, **fields: Any
) -> tuple[TaskOrder, ...]:
    done = Finish(
        attempt_id=order.attempt_id,
        epoch=order.epoch,
        token=order.token,
        outcome=outcome,
        started_at=stack.clock.now(),
        ended_at=stack.clock.now(),
        **fields,
    )
    return stack.exchange(worker, finishes=(done,)).claims


def test_assets_are_known_as_soon_as_a_dag_describes_them(server: tuple[Stack, str]) -> None:
    stack, _ = server

    found = stack.get("/api/v2/assets")
    assert [one["name"] for one in found["assets"]] == ["rates", "sales"]
    rates, sales = found["assets"]
    assert [one["dag_id"] for one in rates["scheduled_dags"]] == ["daily_sales"]
    assert [one["task_id"] for one in sales["producing_tasks"]] == ["extract"]
    assert [one["task_id"] for one in sales["consuming_tasks"]] == ["load"]
    assert sales["extra"] == {"owner": "ann"}
    assert sales["last_asset_event"] is None
    assert stack.get(f"/api/v2/assets/{sales['id']}")["uri"] == "s3://lake/sales"
    assert stack.get("/api/v2/assets?name_pattern=sal")["total_entries"] == 1
    stack.get("/api/v2/assets/999", status=404)


def test_events_are_recorded_with_the_success_and_read_by_those_after(
    server: tuple[Stack, str],
) -> None:
    stack, worker = server
    stack.trigger(dag_run_id="mine")
    (order,) = stack.exchange(worker).claims
    push = AssetEventPush(name="sales", uri="s3://lake/sales", extra={"rows": 3})
    finish(stack, worker, order, LegState.FAILED, asset_events=(push,))
    assert stack.get("/api/v2/assets/events")["total_entries"] == 0

    stack.clock.at += timedelta(hours=1)
    worker = stack.register()
    stack.tick()
    # A scheduled run has become due meanwhile.
    (order,) = (one for one in stack.exchange(worker).claims if one.run.run_id == "mine")
    by_alias = AssetEventPush(name="new", uri="new", alias="found", partition_key="eu")
    (order,) = finish(stack, worker, order, LegState.SUCCESS, asset_events=(push, by_alias))
    events = stack.get("/api/v2/assets/events?order_by=-timestamp")["asset_events"]
    assert [one["name"] for one in events] == ["new", "sales"]
    assert (events[1]["source_task_id"], events[1]["source_run_id"]) == ("extract", "mine")
    assert stack.get("/api/v2/assets/events?source_dag_id=nope")["total_entries"] == 0

    (seen,) = ask(stack, order, FindAssetEvents(name="sales"))
    assert isinstance(seen, AssetEventView)
    assert (seen.extra, seen.timestamp) == ({"rows": 3}, stack.clock.now())
    assert ask(stack, order, FindAssetEvents(name="sales", extra={"rows": "x"})) == []
    assert [e.partition_key for e in ask(stack, order, FindAssetEvents(alias="found"))] == ["eu"]
    later = stack.clock.now() + timedelta(seconds=1)
    assert ask(stack, order, FindAssetEvents(name="sales", after=later)) == []
    assert ask(stack, order, FindAsset(name="sales")).uri == "s3://lake/sales"
    assert ask(stack, order, FindAsset(uri="nowhere")) is None
    assert ask(stack, order, TriggeringEvents()) == []
    assert ask(stack, order, InactiveAssets(assets=(("sales", "s3://lake/sales"),))) == []


def test_state_outlives_a_try_until_its_time_is_over(server: tuple[Stack, str]) -> None:
    stack, worker = server
    stack.trigger(dag_run_id="mine")
    (order,) = stack.exchange(worker).claims
    ask(stack, order, SetState(key="job", value=b'"j1"', keep_seconds=86_400))
    ask(stack, order, SetState(key="mark", value=b"7", asset="sales"))
    ask(stack, order, SetState(key="gone", value=b"1"))
    ask(stack, order, DeleteState(key="gone"))
    assert answer(stack, order, SetState(key="x", value=b"1" * 65_536)).error == "state-too-large"
    assert answer(stack, order, GetState(key="x", asset="no")).error == "asset-not-found"
    finish(stack, worker, order, LegState.FAILED)

    stack.clock.at += timedelta(hours=1)
    worker = stack.register()
    stack.tick()
    # A scheduled run has become due meanwhile.
    (order,) = (one for one in stack.exchange(worker).claims if one.run.run_id == "mine")
    assert order.try_number == 2
    assert ask(stack, order, GetState(key="job")) == b'"j1"'
    assert ask(stack, order, GetState(key="gone")) is None
    sales = stack.get("/api/v2/assets?name_pattern=sales")["assets"][0]["id"]
    (kept,) = stack.get(f"/api/v2/assets/{sales}/state-store")["states"]
    assert (kept["key"], kept["value"]) == ("mark", 7)

    stack.clock.at += timedelta(days=2)
    assert ask(stack, order, GetState(key="job")) is None
    told = stack.ask("POST", "/api/own/state-stores/clean", {"dry_run": True})
    assert told == {"task_states": 1, "asset_states": 0, "dry_run": True}
    assert stack.ask("POST", "/api/own/state-stores/clean", {})["task_states"] == 1
    assert stack.ask("POST", "/api/own/state-stores/clean", {})["task_states"] == 0


def test_state_is_emptied_with_a_success_that_asks_for_it(server: tuple[Stack, str]) -> None:
    stack, worker = server
    stack.trigger(dag_run_id="mine")
    (order,) = stack.exchange(worker).claims
    ask(stack, order, SetState(key="job", value=b"1", keep_seconds=1))
    finish(stack, worker, order, LegState.SUCCESS, clears_state=True)

    stack.clock.at += timedelta(seconds=2)
    told = stack.ask("POST", "/api/own/state-stores/clean", {"dry_run": True})
    assert told["task_states"] == 0


def test_xcoms_of_earlier_runs_are_found_and_those_of_the_own_dag_can_be_written(
    server: tuple[Stack, str],
) -> None:
    stack, worker = server
    stack.trigger(dag_run_id="first", logical_date="2026-04-18T00:00:00Z")
    (order,) = stack.exchange(worker).claims
    where: Any = {"dag_id": "daily_sales", "task_id": "extract", "key": "k"}
    ask(stack, order, SetXCom(run_id="first", value=b"1", **where))
    (load,) = finish(stack, worker, order, LegState.SUCCESS)
    finish(stack, worker, load, LegState.SUCCESS)
    stack.trigger(dag_run_id="second", logical_date="2026-04-19T00:00:00Z")
    (order,) = stack.exchange(worker).claims

    assert ask(stack, order, FindXComs(run_id="second", **where)) == [(-1, b"1")]
    ask(stack, order, SetXCom(run_id="second", value=b"2", **where))
    assert ask(stack, order, FindXComs(run_id="second", **where)) == [(-1, b"2")]
    assert ask(stack, order, FindXComs(run_id="first", map_index=-1, **where)) == [(-1, b"1")]
    assert ask(stack, order, DeleteXCom(run_id="first", **where)) is True
    assert ask(stack, order, DeleteXCom(run_id="first", **where)) is False
    other = where | {"dag_id": "weekly_report"}
    assert answer(stack, order, SetXCom(run_id="x", value=b"1", **other)).error == "not-your-dag"
    nobody = SetXCom(run_id="second", value=b"1", map_index=7, **where)
    assert answer(stack, order, nobody).error == "no-task-instance"


def test_the_xcoms_of_many_instances_come_in_several_answers(
    server: tuple[Stack, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, worker = server
    stack.trigger(dag_run_id="mine")
    (order,) = stack.exchange(worker).claims
    run = stack.writer.write(lambda tx: read_run(tx, "daily_sales", "mine"))
    assert run is not None
    made = [
        XCom(
            run_pk=run.pk,
            task_id="many",
            map_path=str(index),
            map_index=index,
            key="k",
            value=b"x" * 10,
            length=None,
            at=stack.clock.now(),
        )
        for index in range(5)
    ]
    stack.writer.write(lambda tx: apply_xcoms(tx, made))
    monkeypatch.setattr("tradewind.scheduler.answers.desk.MAX_ANSWER_BYTES", 25)

    def rows(after: int) -> Any:
        call = Call(
            verb="xcom.get_many",
            args={
                "dag_id": "daily_sales",
                "run_id": "mine",
                "task_id": "many",
                "key": "k",
                "after": after,
            },
            attempt_id=order.attempt_id,
            epoch=order.epoch,
            token=order.token,
        )
        return msgspec.msgpack.decode(stack.work("/work/call", call), type=CallReply).value

    assert rows(-2) == [[0, b"x" * 10], [1, b"x" * 10], [1, None]]
    assert rows(1) == [[2, b"x" * 10], [3, b"x" * 10], [3, None]]
    assert rows(3) == [[4, b"x" * 10]]
    assert rows(4) == []


def waiting(*names: str) -> DagSpec:
    """A Dag that waits for all of these assets."""
    condition = AssetAll(*(Asset(name) for name in names))
    return msgspec.structs.replace(
        SALES,
        dag_id="report",
        file="dags/report.py",
        timetable=AssetTriggered(),
        assets=serialize_assets([condition]),
        asset_expression=condition.as_expression(),
        is_paused_upon_creation=False,
    )


def test_an_event_told_by_the_api_waits_for_the_others_and_starts_a_run(
    server: tuple[Stack, str],
) -> None:
    stack, _ = server
    now = stack.clock.now()
    with stack.database.begin() as tx:
        report = ParseReport(job_id=0, epoch=0, file="r.py", dags=(waiting("rates", "fees"),))
        apply_parsed_dags(tx, "main", "dags/report.py", report, now, paused=False)
        apply_asset_uses(tx, report.dags, now)
    ids = {one["name"]: one["id"] for one in stack.get("/api/v2/assets")["assets"]}
    of_dag = "/api/v2/dags/report/assets"

    said = {"asset_id": ids["rates"], "extra": {"a": 1}}
    made = stack.ask("POST", "/api/v2/assets/events", said)
    assert made["extra"] == {"a": 1, "from_rest_api": True}
    assert made["created_dagruns"] == []
    queued = stack.get(f"{of_dag}/queuedEvents")
    assert [(one["dag_id"], one["asset_id"]) for one in queued["queued_events"]] == [
        ("report", ids["rates"])
    ]
    assert stack.get(f"/api/v2/assets/{ids['rates']}/queuedEvents") == queued
    one = f"{of_dag}/{ids['rates']}/queuedEvents"
    assert stack.get(one) == queued["queued_events"][0]
    stack.ask("DELETE", one, status=204)
    stack.get(one, status=404)
    stack.ask("DELETE", one, status=404)

    stack.ask("POST", "/api/v2/assets/events", said)
    last = stack.ask("POST", "/api/v2/assets/events", {"asset_id": ids["fees"]})
    [run] = last["created_dagruns"]
    assert run["run_id"].startswith("asset_triggered__")
    upstream = stack.get(f"/api/v2/dags/report/dagRuns/{run['run_id']}/upstreamAssetEvents")
    assert [e["name"] for e in upstream["asset_events"]] == ["rates", "fees"]
    assert stack.get(f"{of_dag}/queuedEvents")["total_entries"] == 0
    stack.ask("POST", "/api/v2/assets/events", {"asset_id": 999}, status=404)
    stack.ask("DELETE", f"{of_dag}/queuedEvents", status=204)
    stack.ask("DELETE", f"/api/v2/assets/{ids['fees']}/queuedEvents", status=204)


def test_an_asset_is_materialized_by_the_one_dag_that_makes_it(server: tuple[Stack, str]) -> None:
    stack, _ = server
    ids = {one["name"]: one["id"] for one in stack.get("/api/v2/assets")["assets"]}
    run = stack.ask("POST", f"/api/v2/assets/{ids['sales']}/materialize", {"note": "now"})
    assert run["dag_id"] == "daily_sales"
    assert run["run_type"] == "asset_materialization"
    assert run["dag_run_id"].startswith("asset_materialization__")
    assert run["note"] == "now"
    refused = stack.ask("POST", f"/api/v2/assets/{ids['rates']}/materialize", {}, status=404)
    assert "No Dag makes the asset 'rates'" in refused["detail"]


def test_aliases_are_listed_with_the_assets_changed_through_them(
    server: tuple[Stack, str],
) -> None:
    stack, _ = server
    with stack.database.begin() as tx:
        push = AssetEventPush(name="sales", uri="s3://lake/sales", alias="any")
        apply_asset_events(tx, [push], EventSource(), stack.clock.now())
    [alias] = stack.get("/api/v2/assets/aliases")["asset_aliases"]
    assert stack.get(f"/api/v2/assets/aliases/{alias['id']}") == alias
    assert alias["name"] == "any"
    sales = stack.get("/api/v2/assets?name_pattern=sales")["assets"][0]
    assert sales["aliases"] == [alias]
    stack.get("/api/v2/assets/aliases/999", status=404)


def test_a_dag_whose_asset_is_not_active_is_warned(server: tuple[Stack, str]) -> None:
    stack, _ = server
    now = stack.clock.now()
    other = msgspec.structs.replace(
        SALES,
        dag_id="other",
        assets=(),
        tasks=(
            msgspec.structs.replace(
                SALES.tasks[0], outlets=(AssetSpec(name="sales", uri="s3://elsewhere"),)
            ),
        ),
    )
    with stack.database.begin() as tx:
        report = ParseReport(job_id=0, epoch=0, file="o.py", dags=(other,))
        apply_parsed_dags(tx, "main", "dags/other.py", report, now, paused=False)
        apply_asset_uses(tx, report.dags, now)
    assert stack.get("/api/v2/dags/daily_sales/details")["warnings"] == []
    [warning] = stack.get("/api/v2/dags/other/details")["warnings"]
    assert "asset 'sales' (s3://elsewhere) is not active: 'sales' (s3://lake/sales)" in warning
