"""What a Dag run is, and how runs are named.

Which runs to create is decided in ``planning`` and ``backfill``; their life in ``drive``.
"""

import hashlib
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from tradewind.core.states import RunState
from tradewind.errors import RefusedError


class RunType(StrEnum):
    """What made a run."""

    SCHEDULED = "scheduled"
    """A tick of the Dag's timetable."""
    MANUAL = "manual"
    """A person or a program asked for it."""
    BACKFILL = "backfill"
    """A backfill asked for its date."""
    ASSET_TRIGGERED = "asset_triggered"
    """The assets it waits for were updated."""
    OPERATOR_TRIGGERED = "operator_triggered"
    """A task of another run triggered it."""
    ASSET_MATERIALIZATION = "asset_materialization"
    """A person asked for an asset that it makes."""


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of a Dag, as its row tells it. Datetimes are aware UTC."""

    dag_id: str
    run_id: str
    run_type: RunType
    run_after: datetime
    """Earliest start; lists are ordered by it."""
    pk: int = 0
    state: RunState = RunState.QUEUED
    logical_date: datetime | None = None
    """Unique per Dag where set."""
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None
    queued_at: datetime | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    conf: dict[str, Any] = {}
    note: str | None = None
    triggered_by: str | None = None
    triggering_user_name: str | None = None
    partition_key: str | None = None
    version_id: int | None = None
    """The Dag version it runs."""
    bundle: str = ""
    digest: str = ""
    """Of the bundle, when the run was made or started over."""
    pinned_file: str = ""
    """The Dag's file in exactly those bytes, kept for it; empty: it runs what is there."""
    backfill_id: int | None = None
    clear_number: int = 0
    doom: str | None = None
    """Why it is to fail once all in it has ended, where a person has said so."""
    seq: int = 0
    """Number of the last event of its log."""
    epoch: int = 0


_LONGEST_KEY_IN_ID = 120
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.~:+-]")
LEGAL_RUN_IDS = "^[A-Za-z0-9_.~:+-]+$"
"""What ids of runs match unless an installation says otherwise."""

_LONGEST_ID = 250
_GENERATED = re.compile(
    rf"^(?:{'|'.join(RunType)})__\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\+00:00$", re.ASCII
)


def iso_utc(moment: datetime) -> str:
    """Answer the moment as run ids carry it: UTC with offset, microseconds only if there are any.

    Example:
        >>> iso_utc(datetime(2026, 4, 20, tzinfo=UTC))
        '2026-04-20T00:00:00+00:00'
    """
    return moment.astimezone(UTC).isoformat()


def run_id_of(
    run_type: RunType, run_after: datetime, logical_date: datetime | None = None, suffix: str = ""
) -> str:
    """Answer the id a run gets when nobody chose one.

    The date in it is the logical date, or ``run_after`` for a run that has none. The suffix keeps
    apart runs that may share a moment (those that assets trigger).

    Example:
        >>> run_id_of(RunType.MANUAL, datetime(2026, 5, 1, tzinfo=UTC))
        'manual__2026-05-01T00:00:00+00:00'
    """
    moment = run_after if logical_date is None else logical_date
    return f"{run_type.value}__{iso_utc(moment)}" + (f"_{suffix}" if suffix else "")


def partition_run_id(run_type: RunType, run_after: datetime, key: str, salt: str = "") -> str:
    """Answer the id of a run for a partition when nobody chose one.

    It ends in a mark of what it is made from: the same partition may be run again, and whoever
    asks for that again adds a ``salt``. What of the key may not stand in an id is an underscore.

    Example:
        >>> partition_run_id(RunType.SCHEDULED, datetime(2026, 5, 1, tzinfo=UTC), "2026-04-30")
        'scheduled__2026-05-01T00:00:00+00:00__2026-04-30__2853126f'
    """
    moment = iso_utc(run_after)
    mark = hashlib.sha256(f"{run_type.value} {moment} {key} {salt}".encode()).hexdigest()[:8]
    legible = _NOT_IN_IDS.sub("_", key)[:_LONGEST_KEY_IN_ID]
    return f"{run_type.value}__{moment}__{legible}__{mark}"


def is_legal_run_id(run_id: str, pattern: str = LEGAL_RUN_IDS) -> bool:
    """Answer whether the id holds only letters, digits and ``_.~:+-``, at most 250 of them.

    Args:
        run_id: The id.
        pattern: What it must match instead.

    Example:
        >>> is_legal_run_id("manual__2026-05-01"), is_legal_run_id("my run")
        (True, False)
    """
    if "\n" in run_id or "/" in run_id or len(run_id) > _LONGEST_ID:
        # It is a part of paths: of URLs and of logs.
        return False
    return re.match(pattern, run_id) is not None


def run_type_of(run_id: str) -> RunType | None:
    """Answer the run type that the id's prefix names, or None where it names none.

    Example:
        >>> run_type_of("backfill__2026-05-01T00:00:00+00:00")
        <RunType.BACKFILL: 'backfill'>
    """
    prefix, mark, _ = run_id.partition("__")
    return RunType(prefix) if mark and prefix in RunType._value2member_map_ else None


def check_chosen_run_id(
    run_id: str, run_type: RunType = RunType.MANUAL, pattern: str = LEGAL_RUN_IDS
) -> None:
    """Refuse an id that nobody may choose for a run of this type.

    Args:
        run_id: The id.
        run_type: What makes the run.
        pattern: What this installation has ids match.

    Raises:
        RefusedError: A character is not allowed, or the prefix is that of another run type.

    Example:
        >>> check_chosen_run_id("month-end")
    """
    # An id of the form that ids have when nobody chooses them is always fine.
    if not is_legal_run_id(run_id, pattern) and not _GENERATED.match(run_id):
        own = pattern != LEGAL_RUN_IDS
        raise RefusedError(
            "bad-run-id",
            f"The run id {run_id!r} must match {pattern} and have at most 250 characters, no /."
            if own
            else f"The run id {run_id!r} may hold only letters, digits and _ . ~ : + -, at most "
            "250.",
        )
    told = run_type_of(run_id)
    if told not in (None, run_type, RunType.MANUAL):
        raise RefusedError(
            "bad-run-id",
            f"The run id {run_id!r} starts as a {told.value} run's, but this run is "
            f"{run_type.value}.",
            "Choose another id, or leave it out.",
        )
