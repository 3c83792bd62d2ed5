"""What a timetable is to its author: the class to inherit from, and what it is asked and answers.

The schedules that come with Tradewind are in ``timetables``; they are subclasses of this too, but
the server knows them as plain data. One of the author's own is asked by a worker.
"""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from tradewind.core.runs import RunType, partition_run_id
from tradewind.core.timetables import values
from tradewind.sdk.assets import BaseAsset
from tradewind.sdk.exceptions import AirflowTimetableInvalid
from tradewind.sdk.instants import to_pendulum
from tradewind.sdk.timezone import convert_to_utc


class DataInterval(NamedTuple):
    """The span of data a run is for; both ends are aware pendulum datetimes."""

    start: Any
    end: Any

    @classmethod
    def exact(cls, at: Any) -> "DataInterval":
        """Answer the span of one moment."""
        return cls(at, at)


class TimeRestriction(NamedTuple):
    """The bounds of a Dag's runs, and whether those that were missed are made up for."""

    earliest: Any
    """The Dag's start date, or None."""
    latest: Any
    """The Dag's end date, or None."""
    catchup: bool


class DagRunInfo(NamedTuple):
    """A run that a timetable asks for.

    Example:
        >>> at = dt.datetime(2026, 4, 20, tzinfo=dt.UTC)
        >>> DagRunInfo.interval(at, at + dt.timedelta(days=1)).logical_date.day
        20
    """

    run_after: Any
    """When it may start at the earliest."""
    data_interval: DataInterval | None
    """None for a run that is for a partition."""
    partition_date: Any = None
    partition_key: str | None = None

    @classmethod
    def exact(cls, at: Any) -> "DagRunInfo":
        """Answer a run for one moment, due then."""
        return cls(at, DataInterval.exact(at))

    @classmethod
    def interval(cls, start: Any, end: Any) -> "DagRunInfo":
        """Answer a run for a span of data, due at its end."""
        return cls(end, DataInterval(start, end))

    @property
    def logical_date(self) -> Any:
        """Answer the date the run is for: where its data begins; None without data."""
        return self.data_interval.start if self.data_interval else None


class Timetable:
    """A rule that says when a Dag is due. Inherit from it to write one of your own.

    At least ``next_dagrun_info`` must be there, and ``infer_manual_data_interval`` for runs by hand
    that have a date. Both run in a worker, never in the scheduler: what they need may be imported,
    read and asked for as in a task.
    """

    description: str = ""
    """In words, for people."""
    periodic: bool = True
    """Whether it is due again and again, so that a backfill makes sense."""
    can_be_scheduled: bool = True
    """Whether it is ever due by itself."""
    run_ordering: Sequence[str] = ("data_interval_end", "logical_date")
    active_runs_limit: int | None = None
    """How many runs may be active at once because of it; None for any number."""
    partitioned: bool = False
    """Whether its runs are for partitions rather than for dates."""
    condition: BaseAsset | None = None
    """The assets whose changes make it due too."""
    warnings: tuple[str, ...] = ()
    """What of the rule has no effect, for people."""

    @property
    def asset_condition(self) -> BaseAsset | None:
        """Answer the assets whose changes make it due too."""
        return self.condition

    @asset_condition.setter
    def asset_condition(self, condition: BaseAsset | None) -> None:
        self.condition = condition

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> "Timetable":
        """Answer the timetable that ``serialize`` told of."""
        return cls()

    def serialize(self) -> dict[str, Any]:
        """Answer as JSON what tells it from others of its class."""
        return {}

    def validate(self) -> None:
        """Refuse a timetable that cannot be followed; called when its file is parsed."""

    @property
    def summary(self) -> str:
        """Answer the rule in a few characters."""
        return type(self).__name__

    @property
    def type_name(self) -> str:
        """Answer the class: by name, with its module where it is the author's own."""
        return f"{type(self).__module__}.{type(self).__qualname__}"

    def infer_manual_data_interval(self, *, run_after: Any) -> DataInterval | None:
        """Answer the data that a run by hand for this date is for.

        Raises:
            NotImplementedError: The subclass does not say.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no infer_manual_data_interval, so a run by hand with a "
            "date needs its data interval given"
        )

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
    ) -> DagRunInfo | None:
        """Answer the run to make after the last one, or None when there is none to make.

        Raises:
            NotImplementedError: The subclass does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} has no next_dagrun_info")

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Answer the run to make after the last one; partitions are told of here."""
        last = last_dagrun_info.data_interval if last_dagrun_info is not None else None
        return self.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)

    def generate_run_id(
        self, *, run_type: Any, run_after: Any, data_interval: DataInterval | None, **extra: Any
    ) -> str:
        """Answer the id of a run: its type and the moment it is due, unless a subclass says."""
        kind = RunType(str(getattr(run_type, "value", run_type)))
        key = extra.get("partition_key")
        if key is not None:
            return partition_run_id(kind, run_after, key)
        return f"{kind.value}__{run_after.isoformat()}"

    @property
    def core(self) -> values.Timetable:
        """Answer the rule as plain data: of a class of the author's own, what it says of itself.

        Raises:
            AirflowTimetableInvalid: What ``serialize`` answers is no JSON.
        """
        return values.CustomTimetable(
            classpath=self.type_name,
            data=_json(self, self.serialize()),
            summary=str(self.summary),
            description=str(self.description or ""),
            periodic=bool(self.periodic),
            active_runs_limit=self.active_runs_limit,
            names_runs=type(self).generate_run_id is not Timetable.generate_run_id,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.summary}>"


def _json(timetable: Timetable, data: Any) -> Any:
    try:
        return json.loads(json.dumps(data, sort_keys=True))
    except (TypeError, ValueError) as error:
        raise AirflowTimetableInvalid(
            f"{type(timetable).__name__}.serialize() must answer JSON: {error}"
        ) from None


def info_of(run: values.RunInfo) -> DagRunInfo:
    """Answer a run as authors' classes see it."""
    if run.partition_key is not None:
        return DagRunInfo(
            to_pendulum(run.run_after), None, to_pendulum(run.partition_date), run.partition_key
        )
    interval = DataInterval(
        to_pendulum(run.data_interval_start), to_pendulum(run.data_interval_end)
    )
    return DagRunInfo(to_pendulum(run.run_after), interval)


def run_of(info: DagRunInfo) -> values.RunInfo:
    """Answer a run that an author's class asks for, as data.

    Raises:
        AirflowTimetableInvalid: It is none, a moment of it has no time zone, or it has neither
            data nor partition.
    """
    after = as_instant_of("run_after", getattr(info, "run_after", None))
    data = getattr(info, "data_interval", None)
    key = getattr(info, "partition_key", None)
    if data is None and key is None:
        raise AirflowTimetableInvalid(
            "a DagRunInfo needs a data_interval, or the partition_key it is for"
        )
    start, end = (after, after) if data is None else data
    date = getattr(info, "partition_date", None)
    return values.RunInfo(
        run_after=after,
        logical_date=as_instant_of("the data interval's start", start),
        data_interval_start=as_instant_of("the data interval's start", start),
        data_interval_end=as_instant_of("the data interval's end", end),
        partition_date=None if date is None else as_instant_of("partition_date", date),
        partition_key=None if key is None else str(key),
    )


def as_instant_of(what: str, moment: Any) -> dt.datetime:
    """Answer a moment of an author's class as a plain datetime in UTC.

    Raises:
        AirflowTimetableInvalid: It is none, or has no time zone.
    """
    if not isinstance(moment, dt.datetime):
        raise AirflowTimetableInvalid(f"{what} must be a datetime, not {moment!r}")
    if moment.utcoffset() is None:
        raise AirflowTimetableInvalid(f"{what} has no time zone: {moment.isoformat()}")
    found = convert_to_utc(moment)
    assert found is not None  # noqa: S101 - a moment was given
    return found
