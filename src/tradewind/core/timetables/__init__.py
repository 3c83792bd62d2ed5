"""When a Dag is due: timetables as values, and the decisions taken from them."""

from tradewind.core.timetables.between import ticks_between
from tradewind.core.timetables.delta import delta_from
from tradewind.core.timetables.due import next_run
from tradewind.core.timetables.manual import manual_run
from tradewind.core.timetables.schedule import check_timetable, from_schedule
from tradewind.core.timetables.text import active_runs_limit, description, is_periodic, summary
from tradewind.core.timetables.values import (
    ContinuousTimetable,
    CronDataInterval,
    CronTrigger,
    Delta,
    DeltaDataInterval,
    DeltaTrigger,
    EventsTimetable,
    ManualRun,
    MultipleCronTrigger,
    NullTimetable,
    OnceTimetable,
    RunInfo,
    ScheduleError,
    Timetable,
)

__all__ = [
    "ContinuousTimetable",
    "CronDataInterval",
    "CronTrigger",
    "Delta",
    "DeltaDataInterval",
    "DeltaTrigger",
    "EventsTimetable",
    "ManualRun",
    "MultipleCronTrigger",
    "NullTimetable",
    "OnceTimetable",
    "RunInfo",
    "ScheduleError",
    "Timetable",
    "active_runs_limit",
    "check_timetable",
    "delta_from",
    "description",
    "from_schedule",
    "is_periodic",
    "manual_run",
    "next_run",
    "summary",
    "ticks_between",
]
