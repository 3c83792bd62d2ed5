"""Mappers of partitions survive the way to the server and back, or say that they cannot."""

from datetime import UTC
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tradewind.core.partition_data import NotDataError, mapper_of_data, mapper_to_data
from tradewind.core.partitions import (
    AllowedKeyMapper,
    ChainMapper,
    DayWindow,
    FanOutMapper,
    FixedKeyMapper,
    IdentityMapper,
    MinimumCount,
    MonthWindow,
    PartitionMapper,
    ProductMapper,
    RollupMapper,
    SegmentWindow,
    StartOfDayMapper,
    StartOfHourMapper,
    StartOfMonthMapper,
    StartOfQuarterMapper,
    StartOfYearMapper,
    WeekWindow,
)

BERLIN = ZoneInfo("Europe/Berlin")


class MyMapper(PartitionMapper):
    """Of somebody's own."""


@pytest.mark.parametrize(
    ("mapper", "key"),
    [
        (IdentityMapper(), "eu"),
        (FixedKeyMapper("all"), "eu"),
        (AllowedKeyMapper(["eu", "us"]), "us"),
        (StartOfHourMapper(timezone=BERLIN), "2026-04-20T06:30:00"),
        (StartOfDayMapper(timezone=UTC, output_format="%d"), "2026-04-20T06:30:00"),
        (StartOfQuarterMapper(input_format="%Y-%m-%d"), "2026-04-20"),
        (ChainMapper(StartOfDayMapper(), StartOfYearMapper(input_format="%Y-%m-%d")), None),
        (ProductMapper(IdentityMapper(), StartOfMonthMapper(), delimiter="/"), None),
        (RollupMapper(StartOfDayMapper(), DayWindow(), MinimumCount(-2)), "2026-04-20T06:00:00"),
        (RollupMapper(FixedKeyMapper("all"), SegmentWindow(["a", "b"])), "a"),
        (
            FanOutMapper(
                StartOfMonthMapper(input_format="%Y-%m"),
                MonthWindow("backward"),
                StartOfDayMapper(),
            ),
            "2026-04",
        ),
    ],
)
def test_a_mapper_is_the_same_after_the_way_there_and_back(
    mapper: PartitionMapper, key: str | None
) -> None:
    data = mapper_to_data(mapper)
    back = mapper_of_data(msgspec.json.decode(msgspec.json.encode(data)))
    assert mapper_to_data(back) == data
    if key is not None:
        assert back.to_downstream(key) == mapper.to_downstream(key)


@pytest.mark.parametrize(
    "mapper",
    [MyMapper(), ChainMapper(IdentityMapper(), MyMapper()), RollupMapper(MyMapper(), WeekWindow())],
)
def test_a_class_of_ones_own_does_not_travel(mapper: PartitionMapper) -> None:
    with pytest.raises((NotDataError, TypeError), match=r"own|StartOf"):
        mapper_to_data(mapper)


def test_a_window_of_time_needs_a_mapper_that_knows_time() -> None:
    with pytest.raises(TypeError, match=r"needs a StartOf\.\.\.Mapper, not IdentityMapper"):
        mapper_to_data(RollupMapper(IdentityMapper(), DayWindow()))


def test_a_backward_window_belongs_to_the_period_after_it() -> None:
    weekly = RollupMapper(
        StartOfDayMapper(input_format="%Y-%m-%dT%H"), DayWindow(direction="backward")
    )
    for hour in weekly.to_upstream("2026-04-20"):
        assert weekly.to_downstream(hour) == "2026-04-20"
