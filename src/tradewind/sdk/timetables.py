"""When a Dag runs, as its author writes it; each turns into a value the scheduler decides with."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from tradewind.core.timetables import delta, values
from tradewind.core.timetables.schedule import check_timetable, from_schedule
from tradewind.core.timetables.text import active_runs_limit, is_periodic, summary
from tradewind.sdk.assets import BaseAsset, condition_of
from tradewind.sdk.exceptions import AirflowTimetableInvalid
from tradewind.sdk.timezone import as_instant, zone_name


class Timetable:
    """A rule that says when a Dag is due."""

    condition: BaseAsset | None = None
    """The assets whose changes make it due too."""
    warnings: tuple[str, ...] = ()
    """What of the rule has no effect, for people."""

    def __init__(self, core: values.Timetable) -> None:
        try:
            check_timetable(core)
        except values.ScheduleError as error:
            raise AirflowTimetableInvalid(str(error)) from None
        self.core = core
        """The same rule as plain data."""

    @property
    def summary(self) -> str:
        """Answer the rule in a few characters."""
        return summary(self.core)

    @property
    def can_be_scheduled(self) -> bool:
        """Say whether it is ever due by itself."""
        never = values.NullTimetable | values.PartitionedAtRuntime
        return not isinstance(self.core, never)

    @property
    def periodic(self) -> bool:
        """Say whether it is due again and again, so that a backfill makes sense."""
        return is_periodic(self.core)

    @property
    def active_runs_limit(self) -> int | None:
        """Answer how many runs may be active at once because of it; None for any number."""
        return active_runs_limit(self.core)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timetable) and other.core == self.core

    def __hash__(self) -> int:
        return hash(repr(self.core))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.summary}>"


class NullTimetable(Timetable):
    """Never due by itself."""

    def __init__(self) -> None:
        super().__init__(values.NullTimetable())


class OnceTimetable(Timetable):
    """Due once."""

    def __init__(self) -> None:
        super().__init__(values.OnceTimetable())


class ContinuousTimetable(Timetable):
    """Due whenever the run before has ended."""

    def __init__(self) -> None:
        super().__init__(values.ContinuousTimetable())


class CronTriggerTimetable(Timetable):
    """Due at each tick of a cron expression; the data interval is a moment, or ``interval`` long.

    Example:
        >>> CronTriggerTimetable("0 6 * * *", timezone="Europe/Berlin").summary
        '0 6 * * *'
    """

    def __init__(
        self,
        cron: str,
        *,
        timezone: str | dt.tzinfo = "UTC",
        interval: Any = dt.timedelta(),
        run_immediately: bool | dt.timedelta | None = False,
    ) -> None:
        super().__init__(
            values.CronTrigger(
                cron=cron_of(cron),
                timezone=zone_of(timezone),
                interval_seconds=_seconds(interval),
                run_immediately=patience_of(run_immediately),
            )
        )


class MultipleCronTriggerTimetable(Timetable):
    """Due at each moment at which one of several cron expressions ticks."""

    def __init__(
        self,
        *crons: str,
        timezone: str | dt.tzinfo = "UTC",
        interval: Any = dt.timedelta(),
        run_immediately: bool | dt.timedelta | None = False,
    ) -> None:
        super().__init__(
            values.MultipleCronTrigger(
                crons=tuple(cron_of(cron) for cron in crons),
                timezone=zone_of(timezone),
                interval_seconds=_seconds(interval),
                run_immediately=patience_of(run_immediately),
            )
        )


class CronDataIntervalTimetable(Timetable):
    """Due at the end of each interval between two ticks of a cron expression."""

    def __init__(self, cron: str, timezone: str | dt.tzinfo = "UTC") -> None:
        super().__init__(values.CronDataInterval(cron=cron_of(cron), timezone=zone_of(timezone)))


class DeltaTriggerTimetable(Timetable):
    """Due at each step of a delta."""

    def __init__(self, delta: Any, *, interval: Any = dt.timedelta()) -> None:
        super().__init__(
            values.DeltaTrigger(delta=_delta(delta), interval_seconds=_seconds(interval))
        )


class DeltaDataIntervalTimetable(Timetable):
    """Due at the end of each interval of a delta's length."""

    def __init__(self, delta: Any) -> None:
        super().__init__(values.DeltaDataInterval(delta=_delta(delta)))


class EventsTimetable(Timetable):
    """Due at each of the moments listed."""

    def __init__(
        self,
        event_dates: Iterable[dt.datetime],
        restrict_to_events: bool = False,
        presorted: bool = False,
        description: str | None = None,
    ) -> None:
        events = [as_instant("an event date", event) for event in event_dates]
        super().__init__(
            values.EventsTimetable(
                events=tuple(event for event in events if event is not None),
                restrict_to_events=restrict_to_events,
                description=description,
            )
        )


class AssetTriggeredTimetable(Timetable):
    """Due when assets have changed."""

    def __init__(self, condition: BaseAsset, core: values.Timetable | None = None) -> None:
        super().__init__(values.AssetTriggered() if core is None else core)
        self.condition = condition


def timetable_of(schedule: Any, zone: dt.tzinfo | str) -> Timetable:
    """Answer the timetable of whatever an author passes as ``schedule``.

    Raises:
        AirflowTimetableInvalid: It is no schedule; the message says what to write instead.

    Example:
        >>> timetable_of("@daily", dt.UTC)
        <Timetable 0 0 * * *>
    """
    if isinstance(schedule, Timetable):
        return schedule
    condition = condition_of(schedule)
    if condition is not None:
        return AssetTriggeredTimetable(condition)
    try:
        return Timetable(from_schedule(schedule, zone_of(zone)))
    except values.ScheduleError as error:
        raise AirflowTimetableInvalid(str(error)) from None


def schedule_text(schedule: Any) -> str | None:
    """Answer a schedule as its author wrote it, in one line."""
    if schedule is None or isinstance(schedule, str):
        return schedule
    if condition_of(schedule) is not None:
        return "Asset"
    return schedule.summary if isinstance(schedule, Timetable) else str(schedule)


def cron_of(cron: str) -> str:
    """Answer a cron expression; a preset as the expression it stands for.

    Raises:
        AirflowTimetableInvalid: It is none.
    """
    try:
        core = from_schedule(cron, "UTC")
    except values.ScheduleError as error:
        raise AirflowTimetableInvalid(str(error)) from None
    if not isinstance(core, values.CronTrigger):
        raise AirflowTimetableInvalid(f"'{cron}' is no cron expression")
    return core.cron


def zone_of(zone: str | dt.tzinfo) -> str:
    """Answer the name of a time zone."""
    return zone if isinstance(zone, str) else zone_name(zone)


def _delta(step: Any) -> values.Delta:
    try:
        return delta.delta_from(step)
    except values.ScheduleError as error:
        raise AirflowTimetableInvalid(str(error)) from None


def _seconds(interval: Any) -> float:
    if isinstance(interval, dt.timedelta):
        return interval.total_seconds()
    start = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    return float((start + interval - start).total_seconds())


def patience_of(run_immediately: bool | dt.timedelta | None) -> bool | float | None:
    """Answer ``run_immediately`` as data: a time in seconds."""
    if isinstance(run_immediately, dt.timedelta):
        return run_immediately.total_seconds()
    return run_immediately
