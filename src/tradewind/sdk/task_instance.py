"""The task instance that user code sees in its context: one try of a task."""

import logging
import os
import pwd
import socket
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.ports import TaskPort
from tradewind.protocol.questions import (
    CountInstances,
    CountRuns,
    DagView,
    GetDag,
    GetInstances,
    GetPreviousInstance,
    GetPreviousRun,
    GetRun,
    GetStates,
    InstanceView,
    RunView,
)
from tradewind.sdk.dag_run import DagRun, several, text_of
from tradewind.sdk.exceptions import AirflowNotFoundException
from tradewind.sdk.host import ask
from tradewind.sdk.instance_key import TaskInstanceKey
from tradewind.sdk.levels import mapped_groups, shared_depth
from tradewind.sdk.xcom_access import XComAccess

_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


class RuntimeTaskInstance(XComAccess):
    """One try of a task, as user code sees it: ``context["ti"]``."""

    def __init__(self, order: TaskOrder, port: TaskPort, instant: Any) -> None:
        self.task_id = order.task_id
        self.dag_id = order.run.dag_id
        self.run_id = order.run.run_id
        self.map_index = order.map_index
        self.map_path = order.map_path
        self.try_number = order.try_number
        self.max_tries = order.max_tries
        self.id = order.ti_id
        self.queue = order.queue
        self.pool = order.pool
        self.end_date: datetime | None = None
        self.state = "running"
        self._first_started_at = order.first_started_at
        self._leg = order.leg
        self._instant = instant
        self.task: Any = None
        self.log = logging.getLogger("tradewind.task")
        self._port = port
        self._context: Mapping[str, Any] = {}
        self.chosen_skips: list[str] = []
        """Tasks below that this try chose to skip."""

    @cached_property
    def start_date(self) -> Any:
        """Answer when this try started, its former legs counted in."""
        return self._instant(self._first_started_at)

    @property
    def key(self) -> TaskInstanceKey:
        """Answer what names this try."""
        return TaskInstanceKey(
            self.dag_id, self.task_id, self.run_id, self.try_number, self.map_index
        )

    @property
    def hostname(self) -> str:
        """Answer the name of the machine this try runs on."""
        return socket.gethostname()

    @property
    def unixname(self) -> str:
        """Answer the user this try runs as."""
        return pwd.getpwuid(os.getuid()).pw_name

    @property
    def dag_run(self) -> Any:
        """Answer the run."""
        return self._context["dag_run"]

    @property
    def log_url(self) -> str:
        """Answer where this try's log is shown, relative to Tradewind's address."""
        mapped = f"/mapped/{self.map_index}" if self.map_index >= 0 else ""
        path = f"/dags/{quote(self.dag_id)}/runs/{quote(self.run_id)}/tasks/{quote(self.task_id)}"
        return f"{path}{mapped}?try_number={self.try_number}"

    @property
    def mark_success_url(self) -> str:
        """Answer where this try can be marked as successful."""
        return self.log_url

    @property
    def operator(self) -> str:
        """Answer the name of the operator's class."""
        return "" if self.task is None else str(self.task.task_type)

    @property
    def is_eligible_to_retry(self) -> bool:
        """Say whether a failure of this try is followed by another."""
        return self.try_number <= self.max_tries

    @property
    def duration(self) -> float | None:
        """Answer how many seconds this try took; None while it runs."""
        if self.start_date is None or self.end_date is None:
            return None
        return float((self.end_date - self.start_date).total_seconds())

    @property
    def logical_date(self) -> Any:
        """Answer the date the run is for, or None."""
        return self.dag_run.logical_date

    def bind(self, task: Any, context: Mapping[str, Any]) -> None:
        """Take the operator that runs and the context it runs in."""
        self.task = task
        self._context = context

    def get_template_context(self) -> Mapping[str, Any]:
        """Answer the context."""
        return self._context

    def render_templates(
        self, context: Mapping[str, Any] | None = None, jinja_env: Any | None = None
    ) -> Any:
        """Render the operator's template fields, in another context if one is given; answer it."""
        self.task.render_template_fields(context or self._context, jinja_env)
        return self.task

    def get_dagrun(self) -> Any:
        """Answer the run."""
        return self.dag_run

    def get_previous_dagrun(self, state: str | None = None) -> DagRun | None:
        """Answer the run before, the latest that is in the state if one is given; or None."""
        question = GetPreviousRun(dag_id=self.dag_id, run_id=self.run_id, state=text_of(state))
        view = self._port.ask(question)
        return None if view is None else DagRun(view)

    def get_previous_ti(
        self,
        state: str | None = None,
        logical_date: datetime | None = None,
        map_index: int = -1,
    ) -> InstanceView | None:
        """Answer this task's instance in the latest run before, or None.

        Args:
            state: The latest that is in this state.
            logical_date: Earlier than this date, rather than than this run.
            map_index: Of a mapped task, the instance of this index.
        """
        question = GetPreviousInstance(
            dag_id=self.dag_id,
            run_id=self.run_id,
            task_id=self.task_id,
            map_index=map_index,
            state=text_of(state),
            logical_date=logical_date,
        )
        found: InstanceView | None = self._port.ask(question)
        return found

    def get_first_reschedule_date(self, context: Mapping[str, Any] | None = None) -> Any:
        """Answer when this try first started, if it was rescheduled since; else None."""
        return self.start_date if self._leg > 1 else None

    @staticmethod
    def get_ti_count(
        dag_id: str,
        map_index: int | None = None,
        task_ids: Sequence[str] | None = None,
        task_group_id: str | None = None,
        logical_dates: Sequence[datetime] | None = None,
        run_ids: Sequence[str] | None = None,
        states: Sequence[str | None] | None = None,
    ) -> int:
        """Answer how many task instances of a Dag fit all that is given."""
        question = CountInstances(
            dag_id=dag_id,
            map_index=map_index,
            task_ids=several(task_ids),
            task_group_id=task_group_id,
            logical_dates=several(logical_dates),
            run_ids=several(run_ids),
            states=several(states),
        )
        return int(ask(question))

    @staticmethod
    def get_task_states(
        dag_id: str,
        map_index: int | None = None,
        task_ids: Sequence[str] | None = None,
        task_group_id: str | None = None,
        logical_dates: Sequence[datetime] | None = None,
        run_ids: Sequence[str] | None = None,
    ) -> dict[str, dict[str, str | None]]:
        """Answer by run id the states of tasks, a mapped instance's under ``task_index``."""
        question = GetStates(
            dag_id=dag_id,
            map_index=map_index,
            task_ids=several(task_ids),
            task_group_id=task_group_id,
            logical_dates=several(logical_dates),
            run_ids=several(run_ids),
        )
        found: dict[str, dict[str, str | None]] = ask(question)
        return found

    @staticmethod
    def get_task_breadcrumbs(dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Answer what has ended in a run so far: task, index, state, operator, seconds."""
        found: list[InstanceView] = ask(GetInstances(dag_id=dag_id, run_id=run_id))
        return [
            {
                "task_id": one.task_id,
                "map_index": one.map_index,
                "state": one.state,
                "operator": one.operator,
                "duration": one.duration,
            }
            for one in found
            if one.state in _ENDED
        ]

    @staticmethod
    def get_dr_count(
        dag_id: str,
        logical_dates: Sequence[datetime] | None = None,
        run_ids: Sequence[str] | None = None,
        states: Sequence[str] | None = None,
    ) -> int:
        """Answer how many runs of a Dag fit all that is given."""
        question = CountRuns(
            dag_ids=(dag_id,),
            logical_dates=several(logical_dates),
            run_ids=several(run_ids),
            states=several(states),
        )
        return int(ask(question))

    @staticmethod
    def get_dagrun_state(dag_id: str, run_id: str) -> str:
        """Answer the state of a run.

        Raises:
            AirflowNotFoundException: There is no such run.
        """
        found: RunView | None = ask(GetRun(dag_id=dag_id, run_id=run_id))
        if found is None:
            raise AirflowNotFoundException(f"Dag '{dag_id}' has no run '{run_id}'")
        return found.state

    @staticmethod
    def get_dag(dag_id: str) -> DagView:
        """Answer what is known of a Dag.

        Raises:
            AirflowNotFoundException: There is no such Dag.
        """
        found: DagView | None = ask(GetDag(dag_id=dag_id))
        if found is None:
            raise AirflowNotFoundException(f"There is no Dag '{dag_id}'")
        return found

    def get_relevant_upstream_map_indexes(
        self, upstream: Any, ti_count: int | None = None, *, session: Any = None
    ) -> int | range | None:
        """Answer which instance of a task in the same mapped group concerns this one; else None.

        None stands for all of them: those of a task outside the group, of one that is mapped
        itself, or deep inside groups within groups, where no number tells it.
        """
        depth = shared_depth(upstream, self.task)
        if not ti_count or depth == 0 or upstream.is_mapped:
            return None
        if len(mapped_groups(upstream)) != depth:
            return None
        if depth == 1:
            return int(self.map_path.split(".")[0])
        is_level = len(mapped_groups(self.task)) == depth and not self.task.is_mapped
        return self.map_index if is_level else None

    def choose_skips(self, task_ids: Iterable[str]) -> None:
        """Have tasks below skipped, if this try succeeds."""
        self.chosen_skips.extend(name for name in task_ids if name not in self.chosen_skips)

    def __repr__(self) -> str:
        index = f" map_index={self.map_index}" if self.map_index >= 0 else ""
        return f"<TaskInstance: {self.dag_id}.{self.task_id} {self.run_id}{index}>"


TaskInstance = RuntimeTaskInstance
"""The name authors annotate with."""
