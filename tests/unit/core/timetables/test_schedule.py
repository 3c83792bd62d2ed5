"""Reading what people write as a schedule, and saying what is wrong with it."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from dateutil.relativedelta import FR, relativedelta

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
    OnceTimetable,
    ScheduleError,
    Timetable,
    check_timetable,
    from_schedule,
)
from tradewind.core.timetables.delta import take_step

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("schedule", "timetable"),
    [
        (None, NullTimetable()),
        ("@once", OnceTimetable()),
        ("@continuous", ContinuousTimetable()),
        ("@hourly", CronTrigger(cron="0 * * * *", timezone=BERLIN)),
        ("@daily", CronTrigger(cron="0 0 * * *", timezone=BERLIN)),
        ("@weekly", CronTrigger(cron="0 0 * * 0", timezone=BERLIN)),
        ("@monthly", CronTrigger(cron="0 0 1 * *", timezone=BERLIN)),
        ("@quarterly", CronTrigger(cron="0 0 1 */3 *", timezone=BERLIN)),
        ("@yearly", CronTrigger(cron="0 0 1 1 *", timezone=BERLIN)),
        (" 30  2 * * 1-5 ", CronTrigger(cron="30 2 * * 1-5", timezone=BERLIN)),
        ("* * * * * */10", CronTrigger(cron="* * * * * */10", timezone=BERLIN)),
        (timedelta(hours=30), DeltaTrigger(delta=Delta(days=1, seconds=21600))),
        (relativedelta(months=1), DeltaTrigger(delta=Delta(months=1))),
        (relativedelta(weekday=FR(2), days=1), DeltaTrigger(delta=Delta(days=1, weekday=(4, 2)))),
    ],
)
def test_schedules(schedule, timetable):
    assert from_schedule(schedule, BERLIN) == timetable


@pytest.mark.parametrize(
    ("schedule", "timetable"),
    [
        ("@daily", CronDataInterval(cron="0 0 * * *", timezone=BERLIN)),
        (timedelta(days=1), DeltaDataInterval(delta=Delta(days=1))),
        (None, NullTimetable()),
    ],
)
def test_schedules_with_data_intervals(schedule, timetable):
    assert from_schedule(schedule, BERLIN, cron_data_intervals=True) == timetable


@pytest.mark.parametrize(
    ("schedule", "zone", "says"),
    [
        ("@dayly", "UTC", "Did you mean '@daily'?"),
        ("@zzz", "UTC", "Use one of @hourly"),
        ("0 0 * *", "UTC", "it has 4 fields"),
        ("every day", "UTC", "it has 2 fields"),
        ("", "UTC", "it has 0 fields"),
        ("61 * * * *", "UTC", "minute, hour, day, month and weekday"),
        ("0 0 * * MAN", "UTC", "for example '30 2 * * 1-5'"),
        ("0 0 31 2 *", "UTC", "matches no date at all"),
        ("H 0 * * *", "UTC", "write the number itself"),
        ("0 R(1-5) * * *", "UTC", "write the number itself"),
        ("@daily", "europe/berlin", "Did you mean 'Europe/Berlin'?"),
        ("@daily", "Middle Earth 12!", "There is no time zone"),
        ("@daily", "../etc/passwd", "There is no time zone"),
        (timedelta(0), "UTC", "never moves forward"),
        (timedelta(hours=-1), "UTC", "never moves forward"),
        (relativedelta(months=-1), "UTC", "never moves forward"),
        (relativedelta(day=1), "UTC", "never moves forward"),
        (5, "UTC", "cannot be a int"),
    ],
)
def test_a_bad_schedule_names_the_way_out(schedule, zone, says):
    with pytest.raises(ScheduleError) as refused:
        from_schedule(schedule, zone)

    assert says in str(refused.value)
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    "timetable",
    [
        MultipleCronTrigger(crons=()),
        MultipleCronTrigger(crons=("0 0 * * *", "nonsense")),
        CronTrigger(cron="0 0 * * *", timezone="Nowhere"),
        DeltaDataInterval(delta=Delta()),
    ],
)
def test_timetables_made_by_hand_are_checked(timetable):
    with pytest.raises(ScheduleError):
        check_timetable(timetable)


def test_events_are_kept_sorted_unique_and_in_utc():
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    offset = datetime.fromisoformat("2026-01-01T02:00:00+02:00")

    assert EventsTimetable(events=(late, offset, early)).events == (early, late)
    with pytest.raises(ScheduleError, match="no time zone"):
        EventsTimetable(events=(early.replace(tzinfo=None),))


@pytest.mark.parametrize(
    ("step", "start", "end"),
    [
        (relativedelta(months=1), "2026-01-31", "2026-02-28"),
        (relativedelta(years=1), "2024-02-29", "2025-02-28"),
        (relativedelta(months=1, day=1), "2026-01-31", "2026-02-01"),
        (relativedelta(days=1, weekday=FR), "2026-11-20", "2026-11-27"),
        (relativedelta(days=1, hours=12), "2026-11-20", "2026-11-21T12:00"),
        (timedelta(microseconds=1), "2026-11-20", "2026-11-20T00:00:00.000001"),
    ],
)
def test_a_delta_steps_as_the_one_it_was_read_from(step, start, end):
    timetable = from_schedule(step, "UTC")

    assert isinstance(timetable, DeltaTrigger)
    after = take_step(datetime.fromisoformat(start).replace(tzinfo=UTC), timetable.delta)
    assert after == datetime.fromisoformat(end).replace(tzinfo=UTC)


def test_json_is_small_and_tagged():
    assert msgspec.json.encode(from_schedule("@daily", "UTC")) == (
        b'{"kind":"cron-trigger","cron":"0 0 * * *"}'
    )
    assert msgspec.json.decode(b'{"kind":"null"}', type=Timetable) == NullTimetable()
