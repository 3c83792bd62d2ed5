"""Running a whole Dag here and now (``dag.test()``): no server, no worker, nothing kept.

The same ``core.drive`` decides as in the scheduler. Tasks run one after the other in this process,
so that breakpoints hold; a retry or a reschedule follows at once, its wait skipped; pools, limits
on concurrency, earlier runs and deadlines are left out of account.
"""

import logging
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tradewind.core.callbacks import callback_id
from tradewind.core.drive import decide, fold
from tradewind.core.events import Event, GroupRetried, RunMoved, TaskMoved
from tradewind.core.graph import RunGraph
from tradewind.core.nodes import Node
from tradewind.core.outcomes import after_leg
from tradewind.core.plan import DagPlan
from tradewind.core.planning import plan_instances
from tradewind.core.runs import RunType, run_id_of
from tradewind.core.spec import DagSpec
from tradewind.core.states import LegState, RunState, TaskState
from tradewind.protocol.callbacks import CallbackOrder
from tradewind.protocol.child import Done
from tradewind.protocol.clock import Clock, SystemClock
from tradewind.protocol.orders import BundleRef, RunFacts, TaskOrder
from tradewind.protocol.ports import bound_port
from tradewind.runtime.callbacks import run_callback
from tradewind.runtime.execute import run_task
from tradewind.runtime.local_answers import LocalAnswers
from tradewind.runtime.local_log import (
    readable_log,
    say,
    say_no_deadlines,
    say_warnings,
    say_who_runs,
)
from tradewind.runtime.local_masks import hiding
from tradewind.runtime.local_record import LocalRun
from tradewind.runtime.local_waits import Leg, LocalWaits, Outcome
from tradewind.runtime.memory import MemoryPort, read_connections, read_variables
from tradewind.runtime.serialize import serialize_dag
from tradewind.runtime.timetables import dates_by_hand
from tradewind.sdk.dags import DAG
from tradewind.sdk.enums import DagRunState
from tradewind.sdk.sentinels import NOTSET, is_arg_set
from tradewind.sdk.timezone import as_instant

log = logging.getLogger("tradewind.local")


def run_dag(
    dag: DAG,
    *,
    run_after: datetime | None = None,
    logical_date: Any = NOTSET,
    conf: dict[str, Any] | None = None,
    conn_file_path: str | None = None,
    variable_file_path: str | None = None,
    mark_success_pattern: str | None = None,
    clock: Clock | None = None,
) -> LocalRun:
    """Run the Dag once and answer the run.

    Raises:
        AirflowException: The Dag cannot run, or a file of variables or connections cannot be read.
        ParamValidationError: The conf does not fit the Dag's Params.
    """
    port = MemoryPort(
        read_variables(variable_file_path) if variable_file_path else None,
        read_connections(conn_file_path) if conn_file_path else None,
    )
    return run_dag_in(
        port,
        dag,
        run_after=run_after,
        logical_date=logical_date,
        conf=conf,
        mark_success_pattern=mark_success_pattern,
        clock=clock,
    )


def run_dag_in(
    port: MemoryPort,
    dag: DAG,
    *,
    run_after: datetime | None = None,
    logical_date: Any = NOTSET,
    conf: dict[str, Any] | None = None,
    mark_success_pattern: str | None = None,
    clock: Clock | None = None,
) -> LocalRun:
    """Run the Dag once, where ``port`` answers what its tasks ask, and answer the run.

    Raises:
        AirflowException: The Dag cannot run.
        ParamValidationError: The conf does not fit the Dag's Params.
    """
    clock = clock or SystemClock()
    spec = serialize_dag(dag, Path(dag.fileloc).name)
    now = clock.now()
    date = as_instant("logical_date", logical_date) if is_arg_set(logical_date) else None
    after = as_instant("run_after", run_after) or date or now
    date = date if is_arg_set(logical_date) else after
    facts = _facts(dag, spec, after, date, conf or {}, now)
    params = dag.params.copy()
    params.deep_merge(facts.conf)
    params.validate()
    port.data.begin(spec, clock)
    run = LocalRun(dag, facts, port)
    with readable_log(port.masker), hiding(port.masker):
        say_warnings(spec.warnings)
        say_no_deadlines(_with_deadlines(spec))
        say_who_runs(dag.tasks)
        _Runner(run, spec, facts, clock, mark_success_pattern).run_all()
    return run


def _with_deadlines(spec: DagSpec) -> list[str]:
    owners = {spec.dag_id: spec} | {task.task_id: task for task in spec.tasks} | dict(spec.groups)
    return [name for name, owner in owners.items() if owner.deadlines]


def _facts(
    dag: DAG,
    spec: DagSpec,
    after: datetime,
    date: datetime | None,
    conf: dict[str, Any],
    now: datetime,
) -> RunFacts:
    dates = dates_by_hand(dag, spec.timetable, logical_date=date, run_after=after)
    return RunFacts(
        dag_id=spec.dag_id,
        run_id=run_id_of(RunType.MANUAL, dates.run_after, dates.logical_date),
        run_type=RunType.MANUAL.value,
        run_after=dates.run_after,
        logical_date=dates.logical_date,
        data_interval_start=dates.data_interval_start,
        data_interval_end=dates.data_interval_end,
        start_date=now,
        conf=conf,
        triggered_by="test",
    )


class _Runner:
    """The loop: let the core decide, run what it scheduled, tell the core."""

    def __init__(
        self,
        run: LocalRun,
        spec: DagSpec,
        facts: RunFacts,
        clock: Clock,
        mark_success_pattern: str | None,
    ) -> None:
        self.run = run
        self.facts = facts
        self.clock = clock
        instances = plan_instances(spec, facts.logical_date)
        self.plan = DagPlan(spec, [instance.task_id for instance in instances])
        self.graph = RunGraph.start(self.plan)
        run.port.answers.update(LocalAnswers(run.dag, facts, self.graph, run.port.answers).table())
        self.marked = re.compile(mark_success_pattern) if mark_success_pattern else None
        self.ends: dict[tuple[str, str], Done] = {}
        self.ready: list[tuple[str, str]] = []
        self.waiting: list[tuple[datetime, str, str]] = []
        self.legs: dict[tuple[str, str], Leg] = {}
        self.waits = LocalWaits(clock)
        # The run's own time: goes ahead over the delays that are not waited for.
        self.skipped = timedelta()

    def run_all(self) -> None:
        """Run to the end of the run."""
        log.info("Run %s of Dag '%s'", self.run.run_id, self.run.dag_id)
        for task_id in self.plan.held_by_past:
            self.graph.set_past(task_id, ok=True)
        self._fold(RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=self._now()))
        self._decide()
        try:
            while self.graph.state is RunState.RUNNING and self._go_on():
                self._decide()
        finally:
            self.waits.close()
        self._finish()

    def _go_on(self) -> bool:
        """Do what comes next; False when there is nothing."""
        if self.ready:
            self._run_instance(*self._next())
        elif self.waits.pending:
            self._take_up(*self.waits.next())
        else:
            return self._skip_ahead()
        return True

    def _take_up(self, key: tuple[str, str], came: Outcome) -> None:
        """Let an instance go on whose wait is over, or end it as its trigger said."""
        node = self.graph.node(*key)
        if node.state not in (TaskState.DEFERRED, TaskState.AWAITING_INPUT):
            return
        if came.end is None:
            self.legs[key].resume = came.resume
            self._move(node, TaskState.SCHEDULED)
            self.ready.append(key)
            return
        self.legs.pop(key, None)
        new = came.end.ends or TaskState.SUCCESS
        port = self.run.port
        port.begin(self.run.dag_id, self.run.run_id, key[0], node.index, key[1], keep=True)
        for name, value, length in came.end.xcoms:
            port.push_xcom(name, value, length)
        pushed = port.pushed() if new is TaskState.SUCCESS else {}
        self._move(node, new, None, tuple(sorted(pushed.items())))
        say(*key, new.value, "ended by its trigger")

    def _now(self) -> datetime:
        return self.clock.now() + self.skipped

    def _fold(self, event: Event) -> None:
        fold(self.graph, self.graph.seq + 1, event)

    def _decide(self) -> None:
        for event in decide(self.graph, self._now()):
            self._note(event)

    def _note(self, event: Event) -> None:
        if isinstance(event, RunMoved):
            self.run.state = DagRunState(event.new.value)
            self.run.reason = event.reason
        elif isinstance(event, GroupRetried):
            log.info("%s", event.reason)
        elif isinstance(event, TaskMoved):
            if event.new is TaskState.SCHEDULED:
                self.ready.append((event.task_id, event.map_path))
            elif event.wake_at is not None:
                self.waiting.append((event.wake_at, event.task_id, event.map_path))
            elif event.new in _QUIET:
                say(event.task_id, event.map_path, event.new.value, event.reason)

    def _next(self) -> tuple[str, str]:
        """Take what comes first: by priority, then by the Dag's order, then by map index."""
        order = self.plan.index

        def place(item: tuple[str, str]) -> tuple[int, int, int]:
            task = self.plan.tasks[order[item[0]]]
            return (-task.priority_weight, order[item[0]], self.graph.node(*item).index)

        chosen = min(self.ready, key=place)
        self.ready.remove(chosen)
        return chosen

    def _skip_ahead(self) -> bool:
        """Go on to the moment of the next retry or reschedule, without waiting for it."""
        if not self.waiting:
            return False
        moment, _, _ = min(self.waiting)
        self.waiting = [item for item in self.waiting if item[0] > moment]
        self.skipped += max(moment - self._now(), timedelta())
        return True

    def _run_instance(self, task_id: str, path: str) -> None:
        node = self.graph.node(task_id, path)
        if node.state is not TaskState.SCHEDULED:
            return
        self._move(node, TaskState.QUEUED)
        self._move(node, TaskState.RUNNING)
        order = self._order(node, task_id, path)
        port = self.run.port
        keep = order.leg > 1
        port.begin(self.run.dag_id, self.run.run_id, task_id, order.map_index, path, keep=keep)
        say(task_id, path, "running", f"try {node.try_number}" if node.try_number > 1 else "")
        done = self._attempt(order)
        for xcom in done.xcoms:
            self.run.port.push_xcom(xcom.key, xcom.value, xcom.length)
        self._settle(node, order, done)

    def _attempt(self, order: TaskOrder) -> Done:
        if self.marked is not None and self.marked.search(order.task_id):
            moment = self.clock.now().timestamp()
            return Done(outcome="success", started_at=moment, ended_at=moment)
        token = bound_port.set(self.run.port)
        try:
            return run_task(order, {self.run.dag_id: self.run.dag}, self.run.port, self.clock)
        finally:
            bound_port.reset(token)

    def _wake_at(self, done: Done) -> datetime | None:
        """Answer when a rescheduled leg is due in the run's own time."""
        if done.wake_at is None:
            return None
        return datetime.fromtimestamp(done.wake_at, UTC) + self.skipped

    def _settle(self, node: Node, order: TaskOrder, done: Done) -> None:
        task = self.plan.tasks[node.task]
        moment = self._now()
        follows = after_leg(
            LegState(done.outcome),
            try_number=node.try_number,
            max_tries=node.max_tries,
            delay=timedelta(),
            now=moment,
            retry_allowed=done.retry,
            wake_at=self._wake_at(done),
        )
        assert follows is not None  # noqa: S101 - nobody else moves instances of a local run
        self.ends[task.task_id, node.path] = done
        key = task.task_id, node.path
        leg = self.legs[key]
        leg.number, leg.resume = leg.number + 1, None
        leg.reschedules += follows.state is TaskState.UP_FOR_RESCHEDULE
        if follows.state not in _LEFT:
            del self.legs[key]
        if follows.wake_at is not None:
            self.waiting.append((follows.wake_at, task.task_id, node.path))
        if follows.state is TaskState.SUCCESS:
            self.run.port.data.succeed(done.asset_events, clears_state=done.clears_state)
        pushed = self.run.port.pushed() if follows.state is TaskState.SUCCESS else {}
        skips = done.skips if follows.state is TaskState.SUCCESS else ()
        self._move(node, follows.state, follows.wake_at, tuple(sorted(pushed.items())), skips)
        say(task.task_id, node.path, follows.state.value, done.retry_reason or done.error)
        if done.deferral is not None:
            self.waits.defer(key, order, done.deferral, self.run.port)
        elif done.input_request is not None:
            self.waits.ask(key, done.input_request)

    def _move(
        self,
        node: Node,
        new: TaskState,
        wake_at: datetime | None = None,
        pushed: tuple[tuple[str, int | None], ...] = (),
        skips: tuple[str, ...] = (),
    ) -> None:
        self._fold(
            TaskMoved(
                task_id=self.plan.tasks[node.task].task_id,
                map_path=node.path,
                old=node.state,
                new=new,
                try_number=node.try_number,
                wake_at=wake_at,
                pushed=pushed,
                skips=skips,
            )
        )

    def _order(self, node: Node, task_id: str, path: str) -> TaskOrder:
        file = Path(self.run.dag.fileloc)
        leg = self.legs.setdefault((task_id, path), Leg(started_at=self._now()))
        started = leg.started_at or self._now()
        return TaskOrder(
            attempt_id=self.graph.seq,
            epoch=1,
            token="",
            ti_id=self.graph.seq,
            task_id=task_id,
            map_path=path,
            map_index=node.index,
            try_number=node.try_number,
            max_tries=node.max_tries,
            leg=leg.number,
            reschedules=leg.reschedules,
            resume=leg.resume,
            run=self.facts,
            bundle=BundleRef(name="local", root=str(file.parent), dags_folder=str(file.parent)),
            file=file.name,
            # Pauses that were not waited for count as if they were.
            first_started_at=started - self.skipped,
        )

    def _finish(self) -> None:
        self.run.end_date = self.clock.now()
        self.run.record(self.graph, self.ends)
        log.info("Run %s ended: %s", self.run.run_id, self.run.state)
        self._call_back("success" if self.run.state == "success" else "failure")

    def _call_back(self, event: str) -> None:
        """Call the Dag's callbacks, as a worker would that the server asks to."""
        dag = self.run.dag
        if not getattr(dag, f"on_{event}_callback"):
            return
        last = max(self.ends.items(), key=_how_relevant, default=None)
        file = Path(dag.fileloc)
        order = CallbackOrder(
            job_id=0,
            epoch=1,
            callback_id=callback_id(self.run.dag_id, self.run.run_id, event),
            kind="dag",
            event=event,
            reason=self.run.reason,
            run=self.facts,
            task=None if last is None else self._order(self.graph.node(*last[0]), *last[0]),
            bundle=BundleRef(name="local", root=str(file.parent), dags_folder=str(file.parent)),
            file=file.name,
        )
        token = bound_port.set(self.run.port)
        try:
            run_callback(order, {dag.dag_id: dag}, self.run.port)
        finally:
            bound_port.reset(token)


def _how_relevant(end: tuple[tuple[str, str], Done]) -> tuple[bool, float]:
    """Rank what a Dag's callback may be about: the last that failed, else that ended."""
    return end[1].outcome == LegState.FAILED, end[1].ended_at


_LEFT = frozenset({TaskState.UP_FOR_RESCHEDULE, TaskState.DEFERRED, TaskState.AWAITING_INPUT})
"""States from which the same try goes on."""

_QUIET = frozenset(
    {TaskState.SUCCESS, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED, TaskState.FAILED}
)
"""States an instance may reach without running."""
