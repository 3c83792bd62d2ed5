"""Mappers of partitions as JSON, for the spec of a Dag, and back.

Only what Tradewind brings along itself travels: a class of an author's own is code, and the server
runs none.
"""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from functools import lru_cache
from typing import Any

import msgspec

from tradewind.core.partitions import (
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
    StartOfPeriodMapper,
    StartOfQuarterMapper,
    StartOfWeekMapper,
    StartOfYearMapper,
    WaitForAll,
    WeekWindow,
    Window,
    YearWindow,
    time_mapper_of,
)

_PERIODS = {
    one.__name__: one
    for one in (
        StartOfHourMapper,
        StartOfDayMapper,
        StartOfWeekMapper,
        StartOfMonthMapper,
        StartOfQuarterMapper,
        StartOfYearMapper,
    )
}
_WINDOWS = {
    one.__name__: one
    for one in (HourWindow, DayWindow, WeekWindow, MonthWindow, QuarterWindow, YearWindow)
}


class NotDataError(TypeError):
    """A mapper, window or policy is of a class of its author's own."""


def mapper_to_data(mapper: PartitionMapper) -> dict[str, Any]:
    """Answer a mapper as JSON.

    Raises:
        NotDataError: It, or a part of it, is of a class of its author's own.
        TypeError: Its window is of time, and its mapper does not know time.

    Example:
        >>> mapper_to_data(FixedKeyMapper("all"))
        {'kind': 'FixedKeyMapper', 'downstream_key': 'all'}
    """
    kind = type(mapper).__name__
    match mapper:
        case _ if type(mapper) not in _KNOWN:
            raise NotDataError(f"{kind} is a class of your own")
        case IdentityMapper():
            fields: dict[str, Any] = {}
        case FixedKeyMapper(downstream_key=key):
            fields = {"downstream_key": key}
        case AllowedKeyMapper(allowed_keys=keys):
            fields = {"allowed_keys": list(keys)}
        case ChainMapper(mappers=mappers):
            fields = {"mappers": [mapper_to_data(one) for one in mappers]}
        case ProductMapper(mappers=mappers, delimiter=mark):
            fields = {"mappers": [mapper_to_data(one) for one in mappers], "delimiter": mark}
        case RollupMapper() | FanOutMapper():
            fields = _windowed(mapper)
        case _:
            assert isinstance(mapper, StartOfPeriodMapper)  # noqa: S101 - there are no others
            fields = {
                "timezone": _zone_name(mapper.timezone),
                "input_format": mapper.input_format,
                "output_format": mapper.output_format,
            }
    return {"kind": kind, **fields}


def _windowed(mapper: RollupMapper | FanOutMapper) -> dict[str, Any]:
    if not isinstance(mapper.window, SegmentWindow):
        time_mapper_of(mapper.upstream_mapper)
    fields = {
        "upstream_mapper": mapper_to_data(mapper.upstream_mapper),
        "window": _window_to_data(mapper.window),
    }
    if isinstance(mapper, RollupMapper):
        policy = mapper.wait_policy
        if type(policy) not in (WaitForAll, MinimumCount):
            raise NotDataError(f"{type(policy).__name__} is a class of your own")
        return {**fields, "minimum": policy.n if isinstance(policy, MinimumCount) else None}
    below = mapper.downstream_mapper
    return {**fields, "downstream_mapper": None if below is None else mapper_to_data(below)}


def _window_to_data(window: Window) -> dict[str, Any]:
    kind = type(window).__name__
    if type(window) is SegmentWindow:
        return {"kind": kind, "segments": list(window.segments)}
    if _WINDOWS.get(kind) is not type(window):
        raise NotDataError(f"{kind} is a class of your own")
    return {"kind": kind, "direction": window.direction}


def _zone_name(zone: str | tzinfo) -> str:
    if isinstance(zone, str):
        return zone
    return str(getattr(zone, "key", None) or getattr(zone, "name", None) or zone)


def mapper_of_data(data: Any) -> PartitionMapper:
    """Answer the mapper of this JSON; the same JSON gives the same one, made once.

    Example:
        >>> mapper_of_data(mapper_to_data(StartOfDayMapper())).to_downstream("2026-04-20T06:00:00")
        '2026-04-20'
    """
    return _decoded(msgspec.json.encode(data, order="deterministic"))


@lru_cache(maxsize=1024)
def _decoded(raw: bytes) -> PartitionMapper:
    return _mapper(msgspec.json.decode(raw))


def _mapper(data: Mapping[str, Any]) -> PartitionMapper:
    kind = data["kind"]
    if kind in _PERIODS:
        return _PERIODS[kind](**{name: data[name] for name in data if name != "kind"})
    return _BUILD[kind](data)


def _window(data: Mapping[str, Any]) -> Window:
    if data["kind"] == SegmentWindow.__name__:
        return SegmentWindow(data["segments"])
    return _WINDOWS[data["kind"]](data["direction"])


def _rollup(data: Mapping[str, Any]) -> PartitionMapper:
    least = data["minimum"]
    return RollupMapper(
        _mapper(data["upstream_mapper"]),
        _window(data["window"]),
        WaitForAll() if least is None else MinimumCount(least),
    )


def _fan_out(data: Mapping[str, Any]) -> PartitionMapper:
    below = data["downstream_mapper"]
    return FanOutMapper(
        _mapper(data["upstream_mapper"]),
        _window(data["window"]),
        None if below is None else _mapper(below),
    )


_BUILD: dict[str, Callable[[Mapping[str, Any]], PartitionMapper]] = {
    "IdentityMapper": lambda data: IdentityMapper(),
    "FixedKeyMapper": lambda data: FixedKeyMapper(data["downstream_key"]),
    "AllowedKeyMapper": lambda data: AllowedKeyMapper(data["allowed_keys"]),
    "ChainMapper": lambda data: ChainMapper(*map(_mapper, data["mappers"])),
    "ProductMapper": lambda data: ProductMapper(
        *map(_mapper, data["mappers"]), delimiter=data["delimiter"]
    ),
    "RollupMapper": _rollup,
    "FanOutMapper": _fan_out,
}
_KNOWN = {
    IdentityMapper,
    FixedKeyMapper,
    AllowedKeyMapper,
    ChainMapper,
    ProductMapper,
    RollupMapper,
    FanOutMapper,
    *_PERIODS.values(),
}
