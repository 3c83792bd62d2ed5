"""Deadlines: by when a run, a task or a group of tasks is to be done, and what its end makes of it.

Pure: what the moments are that a deadline counts from is told; when it is due is the answer. A
deadline fires once, when its moment comes before the end of what it watches: work that has ended,
well or badly, misses nothing any more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec


class _Reference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class LogicalDate(_Reference, frozen=True, tag="logical_date"):
    """From the run's logical date; a run without one has no such deadline."""


class QueuedAt(_Reference, frozen=True, tag="queued_at"):
    """From when the run was queued; anew when it is cleared."""


class FixedAt(_Reference, frozen=True, kw_only=True, tag="fixed"):
    """From one moment, the same for all runs."""

    at: datetime


class AverageRuntime(_Reference, frozen=True, kw_only=True, tag="average_runtime"):
    """From when it began, plus how long its last successes took on average."""

    max_runs: int = 10
    min_runs: int = 10
    """With fewer successes there is no deadline yet."""


class Scheduled(_Reference, frozen=True, tag="scheduled"):
    """From when the task, or the first of the group, was free to run: all above was done."""


class Started(_Reference, frozen=True, tag="started"):
    """From when the task, or the first of the group, began to run."""


class Custom(_Reference, frozen=True, kw_only=True, tag="custom"):
    """From what the author's own reference says; a worker asks it when the run is made."""

    name: str
    when: str = "created"
    """``created``: asked once for a run; ``queued``: asked anew when it is cleared."""


Reference = LogicalDate | QueuedAt | FixedAt | AverageRuntime | Scheduled | Started | Custom


class DeadlineSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One deadline as its author wrote it."""

    reference: Reference
    interval_seconds: float = 0.0
    interval_variable: str = ""
    """Variable that holds the interval in seconds, instead of ``interval_seconds``."""
    name: str = ""
    fails_run: bool = False
    """Whether missing it fails the run."""
    has_callback: bool = False


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The moments that deadlines count from, as far as they have come."""

    logical_date: datetime | None = None
    queued_at: datetime | None = None
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    asked: datetime | None = None
    """What the author's own reference answered."""
    runtimes: Sequence[float] = ()
    """How many seconds the last successes took."""


def counts_from(reference: Reference, known: Known) -> datetime | None:
    """Answer the moment a deadline counts from, or None: there is none, or it has not come.

    Example:
        >>> from datetime import UTC
        >>> began = datetime(2026, 5, 1, tzinfo=UTC)
        >>> known = Known(queued_at=began, runtimes=(60.0, 120.0))
        >>> counts_from(AverageRuntime(max_runs=2, min_runs=2), known).isoformat()
        '2026-05-01T00:01:30+00:00'
        >>> counts_from(AverageRuntime(), known) is None
        True
    """
    match reference:
        case LogicalDate():
            return known.logical_date
        case QueuedAt():
            return known.queued_at
        case FixedAt(at=at):
            return at
        case Scheduled():
            return known.scheduled_at
        case Started():
            return known.started_at
        case Custom():
            return known.asked
        case AverageRuntime(min_runs=least):
            began = known.started_at or known.queued_at
            if began is None or not known.runtimes or len(known.runtimes) < least:
                return None
            return began + timedelta(seconds=sum(known.runtimes) / len(known.runtimes))


def due_at(
    spec: DeadlineSpec, known: Known, interval_seconds: float | None = None
) -> datetime | None:
    """Answer when a deadline is due, or None: it is not known, or never will be.

    Args:
        spec: The deadline.
        known: The moments there are.
        interval_seconds: What its Variable says, where it names one.

    Example:
        >>> from datetime import UTC
        >>> began = datetime(2026, 5, 1, tzinfo=UTC)
        >>> hour = DeadlineSpec(reference=QueuedAt(), interval_seconds=3600)
        >>> due_at(hour, Known(queued_at=began)).isoformat()
        '2026-05-01T01:00:00+00:00'
        >>> due_at(hour, Known()) is None
        True
    """
    start = counts_from(spec.reference, known)
    if start is None:
        return None
    seconds = spec.interval_seconds if interval_seconds is None else interval_seconds
    return start + timedelta(seconds=seconds)


def is_of_queueing(reference: Reference) -> bool:
    """Tell whether a deadline counts from when the run was queued: it is made anew by a clear."""
    return isinstance(reference, QueuedAt) or (
        isinstance(reference, AverageRuntime | Scheduled | Started)
        or (isinstance(reference, Custom) and reference.when == "queued")
    )


def interval_of(text: str | None) -> float | None:
    """Answer the seconds a Variable says, or None where it says no number.

    Example:
        >>> interval_of("90"), interval_of("soon"), interval_of(None)
        (90.0, None, None)
    """
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if abs(seconds) < timedelta.max.total_seconds() else None


def describe(reference: Reference) -> str:
    """Answer what a deadline counts from, in a word or two.

    Example:
        >>> describe(QueuedAt()), describe(Custom(name="Payday"))
        ('queued_at', 'Payday')
    """
    if isinstance(reference, Custom):
        return reference.name
    return str(type(reference).__struct_config__.tag)
