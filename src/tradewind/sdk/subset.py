"""A part of a Dag as a Dag of its own, to look at it or to test it."""

import copy
import re
from collections.abc import Iterable
from typing import Any

from tradewind.sdk.group import TaskGroup


def subset_of(
    dag: Any,
    task_ids: str | re.Pattern[str] | Iterable[str],
    *,
    include_downstream: bool,
    include_upstream: bool,
    include_direct_upstream: bool,
    exclude_original: bool,
) -> Any:
    """Answer a copy of the Dag with these tasks and those around them that were asked for.

    Setups and teardowns of a task that is kept are kept with it.
    """
    chosen = _matching(dag, task_ids)
    kept = set() if exclude_original else set(chosen)
    for name in chosen:
        task = dag.get_task(name)
        if include_downstream:
            kept |= task.get_flat_relative_ids(upstream=False)
        if include_upstream:
            kept |= task.get_flat_relative_ids(upstream=True)
        elif include_direct_upstream:
            kept |= task.upstream_task_ids
    kept |= {extra for name in kept for extra in _around(dag, name)}
    return _copy_of(dag, kept)


def _matching(dag: Any, task_ids: str | re.Pattern[str] | Iterable[str]) -> list[str]:
    if isinstance(task_ids, str | re.Pattern):
        return [name for name in dag.task_dict if re.search(task_ids, name)]
    wanted = set(task_ids)
    return [name for name in dag.task_dict if name in wanted]


def _around(dag: Any, name: str) -> set[str]:
    """Answer the setups above a task, and the teardowns of those setups."""
    above = dag.get_task(name).get_flat_relative_ids(upstream=True)
    setups = {one for one in above if dag.get_task(one).is_setup}
    below = {one for setup in setups for one in dag.get_task(setup).downstream_task_ids}
    return setups | {one for one in below if dag.get_task(one).is_teardown}


def _copy_of(dag: Any, kept: set[str]) -> Any:
    twin = copy.copy(dag)
    twin.task_dict = {}
    twin.edge_info = copy.deepcopy(dag.edge_info)
    tasks = {name: copy.copy(dag.task_dict[name]) for name in dag.task_dict if name in kept}
    for name, task in tasks.items():
        task.upstream_task_ids = task.upstream_task_ids & kept
        task.downstream_task_ids = task.downstream_task_ids & kept
        task._dag = twin  # noqa: SLF001 - the setter refuses to move a task
        twin.task_dict[name] = task
    twin.task_group = _copy_group(dag.task_group, twin, tasks, None)
    return twin


def _copy_group(group: TaskGroup, dag: Any, tasks: dict[str, Any], parent: Any) -> TaskGroup:
    twin = copy.copy(group)
    twin.dag, twin.parent_group, twin.children = dag, parent, {}
    twin.used_ids = set() if parent is None else parent.used_ids
    for name, child in group.children.items():
        if isinstance(child, TaskGroup):
            made = _copy_group(child, dag, tasks, twin)
            if made.children:
                twin.children[name] = made
        elif name in tasks:
            tasks[name].task_group = twin
            twin.children[name] = tasks[name]
    twin.used_ids.update(twin.children)
    return twin
