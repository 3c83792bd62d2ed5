"""Which deadlines watch which tasks of a Dag."""

from tradewind.core.deadlines import DeadlineSpec
from tradewind.core.spec import DagSpec

Owner = tuple[str, str]
"""``task`` or ``group``, and its id."""


def watched_tasks(spec: DagSpec) -> dict[str, tuple[Owner, ...]]:
    """Answer, for each task that a deadline of a task or group watches, whose deadlines those are.

    Example:
        >>> from tradewind.core.deadlines import QueuedAt
        >>> from tradewind.core.spec import TaskSpec
        >>> soon = DeadlineSpec(reference=QueuedAt())
        >>> load = TaskSpec(task_id="load", operator="o", deadlines=(soon,))
        >>> watched_tasks(DagSpec(dag_id="d", file="d.py", tasks=(load,)))
        {'load': (('task', 'load'),)}
    """
    found: dict[str, list[Owner]] = {}
    for task in spec.tasks:
        if task.deadlines:
            found.setdefault(task.task_id, []).append(("task", task.task_id))
    for group, told in spec.groups.items():
        for task_id in members(spec, ("group", group)) if told.deadlines else ():
            found.setdefault(task_id, []).append(("group", group))
    return {task_id: tuple(owners) for task_id, owners in found.items()}


def members(spec: DagSpec, owner: Owner) -> list[str]:
    """Answer the tasks that an owner's deadlines watch: itself, or all in the group."""
    kind, name = owner
    if kind == "task":
        return [name]
    return [task.task_id for task in spec.tasks if _is_within(spec, task.group, name)]


def deadlines_of(spec: DagSpec, owner: Owner) -> tuple[DeadlineSpec, ...]:
    """Answer an owner's deadlines; of the run itself for ``("run", "")``."""
    kind, name = owner
    if kind == "run":
        return spec.deadlines
    if kind == "group":
        return spec.groups[name].deadlines if name in spec.groups else ()
    return next((task.deadlines for task in spec.tasks if task.task_id == name), ())


def _is_within(spec: DagSpec, group: str, around: str) -> bool:
    while group and group != around:
        group = spec.groups[group].parent if group in spec.groups else ""
    return group == around
