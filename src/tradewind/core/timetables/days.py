"""Days that count: the ticks of a timetable without those on days a calendar leaves out."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from tradewind.core.timetables.values import Calendar

_MOST_DAYS = 50 * 366
"""A calendar without a tick for so long has none."""
_DAY = timedelta(days=1)


class Days:
    """The days of a calendar, on the wall clock of its time zone."""

    __slots__ = ("_excluded", "_included", "_weekdays", "_zone")

    def __init__(self, calendar: Calendar, zone: tzinfo) -> None:
        """Read the days of ``calendar`` in ``zone``."""
        self._zone = zone
        self._weekdays = frozenset(calendar.weekdays)
        self._excluded = frozenset(calendar.excluded)
        self._included = frozenset(calendar.included)

    def of(self, instant: datetime) -> date:
        """Return the day on which an instant falls."""
        return instant.astimezone(self._zone).date()

    def count(self, day: date) -> bool:
        """Whether runs may be due on a day."""
        if day in self._included:
            return True
        return day.weekday() in self._weekdays and day not in self._excluded

    def start_of(self, day: date) -> datetime:
        """Return the instant a day starts."""
        return datetime.combine(day, time(), self._zone).astimezone(UTC)

    def next_after(self, day: date) -> date | None:
        """Return the first day after another that counts; None if 50 years hold none."""
        for _ in range(_MOST_DAYS):
            day += _DAY
            if self.count(day):
                return day
        return None

    def last_before(self, day: date) -> date | None:
        """Return the last day before another that counts; None if 50 years hold none."""
        for _ in range(_MOST_DAYS):
            day -= _DAY
            if self.count(day):
                return day
        return None
