"""Steps of a delta: reading them, taking them, and the grids they span."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from typing import Any

import msgspec
from dateutil.relativedelta import relativedelta, weekday

from tradewind.core.timetables.values import Delta, ScheduleError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT_PARTS = ("days", "hours", "minutes", "seconds", "microseconds")
_ADDED_PARTS = ("years", "months", *_EXACT_PARTS, "leapdays")
_SET_PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
# A leap year's day, a short month's eve and a year's end: where calendar steps go wrong.
_PROBES = (
    datetime(2024, 2, 29, tzinfo=UTC),
    datetime(2025, 1, 31, 12, 30, tzinfo=UTC),
    datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC),
)


def delta_from(step: timedelta | relativedelta) -> Delta:
    """Read a delta as people write it.

    Raises:
        ScheduleError: It does not move forward in time.
    """
    if isinstance(step, timedelta):
        delta = Delta(days=step.days, seconds=step.seconds, microseconds=step.microseconds)
    else:
        delta = _from_relativedelta(step)
    check_delta(delta)
    return delta


def _from_relativedelta(step: relativedelta) -> Delta:
    whole = step.normalized()
    added = {name: int(getattr(whole, name)) for name in ("years", "months", *_EXACT_PARTS)}
    put = {name: getattr(step, name) for name in _SET_PARTS}
    # dateutil leaves the weekday untyped.
    day: Any = step.weekday
    on = (day.weekday, day.n) if day is not None else None
    return Delta(**added, **put, leapdays=step.leapdays, weekday=on)


def check_delta(delta: Delta) -> None:
    """Accept a delta that moves forward in time wherever it starts.

    Raises:
        ScheduleError: It stands still or moves back.
    """
    for start in _PROBES:
        after = start
        for _ in range(3):
            before, after = after, take_step(after, delta)
            if after <= before:
                raise ScheduleError(
                    f"A schedule of {text_of(delta)} never moves forward in time; "
                    "use a positive timedelta or relativedelta."
                )


@lru_cache(maxsize=1024)
def exact(delta: Delta) -> timedelta | None:
    """Return the length of a delta that does not depend on the calendar, None of one that does."""
    parts = {name: getattr(delta, name) for name in _EXACT_PARTS}
    return timedelta(**parts) if delta == Delta(**parts) else None


@lru_cache(maxsize=1024)
def _calendar(delta: Delta) -> relativedelta:
    fields = msgspec.structs.asdict(delta)
    on = fields.pop("weekday")
    return relativedelta(**fields, weekday=weekday(*on) if on else None)


def take_step(start: datetime, delta: Delta) -> datetime:
    """Return the instant one step after another."""
    length = exact(delta)
    return start + (_calendar(delta) if length is None else length)


def step_back(end: datetime, delta: Delta) -> datetime:
    """Return the instant one step before another."""
    length = exact(delta)
    return end - (_calendar(delta) if length is None else length)


def latest_on_grid(anchor: datetime, delta: Delta, until: datetime) -> datetime:
    """Return the last instant until a time that whole steps from an anchor reach.

    The anchor itself when the time is before it. Calendar steps are taken one by one, because
    each depends on the one before: 31 January, 28 February, 28 March.
    """
    length = exact(delta)
    if length is not None:
        return anchor + max(0, (until - anchor) // length) * length
    at = anchor
    while (after := take_step(at, delta)) <= until and after > at:
        at = after
    return at


def grid_from(anchor: datetime, delta: Delta, start: datetime) -> Iterator[datetime]:
    """Yield, without end, the instants at or after ``start`` on the grid through an anchor.

    Before the anchor the grid is continued backwards.
    """
    length = exact(delta)
    if length is not None:
        first = anchor - ((anchor - start) // length) * length
        yield from (first + length * steps for steps in count())
        return
    yield from _calendar_steps_back(anchor, delta, start)
    at = anchor
    while True:
        if at >= start:
            yield at
        at = take_step(at, delta)


def _calendar_steps_back(anchor: datetime, delta: Delta, start: datetime) -> list[datetime]:
    """Return the instants before an anchor, in order; each is counted from the anchor itself."""
    step = _calendar(delta)
    found: set[datetime] = set()
    for steps in count(1):
        at = anchor - step * steps
        if at < start:
            break
        if at < anchor:
            found.add(at)
    return sorted(found)


def latest_on_clock(delta: Delta, until: datetime) -> datetime:
    """Return the last whole step before a time, counted from the Unix epoch.

    Calendar steps have no such grid; for them it is the time itself.
    """
    length = exact(delta)
    return until if length is None else until - (until - _EPOCH) % length


def text_of(delta: Delta) -> str:
    """Return a delta in words; an exact one as a timedelta prints itself.

    Example:
        >>> text_of(Delta(months=1, day=1))
        '1 month, then day=1'
    """
    length = exact(delta)
    if length is not None:
        return str(length)
    fields = {
        name: value
        for name, value in msgspec.structs.asdict(delta).items()
        if value is not None and value != 0
    }
    added = [
        f"{value} {name if value != 1 else name.removesuffix('s')}"
        for name, value in fields.items()
        if name in _ADDED_PARTS
    ]
    put = [f"{name}={value}" for name, value in fields.items() if name not in _ADDED_PARTS]
    return ", then ".join(part for part in (", ".join(added), ", ".join(put)) if part)
