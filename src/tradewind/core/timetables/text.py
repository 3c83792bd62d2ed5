"""What people read about a timetable, and its two plain traits."""

import calendar
from collections.abc import Sequence

from tradewind.core.timetables.cron import CronFields, parse_cron
from tradewind.core.timetables.delta import text_of
from tradewind.core.timetables.nesting import time_half
from tradewind.core.timetables.values import (
    AssetAndTime,
    AssetOrTime,
    AssetTriggered,
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
    PartitionedAsset,
    PartitionedAtRuntime,
    Timetable,
)

_MOST_CLOCK_TIMES = 6
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", "l": "last"}


def is_periodic(timetable: Timetable) -> bool:
    """Whether the timetable has ticks of its own that a backfill can run."""
    rule = time_half(timetable)
    match rule:
        case CustomTimetable(periodic=periodic):
            return periodic
        case Calendar(timetable=inner):
            return is_periodic(inner)
        case _:
            return not isinstance(rule, NullTimetable | OnceTimetable | ContinuousTimetable)


def is_partitioned(timetable: Timetable) -> bool:
    """Whether its runs are for partitions rather than for dates."""
    if isinstance(timetable, Calendar):
        return is_partitioned(timetable.timetable)
    return isinstance(timetable, CronPartition | PartitionedAsset | PartitionedAtRuntime)


def active_runs_limit(timetable: Timetable) -> int | None:
    """Return how many runs may be active at once because of the timetable; None if any."""
    rule = time_half(timetable)
    match rule:
        case CustomTimetable(active_runs_limit=limit):
            return limit
        case Calendar(timetable=inner):
            return active_runs_limit(inner)
        case _:
            return 1 if isinstance(rule, ContinuousTimetable) else None


def summary(timetable: Timetable) -> str:
    """Return the few characters that stand for a timetable in a list.

    Example:
        >>> summary(CronTrigger(cron="0 0 * * *"))
        '0 0 * * *'
    """
    match timetable:
        case MultipleCronTrigger(crons=crons):
            return ", ".join(crons)
        case DeltaTrigger(delta=delta) | DeltaDataInterval(delta=delta):
            return text_of(delta)
        case EventsTimetable(events=events, description=text):
            return text or (f"{len(events)} events" if len(events) != 1 else "1 event")
        case AssetOrTime(timetable=inner):
            return f"Asset or {summary(inner)}"
        case AssetAndTime(timetable=inner):
            return f"Asset and {summary(inner)}"
        case Calendar(timetable=inner, name=name):
            return f"{summary(inner)} on {name or 'its calendar'}"
        case CustomTimetable(summary=text):
            return text
        case _:
            return _name_of(timetable)


def _name_of(timetable: Timetable) -> str:
    match timetable:
        case OnceTimetable():
            return "@once"
        case ContinuousTimetable():
            return "@continuous"
        case CronTrigger(cron=cron) | CronDataInterval(cron=cron) | CronPartition(cron=cron):
            return cron
        case AssetTriggered():
            return "Asset"
        case PartitionedAsset():
            return "Partitioned Asset"
        case PartitionedAtRuntime():
            return "PartitionedAtRuntime"
        case _:
            return "None"


def description(timetable: Timetable) -> str:
    """Return a timetable in words; empty where an expression is beyond plain words.

    Raises:
        ScheduleError: An expression is not valid.

    Example:
        >>> description(CronTrigger(cron="30 2 * * 1-5"))
        'At 02:30, Monday to Friday'
    """
    match timetable:
        case CronTrigger(cron=cron) | CronDataInterval(cron=cron) | CronPartition(cron=cron):
            return describe_cron(parse_cron(cron))
        case MultipleCronTrigger(crons=crons):
            texts = [describe_cron(parse_cron(cron)) for cron in crons]
            return "; ".join(texts) if all(texts) else ""
        case DeltaTrigger(delta=delta) | DeltaDataInterval(delta=delta):
            return f"Every {text_of(delta)}"
        case EventsTimetable(events=events, description=text):
            if text or not events:
                return text or "No events"
            return f"{summary(timetable)} from {events[0].isoformat()} to {events[-1].isoformat()}"
        case AssetOrTime(timetable=inner):
            return f"When its assets were updated, or: {description(inner) or summary(inner)}"
        case AssetAndTime(timetable=inner):
            return f"When its assets were updated, and: {description(inner) or summary(inner)}"
        case Calendar(timetable=inner):
            return f"{description(inner) or summary(inner)}, {_describe_days(timetable)}"
        case CustomTimetable(description=text):
            return text
        case _:
            return _DESCRIPTIONS[type(timetable)]


_DESCRIPTIONS: dict[type, str] = {
    NullTimetable: "Not by time: run by hand or by other events",
    OnceTimetable: "One run, as soon as it may start",
    ContinuousTimetable: "Again as soon as the previous run has ended",
    AssetTriggered: "When its assets were updated",
    PartitionedAsset: "For each partition, once its assets have it",
    PartitionedAtRuntime: "Not by time: its tasks say which partitions they made",
}


def _describe_days(calendar: Calendar) -> str:
    if calendar.name:
        return f"on days of {calendar.name}"
    parts = []
    if len(calendar.weekdays) < 7:
        sunday_first = tuple(sorted((day + 1) % 7 for day in calendar.weekdays))
        parts.append("only " + _listed(sunday_first, _WEEKDAYS))
    if calendar.excluded:
        count = len(calendar.excluded)
        parts.append(f"not on {count} date{'s' if count != 1 else ''} left out")
    return ", ".join(parts) or "on every day"


def describe_cron(fields: CronFields) -> str:
    """Return a cron expression of five fields in words; longer ones have none."""
    if fields.field_count != 5:
        return ""
    parts = [_times(fields), _days(fields)]
    if len(fields.months) < 12:
        parts.append("in " + _listed(fields.months, [*calendar.month_name]))
    return ", ".join(part for part in parts if part)


def _times(fields: CronFields) -> str:
    if fields.covers_every_hour:
        if fields.minutes == (0,):
            return "Every hour"
        each = _every(fields.minutes, 60, "minute")
        return each or f"At {_numbered('minute', fields.minutes)} of every hour"
    if len(fields.minutes) * len(fields.hours) <= _MOST_CLOCK_TIMES:
        clock = [f"{hour:02}:{minute:02}" for hour in fields.hours for minute in fields.minutes]
        return "At " + _joined(clock)
    hours = _every(fields.hours, 24, "hour")
    if hours and fields.minutes == (0,):
        return hours
    minutes = _every(fields.minutes, 60, "minute") or f"At {_numbered('minute', fields.minutes)}"
    return f"{minutes} past {_numbered('hour', fields.hours)}"


def _every(values: tuple[int, ...], size: int, unit: str) -> str:
    """Return "Every 5 minutes" for values that divide an hour or a day evenly, else nothing."""
    step = size // len(values)
    if values != tuple(range(0, size, step)) or len(values) == 1:
        return ""
    return f"Every {unit}" if step == 1 else f"Every {step} {unit}s"


def _days(fields: CronFields) -> str:
    by_date, by_weekday = _dates(fields), _weekdays(fields)
    both = fields.month_days is not None and fields.weekdays is not None
    if both and (fields.nth_weekdays or fields.nearest_weekdays):
        return f"on days matching {by_date} and {by_weekday}"
    return " or ".join(part for part in (by_date, by_weekday) if part)


def _dates(fields: CronFields) -> str:
    if fields.nearest_weekdays:
        return f"on the working day nearest to day {fields.nearest_weekdays[0]} of the month"
    if fields.month_days is None:
        return ""
    days = _numbered("day", fields.month_days) if fields.month_days else ""
    last = "the last day" if fields.last_month_day else ""
    return "on " + " and ".join(part for part in (days, last) if part) + " of the month"


def _weekdays(fields: CronFields) -> str:
    if fields.nth_weekdays:
        named = [f"the {_ORDINALS[which]} {_WEEKDAYS[day]}" for day, which in fields.nth_weekdays]
        return f"on {_joined(named)} of the month"
    if fields.weekdays is None:
        return ""
    days = _listed(fields.weekdays, _WEEKDAYS)
    return days if " to " in days else f"on {days}"


def _numbered(unit: str, values: tuple[int, ...]) -> str:
    return (f"{unit} " if len(values) == 1 else f"{unit}s ") + _listed(values, range(100))


def _listed(values: tuple[int, ...], names: Sequence[object]) -> str:
    """Return values by name, three and more in a row as a range."""
    rows: list[list[int]] = []
    for value in values:
        if rows and rows[-1][-1] == value - 1:
            rows[-1].append(value)
        else:
            rows.append([value])
    named: list[str] = []
    for row in rows:
        if len(row) > 2:
            named.append(f"{names[row[0]]} to {names[row[-1]]}")
        else:
            named.extend(str(names[value]) for value in row)
    return _joined(named)


def _joined(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
