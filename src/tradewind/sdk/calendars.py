"""Schedules that leave days out or spread their load: calendars and jitter."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tradewind.core.timetables import values
from tradewind.sdk.exceptions import AirflowTimetableInvalid
from tradewind.sdk.timetables import Timetable, timetable_of, zone_of

_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
BUSINESS_DAYS = (0, 1, 2, 3, 4)
"""Monday to Friday."""


class CalendarTimetable(Timetable):
    """The times of another schedule, without those on days that do not count.

    Args:
        schedule: A cron expression, a preset, a timedelta or a timetable.
        excluded: Dates left out: a list, or any mapping or set of dates, such as one of the
            ``holidays`` package.
        included: Dates that count whatever else is said.
        weekdays: The days of the week that count: numbers from 0, Monday, or names.
        timezone: On whose wall clock a day is a day; that of the schedule, if not given.
        name: What people call these days, for display.

    Raises:
        AirflowTimetableInvalid: A day is none, or the schedule has no ticks to leave out.

    Example:
        >>> no_christmas = CalendarTimetable(
        ...     "0 6 * * *", excluded=[dt.date(2026, 12, 25)], weekdays=BUSINESS_DAYS
        ... )
        >>> no_christmas.summary
        '0 6 * * * on its calendar'
    """

    def __init__(
        self,
        schedule: Any,
        *,
        excluded: Iterable[Any] = (),
        included: Iterable[Any] = (),
        weekdays: Iterable[int | str] = range(7),
        timezone: str | dt.tzinfo | None = None,
        name: str = "",
    ) -> None:
        self.timetable = timetable_of(schedule, timezone or dt.UTC)
        zone: str = getattr(self.timetable.core, "timezone", "UTC")
        super().__init__(
            values.Calendar(
                timetable=self.timetable.core,
                timezone=zone if timezone is None else zone_of(timezone),
                weekdays=tuple(sorted({_weekday(day) for day in weekdays})),
                excluded=tuple(sorted({_date(day) for day in excluded})),
                included=tuple(sorted({_date(day) for day in included})),
                name=name,
            )
        )


@dataclass(frozen=True)
class Jitter:
    """By how much the runs of a schedule may start later, each by a share of its own.

    The share follows from the Dag, the logical date and the seed alone: it is the same whenever
    it is worked out.
    """

    up_to: dt.timedelta
    seed: str = ""

    @classmethod
    def of(cls, given: Any) -> "Jitter | None":
        """Answer what ``schedule_jitter`` says.

        Raises:
            TypeError: It is neither a timedelta nor a ``Jitter``.
            ValueError: It is negative.
        """
        if given is None or isinstance(given, cls):
            jitter = given
        elif isinstance(given, dt.timedelta):
            jitter = cls(given)
        else:
            raise TypeError(
                f"schedule_jitter must be a timedelta or a Jitter, not {type(given).__name__}"
            )
        if jitter is not None and jitter.up_to < dt.timedelta():
            raise ValueError("schedule_jitter cannot be negative: runs never start early")
        return jitter


def _weekday(day: int | str) -> int:
    if isinstance(day, int) and 0 <= int(day) < 7:
        return int(day)
    matching = [n for n, name in enumerate(_NAMES) if name.startswith(str(day).lower())]
    if len(matching) == 1 and len(str(day)) > 1:
        return matching[0]
    raise AirflowTimetableInvalid(
        f"{day!r} is no day of the week; use 0 (Monday) to 6 (Sunday), or a name like 'friday'"
    )


def _date(day: Any) -> dt.date:
    if isinstance(day, dt.datetime):
        return day.date()
    if isinstance(day, dt.date):
        return dt.date(day.year, day.month, day.day)
    try:
        return dt.date.fromisoformat(str(day))
    except ValueError:
        raise AirflowTimetableInvalid(
            f"{day!r} is no date; use datetime.date(2026, 12, 25) or '2026-12-25'"
        ) from None
