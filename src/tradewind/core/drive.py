"""What happens next in a run: events in, decisions out.

Used by the scheduler and by local runs alike. The loop is always::

    fold(graph, graph.seq + 1, event)  # something happened and was written
    for event in decide(graph, now):
        ...  # write these too, numbered on from there

``decide`` folds its own decisions: they are in the graph, and ``graph.seq`` counts them. A caller
that cannot write them throws the graph away and loads it again.
"""

from datetime import datetime
from heapq import heappop

from tradewind.core.events import Event, Expanded, RunMoved, TaskMoved
from tradewind.core.graph import Node, RunGraph
from tradewind.core.readiness import (
    FAILED,
    PENDING,
    SKIPPED,
    UPSTREAM_FAILED,
    Verdict,
    gated,
    teardown_verdict,
)
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
        graph.move(node, event.new, event.try_number, event.wake_at)
        if event.max_tries is not None:
            node.max_tries = event.max_tries
        if event.pushed or event.skips or node.pushed or node.skips:
            graph.remember(node, event.pushed, event.skips)
    elif isinstance(event, Expanded):
        graph.expand(graph.plan.index[event.task_id], event.length)
    else:
        graph.move_run(event.old, event.new, event.at)
    graph.seq = seq


def decide(graph: RunGraph, now: datetime) -> list[Event]:
    """Answer all that follows now, in order, down to where nothing more does.

    Looks only at the tasks that folded events touched, at due wake-ups and at the run's timeout;
    nothing unless the run is running. The decisions are folded already.

    Example:
        >>> from datetime import UTC
        >>> from tradewind.core.graph import DagPlan
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


def next_wake(graph: RunGraph) -> datetime | None:
    """Answer when ``decide`` has something to do though nothing happens before; None for never."""
    timers = graph.timers
    while timers and not _is_armed(graph, timers[0]):
        heappop(timers)
    moments = [moment for moment in (graph.deadline, timers[0][0] if timers else None) if moment]
    return min(moments) if moments and graph.state is RunState.RUNNING else None


def past_wanted(graph: RunGraph) -> list[str]:
    """Answer the tasks that are ready but for a word about earlier runs: see ``set_past``."""
    return [
        graph.plan.tasks[task].task_id
        for task in sorted(graph.past_held)
        if graph.past[task] is None
    ]


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
        if graph.timers:
            self.wake()
        queue, queued = graph.queue, graph.queued
        while queue:
            task = queue.popleft()
            queued[task] = 0
            if graph.waiting[task] or graph.scheduled[task]:
                self.look_at(task)
        if graph.unfinished == 0:
            self.finish()
        elif graph.idle == graph.unfinished and not graph.past_held:
            self.end_run(RunState.FAILED, "all_tasks_deadlocked")
        return self.events

    def move(self, node: Node, new: TaskState, reason: str = "") -> None:
        old = node.state
        tries = node.try_number
        if new is TaskState.SCHEDULED and (old is TaskState.NONE or old is TaskState.UP_FOR_RETRY):
            tries += 1
        elif old is TaskState.SCHEDULED and new is TaskState.NONE:
            tries -= 1
        self.graph.move(node, new, tries, None)
        self.graph.seq += 1
        self.events.append(
            TaskMoved(
                task_id=self.plan.tasks[node.task].task_id,
                map_path=node.path,
                old=old,
                new=new,
                try_number=tries,
                reason=reason,
            )
        )

    def move_all(self, task: int, old: TaskState, new: TaskState, reason: str = "") -> None:
        for node in self.graph.by_task[task]:
            if node.state is old:
                self.move(node, new, reason)

    def verdict(self, task: int) -> Verdict:
        graph, plan = self.graph, self.plan
        if not plan.upstream[task]:
            answer = Verdict.RUN
        elif plan.teardown[task]:
            answer = teardown_verdict(graph.counts[task], graph.setups[task])
        else:
            answer = plan.rules[task](graph.counts[task])
        if plan.gated[task]:
            answer = gated(answer, graph.gates[task])
        if answer is Verdict.RUN and graph.skip_marks.get(task):
            return Verdict.SKIP
        return answer

    def look_at(self, task: int) -> None:
        graph = self.graph
        verdict = self.verdict(task)
        if verdict is not Verdict.RUN and graph.scheduled[task]:
            # Something above was cleared after this one was scheduled: it waits again.
            self.move_all(task, TaskState.SCHEDULED, TaskState.NONE, "something above was cleared")
        graph.past_held.discard(task)
        if not graph.waiting[task] or verdict is Verdict.WAIT:
            return
        if verdict is Verdict.FAIL:
            self.move_all(task, TaskState.NONE, TaskState.UPSTREAM_FAILED)
        elif verdict is Verdict.SKIP:
            self.move_all(task, TaskState.NONE, TaskState.SKIPPED)
        elif graph.past.get(task, True) is not True:
            graph.past_held.add(task)
        elif self.plan.axes[task] is None or self.expand(task):
            empty = self.plan.tasks[task].is_empty
            new = TaskState.SUCCESS if empty else TaskState.SCHEDULED
            self.move_all(task, TaskState.NONE, new)

    def expand(self, task: int) -> bool:
        """Bring a mapped task to the length its sources give; True when it may be scheduled."""
        verdict, length, reason = self.mapping_verdict(task)
        if verdict is Verdict.FAIL:
            self.move_all(task, TaskState.NONE, TaskState.UPSTREAM_FAILED, reason)
        elif verdict is Verdict.SKIP:
            self.move_all(task, TaskState.NONE, TaskState.SKIPPED, reason)
        elif verdict is Verdict.RUN:
            if length != self.graph.live_instances(task):
                self.resize(task, length)
            return self.graph.waiting[task] > 0
        return False

    def resize(self, task: int, length: int) -> None:
        graph = self.graph
        nodes = graph.by_task[task]
        if not nodes[0].path or length > len(nodes):
            graph.expand(task, length)
            graph.seq += 1
            self.events.append(Expanded(task_id=self.plan.tasks[task].task_id, length=length))
        for index, node in enumerate(nodes):
            if index >= length and node.state is TaskState.NONE:
                self.move(node, TaskState.REMOVED, "the mapping shrank")
            elif index < length and node.state is TaskState.REMOVED:
                self.move(node, TaskState.NONE, "the mapping grew again")

    def mapping_verdict(self, task: int) -> tuple[Verdict, int, str]:
        graph, plan = self.graph, self.plan
        waiting = skipped = False
        for axis in plan.axes[task] or ():
            if axis.task_id is None:
                continue
            source = plan.index.get(axis.task_id)
            if source is None:
                return Verdict.FAIL, 0, f"it is mapped over '{axis.task_id}', not in this run"
            own = graph.own[source]
            if own[FAILED] or own[UPSTREAM_FAILED]:
                return Verdict.FAIL, 0, f"it is mapped over '{axis.task_id}', which failed"
            waiting = waiting or own[PENDING] > 0
            skipped = skipped or own[SKIPPED] > 0
        if waiting:
            return Verdict.WAIT, 0, ""
        if skipped:
            return Verdict.SKIP, 0, "what it is mapped over was skipped"
        length = graph.mapped_length(task)
        if length is None:
            return Verdict.FAIL, 0, "what it is mapped over pushed no list or dict"
        if not length:
            return Verdict.SKIP, 0, "it is mapped over nothing"
        return Verdict.RUN, length, ""

    def wake(self) -> None:
        graph, timers = self.graph, self.graph.timers
        while timers and timers[0][0] <= self.now:
            timer = heappop(timers)
            node = graph.nodes.get((self.plan.tasks[timer[1]].task_id, timer[2]))
            if node is None or node.state not in TIMED or node.wake_at != timer[0]:
                continue
            if self.verdict(node.task) is Verdict.RUN:
                self.move(node, TaskState.SCHEDULED)
            else:
                self.move(node, TaskState.NONE, "something above was cleared")

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
        for nodes in self.graph.by_task:
            for node in nodes:
                if node.state in _UNFINISHED:
                    self.move(node, TaskState.SKIPPED, "the run timed out")
        self.end_run(RunState.FAILED, "timed_out")

    def finish(self) -> None:
        graph = self.graph
        # The leaves of a run that was stopped are skipped, which must not pass for success.
        stopped = self.plan.fail_fast and graph.failures
        if graph.failed_leaves or stopped:
            self.end_run(RunState.FAILED, "task_failure")
        else:
            self.end_run(RunState.SUCCESS, "success")

    def end_run(self, new: RunState, reason: str) -> None:
        graph = self.graph
        event = RunMoved(old=graph.state, new=new, at=self.now, reason=reason)
        graph.move_run(event.old, new, self.now)
        graph.seq += 1
        self.events.append(event)


_UNFINISHED = frozenset(TaskState) - TERMINAL_TASK
