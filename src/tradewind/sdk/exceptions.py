"""The exceptions a task or a Dag file may raise or catch, and what each of them means.

They keep the names the field knows, because existing Dag files catch them by these names.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any


class AirflowException(Exception):
    """The root of what goes wrong in a Dag or a task; raised by a task, its try has failed."""

    status_code = 500
    """The HTTP status that tells the same."""

    def serialize(self) -> tuple[str, tuple[object, ...], dict[str, object]]:
        """Answer the class's path and the arguments it can be made from again."""
        cls = type(self)
        return f"{cls.__module__}.{cls.__name__}", self.args, {}


class AirflowBadRequest(AirflowException):
    """A caller asked for something malformed."""

    status_code = 400


class AirflowNotFoundException(AirflowException):
    """The connection, variable or other thing named does not exist."""

    status_code = 404


class AirflowInternalRuntimeError(BaseException):
    """Something in the platform itself went wrong, which user code cannot handle."""


class ErrorType(Enum):
    """What kind of thing went wrong where user code asked its host for something."""

    CONNECTION_NOT_FOUND = "CONNECTION_NOT_FOUND"
    VARIABLE_NOT_FOUND = "VARIABLE_NOT_FOUND"
    XCOM_NOT_FOUND = "XCOM_NOT_FOUND"
    ASSET_NOT_FOUND = "ASSET_NOT_FOUND"
    DAGRUN_ALREADY_EXISTS = "DAGRUN_ALREADY_EXISTS"
    GENERIC_ERROR = "GENERIC_ERROR"
    API_SERVER_ERROR = "API_SERVER_ERROR"


class AirflowRuntimeError(Exception):
    """What user code asked its host for was refused; ``error`` has a type and a detail."""

    def __init__(self, error: Any) -> None:
        self.error = error
        super().__init__(f"{error.error.value}: {error.detail}")


class AirflowConfigException(AirflowException):
    """A setting is missing or makes no sense."""


class AirflowSkipException(AirflowException):
    """Raised by a task: this task instance ends as skipped."""


class AirflowFailException(AirflowException):
    """Raised by a task: it failed, and trying again is of no use."""


class AirflowSensorTimeout(AirflowException):
    """A sensor waited long enough; the task fails without another try."""


class AirflowTaskTimeout(BaseException):
    """The task ran longer than its ``execution_timeout``; it may be tried again."""


class AirflowTaskTerminated(BaseException):
    """The task was ended from outside."""


class AirflowRescheduleException(AirflowException):
    """Raised by a task: give the slot back and go on at this moment, in the same try."""

    def __init__(self, reschedule_date: datetime) -> None:
        super().__init__(reschedule_date)
        self.reschedule_date = reschedule_date


class TaskDeferred(BaseException):
    """Raised by a task: it gives its place back until its trigger says something.

    ``BaseOperator.defer`` raises it. Not an ``Exception``, so that ``except Exception`` in a task
    lets it pass.
    """

    def __init__(
        self,
        *,
        trigger: Any,
        method_name: str,
        kwargs: dict[str, Any] | None = None,
        timeout: timedelta | float | None = None,
        queue: str | None = None,
    ) -> None:
        super().__init__()
        self.trigger = trigger
        self.method_name = method_name
        self.kwargs = kwargs
        self.timeout = timedelta(seconds=timeout) if isinstance(timeout, int | float) else timeout
        self.queue = queue

    def serialize(self) -> tuple[str, tuple[object, ...], dict[str, object]]:
        """Answer the class's path and the arguments it can be made from again."""
        cls = type(self)
        fields = ("trigger", "method_name", "kwargs", "timeout")
        return f"{cls.__module__}.{cls.__name__}", (), {n: getattr(self, n) for n in fields}

    def __repr__(self) -> str:
        return f"<TaskDeferred trigger={self.trigger!r} method={self.method_name}>"


class TaskAwaitingInput(BaseException):
    """Raised by a task: it gives its place back until a person has answered.

    Args:
        request: What is asked, made by ``tradewind.sdk.asking.ask_person``, which raises this;
            without, what ``upsert_hitl_detail`` has written down.
        method_name: Method of the operator that goes on with the answer.
        kwargs: More for that method.
        timeout: How long to wait; None for as long as it takes.
    """

    def __init__(
        self,
        request: Any = None,
        *,
        method_name: str = "execute_complete",
        kwargs: Mapping[str, Any] | None = None,
        timeout: timedelta | float | None = None,
    ) -> None:
        super().__init__()
        self.request = request
        self.method_name = method_name
        self.kwargs = kwargs
        self.timeout = timedelta(seconds=timeout) if isinstance(timeout, int | float) else timeout


class TaskDeferralError(AirflowException):
    """The trigger of a deferred task failed."""


class TaskDeferralTimeout(AirflowException):
    """The trigger of a deferred task took longer than it may."""


class HITLTriggerEventError(AirflowException):
    """A person was asked, and what came of it cannot be gone on with."""


class HITLTimeoutError(HITLTriggerEventError):
    """Nobody answered in time, and there are no defaults to go on with."""


class DagRunTriggerException(AirflowException):
    """Raised by a task: it makes a run of another Dag, and may wait for how that ends.

    Args:
        trigger_dag_id: The Dag to run.
        dag_run_id: Id of the run.
        conf: Conf of the run, JSON.
        logical_date: The date it is for, or None.
        reset_dag_run: Let the run of that id or date that is there already start over.
        skip_when_already_exists: Skip this task where there is one.
        wait_for_completion: Succeed only when the run has ended in one of ``allowed_states``.
        allowed_states: States of the run that let this task succeed.
        failed_states: States of the run that fail this task.
        poke_interval: Seconds between two looks at the run.
        deferrable: Give the worker's place back while waiting.
        note: A note kept with the run.
        run_after: The earliest moment at which it may start.
    """

    def __init__(
        self,
        *,
        trigger_dag_id: str,
        dag_run_id: str,
        conf: dict[str, Any] | None = None,
        logical_date: datetime | None = None,
        reset_dag_run: bool = False,
        skip_when_already_exists: bool = False,
        wait_for_completion: bool = False,
        allowed_states: Sequence[str] = ("success",),
        failed_states: Sequence[str] = ("failed",),
        poke_interval: float = 60,
        deferrable: bool = False,
        note: str | None = None,
        run_after: datetime | None = None,
    ) -> None:
        super().__init__(f"Makes run '{dag_run_id}' of Dag '{trigger_dag_id}'")
        self.trigger_dag_id = trigger_dag_id
        self.dag_run_id = dag_run_id
        self.conf = conf
        self.logical_date = logical_date
        self.reset_dag_run = reset_dag_run
        self.skip_when_already_exists = skip_when_already_exists
        self.wait_for_completion = wait_for_completion
        self.allowed_states = [str(getattr(state, "value", state)) for state in allowed_states]
        self.failed_states = [str(getattr(state, "value", state)) for state in failed_states]
        self.poke_interval = poke_interval
        self.deferrable = deferrable
        self.note = note
        self.run_after = run_after


class DagIsPaused(AirflowException):
    """A Dag that must not be paused is."""

    def __init__(self, dag_id: str) -> None:
        super().__init__(f"Dag '{dag_id}' is paused")
        self.dag_id = dag_id


class DownstreamTasksSkipped(AirflowException):
    """Raised by a task: it succeeded, and these tasks below it are to be skipped."""

    def __init__(self, *, tasks: Sequence[str | tuple[str, int]]) -> None:
        super().__init__(tasks)
        self.tasks = tasks


class AirflowOptionalProviderFeatureException(AirflowException):
    """A part of a provider needs a package that is not installed."""


class AirflowDagCycleException(AirflowException):
    """The tasks of a Dag depend on each other in a circle."""


class AirflowTimetableInvalid(AirflowException):
    """A schedule cannot be read."""


class DagNotFound(AirflowNotFoundException):
    """There is no Dag of that id."""


class TaskNotFound(AirflowNotFoundException):
    """The Dag has no task of that id."""


class TaskItemNotFound(TaskNotFound, KeyError):
    """The Dag has no task of that id, asked for in square brackets."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class DuplicateTaskIdFound(AirflowException):
    """Two tasks or groups of one Dag have the same id."""


class TaskAlreadyInTaskGroup(AirflowException):
    """A task was added to a second task group."""


class FailFastDagInvalidTriggerRule(AirflowException):
    """A ``fail_fast`` Dag has a task with another trigger rule than all_success."""


class ParamValidationError(AirflowException):
    """A Param's value does not fit its schema."""


class XComNotFound(AirflowException):
    """A task asked for a key that its upstream never pushed."""

    def __init__(self, dag_id: str, task_id: str, key: str) -> None:
        super().__init__(dag_id, task_id, key)
        self.dag_id = dag_id
        self.task_id = task_id
        self.key = key

    def __str__(self) -> str:
        return f"Task '{self.task_id}' of Dag '{self.dag_id}' pushed no XCom '{self.key}'"


class XComForMappingNotPushed(AirflowException, TypeError):
    """A task is mapped over a value that its upstream never pushed."""


class UnmappableXComTypePushed(AirflowException, TypeError):
    """A task is mapped over a value that is neither a list nor a dict."""


class UnmappableXComLengthPushed(AirflowException):
    """A task is mapped over a value with more items than ``max_map_length``."""


class AirflowInactiveAssetInInletOrOutletException(AirflowFailException):
    """A task names assets that are not active; trying again is of no use."""

    def __init__(self, inactive_asset_keys: Collection[Any]) -> None:
        super().__init__(f"These assets are not active: {', '.join(map(str, inactive_asset_keys))}")
        self.inactive_asset_keys = inactive_asset_keys


class DeserializingResultError(ValueError):
    """What a function run by another interpreter returned cannot be read here."""


class TaskAlreadyRunningError(AirflowException):
    """The task instance is at work elsewhere."""


class TaskInstanceNotFound(AirflowNotFoundException):
    """There is no such task instance."""


class DagRunNotFound(AirflowNotFoundException):
    """There is no such run."""


class DagRunAlreadyExists(AirflowBadRequest):
    """The Dag has a run of that id or date."""

    status_code = 409


class PoolNotFound(AirflowNotFoundException):
    """There is no pool of that name."""


class AirflowClusterPolicyError(AirflowException):
    """A policy refuses something."""


class AirflowClusterPolicyViolation(AirflowClusterPolicyError):
    """A task or Dag breaks a rule: its file is refused, with this sentence."""


class AirflowClusterPolicySkipDag(AirflowException):
    """A Dag is to be left out, as if its file did not have it."""


class UnsupportedArgument(AirflowException):
    """An argument of the field that has no effect here, and whose absence would change results."""


class RemovedInAirflow4Warning(DeprecationWarning):
    """Something that still works and will go."""


class AirflowProviderDeprecationWarning(DeprecationWarning):
    """Something of a provider package that still works and will go."""
