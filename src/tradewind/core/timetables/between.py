"""The runs a timetable has in a range of dates: what a backfill or a calendar asks for."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tradewind.core.timetables.days import Days
from tradewind.core.timetables.delta import grid_from, take_step
from tradewind.core.timetables.due import interval_run, partition_run, triggered_run
from tradewind.core.timetables.nesting import time_half
from tradewind.core.timetables.ticks import (
    Ticks,
    find_zone,
    first_from,
    last_before,
    on_calendar,
    ticks_of,
)
from tradewind.core.timetables.values import (
    Calendar,
    CronDataInterval,
    CronPartition,
    CronTrigger,
    DeltaDataInterval,
    DeltaTrigger,
    EventsTimetable,
    MultipleCronTrigger,
    RunInfo,
    Timetable,
)


def ticks_between(
    timetable: Timetable, start: datetime, end: datetime, *, anchor: datetime | None = None
) -> Iterator[RunInfo]:
    """Yield in order, one at a time, the runs with ``start <= logical_date <= end``.

    Runs for partitions are those whose partition date lies in the range. ``anchor`` is the Dag's
    start date: it fixes the grid of a delta, which is continued
    backwards before it; without one the grid begins at ``start``. Cron expressions and events
    need none. Neither the present nor the Dag's dates bound the answer. A timetable that is not
    periodic has no runs here, nor has one whose times only a worker can tell.

    Raises:
        ScheduleError: The timetable is not valid.
    """
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    base = first if anchor is None else anchor.astimezone(UTC)
    for run in _runs_from(time_half(timetable), None, first, base):
        if (run.partition_date or run.logical_date) > last:
            return
        yield run


def _runs_from(
    timetable: Timetable, calendar: Calendar | None, start: datetime, anchor: datetime
) -> Iterator[RunInfo]:
    match timetable:
        case CronTrigger(interval_seconds=length) | MultipleCronTrigger(interval_seconds=length):
            from_tick = start + timedelta(seconds=length)
            for tick in _ticks_from(_on(calendar, ticks_of(timetable)), from_tick):
                yield triggered_run(tick, length)
        case EventsTimetable():
            for tick in _ticks_from(_on(calendar, ticks_of(timetable)), start):
                yield triggered_run(tick, 0)
        case CronPartition():
            yield from _partitions_from(timetable, _on(calendar, ticks_of(timetable)), start)
        case CronDataInterval():
            yield from _intervals_from(_on(calendar, ticks_of(timetable)), start)
        case DeltaTrigger() | DeltaDataInterval():
            yield from _steps_from(timetable, calendar, start, anchor)
        case Calendar(timetable=inner) if calendar is None:
            yield from _runs_from(inner, timetable, start, anchor)
        case _:
            return


def _on(calendar: Calendar | None, ticks: Ticks) -> Ticks:
    return ticks if calendar is None else on_calendar(ticks, calendar)


def _steps_from(
    rule: DeltaTrigger | DeltaDataInterval,
    calendar: Calendar | None,
    start: datetime,
    anchor: datetime,
) -> Iterator[RunInfo]:
    if isinstance(rule, DeltaDataInterval):
        for begin in grid_from(anchor, rule.delta, start):
            yield interval_run(begin, take_step(begin, rule.delta))
        return
    days = None if calendar is None else Days(calendar, find_zone(calendar.timezone))
    length = rule.interval_seconds
    for tick in grid_from(anchor, rule.delta, start + timedelta(seconds=length)):
        if days is None or days.count(days.of(tick)):
            yield triggered_run(tick, length)


def _partitions_from(rule: CronPartition, ticks: Ticks, start: datetime) -> Iterator[RunInfo]:
    """Yield the runs of the partitions from a date on, each with the tick it is due at."""
    tick = first_from(ticks, start)
    for _ in range(abs(rule.run_offset)):
        if tick is not None:
            tick = last_before(ticks, tick) if rule.run_offset > 0 else ticks.after(tick)
    while tick is not None:
        yield partition_run(rule, ticks, triggered_run(tick, 0))
        tick = ticks.after(tick)


def _ticks_from(ticks: Ticks, start: datetime) -> Iterator[datetime]:
    tick = first_from(ticks, start)
    while tick is not None:
        yield tick
        tick = ticks.after(tick)


def _intervals_from(ticks: Ticks, start: datetime) -> Iterator[RunInfo]:
    begin = first_from(ticks, start)
    while begin is not None and (end := ticks.after(begin)) is not None:
        yield interval_run(begin, end)
        begin = end
