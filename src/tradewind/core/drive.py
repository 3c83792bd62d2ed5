"""What happens next in a run: events in, decisions out.

Used by the scheduler and by local runs alike. The loop is always::

    fold(graph, graph.seq + 1, event)  # something happened and was written
    for event in decide(graph, now):
        ...  # write these too, numbered on from there

``decide`` folds its own decisions: they are in the graph, and ``graph.seq`` counts them. A caller
that cannot write them throws the graph away and loads it again.
"""

from collections.abc import Iterable
from datetime import datetime
from heapq import heappop

from tradewind.core.events import (
    Event,
    Expanded,
    GroupRetried,
    RunDoomed,
    RunMoved,
    TaskMoved,
)
from tradewind.core.expansion import Length, level_length
from tradewind.core.graph import RunGraph
from tradewind.core.mapping import index_in_level, is_within, prefixes_of
from tradewind.core.nodes import Cell, Node
from tradewind.core.outcomes import retry_delay
from tradewind.core.readiness import (
    FAILED,
    PENDING,
    UPSTREAM_FAILED,
    Verdict,
    gated,
    teardown_verdict,
)
from tradewind.core.spec import RetrySpec
from tradewind.core.states import TERMINAL_TASK, TIMED, IllegalMoveError, RunState, TaskState


class GapError(ValueError):
    """An event does not follow the last one folded: the graph must be loaded again."""


def fold(graph: RunGraph, seq: int, event: Event) -> None:
    """Take one written event into the graph, in order of its number.

    Raises:
        GapError: ``seq`` is not the one after ``graph.seq``.
        IllegalMoveError: The tables do not hold the move, or it starts from another state.
        KeyError: The run has no such instance.
    """
    if seq != graph.seq + 1:
        raise GapError(f"Event {seq} does not follow event {graph.seq}")
    if isinstance(event, TaskMoved):
        node = graph.nodes[event.task_id, event.map_path]
        if node.state is not event.old:
            raise IllegalMoveError(f"'{event.task_id}' is {node.state}, not {event.old}")
        graph.move(node, event.new, event.try_number, event.wake_at, event.max_tries)
        if event.pushed or event.skips or node.pushed or node.skips:
            graph.remember(node, event.pushed, event.skips)
    elif isinstance(event, Expanded):
        level = level_of(graph, event)
        graph.expand(level, event.map_path, event.first, event.length)
    elif isinstance(event, GroupRetried):
        graph.count_retry(event.group_id, event.map_path, event.retries)
    elif isinstance(event, RunDoomed):
        graph.doom = event.reason
    else:
        graph.move_run(event.old, event.new, event.at)
    graph.seq = seq


def level_of(graph: RunGraph, event: Expanded) -> int:
    """Answer the number of the level that was expanded.

    Raises:
        KeyError: The plan has no such group or task.
    """
    if event.group_id:
        return graph.plan.level_of_group[event.group_id]
    return graph.plan.own_level[graph.plan.index[event.task_id]]


def decide(graph: RunGraph, now: datetime) -> list[Event]:
    """Answer all that follows now, in order, down to where nothing more does.

    Looks only at the tasks that folded events touched, at due wake-ups and at the run's timeout;
    nothing unless the run is running. The decisions are folded already.

    Example:
        >>> from datetime import UTC
        >>> from tradewind.core.plan import DagPlan
        >>> from tradewind.core.spec import DagSpec, TaskSpec
        >>> load = TaskSpec(task_id="load", operator="o")
        >>> graph = RunGraph.start(DagPlan(DagSpec(dag_id="d", file="d.py", tasks=(load,))))
        >>> now = datetime(2026, 5, 1, tzinfo=UTC)
        >>> fold(graph, 1, RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=now))
        >>> [(event.task_id, event.new.value) for event in decide(graph, now)]
        [('load', 'scheduled')]
        >>> graph.seq
        2
    """
    if graph.state is not RunState.RUNNING:
        return []
    return _Decider(graph, now).all()


def stop(graph: RunGraph, now: datetime, reason: str, why: str) -> list[Event]:
    """Answer how a run ends that is not to go on: what has not ended is skipped, the run fails.

    The decisions are folded already. Nothing when the run has ended.

    Args:
        graph: The run.
        now: The moment.
        reason: Of the run's end.
        why: Of each task's, in the words a person reads.
    """
    if graph.state not in (RunState.QUEUED, RunState.RUNNING):
        return []
    decider = _Decider(graph, now)
    decider.stop(reason, why)
    return decider.events


def next_wake(graph: RunGraph) -> datetime | None:
    """Answer when ``decide`` has something to do though nothing happens before; None for never."""
    timers = graph.timers
    while timers and not _is_armed(graph, timers[0]):
        heappop(timers)
    moments = [moment for moment in (graph.deadline, timers[0][0] if timers else None) if moment]
    return min(moments) if moments and graph.state is RunState.RUNNING else None


def past_wanted(graph: RunGraph) -> list[str]:
    """Answer the tasks that are ready but for a word about earlier runs: see ``set_past``."""
    held = sorted({task for task, _ in graph.past_held})
    return [graph.plan.tasks[task].task_id for task in held if graph.past[task] is None]


def _is_armed(graph: RunGraph, timer: tuple[datetime, int, str]) -> bool:
    node = graph.nodes.get((graph.plan.tasks[timer[1]].task_id, timer[2]))
    return node is not None and node.state in TIMED and node.wake_at == timer[0]


class _Decider:
    """One call of ``decide``."""

    __slots__ = ("events", "graph", "now", "plan")

    def __init__(self, graph: RunGraph, now: datetime) -> None:
        self.graph = graph
        self.plan = graph.plan
        self.now = now
        self.events: list[Event] = []

    def all(self) -> list[Event]:
        graph = self.graph
        if graph.deadline is not None and self.now >= graph.deadline and graph.unfinished:
            self.time_out()
            return self.events
        if graph.stop_due:
            self.stop_the_rest()
        self.look()
        while not graph.unfinished and graph.state is RunState.RUNNING:
            self.finish()
            # Tried again as a whole, perhaps at once.
            self.look()
        if graph.unfinished and graph.idle == graph.unfinished and not graph.past_held:
            self.end_run(RunState.FAILED, graph.doom or "all_tasks_deadlocked")
        return self.events

    def look(self) -> None:
        """Look at all that was touched, and at all whose moment has come.

        What a group is mapped to is known before anything in it is looked at.
        """
        graph, tasks = self.graph, len(self.plan.tasks)
        while True:
            if graph.levels_due:
                level, path = item = min(graph.levels_due)
                graph.levels_due.discard(item)
                self.look_at_level(level, path)
            elif graph.queue:
                target, path = item = graph.queue.popleft()
                graph.queued.discard(item)
                if target < tasks:
                    for cell in graph.cells_within(target, path):
                        self.look_at(target, cell)
                else:
                    self.look_at_group((target - tasks - len(self.plan.levels), path))
            elif not self.wake():
                return

    def tell(self, event: Event) -> None:
        self.graph.seq += 1
        self.events.append(event)

    def move(
        self,
        node: Node,
        new: TaskState,
        reason: str = "",
        wake_at: datetime | None = None,
        max_tries: int | None = None,
    ) -> None:
        old = node.state
        tries = node.try_number
        if new is TaskState.SCHEDULED and (old is TaskState.NONE or old is TaskState.UP_FOR_RETRY):
            tries += 1
        elif new is TaskState.NONE and node.is_begun and old in _GIVEN_UP:
            # What it began is not gone on with, and another try costs it none.
            max_tries = node.max_tries + 1
        elif new is TaskState.NONE and old is TaskState.SCHEDULED:
            tries -= 1
        self.graph.move(node, new, tries, wake_at, max_tries)
        self.tell(
            TaskMoved(
                task_id=self.plan.tasks[node.task].task_id,
                map_path=node.path,
                old=old,
                new=new,
                try_number=tries,
                reason=reason,
                wake_at=wake_at,
                max_tries=max_tries,
            )
        )

    def move_all(
        self, nodes: Iterable[Node], old: TaskState, new: TaskState, reason: str = ""
    ) -> None:
        for node in list(nodes):
            if node.state is old:
                self.move(node, new, reason)

    def verdict(self, task: int, cell: Cell) -> Verdict:
        """Answer whether these instances may run; their groups are expanded and as long as that."""
        graph, plan = self.graph, self.plan
        if not plan.upstream[task]:
            answer = Verdict.RUN
        elif plan.teardown[task]:
            answer = teardown_verdict(
                graph.row(plan.counts_row[task], cell.prefixes),
                graph.row(plan.setups_row[task], cell.prefixes),
            )
        else:
            answer = plan.rules[task](graph.row(plan.counts_row[task], cell.prefixes))
        if plan.gates_row[task] >= 0:
            answer = gated(answer, graph.row(plan.gates_row[task], cell.prefixes))
        if answer is not Verdict.RUN:
            return answer
        if self.may_be_skipped(task, cell):
            return Verdict.WAIT
        return Verdict.SKIP if graph.is_marked(task, cell) else Verdict.RUN

    def may_be_skipped(self, task: int, cell: Cell) -> bool:
        """Answer whether a branch, or what the task is mapped over, may still say not to run it."""
        skippers, sources = self.plan.skippers_row[task], self.plan.sources_row[task]
        if skippers >= 0 and self.graph.row(skippers, cell.prefixes)[PENDING]:
            return True
        if sources < 0:
            return False
        counts = self.graph.row(sources, cell.prefixes)
        # A failure among them is all there is to know.
        return counts[PENDING] > 0 and not (counts[FAILED] or counts[UPSTREAM_FAILED])

    def is_open(self, levels: tuple[int, ...], prefixes: tuple[str, ...]) -> bool | None:
        """Answer whether all these levels have this instance now; None where it is beyond one."""
        for depth, level in enumerate(levels):
            length = self.graph.live[level].get(prefixes[depth])
            if length is None:
                return False
            if index_in_level(prefixes[depth + 1]) >= length:
                return None
        return True

    def ask_levels(self, levels: tuple[int, ...], prefixes: tuple[str, ...]) -> None:
        """Have the first level that is not open looked at: it may be decided as a whole."""
        for depth, level in enumerate(levels):
            if prefixes[depth] not in self.graph.live[level]:
                self.graph.touch(len(self.plan.tasks) + level, prefixes[depth])
                return

    def look_at(self, task: int, cell: Cell) -> None:
        graph, plan = self.graph, self.plan
        if not cell.waiting and not cell.scheduled:
            return
        around = plan.around[task]
        if len(cell.prefixes) <= len(around):
            # Its group is not expanded here: that is decided for the group as a whole.
            return
        is_open = self.is_open(around, cell.prefixes) if around else True
        if is_open is None:
            self.move_all(cell.nodes, TaskState.SCHEDULED, TaskState.NONE, _CLEARED)
            self.move_all(cell.nodes, TaskState.NONE, TaskState.REMOVED, _SHRANK)
            return
        if not is_open:
            self.ask_levels(around, cell.prefixes)
        verdict = self.verdict(task, cell) if is_open else Verdict.WAIT
        if verdict is not Verdict.RUN and cell.scheduled:
            # Something above was cleared after this one was scheduled: it waits again.
            self.move_all(cell.nodes, TaskState.SCHEDULED, TaskState.NONE, _CLEARED)
        graph.past_held.discard((task, cell.path))
        if cell.waiting and verdict is not Verdict.WAIT:
            self.let_go(task, cell, verdict)

    def let_go(self, task: int, cell: Cell, verdict: Verdict) -> None:
        spec = self.plan.tasks[task]
        if verdict is Verdict.FAIL:
            self.move_all(cell.nodes, TaskState.NONE, TaskState.UPSTREAM_FAILED)
        elif self.graph.past.get(task, True) is not True and (
            verdict is Verdict.RUN or spec.wait_for_past_depends_before_skipping
        ):
            self.graph.past_held.add((task, cell.path))
        elif verdict is Verdict.SKIP:
            self.move_all(cell.nodes, TaskState.NONE, TaskState.SKIPPED)
        elif self.plan.own_level[task] < 0 or self.expand(task, cell):
            new = TaskState.SUCCESS if spec.is_empty else TaskState.SCHEDULED
            self.move_all(cell.nodes, TaskState.NONE, new)

    def expand(self, task: int, cell: Cell) -> bool:
        """Bring a mapped task to the length its sources give; True when it may be scheduled."""
        level = self.plan.own_level[task]
        found = level_length(self.graph, level, cell.path)
        if found.verdict is Verdict.FAIL:
            self.move_all(cell.nodes, TaskState.NONE, TaskState.UPSTREAM_FAILED, found.reason)
        elif found.verdict is Verdict.SKIP:
            self.move_all(cell.nodes, TaskState.NONE, TaskState.SKIPPED, found.reason)
        elif found.verdict is Verdict.RUN:
            self.resize(level, cell.path, found.length)
            return cell.waiting > 0
        return False

    def look_at_level(self, level: int, path: str) -> None:
        """Decide about a mapped group as a whole, wherever it lies at or below this path."""
        graph, mapped = self.graph, self.plan.levels[level]
        sizes = graph.sizes[level]
        for at in [path] if path in sizes else [p for p in sizes if is_within(p, path)]:
            found = _WAIT
            if not mapped.around or self.is_open(mapped.around, prefixes_of(at)):
                found = level_length(graph, level, at)
            if found.verdict is Verdict.RUN:
                self.resize(level, at, found.length)
                graph.live[level][at] = found.length
            elif found.verdict is not Verdict.WAIT:
                nodes = list(graph.nodes_within(mapped.members, at))
                self.move_all(nodes, TaskState.SCHEDULED, TaskState.NONE, _CLEARED)
                self.move_all(nodes, TaskState.NONE, _DECIDED[found.verdict], found.reason)
            self.touch_members(level, at, waiting=found.verdict is Verdict.RUN)

    def touch_members(self, level: int, path: str, *, waiting: bool) -> None:
        graph = self.graph
        for inner in self.plan.inner_levels[level]:
            if self.plan.levels[inner].is_group:
                graph.touch(len(self.plan.tasks) + inner, path)
        for task in self.plan.levels[level].members:
            for cell in graph.cells_within(task, path):
                if cell.scheduled or (waiting and cell.waiting):
                    graph.touch(task, cell.path)

    def resize(self, level: int, path: str, length: int) -> None:
        """Bring what is mapped to a length: more instances, some removed, some that come back."""
        graph, mapped = self.graph, self.plan.levels[level]
        size = graph.sizes[level][path]
        if length > size:
            graph.expand(level, path, size, length)
            self.tell(
                Expanded(
                    task_id="" if mapped.is_group else mapped.name,
                    group_id=mapped.name if mapped.is_group else "",
                    map_path=path,
                    first=size,
                    length=length,
                )
            )
        if not size:
            self.spread_marks(mapped.members, path)
            return
        depth = len(mapped.around)
        for node in list(graph.nodes_within(mapped.members, path)):
            index = index_in_level(node.prefixes[depth + 1])
            if index >= length and node.state in _NOT_STARTED:
                self.move(node, TaskState.REMOVED, _SHRANK)
            elif index < length and node.state is TaskState.REMOVED and self.is_wanted(node):
                self.move(node, TaskState.NONE, "the mapping grew again")

    def spread_marks(self, tasks: Iterable[int], path: str) -> None:
        """Let what a person said of a task before it had its instances count for all of them."""
        for task in tasks:
            nodes = list(self.graph.nodes_within((task,), path))
            told = {node.state for node in nodes} & _PLACED
            for node in nodes:
                if told and node.state is TaskState.NONE:
                    self.move(node, next(iter(told)), _STOOD)

    def is_wanted(self, node: Node) -> bool:
        """Answer whether every level an instance that was removed lies in has it now."""
        for depth, level in enumerate(self.plan.chain[node.task][: len(node.prefixes) - 1]):
            found = level_length(self.graph, level, node.prefixes[depth])
            index = index_in_level(node.prefixes[depth + 1])
            if found.verdict is not Verdict.RUN or index >= found.length:
                return False
        return True

    def look_at_group(self, key: tuple[int, str]) -> None:
        """Try a group again as a whole, if all in it has ended and it failed."""
        graph = self.graph
        group = graph.groups.get(key)
        if group is None or group.settled or group.unfinished or group.open:
            return
        if not graph.wants_retry(key):
            graph.check_group(key)
            return
        retried = self.plan.retried[key[0]]
        nodes = list(graph.nodes_within(retried.members, key[1]))
        self.try_again(retried.name, key[1], retried.retry, nodes)

    def try_again(self, name: str, path: str, retry: RetrySpec, nodes: list[Node]) -> None:
        graph = self.graph
        number = graph.retries.get((name, path), 0) + 1
        what = f"Group '{name}'" if name else "The run"
        reason = f"{what} failed: retry {number} of {retry.retries}, {AS_A_WHOLE}"
        delay = retry_delay(
            retry, dag_id=self.plan.dag_id, task_id=name, logical_date=None, try_number=number
        )
        graph.count_retry(name, path, number)
        self.tell(GroupRetried(group_id=name, map_path=path, retries=number, reason=reason))
        for node in nodes:
            if node.state is not TaskState.REMOVED:
                retries = self.plan.tasks[node.task].retry.retries
                tries = node.try_number + retries
                self.move(node, TaskState.UP_FOR_RETRY, reason, self.now + delay, tries)

    def wake(self) -> bool:
        """Let go on what was to wait until now; False when there was nothing."""
        graph, timers = self.graph, self.graph.timers
        woken = False
        while timers and timers[0][0] <= self.now:
            timer = heappop(timers)
            node = graph.nodes.get((self.plan.tasks[timer[1]].task_id, timer[2]))
            if node is None or node.state not in TIMED or node.wake_at != timer[0]:
                continue
            woken = True
            if self.may_go_on(node):
                self.move(node, TaskState.SCHEDULED)
            else:
                self.move(node, TaskState.NONE, "it is decided anew")
        return woken

    def may_go_on(self, node: Node) -> bool:
        chain = self.plan.chain[node.task]
        if self.plan.tasks[node.task].is_empty or len(node.prefixes) <= len(chain):
            return False
        around = self.plan.around[node.task]
        if around and self.is_open(around, node.prefixes) is not True:
            return False
        if self.verdict(node.task, node.cell) is not Verdict.RUN:
            return False
        level = self.plan.own_level[node.task]
        if level < 0:
            return True
        found = level_length(self.graph, level, node.cell.path)
        return found.verdict is Verdict.RUN and index_in_level(node.path) < found.length

    def stop_the_rest(self) -> None:
        """After the first failure of a fail-fast Dag: nothing else goes on but teardowns."""
        self.graph.stop_due = False
        reason = "fail_fast: another task failed"
        for task, nodes in enumerate(self.graph.by_task):
            if self.plan.tasks[task].is_teardown or not self.graph.own[task][PENDING]:
                continue
            for node in nodes:
                if node.state is TaskState.RUNNING:
                    self.move(node, TaskState.FAILED, reason)
                elif node.state in _UNFINISHED:
                    self.move(node, TaskState.SKIPPED, reason)
        self.graph.stop_due = False

    def time_out(self) -> None:
        self.stop("timed_out", "the run timed out")

    def stop(self, reason: str, why: str) -> None:
        for nodes in self.graph.by_task:
            for node in nodes:
                if node.state in _UNFINISHED:
                    self.move(node, TaskState.SKIPPED, why)
        self.end_run(RunState.FAILED, reason)

    def finish(self) -> None:
        graph, retry = self.graph, self.plan.run_retry
        # The leaves of a run that was stopped are skipped, which must not pass for success.
        stopped = self.plan.fail_fast and graph.failures
        if graph.doom:
            self.end_run(RunState.FAILED, graph.doom)
        elif not graph.failed_leaves and not stopped:
            self.end_run(RunState.SUCCESS, "success")
        elif retry is not None and graph.retries.get(("", ""), 0) < retry.retries:
            self.try_again("", "", retry, [node for nodes in graph.by_task for node in nodes])
        else:
            self.end_run(RunState.FAILED, "task_failure")

    def end_run(self, new: RunState, reason: str) -> None:
        graph = self.graph
        event = RunMoved(old=graph.state, new=new, at=self.now, reason=reason)
        graph.move_run(event.old, new, self.now)
        self.tell(event)


_UNFINISHED = frozenset(TaskState) - TERMINAL_TASK
_GIVEN_UP = frozenset({TaskState.SCHEDULED, TaskState.UP_FOR_RESCHEDULE})
_PLACED = TERMINAL_TASK - {TaskState.REMOVED}
_NOT_STARTED = frozenset({TaskState.NONE, TaskState.SCHEDULED})
_DECIDED = {Verdict.FAIL: TaskState.UPSTREAM_FAILED, Verdict.SKIP: TaskState.SKIPPED}
_WAIT = Length(Verdict.WAIT)
AS_A_WHOLE = "as a whole."
_CLEARED = "something above was cleared"
_SHRANK = "the mapping shrank"
_STOOD = "as it stood before it had its instances"
