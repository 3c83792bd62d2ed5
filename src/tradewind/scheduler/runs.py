"""The keeper of live runs: loads them, folds what happens into them, decides, writes them back."""

from collections.abc import Collection, Iterable
from datetime import datetime

import msgspec

from tradewind.core.events import Event, RunMoved
from tradewind.core.plan import DagPlan
from tradewind.core.readiness import is_past_ok
from tradewind.core.runs import Run
from tradewind.core.spec import DagSpec
from tradewind.core.states import TERMINAL_RUN, TERMINAL_TASK, RunState, TaskState
from tradewind.protocol.triggers import TriggerCancel
from tradewind.scheduler.callbacks import Callbacks
from tradewind.scheduler.deadlines import Deadlines
from tradewind.scheduler.live import LiveRun, Step, new_instance
from tradewind.scheduler.waiting import Waiting
from tradewind.store import (
    attempts,
    backfills,
    dags,
    deferrals,
    events,
    human_inputs,
    past,
    retention,
    runs,
    tasks,
    xcoms,
)
from tradewind.store.archives import Archive
from tradewind.store.database import Tx
from tradewind.store.retention import Wish
from tradewind.store.tasks import TaskInstance

_OUTSIDE = frozenset({TaskState.DEFERRED, TaskState.AWAITING_INPUT})
_BEFORE_A_TRY = frozenset({TaskState.NONE, TaskState.UP_FOR_RETRY})
_LIVE_STATES = frozenset({TaskState.RUNNING, TaskState.RESTARTING})
_READY = frozenset({TaskState.SCHEDULED, TaskState.QUEUED})
_OVER = TERMINAL_TASK | {TaskState.NONE}


class Runs:
    """All runs this scheduler owns and has looked at.

    Attributes:
        waiting: What waits for admission, what holds slots, what waits for a worker.
    """

    def __init__(self, owner: str, callbacks: Callbacks, deadlines: Deadlines) -> None:
        """Own nothing yet.

        Args:
            owner: Id of this scheduler, written on every run it takes.
            callbacks: Owes what ends of runs are to be told.
            deadlines: Keeps what is due when.
        """
        self._callbacks = callbacks
        self._deadlines = deadlines
        self.waiting = Waiting()
        self._owner = owner
        self._live: dict[int, LiveRun] = {}
        self._touched: dict[int, LiveRun] = {}
        self._plans: dict[int, tuple[bytes, DagSpec, dict[frozenset[str], DagPlan]]] = {}
        self._cancels: dict[int, str] = {}
        self._rerun: list[tuple[int, str, str]] = []
        self._left: dict[int, str] = {}
        self._starts: list[tuple[LiveRun, TaskInstance]] = []
        self._past_waiters: dict[str, set[int]] = {}
        self._woken_dags: set[str] = set()
        self._unsure_dags: set[str] = set()
        self._ended: list[LiveRun] = []
        self._wake_at: datetime | None = None
        self._loaded = False
        self._moved: set[int] = set()

    def forget(self) -> None:
        """Throw away all that is held in memory: a transaction was undone."""
        self.waiting = Waiting()
        self._live.clear()
        self._touched.clear()
        self._cancels.clear()
        self._rerun.clear()
        self._left.clear()
        self._starts.clear()
        self._past_waiters.clear()
        self._woken_dags.clear()
        self._unsure_dags.clear()
        self._ended.clear()
        self._moved.clear()
        self._callbacks.forget()
        self._deadlines.forget()
        self._loaded = False

    def ensure_loaded(self, tx: Tx) -> None:
        """Know everything that waits or holds slots; costs nothing once it is known."""
        if self._loaded:
            return
        self._loaded = True
        for dag_id in dags.read_paused_ids(tx):
            self.waiting.pause(dag_id)
        for ti_id in attempts.read_ending(tx):
            self.waiting.hold(ti_id)
        instances = tasks.read_instances_of_running(tx)
        lengths = xcoms.read_lengths_of_running(tx)
        specs: dict[int, DagSpec] = {}
        for run in runs.claim_running(tx, self._owner):
            version = run.version_id or 0
            if version not in specs:
                specs[version] = self.spec_of_version(tx, version)
            rows, pushed = instances.get(run.pk, []), lengths.get(run.pk, [])
            self._take(self._build(tx, run, specs[version], rows, pushed, run.epoch))
        for pk in tasks.read_runs_with_life(tx):
            # Not running, but a process of an instance that was cleared holds its slots still.
            self.load(tx, pk)

    def load(self, tx: Tx, pk: int) -> LiveRun:
        """Answer a run, from memory or from its rows; from rows it is taken under a new epoch.

        Raises:
            LookupError: There is no such run.
        """
        live = self._live.get(pk)
        if live is not None:
            return live
        run = runs.read_run_by_pk(tx, pk)
        if run is None:
            raise LookupError(pk)
        return self._take(self._read(tx, run, runs.claim_run(tx, pk, self._owner)))

    def _take(self, live: LiveRun) -> LiveRun:
        self._live[live.pk] = live
        if live.state is not RunState.QUEUED:
            # What runs is looked at; what has ended is let go with the next flush.
            self._touched[live.pk] = live
        for row in live.rows.values():
            self.waiting.moved(live, row, TaskState.NONE, row.state)
        return live

    def reload(self, tx: Tx, dag_ids: Collection[str], now: datetime) -> None:
        """Take the runs of these Dags anew from their rows: their versions may say other limits."""
        mine = [live for live in self._live.values() if live.run.dag_id in dag_ids]
        if not mine:
            return
        # Nothing that was recorded may be forgotten undecided, in any run.
        self.decide(tx, now)
        self.flush(tx, now)
        for live in mine:
            self._live.pop(live.pk, None)
            for row in live.rows.values():
                self.waiting.moved(live, row, row.state, TaskState.NONE)
            if live.state is RunState.RUNNING:
                self.load(tx, live.pk)

    def renew(self, tx: Tx, pk: int, now: datetime) -> LiveRun:
        """Take a run anew from its rows: what they say of it was changed beside the log.

        Raises:
            LookupError: There is no such run.
        """
        if self._touched:
            self.decide(tx, now)
            self.flush(tx, now)
        known = self._live.pop(pk, None)
        if known is not None:
            for row in known.rows.values():
                self.waiting.moved(known, row, row.state, TaskState.NONE)
        return self.load(tx, pk)

    def view(self, tx: Tx, run: Run) -> LiveRun:
        """Answer a run to look at only: from memory, or from its rows without taking it."""
        return self._live.get(run.pk) or self._read(tx, run, run.epoch)

    def _read(self, tx: Tx, run: Run, epoch: int) -> LiveRun:
        rows = tasks.read_instances(tx, run.pk)
        spec = self.spec_of_version(tx, run.version_id or 0)
        return self._build(tx, run, spec, rows, xcoms.read_lengths(tx, run.pk), epoch)

    def _build(
        self,
        tx: Tx,
        run: Run,
        spec: DagSpec,
        rows: list[TaskInstance],
        lengths: Iterable[tuple[str, str, str, int | None]],
        epoch: int,
    ) -> LiveRun:
        plan = self._plan(run, spec, rows)
        live = LiveRun(run, spec, plan, rows, epoch)
        again = bool(plan.retried or plan.run_retry)
        live.load_graph(lengths, runs.read_group_retries(tx, run.pk) if again else None)
        return live

    def _plan(self, run: Run, spec: DagSpec, rows: Iterable[TaskInstance]) -> DagPlan:
        """Answer the plan of a run; runs of one version with the same tasks share one."""
        present = frozenset(row.task_id for row in rows)
        _, known, plans = self._plans.get(run.version_id or 0, (b"", None, {}))
        if known is not spec:
            return DagPlan(spec, present)
        if present not in plans:
            plans[present] = DagPlan(spec, present)
        return plans[present]

    def adopt(self, tx: Tx, run: Run, spec: DagSpec, present: Iterable[str]) -> LiveRun:
        """Take in a run that was just inserted, and insert its instances."""
        plan = DagPlan(spec, present)
        rows = [new_instance(run, task) for task in plan.tasks]
        tasks.insert_instances(tx, rows)
        live = LiveRun(run, spec, plan, rows, runs.claim_run(tx, run.pk, self._owner))
        live.load_graph(())
        self._live[run.pk] = live
        self._deadlines.note_made(live)
        return live

    def record(self, live: LiveRun, event: Event, now: datetime) -> None:
        """Take in something that happened to a run."""
        self._touched[live.pk] = live
        was = live.state
        self._follow(live.record(event, now))
        self._note_end(live, was)

    def stop(self, tx: Tx, pk: int, now: datetime, reason: str, why: str) -> None:
        """End a run as failed; what of it has not ended is skipped."""
        live = self.load(tx, pk)
        self._touched[pk] = live
        was = live.state
        self._follow(live.stop(now, reason, why))
        self._note_end(live, was)

    def start(self, live: LiveRun, now: datetime) -> None:
        """Let a queued run go."""
        moved = RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=now)
        self.record(live, moved, now)

    def touch(self, tx: Tx, pk: int) -> None:
        """Have a run looked at again: a moment it waits for has come."""
        self._touched[pk] = self.load(tx, pk)

    def decide(self, tx: Tx, now: datetime) -> None:
        """Decide all that follows from what was recorded, in every run it touches."""
        looked: set[int] = set()
        while True:
            self._forget_past()
            todo = [live for pk, live in self._touched.items() if pk not in looked]
            for live in todo:
                looked.add(live.pk)
                self._decide_run(tx, live, now)
            for dag_id in self._woken_dags:
                for pk in self._past_waiters.get(dag_id, ()):
                    looked.discard(pk)
                    self._touched[pk] = self.load(tx, pk)
            self._woken_dags.clear()
            if not todo:
                return

    def _forget_past(self) -> None:
        """Have runs ask anew about those before them in which something was cleared or marked."""
        if self._unsure_dags:
            for live in self._live.values():
                if live.run.dag_id in self._unsure_dags:
                    live.graph.forget_past()
            self._unsure_dags.clear()

    def _decide_run(self, tx: Tx, live: LiveRun, now: datetime) -> None:
        self._decide_once(tx, live, now)
        wanted = live.wants_past()
        while wanted:
            for task_id in wanted:
                if self._is_past_done(tx, live, task_id):
                    live.graph.set_past(task_id, ok=True)
            self._decide_once(tx, live, now)
            left = live.wants_past()
            if left == wanted:
                break
            wanted = left
        waiters = self._past_waiters.setdefault(live.run.dag_id, set())
        if wanted and live.state is RunState.RUNNING:
            waiters.add(live.pk)
        else:
            waiters.discard(live.pk)

    def _is_past_done(self, tx: Tx, live: LiveRun, task_id: str) -> bool:
        """Tell whether the run before lets a task go on, as it stands in memory or in its rows."""
        of = live.run.backfill_id
        if of is not None and backfills.read_first_run(tx, of) == live.pk:
            # Whoever asks for these dates begins with this one, whatever became of others before.
            return True
        before = past.read_run_before(tx, live.run, scheduled_only=live.spec.catchup)
        if before is None:
            return True
        task = live.tasks[task_id]
        below = live.below(task_id) if task.wait_for_downstream else ()
        asked = {task_id, *below}
        known = self._live.get(before)
        if known is not None:
            # What was decided in this very transaction is not in its rows yet.
            states = [(r.task_id, r.state) for r in known.rows.values() if r.task_id in asked]
        else:
            states = past.read_states(tx, before, asked)
        mine = [state for name, state in states if name == task_id]
        return is_past_ok(
            has_previous_run=True,
            states=mine,
            downstream=[state for name, state in states if name != task_id],
            ignore_first=task.ignore_first_depends_on_past,
            has_earlier_instance=bool(mine) or past.has_earlier_instance(tx, live.run, task_id),
        )

    def _decide_once(self, tx: Tx, live: LiveRun, now: datetime) -> None:
        was = live.state
        steps = live.decide(now)
        # Instances that came to be get their ids now: admission knows them by these.
        tasks.insert_instances(tx, live.take_fresh())
        self._follow(steps)
        self._note_end(live, was)

    def note_gone(self, pk: int) -> None:
        """Say that a run was deleted."""
        self.forget()
        self._moved.add(pk)

    def take_moved(self) -> set[str]:
        """Answer the keys of the runs whose state changed since this was last asked, as text."""
        moved, self._moved = self._moved, set()
        return set(map(str, moved))

    def _note_end(self, live: LiveRun, was: RunState) -> None:
        if live.state is not was:
            self._moved.add(live.pk)
        if live.state is not was and live.spec.callbacks and live.last_move is not None:
            self._callbacks.note_move(live, live.last_move)
        if live.state in TERMINAL_RUN and was not in TERMINAL_RUN:
            self._ended.append(live)
            self._deadlines.note_end(live)
        elif live.state is RunState.QUEUED and was in TERMINAL_RUN:
            self._deadlines.note_queued(live)

    def _follow(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if step.old in _LIVE_STATES and step.new is not TaskState.RUNNING:
                # Whoever recorded the end of its leg takes this back; else the leg lives on.
                self._cancels[step.row.id] = f"its task instance became {step.new}"
                if step.new is not TaskState.RESTARTING:
                    self.waiting.hold(step.row.id)
            self.waiting.moved(step.live, step.row, step.old, step.new)
            self._callbacks.note_step(step)
            if step.live.watched:
                self._deadlines.note_step(step)
            self._follow_wait(step)
            if step.new is TaskState.SCHEDULED and step.row.try_number > 1 and step.row.leg == 0:
                self._rerun.append((step.row.run_pk, step.row.task_id, step.row.map_path))
            if step.row.wake_at is not None:
                self._wake_at = min(self._wake_at or step.row.wake_at, step.row.wake_at)
            if step.live.graph.plan.held_by_past:
                self._woken_dags.add(step.live.run.dag_id)
                if step.old in TERMINAL_TASK:
                    self._unsure_dags.add(step.live.run.dag_id)

    def _follow_wait(self, step: Step) -> None:
        begins = step.live.tasks[step.row.task_id].start_trigger is not None
        taken_back = step.old in _READY and step.new in _OVER
        if taken_back or (step.old in _OUTSIDE and step.new is not TaskState.SCHEDULED):
            self._left[step.row.id] = f"its task instance became {step.new}"
        starts = begins and step.new is TaskState.SCHEDULED and step.old in _BEFORE_A_TRY
        if starts and not self.waiting.is_ending(step.row.id):
            self._starts.append((step.live, step.row))

    def take_trigger_starts(self) -> list[tuple[LiveRun, TaskInstance]]:
        """Answer the instances scheduled since this was last asked that begin with a trigger."""
        starts, self._starts = self._starts, []
        return starts

    def take_wake(self) -> datetime | None:
        """Answer the earliest moment an instance began to wait for since this was last asked."""
        moment, self._wake_at = self._wake_at, None
        return moment

    def leg_ended(self, ti_id: int) -> None:
        """Say that the leg of this instance is over: there is nothing to cancel or to wait for."""
        self._cancels.pop(ti_id, None)
        waits = self.waiting.release(ti_id)
        if waits is not None and waits[1].leg == 0:
            live, row = waits
            if live.tasks[row.task_id].start_trigger is not None:
                self._starts.append((live, row))

    @property
    def has_touched(self) -> bool:
        """Whether there is a run that something happened to since it was written."""
        return bool(self._touched)

    @property
    def has_ended(self) -> bool:
        """Whether a run ended since this was last followed up."""
        return bool(self._ended)

    def take_ended(self) -> list[LiveRun]:
        """Answer the runs that ended since this was last asked."""
        ended, self._ended = self._ended, []
        return ended

    def flush(self, tx: Tx, now: datetime) -> None:
        """Write everything that was recorded and decided; runs that ended are let go.

        Raises:
            StaleRunError: Another writer was faster; nothing of this transaction may be kept.
        """
        changes, logged, changed = [], [], []
        for live in self._touched.values():
            if live.state in TERMINAL_RUN and not live.is_at_work:
                self._live.pop(live.pk, None)
            change = live.take_change()
            if change is None:
                continue
            changes.append(change)
            logged += live.take_logged()
            changed += live.take_changed()
            retries = live.take_retries()
            if retries is not None:
                runs.apply_group_retries(tx, live.pk, retries)
        runs.apply_run_changes(tx, changes)
        tasks.apply_changes(tx, changed)
        events.append_events(tx, logged)
        xcoms.drop_xcoms(tx, self._rerun)
        self._callbacks.flush(tx, now)
        self._deadlines.flush(tx, now)
        self._flush_cancels(tx)
        self.end_waits(tx, now)
        self._touched.clear()
        self._rerun.clear()

    def _flush_cancels(self, tx: Tx) -> None:
        if self._cancels:
            alive = attempts.read_live_attempts_of(tx, list(self._cancels))
            attempts.apply_cancels(tx, {one.id: self._cancels[one.ti_id] for one in alive})
            self.waiting.cancelled.update(one.worker_id for one in alive)
            self._cancels.clear()

    def end_waits(self, tx: Tx, now: datetime) -> None:
        """End the waits of instances that were cleared, marked or ended while they waited."""
        if not self._left:
            return
        for wait in deferrals.read_waits_of(tx, self._left.keys()):
            if wait.claimed_by is not None:
                self.waiting.unwatched.setdefault(wait.claimed_by, {})[wait.id] = TriggerCancel(
                    trigger_id=wait.id,
                    epoch=wait.epoch,
                    reason=self._left[wait.ti_id],
                    is_kill=True,
                )
        deferrals.drop_waits(tx, self._left.keys())
        for asked in human_inputs.read_open_inputs(tx, self._left.keys()):
            human_inputs.close_input(tx, asked.id, now, failure="dropped")
        human_inputs.forget_answers(tx, self._left.keys())
        self._left.clear()

    def remove_old(
        self, tx: Tx, wish: Wish, pks: list[int], archive: Archive | None
    ) -> dict[str, int]:
        """Remove those of these runs that are old and that nothing needs still.

        A run of many rows is only taken from its Dag here; pieces of it go one by one.

        Returns:
            How many rows of each table went.
        """
        gone = retention.still_removable(tx, wish, pks)
        small = [one.pk for one in gone if not one.is_large]
        for one in gone:
            # Ended, so nobody works on them; but they may have been looked at just now.
            self._live.pop(one.pk, None)
            if one.is_large:
                retention.begin_leaving(tx, one.pk, archive)
        removed = retention.remove_runs(tx, small, archive) if small else {}
        if len(small) < len(gone):
            removed["run"] = len(gone)
        return removed

    def spec_of_version(self, tx: Tx, version_id: int) -> DagSpec:
        """Answer what a Dag version says; decoded once for as long as its bytes stay the same."""
        data = dags.read_version_bytes(tx, version_id)
        known = self._plans.get(version_id)
        if known is not None and known[0] == data:
            return known[1]
        spec = msgspec.json.decode(data, type=DagSpec)
        self._plans[version_id] = (data, spec, {})
        return spec
