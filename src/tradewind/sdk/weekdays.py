"""The days of the week, by the names authors write."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Any, Self


class WeekDay(IntEnum):
    """A day of the week, numbered as ISO does: Monday is 1."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7

    @classmethod
    def get_weekday_number(cls, week_day_str: str) -> Self:
        """Answer the day of that English name, however it is capitalised.

        Raises:
            AttributeError: There is no such day.

        Example:
            >>> WeekDay.get_weekday_number("Sunday")
            <WeekDay.SUNDAY: 7>
        """
        try:
            return cls[week_day_str.strip().upper()]
        except KeyError:
            raise AttributeError(
                f"'{week_day_str}' is no day of the week; it is one of "
                f"{', '.join(day.name.title() for day in cls)}"
            ) from None

    @classmethod
    def convert(cls, day: Any) -> int:
        """Answer the ISO number of a day given as a member or by its name.

        Raises:
            TypeError: It is neither.
            AttributeError: There is no day of that name.
        """
        if isinstance(day, cls):
            return int(day)
        if isinstance(day, str):
            return int(cls.get_weekday_number(day))
        raise TypeError(f"A day of the week is a name or a WeekDay, not {type(day).__name__}")

    @classmethod
    def validate_week_day(cls, week_day: Any) -> set[int]:
        """Answer the ISO numbers of one day, or of each of several.

        Raises:
            TypeError: What is given is no day and no collection of days.
            AttributeError: There is no day of such a name.

        Example:
            >>> sorted(WeekDay.validate_week_day({"Monday", WeekDay.SUNDAY}))
            [1, 7]
        """
        if isinstance(week_day, str | WeekDay):
            return {cls.convert(week_day)}
        if isinstance(week_day, Iterable):
            return {cls.convert(day) for day in week_day}
        raise TypeError(
            f"week_day must be a day's name, a WeekDay, or several of them, not "
            f"{type(week_day).__name__} ({week_day!r})"
        )
