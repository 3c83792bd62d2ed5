"""What is left of a run that took place in this process."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from tradewind.core.graph import RunGraph
from tradewind.core.states import TaskState
from tradewind.protocol.child import Done
from tradewind.protocol.orders import RunFacts
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.dags import DAG
from tradewind.sdk.enums import DagRunState, TaskInstanceState
from tradewind.sdk.xcom import backend


class LocalTaskInstance:
    """How one task instance of a local run ended."""

    def __init__(self, run: "LocalRun", task_id: str, map_index: int) -> None:
        self._run = run
        self.dag_id = run.dag_id
        self.run_id = run.run_id
        self.task_id = task_id
        self.map_index = map_index
        self.state: TaskInstanceState | None = None
        self.try_number = 0
        self.error = ""
        """The exception that its last try ended with, in one line."""
        self.rendered_fields: dict[str, Any] = {}
        """What the templates of its last try became; those that are empty are left out."""
        self.rendered_map_index: str | None = None
        """Its ``map_index_template`` rendered."""
        self.extra_links: dict[str, str] = {}

    def take(self, done: Done) -> None:
        """Take what its last try left."""
        self.error = done.error
        self.rendered_fields = msgspec.json.decode(done.rendered) if done.rendered else {}
        self.rendered_map_index = done.map_label or None
        self.extra_links = dict(done.links)

    def xcom_pull(self, key: str = "return_value") -> Any:
        """Answer what this task instance pushed, or None."""
        raw = self._run.port.get_xcom(self.dag_id, self.run_id, self.task_id, key, self.map_index)
        return None if raw is None else backend().from_bytes(raw, key)

    def __repr__(self) -> str:
        index = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"<TaskInstance {self.task_id}{index}: {self.state}>"


class LocalRun:
    """A run that took place in this process."""

    def __init__(self, dag: DAG, facts: RunFacts, port: MemoryPort) -> None:
        self.dag = dag
        self.port = port
        self.dag_id = facts.dag_id
        self.run_id = facts.run_id
        self.run_type = facts.run_type
        self.run_after = facts.run_after
        self.logical_date = facts.logical_date
        self.data_interval_start = facts.data_interval_start
        self.data_interval_end = facts.data_interval_end
        self.conf = facts.conf
        self.state = DagRunState.RUNNING
        self.reason = ""
        self.start_date: datetime | None = facts.start_date
        self.end_date: datetime | None = None
        self._instances: dict[tuple[str, int], LocalTaskInstance] = {}

    def get_task_instances(self) -> list[LocalTaskInstance]:
        """Answer every task instance, in the order of the Dag, mapped ones by their index."""
        return list(self._instances.values())

    def get_task_instance(self, task_id: str, map_index: int = -1) -> LocalTaskInstance | None:
        """Answer one task instance, or None where the run has none of that id and index."""
        return self._instances.get((task_id, map_index))

    def record(self, graph: RunGraph, ends: Mapping[tuple[str, str], Done]) -> None:
        """Take the states as they are in the end."""
        for instance in graph.snapshot():
            index = instance.map_index
            found = LocalTaskInstance(self, instance.task_id, index)
            is_none = instance.state is TaskState.NONE
            found.state = None if is_none else TaskInstanceState(instance.state.value)
            found.try_number = instance.try_number
            done = ends.get((instance.task_id, instance.map_path))
            if done is not None:
                found.take(done)
            self._instances[instance.task_id, index] = found

    def __repr__(self) -> str:
        return f"<DagRun {self.dag_id} {self.run_id}: {self.state}>"
