"""Partitions: how a key of an upstream asset's partition becomes keys of the Dag that follows.

Pure arithmetic on text. Keys of time are read with ``input_format`` in a time zone, moved to the
start of their hour, day, week and so on, and written again.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import product
from typing import Any, ClassVar, Literal, TypeAlias

from tradewind.core.timetables.ticks import find_zone

Keys: TypeAlias = str | tuple[str, ...]
"""One key, or any number of them."""

MAX_DOWNSTREAM_KEYS = 1000
"""More keys from one event are taken for a mistake."""

_MIDNIGHT = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
_QUARTER_MONTHS = 3
_WEEK_DAYS = 7
_YEAR_MONTHS = 12


class PartitionMapper:
    """Says which partitions downstream an upstream partition belongs to."""

    def to_downstream(self, key: str) -> Keys:
        """Answer the key, or keys, downstream; none where the key is not wanted.

        Raises:
            NotImplementedError: The subclass does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement to_downstream()")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        inner = ", ".join(f"{name.strip('_')}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({inner})"


def keys_of(found: Keys | Iterable[str]) -> tuple[str, ...]:
    """Answer what a mapper said as keys, each once, in order.

    Raises:
        ValueError: There are more than ``MAX_DOWNSTREAM_KEYS``.

    Example:
        >>> keys_of("a"), keys_of(["b", "a", "b"])
        (('a',), ('b', 'a'))
    """
    keys = (found,) if isinstance(found, str) else tuple(dict.fromkeys(found))
    if len(keys) > MAX_DOWNSTREAM_KEYS:
        raise ValueError(
            f"One partition was mapped to {len(keys)} keys; {MAX_DOWNSTREAM_KEYS} are allowed"
        )
    return keys


def _one_or_many(keys: tuple[str, ...]) -> Keys:
    return keys[0] if len(keys) == 1 else keys


class IdentityMapper(PartitionMapper):
    """The same key.

    Example:
        >>> IdentityMapper().to_downstream("2026-04-20")
        '2026-04-20'
    """

    def to_downstream(self, key: str) -> Keys:
        """Answer the key."""
        return key


class FixedKeyMapper(PartitionMapper):
    """One key for all.

    Example:
        >>> FixedKeyMapper("all").to_downstream("eu")
        'all'
    """

    def __init__(self, downstream_key: str) -> None:
        self.downstream_key = downstream_key

    def to_downstream(self, key: str) -> Keys:
        """Answer the one key."""
        return self.downstream_key


class AllowedKeyMapper(PartitionMapper):
    """The same key, if it is one of these; others are dropped.

    Example:
        >>> AllowedKeyMapper(["eu", "us"]).to_downstream("jp")
        ()
    """

    def __init__(self, allowed_keys: Iterable[str]) -> None:
        self.allowed_keys = tuple(allowed_keys)

    def to_downstream(self, key: str) -> Keys:
        """Answer the key, or none."""
        return key if key in self.allowed_keys else ()


class ChainMapper(PartitionMapper):
    """One mapper after the other.

    Example:
        >>> month = ChainMapper(StartOfDayMapper(), StartOfMonthMapper(input_format="%Y-%m-%d"))
        >>> month.to_downstream("2026-04-20T06:30:00")
        '2026-04'
    """

    def __init__(self, *mappers: PartitionMapper) -> None:
        if not mappers:
            raise ValueError("ChainMapper needs a mapper")
        self.mappers = mappers

    def to_downstream(self, key: str) -> Keys:
        """Answer what the last one says."""
        keys: tuple[str, ...] = (key,)
        for mapper in self.mappers:
            keys = keys_of(k for one in keys for k in keys_of(mapper.to_downstream(one)))
        return _one_or_many(keys)


class ProductMapper(PartitionMapper):
    """A mapper for each part of a composite key.

    Example:
        >>> ProductMapper(IdentityMapper(), StartOfYearMapper()).to_downstream(
        ...     "eu|2026-04-20T00:00:00"
        ... )
        'eu|2026'
    """

    def __init__(self, *mappers: PartitionMapper, delimiter: str = "|") -> None:
        if not mappers:
            raise ValueError("ProductMapper needs a mapper")
        self.mappers = mappers
        self.delimiter = delimiter

    def to_downstream(self, key: str) -> Keys:
        """Answer each part mapped, put together again.

        Raises:
            ValueError: The key has not as many parts as there are mappers.
        """
        parts = key.split(self.delimiter)
        if len(parts) != len(self.mappers):
            raise ValueError(
                f"Partition key '{key}' has {len(parts)} parts by '{self.delimiter}'; "
                f"{len(self.mappers)} are expected"
            )
        mapped = [
            keys_of(mapper.to_downstream(part))
            for mapper, part in zip(self.mappers, parts, strict=True)
        ]
        return _one_or_many(keys_of(self.delimiter.join(row) for row in product(*mapped)))


class StartOfPeriodMapper(PartitionMapper):
    """The root of mappers that move a time to the start of its period."""

    default_output_format: ClassVar[str]

    def __init__(
        self,
        *,
        timezone: str | dt.tzinfo = "UTC",
        input_format: str = "%Y-%m-%dT%H:%M:%S",
        output_format: str | None = None,
    ) -> None:
        self.timezone = timezone
        self.input_format = input_format
        self.output_format = output_format or self.default_output_format

    def to_downstream(self, key: str) -> Keys:
        """Answer the start of the period the key lies in, written in the output format.

        Raises:
            ValueError: The key is not in the input format.
        """
        return self.format(self.start_of(self.parse(key)))

    def parse(self, key: str) -> dt.datetime:
        """Answer the time a key says, in the mapper's zone."""
        found = dt.datetime.strptime(key, self.input_format)  # noqa: DTZ007 - the zone comes next
        zone = self._zone()
        return found.replace(tzinfo=zone) if found.tzinfo is None else found.astimezone(zone)

    def parse_output(self, key: str) -> dt.datetime:
        """Answer the start of the period a key downstream names."""
        if "{quarter}" in self.output_format:
            return self._parse_quarter(key)
        text, form = key, self.output_format
        if "(W%V)" in form:
            # The date says it all; Python reads %V only beside %G.
            text, form = re.sub(r"\(W\d+\)", "", text).strip(), form.replace("(W%V)", "").strip()
        return dt.datetime.strptime(text, form).replace(tzinfo=self._zone())

    def _parse_quarter(self, key: str) -> dt.datetime:
        pattern = re.escape(self.output_format).replace(r"\{quarter\}", r"(?P<quarter>[1-4])")
        found = re.fullmatch(pattern.replace("%Y", r"(?P<year>\d{4})"), key)
        if found is None:
            raise ValueError(f"Partition key '{key}' is not in the format {self.output_format}")
        month = (int(found["quarter"]) - 1) * _QUARTER_MONTHS + 1
        return dt.datetime(int(found["year"]), month, 1, tzinfo=self._zone())

    def format(self, start: dt.datetime) -> str:
        """Answer the start of a period as a key."""
        quarter = (start.month - 1) // _QUARTER_MONTHS + 1
        return start.strftime(self.output_format.replace("{quarter}", str(quarter)))

    def start_of(self, moment: dt.datetime) -> dt.datetime:
        """Answer the start of the period a moment lies in.

        Raises:
            NotImplementedError: The subclass does not say.
        """
        raise NotImplementedError

    def _zone(self) -> dt.tzinfo:
        return find_zone(self.timezone) if isinstance(self.timezone, str) else self.timezone


class StartOfHourMapper(StartOfPeriodMapper):
    """The hour: ``2026-04-20T06``."""

    default_output_format = "%Y-%m-%dT%H"

    def start_of(self, moment: dt.datetime) -> dt.datetime:
        """Answer the start of the hour."""
        return moment.replace(minute=0, second=0, microsecond=0)


class StartOfDayMapper(StartOfPeriodMapper):
    """The day: ``2026-04-20``."""

    default_output_format = "%Y-%m-%d"

    def start_of(self, moment: dt.datetime) -> dt.datetime:
        """Answer midnight."""
        return moment.replace(**_MIDNIGHT)  # type: ignore[arg-type]


class StartOfWeekMapper(StartOfPeriodMapper):
    """The week, from its Monday: ``2026-04-20 (W17)``."""

    default_output_format = "%Y-%m-%d (W%V)"

    def start_of(self, moment: dt.datetime) -> dt.datetime:
        """Answer Monday, midnight."""
        day = moment - dt.timedelta(days=moment.weekday())
        return day.replace(**_MIDNIGHT)  # type: ignore[arg-type]


class StartOfMonthMapper(StartOfPeriodMapper):
    """The month: ``2026-04``."""

    default_output_format = "%Y-%m"

    def start_of(self, moment: dt.datetime) -> dt.datetime:
        """Answer the first of the month."""
        return moment.replace(day=1, **_MIDNIGHT)  # type: ignore[arg-type]


class StartOfQuarterMapper(StartOfPeriodMapper):
    """The quarter: ``2026-Q2``."""

    default_output_format = "%Y-Q{quarter}"

    def start_of(self, moment: dt.datetime) -> dt.datetime:
        """Answer the first of the quarter."""
        month = (moment.month - 1) // _QUARTER_MONTHS * _QUARTER_MONTHS + 1
        return moment.replace(month=month, day=1, **_MIDNIGHT)  # type: ignore[arg-type]


class StartOfYearMapper(StartOfPeriodMapper):
    """The year: ``2026``."""

    default_output_format = "%Y"

    def start_of(self, moment: dt.datetime) -> dt.datetime:
        """Answer New Year's Day."""
        return moment.replace(month=1, day=1, **_MIDNIGHT)  # type: ignore[arg-type]


Direction: TypeAlias = Literal["forward", "backward"]


class Window:
    """A period as the smaller ones it is made of; backward: those before its start."""

    def __init__(self, direction: Direction = "forward") -> None:
        if direction not in ("forward", "backward"):
            raise ValueError(f"A window's direction is 'forward' or 'backward', not '{direction}'")
        self.direction = direction

    def enumerate(self, start: dt.datetime) -> list[dt.datetime]:
        """Answer the starts of the parts, in order of time."""
        end = self.moved(start, 1 if self.direction == "forward" else -1)
        first, last = min(start, end), max(start, end)
        found = []
        while first < last:
            found.append(first)
            first = self._next(first)
        return found

    def moved(self, start: dt.datetime, sign: int) -> dt.datetime:
        """Answer the start of the period after (1) or before (-1).

        Raises:
            NotImplementedError: The subclass does not say.
        """
        raise NotImplementedError

    def _next(self, part: dt.datetime) -> dt.datetime:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(direction={self.direction!r})"


def _later(span: dt.timedelta) -> Callable[[dt.datetime], dt.datetime]:
    # Through UTC: an hour is an hour, on the days the clocks change too.
    return lambda moment: (moment.astimezone(dt.UTC) + span).astimezone(moment.tzinfo)


def _months_later(moment: dt.datetime, months: int) -> dt.datetime:
    count = moment.year * _YEAR_MONTHS + moment.month - 1 + months
    return moment.replace(year=count // _YEAR_MONTHS, month=count % _YEAR_MONTHS + 1)


class HourWindow(Window):
    """An hour: its 60 minutes."""

    def moved(self, start: dt.datetime, sign: int) -> dt.datetime:
        """Answer the start of the period after or before."""
        return _later(dt.timedelta(hours=sign))(start)

    def _next(self, part: dt.datetime) -> dt.datetime:
        return _later(dt.timedelta(minutes=1))(part)


class DayWindow(Window):
    """A day: its 24 hours; 23 or 25 on the days the clocks change."""

    def moved(self, start: dt.datetime, sign: int) -> dt.datetime:
        """Answer the start of the period after or before."""
        return start + dt.timedelta(days=sign)

    def enumerate(self, start: dt.datetime) -> list[dt.datetime]:
        """Answer the hours, in order of time."""
        end = self.moved(start, 1 if self.direction == "forward" else -1)
        first, last = sorted((start.astimezone(dt.UTC), end.astimezone(dt.UTC)))
        hours = (last - first) // dt.timedelta(hours=1)
        return [(first + dt.timedelta(hours=n)).astimezone(start.tzinfo) for n in range(hours)]


class _OfDays(Window):
    def _next(self, part: dt.datetime) -> dt.datetime:
        return part + dt.timedelta(days=1)


class WeekWindow(_OfDays):
    """A week: its 7 days."""

    def moved(self, start: dt.datetime, sign: int) -> dt.datetime:
        """Answer the start of the period after or before."""
        return start + dt.timedelta(days=sign * _WEEK_DAYS)


class MonthWindow(_OfDays):
    """A month: its days."""

    def moved(self, start: dt.datetime, sign: int) -> dt.datetime:
        """Answer the start of the period after or before."""
        return _months_later(start, sign)


class _OfMonths(Window):
    def _next(self, part: dt.datetime) -> dt.datetime:
        return _months_later(part, 1)


class QuarterWindow(_OfMonths):
    """A quarter: its 3 months."""

    def moved(self, start: dt.datetime, sign: int) -> dt.datetime:
        """Answer the start of the period after or before."""
        return _months_later(start, sign * _QUARTER_MONTHS)


class YearWindow(_OfMonths):
    """A year: its 12 months."""

    def moved(self, start: dt.datetime, sign: int) -> dt.datetime:
        """Answer the start of the period after or before."""
        return _months_later(start, sign * _YEAR_MONTHS)


class SegmentWindow(Window):
    """A fixed set of keys, such as regions."""

    def __init__(self, segments: Iterable[str], direction: Direction = "forward") -> None:
        super().__init__(direction)
        self.segments = tuple(segments)

    def __repr__(self) -> str:
        return f"SegmentWindow({list(self.segments)!r})"


class WaitForAll:
    """A roll-up starts when every part has arrived."""

    def is_satisfied(self, expected: Collection[str], arrived: Collection[str]) -> bool:
        """Say whether enough has arrived."""
        return set(expected) <= set(arrived)

    def __repr__(self) -> str:
        return "WaitForAll()"


class MinimumCount:
    """A roll-up starts when at least ``n`` parts have arrived; below 0: when at most ``-n`` miss.

    Example:
        >>> MinimumCount(-1).is_satisfied({"a", "b", "c"}, {"a", "c"})
        True
    """

    def __init__(self, n: int) -> None:
        if n == 0:
            raise ValueError("MinimumCount(0) would start before anything has arrived")
        self.n = n

    def is_satisfied(self, expected: Collection[str], arrived: Collection[str]) -> bool:
        """Say whether enough has arrived."""
        here = len(set(expected) & set(arrived))
        return here >= self.n if self.n > 0 else len(set(expected)) - here <= -self.n

    def __repr__(self) -> str:
        return f"MinimumCount({self.n})"


class RollupMapper(PartitionMapper):
    """Many upstream partitions make one downstream: the days of a month, say.

    Example:
        >>> daily = RollupMapper(
        ...     upstream_mapper=StartOfWeekMapper(input_format="%Y-%m-%d"), window=WeekWindow()
        ... )
        >>> daily.to_downstream("2026-04-22")
        '2026-04-20 (W17)'
        >>> daily.to_upstream("2026-04-20 (W17)")[:2]
        ('2026-04-20', '2026-04-21')
    """

    def __init__(
        self,
        upstream_mapper: PartitionMapper,
        window: Window,
        wait_policy: WaitForAll | MinimumCount | None = None,
    ) -> None:
        self.upstream_mapper = upstream_mapper
        self.window = window
        self.wait_policy = wait_policy or WaitForAll()

    def to_downstream(self, key: str) -> Keys:
        """Answer the period that the key is a part of: of a backward window, the one after it."""
        if self.window.direction == "forward" or isinstance(self.window, SegmentWindow):
            return self.upstream_mapper.to_downstream(key)
        mapper = time_mapper_of(self.upstream_mapper)
        return mapper.format(self.window.moved(mapper.start_of(mapper.parse(key)), 1))

    def to_upstream(self, key: str) -> tuple[str, ...]:
        """Answer the upstream keys that a downstream one is made of.

        Raises:
            TypeError: The window is of time, and the mapper does not know time.
        """
        if isinstance(self.window, SegmentWindow):
            return self.window.segments
        mapper = time_mapper_of(self.upstream_mapper)
        starts = self.window.enumerate(mapper.parse_output(key))
        return tuple(start.strftime(mapper.input_format) for start in starts)

    def is_satisfied(self, key: str, arrived: Collection[str]) -> bool:
        """Say whether a downstream key may start, given the upstream keys that have arrived."""
        return self.wait_policy.is_satisfied(self.to_upstream(key), arrived)


class FanOutMapper(PartitionMapper):
    """One upstream partition makes many downstream: a month makes its days.

    Example:
        >>> FanOutMapper(
        ...     upstream_mapper=StartOfQuarterMapper(input_format="%Y-%m-%d"),
        ...     window=QuarterWindow(),
        ...     downstream_mapper=StartOfMonthMapper(),
        ... ).to_downstream("2026-05-02")
        ('2026-04', '2026-05', '2026-06')
    """

    def __init__(
        self,
        upstream_mapper: PartitionMapper,
        window: Window,
        downstream_mapper: PartitionMapper | None = None,
    ) -> None:
        self.upstream_mapper = upstream_mapper
        self.window = window
        self.downstream_mapper = downstream_mapper

    def to_downstream(self, key: str) -> Keys:
        """Answer a key for each part of the period the key lies in."""
        if isinstance(self.window, SegmentWindow):
            return keys_of(self.window.segments)
        upstream = time_mapper_of(self.upstream_mapper)
        starts = self.window.enumerate(upstream.start_of(upstream.parse(key)))
        return keys_of(self._written(starts, upstream))

    def _written(self, starts: list[dt.datetime], upstream: StartOfPeriodMapper) -> Iterator[str]:
        mapper: Any = self.downstream_mapper
        for start in starts:
            if isinstance(mapper, StartOfPeriodMapper):
                yield mapper.format(mapper.start_of(start.astimezone(mapper._zone())))  # noqa: SLF001 - one family
            elif mapper is None:
                yield start.strftime(upstream.input_format)
            else:
                yield from keys_of(mapper.to_downstream(start.strftime(upstream.input_format)))


def time_mapper_of(mapper: PartitionMapper) -> StartOfPeriodMapper:
    """Answer a mapper that must know time.

    Raises:
        TypeError: It does not.
    """
    if isinstance(mapper, StartOfPeriodMapper):
        return mapper
    raise TypeError(f"A window of time needs a StartOf...Mapper, not {type(mapper).__name__}")
