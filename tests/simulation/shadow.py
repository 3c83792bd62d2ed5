"""What the rows and the log say, kept beside the engine from the journal alone."""

from collections import defaultdict
from datetime import datetime, timedelta

import msgspec

from tests.simulation.random_dags import is_interval, period_of
from tests.simulation.reference import Reading
from tradewind.core.spec import DagSpec
from tradewind.core.states import (
    ACTIVE,
    SLOT_HOLDING,
    TERMINAL_LEG,
    TERMINAL_RUN,
    RunState,
    TaskState,
)
from tradewind.core.timetables import RunInfo
from tradewind.store.columns import from_micros

Key = tuple[str, str]


class Ti:
    """One task instance: its row, and what its log folds to."""

    __slots__ = (
        "claimed_epoch",
        "epoch",
        "folded",
        "folded_try",
        "id",
        "is_cleared",
        "key",
        "leg",
        "length",
        "live",
        "pool",
        "queue",
        "run",
        "skips",
        "slots",
        "state",
        "try_number",
        "wake_at",
    )

    def __init__(self, run: "Run", row: tuple) -> None:
        self.id: int = row[0]
        self.run = run
        self.key: Key = (row[2], row[3])
        self.state = TaskState(row[4])
        self.try_number: int = row[5]
        self.pool: str = row[6]
        self.slots: int = row[7]
        self.epoch: int = row[8]
        self.claimed_epoch = 0
        self.queue: str = row[9]
        self.folded = TaskState.NONE
        self.folded_try = 0
        self.is_cleared = False
        """A person cleared it, and nothing was decided of it since."""
        self.length: int | None = None
        """What its last success pushed, for those mapped over it."""
        self.skips: tuple[str, ...] = ()
        """What its success chose to skip."""
        self.leg: tuple[str, int] | None = None
        """How its leg ended, and of which try, as long as nothing says what follows."""
        self.live: set[int] = set()
        self.wake_at: datetime | None = None


class Run:
    """One run: its row, its instances, and what its log folds to."""

    def __init__(self, row: tuple, version: "Version") -> None:
        self.pk: int = row[0]
        self.dag_id: str = row[1]
        self.run_id: str = row[2]
        self.run_type: str = row[3]
        self.state = RunState(row[4])
        self.logical_date = None if row[5] is None else from_micros(row[5])
        self.run_after = from_micros(row[6])
        self.version = self.first_version = version
        self.backfill_id: int | None = row[8]
        self.seq = 0
        self.epoch = 0
        self.timeout_at: datetime | None = None
        self.folded = RunState.QUEUED
        self.folded_seq = 0
        self.is_cancelled = False
        self.was_meddled_with = False
        """Whether a person ever cleared or marked something in it."""
        self.doom = ""
        """Why it is to fail once its teardowns have ended."""
        self.tis: dict[Key, Ti] = {}
        self.marks: dict[Key, tuple[str, ...]] = {}

    @property
    def due_at(self) -> datetime:
        return max(self.run_after, self.logical_date or self.run_after)

    def chosen_skips(self) -> set[str]:
        """Answer the tasks that branches of this run chose to skip."""
        return {name for ti in self.tis.values() for name in ti.skips}

    def states(self) -> dict[Key, TaskState]:
        """Answer the states of the instances whose task its version has."""
        known = self.version.tasks
        return {key: ti.folded for key, ti in self.tis.items() if key[0] in known}


class Version:
    """One Dag version, and the slow reading of its rules."""

    def __init__(self, spec: DagSpec) -> None:
        self.spec = spec
        self.tasks = {task.task_id: task for task in spec.tasks}
        self.reading = Reading(spec)


class Dag:
    """One Dag's row."""

    def __init__(self) -> None:
        self.spec: DagSpec | None = None
        self.paused = False
        self.stale = False
        self.broken = False
        self.max_active_runs = 0
        self.last: RunInfo | None = None
        self.next_due_at: datetime | None = None
        self.rebased = True
        """Nothing was declared since its schedule changed: the grid begins anew."""
        self.period: timedelta | None = None
        self.anchor = timedelta()
        self.interval = False

    def take_spec(self, raw: bytes) -> None:
        spec = msgspec.json.decode(raw, type=DagSpec)
        old = self.spec
        if old is None or old.timetable != spec.timetable or old.start_date != spec.start_date:
            self.rebased = True
        self.spec = spec
        if self.rebased:
            self.anchor = timedelta()
        self.period = period_of(spec.timetable)
        self.interval = is_interval(spec.timetable)

    @property
    def planned(self) -> bool:
        return not (self.paused or self.stale or self.broken)


class Shadow:
    """All of it."""

    def __init__(self) -> None:
        self.versions: dict[int, Version] = {}
        self.dags: dict[str, Dag] = {}
        self.runs: dict[int, Run] = {}
        self.dates: dict[tuple[str, datetime], int] = {}
        self.tis: dict[int, Ti] = {}
        self.attempts: dict[int, tuple[int, int, int, str, int]] = {}
        """Id -> (instance, try, epoch, worker, when it was claimed in ms of the world)."""
        self.ends: dict[tuple[int, int], str] = {}
        """(instance, try) -> its one terminal outcome."""
        self.workers: dict[str, tuple[datetime, int]] = {}
        """Live ones: end of lease, slots."""
        self.held: dict[str, int] = defaultdict(int)
        """Live attempts by worker."""
        self.pools: dict[str, int] = {}
        self.with_deferred: set[str] = set()
        self.deferred_in: dict[str, int] = defaultdict(int)
        """Slots of deferred ones, by pool."""
        self.backfills: dict[int, tuple[int, bool, bool]] = {}
        """Id -> (limit, whether it is held or was cancelled, whether it is over)."""
        self.firsts: dict[int, tuple[int, int]] = {}
        """Backfill -> place and key of the run it starts with."""
        self.files: dict[int, tuple[datetime | None, bool]] = {}
        self.timed: dict[int, datetime] = {}
        self.scheduled: dict[int, Ti] = {}
        self.queued: dict[int, Ti] = {}
        self.queued_runs: dict[int, Run] = {}
        self.running_runs: dict[int, Run] = {}
        self.in_pool: dict[str, int] = defaultdict(int)
        self.in_run: dict[int, int] = defaultdict(int)
        self.in_task: dict[tuple[str, str], int] = defaultdict(int)
        self.in_run_task: dict[tuple[int, str], int] = defaultdict(int)

    def note_place(self, run: Run, place: int | None) -> None:
        if run.backfill_id is not None and place is not None:
            mine = (place, run.pk)
            self.firsts[run.backfill_id] = min(self.firsts.get(run.backfill_id, mine), mine)

    def is_first_of_backfill(self, run: Run) -> bool:
        return self.firsts.get(run.backfill_id or 0, (0, 0))[1] == run.pk

    def run_before(self, run: Run) -> Run | None:
        """Answer the run that a run's tasks may depend on.

        Runs are in the order of their dates; one without a date stands where it was due.
        """
        date, place = run.logical_date, (run.run_after, run.pk)
        if date is None:
            mine = [other for other in self.runs.values() if other.dag_id == run.dag_id]
            before = [other for other in mine if (other.run_after, other.pk) < place]
            return max(before, key=lambda r: (r.run_after, r.pk), default=None)
        catchup = run.version.spec.catchup
        mine = [
            other
            for other in self.runs.values()
            if other.dag_id == run.dag_id and not (catchup and other.run_type == "manual")
        ]
        dated = [r for r in mine if r.logical_date is not None and r.logical_date < date]
        rest = [r for r in mine if r.logical_date is None and (r.run_after, r.pk) < place]
        nearest = sorted(dated, key=lambda r: r.logical_date or r.run_after)[-1:]
        return max(nearest + rest, key=lambda r: (r.run_after, r.pk), default=None)

    def count(self, ti: Ti, change: int) -> None:
        self.in_pool[ti.pool] += change * ti.slots
        self.in_run[ti.run.pk] += change

    def count_task(self, ti: Ti, change: int) -> None:
        self.in_task[ti.run.dag_id, ti.key[0]] += change
        self.in_run_task[ti.run.pk, ti.key[0]] += change

    def move_ti(self, ti: Ti, new: TaskState, wake_at: datetime | None) -> None:
        change = (new in SLOT_HOLDING) - (ti.state in SLOT_HOLDING)
        if change:
            self.count(ti, change)
        change = (new in ACTIVE) - (ti.state in ACTIVE)
        if change:
            self.count_task(ti, change)
        change = (new is TaskState.DEFERRED) - (ti.state is TaskState.DEFERRED)
        self.deferred_in[ti.pool] += change * ti.slots
        ti.state = new
        ti.wake_at = wake_at
        _keep(self.scheduled, ti.id, ti, new is TaskState.SCHEDULED)
        _keep(self.queued, ti.id, ti, new is TaskState.QUEUED)
        if wake_at is None:
            self.timed.pop(ti.id, None)
        else:
            self.timed[ti.id] = wake_at

    def move_run(self, run: Run, new: RunState) -> None:
        run.state = new
        _keep(self.queued_runs, run.pk, run, new is RunState.QUEUED)
        _keep(self.running_runs, run.pk, run, new is RunState.RUNNING)

    def drop_run(self, pk: int) -> None:
        run = self.runs.pop(pk)
        self.move_run(run, RunState.FAILED)
        if run.logical_date is not None:
            self.dates.pop((run.dag_id, run.logical_date), None)
        for ti in run.tis.values():
            self.move_ti(ti, TaskState.NONE, None)
            del self.tis[ti.id]
            # Numbers of rows that are gone come again.
            for place in [place for place in self.ends if place[0] == ti.id]:
                del self.ends[place]

    def active_runs(self, dag_id: str) -> int:
        return sum(
            run.dag_id == dag_id and run.backfill_id is None
            for group in (self.queued_runs, self.running_runs)
            for run in group.values()
        )

    def room(self, run: Run) -> int:
        """Answer how many more runs like this one may run."""
        if run.backfill_id is not None:
            limit, held, done = self.backfills[run.backfill_id]
            paused = (held and not done) or self.dags[run.dag_id].stale
            running = [r for r in self.running_runs.values() if r.backfill_id == run.backfill_id]
            return 0 if paused else limit - len(running)
        dag = self.dags[run.dag_id]
        running = [
            r
            for r in self.running_runs.values()
            if r.dag_id == run.dag_id and r.backfill_id is None
        ]
        return 0 if dag.paused or dag.stale else self.runs_limit(dag) - len(running)

    def runs_limit(self, dag: Dag) -> int:
        assert dag.spec is not None
        continuous = type(dag.spec.timetable).__name__ == "ContinuousTimetable"
        return 1 if continuous else dag.max_active_runs

    def has_room(self, ti: Ti, extra: int = 0) -> bool:
        """Tell whether one more instance like this would fit; ``extra`` slots are its own."""
        task = ti.run.version.tasks[ti.key[0]]
        spec = ti.run.version.spec
        slots = self.pools.get(ti.pool)
        one = 1 - extra
        if slots is None or (slots != -1 and self.taken(ti.pool) + ti.slots * one > slots):
            return False
        if self.in_run[ti.run.pk] + one > spec.max_active_tasks:
            return False
        per_dag, per_run = task.max_active_tis_per_dag, task.max_active_tis_per_dagrun
        if per_dag is not None and self.in_task[ti.run.dag_id, ti.key[0]] + one > per_dag:
            return False
        used = self.in_run_task[ti.run.pk, ti.key[0]] + one
        return per_run is None or used <= per_run

    def taken(self, pool: str) -> int:
        """Answer the slots of a pool that are taken."""
        return self.in_pool[pool] + self.deferred_in[pool] * (pool in self.with_deferred)

    def use_of(self, ti: Ti) -> str:
        """Answer all that counts against one more instance like this."""
        task, spec = ti.run.version.tasks[ti.key[0]], ti.run.version.spec
        return (
            f"pool {ti.pool} {self.taken(ti.pool)} of {self.pools.get(ti.pool)}, "
            f"run {self.in_run[ti.run.pk]} of {spec.max_active_tasks}, "
            f"task {self.in_task[ti.run.dag_id, ti.key[0]]} of {task.max_active_tis_per_dag}, "
            f"in run {self.in_run_task[ti.run.pk, ti.key[0]]} of {task.max_active_tis_per_dagrun}"
        )

    def is_held_by_pause(self, run: Run) -> bool:
        return self.dags[run.dag_id].paused and run.backfill_id is None


def _keep(group: dict, key: int, value: object, inside: bool) -> None:
    if inside:
        group[key] = value
    else:
        group.pop(key, None)


def is_terminal_leg(state: str) -> bool:
    return state in _TERMINAL_LEGS


_TERMINAL_LEGS = {state.value for state in TERMINAL_LEG}
ENDED = TERMINAL_RUN
