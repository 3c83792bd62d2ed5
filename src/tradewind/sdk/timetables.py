"""When a Dag runs, as its author writes it; each turns into a value the scheduler decides with."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import msgspec

from tradewind.core.timetables import delta, values
from tradewind.core.timetables.delta import latest_on_clock
from tradewind.core.timetables.due import next_run
from tradewind.core.timetables.manual import interval_before
from tradewind.core.timetables.schedule import check_timetable, from_schedule
from tradewind.core.timetables.text import (
    active_runs_limit,
    description,
    is_partitioned,
    is_periodic,
    summary,
)
from tradewind.core.timetables.ticks import CronTicks, cron_ticks, first_from, last_before
from tradewind.sdk.assets import BaseAsset, condition_of
from tradewind.sdk.exceptions import AirflowTimetableInvalid
from tradewind.sdk.instants import to_pendulum
from tradewind.sdk.timetable import (
    DagRunInfo,
    DataInterval,
    TimeRestriction,
    Timetable,
    info_of,
    run_of,
)
from tradewind.sdk.timezone import as_instant, convert_to_utc, parse_timezone, utcnow, zone_name

_OURS = "tradewind.sdk."


class ByRule(Timetable):
    """A timetable that the server knows as data; a subclass of the author's own it does not."""

    def __init__(self, rule: values.Timetable) -> None:
        try:
            check_timetable(rule)
        except values.ScheduleError as error:
            raise AirflowTimetableInvalid(str(error)) from None
        self.follow(rule)

    def follow(self, rule: values.Timetable) -> None:
        """Take over what the rule says of itself."""
        self.rule = rule
        """The same rule as plain data."""
        never = values.NullTimetable | values.PartitionedAtRuntime
        # Attributes, not properties: subclasses set their own.
        self.can_be_scheduled = not isinstance(rule, never)
        self.periodic = is_periodic(rule)
        self.partitioned = is_partitioned(rule)
        self.active_runs_limit = active_runs_limit(rule)
        self.description = description(rule)

    @property
    def core(self) -> values.Timetable:
        """Answer the rule as plain data."""
        return self.rule if type(self).__module__.startswith(_OURS) else super().core

    @property
    def summary(self) -> str:
        """Answer the rule in a few characters."""
        return summary(self.rule)

    def serialize(self) -> dict[str, Any]:
        """Answer the rule as JSON."""
        found: dict[str, Any] = msgspec.to_builtins(self.rule)
        return found

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        """Answer the timetable that ``serialize`` told of."""
        made = cls.__new__(cls)
        rule: Any = values.Timetable
        made.follow(msgspec.convert(data, rule))
        return made

    def infer_manual_data_interval(self, *, run_after: Any) -> DataInterval | None:
        """Answer the last data that was complete by then."""
        start, end = interval_before(self.rule, _plain(run_after))
        return DataInterval(to_pendulum(start), to_pendulum(end))

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
    ) -> DagRunInfo | None:
        """Answer the run to make after the last one, or None when there is none to make."""
        last = last_automated_data_interval and DagRunInfo.interval(*last_automated_data_interval)
        return self.next_by_rule(last, restriction)

    def next_by_rule(
        self, last: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Answer the run that the rule asks for next."""
        found = next_run(
            self.rule,
            last=None if last is None else run_of(last),
            earliest=convert_to_utc(restriction.earliest),
            latest=convert_to_utc(restriction.latest),
            catchup=restriction.catchup,
            now=utcnow(),
        )
        return None if found is None else info_of(found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByRule) and other.rule == self.rule

    def __hash__(self) -> int:
        return hash(repr(self.rule))


def _plain(moment: dt.datetime) -> dt.datetime:
    found = convert_to_utc(moment)
    assert found is not None  # noqa: S101 - a moment was given
    return found


class CronSteps(ByRule):
    """What subclasses of cron timetables ask of theirs: the ticks around a moment."""

    @property
    def _expression(self) -> str:
        return str(getattr(self.rule, "cron", ""))

    @property
    def _timezone(self) -> dt.tzinfo:
        return parse_timezone(getattr(self.rule, "timezone", "UTC"))

    @property
    def _interval(self) -> dt.timedelta:
        return dt.timedelta(seconds=getattr(self.rule, "interval_seconds", 0))

    @property
    def _ticks(self) -> CronTicks:
        return cron_ticks(self._expression, getattr(self.rule, "timezone", "UTC"))

    def _get_next(self, current: Any) -> Any:
        return to_pendulum(self._ticks.after(_plain(current)))

    def _get_prev(self, current: Any) -> Any:
        return to_pendulum(last_before(self._ticks, _plain(current)))

    def _align_to_next(self, current: Any) -> Any:
        return to_pendulum(first_from(self._ticks, _plain(current)))

    def _align_to_prev(self, current: Any) -> Any:
        return to_pendulum(self._ticks.until(_plain(current)))

    def _skip_to_latest(self, earliest: Any) -> Any:
        start = self._get_prev(self._align_to_prev(utcnow()))
        return start if earliest is None else max(start, self._align_to_next(earliest))


class DeltaSteps(ByRule):
    """What subclasses of delta timetables ask of theirs: the steps around a moment."""

    _delta: Any

    def _get_next(self, current: Any) -> Any:
        return to_pendulum(_plain(current) + self._delta)

    def _get_prev(self, current: Any) -> Any:
        return to_pendulum(_plain(current) - self._delta)

    def _align_to_next(self, current: Any) -> Any:
        return current

    def _align_to_prev(self, current: Any) -> Any:
        return current

    def _skip_to_latest(self, earliest: Any) -> Any:
        start = self._get_prev(
            to_pendulum(latest_on_clock(delta.delta_from(self._delta), utcnow()))
        )
        return start if earliest is None else max(start, earliest)


class NullTimetable(ByRule):
    """Never due by itself."""

    def __init__(self) -> None:
        super().__init__(values.NullTimetable())


class OnceTimetable(ByRule):
    """Due once."""

    def __init__(self) -> None:
        super().__init__(values.OnceTimetable())


class ContinuousTimetable(ByRule):
    """Due whenever the run before has ended."""

    def __init__(self) -> None:
        super().__init__(values.ContinuousTimetable())


class CronTriggerTimetable(CronSteps):
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


class MultipleCronTriggerTimetable(ByRule):
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


class CronDataIntervalTimetable(CronSteps):
    """Due at the end of each interval between two ticks of a cron expression."""

    def __init__(self, cron: str, timezone: str | dt.tzinfo = "UTC") -> None:
        super().__init__(values.CronDataInterval(cron=cron_of(cron), timezone=zone_of(timezone)))


class DeltaTriggerTimetable(DeltaSteps):
    """Due at each step of a delta."""

    def __init__(self, delta: Any, *, interval: Any = dt.timedelta()) -> None:
        self._delta = delta
        super().__init__(
            values.DeltaTrigger(delta=_delta(delta), interval_seconds=_seconds(interval))
        )


class DeltaDataIntervalTimetable(DeltaSteps):
    """Due at the end of each interval of a delta's length."""

    def __init__(self, delta: Any) -> None:
        self._delta = delta
        super().__init__(values.DeltaDataInterval(delta=_delta(delta)))


class EventsTimetable(ByRule):
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


class AssetTriggeredTimetable(ByRule):
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
        <ByRule 0 0 * * *>
    """
    if isinstance(schedule, Timetable):
        return schedule
    condition = condition_of(schedule)
    if condition is not None:
        return AssetTriggeredTimetable(condition)
    try:
        return ByRule(from_schedule(schedule, zone_of(zone)))
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
