"""What follows when a leg of a try ends: the next state of its task instance, and when it is due.

Whether the report may be believed (token, epoch, lease) is the store's business.
"""

import hashlib
import math
from datetime import datetime, timedelta

import msgspec

from tradewind.core.spec import RetrySpec
from tradewind.core.states import LegState, TaskState

LONGEST_DELAY = timedelta(hours=24)
"""No backoff makes a retry wait longer."""


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task instance goes after a leg."""

    state: TaskState
    wake_at: datetime | None = None
    reason: str = ""


def retry_delay(
    retry: RetrySpec, *, dag_id: str, task_id: str, logical_date: datetime | None, try_number: int
) -> timedelta:
    """Answer how long a failed try waits for the next.

    Constant without a multiplier. With one, ``base = ceil(delay * multiplier ** (try - 1))``, at
    least one second, plus a jitter below ``base`` that depends only on Dag, task, logical date and
    try, so that a herd of tasks spreads out and a replay agrees; never above the task's own
    maximum, nor a day.

    Example:
        >>> from tradewind.core.spec import RetrySpec
        >>> spec = RetrySpec(retries=3, delay_seconds=60)
        >>> retry_delay(spec, dag_id="d", task_id="t", logical_date=None, try_number=2)
        datetime.timedelta(seconds=60)
    """
    if retry.backoff <= 0 or retry.backoff == 1:
        return timedelta(seconds=retry.delay_seconds)
    longest = LONGEST_DELAY.total_seconds()
    if retry.max_delay_seconds is not None:
        longest = min(longest, retry.max_delay_seconds)
    try:
        grown = retry.delay_seconds * retry.backoff ** (try_number - 1)
    except OverflowError:
        grown = math.inf
    if grown >= longest:
        return timedelta(seconds=longest)
    base = max(1, math.ceil(grown))
    date = "None" if logical_date is None else logical_date.isoformat()
    seed = f"{dag_id}#{task_id}#{date}#{try_number}"
    # A spreading hash, not a secret.
    jitter = int(hashlib.sha1(seed.encode(), usedforsecurity=False).hexdigest(), 16) % base
    return timedelta(seconds=min(base + jitter, longest))


_SIMPLE = {
    LegState.SUCCESS: TaskState.SUCCESS,
    LegState.SKIPPED: TaskState.SKIPPED,
    LegState.DEFERRED: TaskState.DEFERRED,
    LegState.AWAITING_INPUT: TaskState.AWAITING_INPUT,
    LegState.RETURNED: TaskState.SCHEDULED,
}

_LEAVES = frozenset({LegState.DEFERRED, LegState.AWAITING_INPUT})
"""A wait outside any process: due, at the latest, when it times out."""


def after_leg(
    outcome: LegState,
    *,
    try_number: int,
    max_tries: int,
    delay: timedelta,
    now: datetime,
    state: TaskState = TaskState.RUNNING,
    retry_allowed: bool = True,
    wake_at: datetime | None = None,
) -> Next | None:
    """Answer where the task instance goes now that a leg ended, or None: it has moved on already.

    A try is given again while ``try_number <= max_tries`` and the task did not say that it is of
    no use; a lost or killed leg counts as a failed try, a returned one as none. An instance that
    was cleared while it ran starts over whatever its leg said; one that was marked meanwhile stays
    as it was marked.

    Args:
        outcome: How the leg ended.
        try_number: The try it belongs to, from 1.
        max_tries: Tries allowed beyond the first (``retries``; after a clear, more).
        delay: What ``retry_delay`` says for this try.
        now: The moment the end is recorded.
        state: State of the instance at that moment.
        retry_allowed: False when the task said that another try is of no use.
        wake_at: For ``rescheduled``: when the next leg is due; without it, at once. For
            ``deferred`` and ``awaiting_input``: when the wait times out, if ever.

    Raises:
        ValueError: ``running`` is no outcome.

    Example:
        >>> from datetime import UTC
        >>> now, wait = datetime(2026, 5, 1, tzinfo=UTC), timedelta(minutes=5)
        >>> after_leg(LegState.FAILED, try_number=1, max_tries=1, delay=wait, now=now).state
        <TaskState.UP_FOR_RETRY: 'up_for_retry'>
        >>> after_leg(LegState.FAILED, try_number=2, max_tries=1, delay=wait, now=now).state
        <TaskState.FAILED: 'failed'>
    """
    if outcome is LegState.RUNNING:
        raise ValueError("A running leg has not ended")
    if state is TaskState.RESTARTING:
        return Next(state=TaskState.NONE, reason="cleared while it ran")
    if state is not TaskState.RUNNING:
        return None
    if outcome in _SIMPLE:
        return Next(state=_SIMPLE[outcome], wake_at=wake_at if outcome in _LEAVES else None)
    if outcome is LegState.RESCHEDULED:
        return Next(state=TaskState.UP_FOR_RESCHEDULE, wake_at=now if wake_at is None else wake_at)
    if retry_allowed and try_number <= max_tries:
        return Next(state=TaskState.UP_FOR_RETRY, wake_at=now + delay)
    return Next(state=TaskState.FAILED)
