"""One run in memory: its instances, and counts of how those above each task stand.

``RunGraph`` is one run of a ``DagPlan``. Events are folded into it at a cost of the out-degree of
the task that moved, whatever the size of the run. What follows from the counts is decided in
``drive``.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from heapq import heappush

from tradewind.core.mapping import index_in_level, is_within, prefixes_of
from tradewind.core.nodes import Cell, GroupTry, Instance, Node, index_of, order_of
from tradewind.core.plan import DagPlan
from tradewind.core.readiness import CLASS_OF, CLASSES, FAILED, PENDING, UPSTREAM_FAILED, Counts
from tradewind.core.states import (
    TASK_MOVES,
    TIMED,
    IllegalMoveError,
    RunState,
    TaskState,
    check_run_move,
    check_task_move,
)


class RunGraph:
    """One run: nodes by (task id, map path), and counters kept by folding.

    Owned by one thread. ``seq`` is the number of the last event folded; whoever writes the run
    writes ``WHERE seq = graph.seq`` and throws the graph away on a miss.

    Attributes:
        seq: Number of the last event folded or decided.
        state: Of the run.
        rows: Of each row of the plan its counts, by the path of the levels shared.
        own: For each task, its own instances by how they ended.
        sizes: Of each level, how many instances it was expanded to, by the path around it.
        live: Of each level the length as it is now, where that is known; not folded.
        groups: The tries of retried groups, by (number, path).
        retries: How often each group was tried again, by (id, path).
        unfinished: Instances that have not ended.
        idle: Instances in state none: of the unfinished, those that nobody works on.
        failed_leaves: Instances of leaves that fail the run.
        failures: Failed instances that stop a ``fail_fast`` run.
        doom: Why the run is to fail once all in it has ended; empty where it goes by its leaves.
    """

    def __init__(self, plan: DagPlan, state: RunState = RunState.QUEUED, seq: int = 0) -> None:
        size = len(plan.tasks)
        self.plan = plan
        self.state = state
        self.seq = seq
        self.nodes: dict[tuple[str, str], Node] = {}
        self.by_task: list[list[Node]] = [[] for _ in range(size)]
        self.cells: list[dict[str, Cell]] = [{} for _ in range(size)]
        self.rows: list[dict[str, list[int]]] = [{} for _ in plan.targets]
        self.own: list[list[int]] = [[0] * CLASSES for _ in range(size)]
        self.sizes: list[dict[str, int]] = [{} if lv.around else {"": 0} for lv in plan.levels]
        self.live: list[dict[str, int]] = [{} for _ in plan.levels]
        self.groups: dict[tuple[int, str], GroupTry] = {}
        self.retries: dict[tuple[str, str], int] = {}
        self.unfinished = 0
        self.idle = 0
        self.failed_leaves = 0
        self.failures = 0
        self.skip_marks: dict[int, dict[str, int]] = {}
        self.past: dict[int, bool | None] = {plan.index[t]: None for t in plan.held_by_past}
        self.past_held: set[tuple[int, str]] = set()
        self.queue: deque[tuple[int, str]] = deque()
        self.queued: set[tuple[int, str]] = set()
        self.levels_due: set[tuple[int, str]] = set()
        self.timers: list[tuple[datetime, int, str]] = []
        self.deadline: datetime | None = None
        self.stop_due = False
        self.doom = ""

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
        retries: Mapping[tuple[str, str], int] | None = None,
        doom: str = "",
    ) -> "RunGraph":
        """Answer the graph of a run as its rows tell it; equal to folding its log from the start.

        Instances of tasks that are not in the plan are left out; their order does not matter.
        """
        graph = cls(plan, state, seq)
        graph.doom = doom
        graph.retries.update(retries or {})
        known = [one for one in instances if one.task_id in plan.index]
        for instance in sorted(known, key=order_of):
            graph._restore(plan.index[instance.task_id], instance)
        for key in list(graph.groups):
            graph.check_group(key)
        graph._start_clock(start_date)
        # A crash may lie between any event and what follows from it: look at all that could move.
        for level, sizes in enumerate(graph.sizes):
            if plan.levels[level].is_group:
                for path in sizes:
                    graph.touch(len(plan.tasks) + level, path)
        for task, cells in enumerate(graph.cells):
            for cell in cells.values():
                if cell.waiting or cell.scheduled:
                    graph.touch(task, cell.path)
        # So too the stop of a fail-fast run, though what a person cleared since, beside a failure
        # that stands, is stopped again.
        graph.stop_due = plan.fail_fast and graph.failures > 0
        return graph

    def snapshot(self) -> list[Instance]:
        """Answer the instances as rows would tell them, by task and as they came to be."""
        return [
            Instance(
                task_id=self.plan.tasks[node.task].task_id,
                map_path=node.path,
                map_index=node.index,
                state=node.state,
                try_number=node.try_number,
                max_tries=node.max_tries,
                wake_at=node.wake_at,
                pushed=node.pushed,
                skips=node.skips,
                is_begun=node.is_begun,
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
        self.touch(task, "")

    def forget_past(self) -> None:
        """Ask about earlier runs anew: something in one of them that had ended starts over."""
        for task in self.past:
            self.past[task] = None

    def touch(self, target: int, path: str) -> None:
        """Have the next decision look at this target of the plan, at or below this path."""
        level = target - len(self.plan.tasks)
        if 0 <= level < len(self.live):
            self.levels_due.add((level, path))
            self._forget_lengths(level, path)
        elif (target, path) not in self.queued:
            self.queued.add((target, path))
            self.queue.append((target, path))

    def hasten(self, task_id: str, path: str, moment: datetime) -> None:
        """Let a wait end at this moment: the one it was given is not to be waited for."""
        node = self.node(task_id, path)
        if node.wake_at is not None and moment < node.wake_at:
            node.wake_at = moment
            heappush(self.timers, (moment, node.task, path))

    def _forget_lengths(self, level: int, path: str) -> None:
        live = self.live[level]
        for known in [path] if path in live else [p for p in live if is_within(p, path)]:
            del live[known]

    def row(self, number: int, prefixes: tuple[str, ...]) -> Counts:
        """Answer the counts of one row of the plan, as seen from an instance with this path."""
        rows = self.rows[number]
        depths = self.plan.depths[number]
        if len(depths) == 1:
            depth = depths[0]
            key = prefixes[depth] if depth < len(prefixes) else prefixes[-1]
            return rows.get(key, _NOTHING)
        keys = {prefixes[min(depth, len(prefixes) - 1)] for depth in depths}
        found = [rows[key] for key in keys if key in rows]
        return [sum(column) for column in zip(*found, strict=True)] if found else _NOTHING

    def cells_within(self, task: int, path: str) -> Iterable[Cell]:
        """Answer the cells of a task at or below a path."""
        cells = self.cells[task]
        if path in cells:
            return (cells[path],)
        return [cell for cell in cells.values() if is_within(cell.path, path)]

    def nodes_within(self, tasks: Iterable[int], path: str) -> Iterator[Node]:
        """Yield the instances of these tasks whose cells are at or below a path."""
        for task in tasks:
            for cell in self.cells_within(task, path):
                yield from list(cell.nodes)

    def touch_own(self, node: Node) -> None:
        """Have the next decision look at this instance."""
        level = self._undecided_level(node.task, node.cell)
        if level < 0:
            self.touch(node.task, node.cell.path)
        else:
            self.touch(len(self.plan.tasks) + level, node.cell.path)

    def _undecided_level(self, task: int, cell: Cell) -> int:
        around = self.plan.around[task]
        known = len(cell.prefixes) - 1
        return around[known] if known < len(around) else -1

    def move(
        self,
        node: Node,
        new: TaskState,
        try_number: int,
        wake_at: datetime | None,
        max_tries: int | None = None,
    ) -> None:
        """Move one node and keep every counter right: O(out-degree of its task).

        Raises:
            IllegalMoveError: The table does not hold the move.
        """
        old = node.state
        if new not in TASK_MOVES[old]:
            check_task_move(old, new)
        before, after = CLASS_OF[old], CLASS_OF[new]
        if after == PENDING and before != PENDING:
            self._take_back(node)
        node.state = new
        if new in _BEGINS:
            node.is_begun = True
        elif try_number != node.try_number:
            node.is_begun = False
        node.try_number = try_number
        node.wake_at = wake_at
        if max_tries is not None:
            node.max_tries = max_tries
        if old is TaskState.NONE:
            node.cell.waiting -= 1
            self.idle -= 1
        elif old is TaskState.SCHEDULED:
            node.cell.scheduled -= 1
        self._arrive(node, old, wake_at)
        if before != after:
            self._recount(node, before, after)

    def _arrive(self, node: Node, old: TaskState, wake_at: datetime | None) -> None:
        new = node.state
        if new is TaskState.NONE:
            node.cell.waiting += 1
            self.idle += 1
            self.touch_own(node)
        elif new is TaskState.SCHEDULED:
            node.cell.scheduled += 1
            if old is not TaskState.NONE:
                # Given back or resumed: what is above may have been cleared since it started.
                self.touch(node.task, node.cell.path)
        elif new in TIMED and wake_at is not None:
            heappush(self.timers, (wake_at, node.task, node.path))

    def _take_back(self, node: Node) -> None:
        """Forget what an instance that starts over said, and what its groups told as their end."""
        if node.pushed or node.skips:
            self.remember(node, (), ())
        for number in reversed(self.plan.retried_of[node.task]):
            key = (number, node.at(self.plan.retried[number].depth))
            if self.groups[key].settled:
                self._unsettle(key)

    def _recount(self, node: Node, before: int, after: int) -> None:
        task = node.task
        own = self.own[task]
        own[before] -= 1
        own[after] += 1
        if before == PENDING:
            self.unfinished -= 1
        elif after == PENDING:
            self.unfinished += 1
        retried = self.plan.retried_of[task]
        self._tell(node, before, after, -1)
        if not retried:
            self._count_for_run(task, before, after)
            return
        keys = self._groups_of(node)
        for key in keys:
            if self.groups[key].settled:
                self._tell(node, before, after, key[0])
        for key in keys:
            self._count_in_group(key, task, before, after)
        if before == PENDING:
            for key in keys:
                self.check_group(key)

    def _tell(self, node: Node, before: int, after: int, holder: int) -> None:
        """Move one node in the rows of those who hear of it through this holder."""
        rows, queued, targets = self.rows, self.queued, self.plan.targets
        for number, depth, held in self.plan.tells[node.task]:
            if held != holder:
                continue
            path = node.at(depth) if depth else ""
            row = rows[number].get(path)
            if row is None:
                row = rows[number][path] = [0] * CLASSES
            row[before] -= 1
            row[after] += 1
            # What follows from a row depends only on which of its counts are zero.
            if (not row[before] or row[after] == 1) and (targets[number], path) not in queued:
                self.touch(targets[number], path)
        if holder >= 0 and self.plan.run_holder[node.task] == holder:
            self._count_for_run(node.task, before, after)

    def _count_for_run(self, task: int, before: int, after: int) -> None:
        plan = self.plan
        if plan.leaf[task]:
            self.failed_leaves += (after in _FAILING) - (before in _FAILING)
        if not plan.ignorable[task]:
            self.failures += (after == FAILED) - (before == FAILED)
            if after == FAILED and plan.fail_fast:
                self.stop_due = True

    def _count_in_group(self, key: tuple[int, str], task: int, before: int, after: int) -> None:
        group = self.groups[key]
        group.unfinished += (after == PENDING) - (before == PENDING)
        if task in self.plan.retried[key[0]].leaves:
            group.failed_leaves += (after in _FAILING) - (before in _FAILING)
        if not self.plan.ignorable[task]:
            group.failed += (after == FAILED) - (before == FAILED)

    def _groups_of(self, node: Node) -> list[tuple[int, str]]:
        """Answer the tries of retried groups that an instance belongs to, the innermost first."""
        retried = self.plan.retried_of[node.task]
        return [(number, node.at(self.plan.retried[number].depth)) for number in retried]

    def check_group(self, key: tuple[int, str]) -> None:
        """Tell those outside how a group ended, once it has ended and no other try is due."""
        group = self.groups[key]
        if group.settled or group.unfinished or group.open:
            return
        if self.wants_retry(key):
            plan = self.plan
            self.touch(len(plan.tasks) + len(plan.levels) + key[0], key[1])
            return
        group.settled = True
        self._tell_all(key, told=True)
        parent = self.parent_of(key)
        if parent is not None:
            self.groups[parent].open -= 1
            self.check_group(parent)

    def wants_retry(self, key: tuple[int, str]) -> bool:
        """Answer whether a group whose instances have all ended is to be tried again."""
        group, retried = self.groups[key], self.plan.retried[key[0]]
        if not group.failed_leaves or not group.failed:
            return False
        if self.doom or (self.plan.fail_fast and self.failures):
            return False
        return self.retries.get((retried.name, key[1]), 0) < retried.retry.retries

    def parent_of(self, key: tuple[int, str]) -> tuple[int, str] | None:
        """Answer the try of the retried group around one, if there is one."""
        parent = self.plan.retried[key[0]].parent
        if parent < 0:
            return None
        prefixes = prefixes_of(key[1])
        return parent, prefixes[min(self.plan.retried[parent].depth, len(prefixes) - 1)]

    def _unsettle(self, key: tuple[int, str]) -> None:
        self.groups[key].settled = False
        self._tell_all(key, told=False)
        parent = self.parent_of(key)
        if parent is not None:
            self.groups[parent].open += 1

    def _tell_all(self, key: tuple[int, str], *, told: bool) -> None:
        for node in self.nodes_within(self.plan.retried[key[0]].members, key[1]):
            stands = CLASS_OF[node.state]
            if stands == PENDING:
                continue
            before, after = (PENDING, stands) if told else (stands, PENDING)
            self._tell(node, before, after, key[0])

    def count_retry(self, name: str, path: str, number: int) -> None:
        """Keep how often a group was tried again; those in it have all their tries anew."""
        inside = self.plan.retried_inside(name)
        for key in [k for k in self.retries if k[0] in inside and is_within(k[1], path)]:
            del self.retries[key]
        self.retries[name, path] = number

    def expand(self, level: int, path: str, first: int, length: int) -> None:
        """Give what is mapped that many instances: O(new ones + out-degree).

        Raises:
            ValueError: It has more already.
        """
        mapped = self.plan.levels[level]
        if self.sizes[level].get(path) != first or length <= first:
            raise ValueError(f"'{mapped.name}' has {self.sizes[level].get(path)} instances already")
        before = f"{path}." if path else ""
        self.sizes[level][path] = length
        for inner in self.plan.inner_levels[level]:
            for index in range(first, length):
                self.sizes[inner][f"{before}{index}"] = 0
                if self.plan.levels[inner].is_group:
                    self.touch(len(self.plan.tasks) + inner, f"{before}{index}")
        renamed = []
        for task in mapped.members:
            spec = self.plan.tasks[task]
            if not first:
                renamed.append(self.nodes[spec.task_id, path])
                self._rename(renamed[-1], f"{before}0")
            for index in range(first or 1, length):
                place = len(self.by_task[task])
                self._add(Node(task, f"{before}{index}", place, spec.retry.retries))
        # One that was marked before has ended, and a group of such has.
        for key in {key: None for node in renamed for key in self._groups_of(node)}:
            self.check_group(key)

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
            return
        self.deadline = None
        self.doom = ""
        if new is RunState.QUEUED:
            # Cleared: a person wants it done, with all the tries there are.
            self.retries.clear()

    def remember(
        self, node: Node, pushed: tuple[tuple[str, int | None], ...], skips: tuple[str, ...]
    ) -> None:
        """Keep what a success said to those below: lengths, and what a branch skips."""
        self._mark_skips(node, -1)
        awaited = self.plan.awaited.get(self.plan.tasks[node.task].task_id)
        node.pushed = tuple(pair for pair in pushed if pair[0] in awaited) if awaited else ()
        node.skips = skips
        self._mark_skips(node, 1)

    def _mark_skips(self, node: Node, change: int) -> None:
        for task_id in node.skips:
            task = self.plan.index.get(task_id)
            if task is None:
                continue
            path = node.at(self.plan.shared(node.task, task))
            marks = self.skip_marks.setdefault(task, {})
            marks[path] = marks.get(path, 0) + change
            if not marks[path]:
                del marks[path]
            self.touch(task, path)

    def is_marked(self, task: int, cell: Cell) -> bool:
        """Answer whether a branch above chose to skip these instances."""
        marks = self.skip_marks.get(task, {})
        return bool(marks) and any(path in marks for path in cell.prefixes)

    def _start_clock(self, start: datetime | None) -> None:
        timeout = self.plan.timeout
        running = self.state is RunState.RUNNING
        self.deadline = start + timeout if running and start and timeout else None

    def _restore(self, task: int, instance: Instance) -> None:
        node = Node(task, instance.map_path, index_of(instance), instance.max_tries)
        # A row is believed: it may stand where no single move from none leads.
        node.state = instance.state
        node.try_number = instance.try_number
        node.wake_at = instance.wake_at
        node.is_begun = instance.is_begun
        if node.state in TIMED and node.wake_at is not None:
            heappush(self.timers, (node.wake_at, task, node.path))
        chain = self.plan.chain[task]
        for depth in range(min(len(chain), len(node.prefixes) - 1)):
            sizes, path = self.sizes[chain[depth]], node.prefixes[depth]
            index = index_in_level(node.prefixes[depth + 1])
            sizes[path] = max(sizes.get(path, 0), index + 1)
        if len(node.prefixes) <= len(chain):
            self.sizes[chain[len(node.prefixes) - 1]].setdefault(node.path, 0)
        self._add(node)
        self.remember(node, instance.pushed, instance.skips)

    def _add(self, node: Node) -> None:
        self.by_task[node.task].append(node)
        self._enter(node)
        if node.state is TaskState.NONE:
            self.touch_own(node)

    def _rename(self, node: Node, path: str) -> None:
        """Let a placeholder become the first instance of what it stood for."""
        self._enter(node, leave=True)
        del self.nodes[self.plan.tasks[node.task].task_id, node.path]
        node.path = path
        node.prefixes = prefixes_of(path)
        node.index = max(node.index, 0)
        self._enter(node)
        if node.state is TaskState.NONE:
            self.touch_own(node)

    def _enter(self, node: Node, *, leave: bool = False) -> None:
        """Count a node in everywhere, or out."""
        task, stands = node.task, CLASS_OF[node.state]
        sign = -1 if leave else 1
        # The group around one is there before it, and until it is gone.
        retried = self.plan.retried_of[task]
        for number in retried if leave else reversed(retried):
            self._enter_group((number, node.at(self.plan.retried[number].depth)), node, sign)
        self._enter_cell(node, sign)
        self.idle += sign * (node.state is TaskState.NONE)
        self.unfinished += sign * (stands == PENDING)
        self.own[task][stands] += sign
        for number, depth, held in self.plan.tells[task]:
            row = self.rows[number].setdefault(node.at(depth), [0] * CLASSES)
            row[stands if held < 0 else PENDING] += sign
        if not self.plan.retried_of[task] and stands != PENDING:
            before, after = (stands, PENDING) if leave else (PENDING, stands)
            self._count_for_run(task, before, after)

    def _enter_cell(self, node: Node, sign: int) -> None:
        path = node.at(len(self.plan.around[node.task]))
        cells = self.cells[node.task]
        if sign > 0:
            self.nodes[self.plan.tasks[node.task].task_id, node.path] = node
            cell = cells.get(path)
            if cell is None:
                cell = cells[path] = Cell(path)
            node.cell = cell
            cell.nodes.append(node)
        else:
            cell = node.cell
            cell.nodes.remove(node)
            if not cell.nodes:
                del cells[path]
        cell.waiting += sign * (node.state is TaskState.NONE)
        cell.scheduled += sign * (node.state is TaskState.SCHEDULED)

    def _enter_group(self, key: tuple[int, str], node: Node, sign: int) -> None:
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = GroupTry()
            parent = self.parent_of(key)
            if parent is not None:
                self.groups[parent].open += 1
        elif group.settled:
            self._unsettle(key)
        stands = CLASS_OF[node.state]
        group.size += sign
        group.unfinished += sign * (stands == PENDING)
        if node.task in self.plan.retried[key[0]].leaves:
            group.failed_leaves += sign * (stands in _FAILING)
        if not self.plan.ignorable[node.task]:
            group.failed += sign * (stands == FAILED)
        if not group.size:
            del self.groups[key]
            parent = self.parent_of(key)
            if parent is not None:
                self.groups[parent].open -= 1


_BEGINS = frozenset({TaskState.RUNNING, TaskState.DEFERRED})
_FAILING = frozenset({FAILED, UPSTREAM_FAILED})
_NOTHING = (0,) * CLASSES
