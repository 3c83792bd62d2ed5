"""The planner: declares ticks due, makes runs, and lets queued ones go as far as limits allow."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from tradewind.core import planning
from tradewind.core.backfill import DEFAULT_MAX_ACTIVE_RUNS
from tradewind.core.plan import DagPlan
from tradewind.core.planning import QueuedRun, Room, choose_runs_to_start, plan_instances, plan_runs
from tradewind.core.runs import Run, RunType, partition_run_id, run_id_of
from tradewind.core.spec import DagSpec
from tradewind.core.states import RunState
from tradewind.core.timetables import RunInfo, active_runs_limit, needs_worker, waits_for_assets
from tradewind.core.watches import watched_tasks
from tradewind.errors import RefusedError
from tradewind.scheduler.code import Code, newest_code
from tradewind.scheduler.forecasts import Forecasts
from tradewind.scheduler.live import LiveRun, new_instance
from tradewind.scheduler.runs import Runs
from tradewind.store import backfills, dags, runs, tasks
from tradewind.store.backfills import BackfillFacts
from tradewind.store.dags import DagFacts, PlannerMarks
from tradewind.store.database import Tx
from tradewind.store.runs import Group
from tradewind.store.tasks import TaskInstance

_log = logging.getLogger(__name__)

_DAGS_A_LOOK = 50
_LOOK_EVERY = timedelta(seconds=1)
_FEW = 8


class AssetGate(Protocol):
    """What a Dag that waits for a time and for assets asks of those."""

    def is_open(self, tx: Tx, facts: DagFacts, spec: DagSpec) -> bool:
        """Tell whether all its assets were updated since its last run.

        Whoever makes that true calls ``dags.wake_held``: a tick may wait for it.
        """

    def consume(self, tx: Tx, run: Run, spec: DagSpec, now: datetime) -> None:
        """Count the updates there are as those of this run."""


class Planner:
    """Makes scheduled runs on their ticks, and starts queued runs of every kind.

    Attributes:
        has_due: Whether a Dag may be due that was not before: the next look should be at once.
        forecasts: What knows of timetables of authors' own.
        gate: What knows of updates of assets.
        queued_until: When the first of the queued runs comes due that were not due before.
    """

    def __init__(self, live: Runs, forecasts: Forecasts) -> None:
        """Bind the keeper of live runs, and what asks timetables of authors' own."""
        self._live = live
        self.forecasts = forecasts
        self._look = True
        self._groups: set[Group] = set()
        self._looked_at: datetime | None = None
        self.gate: AssetGate | None = None
        self.has_due = False
        self.queued_until: datetime | None = None

    def forget(self) -> None:
        """Look at everything again: a transaction was undone."""
        self._look = True

    @property
    def wants_to_look(self) -> bool:
        """Whether a queued run may be able to start."""
        return self._look or bool(self._groups)

    def look_again(self) -> None:
        """Say that queued runs of any Dag may have got room."""
        self._look = True

    def look_at(self, run: Run) -> None:
        """Say that this run waits, or that it has left room to those that share its limit."""
        self._groups.add((run.dag_id, run.backfill_id))

    def look_if_due(self, now: datetime) -> None:
        """Look at queued runs when one of them comes due, and each second whatever is known."""
        came_due = self.queued_until is not None and self.queued_until <= now
        at = self._looked_at
        if came_due or at is None or not timedelta() <= now - at < _LOOK_EVERY:
            self._look = True

    def plan(self, tx: Tx, now: datetime) -> None:
        """Make the scheduled runs of the Dags that are due, the longest due first."""
        for facts in dags.read_due_dags(tx, now, _DAGS_A_LOOK):
            self._plan_dag(tx, facts, now)

    def _plan_dag(self, tx: Tx, facts: DagFacts, now: datetime) -> None:
        spec = facts.decode_spec()
        ticks = None
        if needs_worker(spec.timetable):
            ticks = self.forecasts.ticks(tx, facts, spec, now)
            if ticks is None:
                # The answer wakes it.
                dags.set_next(tx, facts.dag_id, _asleep(facts.marks))
                return
        active = runs.count_active_of(tx, facts.dag_id).get(None, 0)
        plan = plan_runs(
            planning.DagFacts(
                spec=spec,
                last=facts.marks.last_automated,
                pending=facts.marks.next_run,
                active_runs=active,
                assets_ready=self._has_assets(tx, facts, spec),
                ticks=ticks,
            ),
            now,
        )
        made = [self._make_scheduled(tx, facts, spec, info, now) for info in plan.create]
        # A tick that had its run already took no room: those held for want of it are due at once.
        look_at = plan.look_at if all(made) or not plan.held else now
        last = plan.create[-1] if plan.create else facts.marks.last_automated
        dags.set_next(
            tx,
            facts.dag_id,
            PlannerMarks(
                next_run=plan.next,
                next_due_at=look_at,
                declared_after=last.run_after if last else facts.marks.declared_after,
                last_automated=last,
            ),
        )
        if ticks is not None and plan.create:
            self.forecasts.refill(tx, facts, spec, last, now)

    def _make_scheduled(
        self, tx: Tx, facts: DagFacts, spec: DagSpec, info: RunInfo, now: datetime
    ) -> bool:
        run = run_of_tick(facts.dag_id, info)
        # A person may have run this very date already; the tick then has its run.
        date = run.logical_date
        if date is not None and runs.read_run_of_date(tx, facts.dag_id, date) is not None:
            return False
        try:
            made = self.make(tx, facts, spec, run, now)
        except RefusedError as refusal:
            # Dates of tasks may leave out a tick that the schedule holds: there is nothing to run.
            _log.info("No run of %s: %s", run.run_id, refusal.message)
            return False
        if self.gate is not None and waits_for_assets(spec.timetable):
            self.gate.consume(tx, made.run, spec, now)
        return True

    def _has_assets(self, tx: Tx, facts: DagFacts, spec: DagSpec) -> bool:
        waits = self.gate is not None and waits_for_assets(spec.timetable)
        return waits and self.gate is not None and self.gate.is_open(tx, facts, spec)

    def make(self, tx: Tx, facts: DagFacts, spec: DagSpec, run: Run, now: datetime) -> LiveRun:
        """Write a run and its instances; it is queued.

        Raises:
            ConflictError: The Dag has a run of that id, or for that logical date.
            RefusedError: No task of the Dag exists at that date.
        """
        return self.make_on(tx, newest_code(tx, facts, spec), run, now)

    def make_on(
        self, tx: Tx, code: Code, run: Run, now: datetime, place: int | None = None
    ) -> LiveRun:
        """Write a run of this very code and its instances; it is queued.

        Args:
            tx: The transaction.
            code: What it runs.
            run: The run; what the code says of it is filled in.
            now: The present moment.
            place: Its place in its backfill.

        Raises:
            ConflictError: The Dag has a run of that id, or for that logical date.
            RefusedError: No task of the Dag exists at that date.
        """
        present = [one.task_id for one in plan_instances(code.spec, run.logical_date)]
        new = _queued(run, code, now)
        pk = runs.insert_run(tx, new, place)
        self.look_at(new)
        stored = runs.read_run_by_pk(tx, pk) or new
        return self._live.adopt(tx, stored, code.spec, present)

    def make_many(
        self, tx: Tx, code: Code, backfill_id: int, wanted: Mapping[int, Run], now: datetime
    ) -> dict[int, int]:
        """Write the new runs of a backfill and their instances; they are queued.

        They come into memory when they start: until then there may be thousands.

        Returns:
            The keys of all runs of the backfill, by their places in it.

        Raises:
            ConflictError: The Dag has a run of an id, or for a logical date, of one of them.
            RefusedError: No task of the Dag exists at one of these dates.
        """
        spec = code.spec
        if spec.deadlines or watched_tasks(spec):
            # What is to be noted of each needs it in memory.
            return {
                place: self.make_on(tx, code, one, now, place).pk for place, one in wanted.items()
            }
        new = {place: _queued(one, code, now) for place, one in wanted.items()}
        keys = runs.insert_runs(tx, backfill_id, new)
        plans: dict[tuple[str, ...], DagPlan] = {}
        rows: list[TaskInstance] = []
        for place, one in new.items():
            present = tuple(i.task_id for i in plan_instances(spec, one.logical_date))
            plan = plans.get(present) or plans.setdefault(present, DagPlan(spec, present))
            rows += [new_instance(one, task, run_pk=keys[place]) for task in plan.tasks]
        tasks.insert_many(tx, rows)
        for one in new.values():
            self.look_at(one)
        return keys

    def start(self, tx: Tx, now: datetime) -> None:
        """Start the queued runs that are due and have room.

        Runs share a limit with those of their Dag, or of their backfill, and with nobody else: so
        no stream of runs can keep those of another Dag or backfill from starting.
        """
        if self._look:
            self._looked_at = now
            self._groups.update(runs.read_queued_groups(tx))
        groups, self._groups, self._look = sorted(self._groups, key=_own_first), set(), False
        if groups:
            for pk in self._choose(tx, groups, now):
                self._live.start(self._live.load(tx, pk), now)

    def _choose(self, tx: Tx, groups: list[Group], now: datetime) -> tuple[int, ...]:
        # Few Dags are counted by themselves, so that what runs elsewhere costs nothing.
        dag_ids = {dag_id for dag_id, _ in groups}
        running = runs.count_running(tx, dag_ids if len(dag_ids) <= _FEW else None)
        known = dags.read_dags(tx, dag_ids)
        of_dags: dict[str, Room] = {}
        of_backfills: dict[int, Room] = {}
        candidates: list[QueuedRun] = []
        for group in groups:
            dag_id, backfill_id = group
            facts = known.get(dag_id)
            if facts is None:
                continue
            if backfill_id is None:
                room = of_dags[dag_id] = room_of_dag(facts, running.get(group, 0))
            else:
                own = backfills.read_backfill(tx, backfill_id)
                room = room_of_backfill(own, running.get(group, 0), is_stale=facts.is_stale)
                of_backfills[backfill_id] = room
            if room.free:
                candidates += runs.read_startable(tx, group, now, room.free)
        return choose_runs_to_start(candidates, now, dags=of_dags, backfills=of_backfills).start

    def run_left(self, tx: Tx, run: Run, now: datetime) -> None:
        """Follow the end or deletion of a run: room for others, a held tick, a backfill done."""
        self.look_at(run)
        if dags.wake_held(tx, [run.dag_id], now):
            self.has_due = True
        of = run.backfill_id
        if of is not None and not runs.is_any_unfinished(tx, of):
            backfills.complete_backfill(tx, of, now)


def _queued(run: Run, code: Code, now: datetime) -> Run:
    return msgspec.structs.replace(
        run,
        state=RunState.QUEUED,
        queued_at=now,
        version_id=code.version_id,
        bundle=code.files.bundle,
        digest=code.files.digest,
        pinned_file=code.files.pinned_file,
    )


def _asleep(marks: PlannerMarks) -> PlannerMarks:
    return msgspec.structs.replace(marks, next_run=None, next_due_at=None)


def run_of_tick(dag_id: str, info: RunInfo) -> Run:
    """Answer the scheduled run of a tick; one for a partition is known by its key, not by dates."""
    if info.partition_key is not None:
        run_id = partition_run_id(RunType.SCHEDULED, info.run_after, info.partition_key)
        return Run(
            dag_id=dag_id,
            run_id=info.run_id or run_id,
            run_type=RunType.SCHEDULED,
            run_after=info.run_after,
            partition_key=info.partition_key,
            triggered_by="timetable",
        )
    return Run(
        dag_id=dag_id,
        run_id=info.run_id or run_id_of(RunType.SCHEDULED, info.run_after, info.logical_date),
        run_type=RunType.SCHEDULED,
        logical_date=info.logical_date,
        data_interval_start=info.data_interval_start,
        data_interval_end=info.data_interval_end,
        run_after=info.run_after,
        triggered_by="timetable",
    )


def room_of_dag(facts: DagFacts, running: int) -> Room:
    """Answer how much room the runs of a Dag have that belong to no backfill."""
    timetable = facts.decode_head().timetable
    own = active_runs_limit(timetable) if timetable else None
    limit = facts.max_active_runs if own is None else min(own, facts.max_active_runs)
    return Room(
        limit=limit,
        running=running,
        paused=facts.is_paused,
        pause_reason=facts.pause_reason or "",
        gone=facts.is_stale,
    )


def room_of_backfill(facts: BackfillFacts | None, running: int, *, is_stale: bool) -> Room:
    """Answer how much room the runs of a backfill have.

    One that is over lets runs of it that were cleared go again, though it was paused or cancelled;
    so does one whose row was deleted since.
    """
    if facts is None:
        return Room(limit=DEFAULT_MAX_ACTIVE_RUNS, running=running, gone=is_stale)
    paused = facts.is_paused and facts.completed_at is None
    return Room(limit=facts.max_active_runs, running=running, paused=paused, gone=is_stale)


def _own_first(group: Group) -> tuple[bool, str, int]:
    dag_id, backfill_id = group
    return (backfill_id is not None, dag_id, backfill_id or 0)
