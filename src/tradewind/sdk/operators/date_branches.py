"""Ways that depend on the date: by a span of time, by the day of the week."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from tradewind.sdk.branching import BaseBranchOperator, Branches
from tradewind.sdk.clock import utcnow
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.weekdays import WeekDay

Target = dt.datetime | dt.time | None


class BranchDateTimeOperator(BaseBranchOperator):
    """Goes one way within a span of time and another outside it; both ends belong to the span.

    An end is a moment, or a time of day: that of the day it is compared on, and where the upper
    one is earlier than the lower, of the day after. One without a zone is read in the Dag's.

    Args:
        follow_task_ids_if_true: Task or group ids to go on with within the span.
        follow_task_ids_if_false: And outside it.
        target_lower: Where the span begins; None where nothing is too early.
        target_upper: Where it ends; None where nothing is too late.
        use_task_logical_date: Compare the run's logical date (the moment it was due, where it has
            none) rather than the present.

    Raises:
        AirflowException: Neither end is given.

    Example:
        >>> from datetime import time
        >>> from tradewind import DAG
        >>> with DAG("nights"):
        ...     task = BranchDateTimeOperator(
        ...         task_id="when",
        ...         target_lower=time(22),
        ...         target_upper=time(6),
        ...         follow_task_ids_if_true="night",
        ...         follow_task_ids_if_false="day",
        ...     )
        >>> task.target_upper
        datetime.time(6, 0)
    """

    def __init__(
        self,
        *,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        target_lower: Target,
        target_upper: Target,
        use_task_logical_date: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if target_lower is None and target_upper is None:
            raise AirflowException(
                f"Task '{self.task_id}' needs target_lower, target_upper, or both"
            )
        self.target_lower = target_lower
        self.target_upper = target_upper
        self.follow_task_ids_if_true = follow_task_ids_if_true
        self.follow_task_ids_if_false = follow_task_ids_if_false
        self.use_task_logical_date = use_task_logical_date

    def choose_branch(self, context: Any) -> Branches:
        """Compare the moment with the span."""
        zone = self.dag.timezone
        moment = moment_of(context, of_run=self.use_task_logical_date).astimezone(zone)
        lower, upper = span_on(moment, self.target_lower, self.target_upper)
        if (lower is None or lower <= moment) and (upper is None or moment <= upper):
            return self.follow_task_ids_if_true
        return self.follow_task_ids_if_false


class BranchDayOfWeekOperator(BaseBranchOperator):
    """Goes one way on some days of the week and another on the others.

    Args:
        follow_task_ids_if_true: Task or group ids to go on with on these days.
        follow_task_ids_if_false: And on the others.
        week_day: A day's English name, a ``WeekDay``, or several of either.
        use_task_logical_date: Take the day of the run's logical date (of the moment it was due,
            where it has none) rather than today; in the Dag's time zone.

    Raises:
        TypeError: ``week_day`` holds something that is no day.
        AttributeError: There is no day of such a name.
    """

    def __init__(
        self,
        *,
        follow_task_ids_if_true: str | Iterable[str],
        follow_task_ids_if_false: str | Iterable[str],
        week_day: str | WeekDay | Iterable[str | WeekDay],
        use_task_logical_date: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.follow_task_ids_if_true = follow_task_ids_if_true
        self.follow_task_ids_if_false = follow_task_ids_if_false
        self.week_day = week_day
        self.use_task_logical_date = use_task_logical_date
        self._days = WeekDay.validate_week_day(week_day)

    def choose_branch(self, context: Any) -> Branches:
        """Look at the day."""
        moment = moment_of(context, of_run=self.use_task_logical_date)
        if moment.astimezone(self.dag.timezone).isoweekday() in self._days:
            return self.follow_task_ids_if_true
        return self.follow_task_ids_if_false


def moment_of(context: Any, *, of_run: bool) -> dt.datetime:
    """Answer the present, or the date the run is for: without one, when it was due."""
    if not of_run:
        return utcnow()
    run = context["dag_run"]
    moment: dt.datetime = run.logical_date or run.run_after
    return moment


def span_on(
    moment: dt.datetime, lower: Target, upper: Target
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Answer the span's ends as moments, times of day on the day of ``moment``.

    Example:
        >>> noon = dt.datetime(2026, 4, 20, 12, tzinfo=dt.UTC)
        >>> [str(end) for end in span_on(noon, dt.time(22), dt.time(6))]
        ['2026-04-20 22:00:00+00:00', '2026-04-21 06:00:00+00:00']
    """
    first, last = _on(moment, lower), _on(moment, upper)
    is_overnight = isinstance(lower, dt.time) and isinstance(upper, dt.time)
    if is_overnight and first is not None and last is not None and last < first:
        last += dt.timedelta(days=1)
    return first, last


def _on(moment: dt.datetime, end: Target) -> dt.datetime | None:
    if end is None:
        return None
    if isinstance(end, dt.time):
        end = dt.datetime.combine(moment.date(), end)
    return end if end.tzinfo is not None else end.replace(tzinfo=moment.tzinfo)
