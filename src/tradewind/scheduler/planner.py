"""The planner: declares ticks due, makes runs, and lets queued ones go as far as limits allow."""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

from tradewind.core import planning
from tradewind.core.planning import QueuedRun, Room, choose_runs_to_start, plan_instances, plan_runs
from tradewind.core.runs import Run, RunType, partition_run_id, run_id_of
from tradewind.core.spec import DagSpec
from tradewind.core.states import RunState
from tradewind.core.timetables import RunInfo, active_runs_limit, waits_for_assets
from tradewind.errors import RefusedError
from tradewind.scheduler.live import LiveRun
from tradewind.scheduler.runs import Runs
from tradewind.store import backfills, dags, places, runs
from tradewind.store.dags import DagFacts, PlannerMarks
from tradewind.store.database import Tx

_log = logging.getLogger(__name__)

_DAGS_A_LOOK = 50
_RUNS_A_LOOK = 200
_LOOK_EVERY = timedelta(seconds=1)


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
        gate: What knows of updates of assets.
        queued_until: When the first of the queued runs comes due that were not due before.
    """

    def __init__(self, live: Runs) -> None:
        """Bind the keeper of live runs."""
        self._live = live
        self._look = True
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
        return self._look

    def look_again(self) -> None:
        """Say that a queued run may have got room, or that there is a new one."""
        self._look = True

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
        active = sum(n for _, of, _, n in runs.count_active(tx, facts.dag_id) if of is None)
        plan = plan_runs(
            planning.DagFacts(
                spec=spec,
                last=facts.marks.last_automated,
                pending=facts.marks.next_run,
                active_runs=active,
                assets_ready=self._has_assets(tx, facts, spec),
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
        present = [one.task_id for one in plan_instances(spec, run.logical_date)]
        code = places.choose_code(tx, facts, spec)
        new = Run(
            dag_id=run.dag_id,
            run_id=run.run_id,
            run_type=run.run_type,
            state=RunState.QUEUED,
            logical_date=run.logical_date,
            data_interval_start=run.data_interval_start,
            data_interval_end=run.data_interval_end,
            run_after=run.run_after,
            queued_at=now,
            conf=run.conf,
            note=run.note,
            triggered_by=run.triggered_by,
            triggering_user_name=run.triggering_user_name,
            partition_key=run.partition_key,
            backfill_id=run.backfill_id,
            version_id=facts.version_id,
            bundle=code.bundle,
            digest=code.digest,
            pinned_file=code.pinned_file,
        )
        pk = runs.insert_run(tx, new)
        self._look = True
        stored = runs.read_run_by_pk(tx, pk) or new
        return self._live.adopt(tx, stored, spec, present)

    def start(self, tx: Tx, now: datetime) -> None:
        """Start the queued runs that are due and have room."""
        self._look, self._looked_at = False, now
        full_dags: set[str] = set()
        full_backfills: set[int] = set()
        while True:
            candidates = runs.read_startable(
                tx,
                now,
                limit=_RUNS_A_LOOK,
                without_dags=full_dags,
                without_backfills=full_backfills,
            )
            if not candidates:
                return
            chosen = self._choose(tx, candidates, now)
            for pk in chosen:
                self._live.start(self._live.load(tx, pk), now)
            # Whoever was passed over has no room, or is not due: look at the others only.
            left = [run for run in candidates if run.pk not in chosen]
            full_dags |= {run.dag_id for run in left if run.backfill_id is None}
            full_backfills |= {run.backfill_id for run in left if run.backfill_id is not None}
            if len(candidates) < _RUNS_A_LOOK:
                return
            if chosen:
                self._live.decide(tx, now)
                self._live.flush(tx, now)

    def _choose(self, tx: Tx, candidates: list[QueuedRun], now: datetime) -> set[int]:
        running = {
            (dag_id if of is None else None, of): n for dag_id, of, n in runs.count_running(tx)
        }
        rooms = self._rooms(tx, {run.dag_id for run in candidates}, running)
        of_backfills = {
            facts.id: Room(
                limit=facts.max_active_runs,
                running=running.get((None, facts.id), 0),
                paused=facts.is_paused,
            )
            for facts in backfills.read_active_backfills(tx)
        }
        plan = choose_runs_to_start(
            candidates,
            now,
            dags=rooms,
            backfills=of_backfills,
        )
        return set(plan.start)

    def _rooms(
        self, tx: Tx, dag_ids: Collection[str], running: dict[tuple[str | None, int | None], int]
    ) -> dict[str, Room]:
        rooms = {}
        for dag_id, facts in dags.read_dags(tx, dag_ids).items():
            timetable = facts.decode_head().timetable
            own = active_runs_limit(timetable) if timetable else None
            limit = facts.max_active_runs if own is None else min(own, facts.max_active_runs)
            rooms[dag_id] = Room(
                limit=limit, running=running.get((dag_id, None), 0), paused=facts.is_paused
            )
        return rooms

    def run_left(self, tx: Tx, run: Run, now: datetime) -> None:
        """Follow the end or deletion of a run: room for others, a held tick, a backfill done."""
        self._look = True
        if dags.wake_held(tx, [run.dag_id], now):
            self.has_due = True
        of = run.backfill_id
        if of is not None and runs.count_unfinished_of_backfill(tx, of) == 0:
            backfills.complete_backfill(tx, of, now)


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
