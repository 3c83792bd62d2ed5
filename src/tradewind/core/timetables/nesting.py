"""Timetables around other timetables: which one tells the times, and what else a run waits for."""

from tradewind.core.timetables.values import (
    AssetAndTime,
    AssetOrTime,
    AssetTriggered,
    Calendar,
    CronPartition,
    CustomTimetable,
    NullTimetable,
    PartitionedAsset,
    PartitionedAtRuntime,
    Timetable,
)


def time_half(timetable: Timetable) -> Timetable:
    """Return the timetable that tells when runs are due, without the assets they wait for.

    Example:
        >>> time_half(AssetOrTime(timetable=NullTimetable()))
        NullTimetable()
    """
    match timetable:
        case AssetOrTime(timetable=inner) | AssetAndTime(timetable=inner):
            return time_half(inner)
        case AssetTriggered() | PartitionedAsset() | PartitionedAtRuntime():
            return NullTimetable()
        case _:
            return timetable


def needs_worker(timetable: Timetable) -> bool:
    """Whether only a worker can tell the times: a class of the author's own is part of it."""
    match timetable:
        case CustomTimetable():
            return True
        case AssetOrTime(timetable=inner) | AssetAndTime(timetable=inner):
            return needs_worker(inner)
        case Calendar(timetable=inner):
            return needs_worker(inner)
        case _:
            return False


def names_runs(timetable: Timetable) -> bool:
    """Whether a class of the author's own says how its runs are called."""
    match timetable:
        case CustomTimetable(names_runs=names):
            return names
        case AssetOrTime(timetable=inner) | AssetAndTime(timetable=inner):
            return names_runs(inner)
        case Calendar(timetable=inner):
            return names_runs(inner)
        case _:
            return False


def is_started_by_assets(timetable: Timetable) -> bool:
    """Whether updates of assets alone make a run."""
    return isinstance(timetable, AssetTriggered | PartitionedAsset | AssetOrTime)


def waits_for_assets(timetable: Timetable) -> bool:
    """Whether a tick makes a run only once the assets were updated."""
    return isinstance(timetable, AssetAndTime)


def has_partitions(timetable: Timetable) -> bool:
    """Whether its runs are for partitions."""
    return isinstance(timetable, CronPartition | PartitionedAsset | PartitionedAtRuntime)
