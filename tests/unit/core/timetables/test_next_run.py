"""Which run comes next: each row is one promise to people who know these schedules."""

from datetime import UTC, datetime, timedelta

import pytest
from dateutil.relativedelta import relativedelta

from tradewind.core.timetables import (
    ContinuousTimetable,
    CronDataInterval,
    CronTrigger,
    DeltaDataInterval,
    DeltaTrigger,
    EventsTimetable,
    MultipleCronTrigger,
    NullTimetable,
    OnceTimetable,
    RunInfo,
    Timetable,
    delta_from,
    next_run,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ran(start: str, end: str | None = None) -> RunInfo:
    return RunInfo(
        run_after=at(end or start),
        logical_date=at(start),
        data_interval_start=at(start),
        data_interval_end=at(end or start),
    )


NOW = at("2026-11-22T11:54:24")
START = at("2026-04-01")
EVENTS = EventsTimetable(events=(at("2026-11-20"), at("2026-11-21"), at("2026-12-01")))


def following(
    timetable: Timetable,
    *,
    last: RunInfo | None = None,
    earliest: datetime | None = None,
    latest: datetime | None = None,
    catchup: bool = False,
    now: datetime = NOW,
) -> RunInfo | None:
    return next_run(
        timetable, last=last, earliest=earliest, latest=latest, catchup=catchup, now=now
    )


def daily(run_immediately: bool | float | None = False) -> CronTrigger:
    return CronTrigger(cron="0 0 * * *", run_immediately=run_immediately)


def hours(count: int) -> DeltaTrigger:
    return DeltaTrigger(delta=delta_from(timedelta(hours=count)))


MONTHLY = delta_from(relativedelta(months=1))
SIX_HOURS = delta_from(timedelta(hours=6))
TWO_CRONS = MultipleCronTrigger(crons=("0 1 * * *", "0 3 * * *"))
DAILY_INTERVALS = CronDataInterval(cron="0 0 * * *")


@pytest.mark.parametrize(
    ("timetable", "last", "start", "catchup", "tick"),
    [
        # schedule, last run, Dag start date, catchup -> run_after
        (NullTimetable(), None, START, True, None),
        (OnceTimetable(), None, START, False, "2026-04-01"),
        (OnceTimetable(), None, None, False, "2026-11-22T11:54:24"),
        (OnceTimetable(), ran("2026-04-01"), START, True, None),
        # cron: with catchup each tick in turn, without only the latest
        (daily(), None, START, True, "2026-04-01"),
        (daily(), ran("2026-04-01"), START, True, "2026-04-02"),
        (daily(), None, START, False, "2026-11-22"),
        (daily(), ran("2026-04-01"), START, False, "2026-11-22"),
        (daily(), ran("2026-11-22"), START, False, "2026-11-23"),
        (daily(), None, at("2027-01-01T05:00"), False, "2027-01-02"),
        (daily(), ran("2026-11-22"), at("2027-01-01"), True, "2027-01-01"),
        # cron without a start date: run_immediately decides, catchup or not
        (daily(), None, None, False, "2026-11-23"),
        (daily(), None, None, True, "2026-11-23"),
        (daily(run_immediately=True), None, None, False, "2026-11-22"),
        (daily(run_immediately=12 * 3600.0), None, None, False, "2026-11-22"),
        (daily(run_immediately=3600.0), None, None, False, "2026-11-23"),
        (daily(run_immediately=None), None, None, False, "2026-11-23"),
        (CronTrigger(cron="50 11 * * *", run_immediately=None), None, None, False,
         "2026-11-22T11:50"),
        (CronTrigger(cron="*/6 * * * *", run_immediately=None), None, None, False,
         "2026-11-22T11:54"),
        (daily(run_immediately=True), None, START, True, "2026-04-01"),
        # several crons: the union
        (TWO_CRONS, None, START, True, "2026-04-01T01:00"),
        (TWO_CRONS, ran("2026-04-01T01:00"), START, True, "2026-04-01T03:00"),
        (TWO_CRONS, None, START, False, "2026-11-22T03:00"),
        (TWO_CRONS, ran("2026-11-22T03:00"), START, False, "2026-11-23T01:00"),
        (TWO_CRONS, None, None, False, "2026-11-23T01:00"),
        # delta: on the grid of the start date, without catchup on that of the first run
        (hours(6), None, at("2026-11-22T01:00"), True, "2026-11-22T01:00"),
        (hours(6), ran("2026-11-22T01:00"), at("2026-11-22T01:00"), True, "2026-11-22T07:00"),
        (hours(6), ran("2026-11-22T07:00"), at("2026-11-22T01:00"), True, "2026-11-22T13:00"),
        (hours(6), None, START, False, "2026-11-22T11:54:24"),
        (hours(6), ran("2026-11-22T11:54:24"), START, False, "2026-11-22T17:54:24"),
        (hours(6), ran("2026-11-22T05:54:00"), START, False, "2026-11-22T11:54:00"),
        (hours(6), None, None, True, "2026-11-22T11:54:24"),
        (DeltaTrigger(delta=MONTHLY), ran("2026-01-31"), None, True, "2026-02-28"),
        (DeltaTrigger(delta=MONTHLY), ran("2026-02-28"), None, True, "2026-03-28"),
        # events
        (EVENTS, None, START, True, "2026-11-20"),
        (EVENTS, ran("2026-11-20"), START, True, "2026-11-21"),
        (EVENTS, None, None, True, "2026-11-20"),
        (EVENTS, None, START, False, "2026-12-01"),
        (EVENTS, ran("2026-11-20"), START, False, "2026-11-21"),
        (EVENTS, ran("2026-11-21"), START, False, "2026-12-01"),
        (EVENTS, ran("2026-12-01"), START, True, None),
        (EventsTimetable(), None, None, True, None),
    ],
)  # fmt: skip
def test_trigger_timetables(timetable, last, start, catchup, tick):
    run = following(timetable, last=last, earliest=start, catchup=catchup)

    assert run == (None if tick is None else ran(tick))


@pytest.mark.parametrize(
    ("timetable", "last", "start", "catchup", "interval"),
    [
        (DAILY_INTERVALS, None, START, True, ("2026-04-01", "2026-04-02")),
        (DAILY_INTERVALS, ran("2026-04-01", "2026-04-02"), START, True,
         ("2026-04-02", "2026-04-03")),
        (DAILY_INTERVALS, None, START, False, ("2026-11-21", "2026-11-22")),
        (DAILY_INTERVALS, ran("2026-11-21", "2026-11-22"), START, False,
         ("2026-11-22", "2026-11-23")),
        (DAILY_INTERVALS, None, None, False, ("2026-11-21", "2026-11-22")),
        (DAILY_INTERVALS, None, None, True, ("2026-11-21", "2026-11-22")),
        (DAILY_INTERVALS, None, at("2026-11-22T01:00"), False, ("2026-11-23", "2026-11-24")),
        # the schedule was hourly before: its last date is taken, the next whole day is not
        (DAILY_INTERVALS, ran("2026-11-22T00:00", "2026-11-22T01:00"), START, True,
         ("2026-11-23", "2026-11-24")),
        # the schedule was at midnight before: no time is left out
        (CronDataInterval(cron="0 6 * * *"), ran("2026-11-20", "2026-11-21"), START, True,
         ("2026-11-20T06:00", "2026-11-21T06:00")),
        (DeltaDataInterval(delta=SIX_HOURS), None, at("2026-11-22T01:00"), True,
         ("2026-11-22T01:00", "2026-11-22T07:00")),
        (DeltaDataInterval(delta=SIX_HOURS), None, START, False,
         ("2026-11-22T00:00", "2026-11-22T06:00")),
        (DeltaDataInterval(delta=SIX_HOURS), ran("2026-11-20T01:00", "2026-11-20T07:00"), START,
         False, ("2026-11-22T01:00", "2026-11-22T07:00")),
        (DeltaDataInterval(delta=SIX_HOURS), ran("2026-11-22T01:00", "2026-11-22T07:00"), START,
         False, ("2026-11-22T07:00", "2026-11-22T13:00")),
        (DeltaDataInterval(delta=MONTHLY), None, at("2026-01-31"), True,
         ("2026-01-31", "2026-02-28")),
        (DeltaDataInterval(delta=MONTHLY), ran("2026-01-31", "2026-02-28"), None, True,
         ("2026-02-28", "2026-03-28")),
        (DeltaDataInterval(delta=MONTHLY), None, START, False,
         ("2026-10-22T11:54:24", "2026-11-22T11:54:24")),
        (ContinuousTimetable(), None, START, False, ("2026-04-01", "2026-11-22T11:54:24")),
        (ContinuousTimetable(), ran("2026-04-01", "2026-11-22T10:00"), START, False,
         ("2026-11-22T10:00", "2026-11-22T11:54:24")),
    ],
)  # fmt: skip
def test_data_interval_timetables(timetable, last, start, catchup, interval):
    run = following(timetable, last=last, earliest=start, catchup=catchup)

    assert run == ran(*interval)


@pytest.mark.parametrize(
    ("timetable", "end_date", "due"),
    [
        (daily(), "2026-04-01", True),
        (daily(), "2026-03-31T23:59", False),
        (DAILY_INTERVALS, "2026-04-01", True),
        (DAILY_INTERVALS, "2026-03-31T23:59", False),
        (hours(6), "2026-03-31", False),
        (DeltaDataInterval(delta=SIX_HOURS), "2026-03-31", False),
        (OnceTimetable(), "2026-03-31", False),
        (ContinuousTimetable(), "2026-03-31", False),
        (EVENTS, "2026-11-19", False),
    ],
)
def test_end_date_bounds_the_ticks(timetable, end_date, due):
    run = following(timetable, earliest=START, latest=at(end_date), catchup=True)

    assert (run is not None) is due


def test_a_trigger_with_an_interval_is_named_by_its_start():
    timetable = CronTrigger(cron="0 0 * * *", interval_seconds=86400)

    first = following(timetable, earliest=START, catchup=True)
    second = following(timetable, last=first, earliest=START, catchup=True)

    assert first == ran("2026-03-31", "2026-04-01")
    assert second == ran("2026-04-01", "2026-04-02")


def test_continuous_runs_never_share_a_logical_date():
    first = following(ContinuousTimetable())
    second = following(ContinuousTimetable(), last=first, now=NOW + timedelta(seconds=3))
    third = following(ContinuousTimetable(), last=second, now=NOW + timedelta(seconds=5))
    late_clock = following(ContinuousTimetable(), last=third, now=NOW)

    dates = [run.logical_date for run in (first, second, third, late_clock) if run]
    assert len(set(dates)) == 4
    assert dates == sorted(dates)


def test_years_that_are_over_leave_no_next_run():
    timetable = CronTrigger(cron="0 0 1 1 * 0 2020")

    assert following(timetable, last=ran("2020-01-01"), earliest=START, catchup=False) is None


def test_answers_are_in_utc_whatever_zone_was_asked_in():
    berlin = datetime.fromisoformat("2026-04-01T00:00:00+02:00")

    run = following(OnceTimetable(), earliest=berlin)

    assert run is not None
    assert run.logical_date.tzinfo is UTC


def test_continuous_runs_are_at_least_a_second_apart():
    first = following(ContinuousTimetable())
    again = following(ContinuousTimetable(), last=first, now=NOW)
    later = following(ContinuousTimetable(), last=first, now=NOW + timedelta(seconds=7))

    assert first is not None
    assert again is not None
    assert later is not None
    assert again.run_after == first.run_after + timedelta(seconds=1)
    assert later.run_after == NOW + timedelta(seconds=7)


def test_a_continuous_interval_begins_with_the_dag_at_the_earliest():
    last = ran("2026-04-01", "2026-04-02")

    moved = following(ContinuousTimetable(), last=last, earliest=NOW - timedelta(hours=1))

    assert moved is not None
    assert moved.data_interval_start == NOW - timedelta(hours=1)
