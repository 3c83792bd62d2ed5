"""The timetables a Dag can have, and the runs they ask for, as frozen data.

Values only: each is a msgspec Struct tagged by ``kind`` that survives JSON unchanged. What they
mean (which instants, which runs) is decided in the modules beside this one.
"""

from datetime import UTC, datetime

import msgspec

from tradewind.errors import RefusedError


class ScheduleError(RefusedError, ValueError):
    """A schedule that cannot be followed; the message says why and what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Say what is wrong with the schedule, and the way out."""
        super().__init__("invalid-schedule", message, hint)


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One run a timetable asks for. All four are aware UTC datetimes.

    The run may start at ``run_after``; ``logical_date`` names it and is the start of the data
    interval.
    """

    run_after: datetime
    logical_date: datetime
    data_interval_start: datetime
    data_interval_end: datetime


class ManualRun(msgspec.Struct, frozen=True, kw_only=True):
    """The dates of a run a person asked for; without a logical date it has no data interval."""

    run_after: datetime
    logical_date: datetime | None = None
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None


class Delta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step forward in time: exact (days and smaller) or by the calendar (months, weekdays).

    Plural fields are added, singular ones are set after adding, as in dateutil's relativedelta.
    Steps are taken in UTC, so a day is always 24 hours.
    """

    years: int = 0
    months: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0
    microseconds: int = 0
    leapdays: int = 0
    year: int | None = None
    month: int | None = None
    day: int | None = None
    hour: int | None = None
    minute: int | None = None
    second: int | None = None
    microsecond: int | None = None
    weekday: tuple[int, int | None] | None = None
    """Day of the week (0 is Monday) and which one of them to move to."""


class _Timetable(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    pass


class NullTimetable(_Timetable, frozen=True, kw_only=True, tag="null"):
    """Never due by time; runs come from people and other events only."""


class OnceTimetable(_Timetable, frozen=True, kw_only=True, tag="once"):
    """One run, at the start date, or at once without one."""


class ContinuousTimetable(_Timetable, frozen=True, kw_only=True, tag="continuous"):
    """The next run as soon as the previous one ended; one at a time."""


class CronTrigger(_Timetable, frozen=True, kw_only=True, tag="cron-trigger"):
    """A run at each tick of a cron expression, read on the wall clock of a time zone.

    The data interval ends at the tick and is ``interval_seconds`` long. ``run_immediately``
    decides the first run of a Dag without a start date: True, the latest past tick; False, the
    next one; seconds, the past tick if it is no older than that; None, if it is no older than a
    tenth of the gap between ticks (at least 5 minutes).
    """

    cron: str
    timezone: str = "UTC"
    interval_seconds: float = 0
    run_immediately: bool | float | None = False


class MultipleCronTrigger(_Timetable, frozen=True, kw_only=True, tag="multiple-cron-trigger"):
    """A run at each instant at which at least one of several cron expressions ticks."""

    crons: tuple[str, ...]
    timezone: str = "UTC"
    interval_seconds: float = 0
    run_immediately: bool | float | None = False


class CronDataInterval(_Timetable, frozen=True, kw_only=True, tag="cron-data-interval"):
    """A run for each interval between two ticks of a cron expression, due at its end."""

    cron: str
    timezone: str = "UTC"


class DeltaTrigger(_Timetable, frozen=True, kw_only=True, tag="delta-trigger"):
    """A run at each step of a delta, anchored on the start date or the first run."""

    delta: Delta
    interval_seconds: float = 0


class DeltaDataInterval(_Timetable, frozen=True, kw_only=True, tag="delta-data-interval"):
    """A run for each interval of a delta's length, due at its end."""

    delta: Delta


class EventsTimetable(_Timetable, frozen=True, kw_only=True, tag="events"):
    """A run at each of the listed instants, kept sorted, unique and in UTC.

    Raises:
        ScheduleError: An event has no time zone.
    """

    events: tuple[datetime, ...] = ()
    restrict_to_events: bool = False
    description: str | None = None

    def __post_init__(self) -> None:
        """Put the events in order, so that equal timetables are equal values."""
        for event in self.events:
            if event.tzinfo is None:
                raise ScheduleError(
                    f"Event {event.isoformat()} has no time zone; "
                    "give each event one, for example datetime(..., tzinfo=UTC)."
                )
        ordered = tuple(sorted({event.astimezone(UTC) for event in self.events}))
        msgspec.structs.force_setattr(self, "events", ordered)


Timetable = (
    NullTimetable
    | OnceTimetable
    | ContinuousTimetable
    | CronTrigger
    | MultipleCronTrigger
    | CronDataInterval
    | DeltaTrigger
    | DeltaDataInterval
    | EventsTimetable
)
"""Any timetable; decode one with ``msgspec.json.decode(raw, type=Timetable)``."""
