"""The states of runs, task instances and attempts, and the one table of legal moves between them.

Pure data. Who may ask for a move and what it costs is decided elsewhere; nothing anywhere changes
a state along an edge that is not in these tables.
"""

from enum import StrEnum


class RunState(StrEnum):
    """Where a Dag run is in its life."""

    QUEUED = "queued"
    """Created; waits for its ``run_after`` and for room under ``max_active_runs``."""
    RUNNING = "running"
    """Its task instances are being decided and run."""
    SUCCESS = "success"
    """All leaves ended in success or skipped."""
    FAILED = "failed"
    """A leaf failed, the run timed out, or nothing could move any more."""


class TaskState(StrEnum):
    """Where a task instance is in its life."""

    NONE = "none"
    """Created or cleared; its dependencies are not met yet. Shown to people as null."""
    SCHEDULED = "scheduled"
    """Dependencies met; waits for admission (pools, limits, priority)."""
    QUEUED = "queued"
    """Admitted: holds its pool slots and waits for a worker of its queue."""
    RUNNING = "running"
    """A worker holds a live attempt of it."""
    RESTARTING = "restarting"
    """Cleared while running; the attempt is being ended, then it starts over."""
    UP_FOR_RETRY = "up_for_retry"
    """Its last try, or that of its group as a whole, failed; another is due at ``wake_at``."""
    UP_FOR_RESCHEDULE = "up_for_reschedule"
    """A sensor gave its slot back until ``wake_at``."""
    DEFERRED = "deferred"
    """Waits for a trigger."""
    AWAITING_INPUT = "awaiting_input"
    """Waits for a person's answer."""
    SUCCESS = "success"
    """Its last try did what it should."""
    FAILED = "failed"
    """Its last try failed and no other is due."""
    SKIPPED = "skipped"
    """Decided not to run."""
    UPSTREAM_FAILED = "upstream_failed"
    """Cannot run because something above it failed."""
    REMOVED = "removed"
    """The task left the Dag, or its mapping shrank."""


class LegState(StrEnum):
    """How one leg (one process) of a try stands or ended."""

    RUNNING = "running"
    """Claimed: a worker holds it."""
    DEFERRED = "deferred"
    """Gave its place to a trigger; the try goes on in its next leg."""
    RESCHEDULED = "rescheduled"
    """Gave its place back until a moment; the try goes on in its next leg."""
    AWAITING_INPUT = "awaiting_input"
    """Gave its place to a person's answer; the try goes on in its next leg."""
    RETURNED = "returned"
    """The worker never forked it; the try is given again at no cost."""
    SUCCESS = "success"
    """Ended by returning."""
    FAILED = "failed"
    """Ended by raising, by exiting, or by a timeout."""
    SKIPPED = "skipped"
    """Ended by asking to be skipped."""
    KILLED = "killed"
    """Ended from outside: cleared, marked, or its run was ended."""
    LOST = "lost"
    """Its worker died, froze or was cut off."""


TERMINAL_TASK = frozenset(
    {
        TaskState.SUCCESS,
        TaskState.FAILED,
        TaskState.SKIPPED,
        TaskState.UPSTREAM_FAILED,
        TaskState.REMOVED,
    }
)
"""States in which a task instance stays until it is cleared."""

TERMINAL_RUN = frozenset({RunState.SUCCESS, RunState.FAILED})
"""States in which a run stays until it is cleared."""

TERMINAL_LEG = frozenset(
    {LegState.SUCCESS, LegState.FAILED, LegState.SKIPPED, LegState.KILLED, LegState.LOST}
)
"""Leg outcomes that end the try: at most one of them per (task instance, try)."""

SLOT_HOLDING = frozenset({TaskState.QUEUED, TaskState.RUNNING, TaskState.RESTARTING})
"""States that hold pool slots and count against every limit on concurrency."""

ACTIVE = SLOT_HOLDING | {TaskState.DEFERRED, TaskState.AWAITING_INPUT}
"""States that count against a task's own limits (``max_active_tis_per_dag`` and per run)."""

TIMED = frozenset({TaskState.UP_FOR_RETRY, TaskState.UP_FOR_RESCHEDULE})
"""States that end by themselves at ``wake_at``."""

RUN_MOVES: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.SUCCESS, RunState.FAILED}),
    RunState.RUNNING: frozenset({RunState.SUCCESS, RunState.FAILED, RunState.QUEUED}),
    RunState.SUCCESS: frozenset({RunState.QUEUED, RunState.FAILED}),
    RunState.FAILED: frozenset({RunState.QUEUED, RunState.SUCCESS}),
}
"""Legal moves of a run.

Terminal -> queued is a clear; queued -> terminal, and terminal -> the other, a mark.
"""

_N, _S, _Q, _R = TaskState.NONE, TaskState.SCHEDULED, TaskState.QUEUED, TaskState.RUNNING
_ENDS_DECIDED = frozenset(
    {TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED}
)
_WAITS = frozenset(
    {
        TaskState.UP_FOR_RETRY,
        TaskState.UP_FOR_RESCHEDULE,
        TaskState.DEFERRED,
        TaskState.AWAITING_INPUT,
    }
)
_AGAIN = TaskState.UP_FOR_RETRY
_ENDS_RUN = frozenset({TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED})

TASK_MOVES: dict[TaskState, frozenset[TaskState]] = {
    _N: frozenset({_S, TaskState.REMOVED}) | _ENDS_DECIDED,
    _S: frozenset({_N, _Q, TaskState.DEFERRED, TaskState.REMOVED}) | _ENDS_RUN,
    _Q: frozenset({_N, _S, _R}) | _ENDS_RUN,
    _R: frozenset({_S, TaskState.RESTARTING}) | _ENDS_RUN | _WAITS,
    TaskState.RESTARTING: frozenset({_N, TaskState.UP_FOR_RETRY}) | _ENDS_RUN,
    TaskState.UP_FOR_RETRY: frozenset({_N, _S}) | _ENDS_RUN,
    TaskState.UP_FOR_RESCHEDULE: frozenset({_N, _S}) | _ENDS_RUN,
    TaskState.DEFERRED: frozenset({_N, _S}) | _ENDS_RUN,
    TaskState.AWAITING_INPUT: frozenset({_N, _S}) | _ENDS_RUN,
    TaskState.SUCCESS: frozenset({_N, _AGAIN, TaskState.FAILED, TaskState.SKIPPED}),
    TaskState.FAILED: frozenset({_N, _AGAIN, TaskState.SUCCESS, TaskState.SKIPPED}),
    TaskState.SKIPPED: frozenset({_N, _AGAIN, TaskState.SUCCESS, TaskState.FAILED}),
    TaskState.UPSTREAM_FAILED: frozenset({_N, _AGAIN}) | _ENDS_RUN,
    TaskState.REMOVED: frozenset({_N}),
}
"""Legal moves of a task instance.

Terminal -> none is a clear, terminal -> another terminal a mark by a person, terminal ->
up_for_retry another try of the group or run as a whole. queued or running -> scheduled gives back
a try that was never forked. scheduled -> success is a task with nothing to do, scheduled ->
deferred one that begins with its trigger.
"""


class IllegalMoveError(ValueError):
    """A state change that is in no table: a fault of ours, never of the user."""


def check_task_move(old: TaskState, new: TaskState) -> None:
    """Refuse a move of a task instance that the table does not hold.

    Raises:
        IllegalMoveError: The move is not legal; the caller decided on stale or wrong state.

    Example:
        >>> check_task_move(TaskState.NONE, TaskState.SCHEDULED)
    """
    if new not in TASK_MOVES[old]:
        raise IllegalMoveError(f"A task instance cannot go from {old} to {new}")


def check_run_move(old: RunState, new: RunState) -> None:
    """Refuse a move of a run that the table does not hold.

    Raises:
        IllegalMoveError: The move is not legal; the caller decided on stale or wrong state.

    Example:
        >>> check_run_move(RunState.QUEUED, RunState.RUNNING)
    """
    if new not in RUN_MOVES[old]:
        raise IllegalMoveError(f"A run cannot go from {old} to {new}")
