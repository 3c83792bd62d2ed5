"""The runs in a range of dates, as a backfill asks for them."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from tradewind.core.timetables import (
    ContinuousTimetable,
    CronDataInterval,
    CronTrigger,
    Delta,
    DeltaDataInterval,
    DeltaTrigger,
    EventsTimetable,
    MultipleCronTrigger,
    NullTimetable,
    ticks_between,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


EVENTS = EventsTimetable(events=(at("2026-04-20"), at("2026-04-22T09:00")))


@pytest.mark.parametrize(
    ("timetable", "anchor", "dates"),
    [
        (NullTimetable(), None, []),
        (ContinuousTimetable(), None, []),
        (CronTrigger(cron="0 0 * * *"), None, ["04-20 00:00", "04-21 00:00", "04-22 00:00"]),
        (CronTrigger(cron="0 6 * * *", interval_seconds=86400), None,
         ["04-20 06:00", "04-21 06:00"]),
        (CronDataInterval(cron="0 0 * * *"), None, ["04-20 00:00", "04-21 00:00", "04-22 00:00"]),
        (MultipleCronTrigger(crons=("0 1 * * *", "0 1 * * *", "0 0 * * *")), None,
         ["04-20 00:00", "04-20 01:00", "04-21 00:00", "04-21 01:00", "04-22 00:00"]),
        (EVENTS, None, ["04-20 00:00"]),
        (DeltaTrigger(delta=Delta(days=1)), None, ["04-20 00:00", "04-21 00:00", "04-22 00:00"]),
        # on the grid of the start date, whether it is before or after the range
        (DeltaTrigger(delta=Delta(days=1)), "2026-01-01T05:00", ["04-20 05:00", "04-21 05:00"]),
        (DeltaTrigger(delta=Delta(days=1)), "2026-09-01T05:00", ["04-20 05:00", "04-21 05:00"]),
        (DeltaDataInterval(delta=Delta(months=1)), "2026-01-21", ["04-21 00:00"]),
        (DeltaDataInterval(delta=Delta(months=1)), "2026-09-21", ["04-21 00:00"]),
    ],
)  # fmt: skip
def test_both_bounds_are_in(timetable, anchor, dates):
    runs = ticks_between(
        timetable, at("2026-04-20"), at("2026-04-22"), anchor=at(anchor) if anchor else None
    )

    assert [run.logical_date.strftime("%m-%d %H:%M") for run in runs] == dates


def test_an_interval_is_due_at_its_end():
    (run,) = ticks_between(CronDataInterval(cron="0 0 * * *"), at("2026-04-20"), at("2026-04-20"))

    assert (run.data_interval_end, run.run_after) == (at("2026-04-21"), at("2026-04-21"))


def test_a_long_range_is_not_made_before_it_is_asked_for():
    each_second = DeltaTrigger(delta=Delta(seconds=1))

    runs = list(islice(ticks_between(each_second, at("1970-01-01"), at("9000-01-01")), 3))

    assert [run.logical_date - at("1970-01-01") for run in runs] == [
        timedelta(seconds=count) for count in range(3)
    ]


def test_calendar_steps_before_the_start_date_are_counted_from_it():
    runs = ticks_between(
        DeltaTrigger(delta=Delta(months=1)),
        at("2026-01-01"),
        at("2026-06-30"),
        anchor=at("2026-03-31"),
    )

    assert [run.logical_date.strftime("%m-%d") for run in runs] == [
        "01-31", "02-28", "03-31", "04-30", "05-30", "06-30",
    ]  # fmt: skip
