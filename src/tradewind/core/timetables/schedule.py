"""From what a person writes as ``schedule=`` to a timetable."""

from datetime import timedelta

from dateutil.relativedelta import relativedelta

from tradewind.core.timetables.cron import PRESETS, parse_cron
from tradewind.core.timetables.delta import check_delta, delta_from
from tradewind.core.timetables.ticks import find_zone
from tradewind.core.timetables.values import (
    AssetAndTime,
    AssetOrTime,
    Calendar,
    ContinuousTimetable,
    CronDataInterval,
    CronPartition,
    CronTrigger,
    CustomTimetable,
    DeltaDataInterval,
    DeltaTrigger,
    EventsTimetable,
    MultipleCronTrigger,
    NullTimetable,
    OnceTimetable,
    ScheduleError,
    Timetable,
)


def from_schedule(
    schedule: str | timedelta | relativedelta | None,
    timezone: str,
    *,
    cron_data_intervals: bool = False,
) -> Timetable:
    """Return the timetable of a schedule: a preset, a cron expression, a delta or None.

    With ``cron_data_intervals`` cron expressions and deltas make runs for the interval that
    ended, else for the instant itself.

    Raises:
        ScheduleError: The schedule or the time zone is not valid; the message says what to
            write instead.

    Example:
        >>> from_schedule("@daily", "Europe/Berlin")
        CronTrigger(cron='0 0 * * *', timezone='Europe/Berlin', interval_seconds=0, \
run_immediately=False)
    """
    if schedule is None:
        return NullTimetable()
    if isinstance(schedule, timedelta | relativedelta):
        delta = delta_from(schedule)
        return DeltaDataInterval(delta=delta) if cron_data_intervals else DeltaTrigger(delta=delta)
    if not isinstance(schedule, str):
        raise ScheduleError(
            f"A schedule cannot be a {type(schedule).__name__}; use a cron expression, a preset "
            "like '@daily', a timedelta, a timetable, assets, or None."
        )
    text = " ".join(schedule.split())
    if text == "@once":
        return OnceTimetable()
    if text == "@continuous":
        return ContinuousTimetable()
    cron = PRESETS.get(text.lower(), text)
    timetable: CronTrigger | CronDataInterval = (
        CronDataInterval(cron=cron, timezone=timezone)
        if cron_data_intervals
        else CronTrigger(cron=cron, timezone=timezone)
    )
    check_timetable(timetable)
    return timetable


def check_timetable(timetable: Timetable) -> None:
    """Accept a timetable whose expressions, time zone and steps are valid.

    Raises:
        ScheduleError: One is not; the message says what to write instead.
    """
    match timetable:
        case (
            CronTrigger(cron=cron, timezone=zone)
            | CronDataInterval(cron=cron, timezone=zone)
            | CronPartition(cron=cron, timezone=zone)
        ):
            parse_cron(cron)
            find_zone(zone)
        case MultipleCronTrigger(crons=crons, timezone=zone):
            if not crons:
                raise ScheduleError("A timetable of several crons needs at least one expression.")
            for cron in crons:
                parse_cron(cron)
            find_zone(zone)
        case DeltaTrigger(delta=delta) | DeltaDataInterval(delta=delta):
            check_delta(delta)
        case AssetOrTime(timetable=inner) | AssetAndTime(timetable=inner):
            check_timetable(inner)
        case Calendar():
            _check_calendar(timetable)
        case _:
            pass


_ON_CALENDARS = (
    CronTrigger
    | CronDataInterval
    | CronPartition
    | MultipleCronTrigger
    | EventsTimetable
    | DeltaTrigger
    | CustomTimetable
)


def _check_calendar(calendar: Calendar) -> None:
    inner = calendar.timetable
    check_timetable(inner)
    find_zone(calendar.timezone)
    if not isinstance(inner, _ON_CALENDARS):
        raise ScheduleError(
            f"A calendar cannot leave days out of a {type(inner).__name__}.",
            "Use a cron expression, a delta trigger, events or a timetable of your own.",
        )
    if any(day not in range(7) for day in calendar.weekdays):
        raise ScheduleError("The weekdays of a calendar are numbers from 0, Monday, to 6, Sunday.")
    if not calendar.weekdays and not calendar.included:
        raise ScheduleError("A calendar needs at least one weekday, or a date that is included.")
