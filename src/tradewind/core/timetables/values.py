"""The timetables a Dag can have, and the runs they ask for, as frozen data.

Values only: each is a msgspec Struct tagged by ``kind`` that survives JSON unchanged. What they
mean (which instants, which runs) is decided in the modules beside this one.
"""

from datetime import UTC, date, datetime
from typing import Any

import msgspec

from tradewind.errors import RefusedError


class ScheduleError(RefusedError, ValueError):
    """A schedule that cannot be followed; the message says why and what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Say what is wrong with the schedule, and the way out."""
        super().__init__("invalid-schedule", message, hint)


class RunInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run a timetable asks for. Its moments are aware UTC datetimes.

    The run may start at ``run_after``; ``logical_date`` names it and is the start of the data
    interval. A run for a partition is known by its key: the dates then say which tick asked for it,
    and the run itself has none.
    """

    run_after: datetime
    logical_date: datetime
    data_interval_start: datetime
    data_interval_end: datetime
    partition_date: datetime | None = None
    partition_key: str | None = None
    run_id: str | None = None
    """What a timetable of the author's own calls it; None: what such runs are called."""


class Jitter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """By how much runs may be due after their ticks; each has a share of its own."""

    up_to_seconds: float
    seed: str = ""


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


class CronPartition(_Timetable, frozen=True, kw_only=True, tag="cron-partition"):
    """A run at each tick of a cron expression, for the partition of that tick.

    The partition's date is the tick, or the one ``run_offset`` ticks later (before, if negative);
    its key is that date on the wall clock of the time zone, written in ``key_format``.
    """

    cron: str
    timezone: str = "UTC"
    run_offset: int = 0
    run_immediately: bool | float | None = False
    key_format: str = "%Y-%m-%dT%H:%M:%S"


class AssetTriggered(_Timetable, frozen=True, kw_only=True, tag="asset-triggered"):
    """Due when the assets the Dag waits for were updated, never by time."""


class PartitionedAsset(_Timetable, frozen=True, kw_only=True, tag="partitioned-asset"):
    """Due for a partition once every asset the Dag waits for has it, never by time.

    The mappers are data that the rules of partitions read.
    """

    mappers: tuple[Any, ...] = ()
    default_mapper: Any = None


class PartitionedAtRuntime(_Timetable, frozen=True, kw_only=True, tag="partitioned-at-runtime"):
    """Never due by itself; the tasks say which partitions they made."""


class AssetOrTime(_Timetable, frozen=True, kw_only=True, tag="asset-or-time"):
    """Due at the times of another timetable, and when the assets were updated."""

    timetable: "Timetable"


class AssetAndTime(_Timetable, frozen=True, kw_only=True, tag="asset-and-time"):
    """Due once a time of another timetable has come and the assets were updated since its last run.

    A tick waits for the assets. With catchup each tick needs an update after the run before it;
    without, the update starts the run of the latest tick that has come.
    """

    timetable: "Timetable"


class Calendar(_Timetable, frozen=True, kw_only=True, tag="calendar"):
    """The ticks of another timetable, without those on days left out.

    A day is one of the wall clock of ``timezone``, at the moment the run would be due. ``weekdays``
    are the days of the week that count (0 is Monday), ``excluded`` are dates left out whatever day
    of the week they are, ``included`` are dates that count all the same.
    """

    timetable: "Timetable"
    timezone: str = "UTC"
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    excluded: tuple[date, ...] = ()
    included: tuple[date, ...] = ()
    name: str = ""
    """What people call this calendar."""


class CustomTimetable(_Timetable, frozen=True, kw_only=True, tag="custom"):
    """A timetable class of the author's own: only a worker can tell its ticks.

    What it says of itself was taken down when its file was parsed.
    """

    classpath: str
    data: Any = None
    """What its ``serialize`` answered."""
    summary: str = ""
    description: str = ""
    periodic: bool = True
    active_runs_limit: int | None = None
    names_runs: bool = False
    """Whether it says how its runs are called."""


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
    | CronPartition
    | AssetTriggered
    | PartitionedAsset
    | PartitionedAtRuntime
    | AssetOrTime
    | AssetAndTime
    | Calendar
    | CustomTimetable
)
"""Any timetable; decode one with ``msgspec.json.decode(raw, type=Timetable)``."""
