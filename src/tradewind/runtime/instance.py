"""The task instance and Dag run that user code sees in its context."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from tradewind.protocol.orders import RunFacts, TaskOrder
from tradewind.protocol.ports import TaskPort
from tradewind.runtime.xcoms import XComAccess


class DagRun:
    """The run a task belongs to; times are pendulum datetimes, made when they are asked for."""

    def __init__(self, facts: RunFacts, instant: Any) -> None:
        self._facts = facts
        self._instant = instant
        self.dag_id = facts.dag_id
        self.run_id = facts.run_id
        self.run_type = facts.run_type
        self.end_date: datetime | None = None
        self.clear_number = facts.clear_number
        self.conf: dict[str, Any] = dict(facts.conf)
        self.partition_key = facts.partition_key
        self.triggered_by = facts.triggered_by
        self.state = "running"

    @cached_property
    def logical_date(self) -> Any:
        """Answer the date the run is for, or None."""
        return self._instant(self._facts.logical_date)

    @cached_property
    def data_interval_start(self) -> Any:
        """Answer where the span of data the run is for begins, or None."""
        return self._instant(self._facts.data_interval_start)

    @cached_property
    def data_interval_end(self) -> Any:
        """Answer where the span of data the run is for ends, or None."""
        return self._instant(self._facts.data_interval_end)

    @cached_property
    def run_after(self) -> Any:
        """Answer the earliest moment the run could start."""
        return self._instant(self._facts.run_after)

    @cached_property
    def start_date(self) -> Any:
        """Answer when the run started."""
        return self._instant(self._facts.start_date)

    def __repr__(self) -> str:
        return f"<DagRun {self.dag_id} @ {self.run_id}>"


class RuntimeTaskInstance(XComAccess):
    """One try of a task, as user code sees it: ``context["ti"]``."""

    def __init__(self, order: TaskOrder, port: TaskPort, instant: Any) -> None:
        self.task_id = order.task_id
        self.dag_id = order.run.dag_id
        self.run_id = order.run.run_id
        self.map_index = order.map_index
        self.try_number = order.try_number
        self.max_tries = order.max_tries
        self.id = order.ti_id
        self.queue = order.queue
        self.pool = order.pool
        self.end_date: datetime | None = None
        self.state = "running"
        self._first_started_at = order.first_started_at
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
    def key(self) -> tuple[str, str, str, int, int]:
        """Answer what names this try."""
        return (self.dag_id, self.task_id, self.run_id, self.try_number, self.map_index)

    @property
    def dag_run(self) -> Any:
        """Answer the run."""
        return self._context["dag_run"]

    @property
    def log_url(self) -> str:
        """Answer where this try's log is shown, relative to Tradewind's address."""
        mapped = f"/mapped/{self.map_index}" if self.map_index >= 0 else ""
        return f"/dags/{self.dag_id}/runs/{self.run_id}/tasks/{self.task_id}{mapped}"

    @property
    def mark_success_url(self) -> str:
        """Answer where this try can be marked as successful."""
        return self.log_url

    @property
    def is_eligible_to_retry(self) -> bool:
        """Say whether a failure of this try is followed by another."""
        return self.try_number <= self.max_tries

    def bind(self, task: Any, context: Mapping[str, Any]) -> None:
        """Take the operator that runs and the context it runs in."""
        self.task = task
        self._context = context

    def get_template_context(self) -> Mapping[str, Any]:
        """Answer the context."""
        return self._context

    def get_dagrun(self) -> Any:
        """Answer the run."""
        return self.dag_run

    def choose_skips(self, task_ids: Iterable[str]) -> None:
        """Have tasks below skipped, if this try succeeds."""
        self.chosen_skips.extend(name for name in task_ids if name not in self.chosen_skips)

    def __repr__(self) -> str:
        index = f" map_index={self.map_index}" if self.map_index >= 0 else ""
        return f"<TaskInstance: {self.dag_id}.{self.task_id} {self.run_id}{index}>"
