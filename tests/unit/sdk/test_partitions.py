"""Mappers and windows of partitions: each row is a key and what becomes of it."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tradewind.sdk.partitions import (
    AllowedKeyMapper,
    ChainMapper,
    DayWindow,
    FanOutMapper,
    FixedKeyMapper,
    HourWindow,
    IdentityMapper,
    MinimumCount,
    MonthWindow,
    PartitionMapper,
    ProductMapper,
    QuarterWindow,
    RollupMapper,
    SegmentWindow,
    StartOfDayMapper,
    StartOfHourMapper,
    StartOfMonthMapper,
    StartOfQuarterMapper,
    StartOfWeekMapper,
    StartOfYearMapper,
    WaitForAll,
    WeekWindow,
    Window,
    YearWindow,
    keys_of,
)

BERLIN = ZoneInfo("Europe/Berlin")
DAY = "%Y-%m-%d"


@pytest.mark.parametrize(
    ("mapper", "key", "downstream"),
    [
        (IdentityMapper(), "eu", "eu"),
        (FixedKeyMapper("all"), "eu", "all"),
        (AllowedKeyMapper(["eu"]), "eu", "eu"),
        (AllowedKeyMapper(["eu"]), "us", ()),
        (StartOfHourMapper(), "2024-03-13T10:44:12", "2024-03-13T10"),
        (StartOfDayMapper(), "2024-03-13T10:44:12", "2024-03-13"),
        (StartOfWeekMapper(), "2024-03-13T10:44:12", "2024-03-11 (W11)"),
        (StartOfMonthMapper(), "2024-03-13T10:44:12", "2024-03"),
        (StartOfQuarterMapper(), "2024-03-13T10:44:12", "2024-Q1"),
        (StartOfYearMapper(), "2024-03-13T10:44:12", "2024"),
        (StartOfWeekMapper(), "2024-12-31T00:00:00", "2024-12-30 (W01)"),
        (StartOfDayMapper(output_format="%d.%m.%Y"), "2024-03-13T10:44:12", "13.03.2024"),
        (
            StartOfDayMapper(timezone="Europe/Berlin", input_format="%Y-%m-%dT%H:%M:%S%z"),
            "2024-03-13T23:30:00+0000",
            "2024-03-14",
        ),
        (ChainMapper(StartOfDayMapper(), FixedKeyMapper("x")), "2024-03-13T10:44:12", "x"),
        (ChainMapper(AllowedKeyMapper(["eu"]), FixedKeyMapper("x")), "us", ()),
        (ProductMapper(IdentityMapper(), StartOfYearMapper()), "eu|2024-03-13T00:00:00", "eu|2024"),
        (ProductMapper(IdentityMapper(), FixedKeyMapper("x"), delimiter="/"), "eu/y", "eu/x"),
        (
            FanOutMapper(IdentityMapper(), SegmentWindow(["a", "b"]), IdentityMapper()),
            "any",
            ("a", "b"),
        ),
        (
            FanOutMapper(StartOfWeekMapper(input_format=DAY), WeekWindow(), StartOfDayMapper()),
            "2024-03-13",
            tuple(f"2024-03-{day}" for day in range(11, 18)),
        ),
        (
            FanOutMapper(
                StartOfMonthMapper(input_format=DAY), MonthWindow("backward"), StartOfMonthMapper()
            ),
            "2024-03-13",
            "2024-02",
        ),
        (RollupMapper(StartOfDayMapper(), DayWindow()), "2024-03-13T10:44:12", "2024-03-13"),
    ],
    ids=repr,
)
def test_a_key_becomes(mapper: PartitionMapper, key: str, downstream: Any) -> None:
    assert keys_of(mapper.to_downstream(key)) == keys_of(downstream)


@pytest.mark.parametrize(
    ("mapper", "key", "sentence"),
    [
        (StartOfDayMapper(), "13.3.2024", "does not match format"),
        (ProductMapper(IdentityMapper(), IdentityMapper()), "eu", "has 1 parts"),
        (FanOutMapper(IdentityMapper(), SegmentWindow(map(str, range(1001)))), "x", "1000 are"),
    ],
)
def test_a_key_that_cannot_be_mapped_is_refused(
    mapper: PartitionMapper, key: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        mapper.to_downstream(key)


@pytest.mark.parametrize(
    ("window", "start", "count", "first", "last"),
    [
        (HourWindow(), "2024-03-13T10:00", 60, "2024-03-13T10:00", "2024-03-13T10:59"),
        (DayWindow(), "2024-03-13T00:00", 24, "2024-03-13T00:00", "2024-03-13T23:00"),
        (DayWindow(), "2024-03-31T00:00", 23, "2024-03-31T00:00", "2024-03-31T23:00"),
        (DayWindow(), "2024-10-27T00:00", 25, "2024-10-27T00:00", "2024-10-27T23:00"),
        (WeekWindow(), "2024-03-11T00:00", 7, "2024-03-11T00:00", "2024-03-17T00:00"),
        (MonthWindow(), "2024-02-01T00:00", 29, "2024-02-01T00:00", "2024-02-29T00:00"),
        (QuarterWindow(), "2024-10-01T00:00", 3, "2024-10-01T00:00", "2024-12-01T00:00"),
        (YearWindow(), "2024-01-01T00:00", 12, "2024-01-01T00:00", "2024-12-01T00:00"),
        (WeekWindow("backward"), "2024-03-11T00:00", 7, "2024-03-04T00:00", "2024-03-10T00:00"),
        (DayWindow("backward"), "2024-03-13T00:00", 24, "2024-03-12T00:00", "2024-03-12T23:00"),
    ],
    ids=repr,
)
def test_a_window_is_made_of(window: Window, start: str, count: int, first: str, last: str) -> None:
    found = window.enumerate(dt.datetime.fromisoformat(start).replace(tzinfo=BERLIN))

    assert len(found) == count
    assert [f"{one:%Y-%m-%dT%H:%M}" for one in (found[0], found[-1])] == [first, last]


@pytest.mark.parametrize(
    ("policy", "arrived", "is_enough"),
    [
        (WaitForAll(), {"a", "b"}, False),
        (WaitForAll(), {"a", "b", "c", "d"}, True),
        (MinimumCount(2), {"a"}, False),
        (MinimumCount(2), {"a", "x"}, False),
        (MinimumCount(2), {"a", "b"}, True),
        (MinimumCount(-1), {"a"}, False),
        (MinimumCount(-1), {"a", "b"}, True),
    ],
)
def test_a_roll_up_waits_for_enough(policy: Any, arrived: set[str], is_enough: bool) -> None:
    mapper = RollupMapper(IdentityMapper(), SegmentWindow(["a", "b", "c"]), policy)

    assert mapper.is_satisfied("any", arrived) is is_enough


@pytest.mark.parametrize(
    ("mapper", "key", "count", "first"),
    [
        (StartOfMonthMapper(input_format=DAY), "2024-02", 29, "2024-02-01"),
        (StartOfMonthMapper(input_format=DAY, output_format="%m/%Y"), "02/2023", 28, "2023-02-01"),
    ],
)
def test_a_roll_up_knows_what_it_is_made_of(mapper: Any, key: str, count: int, first: str) -> None:
    found = RollupMapper(mapper, MonthWindow()).to_upstream(key)
    assert (len(found), found[0]) == (count, first)


def test_a_quarter_is_read_back_and_nonsense_is_refused() -> None:
    months = RollupMapper(StartOfQuarterMapper(input_format="%Y-%m"), QuarterWindow())
    assert months.to_upstream("2024-Q4") == ("2024-10", "2024-11", "2024-12")
    with pytest.raises(ValueError, match="not in the format"):
        months.to_upstream("2024-Q5")
    with pytest.raises(ValueError, match="direction"):
        HourWindow("sideways")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="MinimumCount"):
        MinimumCount(0)
    with pytest.raises(TypeError, match="StartOf"):
        RollupMapper(IdentityMapper(), HourWindow()).to_upstream("x")
