"""The words for rules and states as a Dag author writes and compares them.

They are strings, so ``state == "success"`` and ``trigger_rule="all_done"`` hold as they do
everywhere in the field.
"""

from enum import StrEnum


class TriggerRule(StrEnum):
    """When a task may start, given how its direct upstreams ended."""

    ALL_SUCCESS = "all_success"
    ALL_FAILED = "all_failed"
    ALL_DONE = "all_done"
    ALL_DONE_MIN_ONE_SUCCESS = "all_done_min_one_success"
    ALL_DONE_SETUP_SUCCESS = "all_done_setup_success"
    ONE_SUCCESS = "one_success"
    ONE_FAILED = "one_failed"
    ONE_DONE = "one_done"
    NONE_FAILED = "none_failed"
    NONE_SKIPPED = "none_skipped"
    NONE_FAILED_MIN_ONE_SUCCESS = "none_failed_min_one_success"
    ALL_SKIPPED = "all_skipped"
    ALWAYS = "always"

    @classmethod
    def is_valid(cls, trigger_rule: str) -> bool:
        """Say whether there is a rule of that name."""
        return trigger_rule in cls.all_triggers()

    @classmethod
    def all_triggers(cls) -> set[str]:
        """Answer the names of all rules."""
        return {rule.value for rule in cls}


class WeightRule(StrEnum):
    """What a task's priority counts beside its own weight."""

    DOWNSTREAM = "downstream"
    """The weights of all that follows."""
    UPSTREAM = "upstream"
    """The weights of all that comes before."""
    ABSOLUTE = "absolute"
    """Nothing else."""

    @classmethod
    def is_valid(cls, weight_rule: str) -> bool:
        """Say whether there is a rule of that name."""
        return weight_rule in cls.all_weight_rules()

    @classmethod
    def all_weight_rules(cls) -> set[str]:
        """Answer the names of all rules."""
        return {rule.value for rule in cls}


class TaskInstanceState(StrEnum):
    """Where a task instance is in its life; None stands for one not looked at yet."""

    REMOVED = "removed"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    RESTARTING = "restarting"
    FAILED = "failed"
    UP_FOR_RETRY = "up_for_retry"
    UP_FOR_RESCHEDULE = "up_for_reschedule"
    UPSTREAM_FAILED = "upstream_failed"
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    AWAITING_INPUT = "awaiting_input"


class DagRunState(StrEnum):
    """Where a Dag run is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


class DagRunType(StrEnum):
    """What created a Dag run."""

    BACKFILL = "backfill"
    SCHEDULED = "scheduled"
    MANUAL = "manual"
    OPERATOR_TRIGGERED = "operator_triggered"
    ASSET_TRIGGERED = "asset_triggered"
    ASSET_MATERIALIZATION = "asset_materialization"

    def generate_run_id(self, *, suffix: str) -> str:
        """Answer the id of a run of this type."""
        return f"{self.value}__{suffix}"


class State:
    """All states under one name, as older Dag files compare them."""

    SUCCESS = TaskInstanceState.SUCCESS
    RUNNING = TaskInstanceState.RUNNING
    FAILED = TaskInstanceState.FAILED
    NONE = None
    REMOVED = TaskInstanceState.REMOVED
    SCHEDULED = TaskInstanceState.SCHEDULED
    QUEUED = TaskInstanceState.QUEUED
    RESTARTING = TaskInstanceState.RESTARTING
    UP_FOR_RETRY = TaskInstanceState.UP_FOR_RETRY
    UP_FOR_RESCHEDULE = TaskInstanceState.UP_FOR_RESCHEDULE
    UPSTREAM_FAILED = TaskInstanceState.UPSTREAM_FAILED
    SKIPPED = TaskInstanceState.SKIPPED
    DEFERRED = TaskInstanceState.DEFERRED
    AWAITING_INPUT = TaskInstanceState.AWAITING_INPUT

    task_states = (None, *TaskInstanceState)
    dag_states = tuple(DagRunState)
    finished = frozenset({SUCCESS, FAILED, SKIPPED, UPSTREAM_FAILED, REMOVED})
    unfinished = frozenset(task_states) - finished
    failed_states = frozenset({FAILED, UPSTREAM_FAILED})
    success_states = frozenset({SUCCESS, SKIPPED})
