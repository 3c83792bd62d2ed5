"""Callbacks: which the server owes when it decides an end itself, and what each is called by.

A task's own callbacks are run by its process, which knows how often it may be tried. The server has
the last word: it owes those that go with what it decided, where the process ran none or others.
Its worker was lost, it was ended from outside, its file could not be imported; or its run was
stopped while it failed by itself.
"""

import hashlib

from tradewind.core.states import LegState, RunState, TaskState

MISSED = "deadline_missed"
"""Why a run failed that a missed deadline was to fail."""

LISTEN = "listen_"
"""Before what happens to a run, among a Dag's ``callbacks``: listeners are told of it."""

ASSET_EVENT = "asset_event"
"""Among what listeners are told of: a task of the Dag made an event of an asset."""

DAG_REASONS = frozenset({"success", "task_failure", "all_tasks_deadlocked", "timed_out", MISSED})
"""Ends of a run that its Dag's callbacks are told of; a person's word or a cancel is none."""


def callback_id(dag_id: str, run_id: str, event: str, *parts: object) -> str:
    """Answer what a callback is known by: the same for the same end, whoever runs it.

    Args:
        dag_id: The Dag.
        run_id: The run.
        event: ``failure``, ``retry``, ``success`` ...
        parts: What tells this end from others of the run: task, map path and try; or a number.

    Example:
        >>> one = callback_id("sales", "manual__1", "failure", "load", "", 2)
        >>> one == callback_id("sales", "manual__1", "failure", "load", "", 2), len(one)
        (True, 32)
    """
    text = "\n".join([dag_id, run_id, event, *map(str, parts)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def task_event(state: TaskState) -> str | None:
    """Answer which callbacks of a task go with an end that the server decided, if any.

    Example:
        >>> task_event(TaskState.UP_FOR_RETRY), task_event(TaskState.SKIPPED)
        ('retry', None)
    """
    return {TaskState.FAILED: "failure", TaskState.UP_FOR_RETRY: "retry"}.get(state)


def owed_event(state: TaskState, outcome: LegState, called: str) -> str | None:
    """Answer which callbacks of a task are owed still at the end of a leg, if any.

    Args:
        state: What the server made of the instance: it decides.
        outcome: How the leg ended.
        called: Which callbacks the process has run itself; empty for none.

    Example:
        >>> owed_event(TaskState.FAILED, LegState.KILLED, "")
        'failure'
        >>> owed_event(TaskState.FAILED, LegState.FAILED, "retry")
        'failure'
        >>> owed_event(TaskState.UP_FOR_RETRY, LegState.FAILED, "retry") is None
        True
    """
    event = task_event(state)
    if state is TaskState.SUCCESS and outcome is LegState.SUCCESS:
        event = "success"
    return None if event == called else event


_AWAY = frozenset({TaskState.DEFERRED, TaskState.AWAITING_INPUT})


def trigger_event(old: TaskState, new: TaskState) -> str | None:
    """Answer which callbacks of a task go with an end that came while it had no process, if any.

    A trigger may end its task without another leg.

    Example:
        >>> trigger_event(TaskState.DEFERRED, TaskState.SUCCESS)
        'success'
        >>> trigger_event(TaskState.RUNNING, TaskState.SUCCESS) is None
        True
    """
    if old not in _AWAY:
        return None
    return "success" if new is TaskState.SUCCESS else task_event(new)


def dag_event(old: RunState, new: RunState, reason: str) -> str | None:
    """Answer which callbacks of a Dag go with this move of a run, if any.

    Example:
        >>> dag_event(RunState.RUNNING, RunState.FAILED, "timed_out")
        'failure'
        >>> dag_event(RunState.QUEUED, RunState.FAILED, "its backfill was cancelled") is None
        True
    """
    if old is not RunState.RUNNING or reason not in DAG_REASONS:
        return None
    return {RunState.FAILED: "failure", RunState.SUCCESS: "success"}.get(new)


def listened_event(old: RunState, new: RunState) -> str | None:
    """Answer what listeners are told of with this move of a run, if anything.

    Example:
        >>> listened_event(RunState.QUEUED, RunState.RUNNING)
        'running'
    """
    if new is RunState.RUNNING:
        return "running"
    if old is not RunState.RUNNING:
        return None
    return {RunState.FAILED: "failure", RunState.SUCCESS: "success"}.get(new)
