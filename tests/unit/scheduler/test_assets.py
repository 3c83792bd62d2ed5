"""Events of assets, and the runs they start."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from tests.unit.scheduler.place import NOW, a_dag, empty
from tradewind.core.spec import TaskSpec
from tradewind.core.states import LegState
from tradewind.core.timetables import AssetAndTime, AssetOrTime, CronTrigger
from tradewind.protocol.reports import AssetEventPush
from tradewind.runtime.serialize_assets import serialize_assets
from tradewind.sdk.assets import Asset, AssetAlias, AssetRef
from tradewind.store import asset_queue, assets

A, B, C = Asset("a"), Asset("b"), Asset("c")


def on(dag_id, condition, **fields):
    """A Dag that is scheduled on assets."""
    return a_dag(
        dag_id,
        empty(),
        assets=serialize_assets([condition]),
        asset_expression=condition.as_expression(),
        **fields,
    )


def maker(*outlets):
    task = TaskSpec(task_id="t", operator="x.Op", outlets=serialize_assets(outlets))
    return a_dag("maker", task)


def push(one, **fields):
    return AssetEventPush(name=one.name, uri=one.uri, **fields)


class Stage:
    """A place with a Dag that makes events."""

    def __init__(self, place):
        self.place = place

    def make(self, *pushes, **fields):
        """Have a run of the maker succeed, which changes these assets."""
        self.place.tick(seconds=1)
        self.place.trigger("maker")
        worker = self.place.worker()
        [order] = worker.ask()
        found = [one if isinstance(one, AssetEventPush) else push(one) for one in pushes]
        worker.end(order, asset_events=tuple(found), **fields)
        worker.leave()

    def consumed(self, run):
        """Answer (id of event) that a run consumed."""
        events = range(1, 100)
        found = self.place.read(lambda tx: asset_queue.read_consumers(tx, events))
        return [one.event_id for one in found if one.run_pk == run.pk]


@pytest.fixture
def stage(place):
    place.save(maker(A, B, C))
    return Stage(place)


def test_an_event_starts_the_run_in_the_transaction_of_the_success(stage):
    stage.place.save(on("d", A))
    stage.make(A)
    [run] = stage.place.runs()
    assert run.run_type == "asset_triggered"
    assert run.run_after == stage.place.now
    assert run.logical_date is None
    assert run.data_interval_start is None
    assert run.run_id.startswith("asset_triggered__2026-04-20T08:00:01+00:00_")
    assert len(run.run_id.rpartition("_")[2]) == 8
    assert run.triggered_by == "asset"
    assert run.state == "success"
    assert stage.consumed(run) == [1]


@pytest.mark.parametrize(
    ("condition", "events", "starts"),
    [
        (A & B, [A, B], 1),
        (A & B, [B, A], 1),
        (A & B, [A, A, A], 0),
        (A & B, [A, A, B, B], 1),
        (A & B, [A, B, A, B], 2),
        (A | B, [A, B, B], 3),
        (A | (B & C), [A, B, C], 2),
        (A | (B & C), [B, A, C], 1),
        (A | (B & C), [C, B], 1),
        (A & (B | C), [B, C, A], 1),
        (A, [B, C], 0),
        (AssetRef(name="a"), [A], 1),
        (AssetRef(uri="b") & A, [A, B], 1),
    ],
)
def test_a_condition_is_met_by_events_in_any_order(stage, condition, events, starts):
    stage.place.save(on("d", condition))
    for one in events:
        stage.make(one)
    assert len(stage.place.runs()) == starts


def test_one_run_consumes_all_that_is_queued_and_no_event_twice(stage):
    stage.place.save(on("d", A & B), on("e", A))
    for one in (A, A, B, B, A):
        stage.make(one)
    first, second = stage.place.runs()
    assert stage.consumed(first) == [1, 2, 3]
    assert stage.consumed(second) == [4, 5]
    assert first.run_after == NOW + timedelta(seconds=3)
    assert [stage.consumed(run) for run in stage.place.runs("e")] == [[1], [2], [5]]


def test_events_of_one_success_start_one_run(stage):
    stage.place.save(on("d", A & B))
    stage.make(A, B, A)
    [run] = stage.place.runs()
    assert stage.consumed(run) == [1, 2, 3]


def test_a_failed_task_starts_nothing(stage):
    stage.place.save(on("d", A))
    stage.make(A, outcome=LegState.FAILED)
    assert stage.place.runs() == []


def test_events_before_the_dag_named_the_asset_are_none_of_its_business(stage):
    stage.make(A)
    stage.place.save(on("d", A & B))
    stage.make(B)
    assert stage.place.runs() == []
    stage.make(A)
    [run] = stage.place.runs()
    assert stage.consumed(run) == [2, 3]


def test_with_catchup_the_first_run_is_given_the_events_there_were(stage):
    stage.make(A)
    stage.place.save(on("d", A, catchup=True))
    assert stage.place.runs() == []
    stage.make(A)
    stage.make(A)
    first, second = stage.place.runs()
    assert [stage.consumed(first), stage.consumed(second)] == [[1, 2], [3]]


def test_events_while_the_dag_is_paused_are_kept(stage):
    stage.place.save(on("d", A & B))
    stage.place.pause()
    stage.make(A)
    stage.make(B)
    assert stage.place.runs() == []
    stage.place.pause(paused=False)
    [run] = stage.place.runs()
    assert stage.consumed(run) == [1, 2]
    assert run.run_after == NOW + timedelta(seconds=2)


def test_events_while_the_dag_is_paused_are_dropped_on_request(stage):
    stage.place.save(on("d", A & B, on_pause="drop"))
    stage.make(A)
    stage.place.pause()
    stage.make(B)
    stage.place.pause(paused=False)
    assert stage.place.runs() == []
    stage.make(B)
    [run] = stage.place.runs()
    assert stage.consumed(run) == [1, 3]


def test_an_alias_stands_for_what_was_changed_through_it(stage):
    stage.place.save(on("d", AssetAlias("any")))
    stage.make(A)
    assert stage.place.runs() == []
    stage.make(push(A, alias="any"))
    assert len(stage.place.runs()) == 1
    stage.make(A)
    assert len(stage.place.runs()) == 2
    stage.place.save(on("e", AssetAlias("any") & B))
    stage.make(A, B)
    assert len(stage.place.runs("e")) == 1


def test_a_reference_is_resolved_when_its_asset_gets_known(stage):
    stage.place.save(on("d", AssetRef(name="late")))
    stage.make(Asset("late", "s3://lake/late"))
    assert len(stage.place.runs()) == 1


def test_a_changed_schedule_lets_go_what_is_queued_of_other_assets(stage):
    stage.place.save(on("d", A & B & C))
    stage.make(A)
    stage.make(B)
    stage.place.save(on("d", B & C))
    queued = stage.place.read(lambda tx: asset_queue.list_queued(tx, dag_id="d"))
    assert [one.count for one in queued] == [1]
    stage.place.save(on("d", B))
    [run] = stage.place.runs()
    assert stage.consumed(run) == [2]


def test_a_dag_that_allows_no_such_runs_gets_none(stage):
    stage.place.save(on("d", A, allowed_run_types=("manual",)))
    stage.make(A)
    assert stage.place.runs() == []


def test_max_active_runs_holds_back_runs_that_events_started(stage):
    stage.place.save(
        a_dag(
            "d",
            assets=serialize_assets([A]),
            asset_expression=A.as_expression(),
            max_active_runs=1,
        )
    )
    worker = stage.place.worker()
    for _ in range(3):
        stage.place.tick(seconds=1)
        stage.place.trigger("maker")
        [order] = [one for one in worker.ask() if one.run.dag_id == "maker"]
        worker.end(order, asset_events=(push(A),))
    assert [run.state for run in stage.place.runs()] == ["running", "queued", "queued"]


def test_a_deleted_dag_leaves_nothing_queued(stage):
    stage.place.save(on("d", A & B))
    stage.make(A)
    stage.place.do(lambda engine, tx: engine.delete_dag(tx, "d"))
    assert stage.place.read(asset_queue.list_queued) == []


def test_a_restart_in_between_changes_nothing(stage):
    stage.place.save(on("d", A & B))
    stage.make(A)
    stage.place.restart()
    stage.make(B)
    assert len(stage.place.runs()) == 1


def test_what_an_event_costs_depends_on_who_waits_not_on_what_is_queued(stage):
    stage.place.save(on("d", A & B), *(on(f"other{n}", B) for n in range(5)))
    counts = []
    for _ in range(4):
        seen: list[str] = []
        listen(stage.place, seen)
        stage.make(A)
        counts.append(len(seen))
    assert counts[1:] == [counts[1]] * 3


def listen(place, seen):
    @event.listens_for(place.database.engine, "before_cursor_execute")
    def note(conn, cursor, text, *rest):
        seen.append(text)


def test_a_tick_that_waits_for_assets_has_its_run_when_they_were_updated(stage):
    cron = CronTrigger(cron="0 * * * *")
    stage.place.save(on("d", A & B, timetable=AssetAndTime(timetable=cron)))
    stage.make(A)
    stage.place.tick(hours=1)
    assert stage.place.runs() == []
    stage.make(B)
    stage.place.tick()
    [run] = stage.place.runs()
    assert run.run_type == "scheduled"
    assert run.logical_date == NOW + timedelta(hours=1)
    assert stage.consumed(run) == [1, 2]
    stage.make(A, B)
    assert len(stage.place.runs()) == 1
    stage.place.tick(hours=1)
    assert [stage.consumed(run) for run in stage.place.runs()] == [[1, 2], [3, 4]]


def test_assets_or_times_make_runs(stage):
    cron = CronTrigger(cron="0 * * * *")
    stage.place.save(on("d", A, timetable=AssetOrTime(timetable=cron)))
    stage.make(A)
    stage.place.tick(hours=1)
    types = [run.run_type.value for run in stage.place.runs()]
    assert types == ["asset_triggered", "scheduled"]


def active_assets(place):
    rows, _ = place.read(assets.list_assets)
    return {(one.name, one.uri) for one in rows if one.is_active}


def test_of_two_assets_with_one_name_the_one_used_first_is_active_while_it_is_used(place):
    first, second, third = Asset("x", "u1"), Asset("x", "u2"), Asset("y", "u2")
    place.save(on("one", first))
    place.save(on("two", second))
    assert active_assets(place) == {("x", "u1")}
    place.save(on("three", third))
    assert active_assets(place) == {("x", "u1"), ("y", "u2")}
    place.save(on("one", A), on("three", A))
    assert ("x", "u2") in active_assets(place)
    inactive = place.read(lambda tx: assets.read_inactive(tx, [("x", "u1"), ("x", "u2")]))
    assert inactive == [("x", "u1")]
