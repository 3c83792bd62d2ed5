"""Partitions: which runs events of partitions start, and what those runs are given."""

from typing import Any

import pytest

from tests.unit.scheduler.place import NOW, a_dag, empty
from tests.unit.scheduler.test_assets import A, B, Stage, maker, push
from tradewind import (
    AllowedKeyMapper,
    FanOutMapper,
    FixedKeyMapper,
    IdentityMapper,
    MinimumCount,
    PartitionedAssetTimetable,
    PartitionedAtRuntime,
    ProductMapper,
    RollupMapper,
    SegmentWindow,
    StartOfDayMapper,
    StartOfWeekMapper,
    WeekWindow,
)
from tradewind.runtime.serialize_assets import serialize_assets
from tradewind.store import asset_queue

DAYS = "%Y-%m-%d"
WEEKLY = StartOfWeekMapper(input_format=DAYS)


@pytest.fixture
def stage(place):
    place.save(maker(A, B))
    return Stage(place)


def by_partition(condition, default=None, mappers=None, **fields):
    timetable: Any = PartitionedAssetTimetable(condition, mappers, default)
    return a_dag(
        "d",
        empty(),
        timetable=timetable.core,
        assets=serialize_assets([timetable.condition]),
        asset_expression=timetable.condition.as_expression(),
        **fields,
    )


def keys(stage):
    return [run.partition_key for run in stage.place.runs()]


@pytest.mark.parametrize(
    ("default", "events", "made"),
    [
        (IdentityMapper(), ["eu", "us", "eu"], ["eu", "us", "eu"]),
        (AllowedKeyMapper(["eu"]), ["eu", "us"], ["eu"]),
        (FixedKeyMapper("all"), ["eu", "us"], ["all", "all"]),
        (StartOfDayMapper(), ["2026-04-20T06:00:00", "no date"], ["2026-04-20"]),
        (
            ProductMapper(IdentityMapper(), StartOfDayMapper()),
            ["eu|2026-04-20T06:00:00", "eu"],
            ["eu|2026-04-20"],
        ),
        (FanOutMapper(FixedKeyMapper("x"), SegmentWindow(["a", "b"])), ["k"], ["a", "b"]),
        (RollupMapper(FixedKeyMapper("all"), SegmentWindow(["a", "b"])), ["a", "a", "b"], ["all"]),
        (
            RollupMapper(FixedKeyMapper("all"), SegmentWindow(["a", "b"]), MinimumCount(1)),
            ["a", "b"],
            ["all", "all"],
        ),
    ],
)
def test_a_mapper_says_which_partitions_an_event_starts(stage, default, events, made):
    stage.place.save(by_partition(A, default))
    for key in events:
        stage.make(push(A, partition_key=key))
    assert keys(stage) == made


def test_a_week_starts_when_its_seven_days_are_there_and_again_for_seven_late_ones(stage):
    stage.place.save(by_partition(A, RollupMapper(WEEKLY, WeekWindow())))
    days = [f"2026-04-{day}" for day in range(20, 27)]
    stage.make(*(push(A, partition_key=day) for day in reversed(days[1:])))
    assert keys(stage) == []
    stage.make(push(A, partition_key="2026-04-27"), push(A, partition_key=days[0]))
    assert keys(stage) == ["2026-04-20 (W17)"]
    [run] = stage.place.runs()
    assert run.run_id.startswith("asset_triggered__2026-04-20T08:00:02+00:00__2026-04-20__W17___")
    assert len(stage.consumed(run)) == 7
    late = push(A, partition_key=days[3])
    stage.make(late)
    assert keys(stage) == ["2026-04-20 (W17)"]
    pending = stage.place.read(lambda tx: asset_queue.read_queued_keys(tx, "d"))
    assert pending == ["2026-04-20 (W17)", "2026-04-27 (W18)"]
    stage.make(*(push(A, partition_key=day) for day in days))
    assert len(stage.consumed(stage.place.runs()[1])) == 8


def test_a_partition_starts_once_every_asset_has_it(stage):
    stage.place.save(by_partition(A & B, mappers={B: StartOfDayMapper()}))
    stage.make(push(A, partition_key="2026-04-20"), push(A, partition_key="2026-04-21"))
    assert keys(stage) == []
    stage.make(push(B, partition_key="2026-04-21T06:00:00"))
    assert keys(stage) == ["2026-04-21"]


def test_events_without_partition_and_dags_without_them_do_not_meet(stage):
    plain = a_dag(
        "plain", empty(), assets=serialize_assets([A]), asset_expression=A.as_expression()
    )
    stage.place.save(by_partition(A), plain)
    stage.make(A)
    stage.make(push(A, partition_key="eu"))
    assert keys(stage) == ["eu"]
    assert len(stage.place.runs("plain")) == 1


def test_a_run_hands_its_partition_on(stage):
    follows = by_partition(A)
    stage.place.save(follows)
    timetable = PartitionedAtRuntime().core
    stage.place.save(a_dag("maker", *maker(A).tasks, timetable=timetable))
    stage.place.trigger("maker", partition_key="eu")
    worker = stage.place.worker()
    [order] = worker.ask()
    assert order.run.partition_key == "eu"
    worker.end(order, asset_events=(push(A),))
    assert keys(stage) == ["eu"]
    worker.leave()


def test_what_a_partition_lacks_is_told(stage):
    weekly = RollupMapper(WEEKLY, WeekWindow())
    stage.place.save(by_partition(A & B, weekly, {B: WEEKLY}))
    stage.make(push(A, partition_key="2026-04-20"))
    [told] = stage.place.do(lambda engine, tx: engine.explain(tx, "d", None, None, NOW))
    assert told == (
        "Partition '2026-04-20 (W17)' waits for asset 'a' and asset 'b', 1 of 7 partitions are "
        "there; 1 events are queued for it."
    )
