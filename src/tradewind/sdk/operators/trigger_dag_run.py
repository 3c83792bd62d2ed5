"""Making runs of other Dags."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tradewind.core.runs import RunType, run_id_of
from tradewind.protocol.questions import DagView, GetDag
from tradewind.sdk.clock import utcnow
from tradewind.sdk.configuration import conf as settings
from tradewind.sdk.exceptions import (
    AirflowException,
    DagIsPaused,
    DagNotFound,
    DagRunTriggerException,
)
from tradewind.sdk.host import ask
from tradewind.sdk.operator import BaseOperator
from tradewind.sdk.sentinels import NOTSET, is_arg_set
from tradewind.sdk.timezone import parse


class TriggerDagRunOperator(BaseOperator):
    """Makes a run of a Dag, and may wait for how that ends; pushes its id as ``trigger_run_id``.

    Args:
        trigger_dag_id: The Dag to run.
        trigger_run_id: Id of the run; without, one is made of its date.
        conf: Conf of the run, JSON.
        logical_date: The date the run is for, as a datetime or in ISO form; the present moment
            when nothing is given, none when None is.
        run_after: The earliest moment at which it may start.
        reset_dag_run: Where there is such a run already, let it start over.
        wait_for_completion: Succeed only when the run has ended in one of ``allowed_states``.
        poke_interval: Seconds between two looks at the run.
        allowed_states: States of the run that let this task succeed: ``success``.
        failed_states: States of the run that fail this task: ``failed``.
        skip_when_already_exists: Where there is such a run already, skip this task.
        fail_when_dag_is_paused: Fail where the Dag is paused, rather than let the run wait.
        note: A note kept with the run.
        deferrable: Give the worker's place back while waiting.

    Example:
        >>> from tradewind import DAG
        >>> with DAG("month_end", schedule="@monthly"):
        ...     task = TriggerDagRunOperator(
        ...         task_id="close", trigger_dag_id="close_books", conf={"month": "{{ ds }}"}
        ...     )
        >>> task.trigger_dag_id
        'close_books'
    """

    template_fields: Sequence[str] = (
        "trigger_dag_id",
        "trigger_run_id",
        "logical_date",
        "run_after",
        "conf",
        "wait_for_completion",
        "skip_when_already_exists",
        "note",
    )
    template_fields_renderers: Mapping[str, str] = {"conf": "py"}
    ui_color = "#ffefeb"

    def __init__(
        self,
        *,
        trigger_dag_id: str,
        trigger_run_id: str | None = None,
        conf: dict[str, Any] | None = None,
        logical_date: Any = NOTSET,
        run_after: Any = NOTSET,
        reset_dag_run: bool = False,
        wait_for_completion: bool = False,
        poke_interval: float = 60,
        allowed_states: Sequence[str] | None = None,
        failed_states: Sequence[str] | None = None,
        skip_when_already_exists: bool = False,
        fail_when_dag_is_paused: bool = False,
        note: str | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.trigger_dag_id = trigger_dag_id
        self.trigger_run_id = trigger_run_id
        self.conf = conf
        self.logical_date = logical_date
        self.run_after = run_after
        self.reset_dag_run = reset_dag_run
        self.wait_for_completion = wait_for_completion
        self.poke_interval = poke_interval
        self.allowed_states = list(allowed_states) if allowed_states else ["success"]
        self.failed_states = ["failed"] if failed_states is None else list(failed_states)
        self.skip_when_already_exists = skip_when_already_exists
        self.fail_when_dag_is_paused = fail_when_dag_is_paused
        self.note = note
        if deferrable is None:
            deferrable = settings.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = deferrable

    def execute(self, context: Any) -> None:
        """Ask for the run.

        Raises:
            DagRunTriggerException: Always: the process that runs the task makes the run.
            DagIsPaused: The Dag is paused and must not be.
            AirflowException: ``conf`` is no JSON, or a date is not one.
        """
        try:
            json.dumps(self.conf)
        except (TypeError, ValueError) as error:
            raise AirflowException(f"conf of task '{self.task_id}' must be JSON: {error}") from None
        if self.fail_when_dag_is_paused:
            self._check_paused()
        date = self._moment("logical_date", utcnow())
        after = self._moment("run_after", None)
        run_id = self.trigger_run_id or run_id_of(
            RunType.OPERATOR_TRIGGERED, after or utcnow(), date
        )
        raise DagRunTriggerException(
            trigger_dag_id=self.trigger_dag_id,
            dag_run_id=str(run_id),
            conf=self.conf,
            logical_date=date,
            reset_dag_run=self.reset_dag_run,
            skip_when_already_exists=self.skip_when_already_exists,
            wait_for_completion=self.wait_for_completion,
            allowed_states=self.allowed_states,
            failed_states=self.failed_states,
            poke_interval=self.poke_interval,
            deferrable=self.deferrable,
            note=self.note,
            run_after=after,
        )

    def execute_complete(self, context: Any, event: tuple[str, dict[str, Any]]) -> None:
        """Go on when the run has ended.

        Raises:
            AirflowException: It ended in one of ``failed_states``.
        """
        facts = event[1]
        for run_id in facts["run_ids"]:
            if facts[run_id] in self.failed_states:
                raise AirflowException(
                    f"Run '{run_id}' of Dag '{self.trigger_dag_id}' ended in state "
                    f"'{facts[run_id]}'"
                )

    def _check_paused(self) -> None:
        found: DagView | None = ask(GetDag(dag_id=self.trigger_dag_id))
        if found is None:
            raise DagNotFound(f"There is no Dag '{self.trigger_dag_id}'")
        if found.is_paused:
            raise DagIsPaused(self.trigger_dag_id)

    def _moment(self, name: str, otherwise: datetime | None) -> datetime | None:
        value = getattr(self, name)
        if not is_arg_set(value):
            return otherwise
        if value is None or isinstance(value, datetime):
            return value
        try:
            return parse(str(value))
        except ValueError:
            raise AirflowException(
                f"{name} of task '{self.task_id}' is no date: {value!r}; write it as "
                "2026-04-20 or 2026-04-20T06:30:00+00:00"
            ) from None
