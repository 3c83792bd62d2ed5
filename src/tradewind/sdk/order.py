"""The tasks of a Dag so that each comes after those it depends on."""

from heapq import heapify, heappop, heappush
from typing import Any

from tradewind.sdk.exceptions import AirflowDagCycleException


def topological_order(dag: Any) -> list[str]:
    """Answer the task ids in order, ties by id.

    Raises:
        AirflowDagCycleException: Tasks depend on each other in a circle; the message shows it.
    """
    waits = {name: len(task.upstream_task_ids) for name, task in dag.task_dict.items()}
    ready = [name for name, count in waits.items() if not count]
    heapify(ready)
    order: list[str] = []
    while ready:
        name = heappop(ready)
        order.append(name)
        for below in dag.task_dict[name].downstream_task_ids:
            waits[below] -= 1
            if not waits[below]:
                heappush(ready, below)
    if len(order) < len(waits):
        circle = " -> ".join(_find_circle(dag, set(waits) - set(order)))
        raise AirflowDagCycleException(f"Tasks of Dag '{dag.dag_id}' form a circle: {circle}")
    return order


def _find_circle(dag: Any, stuck: set[str]) -> list[str]:
    # Everything stuck has something stuck above it, so walking up must come back to itself.
    name = min(stuck)
    path: list[str] = []
    while name not in path:
        path.append(name)
        name = min(dag.task_dict[name].upstream_task_ids & stuck)
    return list(reversed([*path[path.index(name) :], name]))
