"""The invariants, held after each committed transaction against the shadow of the rows."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from tests.simulation.callbacks import Owed
from tests.simulation.cleaning import Cleaner, check_removed
from tests.simulation.holding import hold as _hold
from tests.simulation.journal import Entry, Journal
from tests.simulation.meddling import BY_PEOPLE, MEDDLED, check_doom, check_marks_stand
from tests.simulation.reference import Reading
from tests.simulation.shadow import ENDED, Dag, Run, Shadow, Ti, Version, is_terminal_leg
from tests.simulation.ticks import Ticks
from tradewind.core.clearing import CLEARED, MARKED
from tradewind.core.drive import fold
from tradewind.core.events import Expanded, RunDoomed, RunMoved, TaskMoved, decode_event
from tradewind.core.graph import RunGraph
from tradewind.core.plan import DagPlan
from tradewind.core.spec import DagSpec
from tradewind.core.states import RunState, TaskState
from tradewind.core.timetables import RunInfo
from tradewind.scheduler.policy import LeasePolicy
from tradewind.store.columns import from_micros

_FAR = datetime.max.replace(tzinfo=from_micros(0).tzinfo)
_DONE = {TaskState.SUCCESS, TaskState.SKIPPED, TaskState.REMOVED}
_ENDS = {
    TaskState.SUCCESS: {"success"},
    TaskState.SKIPPED: {"skipped"},
    TaskState.FAILED: {"failed", "killed", "lost"},
    TaskState.UP_FOR_RETRY: {"failed", "killed", "lost"},
}


class Moved(msgspec.Struct):
    """What one transaction did."""

    tasks: list[tuple[Ti, TaskMoved]] = []
    runs: list[tuple[Run, RunMoved]] = []
    tis: dict[int, Ti] = {}
    touched_runs: dict[int, Run] = {}
    claims: dict[int, list[int]] = {}
    ended: dict[int, list[str]] = {}
    declared: dict[str, RunInfo | None] = {}
    new_runs: list[Run] = []
    starts: int = 0
    is_any: bool = False
    changed_pools: set[str] = set()
    changed_dags: set[str] = set()
    meddled: set[int] = set()
    """Runs in which people cleared or marked: what was decided before that saw other states."""
    changed_backfills: set[int] = set()
    """Whose limits changed: units share a transaction, and one before may have used the old."""


class Checker:
    """Holds every invariant; says which one is broken, and by what."""

    def __init__(self, journal: Journal, policy: LeasePolicy, elapsed: Callable[[], int]) -> None:
        self._elapsed = elapsed
        self._at_once = 0
        self.shadow = Shadow()
        self.cleaner = Cleaner()
        self.owed = Owed(self.shadow.tis)
        self._ticks = Ticks(self.shadow)
        self._journal = journal
        self._policy = policy
        self._logs: dict[int, list[bytes]] = {}
        self._took = {
            "run+": self._run_new,
            "run": self._run_changed,
            "run-": self._run_gone,
            "ti+": self._ti_new,
            "ti": self._ti_changed,
            "attempt+": self._attempt_new,
            "attempt": self._attempt_changed,
            "attempt-": self._attempt_gone,
            "event+": self._event_new,
            "event": self._event_changed,
            "dag+": self._dag,
            "dag": self._dag,
            "version+": self._version,
            "version": self._version,
            "worker+": self._worker,
            "worker": self._worker,
            "lease": self._lease,
            "file+": self._file,
            "file": self._file,
            "callback+": self._callback_new,
            "callback": self._callback_changed,
            "pool+": self._pool,
            "pool": self._pool,
            "backfill+": self._backfill,
            "backfill": self._backfill,
        }
        self.outcomes: dict[str, int] = {}
        self.runs_ended: dict[str, int] = {}
        self.moved = Moved()

    # ------------------------------------------------------------------ after each transaction

    def after_commit(self, now: datetime) -> Moved:
        """Take in what was committed and hold it against I1-I3, I5-I7 and I10."""
        self.moved = moved = Moved()
        entries = self._journal.take()
        moved.is_any = bool(entries)
        for entry in entries:
            self._took[entry[0]](entry[1:])
        for run in moved.touched_runs.values():
            self._check_log(run)
        for ti in moved.tis.values():
            self._check_row(ti)
        for ti, event in moved.tasks:
            self._check_move(ti, event)
        self._check_claims()
        for run, change in moved.runs:
            self._check_run_move(run, change)
        for dag_id, last in moved.declared.items():
            self._ticks.check_declared(dag_id, last, now)
        for run in moved.new_runs:
            self._ticks.check_new_run(run, declared=run.dag_id in moved.declared)
        self.owed.check(moved.touched_runs)
        self.cleaner.removed.clear()
        return moved

    def _run_new(self, row: Entry) -> None:
        run = Run(row, self.shadow.versions[row[7]])
        self.shadow.runs[run.pk] = run
        self.shadow.move_run(run, run.state)
        self.shadow.note_place(run, row[9])
        self._logs[run.pk] = []
        self.moved.new_runs.append(run)
        if run.logical_date is not None:
            date = (run.dag_id, run.logical_date)
            _hold("I4", date not in self.shadow.dates, f"two runs of {date}")
            self.shadow.dates[date] = run.pk

    def _run_changed(self, row: Entry) -> None:
        run = self.shadow.runs[row[0]]
        _hold("I10", row[3] == run.epoch, f"epoch of run {run.run_id} was {run.epoch}")
        _hold("I10", row[4] >= row[3], f"epoch of run {run.run_id} fell to {row[4]}")
        state, run.seq, run.epoch = RunState(row[1]), row[2], row[4]
        if state is not run.state:
            self.shadow.move_run(run, state)
        run.version = self.shadow.versions[row[5]]
        run.backfill_id, run.run_type = row[6], row[8]
        self.shadow.note_place(run, row[9])
        run.timeout_at = None if row[7] is None else from_micros(row[7])
        self.moved.touched_runs[run.pk] = run

    def _run_gone(self, row: Entry) -> None:
        if row[0] in self.cleaner.removed:
            check_removed(self.shadow, self.shadow.runs[row[0]])
        self.shadow.drop_run(row[0])
        self.moved.touched_runs.pop(row[0], None)
        self._logs.pop(row[0], None)
        self.owed.run_gone(row[0])

    def _ti_new(self, row: Entry) -> None:
        run = self.shadow.runs[row[1]]
        ti = Ti(run, row)
        self.shadow.tis[ti.id] = ti
        run.tis[ti.key] = ti
        self.moved.tis[ti.id] = ti

    def _ti_changed(self, row: Entry) -> None:
        ti = self.shadow.tis[row[0]]
        key = (ti.key[0], row[1])
        if key != ti.key:
            ti.run.tis.pop(ti.key, None)
            ti.run.tis[key] = ti
            ti.key = key
        _hold("I10", row[5] >= row[4] == ti.epoch, f"epoch of {_name(ti)} fell to {row[5]}")
        ti.epoch, ti.try_number = row[5], row[3]
        self.shadow.move_ti(ti, TaskState(row[2]), None if row[7] is None else from_micros(row[7]))
        self.moved.tis[ti.id] = ti

    def _attempt_new(self, row: Entry) -> None:
        attempt_id, ti_id, try_number, _, epoch, worker, state = row[:7]
        ti = self.shadow.tis[ti_id]
        _hold("I3", state == "running", f"attempt {attempt_id} begins as {state}")
        _hold("I2", not ti.live, f"{_name(ti)} has live attempts {ti.live} and {attempt_id}")
        grows = epoch > ti.claimed_epoch
        _hold("I3", grows, f"{_name(ti)} was claimed under {epoch} after {ti.claimed_epoch}")
        ti.claimed_epoch = epoch
        self.shadow.attempts[attempt_id] = (ti_id, try_number, epoch, worker, self._elapsed())
        ti.live.add(attempt_id)
        self.shadow.held[worker] += 1
        _hold(
            "I2",
            worker in self.shadow.workers,
            f"attempt {attempt_id} was given to {worker}, which is not live",
        )
        self.moved.claims.setdefault(ti_id, []).append(epoch)

    def _attempt_changed(self, row: Entry) -> None:
        attempt_id, old, new = row[:3]
        if old == new:
            return
        ti_id, try_number, _, worker, _ = self.shadow.attempts[attempt_id]
        _hold("I1", old == "running", f"attempt {attempt_id} went from {old} to {new}")
        ti = self.shadow.tis[ti_id]
        ti.live.discard(attempt_id)
        self.owed.leg_ended(ti, new, try_number)
        self.shadow.held[worker] -= 1
        self.moved.ended.setdefault(ti_id, []).append(new)
        self.outcomes[new] = self.outcomes.get(new, 0) + 1
        if is_terminal_leg(new):
            place = (ti_id, try_number)
            before = self.shadow.ends.get(place)
            _hold("I1", before is None, f"{_name(ti)} try {try_number}: {before}, then {new}")
            self.shadow.ends[place] = new

    def _attempt_gone(self, row: Entry) -> None:
        ti_id, _, _, worker, _ = self.shadow.attempts.pop(row[0])
        ti = self.shadow.tis.get(ti_id)
        if ti is not None and row[0] in ti.live:
            ti.live.discard(row[0])
            self.shadow.held[worker] -= 1

    def _event_new(self, row: Entry) -> None:
        run = self.shadow.runs[row[0]]
        _hold("I7", row[1] == run.folded_seq + 1, f"event {row[1]} after {run.folded_seq}")
        run.folded_seq = row[1]
        self._logs[run.pk].append(row[2])
        self.moved.touched_runs[run.pk] = run
        event = decode_event(row[2])
        if isinstance(event, TaskMoved):
            self._fold_move(run, event)
        elif isinstance(event, RunMoved):
            _hold("I7", event.old is run.folded, f"run is {run.folded}, event says {event.old}")
            run.folded = event.new
            self.owed.run_moved(run, event)
            run.is_cancelled = event.reason == _CANCELLED
            check_doom(run, event)
            run.doom = ""
            self.moved.runs.append((run, event))
        elif isinstance(event, Expanded):
            self._fold_expansion(run, event)
        elif isinstance(event, RunDoomed):
            run.doom = event.reason

    def _fold_move(self, run: Run, event: TaskMoved) -> None:
        path = event.map_path
        while (event.task_id, path) not in run.tis and path.count(".") < _DEEPEST:
            # It stood for instances that were made in the same transaction: it is the first now.
            path = f"{path}.0".lstrip(".")
        ti = run.tis.get((event.task_id, path))
        _hold("I7", ti is not None, f"the log moves {event.task_id}[{event.map_path}], not a row")
        assert ti is not None
        _hold("I7", event.old is ti.folded, f"{_name(ti)} is {ti.folded}, not {event.old}")
        ti.folded, ti.folded_try, ti.skips = event.new, event.try_number, event.skips
        self.owed.task_moved(ti, event)
        if event.new is TaskState.SUCCESS:
            ti.length = dict(event.pushed).get("return_value")
        check_marks_stand(ti, event)
        ti.is_cleared = event.new is TaskState.RESTARTING or event.reason.startswith(CLEARED)
        if event.reason.startswith(MEDDLED):
            self.moved.meddled.add(run.pk)
            run.was_meddled_with = True
        self.moved.tis[ti.id] = ti
        self.moved.tasks.append((ti, event))

    def _fold_expansion(self, run: Run, event: Expanded) -> None:
        tasks = run.version.spec.tasks
        names = [event.task_id] if event.task_id else [t.task_id for t in tasks]
        if event.group_id:
            names = [t.task_id for t in tasks if t.group == event.group_id]
        for index in range(event.length):
            path = f"{event.map_path}.{index}".lstrip(".")
            for name in {name for name, _ in run.tis}.intersection(names):
                # What lies deeper may have been expanded further by now.
                there = any(
                    of == name and (at == path or at.startswith(f"{path}.")) for of, at in run.tis
                )
                _hold("I7", there, f"{name}[{path}] of an expansion has no row")

    def _event_changed(self, row: Entry) -> None:
        _hold("I7", False, f"an event of run {row[0]} was changed")

    def _dag(self, row: Entry) -> None:
        dag = self.shadow.dags.setdefault(row[0], Dag())
        if (dag.paused, dag.max_active_runs) != (bool(row[1]), row[4]):
            self.moved.changed_dags.add(row[0])
        dag.paused, dag.stale, dag.broken = bool(row[1]), bool(row[2]), bool(row[3])
        dag.max_active_runs = row[4]
        if row[7] is not None:
            dag.take_spec(row[7])
        last = None if row[5] is None else msgspec.json.decode(row[5], type=RunInfo | None)
        if last != dag.last:
            self.moved.declared.setdefault(row[0], dag.last)
            dag.last = last
        dag.next_due_at = None if row[6] is None else from_micros(row[6])

    def _version(self, row: Entry) -> None:
        version = Version(msgspec.json.decode(row[1], type=DagSpec))
        known = self.shadow.versions.get(row[0])
        if known is None:
            self.shadow.versions[row[0]] = version
        else:
            known.__dict__.update(version.__dict__)

    def _worker(self, row: Entry) -> None:
        if row[1] == "live":
            self.shadow.workers[row[0]] = (from_micros(row[2]), row[3])
        else:
            self.shadow.workers.pop(row[0], None)

    def _lease(self, row: Entry) -> None:
        _hold("I10", row[2] >= row[1], f"epoch of lease {row[0]} fell from {row[1]} to {row[2]}")

    def _file(self, row: Entry) -> None:
        _hold("I10", row[2] >= row[1], f"epoch of file {row[0]} fell from {row[1]} to {row[2]}")
        due = None if row[3] is None else from_micros(row[3])
        self.shadow.files[row[0]] = (due, bool(row[4]))

    def _pool(self, row: Entry) -> None:
        shadow, name = self.shadow, row[0]
        if (shadow.pools.get(name), name in shadow.with_deferred) != (row[1], bool(row[2])):
            self.moved.changed_pools.add(name)
        shadow.pools[name] = row[1]
        (shadow.with_deferred.add if row[2] else shadow.with_deferred.discard)(name)

    def _callback_new(self, row: Entry) -> None:
        if row[2] is not None:
            run = self.shadow.runs[self.owed.row_new(row)]
            self.moved.touched_runs[run.pk] = run

    def _callback_changed(self, row: Entry) -> None:
        self.owed.row_changed(row)

    def _backfill(self, row: Entry) -> None:
        facts = (row[1], bool(row[2]), row[3] is not None)
        if self.shadow.backfills.get(row[0], facts) != facts:
            self.moved.changed_backfills.add(row[0])
        self.shadow.backfills[row[0]] = facts

    # ------------------------------------------------------------------ the invariants

    def _check_log(self, run: Run) -> None:
        said = f"run {run.run_id}: row {run.state} {run.seq}, log {run.folded} {run.folded_seq}"
        _hold("I7", run.state is run.folded and run.seq == run.folded_seq, said)
        if run.state in ENDED and not run.is_cancelled:
            for ti in run.tis.values():
                ended = ti.state.value not in _UNFINISHED or ti.is_cleared
                _hold("I9", ended, f"{run.run_id} ended while {_name(ti)} is {ti.state}")

    def _check_row(self, ti: Ti) -> None:
        said = f"{_name(ti)}: row {ti.state} {ti.try_number}, log {ti.folded} {ti.folded_try}"
        _hold("I7", ti.state is ti.folded and ti.try_number == ti.folded_try, said)
        _hold("I2", len(ti.live) <= 1, f"{_name(ti)} has live attempts {ti.live}")
        if ti.state is TaskState.RUNNING:
            _hold("I9", bool(ti.live), f"{_name(ti)} is running without an attempt")
        if ti.state in (TaskState.UP_FOR_RETRY, TaskState.UP_FOR_RESCHEDULE):
            _hold("I9", ti.wake_at is not None, f"{_name(ti)} is {ti.state} without a wake-up")

    def _check_move(self, ti: Ti, event: TaskMoved) -> None:
        old, new = event.old, event.new
        if event.reason.startswith(MARKED):
            return
        if old is TaskState.SCHEDULED and new is TaskState.QUEUED:
            self._check_admitted(ti)
        elif old is TaskState.QUEUED and new is TaskState.RUNNING:
            self.moved.starts += 1
            _hold("I3", ti.id in self.moved.claims, f"{_name(ti)} started without a claim")
        elif old is TaskState.RUNNING and new in _ENDS and not event.reason.startswith(_STOPPED):
            ended = set(self.moved.ended.get(ti.id, ()))
            _hold("I1", bool(ended & _ENDS[new]), f"{_name(ti)} became {new}, its leg {ended}")
        elif old is TaskState.NONE and new is TaskState.SCHEDULED:
            self._check_past(ti)
        elif old is TaskState.NONE and new is TaskState.SUCCESS:
            _hold("I6", self._read(ti) in ("s", None), f"{_name(ti)} succeeded, rule says not")
        elif old is TaskState.NONE and event.reason.startswith(_NO_LENGTH):
            _hold("I6", not self._is_length_known(ti), f"{_name(ti)}: its length was pushed")
        elif old is TaskState.NONE and not event.reason:
            wanted = {TaskState.SKIPPED: "k", TaskState.UPSTREAM_FAILED: "u"}.get(new)
            said = self._read(ti) or wanted
            _hold("I6", wanted is None or said == wanted, f"{_name(ti)} {new}, rule says {said}")

    def _is_length_known(self, ti: Ti) -> bool:
        """Tell whether every source of a mapped task pushed a length, as the log has it."""
        mapping = ti.run.version.tasks[ti.key[0]].mapping
        for axis in mapping.axes if mapping and not ti.run.version.spec.groups else ():
            source = ti.run.tis.get((axis.task_id or "", ""))
            if axis.length is None and (source is None or source.length is None):
                return False
        return not ti.run.version.spec.groups

    def _check_admitted(self, ti: Ti) -> None:
        shadow = self.shadow
        if ti.folded in (TaskState.QUEUED, TaskState.RUNNING):
            moved_limit = ti.pool in self.moved.changed_pools
            said = f"{_name(ti)} was admitted over a limit: {shadow.use_of(ti)}"
            _hold("I5", shadow.has_room(ti, extra=1) or self._is_mixed(ti) or moved_limit, said)
            _hold("I6", self._may_run(ti), f"{_name(ti)} was admitted, rule says not")
        changed = ti.run.dag_id in self.moved.changed_dags
        held = shadow.is_held_by_pause(ti.run) and not changed
        _hold("I5", not held, f"{_name(ti)} was admitted though its Dag is paused")
        _hold("I6", ti.run.folded is not RunState.QUEUED, f"{ti.run.run_id} has not started")

    def _may_run(self, ti: Ti) -> bool:
        # A mark may end what it waits for before all setups and all who might skip it have.
        waits = self._read(ti)
        return waits in ("s", None) or (waits == "" and ti.run.was_meddled_with)

    def _is_mixed(self, ti: Ti) -> bool:
        """Tell whether the same task of another version, with a cap of its own, moved as well."""
        return any(
            other.run.version is not ti.run.version
            and (other.run.dag_id, other.key[0]) == (ti.run.dag_id, ti.key[0])
            for other in self.moved.tis.values()
        )

    def _read(self, ti: Ti) -> str | None:
        """Answer what the rules say; None with groups, which are interpreted elsewhere."""
        if ti.run.version.spec.groups or ti.run.pk in self.moved.meddled:
            return None
        reading: Reading = ti.run.version.reading
        return reading.must_move(ti.key[0], ti.run.states(), ti.run.chosen_skips())

    def _check_past(self, ti: Ti) -> None:
        run = ti.run
        task = run.version.tasks[ti.key[0]]
        if not (task.depends_on_past or task.wait_for_downstream):
            return
        before = self.shadow.run_before(run)
        if before is None or self.shadow.is_first_of_backfill(run):
            return
        if before.pk in self.moved.meddled:
            return
        for key, other in before.tis.items():
            if key[0] == task.task_id:
                fine = other.folded in _DONE
                _hold("I6", fine, f"{_name(ti)} starts, {_name(other)} is {other.folded}")

    def _check_claims(self) -> None:
        for ti_id, epochs in self.moved.claims.items():
            ti = self.shadow.tis[ti_id]
            right = epochs[-1] == ti.epoch
            _hold("I3", right, f"{_name(ti)} is at epoch {ti.epoch}, claimed under {epochs}")

    def _check_run_move(self, run: Run, event: RunMoved) -> None:
        if event.new is RunState.RUNNING and run.folded is RunState.RUNNING:
            of = run.backfill_id
            changed = of is None and run.dag_id in self.moved.changed_dags
            changed = changed or of in self.moved.changed_backfills
            _hold("I5", self.shadow.room(run) >= 0 or changed, f"{run.run_id} started over a limit")
        if event.new in ENDED:
            name = event.new.value
            self.runs_ended[name] = self.runs_ended.get(name, 0) + 1
            if run.folded is event.new:
                self._check_fold(run, event.reason)

    def _check_fold(self, run: Run, reason: str) -> None:
        """Fold the whole log of a run that ended, with the core's own fold.

        Not that of a run which started over on a newer version: its log tells of two Dags.
        """
        graph = RunGraph.start(DagPlan(run.version.spec))
        if run.version is not run.first_version or graph.plan.index.keys() != {
            key[0] for key in run.tis
        }:
            return
        for number, body in enumerate(self._logs[run.pk], start=1):
            fold(graph, number, decode_event(body))
        nodes = {key: node.state for key, node in graph.nodes.items()}
        _hold("I7", nodes == run.states(), f"the log of {run.run_id} folds to {nodes}")
        fails = run.version.reading.run_fails(run.states())
        judged = reason not in ("timed_out", _CANCELLED) and not reason.startswith(BY_PEOPLE)
        right = not judged or (run.folded is RunState.FAILED) == fails
        _hold("I6", right, f"{run.run_id} is {run.folded}, its leaves say failed={fails}")

    # ------------------------------------------------------------------ after each tick

    def after_tick(self, now: datetime, answer: datetime | None) -> None:
        """Hold what a tick left behind, and when it wants to be called again (I4, I9)."""
        due = answer or _FAR
        shadow = self.shadow
        moves = due > now or self.moved.declared
        self._at_once = 0 if moves else self._at_once + 1
        _hold("I9", self._at_once < _MOST_AT_ONCE, "it looks again and again, and nothing moves")
        for ti_id, wake in shadow.timed.items():
            name = _name(shadow.tis[ti_id])
            _hold("I9", wake > now, f"{name} was due at {wake} and is not awake")
            _hold("I9", due <= wake, f"the next look at {due} is too late for {name} at {wake}")
        for run in shadow.running_runs.values():
            if run.timeout_at is not None:
                _hold("I9", run.timeout_at > now, f"{run.run_id} has not timed out")
                _hold("I9", due <= run.timeout_at, f"too late for the timeout of {run.run_id}")
        for run in shadow.queued_runs.values():
            room = shadow.room(run)
            if run.due_at <= now:
                said = f"{run.run_id} of {run.dag_id} may start and did not"
                _hold("I9", room <= 0 or due <= now, said)
            elif room > 0:
                _hold("I9", due <= run.due_at, f"too late for {run.run_id}, due {run.due_at}")
        self.check_admission_is_complete()
        calls = self.owed.next_due(now)
        _hold("I9", calls is None or due <= calls, f"the next look is too late for a call: {calls}")
        margin = self._policy.reap_margin
        for worker, (until, _) in shadow.workers.items():
            _hold("I9", until + margin >= now, f"worker {worker} is dead and not reaped")
            _hold("I9", due <= until + margin, f"the next look is too late to reap {worker}")
        waits = [at for at, claimed in shadow.files.values() if at is not None and not claimed]
        # A file that waits already is asked for by whichever worker is free first.
        if waits and (first := min(waits)) > now:
            _hold("I9", due <= first, f"the next look is too late for a file at {first}")
        for dag_id, dag in shadow.dags.items():
            self._ticks.check_planned(dag_id, dag, now, due)

    # ------------------------------------------------------------------ now and then

    def check_all(self) -> None:
        """Hold the shadow against the rows themselves: nothing changed past the journal."""
        rows = self._journal.query("SELECT id, state, try_number, epoch FROM task_instance")
        held = {row[0]: row[1:] for row in rows}
        for ti in self.shadow.tis.values():
            said = (ti.folded.value, ti.folded_try, ti.epoch)
            _hold("I7", held.pop(ti.id, None) == said, f"{_name(ti)} is not {said}")
        _hold("I7", not held, f"instances without a log: {held}")
        runs = self._journal.query("SELECT id, state, seq FROM run")
        for pk, state, seq in runs:
            run = self.shadow.runs[pk]
            fits = (run.folded.value, run.folded_seq) == (state, seq)
            _hold("I7", fits, f"{run.run_id} is {state} at {seq}")
        live = self._journal.query("SELECT id FROM attempt WHERE state = 'running'")
        known = {a for ti in self.shadow.tis.values() for a in ti.live}
        _hold("I2", {row[0] for row in live} == known, "live attempts differ")

    def check_admission_is_complete(self) -> None:
        """Nothing waits for admission that fits every limit (I9).

        A pool in which one waits that wants several slots may be kept for that one.
        """
        waits = [
            ti
            for ti in self.shadow.scheduled.values()
            # One whose last process lives on is not admitted beside it.
            if ti.run.state is RunState.RUNNING
            and not ti.live
            and not self.shadow.is_held_by_pause(ti.run)
        ]
        kept = {ti.pool for ti in waits if ti.slots > 1 and not self.shadow.has_room(ti)}
        for ti in waits:
            # One whose old process has not ended waits for that.
            fits = self.shadow.has_room(ti) and ti.pool not in kept and not ti.live
            _hold("I9", not fits, f"{_name(ti)} fits and is not admitted")

    def check_nothing_is_stuck(self) -> None:
        """No instance stays without a state that the rules give one (I9)."""
        for run in self.shadow.running_runs.values():
            if run.version.spec.groups:
                continue
            held = {t.task_id for t in run.version.spec.tasks if _waits_for_past(t)}
            stuck = run.version.reading.stuck(run.states(), held, run.chosen_skips())
            _hold("I9", not stuck, f"{run.run_id}: {stuck} need not wait")


def _waits_for_past(task: object) -> bool:
    return bool(getattr(task, "depends_on_past", False) or task.wait_for_downstream)  # type: ignore[attr-defined]


def _name(ti: Ti) -> str:
    path = f"[{ti.key[1]}]" if ti.key[1] else ""
    return f"{ti.run.dag_id}/{ti.run.run_id}/{ti.key[0]}{path} (#{ti.id})"


_NO_LENGTH = "what it is mapped over pushed no"
_CANCELLED = "its backfill was cancelled"
_MOST_AT_ONCE = 100
_DEEPEST = 3
_STOPPED = ("fail_fast", "the run timed out")
_UNFINISHED = {
    "none",
    "scheduled",
    "queued",
    "running",
    "restarting",
    "up_for_retry",
    "up_for_reschedule",
    "deferred",
    "awaiting_input",
}
