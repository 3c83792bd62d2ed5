"""Dates of manual runs, and what people read about a timetable."""

from datetime import UTC, datetime, timedelta

import pytest
from dateutil.relativedelta import relativedelta

from tradewind.core.timetables import (
    ContinuousTimetable,
    CronDataInterval,
    CronTrigger,
    Delta,
    DeltaDataInterval,
    DeltaTrigger,
    EventsTimetable,
    ManualRun,
    MultipleCronTrigger,
    NullTimetable,
    OnceTimetable,
    active_runs_limit,
    description,
    from_schedule,
    is_periodic,
    manual_run,
    summary,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = at("2026-11-22T11:54:24")
DATES = (at("2026-04-10"), at("2026-04-15"))


@pytest.mark.parametrize(
    ("timetable", "start", "end"),
    [
        (NullTimetable(), "2026-04-20T05:00", "2026-04-20T05:00"),
        (CronTrigger(cron="0 0 * * *"), "2026-04-20T05:00", "2026-04-20T05:00"),
        (MultipleCronTrigger(crons=("0 0 * * *",)), "2026-04-20T05:00", "2026-04-20T05:00"),
        (DeltaTrigger(delta=Delta(days=1)), "2026-04-20T05:00", "2026-04-20T05:00"),
        (CronTrigger(cron="0 0 * * *", interval_seconds=3600), "2026-04-20T05:00",
         "2026-04-20T06:00"),
        (CronDataInterval(cron="0 0 * * *"), "2026-04-20", "2026-04-21"),
        (CronDataInterval(cron="0 5 * * *"), "2026-04-20T05:00", "2026-04-21T05:00"),
        (DeltaDataInterval(delta=Delta(months=1)), "2026-04-20T05:00", "2026-05-20T05:00"),
        (EventsTimetable(events=DATES), "2026-04-20T05:00", "2026-04-20T05:00"),
        (EventsTimetable(events=DATES, restrict_to_events=True), "2026-04-15", "2026-04-15"),
        (EventsTimetable(events=(NOW,), restrict_to_events=True), "2026-11-22T11:54:24",
         "2026-11-22T11:54:24"),
    ],
)  # fmt: skip
def test_the_interval_of_a_manual_run_follows_from_its_logical_date(timetable, start, end):
    run = manual_run(timetable, logical_date=at("2026-04-20T05:00"), run_after=NOW)

    assert run == ManualRun(
        run_after=NOW,
        logical_date=at("2026-04-20T05:00"),
        data_interval_start=at(start),
        data_interval_end=at(end),
    )


def test_without_logical_date_there_is_no_interval():
    run = manual_run(CronDataInterval(cron="0 0 * * *"), logical_date=None, run_after=NOW)

    assert run == ManualRun(run_after=NOW)


@pytest.mark.parametrize(
    ("schedule", "short", "words"),
    [
        (None, "None", "Not by time: run by hand or by other events"),
        ("@once", "@once", "One run, as soon as it may start"),
        ("@continuous", "@continuous", "Again as soon as the previous run has ended"),
        ("@hourly", "0 * * * *", "Every hour"),
        ("@daily", "0 0 * * *", "At 00:00"),
        ("@weekly", "0 0 * * 0", "At 00:00, on Sunday"),
        ("@monthly", "0 0 1 * *", "At 00:00, on day 1 of the month"),
        ("@quarterly", "0 0 1 */3 *",
         "At 00:00, on day 1 of the month, in January, April, July and October"),
        ("* * * * *", "* * * * *", "Every minute"),
        ("*/5 * * * *", "*/5 * * * *", "Every 5 minutes"),
        ("7 * * * *", "7 * * * *", "At minute 7 of every hour"),
        ("30 2 * * 1-5", "30 2 * * 1-5", "At 02:30, Monday to Friday"),
        ("0,30 9,17 * * *", "0,30 9,17 * * *", "At 09:00, 09:30, 17:00 and 17:30"),
        ("0 */2 * * *", "0 */2 * * *", "Every 2 hours"),
        ("*/10 9-17 * * 6", "*/10 9-17 * * 6",
         "Every 10 minutes past hours 9 to 17, on Saturday"),
        ("0 0 1,15 * 3", "0 0 1,15 * 3",
         "At 00:00, on days 1 and 15 of the month or on Wednesday"),
        ("0 0 L * *", "0 0 L * *", "At 00:00, on the last day of the month"),
        ("0 0 * * 1#1", "0 0 * * 1#1", "At 00:00, on the first Monday of the month"),
        ("0 0 15W * *", "0 0 15W * *",
         "At 00:00, on the working day nearest to day 15 of the month"),
        ("0 0 * * * 30", "0 0 * * * 30", ""),
        (timedelta(hours=6), "6:00:00", "Every 6:00:00"),
        (timedelta(days=1), "1 day, 0:00:00", "Every 1 day, 0:00:00"),
        (relativedelta(months=1, days=2), "1 month, 2 days", "Every 1 month, 2 days"),
        (relativedelta(months=1, day=1), "1 month, then day=1", "Every 1 month, then day=1"),
    ],
)  # fmt: skip
def test_texts(schedule, short, words):
    timetable = from_schedule(schedule, "UTC")

    assert (summary(timetable), description(timetable)) == (short, words)


def test_texts_of_several_crons_and_events():
    crons = MultipleCronTrigger(crons=("0 1 * * *", "0 3 * * *"))
    events = EventsTimetable(events=DATES)

    assert summary(crons) == "0 1 * * *, 0 3 * * *"
    assert description(crons) == "At 01:00; At 03:00"
    assert summary(events) == "2 events"
    assert description(events) == (
        "2 events from 2026-04-10T00:00:00+00:00 to 2026-04-15T00:00:00+00:00"
    )
    assert description(EventsTimetable()) == "No events"
    assert summary(EventsTimetable(events=DATES, description="Matches")) == "Matches"


@pytest.mark.parametrize(
    ("timetable", "periodic", "limit"),
    [
        (NullTimetable(), False, None),
        (OnceTimetable(), False, None),
        (ContinuousTimetable(), False, 1),
        (CronTrigger(cron="0 0 * * *"), True, None),
        (EventsTimetable(events=DATES), True, None),
        (DeltaDataInterval(delta=Delta(days=1)), True, None),
    ],
)
def test_traits(timetable, periodic, limit):
    assert is_periodic(timetable) is periodic
    assert active_runs_limit(timetable) == limit
