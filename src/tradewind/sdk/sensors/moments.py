"""Sensors that wait for a moment: they know it, so they look again exactly then."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from tradewind.sdk.clock import utcnow
from tradewind.sdk.deferring import Described, is_deferrable
from tradewind.sdk.sensor import BaseSensorOperator
from tradewind.sdk.timezone import as_instant
from tradewind.sdk.triggers.base import StartTriggerArgs

_TRIGGER = "airflow.providers.standard.triggers.temporal.DateTimeTrigger"


class MomentSensor(BaseSensorOperator):
    """Waits until a moment: subclass it and implement ``moment_for``.

    The pause between two looks is never longer than what is left until the moment.
    """

    deferrable: bool = False
    end_from_trigger: bool = False

    def moment_for(self, context: Any) -> datetime:
        """Answer what to wait for.

        Raises:
            NotImplementedError: The subclass does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement moment_for()")

    def poke(self, context: Any) -> bool:
        """Look at the clock."""
        self._target = self.moment_for(context)
        return utcnow() >= self._target

    def execute(self, context: Any) -> Any:
        """Wait here, or at a trigger.

        Raises:
            TaskDeferred: It waits at a trigger.
            AirflowSensorTimeout: It took too long.
        """
        if not self.deferrable:
            return super().execute(context)
        moment = self.moment_for(context)
        if utcnow() < moment:
            self.defer(
                trigger=Described(
                    _TRIGGER, {"moment": moment, "end_from_trigger": self.end_from_trigger}
                ),
                method_name="execute_complete",
                timeout=timedelta(seconds=self.timeout),
            )
        return None

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """Go on: the moment has come."""

    def _pause(self, seed: str, waited: float, number: int) -> float:
        left = (self._target - utcnow()).total_seconds()
        return max(min(super()._pause(seed, waited, number), left), 0.0)


class DateTimeSensor(MomentSensor):
    """Waits until a date and time, the same however often and late its run is made.

    Args:
        target_time: A datetime, or text in ISO form; may be a template. Without a zone it is read
            in UTC.

    Example:
        >>> from tradewind import DAG
        >>> with DAG("nightly", schedule="@daily"):
        ...     wait = DateTimeSensor(
        ...         task_id="until_one",
        ...         target_time="{{ data_interval_end.replace(hour=1).isoformat() }}",
        ...     )
        >>> wait.template_fields
        ('target_time',)
    """

    template_fields: Sequence[str] = ("target_time",)

    def __init__(self, *, target_time: str | datetime, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_time: Any = target_time

    def moment_for(self, context: Any) -> datetime:
        """Answer ``target_time``.

        Raises:
            ValueError: It is no date.
        """
        try:
            moment = as_instant("target_time", self.target_time)
        except (TypeError, ValueError):
            moment = None
        if moment is None:
            raise ValueError(
                f"target_time of task '{self.task_id}' is no date: {self.target_time!r}; write it "
                "as 2026-04-20T06:30:00+00:00"
            )
        return moment


class DateTimeSensorAsync(DateTimeSensor):
    """A DateTimeSensor that always waits at a trigger.

    Args:
        start_from_trigger: Begin with the trigger, without a process for the task. A target time
            that is a template needs one: it then defers from there.
        end_from_trigger: End in success where the trigger runs, without a process for the task.
        trigger_kwargs: Accepted; what the trigger is made from follows from the other arguments.
    """

    deferrable = True
    start_trigger_args = StartTriggerArgs(
        trigger_cls=_TRIGGER,
        trigger_kwargs={"moment": "", "end_from_trigger": False},
        next_method="execute_complete",
    )

    def __init__(
        self,
        *,
        start_from_trigger: bool = False,
        end_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.end_from_trigger = end_from_trigger
        self.start_from_trigger = start_from_trigger
        if start_from_trigger:
            self.start_trigger_args = dataclasses.replace(
                type(self).start_trigger_args,
                trigger_kwargs={
                    "target_time": self.target_time,
                    "end_from_trigger": end_from_trigger,
                },
                timeout=timedelta(seconds=self.timeout),
            )


class TimeSensor(MomentSensor):
    """Waits until a time of day, on the day on which the task begins, in the Dag's time zone.

    Args:
        target_time: The time of day.
        deferrable: Give the worker's place back while waiting.
        start_from_trigger: Accepted with a warning: which day it is, is known when the task
            begins, so it defers from a process of its own.
        end_from_trigger: End in success where the trigger runs, without a process for the task.
        trigger_kwargs: Accepted; what the trigger is made from follows from the other arguments.
    """

    def __init__(
        self,
        *,
        target_time: time_of_day,
        deferrable: bool | None = None,
        start_from_trigger: bool = False,
        end_from_trigger: bool = False,
        trigger_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(target_time, time_of_day):
            raise TypeError(
                f"target_time of task '{self.task_id}' must be a datetime.time, not "
                f"{type(target_time).__name__}"
            )
        self.target_time = target_time
        self.deferrable = is_deferrable(deferrable) or start_from_trigger
        self.end_from_trigger = end_from_trigger
        if start_from_trigger:
            self.warnings.append(
                "'start_from_trigger' has no effect: which day it is, is known when the task "
                "begins, so it defers from a process of its own"
            )

    @property
    def target_datetime(self) -> datetime:
        """Answer the moment at which that time comes, or came, today."""
        return self._on_day_of(utcnow())

    def moment_for(self, context: Any) -> datetime:
        """Answer that time on the day on which the task began."""
        return self._on_day_of(context["ti"].start_date or utcnow())

    def _on_day_of(self, moment: datetime) -> datetime:
        zone = self.target_time.tzinfo or self.dag.timezone
        day = moment.astimezone(zone).date()
        return datetime.combine(day, self.target_time.replace(tzinfo=zone))


class TimeSensorAsync(TimeSensor):
    """A TimeSensor with ``deferrable=True``: an older name for that."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"deferrable": True, **kwargs})


class TimeDeltaSensor(MomentSensor):
    """Waits until some time after the end of the run's data interval, or after it was due.

    Args:
        delta: How long after; a number, or text that is one, counts minutes. May be a template.
        deferrable: Give the worker's place back while waiting.
        end_from_trigger: End in success where the trigger runs, without a process for the task.
    """

    template_fields: Sequence[str] = ("delta",)

    def __init__(
        self,
        *,
        delta: timedelta | int,
        deferrable: bool | None = None,
        end_from_trigger: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.delta: Any = delta
        self.deferrable = is_deferrable(deferrable)
        self.end_from_trigger = end_from_trigger

    def moment_for(self, context: Any) -> datetime:
        """Answer the end of the data interval, or when the run was due, and ``delta`` after it."""
        base: datetime = context.get("data_interval_end") or context["dag_run"].run_after
        return base + span_of("delta", self.delta, self.task_id)


class TimeDeltaSensorAsync(TimeDeltaSensor):
    """A TimeDeltaSensor with ``deferrable=True``: an older name for that."""

    def __init__(self, *, delta: timedelta | int, **kwargs: Any) -> None:
        super().__init__(**{"deferrable": True, **kwargs}, delta=delta)


class WaitSensor(MomentSensor):
    """Waits for some time from when the task begins.

    Args:
        time_to_wait: How long; a number, or text that is one, counts minutes. May be a template.
        deferrable: Give the worker's place back while waiting, and end where the trigger runs.
    """

    template_fields: Sequence[str] = ("time_to_wait",)
    end_from_trigger = True

    def __init__(
        self, time_to_wait: timedelta | int, deferrable: bool | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.time_to_wait: Any = time_to_wait
        self.deferrable = is_deferrable(deferrable)

    def moment_for(self, context: Any) -> datetime:
        """Answer when that time is over."""
        began: datetime = context["ti"].start_date or utcnow()
        return began + span_of("time_to_wait", self.time_to_wait, self.task_id)


def span_of(name: str, value: Any, task_id: str) -> timedelta:
    """Answer a span of time; a number, or text that is one, counts minutes.

    Raises:
        ValueError: It is neither.

    Example:
        >>> span_of("delta", "90", "wait")
        datetime.timedelta(seconds=5400)
    """
    if isinstance(value, timedelta):
        return value
    try:
        return timedelta(minutes=int(value))
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} of task '{task_id}' must be a timedelta or whole minutes, not {value!r}"
        ) from None
