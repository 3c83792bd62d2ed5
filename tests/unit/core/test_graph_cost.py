"""What one completion costs, counted in looks at the graph's tables rather than in time."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.core.plays import NOW, S, a_dag, a_task, over
from tradewind.core.drive import decide, fold
from tradewind.core.events import Event, RunMoved, TaskMoved
from tradewind.core.graph import RunGraph
from tradewind.core.plan import DagPlan
from tradewind.core.spec import DagSpec
from tradewind.core.states import RunState, TaskState


class Counting(list):
    """A list that counts how often something in it is looked at."""

    looks = 0

    def __getitem__(self, place: Any) -> Any:
        Counting.looks += 1
        return super().__getitem__(place)

    def __iter__(self) -> Iterator:
        for item in super().__iter__():
            Counting.looks += 1
            yield item


class CountingDict(dict):
    """A dict that counts likewise."""

    def __getitem__(self, key: object) -> object:
        Counting.looks += 1
        return super().__getitem__(key)

    def values(self) -> Iterator:  # type: ignore[override]
        for item in super().values():
            Counting.looks += 1
            yield item


def started(spec: DagSpec) -> RunGraph:
    graph = RunGraph.start(DagPlan(spec))
    fold(graph, 1, RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=NOW))
    decide(graph, NOW)
    for table in ("by_task", "own", "rows", "cells"):
        setattr(graph, table, Counting(getattr(graph, table)))
    graph.nodes = CountingDict(graph.nodes)
    graph.by_task = Counting(Counting(nodes) for nodes in graph.by_task)
    graph.cells = Counting(CountingDict(cells) for cells in graph.cells)
    graph.rows = Counting(CountingDict(rows) for rows in graph.rows)
    for cells in list(graph.cells):
        for cell in cells.values():
            cell.nodes = Counting(cell.nodes)
    return graph


def looks_of_a_completion(spec: DagSpec, task_id: str, path: str = "") -> int:
    graph = started(spec)
    for old, new in (
        (TaskState.SCHEDULED, TaskState.QUEUED),
        (TaskState.QUEUED, TaskState.RUNNING),
    ):
        fold(graph, graph.seq + 1, moved(task_id, old, new, path))
        decide(graph, NOW)
    Counting.looks = 0
    fold(graph, graph.seq + 1, moved(task_id, TaskState.RUNNING, S, path))
    decide(graph, NOW)
    return Counting.looks


def moved(task_id: str, old: TaskState, new: TaskState, path: str = "") -> Event:
    return TaskMoved(task_id=task_id, map_path=path, old=old, new=new, try_number=1)


def wide(size: int) -> DagSpec:
    return a_dag(*(a_task(f"t{n}") for n in range(size)))


def deep(size: int) -> DagSpec:
    return a_dag(*(a_task(f"t{n}", *([f"t{n - 1}"] if n else [])) for n in range(size)))


def joined(size: int) -> DagSpec:
    roots = [f"t{n}" for n in range(size)]
    return a_dag(*(a_task(name) for name in roots), a_task("join", *roots))


def fan(size: int) -> DagSpec:
    return a_dag(a_task("t0"), *(a_task(f"t{n}", "t0") for n in range(1, size)))


@pytest.mark.parametrize("shape", [wide, deep, joined])
def test_a_completion_costs_the_same_in_a_run_a_thousand_times_the_size(shape: object) -> None:
    small = looks_of_a_completion(shape(10), "t0")  # type: ignore[operator]
    large = looks_of_a_completion(shape(10_000), "t0")  # type: ignore[operator]

    assert large == small
    assert large < 40


def test_a_completion_costs_by_the_out_degree() -> None:
    few = looks_of_a_completion(fan(10), "t0")
    many = looks_of_a_completion(fan(1_000), "t0")

    assert (many - few) / (1_000 - 10) < 12


def test_the_last_completion_finds_the_end_of_the_run_without_a_scan() -> None:
    def last(size: int) -> int:
        graph = started(wide(size))
        for number in range(size):
            for old, new in (
                (TaskState.SCHEDULED, TaskState.QUEUED),
                (TaskState.QUEUED, TaskState.RUNNING),
                (TaskState.RUNNING, S),
            ):
                Counting.looks = 0
                fold(graph, graph.seq + 1, moved(f"t{number}", old, new))
                decide(graph, NOW)
        assert graph.state is RunState.SUCCESS
        return Counting.looks

    assert last(10) == last(2_000)


def test_an_instance_of_a_mapped_task_costs_the_same_whatever_its_length() -> None:
    def one(length: int) -> int:
        mapped = a_task("m", mapping=over(length))
        return looks_of_a_completion(a_dag(mapped, a_task("z", "m")), "m", "0")

    assert one(5_000) == one(10)
