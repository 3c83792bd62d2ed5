"""Cron expressions on a wall clock.

A wall-clock time is carried as a UTC datetime with the same digits; which instant it is depends
on a time zone, and that is the business of ``ticks``.

croniter reads the expression; stepping from tick to tick is arithmetic on the fields it read,
because a croniter step costs a hundred times as much.
"""

import calendar
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import msgspec

from tradewind.core.timetables.values import ScheduleError
from tradewind.errors import did_you_mean

if TYPE_CHECKING:
    from croniter import croniter

PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
"""Names for common expressions."""

_SECOND = timedelta(seconds=1)
_HORIZON_YEARS = 50
_HASHED_FIELD = re.compile(r"(?:^|[\s,])[hr](?=[\s,(/]|$)", re.IGNORECASE)

Nth = int | Literal["l"]


class CronFields(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a cron expression allows, field by field.

    None means every value. Days of the week count from Sunday, 0. ``nth_weekdays`` are pairs of
    weekday and which one in the month; ``nearest_weekdays`` the days whose nearest working day
    is meant. When both the day of the month and the day of the week are restricted, either is
    enough. ``known_days`` remembers the months already worked out.
    """

    field_count: int
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: tuple[int, ...]
    years: tuple[int, ...] | None
    month_days: tuple[int, ...] | None
    last_month_day: bool
    weekdays: tuple[int, ...] | None
    nth_weekdays: tuple[tuple[int, Nth], ...]
    nearest_weekdays: tuple[int, ...]
    known_days: dict[tuple[int, int], tuple[int, ...]] = msgspec.field(default_factory=dict)

    @property
    def covers_every_hour(self) -> bool:
        """Whether each hour of a day it ticks on has a tick."""
        return len(self.hours) == 24

    def first_from(self, wall: datetime) -> datetime | None:
        """Return the first tick at or after a wall-clock time; None if 50 years hold none."""
        whole = wall if not wall.microsecond else wall.replace(microsecond=0) + _SECOND
        if whole.day in self._days(whole.year, whole.month):
            found = self._first_time(whole.hour, whole.minute, whole.second)
            if found is not None:
                return datetime(whole.year, whole.month, whole.day, *found, tzinfo=UTC)
        day = self._first_day_after(whole.date())
        if day is None:
            return None
        return datetime.combine(day, time(self.hours[0], self.minutes[0], self.seconds[0]), UTC)

    def last_until(self, wall: datetime) -> datetime | None:
        """Return the last tick at or before a wall-clock time; None if 50 years hold none."""
        if wall.day in self._days(wall.year, wall.month):
            found = self._last_time(wall.hour, wall.minute, wall.second)
            if found is not None:
                return datetime(wall.year, wall.month, wall.day, *found, tzinfo=UTC)
        day = self._last_day_before(wall.date())
        if day is None:
            return None
        return datetime.combine(day, time(self.hours[-1], self.minutes[-1], self.seconds[-1]), UTC)

    def _first_time(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        at = bisect_left(self.hours, hour)
        if at < len(self.hours) and self.hours[at] == hour:
            m = bisect_left(self.minutes, minute)
            if m < len(self.minutes) and self.minutes[m] == minute:
                s = bisect_left(self.seconds, second)
                if s < len(self.seconds):
                    return hour, minute, self.seconds[s]
                m += 1
            if m < len(self.minutes):
                return hour, self.minutes[m], self.seconds[0]
            at += 1
        if at < len(self.hours):
            return self.hours[at], self.minutes[0], self.seconds[0]
        return None

    def _last_time(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        at = bisect_right(self.hours, hour) - 1
        if at >= 0 and self.hours[at] == hour:
            m = bisect_right(self.minutes, minute) - 1
            if m >= 0 and self.minutes[m] == minute:
                s = bisect_right(self.seconds, second) - 1
                if s >= 0:
                    return hour, minute, self.seconds[s]
                m -= 1
            if m >= 0:
                return hour, self.minutes[m], self.seconds[-1]
            at -= 1
        if at >= 0:
            return self.hours[at], self.minutes[-1], self.seconds[-1]
        return None

    def _first_day_after(self, day: date) -> date | None:
        days = self._days(day.year, day.month)
        at = bisect_right(days, day.day)
        if at < len(days):
            return day.replace(day=days[at])
        for year in range(day.year, min(day.year + _HORIZON_YEARS, 9998) + 1):
            for month in self.months:
                if (year > day.year or month > day.month) and (days := self._days(year, month)):
                    return date(year, month, days[0])
        return None

    def _last_day_before(self, day: date) -> date | None:
        days = self._days(day.year, day.month)
        at = bisect_left(days, day.day)
        if at > 0:
            return day.replace(day=days[at - 1])
        for year in range(day.year, max(day.year - _HORIZON_YEARS, 1), -1):
            for month in reversed(self.months):
                if (year < day.year or month < day.month) and (days := self._days(year, month)):
                    return date(year, month, days[-1])
        return None

    def _days(self, year: int, month: int) -> tuple[int, ...]:
        """Return the days of a month that match; remembered, as most steps ask again."""
        found = self.known_days.get((year, month))
        if found is None:
            found = self.known_days[year, month] = self._matching_days(year, month)
        return found

    def _matching_days(self, year: int, month: int) -> tuple[int, ...]:
        if month not in self.months or (self.years is not None and year not in self.years):
            return ()
        every = set(range(1, calendar.monthrange(year, month)[1] + 1))
        nearest = {_nearest_working_day(year, month, day) for day in self.nearest_weekdays}
        by_date = nearest or self._days_by_date(every)
        nth = self._nth_days(year, month)
        by_weekday = nth if self.nth_weekdays else self._days_by_weekday(year, month, every)
        if self.month_days is None or self.weekdays is None:
            return tuple(sorted(by_date & by_weekday))
        # '#' and 'W' narrow both readings of a doubly restricted day, as croniter has it.
        either = (by_date & (nth if self.nth_weekdays else every)) | (
            by_weekday & (nearest or every)
        )
        return tuple(sorted(either))

    def _days_by_date(self, every: set[int]) -> set[int]:
        if self.month_days is None:
            return every
        days = every.intersection(self.month_days)
        return days | {max(every)} if self.last_month_day else days

    def _days_by_weekday(self, year: int, month: int, every: set[int]) -> set[int]:
        if self.weekdays is None:
            return every
        return {day for day in every if date(year, month, day).isoweekday() % 7 in self.weekdays}

    def _nth_days(self, year: int, month: int) -> set[int]:
        found: set[int] = set()
        length = calendar.monthrange(year, month)[1]
        first = date(year, month, 1).isoweekday() % 7
        for weekday, nth in self.nth_weekdays:
            days = range(1 + (weekday - first) % 7, length + 1, 7)
            if nth == "l":
                found.add(days[-1])
            elif nth <= len(days):
                found.add(days[nth - 1])
        return found


def _nearest_working_day(year: int, month: int, day: int) -> int:
    """Return the Monday to Friday nearest to a day without leaving its month."""
    last = calendar.monthrange(year, month)[1]
    day = min(day, last)
    weekday = calendar.weekday(year, month, day)
    if weekday == calendar.SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == calendar.SUNDAY:
        return day + 1 if day < last else day - 2
    return day


@lru_cache(maxsize=8192)
def parse_cron(expression: str) -> CronFields:
    """Read a cron expression of five fields, six (seconds last) or seven (years after them).

    Raises:
        ScheduleError: It is no cron expression, or there is no date it matches.
    """
    text = PRESETS.get(expression.strip().lower(), expression)
    _check_shape(expression, text)
    # Late: 30 ms and its memory in every process that only carries timetables about.
    from croniter import croniter  # noqa: PLC0415

    try:
        # Any start will do: only the parsed fields are used.
        cron = croniter(text, 0.0)
    except (ValueError, TypeError, KeyError) as error:
        raise ScheduleError(_bad_cron(expression, str(error))) from error
    fields = _fields(cron)
    if fields.years is None and fields.first_from(datetime(2000, 1, 1, tzinfo=UTC)) is None:
        raise ScheduleError(
            f"Cron expression {expression!r} matches no date at all; "
            "change its day or month, or use schedule=None for a Dag that is only run by hand."
        )
    return fields


def _check_shape(expression: str, text: str) -> None:
    if text.strip().startswith("@"):
        hint = did_you_mean(text, [*PRESETS, "@once", "@continuous"])
        raise ScheduleError(
            f"There is no schedule preset {expression!r}.",
            hint or f"Use one of {', '.join(PRESETS)}, @once, @continuous.",
        )
    if _HASHED_FIELD.search(text):
        raise ScheduleError(
            f"Cron expression {expression!r} uses H or R, which pick a value anew on each "
            "machine; write the number itself."
        )
    count = len(text.split())
    if count not in (5, 6, 7):
        raise ScheduleError(_bad_cron(expression, f"it has {count} fields"))


def _bad_cron(expression: str, reason: str) -> str:
    reason = reason.rstrip(".").removeprefix(f"[{expression}] ")
    return (
        f"{expression!r} is not a cron expression ({reason}); write minute, hour, day, month and "
        "weekday, with seconds as a sixth field if needed, for example '30 2 * * 1-5', or use a "
        "preset like '@daily'."
    )


def _fields(cron: "croniter") -> CronFields:
    minutes, hours, month_days, months, weekdays, *rest = cron.expanded
    nth = {
        (day, which)
        for key, whiches in cron.nth_weekday_of_month.items()
        for which in whiches
        for day in (range(7) if key == "*" else (int(key),))
    }
    # The published type stubs do not know this attribute yet.
    nearest: set[int] = vars(cron)["nearest_weekday"]
    return CronFields(
        field_count=len(cron.expanded),
        seconds=_values(rest[0], range(60)) if rest else (0,),
        minutes=_values(minutes, range(60)),
        hours=_values(hours, range(24)),
        months=_values(months, range(1, 13)),
        years=_restricted(rest[1]) if len(rest) > 1 else None,
        month_days=_restricted(month_days),
        last_month_day="l" in month_days,
        weekdays=_restricted(weekdays),
        nth_weekdays=tuple(sorted(nth, key=str)),
        nearest_weekdays=tuple(sorted(nearest)),
    )


def _restricted(field: Sequence[int | str]) -> tuple[int, ...] | None:
    if "*" in field:
        return None
    return tuple(sorted(value for value in field if isinstance(value, int)))


def _values(field: Sequence[int | str], every: range) -> tuple[int, ...]:
    found = _restricted(field)
    return tuple(every) if found is None else found
