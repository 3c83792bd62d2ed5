"""One run in memory: its instances, and counters of how those above each task stand.

``DagPlan`` is what a Dag version says, worked out once and shared by all its runs. ``RunGraph`` is
one run; events are folded into it at a cost of the out-degree of the task that moved, whatever the
size of the run. What follows from the counters is decided in ``drive``.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from heapq import heappush

import msgspec

from tradewind.core.mapping import map_index_of
from tradewind.core.readiness import (
    CLASS_OF,
    CLASSES,
    FAILED,
    PENDING,
    REMOVED,
    RULES,
    UPSTREAM_FAILED,
    Rule,
)
from tradewind.core.scopes import leaf_tasks, scope_gates, upstream_without
from tradewind.core.spec import DagSpec, MapAxis, TaskSpec
from tradewind.core.states import (
    TASK_MOVES,
    TIMED,
    IllegalMoveError,
    RunState,
    TaskState,
    check_run_move,
    check_task_move,
)


class Instance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task instance of a run, as its row tells it: what a graph is loaded from."""

    task_id: str
    map_path: str = ""
    state: TaskState = TaskState.NONE
    try_number: int = 0
    max_tries: int = 0
    wake_at: datetime | None = None
    pushed: tuple[tuple[str, int | None], ...] = ()
    """Keys pushed that a mapping waits for, with their lengths; see ``DagPlan.awaited_keys``."""
    skips: tuple[str, ...] = ()
    """Tasks that this branch chose to skip."""


class DagPlan:
    """What one Dag version says about every run of it, with tasks as small numbers.

    Args:
        spec: The Dag version.
        present: Ids of the tasks that have an instance in the run; all of them when None. The
            edges of one that has none are bridged: what it waited for, those below it wait for.

    Raises:
        ValueError: A task has an unknown trigger rule.
    """

    __slots__ = (
        "awaited",
        "axes",
        "dag_id",
        "downstream",
        "fail_fast",
        "gate_downstream",
        "gated",
        "held_by_past",
        "ignorable",
        "index",
        "leaf",
        "rules",
        "setup_downstream",
        "tasks",
        "teardown",
        "timeout",
        "upstream",
    )

    def __init__(self, spec: DagSpec, present: Iterable[str] | None = None) -> None:
        chosen = None if present is None else frozenset(present)
        self.dag_id = spec.dag_id
        self.fail_fast = spec.fail_fast
        self.timeout = (
            None
            if spec.dagrun_timeout_seconds is None
            else timedelta(seconds=spec.dagrun_timeout_seconds)
        )
        edges = upstream_without(spec.tasks, chosen)
        self.tasks: tuple[TaskSpec, ...] = tuple(t for t in spec.tasks if t.task_id in edges)
        self.index = {task.task_id: number for number, task in enumerate(self.tasks)}
        self.upstream: tuple[tuple[int, ...], ...] = tuple(
            tuple(sorted(self.index[up] for up in edges[task.task_id])) for task in self.tasks
        )
        self.downstream = _inverse(self.upstream)
        self.rules: tuple[Rule, ...] = tuple(_rule_of(task) for task in self.tasks)
        self.teardown = tuple(t.trigger_rule == "all_done_setup_success" for t in self.tasks)
        self.ignorable = tuple(t.is_teardown and not t.on_failure_fail_dagrun for t in self.tasks)
        self.leaf = leaf_tasks(self.tasks, self.downstream)
        self.setup_downstream = _inverse(
            tuple(
                tuple(up for up in ups if self.tasks[up].is_setup) if teardown else ()
                for ups, teardown in zip(self.upstream, self.teardown, strict=True)
            )
        )
        gates = scope_gates(self.tasks, self.upstream, self.downstream)
        self.gated = tuple(bool(gate) for gate in gates)
        self.gate_downstream = _inverse(gates)
        self.axes: tuple[tuple[MapAxis, ...] | None, ...] = tuple(
            None if task.mapping is None else task.mapping.axes for task in self.tasks
        )
        self.awaited = _awaited(self.tasks)
        self.held_by_past: tuple[str, ...] = tuple(
            t.task_id for t in self.tasks if t.depends_on_past or t.wait_for_downstream
        )

    def awaited_keys(self, task_id: str) -> frozenset[str]:
        """Answer the XCom keys of this task that some mapping takes its length from."""
        return self.awaited.get(task_id, frozenset())


def _rule_of(task: TaskSpec) -> Rule:
    if task.trigger_rule not in RULES:
        raise ValueError(f"Task '{task.task_id}' has no trigger rule '{task.trigger_rule}'")
    return RULES[task.trigger_rule]


def _inverse(edges: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    turned: list[list[int]] = [[] for _ in edges]
    for number, targets in enumerate(edges):
        for target in targets:
            turned[target].append(number)
    return tuple(tuple(row) for row in turned)


def _awaited(tasks: tuple[TaskSpec, ...]) -> dict[str, frozenset[str]]:
    keys: dict[str, set[str]] = {}
    for task in tasks:
        for axis in () if task.mapping is None else task.mapping.axes:
            if axis.task_id is not None:
                keys.setdefault(axis.task_id, set()).add(axis.key)
    return {task_id: frozenset(names) for task_id, names in keys.items()}


class Node:
    """One task instance in a graph. Read it freely; only the graph changes it."""

    __slots__ = ("max_tries", "path", "pushed", "skips", "state", "task", "try_number", "wake_at")

    def __init__(self, task: int, path: str, max_tries: int) -> None:
        self.task = task
        self.path = path
        self.state = TaskState.NONE
        self.try_number = 0
        self.max_tries = max_tries
        self.wake_at: datetime | None = None
        self.pushed: tuple[tuple[str, int | None], ...] = ()
        self.skips: tuple[str, ...] = ()


class RunGraph:
    """One run: nodes by (task id, map path), and counters kept by folding.

    Owned by one thread. ``seq`` is the number of the last event folded; whoever writes the run
    writes ``WHERE seq = graph.seq`` and throws the graph away on a miss.

    Attributes:
        seq: Number of the last event folded or decided.
        state: Of the run.
        counts: For each task, its upstream instances by how they ended.
        own: For each task, its own instances by how they ended.
        waiting: For each task, its instances in state none.
        scheduled: For each task, its instances in state scheduled.
        unfinished: Instances that have not ended.
        idle: Instances in state none: of the unfinished, those that nobody works on.
        failed_leaves: Instances of leaves that fail the run.
        failures: Failed instances that stop a ``fail_fast`` run.
    """

    __slots__ = (
        "by_task",
        "counts",
        "deadline",
        "failed_leaves",
        "failures",
        "gates",
        "idle",
        "nodes",
        "own",
        "past",
        "past_held",
        "plan",
        "queue",
        "queued",
        "scheduled",
        "seq",
        "setups",
        "skip_marks",
        "state",
        "stop_due",
        "timers",
        "unfinished",
        "waiting",
    )

    def __init__(self, plan: DagPlan, state: RunState = RunState.QUEUED, seq: int = 0) -> None:
        size = len(plan.tasks)
        self.plan = plan
        self.state = state
        self.seq = seq
        self.nodes: dict[tuple[str, str], Node] = {}
        self.by_task: list[list[Node]] = [[] for _ in range(size)]
        self.counts: list[list[int]] = [[0] * CLASSES for _ in range(size)]
        self.own: list[list[int]] = [[0] * CLASSES for _ in range(size)]
        self.setups: list[list[int]] = [[0] * CLASSES if t else [] for t in plan.teardown]
        self.gates: list[list[int]] = [[0] * CLASSES if g else [] for g in plan.gated]
        self.waiting = [0] * size
        self.scheduled = [0] * size
        self.unfinished = 0
        self.idle = 0
        self.failed_leaves = 0
        self.failures = 0
        self.skip_marks: dict[int, set[tuple[int, str]]] = {}
        self.past: dict[int, bool | None] = {plan.index[t]: None for t in plan.held_by_past}
        self.past_held: set[int] = set()
        self.queue: deque[int] = deque()
        self.queued = bytearray(size)
        self.timers: list[tuple[datetime, int, str]] = []
        self.deadline: datetime | None = None
        self.stop_due = False

    @classmethod
    def start(cls, plan: DagPlan, seq: int = 0) -> "RunGraph":
        """Answer the graph of a new run: every task of the plan has one instance in state none."""
        return cls.load(
            plan,
            [Instance(task_id=task.task_id, max_tries=task.retry.retries) for task in plan.tasks],
            seq=seq,
        )

    @classmethod
    def load(
        cls,
        plan: DagPlan,
        instances: Iterable[Instance],
        *,
        state: RunState = RunState.QUEUED,
        seq: int = 0,
        start_date: datetime | None = None,
    ) -> "RunGraph":
        """Answer the graph of a run as its rows tell it; equal to folding its log from the start.

        Instances of tasks that are not in the plan are left out; their order does not matter.
        """
        graph = cls(plan, state, seq)
        for instance in instances:
            task = plan.index.get(instance.task_id)
            if task is not None:
                graph._restore(task, instance)
        for nodes in graph.by_task:
            if len(nodes) > 1:
                nodes.sort(key=lambda node: map_index_of(node.path))
        graph._start_clock(start_date)
        # A crash may lie between any event and what follows from it: look at all that could move.
        for task in range(len(plan.tasks)):
            if graph.waiting[task] or graph.scheduled[task]:
                graph.touch(task)
        # So too the stop of a fail-fast run, though what a person cleared since, beside a failure
        # that stands, is stopped again.
        graph.stop_due = plan.fail_fast and graph.failures > 0
        return graph

    def snapshot(self) -> list[Instance]:
        """Answer the instances as rows would tell them, by task and path."""
        return [
            Instance(
                task_id=self.plan.tasks[node.task].task_id,
                map_path=node.path,
                state=node.state,
                try_number=node.try_number,
                max_tries=node.max_tries,
                wake_at=node.wake_at,
                pushed=node.pushed,
                skips=node.skips,
            )
            for nodes in self.by_task
            for node in nodes
        ]

    def node(self, task_id: str, map_path: str = "") -> Node:
        """Answer one node.

        Raises:
            KeyError: The run has no such instance.
        """
        return self.nodes[task_id, map_path]

    def set_past(self, task_id: str, ok: bool | None) -> None:
        """Say whether earlier runs let this task go on; None while that is not known yet.

        Not an event: it is a fact of other runs, said again after each load.
        """
        task = self.plan.index[task_id]
        self.past[task] = ok
        self.touch(task)

    def touch(self, task: int) -> None:
        """Have the next decision look at this task."""
        if not self.queued[task]:
            self.queued[task] = 1
            self.queue.append(task)

    def hasten(self, task_id: str, path: str, moment: datetime) -> None:
        """Let a wait end at this moment: the one it was given is not to be waited for."""
        node = self.node(task_id, path)
        if node.wake_at is not None and moment < node.wake_at:
            node.wake_at = moment
            heappush(self.timers, (moment, node.task, path))

    def move(self, node: Node, new: TaskState, try_number: int, wake_at: datetime | None) -> None:
        """Move one node and keep every counter right: O(out-degree of its task).

        Raises:
            IllegalMoveError: The table does not hold the move.
        """
        old = node.state
        if new not in TASK_MOVES[old]:
            check_task_move(old, new)
        task = node.task
        node.state = new
        node.try_number = try_number
        node.wake_at = wake_at
        if old is TaskState.NONE:
            self.waiting[task] -= 1
            self.idle -= 1
        elif old is TaskState.SCHEDULED:
            self.scheduled[task] -= 1
        if new is TaskState.NONE:
            self.waiting[task] += 1
            self.idle += 1
            self.touch(task)
        elif new is TaskState.SCHEDULED:
            self.scheduled[task] += 1
            if old is not TaskState.NONE:
                # Given back or resumed: what is above may have been cleared since it started.
                self.touch(task)
        elif new in TIMED and wake_at is not None:
            heappush(self.timers, (wake_at, task, node.path))
        before, after = CLASS_OF[old], CLASS_OF[new]
        if before != after:
            self._recount(task, before, after)

    def _recount(self, task: int, before: int, after: int) -> None:
        plan = self.plan
        own = self.own[task]
        own[before] -= 1
        own[after] += 1
        if before == PENDING:
            self.unfinished -= 1
        elif after == PENDING:
            self.unfinished += 1
        if plan.leaf[task]:
            self.failed_leaves += (after in _FAILING) - (before in _FAILING)
        if not plan.ignorable[task]:
            self.failures += (after == FAILED) - (before == FAILED)
            if after == FAILED and plan.fail_fast:
                self.stop_due = True
        queued, queue, counts = self.queued, self.queue, self.counts
        for below in plan.downstream[task]:
            row = counts[below]
            row[before] -= 1
            row[after] += 1
            if not queued[below]:
                queued[below] = 1
                queue.append(below)
        for below in plan.setup_downstream[task]:
            row = self.setups[below]
            row[before] -= 1
            row[after] += 1
        for below in plan.gate_downstream[task]:
            row = self.gates[below]
            row[before] -= 1
            row[after] += 1
            self.touch(below)

    def expand(self, task: int, length: int) -> None:
        """Give a mapped task that many instances, in state none: O(new ones + out-degree).

        Raises:
            ValueError: It has that many already.
        """
        nodes = self.by_task[task]
        spec = self.plan.tasks[task]
        if len(nodes) == 1 and not nodes[0].path:
            first = nodes[0]
            del self.nodes[spec.task_id, ""]
            first.path = "0"
            self.nodes[spec.task_id, "0"] = first
        elif length <= len(nodes):
            raise ValueError(f"Task '{spec.task_id}' has {len(nodes)} instances already")
        for index in range(len(nodes), length):
            self._add(Node(task, str(index), spec.retry.retries))
        self.touch(task)

    def move_run(self, old: RunState, new: RunState, at: datetime) -> None:
        """Move the run; entering ``running`` starts its clock and looks at the first tasks.

        Raises:
            IllegalMoveError: The table does not hold the move, or the run is not in ``old``.
        """
        if old is not self.state:
            raise IllegalMoveError(f"The run is {self.state}, not {old}")
        check_run_move(old, new)
        self.state = new
        if new is RunState.RUNNING:
            self._start_clock(at)
        else:
            self.deadline = None

    def remember(
        self, node: Node, pushed: tuple[tuple[str, int | None], ...], skips: tuple[str, ...]
    ) -> None:
        """Keep what a success said to those below: lengths, and what a branch skips."""
        self._mark_skips(node, add=False)
        awaited = self.plan.awaited.get(self.plan.tasks[node.task].task_id)
        node.pushed = tuple(pair for pair in pushed if pair[0] in awaited) if awaited else ()
        node.skips = skips
        self._mark_skips(node, add=True)

    def _mark_skips(self, node: Node, *, add: bool) -> None:
        mark = (node.task, node.path)
        for task_id in node.skips:
            task = self.plan.index.get(task_id)
            if task is None:
                continue
            if add:
                self.skip_marks.setdefault(task, set()).add(mark)
            else:
                self.skip_marks.get(task, set()).discard(mark)
            self.touch(task)

    def _start_clock(self, start: datetime | None) -> None:
        timeout = self.plan.timeout
        running = self.state is RunState.RUNNING
        self.deadline = start + timeout if running and start and timeout else None

    def _restore(self, task: int, instance: Instance) -> None:
        node = Node(task, instance.map_path, instance.max_tries)
        self._add(node)
        # A row is believed: it may stand where no single move from none leads.
        state = instance.state
        node.try_number = instance.try_number
        node.wake_at = instance.wake_at
        if state is not TaskState.NONE:
            node.state = state
            self.waiting[task] -= 1
            self.idle -= 1
            self.scheduled[task] += state is TaskState.SCHEDULED
            if state in TIMED and instance.wake_at is not None:
                heappush(self.timers, (instance.wake_at, task, node.path))
            if CLASS_OF[state] != PENDING:
                self._recount(task, PENDING, CLASS_OF[state])
        self.remember(node, instance.pushed, instance.skips)

    def _add(self, node: Node) -> None:
        task, plan = node.task, self.plan
        self.by_task[task].append(node)
        self.nodes[plan.tasks[task].task_id, node.path] = node
        self.waiting[task] += 1
        self.idle += 1
        self.unfinished += 1
        self.own[task][PENDING] += 1
        for below in plan.downstream[task]:
            self.counts[below][PENDING] += 1
        for below in plan.setup_downstream[task]:
            self.setups[below][PENDING] += 1
        for below in plan.gate_downstream[task]:
            self.gates[below][PENDING] += 1

    def mapped_length(self, task: int) -> int | None:
        """Answer how many instances a mapped task should have now; None while that is not known.

        Only sensible when the tasks it is mapped over have succeeded.
        """
        length = 1
        axes = self.plan.axes[task] or ()
        for axis in axes:
            size = axis.length if axis.task_id is None else self._pushed_length(axis)
            if size is None:
                return None
            length *= size
        return length if axes else 0

    def _pushed_length(self, axis: MapAxis) -> int | None:
        source = self.plan.index.get(axis.task_id or "")
        if source is None:
            return None
        nodes = self.by_task[source]
        if self.plan.axes[source] is not None:
            # Over a mapped task: one item for each of its instances that pushed.
            return sum(any(key == axis.key for key, _ in node.pushed) for node in nodes)
        return next((size for key, size in nodes[0].pushed if key == axis.key), None)

    def live_instances(self, task: int) -> int:
        """Answer how many expanded instances a mapped task has, those removed left out."""
        nodes = self.by_task[task]
        if len(nodes) == 1 and not nodes[0].path:
            return 0
        return len(nodes) - self.own[task][REMOVED]


_FAILING = frozenset({FAILED, UPSTREAM_FAILED})
