"""A sensor that waits for a day of the week."""

from collections.abc import Iterable
from typing import Any

from tradewind.sdk.operators.date_branches import moment_of
from tradewind.sdk.sensor import BaseSensorOperator
from tradewind.sdk.weekdays import WeekDay


class DayOfWeekSensor(BaseSensorOperator):
    """Waits until it is one of some days of the week, in the Dag's time zone.

    Args:
        week_day: A day's English name, a ``WeekDay``, or several of either.
        use_task_logical_date: Look at the day of the run's logical date (of the moment it was due,
            where it has none) rather than at today.

    Raises:
        TypeError: ``week_day`` holds something that is no day.
        AttributeError: There is no day of such a name.

    Example:
        >>> from tradewind import DAG
        >>> with DAG("payroll"):
        ...     wait = DayOfWeekSensor(task_id="friday", week_day="Friday", mode="reschedule")
        >>> wait.week_day
        'Friday'
    """

    def __init__(
        self,
        *,
        week_day: str | WeekDay | Iterable[str | WeekDay],
        use_task_logical_date: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.week_day = week_day
        self.use_task_logical_date = use_task_logical_date
        self._days = WeekDay.validate_week_day(week_day)

    def poke(self, context: Any) -> bool:
        """Look at the day."""
        moment = moment_of(context, of_run=self.use_task_logical_date)
        return moment.astimezone(self.dag.timezone).isoweekday() in self._days
