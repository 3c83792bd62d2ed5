"""What a Dag's edges imply: bridges over missing tasks, leaves, and the scopes of setups."""

from collections.abc import Iterable, Sequence

from tradewind.core.readiness import EARLY_RULES
from tradewind.core.spec import TaskSpec

Edges = Sequence[Sequence[int]]


def upstream_without(
    tasks: Iterable[TaskSpec], present: frozenset[str] | None
) -> dict[str, frozenset[str]]:
    """Answer the upstream tasks of each task that is present, edges of absent ones bridged.

    What a task is mapped over counts as upstream of it, whether it is named so or not. A name that
    is no task of the Dag counts for nothing.

    Example:
        >>> a, b, c = (
        ...     TaskSpec(task_id=t, operator="o", upstream=u)
        ...     for t, u in (("a", ()), ("b", ("a",)), ("c", ("b",)))
        ... )
        >>> sorted(upstream_without([a, b, c], frozenset("ac"))["c"])
        ['a']
    """
    above = {task.task_id: _named_upstream(task) for task in tasks}
    here = above.keys() if present is None else above.keys() & present
    if len(here) == len(above):
        return {name: frozenset(ups & above.keys()) for name, ups in above.items()}
    answer: dict[str, frozenset[str]] = {}
    for name in above:
        if name not in here:
            continue
        found: set[str] = set()
        seen: set[str] = set()
        look = list(above[name] & above.keys())
        while look:
            up = look.pop()
            if up in here:
                found.add(up)
            elif up not in seen:
                seen.add(up)
                look.extend(above[up] & above.keys())
        answer[name] = frozenset(found)
    return answer


def _named_upstream(task: TaskSpec) -> set[str]:
    names = set(task.upstream)
    for axis in () if task.mapping is None else task.mapping.axes:
        names.update(task_id for task_id, _ in axis.sources())
    return names


def leaf_tasks(tasks: Sequence[TaskSpec], downstream: Edges) -> tuple[bool, ...]:
    """Answer for each task whether how it ends counts for the run.

    Teardowns below a task do not hide it; a teardown itself counts only when its failure is to
    fail the run.

    Example:
        >>> work = TaskSpec(task_id="work", operator="o")
        >>> down = TaskSpec(task_id="down", operator="o", upstream=("work",), is_teardown=True)
        >>> leaf_tasks([work, down], [(1,), ()])
        (True, False)
    """
    return tuple(
        all(tasks[below].is_teardown for below in downstream[number])
        and (not task.is_teardown or task.on_failure_fail_dagrun)
        for number, task in enumerate(tasks)
    )


def scope_gates(
    tasks: Sequence[TaskSpec],
    upstream: Edges,
    downstream: Edges,
    in_mapped_group: Sequence[bool] = (),
) -> tuple[tuple[int, ...], ...]:
    """Answer for each task the setups whose scope it is in without being right below them.

    The scope of a setup is what lies between it and its teardowns, or all below it when it has
    none. A setup is left out where a task above, in the same scope and under ``all_success`` as
    this one, brings the setup's end down anyway: a Dag of plain rules has no gates at all.

    Example:
        >>> setup, work, last = (
        ...     TaskSpec(task_id=name, operator="o", is_setup=name == "setup", trigger_rule=rule)
        ...     for name, rule in (
        ...         ("setup", "all_success"),
        ...         ("work", "all_success"),
        ...         ("last", "all_done"),
        ...     )
        ... )
        >>> scope_gates([setup, work, last], [(), (0,), (1,)], [(1,), (2,), ()])
        ((), (), (0,))
    """
    gates: list[list[int]] = [[] for _ in tasks]
    for setup, task in enumerate(tasks):
        if not task.is_setup:
            continue
        scope, _ = _scope(setup, tasks, upstream, downstream)
        for number in scope:
            if tasks[number].is_teardown or setup in upstream[number]:
                continue
            # What is in a mapped group may end by what the group is mapped over instead.
            telling = [up for up in upstream[number] if not any(in_mapped_group[up : up + 1])]
            if not _is_told(number, setup, scope, tasks, telling, upstream):
                gates[number].append(setup)
    return tuple(tuple(sorted(gate)) for gate in gates)


def _scope(
    setup: int, tasks: Sequence[TaskSpec], upstream: Edges, downstream: Edges
) -> tuple[set[int], list[int]]:
    """Answer what lies in the scope of a setup, and its teardowns."""
    scope = _reach(setup, downstream)
    teardowns = [below for below in downstream[setup] if tasks[below].is_teardown]
    if teardowns:
        above: set[int] = set()
        for teardown in teardowns:
            above |= _reach(teardown, upstream)
        scope &= above
    return scope, teardowns


def setup_scopes(
    tasks: Sequence[TaskSpec],
) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Answer for each setup the tasks in its scope, and its teardowns."""
    names = [task.task_id for task in tasks]
    place = {name: number for number, name in enumerate(names)}
    above = upstream_without(tasks, None)
    upstream = [sorted(place[up] for up in above[name]) for name in names]
    downstream: list[list[int]] = [[] for _ in tasks]
    for number, ups in enumerate(upstream):
        for up in ups:
            downstream[up].append(number)
    found: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    for number, task in enumerate(tasks):
        if task.is_setup:
            inside, teardowns = _scope(number, tasks, upstream, downstream)
            found[task.task_id] = (
                frozenset(names[one] for one in inside),
                frozenset(names[one] for one in teardowns),
            )
    return found


def skip_gates(
    tasks: Sequence[TaskSpec], upstream: Edges, downstream: Edges
) -> tuple[tuple[int, ...], ...]:
    """Answer for each task those that may choose to skip it and that it must wait for besides.

    A task is left out whose own rule lets it run only after the choice was made: so the order in
    which tasks end never decides whether a choice comes too late.

    Example:
        >>> choose, left, late = (
        ...     TaskSpec(task_id=name, operator="o", can_skip=skips, trigger_rule=rule)
        ...     for name, skips, rule in (
        ...         ("choose", "below", "all_success"),
        ...         ("left", "", "all_success"),
        ...         ("late", "", "all_done"),
        ...     )
        ... )
        >>> skip_gates([choose, left, late], [(), (0,), (1,)], [(1,), (2,), ()])
        ((), (), (0,))
    """
    gates: list[list[int]] = [[] for _ in tasks]
    for number, task in enumerate(tasks):
        if not task.can_skip:
            continue
        after: set[int] = set()
        reach = _reach(number, downstream) if task.can_skip == "below" else downstream[number]
        for below in sorted(reach):
            rule = tasks[below].trigger_rule
            if number in upstream[below]:
                waits = rule not in EARLY_RULES
            else:
                waits = rule == "all_success" and not after.isdisjoint(upstream[below])
            if not waits and not tasks[below].is_teardown:
                gates[below].append(number)
            if waits or not tasks[below].is_teardown:
                after.add(below)
    return tuple(map(tuple, gates))


def _is_told(
    number: int,
    setup: int,
    scope: set[int],
    tasks: Sequence[TaskSpec],
    telling: Iterable[int],
    upstream: Edges,
) -> bool:
    if tasks[number].trigger_rule != "all_success":
        return False
    return any(
        up in scope
        and not tasks[up].is_teardown
        and (tasks[up].trigger_rule == "all_success" or setup not in upstream[up])
        for up in telling
    )


def _reach(start: int, edges: Edges) -> set[int]:
    seen: set[int] = set()
    look = list(edges[start])
    while look:
        number = look.pop()
        if number not in seen:
            seen.add(number)
            look.extend(edges[number])
    return seen
