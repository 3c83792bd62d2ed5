"""Where a task stands among mapped groups: what it sees of a task above it."""

from typing import Any


def mapped_groups(task: Any) -> tuple[Any, ...]:
    """Answer the mapped groups around a task or group, the outermost first."""
    found: list[Any] = []
    group = task.task_group
    while group is not None:
        if group.map_input is not None:
            found.append(group)
        group = group.parent_group
    return tuple(reversed(found))


def shared_depth(one: Any, other: Any) -> int:
    """Answer how many mapped groups two tasks are in together."""
    depth = 0
    for mine, others in zip(mapped_groups(one), mapped_groups(other), strict=False):
        if mine is not others:
            break
        depth += 1
    return depth
