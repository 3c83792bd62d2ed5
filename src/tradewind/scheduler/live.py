"""Runs under way, in memory: a cache of rows that one transaction folds forward and writes back.

The rows are the truth. Whatever is held here can be thrown away at any moment between two
transactions, and is, whenever one is undone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from tradewind.core.drive import decide, fold, level_of, past_wanted, stop
from tradewind.core.events import (
    Event,
    Expanded,
    GroupRetried,
    RunMoved,
    TaskMoved,
)
from tradewind.core.graph import RunGraph
from tradewind.core.nodes import Instance
from tradewind.core.plan import DagPlan
from tradewind.core.runs import Run
from tradewind.core.spec import DagSpec, TaskSpec
from tradewind.core.states import RunState, TaskState
from tradewind.core.watches import watched_tasks
from tradewind.store.events import Logged
from tradewind.store.runs import RunChange
from tradewind.store.tasks import TaskInstance

Key = tuple[str, str]
"""Task id and map path."""


class Step(msgspec.Struct, frozen=True):
    """One change of an instance: what it left and where it is now."""

    live: "LiveRun"
    row: TaskInstance
    old: TaskState
    new: TaskState


class LiveRun:
    """One run: its row, its graph, and the rows of its instances.

    Attributes:
        run: The row as it was read; ``seq`` and state move on in ``graph``.
        spec: The Dag version it runs.
        graph: Its fold.
        rows: Its instances by task id and map path.
        last_move: The last move of its state since it was loaded.
        watched: Its tasks that deadlines of tasks or groups watch, with the owners of these.
    """

    __slots__ = (
        "_changed",
        "_counts",
        "_fresh",
        "_logged",
        "_retried",
        "_written_seq",
        "end_date",
        "epoch",
        "graph",
        "last_move",
        "queued_at",
        "rows",
        "run",
        "spec",
        "start_date",
        "tasks",
        "watched",
    )

    def __init__(
        self, run: Run, spec: DagSpec, plan: DagPlan, rows: Iterable[TaskInstance], epoch: int
    ) -> None:
        self.run = run
        self.spec = spec
        self.epoch = epoch
        self.tasks: dict[str, TaskSpec] = {task.task_id: task for task in plan.tasks}
        self.rows: dict[Key, TaskInstance] = {(r.task_id, r.map_path): r for r in rows}
        self.queued_at, self.start_date, self.end_date = run.queued_at, run.start_date, run.end_date
        self._written_seq = run.seq
        self._changed: dict[Key, TaskInstance] = {}
        self._fresh: list[TaskInstance] = []
        self._logged: list[Logged] = []
        self._counts = Counter(task_id for task_id, _ in self.rows)
        self._retried = False
        self.graph = RunGraph(plan)
        self.last_move: RunMoved | None = None
        self.watched = watched_tasks(spec)

    def load_graph(
        self,
        lengths: Iterable[tuple[str, str, str, int | None]],
        retries: Mapping[Key, int] | None = None,
    ) -> None:
        """Build the graph from the rows, and from the lengths of what was pushed to be mapped."""
        pushed: dict[Key, list[tuple[str, int | None]]] = {}
        for task_id, map_path, key, length in lengths:
            pushed.setdefault((task_id, map_path), []).append((key, length))
        self.graph = RunGraph.load(
            self.graph.plan,
            [
                Instance(
                    task_id=row.task_id,
                    map_path=row.map_path,
                    map_index=row.map_index,
                    state=row.state,
                    try_number=row.try_number,
                    max_tries=row.max_tries,
                    wake_at=row.wake_at,
                    pushed=tuple(pushed.get(key, ())) if row.state is TaskState.SUCCESS else (),
                    skips=tuple(row.skips or ()),
                    is_begun=row.leg > 0 or self._begins_with_trigger(row),
                )
                for key, row in self.rows.items()
            ],
            state=self.run.state,
            seq=self.run.seq,
            start_date=self.run.start_date,
            retries=retries,
            doom=self.run.doom or "",
        )

    def _begins_with_trigger(self, row: TaskInstance) -> bool:
        task = self.tasks.get(row.task_id)
        return row.try_number > 0 and task is not None and task.start_trigger is not None

    @property
    def pk(self) -> int:
        """Key of the run's row."""
        return self.run.pk

    @property
    def state(self) -> RunState:
        """State of the run, as folded."""
        return self.graph.state

    @property
    def order_at(self) -> datetime:
        """What its instances are ordered by among others of the same priority."""
        return self.run.logical_date or self.run.run_after

    @property
    def is_at_work(self) -> bool:
        """Whether something is under way in it."""
        return self.graph.unfinished > self.graph.idle

    def instance(self, key: Key) -> Instance | None:
        """Answer one of its instances as it stands; None where its Dag version has no such task."""
        node = self.graph.nodes.get(key)
        if node is None:
            return None
        return Instance(
            task_id=key[0],
            map_path=key[1],
            map_index=node.index,
            state=node.state,
            try_number=node.try_number,
            max_tries=node.max_tries,
            is_begun=node.is_begun,
        )

    def record(self, event: Event, now: datetime) -> list[Step]:
        """Take in something that happened: fold it, number it, keep it to be written."""
        fold(self.graph, self.graph.seq + 1, event)
        return self._keep(self.graph.seq, event, now)

    def decide(self, now: datetime) -> list[Step]:
        """Take in all that follows from what was recorded."""
        first = self.graph.seq + 1
        steps: list[Step] = []
        for number, event in enumerate(decide(self.graph, now), start=first):
            steps += self._keep(number, event, now)
        return steps

    def stop(self, now: datetime, reason: str, why: str) -> list[Step]:
        """Take in the end of a run that is not to go on, as failed."""
        first = self.graph.seq + 1
        steps: list[Step] = []
        for number, event in enumerate(stop(self.graph, now, reason, why), start=first):
            steps += self._keep(number, event, now)
        return steps

    def below(self, task_id: str) -> tuple[str, ...]:
        """Answer the tasks right below one."""
        plan = self.graph.plan
        return tuple(plan.tasks[n].task_id for n in plan.downstream[plan.index[task_id]])

    def wants_past(self) -> list[str]:
        """Answer the tasks that wait for a word about earlier runs."""
        return past_wanted(self.graph)

    def _keep(self, seq: int, event: Event, now: datetime) -> list[Step]:
        self._logged.append(Logged(run_pk=self.pk, run_seq=seq, at=now, event=event))
        if isinstance(event, TaskMoved):
            return [self._move(event, now)]
        if isinstance(event, Expanded):
            self._expand(event)
        elif isinstance(event, GroupRetried):
            self._retried = True
        elif isinstance(event, RunMoved):
            self._move_run(event)
        return []

    def _move(self, event: TaskMoved, now: datetime) -> Step:
        row = self.rows[event.task_id, event.map_path]
        if event.try_number != row.try_number:
            row.leg = 0
        row.state = event.new
        row.try_number = event.try_number
        row.wake_at = event.wake_at
        row.skips = event.skips or None
        if event.max_tries is not None:
            row.max_tries = event.max_tries
        if event.new is TaskState.SCHEDULED:
            row.scheduled_at, row.queued_at = now, None
        elif event.new is TaskState.QUEUED:
            row.queued_at = now
        elif event.new is TaskState.NONE:
            row.start_date = row.end_date = row.scheduled_at = row.queued_at = None
        elif event.new in _ENDED:
            row.end_date = now
            if event.old is not TaskState.RUNNING and row.start_date is None:
                row.start_date = now
        self._changed[event.task_id, event.map_path] = row
        return Step(self, row, event.old, event.new)

    def _expand(self, event: Expanded) -> None:
        plan = self.graph.plan
        before = f"{event.map_path}." if event.map_path else ""
        for number in plan.levels[level_of(self.graph, event)].members:
            task = plan.tasks[number]
            if not event.first:
                row = self.rows.pop((task.task_id, event.map_path))
                self._changed.pop((task.task_id, event.map_path), None)
                row.map_path, row.map_index = f"{before}0", max(row.map_index, 0)
                key = (task.task_id, row.map_path)
                self.rows[key] = row
                if row.id:
                    self._changed[key] = row
            for index in range(event.first or 1, event.length):
                row = new_instance(self.run, task, f"{before}{index}", self._counts[task.task_id])
                self._counts[task.task_id] += 1
                self.rows[task.task_id, row.map_path] = row
                self._fresh.append(row)

    def _move_run(self, event: RunMoved) -> None:
        self._retried = self._retried or event.new is RunState.QUEUED
        self.last_move = event
        if event.new is RunState.RUNNING:
            self.start_date = self.start_date or event.at
        elif event.new is RunState.QUEUED:
            self.queued_at, self.start_date, self.end_date = event.at, None, None
        else:
            self.end_date = event.at

    @property
    def timeout_at(self) -> datetime | None:
        """When this run times out, as long as it runs."""
        seconds = self.spec.dagrun_timeout_seconds
        if seconds is None or self.start_date is None or self.state is not RunState.RUNNING:
            return None
        return self.start_date + timedelta(seconds=seconds)

    def take_fresh(self) -> list[TaskInstance]:
        """Hand over the instances that are to be inserted; each gets its id by that."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def take_changed(self) -> list[TaskInstance]:
        """Hand over the instances that are to be updated."""
        changed, self._changed = list(self._changed.values()), {}
        return changed

    def take_logged(self) -> list[Logged]:
        """Hand over the events that are to be appended."""
        logged, self._logged = self._logged, []
        return logged

    def take_retries(self) -> Mapping[Key, int] | None:
        """Hand over how often groups were tried again, if that changed."""
        retried, self._retried = self._retried, False
        return self.graph.retries if retried else None

    def take_change(self) -> RunChange | None:
        """Hand over what is to be written to the run's row, if anything happened."""
        if self.graph.seq == self._written_seq:
            return None
        change = RunChange(
            pk=self.pk,
            epoch=self.epoch,
            seq=self._written_seq,
            new_seq=self.graph.seq,
            state=self.graph.state,
            queued_at=self.queued_at,
            start_date=self.start_date,
            end_date=self.end_date,
            timeout_at=self.timeout_at,
            doom=self.graph.doom or None,
        )
        self._written_seq = self.graph.seq
        return change


_ENDED = frozenset(
    {TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED}
)


def new_instance(
    run: Run, task: TaskSpec, map_path: str = "", map_index: int = -1, *, run_pk: int = 0
) -> TaskInstance:
    """Answer an instance of a task in a run, not written yet.

    Args:
        run: The run.
        task: The task.
        map_path: Where it stands among the instances of its task.
        map_index: Its number among them.
        run_pk: Key of the run, where the value does not hold it yet.
    """
    return TaskInstance(
        run_pk=run_pk or run.pk,
        dag_id=run.dag_id,
        task_id=task.task_id,
        map_path=map_path,
        map_index=map_index,
        pool=task.pool,
        pool_slots=task.pool_slots,
        queue=task.queue,
        priority_weight=task.priority_weight,
        operator=task.operator_name or task.operator.rpartition(".")[2],
        max_tries=task.retry.retries,
    )
