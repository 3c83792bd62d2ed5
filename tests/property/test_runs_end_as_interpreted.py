"""Random Dags end on the real engine as a slow interpreter says, whatever the order of things."""

import sys
from datetime import UTC, datetime, timedelta
from random import Random

from tests.property.interpreter import fate_of, inside, interpret
from tests.property.random_runs import Fate, random_dag
from tradewind.core.drive import decide, fold, next_wake
from tradewind.core.events import Event, RunMoved, TaskMoved
from tradewind.core.graph import RunGraph
from tradewind.core.nodes import Node
from tradewind.core.plan import DagPlan
from tradewind.core.spec import DagSpec
from tradewind.core.states import RunState, TaskState

START = datetime(2026, 5, 1, tzinfo=UTC)
DAGS = 2_000


class Loop:
    """The thinnest loop there is around the core: things end in a random order."""

    def __init__(self, spec: DagSpec, fate: Fate, rng: Random) -> None:
        self.spec = spec
        self.fate = fate
        self.rng = rng
        self.plan = DagPlan(spec)
        self.graph = RunGraph.start(self.plan)
        self.now = START
        self.ready: list[tuple[str, str]] = []

    def run(self) -> RunGraph:
        self.tell(RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=START))
        for _ in range(100_000):
            if self.graph.state is not RunState.RUNNING:
                return self.graph
            if self.ready and self.rng.random() < 0.9:
                self.step()
            elif (wake := next_wake(self.graph)) is not None:
                self.now = max(self.now, wake)
                self.take(decide(self.graph, self.now))
            else:
                assert self.ready, f"stuck: {self.graph.snapshot()}"
            if self.rng.random() < 0.02:
                self.reload()
        raise AssertionError("the run does not end")

    def tell(self, event: Event) -> None:
        fold(self.graph, self.graph.seq + 1, event)
        self.take(decide(self.graph, self.now))

    def take(self, decided: list[Event]) -> None:
        for event in decided:
            if isinstance(event, TaskMoved) and event.new is TaskState.SCHEDULED:
                self.ready.append((event.task_id, event.map_path))

    def step(self) -> None:
        place = self.rng.randrange(len(self.ready))
        self.ready[place], self.ready[-1] = self.ready[-1], self.ready[place]
        node = self.graph.nodes.get(self.ready.pop())
        if node is None or node.state is not TaskState.SCHEDULED:
            return
        self.move(node, TaskState.QUEUED)
        self.move(node, TaskState.RUNNING)
        name, path, tried = self.plan.tasks[node.task].task_id, node.path, node.try_number
        end = self.fate.end(name, path, tried)
        if end == "s":
            pushed = tuple(self.fate.pushes(name, path, tried).items())
            self.move(
                node, TaskState.SUCCESS, pushed=pushed, skips=self.fate.skips(name, path, tried)
            )
        elif end == "k":
            self.move(node, TaskState.SKIPPED)
        elif tried <= node.max_tries:
            self.move(node, TaskState.UP_FOR_RETRY, wake_at=self.now + timedelta(seconds=1))
        else:
            self.move(node, TaskState.FAILED)

    def move(self, node: Node, new: TaskState, **more: object) -> None:
        name = self.plan.tasks[node.task].task_id
        moved = TaskMoved(
            task_id=name,
            map_path=node.path,
            old=node.state,
            new=new,
            try_number=node.try_number,
            **more,  # type: ignore[arg-type]
        )
        self.tell(moved)

    def reload(self) -> None:
        old = self.graph
        self.graph = RunGraph.load(
            self.plan,
            old.snapshot(),
            state=old.state,
            seq=old.seq,
            start_date=START,
            retries=old.retries,
        )
        self.take(decide(self.graph, self.now))


def differences(
    found: dict[tuple[str, str], TaskState], due: dict[tuple[str, str], TaskState]
) -> list[object]:
    """Answer where two ends differ.

    Instances that were removed do not count, and what stands for instances that were not made
    stands for all that an earlier try had made in its place.
    """
    there = {key: state for key, state in found.items() if state is not TaskState.REMOVED}
    wrong: list[object] = []
    known = set()
    for (name, path), state in due.items():
        mine = {key for key in there if key[0] == name and inside(key[1], path)}
        known |= mine
        if not mine or any(there[key] is not state for key in mine):
            wrong.append(((name, path), state, {key[1]: there[key] for key in mine}))
    return wrong + [(key, "ought not to be", there[key]) for key in there.keys() - known]


def check(seed: int) -> None:
    """Hold one random Dag's end on the engine against the interpreter's."""
    spec = random_dag(Random(seed))
    due, fails = interpret(spec, seed)
    graph = Loop(spec, fate_of(spec, seed), Random(seed + 1)).run()
    found = {key: node.state for key, node in graph.nodes.items()}
    wrong = differences(found, due)
    assert not wrong, f"seed {seed}: (instance, ought, is) {wrong}"
    assert (graph.state is RunState.FAILED) == fails, f"seed {seed}: the run is {graph.state}"


def test_runs_end_as_interpreted() -> None:
    for seed in range(DAGS):
        check(seed)


if __name__ == "__main__":
    first, number = int(sys.argv[1]), int(sys.argv[2])
    for one in range(first, first + number):
        try:
            check(one)
        except Exception as fault:  # noqa: BLE001 - each fault is told, and the rest is looked at
            print(f"seed {one}: {str(fault)[:1500] or fault!r}")  # noqa: T201
    print(f"{number} Dags from {first} on")  # noqa: T201
