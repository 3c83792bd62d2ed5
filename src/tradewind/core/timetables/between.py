"""The runs a timetable has in a range of dates: what a backfill or a calendar asks for."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tradewind.core.timetables.delta import grid_from, take_step
from tradewind.core.timetables.due import interval_run, triggered_run
from tradewind.core.timetables.ticks import Ticks, first_from, ticks_of
from tradewind.core.timetables.values import (
    CronDataInterval,
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

    ``anchor`` is the Dag's start date: it fixes the grid of a delta, which is continued
    backwards before it; without one the grid begins at ``start``. Cron expressions and events
    need none. Neither the present nor the Dag's dates bound the answer. A timetable that is not
    periodic has no runs here.

    Raises:
        ScheduleError: The timetable is not valid.
    """
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    base = first if anchor is None else anchor.astimezone(UTC)
    for run in _runs_from(timetable, first, base):
        if run.logical_date > last:
            return
        yield run


def _runs_from(timetable: Timetable, start: datetime, anchor: datetime) -> Iterator[RunInfo]:
    match timetable:
        case CronTrigger(interval_seconds=length) | MultipleCronTrigger(interval_seconds=length):
            from_tick = start + timedelta(seconds=length)
            for tick in _ticks_from(ticks_of(timetable), from_tick):
                yield triggered_run(tick, length)
        case EventsTimetable():
            for tick in _ticks_from(ticks_of(timetable), start):
                yield triggered_run(tick, 0)
        case CronDataInterval():
            yield from _intervals_from(ticks_of(timetable), start)
        case DeltaTrigger(delta=delta, interval_seconds=length):
            for tick in grid_from(anchor, delta, start + timedelta(seconds=length)):
                yield triggered_run(tick, length)
        case DeltaDataInterval(delta=delta):
            for begin in grid_from(anchor, delta, start):
                yield interval_run(begin, take_step(begin, delta))
        case _:
            return


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
