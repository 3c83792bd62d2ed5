"""Timetables of assets and partitions, as authors write them."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

from tradewind.core.partition_data import NotDataError, mapper_to_data
from tradewind.core.timetables import values
from tradewind.core.timetables.due import partition_run, triggered_run
from tradewind.core.timetables.ticks import ticks_of
from tradewind.sdk.assets import BaseAsset, condition_of
from tradewind.sdk.exceptions import AirflowTimetableInvalid
from tradewind.sdk.partitions import IdentityMapper, PartitionMapper
from tradewind.sdk.timetable import DagRunInfo, DataInterval, TimeRestriction, Timetable
from tradewind.sdk.timetables import (
    AssetTriggeredTimetable,
    ByRule,
    CronSteps,
    cron_of,
    patience_of,
    timetable_of,
    zone_of,
)


def _condition(assets: Any) -> BaseAsset:
    try:
        found = condition_of(assets)
    except TypeError as error:
        raise AirflowTimetableInvalid(str(error)) from None
    if found is None:
        raise AirflowTimetableInvalid("assets must be an asset, a condition, or a list of assets")
    return found


class AroundTimes(ByRule):
    """A schedule that leaves it to another timetable when a time has come."""

    timetable: Timetable

    def infer_manual_data_interval(self, *, run_after: Any) -> DataInterval | None:
        """Answer what the timetable inside answers."""
        return self.timetable.infer_manual_data_interval(run_after=run_after)

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
    ) -> DagRunInfo | None:
        """Answer what the timetable inside answers."""
        return self.timetable.next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Answer what the timetable inside answers."""
        return self.timetable.next_dagrun_info_v2(
            last_dagrun_info=last_dagrun_info, restriction=restriction
        )

    def generate_run_id(
        self, *, run_type: Any, run_after: Any, data_interval: DataInterval | None, **extra: Any
    ) -> str:
        """Answer what the timetable inside answers."""
        return self.timetable.generate_run_id(
            run_type=run_type, run_after=run_after, data_interval=data_interval, **extra
        )


class AssetOrTimeSchedule(AroundTimes):
    """Due at the times of a timetable, and when assets have changed."""

    def __init__(self, *, timetable: Any, assets: Any) -> None:
        self.timetable = timetable_of(timetable, dt.UTC)
        super().__init__(values.AssetOrTime(timetable=self.timetable.core))
        self.condition = _condition(assets)


class AssetAndTimeSchedule(AroundTimes):
    """Due once a time of a timetable has come and the assets have changed since its last run.

    Example:
        >>> from tradewind.sdk.assets import Asset
        >>> AssetAndTimeSchedule(timetable="0 6 * * *", assets=[Asset("sales")]).summary
        'Asset and 0 6 * * *'
    """

    def __init__(self, *, timetable: Any, assets: Any) -> None:
        self.timetable = timetable_of(timetable, dt.UTC)
        if not self.timetable.periodic:
            raise AirflowTimetableInvalid(
                f"'{self.timetable.summary}' has no times that could wait for assets; "
                "use a cron expression, a timedelta or another timetable"
            )
        super().__init__(values.AssetAndTime(timetable=self.timetable.core))
        self.condition = _condition(assets)


class PartitionedAssetTimetable(AssetTriggeredTimetable):
    """Due for a partition once every asset has it; mappers say which partition that is.

    Example:
        >>> from tradewind.sdk.assets import Asset
        >>> from tradewind.sdk.partitions import StartOfDayMapper
        >>> hourly = Asset("hourly")
        >>> daily = PartitionedAssetTimetable(
        ...     assets=hourly, partition_mapper_config={hourly: StartOfDayMapper()}
        ... )
        >>> daily.mapper_of(hourly).to_downstream("2026-04-20T06:00:00")
        '2026-04-20'
    """

    def __init__(
        self,
        assets: Any,
        partition_mapper_config: Mapping[Any, PartitionMapper] | None = None,
        default_partition_mapper: PartitionMapper | None = None,
    ) -> None:
        condition = _condition(assets)
        self.partition_mapper_config = dict(partition_mapper_config or {})
        self.default_partition_mapper = default_partition_mapper or IdentityMapper()
        mappers = [self.mapper_of(part) for part in condition.parts()]
        try:
            core = values.PartitionedAsset(
                mappers=tuple(mapper_to_data(one) for one in mappers),
                default_mapper=mapper_to_data(self.default_partition_mapper),
            )
        except NotDataError as error:
            core = values.PartitionedAsset()
            self.warnings = (
                f"its partitions start no runs: {error}, and only mappers, windows and policies "
                "that come with Tradewind are asked; trigger it by hand, with a partition key",
            )
        except TypeError as error:
            raise AirflowTimetableInvalid(str(error)) from None
        super().__init__(condition, core=core)

    def mapper_of(self, asset: Any) -> PartitionMapper:
        """Answer the mapper for the partitions of an asset."""
        own: PartitionMapper | None = self.partition_mapper_config.get(asset)
        return own if own is not None else self.default_partition_mapper


class PartitionedAtRuntime(ByRule):
    """Never due by itself; its tasks say which partitions they made."""

    def __init__(self) -> None:
        super().__init__(values.PartitionedAtRuntime())


class Partition(NamedTuple):
    """One partition: its date and its key."""

    partition_date: dt.datetime
    partition_key: str


class CronPartitionTimetable(CronSteps):
    """Due at each tick of a cron expression, for a partition named by the tick.

    With ``run_offset`` the partition is that of an earlier (below 0) or later tick.

    Raises:
        AirflowTimetableInvalid: It is no cron expression, or the offset no number of ticks.

    Example:
        >>> daily = CronPartitionTimetable("0 6 * * *", run_offset=-1, key_format="%Y-%m-%d")
        >>> daily.partition_of(dt.datetime(2026, 4, 20, 6, tzinfo=dt.UTC)).partition_key
        '2026-04-19'
    """

    def __init__(
        self,
        cron: str,
        *,
        timezone: str | dt.tzinfo = "UTC",
        run_offset: int | None = None,
        run_immediately: bool | dt.timedelta | None = False,
        key_format: str = "%Y-%m-%dT%H:%M:%S",
    ) -> None:
        super().__init__(
            values.CronPartition(
                cron=cron_of(cron),
                timezone=zone_of(timezone),
                run_offset=_whole(run_offset),
                run_immediately=patience_of(run_immediately),
                key_format=key_format,
            )
        )

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Answer the run to make after the last one, with its partition."""
        return self.next_by_rule(last_dagrun_info, restriction)

    def partition_of(self, tick: dt.datetime) -> Partition:
        """Answer the partition that the run of a tick is for."""
        rule = self.rule
        assert isinstance(rule, values.CronPartition)  # noqa: S101 - it was made here
        run = partition_run(rule, ticks_of(rule), triggered_run(tick.astimezone(dt.UTC), 0))
        assert run.partition_date is not None  # noqa: S101 - the same
        assert run.partition_key is not None  # noqa: S101 - the same
        return Partition(run.partition_date, run.partition_key)


def _whole(run_offset: int | None) -> int:
    if run_offset is not None and not isinstance(run_offset, int):
        raise AirflowTimetableInvalid(
            f"run_offset is a number of ticks, for example -1, not {run_offset!r}"
        )
    return run_offset or 0
