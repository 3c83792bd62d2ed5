"""When a Dag is due: timetables as values, and the decisions taken from them."""

from tradewind.core.timetables.between import ticks_between
from tradewind.core.timetables.delta import delta_from
from tradewind.core.timetables.due import next_run
from tradewind.core.timetables.jitter import with_jitter
from tradewind.core.timetables.manual import manual_run
from tradewind.core.timetables.nesting import (
    is_started_by_assets,
    needs_worker,
    time_half,
    waits_for_assets,
)
from tradewind.core.timetables.schedule import check_timetable, from_schedule
from tradewind.core.timetables.text import (
    active_runs_limit,
    description,
    is_partitioned,
    is_periodic,
    summary,
)
from tradewind.core.timetables.values import (
    AssetAndTime,
    AssetOrTime,
    AssetTriggered,
    Calendar,
    ContinuousTimetable,
    CronDataInterval,
    CronPartition,
    CronTrigger,
    CustomTimetable,
    Delta,
    DeltaDataInterval,
    DeltaTrigger,
    EventsTimetable,
    Jitter,
    ManualRun,
    MultipleCronTrigger,
    NullTimetable,
    OnceTimetable,
    PartitionedAsset,
    PartitionedAtRuntime,
    RunInfo,
    ScheduleError,
    Timetable,
)

__all__ = [
    "AssetAndTime",
    "AssetOrTime",
    "AssetTriggered",
    "Calendar",
    "ContinuousTimetable",
    "CronDataInterval",
    "CronPartition",
    "CronTrigger",
    "CustomTimetable",
    "Delta",
    "DeltaDataInterval",
    "DeltaTrigger",
    "EventsTimetable",
    "Jitter",
    "ManualRun",
    "MultipleCronTrigger",
    "NullTimetable",
    "OnceTimetable",
    "PartitionedAsset",
    "PartitionedAtRuntime",
    "RunInfo",
    "ScheduleError",
    "Timetable",
    "active_runs_limit",
    "check_timetable",
    "delta_from",
    "description",
    "from_schedule",
    "is_partitioned",
    "is_periodic",
    "is_started_by_assets",
    "manual_run",
    "needs_worker",
    "next_run",
    "summary",
    "ticks_between",
    "time_half",
    "waits_for_assets",
    "with_jitter",
]
