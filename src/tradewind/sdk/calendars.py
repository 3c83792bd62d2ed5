"""Schedules that leave days out or spread their load: calendars and jitter."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tradewind.core.timetables import needs_worker, values
from tradewind.core.timetables.days import Days
from tradewind.core.timetables.ticks import find_zone
from tradewind.sdk.exceptions import AirflowTimetableInvalid
from tradewind.sdk.partition_timetables import AroundTimes
from tradewind.sdk.timetable import DagRunInfo, DataInterval, TimeRestriction
from tradewind.sdk.timetables import ByRule, timetable_of, zone_of

_MOST_ASKED = 5_000
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
BUSINESS_DAYS = (0, 1, 2, 3, 4)
"""Monday to Friday."""


class CalendarTimetable(AroundTimes):
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

    def infer_manual_data_interval(self, *, run_after: Any) -> DataInterval | None:
        """Answer the last data that was complete by then."""
        if needs_worker(self.rule):
            return super().infer_manual_data_interval(run_after=run_after)
        return ByRule.infer_manual_data_interval(self, run_after=run_after)

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
    ) -> DagRunInfo | None:
        """Answer the run to make after the last one, or None when there is none to make."""
        last = last_automated_data_interval and DagRunInfo.interval(*last_automated_data_interval)
        return self.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Answer the first run after the last one that is due on a day that counts."""
        if not needs_worker(self.rule):
            return self.next_by_rule(last_dagrun_info, restriction)
        assert isinstance(self.rule, values.Calendar)  # noqa: S101 - it was made here
        days = Days(self.rule, find_zone(self.rule.timezone))
        for _ in range(_MOST_ASKED):
            found = self.timetable.next_dagrun_info_v2(
                last_dagrun_info=last_dagrun_info, restriction=restriction
            )
            if found is None or days.count(days.of(found.run_after)):
                return found
            last_dagrun_info = found
        raise AirflowTimetableInvalid(
            f"The first {_MOST_ASKED} times of '{self.timetable.summary}' are all on days left out"
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
