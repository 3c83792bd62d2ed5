"""Cron expressions on the days when clocks change.

Rule: an expression that covers every hour goes by elapsed time, any other by the wall clock.
"""

from datetime import UTC, datetime, timedelta

import pytest

from tradewind.core.timetables import CronTrigger, ticks_between


def ticks(cron: str, zone: str, start: str, end: str) -> list[str]:
    runs = ticks_between(
        CronTrigger(cron=cron, timezone=zone),
        datetime.fromisoformat(start).replace(tzinfo=UTC),
        datetime.fromisoformat(end).replace(tzinfo=UTC),
    )
    return [run.logical_date.strftime("%m-%d %H:%MZ") for run in runs]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 2 * * *", ["03-28 01:30Z", "03-29 01:30Z", "03-30 00:30Z"]),
        ("@daily", ["03-27 23:00Z", "03-28 23:00Z", "03-29 22:00Z", "03-30 22:00Z"]),
    ],
)
def test_berlin_spring_days(cron, expected):
    assert ticks(cron, "Europe/Berlin", "2026-03-27T12:00", "2026-03-31T00:00") == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        # 01:00, 03:00 (02:00 is missing), 04:00
        ("0 * * * *", ["03-29 00:00Z", "03-29 01:00Z", "03-29 02:00Z"]),
        ("*/30 * * * *", ["03-29 00:00Z", "03-29 00:30Z", "03-29 01:00Z", "03-29 01:30Z",
                          "03-29 02:00Z"]),
        # 02:00 moved to 03:00, then 04:00
        ("0 */2 * * *", ["03-29 01:00Z", "03-29 02:00Z"]),
        # 02:00 and 03:00 are one tick that day
        ("0 2,3 * * *", ["03-29 01:00Z"]),
        # none of the three is lost
        ("0,20,40 2 * * *", ["03-29 01:00Z", "03-29 01:20Z", "03-29 01:40Z"]),
    ],
)  # fmt: skip
def test_berlin_spring_hours(cron, expected):
    assert ticks(cron, "Europe/Berlin", "2026-03-29T00:00", "2026-03-29T02:00") == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("30 2 * * *", ["10-24 00:30Z", "10-25 01:30Z", "10-26 01:30Z"]),
        ("@daily", ["10-23 22:00Z", "10-24 22:00Z", "10-25 23:00Z", "10-26 23:00Z"]),
    ],
)
def test_berlin_autumn_days(cron, expected):
    assert ticks(cron, "Europe/Berlin", "2026-10-23T12:00", "2026-10-27T00:00") == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        # each hour of UTC: 02:00 twice
        ("0 * * * *", ["10-24 22:00Z", "10-24 23:00Z", "10-25 00:00Z", "10-25 01:00Z",
                       "10-25 02:00Z", "10-25 03:00Z"]),
        # 00:00, the second 02:00, 04:00
        ("0 */2 * * *", ["10-24 22:00Z", "10-25 01:00Z", "10-25 03:00Z"]),
    ],
)  # fmt: skip
def test_berlin_autumn_hours(cron, expected):
    assert ticks(cron, "Europe/Berlin", "2026-10-24T22:00", "2026-10-25T03:00") == expected


@pytest.mark.parametrize(
    ("zone", "cron", "start", "end", "expected"),
    [
        # New York, 8 March: 02:30 is missing; 1 November: 01:30 comes twice
        ("America/New_York", "30 2 * * *", "2026-03-07T12:00", "2026-03-09T12:00",
         ["03-08 07:30Z", "03-09 06:30Z"]),
        ("America/New_York", "30 1 * * *", "2026-10-31T12:00", "2026-11-02T12:00",
         ["11-01 06:30Z", "11-02 06:30Z"]),
        # Lord Howe moves its clocks by half an hour, 4 October at 02:00 and 5 April at 02:00
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00", "2026-10-05T00:00",
         ["10-03 15:45Z", "10-04 15:15Z"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00", "2026-04-06T00:00",
         ["04-04 15:15Z", "04-05 15:15Z"]),
        # Beirut moves its clocks at midnight
        ("Asia/Beirut", "@daily", "2026-03-27T12:00", "2026-03-30T12:00",
         ["03-27 22:00Z", "03-28 22:00Z", "03-29 21:00Z"]),
        # Samoa left 30 December 2011 out
        ("Pacific/Apia", "0 12 30 12 *", "2011-01-01T00:00", "2012-12-31T00:00",
         ["12-30 22:00Z", "12-29 22:00Z"]),
        ("+05:30", "30 2 * * *", "2026-03-28T00:00", "2026-03-29T00:00", ["03-28 21:00Z"]),
    ],
)  # fmt: skip
def test_other_zones(zone, cron, start, end, expected):
    assert ticks(cron, zone, start, end) == expected


@pytest.mark.parametrize(
    ("zone", "cron", "start", "expected"),
    [
        # 02:30 is left out, and is 03:30 that day
        ("America/New_York", "30 2 * * *", "2026-03-07",
         ["03-07 07:30Z", "03-08 07:30Z", "03-09 06:30Z"]),
        # 01:30 comes twice: the second
        ("America/New_York", "30 1 * * *", "2026-10-31",
         ["10-31 05:30Z", "11-01 06:30Z", "11-02 06:30Z"]),
        # half an hour twice
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-03",
         ["04-03 14:45Z", "04-04 15:15Z", "04-05 15:15Z"]),
        # half an hour left out
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-02",
         ["10-02 15:45Z", "10-03 15:45Z", "10-04 15:15Z"]),
        # a country that went over to another offset for good
        ("America/Caracas", "45 2 * * *", "2016-04-30",
         ["04-30 07:15Z", "05-01 07:15Z", "05-02 06:45Z"]),
        # a whole day left out: what was to be on it is on the next, which has one of its own
        ("Pacific/Apia", "0 12 * * *", "2011-12-28",
         ["12-28 22:00Z", "12-29 22:00Z", "12-30 22:00Z"]),
    ],
)  # fmt: skip
def test_each_kind_of_change(zone, cron, start, expected):
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    end = begin + timedelta(days=3)
    assert ticks(cron, zone, start, end.isoformat()[:19]) == expected
