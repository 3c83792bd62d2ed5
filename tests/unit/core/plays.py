"""Plays one run to its end, for tests: each task ends as told, as the core starts them."""

from collections.abc import Mapping
from datetime import UTC, datetime

from tradewind.core.drive import decide, fold
from tradewind.core.events import Event, RunMoved, TaskMoved
from tradewind.core.graph import RunGraph
from tradewind.core.plan import DagPlan
from tradewind.core.spec import DagSpec, MapAxis, MapSpec, TaskSpec
from tradewind.core.states import RunState, TaskState

NOW = datetime(2026, 5, 1, tzinfo=UTC)
S, F, K, U = TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED


def a_task(task_id: str, *upstream: str, **more: object) -> TaskSpec:
    return TaskSpec(task_id=task_id, operator="o", upstream=upstream, **more)  # type: ignore[arg-type]


def a_dag(*tasks: TaskSpec, **more: object) -> DagSpec:
    return DagSpec(dag_id="d", file="d.py", tasks=tasks, **more)  # type: ignore[arg-type]


def over(*axes: int | str) -> MapSpec:
    return MapSpec(
        axes=tuple(
            MapAxis(name=f"x{n}", length=axis)
            if isinstance(axis, int)
            else MapAxis(name=f"x{n}", task_id=axis)
            for n, axis in enumerate(axes)
        )
    )


class Played:
    """A run that was started; ``tell`` and ``end`` let things happen in it."""

    def __init__(self, spec: DagSpec) -> None:
        self.graph = RunGraph.start(DagPlan(spec))
        self.log: list[Event] = []
        self.tell(RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=NOW))

    def tell(self, event: Event, now: datetime = NOW) -> list[Event]:
        fold(self.graph, self.graph.seq + 1, event)
        decided = decide(self.graph, now)
        self.log += [event, *decided]
        return decided

    def decide(self, now: datetime = NOW) -> list[Event]:
        decided = decide(self.graph, now)
        self.log += decided
        return decided

    def move(self, task_id: str, new: TaskState, path: str = "", **more: object) -> list[Event]:
        node = self.graph.node(task_id, path)
        event = TaskMoved(
            task_id=task_id,
            map_path=path,
            old=node.state,
            new=new,
            try_number=node.try_number,
            **more,  # type: ignore[arg-type]
        )
        return self.tell(event)

    def run(self, task_id: str, path: str = "") -> None:
        self.move(task_id, TaskState.QUEUED, path)
        self.move(task_id, TaskState.RUNNING, path)

    def end(self, task_id: str, new: TaskState, path: str = "", **more: object) -> list[Event]:
        """Run an instance that is scheduled to its end."""
        self.run(task_id, path)
        return self.move(task_id, new, path, **more)

    def states(self) -> dict[str, TaskState]:
        return {
            task_id + (f"[{path}]" if path else ""): node.state
            for (task_id, path), node in self.graph.nodes.items()
        }


def play(spec: DagSpec, ends: Mapping[str, TaskState] | None = None) -> Played:
    """Play a run to its end; a task that is not told about succeeds."""
    played = Played(spec)
    while played.graph.state is RunState.RUNNING:
        ready = [node for node in played.graph.nodes.values() if node.state is TaskState.SCHEDULED]
        assert ready, played.states()
        task_id = spec.tasks[ready[0].task].task_id
        played.end(task_id, (ends or {}).get(task_id, S), ready[0].path)
    return played
