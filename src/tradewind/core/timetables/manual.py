"""The dates of a run a person asks for."""

from datetime import UTC, datetime, timedelta

from tradewind.core.timetables.delta import step_back, take_step
from tradewind.core.timetables.nesting import time_half
from tradewind.core.timetables.ticks import Ticks, first_from, last_before, on_calendar, ticks_of
from tradewind.core.timetables.values import (
    Calendar,
    CronDataInterval,
    CronTrigger,
    DeltaDataInterval,
    DeltaTrigger,
    EventsTimetable,
    ManualRun,
    MultipleCronTrigger,
    Timetable,
)


def manual_run(
    timetable: Timetable, *, logical_date: datetime | None, run_after: datetime
) -> ManualRun:
    """Return the dates of a manual run.

    The data interval follows from the logical date, so that asking again for the date of a
    scheduled run gives the interval that run had:

    - intervals of a cron: the one that starts at the tick at or before the logical date;
    - intervals of a delta: the one that starts at the logical date;
    - triggers: the interval of a tick whose run has that logical date, normally of no length;
    - events a Dag is restricted to: the latest one at or before the logical date, else the first.

    Without a logical date there is no data interval either.

    Raises:
        ScheduleError: The timetable is not valid.
    """
    after = run_after.astimezone(UTC)
    if logical_date is None:
        return ManualRun(run_after=after)
    logical = logical_date.astimezone(UTC)
    start, end = _interval_at(time_half(timetable), logical)
    return ManualRun(
        run_after=after, logical_date=logical, data_interval_start=start, data_interval_end=end
    )


def interval_before(timetable: Timetable, moment: datetime) -> tuple[datetime, datetime]:
    """Return the data interval that was complete by a moment, as authors' own classes ask for it.

    Of intervals of a cron it is the last one that has ended, of other timetables the one that ends
    at the moment itself.
    """
    rule = time_half(timetable)
    match rule:
        case CronDataInterval():
            return _last_complete(ticks_of(rule), moment)
        case Calendar(timetable=CronDataInterval() as inner):
            return _last_complete(on_calendar(ticks_of(inner), rule), moment)
        case DeltaDataInterval(delta=delta):
            return step_back(moment, delta), moment
        case CronTrigger() | MultipleCronTrigger() | DeltaTrigger():
            return moment - timedelta(seconds=rule.interval_seconds), moment
        case Calendar(timetable=inner):
            return interval_before(inner, moment)
        case EventsTimetable(events=events, restrict_to_events=True) if events:
            event = ticks_of(rule).until(moment) or events[0]
            return event, event
        case _:
            return moment, moment


def _last_complete(ticks: Ticks, moment: datetime) -> tuple[datetime, datetime]:
    end = ticks.until(moment) or moment
    return last_before(ticks, end) or end, end


def _interval_at(timetable: Timetable, logical: datetime) -> tuple[datetime, datetime]:
    match timetable:
        case CronDataInterval():
            return _interval_around(ticks_of(timetable), logical)
        case Calendar(timetable=CronDataInterval() as inner):
            return _interval_around(on_calendar(ticks_of(inner), timetable), logical)
        case Calendar(timetable=inner):
            return _interval_at(inner, logical)
        case DeltaDataInterval(delta=delta):
            return logical, take_step(logical, delta)
        case CronTrigger() | MultipleCronTrigger() | DeltaTrigger():
            return logical, logical + timedelta(seconds=timetable.interval_seconds)
        case EventsTimetable(events=events, restrict_to_events=True) if events:
            event = ticks_of(timetable).until(logical) or events[0]
            return event, event
        case _:
            return logical, logical


def _interval_around(ticks: Ticks, logical: datetime) -> tuple[datetime, datetime]:
    start = ticks.until(logical) or first_from(ticks, logical) or logical
    return start, ticks.after(start) or start
