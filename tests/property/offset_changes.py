"""Cron ticks around changes of the clock, held to a slow reference that looks at every minute.

Run as ``python -m tests.property.offset_changes`` for each change of twelve zones in twenty years;
the tests take a sample.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from tradewind.core.timetables.ticks import cron_ticks

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour
    "America/Caracas",  # half an hour for nine years
    "America/Sao_Paulo",  # at midnight, given up in 2019
    "Pacific/Apia",  # a day left out
    "Africa/Casablanca",  # four times a year
    "Europe/Istanbul",  # changed its rules
    "Europe/Moscow",  # twice
    "Asia/Tehran",  # at midnight, given up in 2022
    "Asia/Pyongyang",  # half an hour back, and forth again
    "Antarctica/Troll",  # two hours
)
OFTEN = ("* * * * *", "*/7 * * * *", "*/2 1-4 * * *")
"""Only six hours are looked at: they have a tick at nearly every minute."""
CRONS = (
    "30 * * * *",
    "0 * * * 1-5",
    "15 0-23 1 * *",
    "0 0 * * *",
    "30 0 * * *",
    "30 2 * * *",
    "59 1,2,3 * * *",
    "0 */2 * * *",
    "*/20 */3 * * *",
    "*/15 22-23,0-4 * * *",
    "45 23 * * 0,6",
    "0 3 29-31 3,10,12 *",
    "10 1 13 * 5",
    "0 12 * * 1",
)
YEARS = range(2007, 2027)
AROUND = timedelta(days=7)
MINUTE = timedelta(minutes=1)
_SIZES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


def changes(zone: str) -> list[datetime]:
    """Answer the hours after which the zone's offset is another, found by looking at each."""
    info = ZoneInfo(zone)
    hour, end = datetime(YEARS[0], 1, 1, tzinfo=UTC), datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC)
    found, before = [], hour.astimezone(info).utcoffset()
    while hour < end:
        hour += timedelta(hours=1)
        after = hour.astimezone(info).utcoffset()
        if after != before:
            found.append(hour)
        before = after
    return found


class Window:
    """All minutes of two weeks, with what the wall clock shows at each."""

    def __init__(self, zone: str, middle: datetime, around: timedelta = AROUND) -> None:
        self.zone = zone
        self.start, self.end = middle - around, middle + around
        info = ZoneInfo(zone)
        self.minutes: list[tuple[datetime, datetime]] = []
        at = self.start - timedelta(days=2)
        while at <= self.end + timedelta(days=2):
            self.minutes.append((at, at.astimezone(info).replace(tzinfo=None)))
            at += MINUTE
        once = {wall: at for at, wall in self.minutes}
        once |= dict(self._left_out())
        self._each = _by_minute(self.minutes)
        self._once = _by_minute([(at, wall) for wall, at in once.items()])

    def reference(self, cron: str) -> list[datetime]:
        """Answer the ticks of the window, by the rule as people say it."""
        allowed = read(cron)
        # Over all hours each minute that matches, however often the clock shows it. Else each
        # reading of the clock once: the later one of two; one left out, as late as the gap is long.
        shown = self._each if len(allowed[1]) == 24 else self._once
        there = (pair for minute in allowed[0] for pair in shown[minute])
        ticks = {at for at, wall in there if matches(wall, allowed)}
        return sorted(at for at in ticks if self.start < at <= self.end)

    def _left_out(self) -> Iterator[tuple[datetime, datetime]]:
        for (before, shown), (_, next_shown) in pairwise(self.minutes):
            wall, at = shown + MINUTE, before + MINUTE
            while wall < next_shown:
                yield wall, at
                wall, at = wall + MINUTE, at + MINUTE


def _by_minute(
    pairs: list[tuple[datetime, datetime]],
) -> dict[int, list[tuple[datetime, datetime]]]:
    found: dict[int, list[tuple[datetime, datetime]]] = {minute: [] for minute in range(60)}
    for at, wall in pairs:
        found[wall.minute].append((at, wall))
    return found


def read(cron: str) -> tuple[frozenset[int], ...]:
    """Answer what each field of a plain expression allows."""
    fields = []
    for text, (low, high) in zip(cron.split(), _SIZES, strict=True):
        values: set[int] = set()
        for part in text.split(","):
            span, _, step = part.partition("/")
            first, _, last = span.partition("-")
            begin = low if first == "*" else int(first)
            end = high if first == "*" else int(last or first)
            values |= set(range(begin, end + 1, int(step or 1)))
        fields.append(frozenset(values))
    return tuple(fields)


def matches(wall: datetime, allowed: tuple[frozenset[int], ...]) -> bool:
    """Tell whether an expression means this reading of the clock; either kind of day is enough."""
    minutes, hours, days, months, weekdays = allowed
    if wall.minute not in minutes or wall.hour not in hours or wall.month not in months:
        return False
    by_date, by_weekday = wall.day in days, wall.isoweekday() % 7 in weekdays
    if len(days) < 31 and len(weekdays) < 7:
        return by_date or by_weekday
    return by_date and by_weekday


def forwards(window: Window, cron: str) -> list[datetime]:
    """Answer the ticks of a window, one after another."""
    ticks, found = cron_ticks(cron, window.zone), []
    at = ticks.after(window.start)
    while at is not None and at <= window.end:
        found.append(at)
        at = ticks.after(at)
    return found


def backwards(window: Window, cron: str) -> list[datetime]:
    """Answer the ticks of a window, each by the last one before another, the first one first."""
    ticks, found = cron_ticks(cron, window.zone), []
    at = ticks.until(window.end)
    while at is not None and at > window.start:
        found.append(at)
        at = ticks.until(at - timedelta(microseconds=1))
    return found[::-1]


def check(
    zone: str,
    middle: datetime,
    crons: tuple[str, ...] = CRONS,
    often: tuple[str, ...] = OFTEN,
) -> int:
    """Compare all ways to find the ticks around a moment; answer how many there were."""
    count = _check(Window(zone, middle), crons)
    return count + _check(Window(zone, middle, timedelta(hours=3)), often)


def _check(window: Window, crons: tuple[str, ...]) -> int:
    count = 0
    for cron in crons:
        wanted = window.reference(cron)
        where = (window.zone, window.start, cron)
        assert forwards(window, cron) == wanted, where
        assert backwards(window, cron) == wanted, where
        count += len(wanted)
    return count


def main() -> int:
    """Check every change of every zone."""
    total = windows = 0
    for zone in ZONES:
        found = changes(zone)
        total += sum(check(zone, middle) for middle in found)
        windows += len(found)
        sys.stdout.write(f"{zone}: {len(found)} changes of the clock\n")
        sys.stdout.flush()
    sys.stdout.write(f"{windows} changes, {total} ticks, all as the reference has them\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
