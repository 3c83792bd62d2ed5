"""What one Dag version says about all its runs: edges, rules, levels of mapping, retried groups.

Worked out once, with tasks, levels and retried groups as small numbers. A *level* is one mapping:
of a group, over all tasks in it, or of a single task. An instance's path has one number for each
level around it; what a task below sees of one above are the instances that share with it the
levels that both are in.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from tradewind.core.readiness import RULES, Rule
from tradewind.core.scopes import leaf_tasks, scope_gates, skip_gates, upstream_without
from tradewind.core.spec import DagSpec, MapAxis, RetrySpec, TaskSpec


class Level(NamedTuple):
    """One mapping."""

    name: str
    """Id of the group or task that is mapped."""
    is_group: bool
    around: tuple[int, ...]
    """The levels around it, outermost first."""
    axes: tuple[MapAxis, ...]
    members: tuple[int, ...]
    """Tasks that get instances by it."""


class RetriedGroup(NamedTuple):
    """A group that is tried again as a whole."""

    name: str
    retry: RetrySpec
    depth: int
    """Levels of mapping that each try of it lies in, its own counted."""
    parent: int
    """The retried group around it, or -1."""
    members: tuple[int, ...]
    leaves: frozenset[int]
    """Tasks in it whose failure is the group's."""


class Tell(NamedTuple):
    """One listener of a task: where each instance of it is counted."""

    row: int
    depth: int
    """Levels of mapping that both share: which row of the listener it is."""
    holder: int
    """The retried group whose end it is told at, or -1: told at once."""


class DagPlan:
    """What one Dag version says about every run of it.

    Rows of counts are numbered: ``row_of[kind][task]`` answers which row a task's verdict reads,
    ``targets[row]`` what is to be looked at when it changes: a task, or ``len(tasks)`` plus a
    level, and behind these the retried groups.

    Args:
        spec: The Dag version.
        present: Ids of the tasks that have an instance in the run; all of them when None. The
            edges of one that has none are bridged: what it waited for, those below it wait for.

    Raises:
        ValueError: A task has an unknown trigger rule.
    """

    def __init__(self, spec: DagSpec, present: Iterable[str] | None = None) -> None:
        chosen = None if present is None else frozenset(present)
        self.dag_id = spec.dag_id
        self.fail_fast = spec.fail_fast
        self.run_retry = spec.run_retry
        seconds = spec.dagrun_timeout_seconds
        self.timeout = None if seconds is None else timedelta(seconds=seconds)
        edges = upstream_without(spec.tasks, chosen)
        self.tasks: tuple[TaskSpec, ...] = tuple(t for t in spec.tasks if t.task_id in edges)
        self.index = {task.task_id: number for number, task in enumerate(self.tasks)}
        self.upstream: tuple[tuple[int, ...], ...] = tuple(
            tuple(sorted(self.index[up] for up in edges[task.task_id])) for task in self.tasks
        )
        self.downstream = inverse(self.upstream)
        self.rules: tuple[Rule, ...] = tuple(_rule_of(task) for task in self.tasks)
        self.teardown = tuple(t.trigger_rule == "all_done_setup_success" for t in self.tasks)
        self.ignorable = tuple(t.is_teardown and not t.on_failure_fail_dagrun for t in self.tasks)
        self.leaf = leaf_tasks(self.tasks, self.downstream)
        self.held_by_past: tuple[str, ...] = tuple(
            t.task_id for t in self.tasks if t.depends_on_past or t.wait_for_downstream
        )
        self._number_levels(spec)
        self._number_retried(spec)
        self._number_rows()
        self.awaited = self._awaited()

    def _number_levels(self, spec: DagSpec) -> None:
        """Number the mappings: those of groups first, outer before inner, then those of tasks."""
        self.groups_of: tuple[tuple[str, ...], ...] = tuple(
            _groups_around(spec, task.group) for task in self.tasks
        )
        levels: list[Level] = []
        self.level_of_group: dict[str, int] = {}
        named = sorted(spec.groups, key=lambda name: len(_groups_around(spec, name)))
        for name in named:
            mapping = spec.groups[name].mapping
            members = tuple(n for n, groups in enumerate(self.groups_of) if name in groups)
            if mapping is None or not members:
                # Without a task in it, a group has no instances that could tell its length.
                continue
            above = _groups_around(spec, spec.groups[name].parent)
            around = tuple(self.level_of_group[g] for g in above if g in self.level_of_group)
            self.level_of_group[name] = len(levels)
            levels.append(Level(name, True, around, mapping.axes, members))
        self.around: tuple[tuple[int, ...], ...] = tuple(
            tuple(self.level_of_group[g] for g in groups if g in self.level_of_group)
            for groups in self.groups_of
        )
        own: list[int] = []
        for number, task in enumerate(self.tasks):
            own.append(-1 if task.mapping is None else len(levels))
            if task.mapping is not None:
                around = self.around[number]
                levels.append(Level(task.task_id, False, around, task.mapping.axes, (number,)))
        self.levels = tuple(levels)
        self.own_level = tuple(own)
        self.chain: tuple[tuple[int, ...], ...] = tuple(
            around if mine < 0 else (*around, mine)
            for around, mine in zip(self.around, own, strict=True)
        )
        inner: list[list[int]] = [[] for _ in levels]
        for number, level in enumerate(levels):
            if level.around:
                inner[level.around[-1]].append(number)
        self.inner_levels = tuple(map(tuple, inner))

    def _number_retried(self, spec: DagSpec) -> None:
        """Number the groups that are tried again as a whole, inner before outer."""
        retried: list[str] = []
        for name, group in spec.groups.items():
            if group.retry is not None and group.retry.retries > 0:
                retried.append(name)
        retried.sort(key=lambda name: -len(_groups_around(spec, name)))
        found: list[RetriedGroup] = []
        for name in retried:
            groups = _groups_around(spec, name)
            parents = [retried.index(g) for g in groups[:-1] if g in retried]
            members = tuple(n for n, mine in enumerate(self.groups_of) if name in mine)
            inside = frozenset(members)
            retry = spec.groups[name].retry
            assert retry is not None  # noqa: S101 - chosen above
            found.append(
                RetriedGroup(
                    name=name,
                    retry=retry,
                    depth=sum(g in self.level_of_group for g in groups),
                    parent=parents[-1] if parents else -1,
                    members=members,
                    leaves=frozenset(n for n in members if self._ends_group(n, inside)),
                )
            )
        self.retried = tuple(found)
        self.retried_of: tuple[tuple[int, ...], ...] = tuple(
            tuple(n for n, group in enumerate(found) if task in group.members)
            for task in range(len(self.tasks))
        )

    def _ends_group(self, task: int, inside: frozenset[int]) -> bool:
        below = (n for n in self.downstream[task] if n in inside)
        return not self.ignorable[task] and all(self.tasks[n].is_teardown for n in below)

    def _number_rows(self) -> None:
        tasks = range(len(self.tasks))
        self.targets: list[int] = []
        self._tells: list[list[Tell]] = [[] for _ in tasks]
        self.depths: list[tuple[int, ...]] = []
        self.counts_row = [self._row(n, self.around[n], n, self.upstream[n]) for n in tasks]
        self.setups_row = [self._setups_row(n) for n in tasks]
        mapped = tuple(map(bool, self.around))
        gates = scope_gates(self.tasks, self.upstream, self.downstream, mapped)
        self.gates_row = [
            self._row(n, self.around[n], n, gates[n]) if gates[n] else -1 for n in tasks
        ]
        skippers = skip_gates(self.tasks, self.upstream, self.downstream)
        self.skippers_row = [
            self._row(n, self.around[n], n, skippers[n]) if skippers[n] else -1 for n in tasks
        ]
        self.level_sources: tuple[tuple[str, ...], ...] = tuple(
            tuple(sorted({task_id for axis in level.axes for task_id, _ in axis.sources()}))
            for level in self.levels
        )
        self.level_row = [self._level_row(number) for number in range(len(self.levels))]
        self.sources_row = [-1 if own < 0 else self.level_row[own] for own in self.own_level]
        self.tells: tuple[tuple[Tell, ...], ...] = tuple(map(tuple, self._tells))
        # What counts for the run is held back by the outermost retried group around a task.
        self.run_holder = tuple(mine[-1] if mine else -1 for mine in self.retried_of)

    def _row(
        self, target: int, around: tuple[int, ...], inside: int, sources: Iterable[int]
    ) -> int:
        """Number a row in which these tasks are counted, as seen from within these levels."""
        row = len(self.targets)
        self.targets.append(target)
        depths: set[int] = set()
        for source in sources:
            depth = _shared(around, self.around[source])
            holders = [g for g in self.retried_of[source] if g not in self.retried_of[inside]]
            self._tells[source].append(Tell(row, depth, holders[-1] if holders else -1))
            depths.add(depth)
        self.depths.append(tuple(sorted(depths)))
        return row

    def _setups_row(self, task: int) -> int:
        if not self.teardown[task]:
            return -1
        setups = [up for up in self.upstream[task] if self.tasks[up].is_setup]
        return self._row(task, self.around[task], task, setups)

    def _level_row(self, number: int) -> int:
        level = self.levels[number]
        sources = {self.index[s] for s in self.level_sources[number] if s in self.index}
        target = len(self.tasks) + number if level.is_group else level.members[0]
        return self._row(target, level.around, level.members[0], sorted(sources))

    def retried_inside(self, name: str) -> frozenset[str]:
        """Answer the retried groups in this one; with an empty id, all."""
        if not name:
            return frozenset(group.name for group in self.retried)
        found = {name}
        for group in reversed(self.retried):
            if group.parent >= 0 and self.retried[group.parent].name in found:
                found.add(group.name)
        return frozenset(found - {name})

    def _awaited(self) -> dict[str, frozenset[str]]:
        keys: dict[str, set[str]] = {}
        for level in self.levels:
            for axis in level.axes:
                for task_id, key in axis.sources():
                    keys.setdefault(task_id, set()).add(key)
        return {task_id: frozenset(names) for task_id, names in keys.items()}

    def awaited_keys(self, task_id: str) -> frozenset[str]:
        """Answer the XCom keys of this task that some mapping takes its length from."""
        return self.awaited.get(task_id, frozenset())

    def shared(self, task: int, other: int) -> int:
        """Answer how many mapped groups two tasks are in together."""
        return _shared(self.around[task], self.around[other])

    def shared_depth(self, level: int, task: int) -> int:
        """Answer how many levels around this mapping the task is in too."""
        return _shared(self.levels[level].around, self.around[task])


def _groups_around(spec: DagSpec, group: str) -> tuple[str, ...]:
    """Answer the groups from the outermost to this one."""
    found: list[str] = []
    while group and group in spec.groups:
        found.append(group)
        group = spec.groups[group].parent
    return tuple(reversed(found))


def _shared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    depth = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        depth += 1
    return depth


def _rule_of(task: TaskSpec) -> Rule:
    if task.trigger_rule not in RULES:
        raise ValueError(f"Task '{task.task_id}' has no trigger rule '{task.trigger_rule}'")
    return RULES[task.trigger_rule]


def inverse(edges: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    """Answer the same edges, followed the other way."""
    turned: list[list[int]] = [[] for _ in edges]
    for number, targets in enumerate(edges):
        for target in targets:
            turned[target].append(number)
    return tuple(tuple(row) for row in turned)
