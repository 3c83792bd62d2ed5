"""Jitter: runs of one tick spread over some time, so that not all Dags start at midnight."""

import hashlib
from datetime import timedelta

import msgspec

from tradewind.core.timetables.values import Jitter, RunInfo

_SHARES = 1 << 32


def with_jitter(
    run: RunInfo, jitter: Jitter | None, dag_id: str, following: RunInfo | None
) -> RunInfo:
    """Return a run that is due by its Dag's share of the jitter after its tick.

    The share depends on Dag, tick and seed alone. Only ``run_after`` moves, and never as far as
    the tick that follows: without catchup that one would take its place.

    Example:
        >>> from datetime import UTC, datetime
        >>> day = datetime(2026, 5, 1, tzinfo=UTC)
        >>> run = RunInfo(
        ...     run_after=day, logical_date=day, data_interval_start=day, data_interval_end=day
        ... )
        >>> with_jitter(run, Jitter(up_to_seconds=600), "sales", None).run_after.isoformat()
        '2026-05-01T00:04:52+00:00'
    """
    if jitter is None or jitter.up_to_seconds <= 0:
        return run
    longest = timedelta(seconds=jitter.up_to_seconds)
    if following is not None:
        longest = min(longest, following.run_after - run.run_after)
    key = f"{jitter.seed}\0{dag_id}\0{run.logical_date.isoformat()}".encode()
    share = int.from_bytes(hashlib.sha256(key).digest()[:4], "big") / _SHARES
    # Whole seconds: people read these moments.
    late = timedelta(seconds=int(longest.total_seconds() * share))
    return msgspec.structs.replace(run, run_after=run.run_after + late)
