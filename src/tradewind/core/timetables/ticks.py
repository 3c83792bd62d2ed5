"""The instants at which cron expressions tick: time zones and daylight saving time.

A tick is a fixed instant, whatever path led to it: asking for the next tick after any time and
for the last one until any time answers from one and the same set.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

from tradewind.core.timetables.cron import CronFields, parse_cron
from tradewind.core.timetables.days import Days
from tradewind.core.timetables.values import (
    Calendar,
    CronDataInterval,
    CronPartition,
    CronTrigger,
    EventsTimetable,
    MultipleCronTrigger,
    ScheduleError,
)
from tradewind.errors import did_you_mean

_TINY = timedelta(microseconds=1)
# No zone ever moved its clocks by more than a day at once.
_NEAR = timedelta(hours=25)
_MOST_JUMPS = 20_000
"""Ticks in a row that fall on days left out: more, and there is none that does not."""
_FIXED_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?")


class Ticks(Protocol):
    """A set of instants in order."""

    def after(self, instant: datetime) -> datetime | None:
        """Return the first tick strictly after an instant, None if there is none."""

    def until(self, instant: datetime) -> datetime | None:
        """Return the last tick at or before an instant, None if there is none."""


def first_from(ticks: Ticks, instant: datetime) -> datetime | None:
    """Return the first tick at or after an instant."""
    return ticks.after(instant - _TINY)


def last_before(ticks: Ticks, instant: datetime) -> datetime | None:
    """Return the last tick strictly before an instant."""
    return ticks.until(instant - _TINY)


@lru_cache(maxsize=1024)
def find_zone(name: str) -> tzinfo:
    """Return the time zone of an IANA name or of a fixed offset such as ``+05:30``.

    Raises:
        ScheduleError: There is no such time zone.
    """
    fixed = _FIXED_OFFSET.fullmatch(name)
    if fixed:
        sign, hours, minutes = fixed.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if offset < timedelta(days=1):
            return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        hint = did_you_mean(name, _zone_names()) or "Use a name like 'Europe/Berlin'."
        raise ScheduleError(f"There is no time zone {name!r}.", hint) from error


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


class CronTicks:
    """The ticks of one cron expression in one time zone.

    An expression that covers every hour ticks at each instant whose wall clock matches: a
    missing hour has no ticks, a repeated hour has them twice. Any other expression ticks once
    for each matching wall-clock time: one that is missing is moved forward by the length of the
    gap, of a repeated one the second is taken. Two that fall on one instant are one tick.
    """

    __slots__ = ("_fields", "_zone")

    def __init__(self, fields: CronFields, zone: tzinfo) -> None:
        """Read ``fields`` on the wall clock of ``zone``."""
        self._fields = fields
        self._zone = zone

    def after(self, instant: datetime) -> datetime | None:
        """Return the first tick strictly after an instant, None if 50 years hold none."""
        near = self._offsets_near(instant)
        best: datetime | None = None
        for wall in self._walls_from(instant + min(near)):
            offsets = self._offsets_of(wall)
            if best is not None and wall - max(*near, *offsets) >= best:
                break
            for tick in self._instants(wall, offsets):
                if tick > instant and (best is None or tick < best):
                    best = tick
            # Away from clock changes, later wall-clock times are later instants.
            if best is not None and len(near) == 1 and offsets[0] == offsets[1]:
                break
        return best

    def until(self, instant: datetime) -> datetime | None:
        """Return the last tick at or before an instant, None if 50 years hold none."""
        near = self._offsets_near(instant)
        best: datetime | None = None
        for wall in self._walls_back_from(instant + max(near)):
            offsets = self._offsets_of(wall)
            low = min(*offsets, *self._offsets_of(wall - _NEAR))
            if best is not None and wall - low <= best:
                break
            for tick in self._instants(wall, offsets):
                if tick <= instant and (best is None or tick > best):
                    best = tick
            # Unless its clock was just put forward, earlier wall-clock times are earlier instants.
            if best is not None and len(near) == 1 and low == offsets[0] == offsets[1]:
                break
        return best

    def _walls_from(self, wall: datetime) -> Iterator[datetime]:
        found = self._fields.first_from(wall)
        while found is not None:
            yield found
            found = self._fields.first_from(found + timedelta(seconds=1))

    def _walls_back_from(self, wall: datetime) -> Iterator[datetime]:
        found = self._fields.last_until(wall)
        while found is not None:
            yield found
            found = self._fields.last_until(found - timedelta(seconds=1))

    def _offsets_near(self, instant: datetime) -> set[timedelta]:
        """Return the zone's offsets from UTC about a day around an instant."""
        around = (instant - _NEAR, instant, instant + _NEAR)
        return {at.astimezone(self._zone).utcoffset() or timedelta() for at in around}

    def _offsets_of(self, wall: datetime) -> tuple[timedelta, timedelta]:
        """Return the offsets before and after a clock change; they are equal where none is."""
        local = wall.replace(tzinfo=self._zone)
        first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
        return first or timedelta(), second or timedelta()

    def _instants(
        self, wall: datetime, offsets: tuple[timedelta, timedelta]
    ) -> tuple[datetime, ...]:
        before, after = offsets
        if before == after:
            return (wall - before,)
        if not self._fields.covers_every_hour:
            # The smaller offset gives the second of a repeated time, and moves a missing one
            # forward by the gap.
            return (wall - min(offsets),)
        repeated = before > after
        return (wall - before, wall - after) if repeated else ()


class UnionTicks:
    """The ticks of several sets; one that is in two of them counts once."""

    __slots__ = ("_members",)

    def __init__(self, members: tuple[Ticks, ...]) -> None:
        """Join ``members``."""
        self._members = members

    def after(self, instant: datetime) -> datetime | None:
        """Return the first tick strictly after an instant, None if there is none."""
        found = (ticks.after(instant) for ticks in self._members)
        return min((tick for tick in found if tick is not None), default=None)

    def until(self, instant: datetime) -> datetime | None:
        """Return the last tick at or before an instant, None if there is none."""
        found = (ticks.until(instant) for ticks in self._members)
        return max((tick for tick in found if tick is not None), default=None)


class EventTicks:
    """Listed instants, in order."""

    __slots__ = ("_events",)

    def __init__(self, events: tuple[datetime, ...]) -> None:
        """Tick at each of ``events``, which are sorted."""
        self._events = events

    def after(self, instant: datetime) -> datetime | None:
        """Return the first event strictly after an instant, None if there is none."""
        at = bisect_right(self._events, instant)
        return self._events[at] if at < len(self._events) else None

    def until(self, instant: datetime) -> datetime | None:
        """Return the last event at or before an instant, None if there is none."""
        at = bisect_right(self._events, instant)
        return self._events[at - 1] if at else None


class CalendarTicks:
    """The ticks of another set on the days that count."""

    __slots__ = ("_days", "_ticks")

    def __init__(self, ticks: Ticks, days: Days) -> None:
        """Leave out those of ``ticks`` that fall on no day of ``days``."""
        self._ticks = ticks
        self._days = days

    def after(self, instant: datetime) -> datetime | None:
        """Return the first tick strictly after an instant, None if there is none."""
        for _ in range(_MOST_JUMPS):
            tick = self._ticks.after(instant)
            if tick is None or self._days.count(day := self._days.of(tick)):
                return tick
            later = self._days.next_after(day)
            if later is None:
                return None
            # Over all that is left of days that do not count, however many ticks they hold.
            instant = self._days.start_of(later) - _TINY
        return None

    def until(self, instant: datetime) -> datetime | None:
        """Return the last tick at or before an instant, None if there is none."""
        for _ in range(_MOST_JUMPS):
            tick = self._ticks.until(instant)
            if tick is None or self._days.count(day := self._days.of(tick)):
                return tick
            earlier = self._days.last_before(day)
            if earlier is None:
                return None
            instant = self._days.start_of(earlier + timedelta(days=1)) - _TINY
        return None


@lru_cache(maxsize=8192)
def cron_ticks(cron: str, zone: str) -> CronTicks:
    """Return the ticks of a cron expression in a time zone.

    Raises:
        ScheduleError: The expression or the time zone is not valid.
    """
    return CronTicks(parse_cron(cron), find_zone(zone))


TickTimetable = (
    CronTrigger | CronDataInterval | MultipleCronTrigger | EventsTimetable | CronPartition
)
"""The timetables whose ticks do not depend on a start date."""


def ticks_of(timetable: TickTimetable) -> Ticks:
    """Return the ticks of a timetable whose ticks do not depend on a start date.

    Raises:
        ScheduleError: An expression or the time zone is not valid.
    """
    match timetable:
        case EventsTimetable(events=events):
            return EventTicks(events)
        case MultipleCronTrigger(crons=crons, timezone=zone):
            return UnionTicks(tuple(cron_ticks(cron, zone) for cron in crons))
        case (
            CronTrigger(cron=cron, timezone=zone)
            | CronDataInterval(cron=cron, timezone=zone)
            | CronPartition(cron=cron, timezone=zone)
        ):
            return cron_ticks(cron, zone)


def on_calendar(ticks: Ticks, calendar: Calendar) -> Ticks:
    """Return those of some ticks that fall on the days of a calendar."""
    return CalendarTicks(ticks, Days(calendar, find_zone(calendar.timezone)))
