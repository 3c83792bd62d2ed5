"""When a Dag runs, as its author writes it; each turns into a value the scheduler decides with."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from tradewind.core.timetables import delta, values
from tradewind.core.timetables.schedule import check_timetable, from_schedule
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
        return _summary(self.core)

    @property
    def can_be_scheduled(self) -> bool:
        """Say whether it is ever due by itself."""
        return not isinstance(self.core, values.NullTimetable)

    @property
    def periodic(self) -> bool:
        """Say whether it is due again and again, so that a backfill makes sense."""
        single = values.NullTimetable | values.OnceTimetable | values.ContinuousTimetable
        return not isinstance(self.core, single)

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
                cron=_cron(cron),
                timezone=_zone(timezone),
                interval_seconds=_seconds(interval),
                run_immediately=_patience(run_immediately),
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
                crons=tuple(_cron(cron) for cron in crons),
                timezone=_zone(timezone),
                interval_seconds=_seconds(interval),
                run_immediately=_patience(run_immediately),
            )
        )


class CronDataIntervalTimetable(Timetable):
    """Due at the end of each interval between two ticks of a cron expression."""

    def __init__(self, cron: str, timezone: str | dt.tzinfo = "UTC") -> None:
        super().__init__(values.CronDataInterval(cron=_cron(cron), timezone=_zone(timezone)))


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

    warnings = (
        "this Dag is scheduled on assets: its runs are not started by their events yet; trigger "
        "it by hand",
    )

    def __init__(self, condition: BaseAsset) -> None:
        super().__init__(values.NullTimetable())
        self.condition = condition

    @property
    def summary(self) -> str:
        """Answer the rule in a few characters."""
        return "Asset"


def timetable_of(schedule: Any, zone: dt.tzinfo) -> Timetable:
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
        return Timetable(from_schedule(schedule, zone_name(zone)))
    except values.ScheduleError as error:
        raise AirflowTimetableInvalid(str(error)) from None


def schedule_text(schedule: Any) -> str | None:
    """Answer a schedule as its author wrote it, in one line."""
    if schedule is None or isinstance(schedule, str):
        return schedule
    if condition_of(schedule) is not None:
        return "Asset"
    return schedule.summary if isinstance(schedule, Timetable) else str(schedule)


def _summary(core: values.Timetable) -> str:
    match core:
        case values.NullTimetable():
            return "None"
        case values.OnceTimetable():
            return "@once"
        case values.ContinuousTimetable():
            return "@continuous"
        case values.CronTrigger(cron=cron) | values.CronDataInterval(cron=cron):
            return cron
        case values.MultipleCronTrigger(crons=crons):
            return ", ".join(crons)
        case values.EventsTimetable(events=events, description=description):
            return description or f"{len(events)} events"
        case values.DeltaTrigger(delta=step) | values.DeltaDataInterval(delta=step):
            return _written(step)


def _written(step: values.Delta) -> str:
    fields = {name: getattr(step, name) for name in step.__struct_fields__}
    return ", ".join(f"{name}={value}" for name, value in fields.items() if value) or "0"


def _cron(cron: str) -> str:
    try:
        core = from_schedule(cron, "UTC")
    except values.ScheduleError as error:
        raise AirflowTimetableInvalid(str(error)) from None
    if not isinstance(core, values.CronTrigger):
        raise AirflowTimetableInvalid(f"'{cron}' is no cron expression")
    return core.cron


def _zone(zone: str | dt.tzinfo) -> str:
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


def _patience(run_immediately: bool | dt.timedelta | None) -> bool | float | None:
    if isinstance(run_immediately, dt.timedelta):
        return run_immediately.total_seconds()
    return run_immediately
