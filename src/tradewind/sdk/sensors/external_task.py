"""Waiting for other Dags, and marking what other Dags wait for."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import quote

from tradewind.protocol.questions import DagParts, DagView, GetDag, GetDagParts
from tradewind.sdk.calling import determine_kwargs, merged_kwargs
from tradewind.sdk.deferring import Described, is_deferrable
from tradewind.sdk.enums import DagRunState, TaskInstanceState
from tradewind.sdk.exceptions import AirflowSkipException
from tradewind.sdk.external import Awaited, States, look
from tradewind.sdk.host import ask
from tradewind.sdk.operator_link import BaseOperatorLink
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.sensor import BaseSensorOperator
from tradewind.sdk.standard_exceptions import (
    DuplicateStateError,
    ExternalDagDeletedError,
    ExternalDagFailedError,
    ExternalDagNotFoundError,
    ExternalTaskFailedError,
    ExternalTaskGroupFailedError,
    ExternalTaskGroupNotFoundError,
    ExternalTaskNotFoundError,
)

_TRIGGER = "airflow.providers.standard.triggers.external_task.WorkflowTrigger"


class ExternalDagLink(BaseOperatorLink):
    """Leads to the Dag that is waited for."""

    name = "External DAG"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Answer where that Dag is shown."""
        return f"/dags/{quote(str(operator.external_dag_id), safe='')}"


class ExternalTaskSensor(BaseSensorOperator):
    """Waits for a run of another Dag, or for tasks or a task group in it.

    Which run: the one of the same logical date (of the moment this run was due, where it has
    none), unless ``execution_delta`` or ``execution_date_fn`` says otherwise.

    Args:
        external_dag_id: The Dag.
        external_task_id: A task of it to wait for, rather than for the run.
        external_task_ids: Several tasks.
        external_task_group_id: A task group.
        allowed_states: States that let this task succeed, once all is in one of them: ``success``.
        skipped_states: States that skip this task, as soon as one is seen.
        failed_states: States that fail this task, as soon as one is seen; without them it waits on.
        execution_delta: How much earlier the other run's logical date is.
        execution_date_fn: Answers the logical date, or several, of this run's; it may take keys of
            the context as arguments, too.
        check_existence: Fail at once where there is no such Dag, task or group.
        poll_interval: An older name for ``poke_interval``.
        deferrable: Give the worker's place back while waiting.

    Raises:
        DuplicateStateError: A state is to mean two things.
        ValueError: The arguments exclude each other, or a state is none.

    Example:
        >>> from datetime import timedelta
        >>> from tradewind import DAG
        >>> with DAG("report", schedule="@daily"):
        ...     wait = ExternalTaskSensor(
        ...         task_id="orders_are_in",
        ...         external_dag_id="orders",
        ...         external_task_id="load",
        ...         execution_delta=timedelta(hours=1),
        ...         failed_states=["failed", "upstream_failed"],
        ...         deferrable=True,
        ...     )
        >>> wait.allowed_states
        ['success']
    """

    template_fields: Sequence[str] = (
        "external_dag_id",
        "external_task_id",
        "external_task_ids",
        "external_task_group_id",
    )
    ui_color = "#e2ecf4"
    operator_extra_links = (ExternalDagLink(),)

    def __init__(
        self,
        *,
        external_dag_id: str,
        external_task_id: str | None = None,
        external_task_ids: Collection[str] | None = None,
        external_task_group_id: str | None = None,
        allowed_states: Iterable[str] | None = None,
        skipped_states: Iterable[str] | None = None,
        failed_states: Iterable[str] | None = None,
        execution_delta: timedelta | None = None,
        execution_date_fn: Callable[..., Any] | None = None,
        check_existence: bool = False,
        poll_interval: float | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        if poll_interval is not None:
            kwargs.setdefault("poke_interval", poll_interval)
        super().__init__(**kwargs)
        self.allowed_states = _names(allowed_states) or ["success"]
        self.skipped_states = _names(skipped_states)
        self.failed_states = _names(failed_states)
        self.external_dag_id = external_dag_id
        self.external_task_id = external_task_id
        self.external_task_ids: Any = external_task_ids or None
        self.external_task_group_id = external_task_group_id
        self.execution_delta = execution_delta
        self.execution_date_fn = execution_date_fn
        self.check_existence = check_existence
        self.deferrable = is_deferrable(deferrable)
        self.external_dates_filter: str | None = None
        """The logical dates waited for, for listeners."""
        self._check_choices()
        self._check_states()
        if external_task_id is not None:
            self.external_task_ids = [external_task_id]
        self._has_checked_existence = False

    def _check_choices(self) -> None:
        given = ("external_task_id", "external_task_ids", "external_task_group_id")
        names = [name for name in given if getattr(self, name) is not None]
        if len(names) > 1:
            raise ValueError(
                f"Task '{self.task_id}' takes one of {', '.join(given)}; it has "
                f"{' and '.join(names)}"
            )
        if self.execution_delta is not None and self.execution_date_fn is not None:
            raise ValueError(
                f"Task '{self.task_id}' takes execution_delta or execution_date_fn, not both"
            )

    def _check_states(self) -> None:
        states = [*self.allowed_states, *self.skipped_states, *self.failed_states]
        twice = sorted({state for state in states if states.count(state) > 1})
        if twice:
            raise DuplicateStateError(
                f"Task '{self.task_id}': {', '.join(twice)} can be in one of allowed_states, "
                "skipped_states and failed_states only"
            )
        of_run = self.external_task_id is None and not (
            self.external_task_ids or self.external_task_group_id
        )
        legal = [state.value for state in (DagRunState if of_run else TaskInstanceState)]
        strange = sorted(set(states) - set(legal))
        if strange:
            raise ValueError(
                f"Task '{self.task_id}': {', '.join(strange)} is no state of a "
                f"{'run' if of_run else 'task'}; there are {', '.join(legal)}"
            )

    @property
    def poll_interval(self) -> float:
        """Answer ``poke_interval``, by its older name."""
        return self.poke_interval

    def poke(self, context: Any) -> bool:
        """Look once.

        Raises:
            AirflowSkipException: One of ``skipped_states`` was seen, or of ``failed_states`` with
                ``soft_fail``.
            ExternalDagFailedError: The run is in one of ``failed_states``.
            ExternalTaskFailedError: A task is.
            ExternalTaskGroupFailedError: A task of the group is.
            ExternalDagNotFoundError: There is no such Dag.
        """
        what = self._what(context)
        self._check_existence(what)
        self.log.info("Looking at %s for %s", what, self.external_dates_filter)
        states = States(
            allowed=tuple(self.allowed_states),
            failed=tuple(self.failed_states),
            skipped=tuple(self.skipped_states),
        )
        return self._judge(what, look(what, states))

    def execute(self, context: Any) -> Any:
        """Wait here, or at a trigger.

        Raises:
            TaskDeferred: It waits at a trigger.
            AirflowSensorTimeout: It took too long.
        """
        if self.deferrable:
            self._defer(context)
        return super().execute(context)

    def _defer(self, context: Any) -> NoReturn:
        what = self._what(context)
        self._check_existence(what)
        given = {
            "external_dag_id": what.dag_id,
            "external_task_ids": list(what.task_ids) or None,
            "external_task_group_id": what.group_id,
            "logical_dates": list(what.logical_dates or ()),
            "allowed_states": self.allowed_states,
            "failed_states": self.failed_states,
            "skipped_states": self.skipped_states,
            "poke_interval": self.poke_interval,
            "soft_fail": self.soft_fail,
        }
        self.defer(
            trigger=Described(_TRIGGER, given),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> None:
        """Go on with what the trigger saw.

        Raises:
            AirflowSkipException: What is waited for was skipped, or failed with ``soft_fail``.
            ExternalDagFailedError: It failed, and likewise for a task or a group.
        """
        self._judge(self._what(context), (event or {}).get("status"))

    def _what(self, context: Any) -> Awaited:
        names = list(self.external_task_ids or ())
        if len(names) != len(set(names)):
            raise ValueError(f"Task '{self.task_id}': external_task_ids names a task twice")
        dates = tuple(self._dates(context))
        self.external_dates_filter = ",".join(date.isoformat() for date in dates)
        return Awaited(
            dag_id=self.external_dag_id,
            task_ids=tuple(names),
            group_id=self.external_task_group_id,
            logical_dates=dates,
        )

    def _dates(self, context: Any) -> list[datetime]:
        date: datetime = context.get("logical_date") or context["dag_run"].run_after
        if self.execution_delta is not None:
            return [date - self.execution_delta]
        if self.execution_date_fn is None:
            return [date]
        asked = merged_kwargs({"context": context}, context)
        kwargs = determine_kwargs(self.execution_date_fn, [date], asked)
        found = self.execution_date_fn(date, **kwargs)
        return list(found) if isinstance(found, list | tuple | set) else [found]

    def _judge(self, what: Awaited, status: str | None) -> bool:
        if status == "skipped":
            raise AirflowSkipException(f"{_upper(what)}: one of skipped_states was seen")
        if status == "failed":
            message = f"{_upper(what)}: one of failed_states was seen"
            if self.soft_fail:
                raise AirflowSkipException(f"{message}; skipped because of soft_fail")
            if what.task_ids:
                raise ExternalTaskFailedError(message)
            raise (ExternalTaskGroupFailedError if what.group_id else ExternalDagFailedError)(
                message
            )
        return status == "success"

    def _check_existence(self, what: Awaited) -> None:
        if not self.check_existence or self._has_checked_existence:
            return
        found: DagView | None = ask(GetDag(dag_id=what.dag_id))
        if found is None:
            raise ExternalDagNotFoundError(f"There is no Dag '{what.dag_id}'")
        if found.is_stale:
            raise ExternalDagDeletedError(f"Dag '{what.dag_id}' is gone from its file")
        if what.task_ids or what.group_id:
            parts: DagParts = ask(GetDagParts(dag_id=what.dag_id))
            missing = sorted(set(what.task_ids) - set(parts.task_ids))
            if missing:
                names = ", ".join(f"'{name}'" for name in missing)
                raise ExternalTaskNotFoundError(f"Dag '{what.dag_id}' has no task {names}")
            if what.group_id and what.group_id not in parts.group_ids:
                raise ExternalTaskGroupNotFoundError(
                    f"Dag '{what.dag_id}' has no task group '{what.group_id}'"
                )
        self._has_checked_existence = True


class ExternalTaskMarker(EmptyOperator):
    """Marks that a task of another Dag depends on this one; does nothing itself.

    A clear that reaches this task goes on to that one, and to what is below it.

    Args:
        external_dag_id: The other Dag.
        external_task_id: Its task, such as an ExternalTaskSensor.
        logical_date: The logical date of that task's run.
        recursion_depth: How many marks in a row a clear may follow.

    Raises:
        TypeError: ``logical_date`` is no date.
        ValueError: ``recursion_depth`` is not at least 1.
    """

    template_fields: Sequence[str] = ("external_dag_id", "external_task_id", "logical_date")
    ui_color = "#e2ecf4"
    operator_extra_links = (ExternalDagLink(),)

    def __init__(
        self,
        *,
        external_dag_id: str,
        external_task_id: str,
        logical_date: str | datetime | None = "{{ logical_date.isoformat() }}",
        recursion_depth: int = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(logical_date, str | datetime):
            raise TypeError(
                f"logical_date of task '{self.task_id}' must be a datetime or text, not "
                f"{type(logical_date).__name__}"
            )
        if recursion_depth < 1:
            raise ValueError(f"recursion_depth of task '{self.task_id}' must be at least 1")
        self.external_dag_id = external_dag_id
        self.external_task_id = external_task_id
        is_date = isinstance(logical_date, datetime)
        self.logical_date = logical_date.isoformat() if is_date else logical_date  # type: ignore[union-attr]
        self.recursion_depth = recursion_depth


def _names(states: Iterable[str] | None) -> list[str]:
    return [str(getattr(state, "value", state)) for state in states or ()]


def _upper(what: Awaited) -> str:
    text = str(what)
    return text[:1].upper() + text[1:]
