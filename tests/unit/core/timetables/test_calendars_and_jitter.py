"""Days left out, jitter, partitions, and timetables around other timetables."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tradewind.core.planning import DagFacts, next_of, plan_runs
from tradewind.core.spec import DagSpec
from tradewind.core.timetables import (
    AssetAndTime,
    AssetOrTime,
    AssetTriggered,
    Calendar,
    ContinuousTimetable,
    CronDataInterval,
    CronPartition,
    CronTrigger,
    CustomTimetable,
    Delta,
    DeltaTrigger,
    Jitter,
    RunInfo,
    ScheduleError,
    Timetable,
    check_timetable,
    description,
    is_periodic,
    manual_run,
    needs_worker,
    next_run,
    summary,
    ticks_between,
    with_jitter,
)

DAILY = CronTrigger(cron="0 6 * * *", timezone="Europe/Berlin")
WORKDAYS = (0, 1, 2, 3, 4)
NOW = datetime(2026, 12, 23, 12, tzinfo=UTC)


def day(number: int, month: int = 12, **fields: int) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC, **fields)


def chain(timetable: Timetable, count: int, **fields: Any) -> list[RunInfo]:
    found: list[RunInfo] = []
    last = None
    for _ in range(count):
        last = next_run(
            timetable,
            **{"last": last, "earliest": day(23), "latest": None, "catchup": True, "now": NOW}
            | fields
            | {"last": last},
        )
        if last is None:
            break
        found.append(last)
    return found


def test_days_left_out_have_no_runs() -> None:
    calendar = Calendar(
        timetable=DAILY,
        timezone="Europe/Berlin",
        weekdays=WORKDAYS,
        excluded=(date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 31)),
        included=(date(2026, 12, 27),),
    )
    days = [run.run_after.day for run in chain(calendar, 6)]
    assert days == [23, 27, 28, 29, 30, 1]


def test_a_day_is_one_of_the_calendars_own_wall_clock() -> None:
    tokyo = Calendar(
        timetable=CronTrigger(cron="0 16 * * *"), timezone="Asia/Tokyo", weekdays=WORKDAYS
    )
    # 16:00 in UTC is one in the morning of the next day there.
    assert [run.run_after.strftime("%a") for run in chain(tokyo, 5)] == [
        "Wed",
        "Thu",
        "Sun",
        "Mon",
        "Tue",
    ]


def test_intervals_reach_over_the_days_left_out_so_that_no_data_is_lost() -> None:
    calendar = Calendar(timetable=CronDataInterval(cron="0 0 * * *"), weekdays=WORKDAYS)
    runs = chain(calendar, 4)
    assert [(run.data_interval_start.day, run.data_interval_end.day) for run in runs] == [
        (23, 24),
        (24, 25),
        (25, 28),
        (28, 29),
    ]
    when = manual_run(calendar, logical_date=day(26), run_after=NOW)
    assert (when.data_interval_start, when.data_interval_end) == (day(25), day(28))


def test_steps_of_a_delta_skip_days_too() -> None:
    calendar = Calendar(timetable=DeltaTrigger(delta=Delta(hours=12)), weekdays=WORKDAYS)
    assert [run.run_after.strftime("%a%H") for run in chain(calendar, 8)] == [
        "Wed00",
        "Wed12",
        "Thu00",
        "Thu12",
        "Fri00",
        "Fri12",
        "Mon00",
        "Mon12",
    ]


def test_a_calendar_without_a_tick_asks_for_no_run() -> None:
    never = Calendar(timetable=CronTrigger(cron="0 6 * * 6"), weekdays=WORKDAYS)
    assert chain(never, 1) == []


def test_without_catchup_the_last_day_that_counts_is_run() -> None:
    calendar = Calendar(timetable=CronTrigger(cron="0 6 * * *"), weekdays=WORKDAYS)
    sunday = day(27, hour=12)
    (run,) = chain(calendar, 1, now=sunday, catchup=False)
    assert run.run_after == day(25, hour=6)


def test_a_backfill_leaves_the_same_days_out() -> None:
    calendar = Calendar(timetable=CronTrigger(cron="0 6 * * *"), weekdays=WORKDAYS)
    found = ticks_between(calendar, day(24), day(29))
    assert [run.logical_date.day for run in found] == [24, 25, 28]


@pytest.mark.parametrize(
    ("calendar", "said"),
    [
        (Calendar(timetable=ContinuousTimetable()), "cannot leave days out"),
        (Calendar(timetable=DAILY, weekdays=(7,)), "from 0, Monday"),
        (Calendar(timetable=DAILY, weekdays=()), "at least one weekday"),
        (Calendar(timetable=DAILY, timezone="Mars/Base"), "no time zone"),
    ],
)
def test_what_is_no_calendar_is_refused(calendar: Calendar, said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        check_timetable(calendar)


def test_jitter_moves_only_when_a_run_starts_and_is_the_same_each_time() -> None:
    spec = DagSpec(
        dag_id="sales",
        file="d.py",
        timetable=CronTrigger(cron="0 0 * * *"),
        start_date=day(1),
        catchup=True,
        jitter=Jitter(up_to_seconds=3600),
    )
    first = next_of(DagFacts(spec=spec), None, NOW)
    again = next_of(DagFacts(spec=spec), None, NOW + timedelta(days=3))
    assert first == again
    assert first is not None
    assert first.logical_date == day(1)
    assert timedelta() < first.run_after - day(1) < timedelta(hours=1)
    second = next_of(DagFacts(spec=spec), first, NOW)
    assert second is not None
    assert second.logical_date == day(2)
    assert second.run_after - day(2) != first.run_after - day(1)


@pytest.mark.parametrize("what", ["seed", "dag"])
def test_each_dag_and_seed_has_a_share_of_its_own(what: str) -> None:
    run = RunInfo(
        run_after=day(1), logical_date=day(1), data_interval_start=day(1), data_interval_end=day(1)
    )
    moved = {
        with_jitter(
            run,
            Jitter(up_to_seconds=86_400, seed=str(n) if what == "seed" else ""),
            f"d{n}" if what == "dag" else "d",
            None,
        ).run_after
        for n in range(50)
    }
    assert len(moved) > 45


def test_jitter_longer_than_the_schedule_leaves_no_tick_out() -> None:
    spec = DagSpec(
        dag_id="often",
        file="d.py",
        timetable=CronTrigger(cron="* * * * *"),
        start_date=day(1),
        jitter=Jitter(up_to_seconds=3600),
    )
    last, now, dates = None, day(2, second=1), []
    for _ in range(30):
        plan = plan_runs(DagFacts(spec=spec, last=last), now)
        last = plan.create[-1] if plan.create else last
        dates += [run.logical_date for run in plan.create]
        assert plan.look_at is not None
        now = max(plan.look_at, now)
    steps = {later - earlier for earlier, later in itertools.pairwise(dates)}
    assert steps == {timedelta(minutes=1)}


@pytest.mark.parametrize(
    ("offset", "key"), [(0, "2026-12-24"), (-1, "2026-12-23"), (2, "2026-12-26")]
)
def test_partitions_are_named_by_their_tick(offset: int, key: str) -> None:
    timetable = CronPartition(
        cron="0 0 * * *", timezone="Europe/Berlin", run_offset=offset, key_format="%Y-%m-%d"
    )
    run = chain(timetable, 1)[0]
    assert run.partition_key == key
    assert run.run_after == day(23, hour=23)


def test_partitions_in_a_range_are_those_whose_date_lies_in_it() -> None:
    timetable = CronPartition(cron="0 0 * * *", run_offset=-1, key_format="%Y-%m-%d")
    found = list(ticks_between(timetable, day(10), day(12)))
    assert [run.partition_key for run in found] == ["2026-12-10", "2026-12-11", "2026-12-12"]
    assert [run.run_after.day for run in found] == [11, 12, 13]


def test_a_time_that_waits_for_assets_is_held_and_let_go() -> None:
    spec = DagSpec(
        dag_id="d",
        file="d.py",
        timetable=AssetAndTime(timetable=CronTrigger(cron="0 6 * * *")),
        start_date=day(1),
    )
    held = plan_runs(DagFacts(spec=spec), NOW)
    assert (held.create, held.look_at) == ((), None)
    assert "assets" in held.held
    assert held.next is not None
    done = plan_runs(DagFacts(spec=spec, assets_ready=True), NOW)
    assert [run.logical_date for run in done.create] == [day(23, hour=6)]


def test_with_catchup_each_update_lets_one_tick_go() -> None:
    spec = DagSpec(
        dag_id="d",
        file="d.py",
        timetable=AssetAndTime(timetable=CronTrigger(cron="0 6 * * *")),
        start_date=day(20),
        catchup=True,
    )
    plan = plan_runs(DagFacts(spec=spec, assets_ready=True), NOW)
    assert [run.logical_date.day for run in plan.create] == [20]


CUSTOM = CustomTimetable(classpath="m.Own", summary="own", description="My own")


@pytest.mark.parametrize(
    ("timetable", "short", "words", "periodic", "asked"),
    [
        (AssetOrTime(timetable=DAILY), "Asset or 0 6 * * *", "When its assets", True, False),
        (AssetAndTime(timetable=DAILY), "Asset and 0 6 * * *", "When its assets", True, False),
        (AssetTriggered(), "Asset", "When its assets were updated", False, False),
        (Calendar(timetable=DAILY, name="trade"), "0 6 * * * on trade", "At 06:00", True, False),
        (Calendar(timetable=DAILY, weekdays=(0, 1)), "0 6 * * * on", "Monday", True, False),
        (CUSTOM, "own", "My own", True, True),
        (Calendar(timetable=CUSTOM), "own on its calendar", "My own", True, True),
        (AssetOrTime(timetable=CUSTOM), "Asset or own", "My own", True, True),
    ],
)
def test_what_people_read(
    timetable: Timetable, short: str, words: str, periodic: bool, asked: bool
) -> None:
    assert summary(timetable).startswith(short)
    assert words in description(timetable)
    assert is_periodic(timetable) is periodic
    assert needs_worker(timetable) is asked
