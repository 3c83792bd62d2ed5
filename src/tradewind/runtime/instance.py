"""The task instance and Dag run that user code sees in its context."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from tradewind.protocol.orders import RunFacts, TaskOrder
from tradewind.protocol.ports import TaskPort
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.references import XCOM_RETURN_KEY
from tradewind.sdk.sentinels import NOTSET, is_arg_set
from tradewind.sdk.serde import decode, encode, length_of


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


class LazyXComSequence(Sequence[Any]):
    """What the instances of a mapped task pushed, in the order of their map index."""

    __lazy_sequence__ = True

    def __init__(self, raw: list[tuple[int, bytes]]) -> None:
        self._raw = raw

    def __len__(self) -> int:
        return len(self._raw)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [decode(value) for _, value in self._raw[index]]
        return decode(self._raw[index][1])

    def __iter__(self) -> Iterator[Any]:
        return (decode(value) for _, value in self._raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"LazyXComSequence({len(self)} items)"


class RuntimeTaskInstance:
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

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value under a key of this task instance, for other tasks to pull.

        Raises:
            AirflowException: The value cannot be kept; the message says what in it.
        """
        self._port.push_xcom(key, encode(value), length_of(value))

    def xcom_pull(
        self,
        task_ids: str | Sequence[str] | None = None,
        dag_id: str | None = None,
        key: str = XCOM_RETURN_KEY,
        include_prior_dates: bool = False,
        *,
        map_indexes: Any = NOTSET,
        default: Any = None,
        run_id: str | None = None,
    ) -> Any:
        """Answer what a task pushed; for several task ids, a list; for a mapped task, a sequence.

        Without ``task_ids`` it is this task's own. ``map_indexes`` picks instances of a mapped
        task.

        Raises:
            AirflowException: Values of earlier runs were asked for.
        """
        if include_prior_dates:
            raise AirflowException("xcom_pull() reads one run; include_prior_dates is not possible")
        where = (dag_id or self.dag_id, run_id or self.run_id)
        if task_ids is None:
            index = map_indexes if is_arg_set(map_indexes) else self.map_index
            return self._pull_one(where, self.task_id, key, index, default)
        if isinstance(task_ids, str):
            return self._pull_one(where, task_ids, key, map_indexes, default)
        return [self._pull_one(where, name, key, map_indexes, default) for name in task_ids]

    def _pull_one(
        self, where: tuple[str, str], task_id: str, key: str, map_indexes: Any, default: Any
    ) -> Any:
        if isinstance(map_indexes, int):
            return self._read(where, task_id, key, map_indexes, default)
        if isinstance(map_indexes, Sequence):
            return [self._read(where, task_id, key, index, default) for index in map_indexes]
        if self._is_plain(where[0], task_id):
            return self._read(where, task_id, key, -1, default)
        pushed = self._port.get_xcoms(*where, task_id, key)
        if len(pushed) == 1 and pushed[0][0] == -1:
            return decode(pushed[0][1])
        if not pushed and not self._is_mapped(where[0], task_id):
            return default
        return LazyXComSequence(pushed)

    def _read(
        self, where: tuple[str, str], task_id: str, key: str, index: int, default: Any
    ) -> Any:
        raw = self._port.get_xcom(*where, task_id, key, index)
        return default if raw is None else decode(raw)

    def _task(self, dag_id: str, task_id: str) -> Any | None:
        dag = self.task.get_dag() if self.task is not None else None
        known = dag is not None and dag.dag_id == dag_id and dag.has_task(task_id)
        return dag.get_task(task_id) if dag is not None and known else None

    def _is_plain(self, dag_id: str, task_id: str) -> bool:
        task = self._task(dag_id, task_id)
        return task is not None and not task.is_mapped

    def _is_mapped(self, dag_id: str, task_id: str) -> bool:
        task = self._task(dag_id, task_id)
        return task is not None and task.is_mapped

    def __repr__(self) -> str:
        index = f" map_index={self.map_index}" if self.map_index >= 0 else ""
        return f"<TaskInstance: {self.dag_id}.{self.task_id} {self.run_id}{index}>"
