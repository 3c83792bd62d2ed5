"""Deadlines of runs, tasks and groups: made when they are known, missed once, or closed in time.

What is noted of live runs between two writes is written with them, in the same transaction. When
the next one is due is one look at an index; only Dags that have deadlines pay for any of it.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec

from tradewind.core.callbacks import callback_id
from tradewind.core.deadlines import (
    AverageRuntime,
    Custom,
    DeadlineSpec,
    Known,
    Scheduled,
    Started,
    describe,
    due_at,
    interval_of,
    is_of_queueing,
)
from tradewind.core.spec import DagSpec
from tradewind.core.states import TERMINAL_RUN, TERMINAL_TASK, RunState, TaskState
from tradewind.core.watches import Owner, deadlines_of, members
from tradewind.protocol.callbacks import CallbackReport
from tradewind.scheduler.callbacks import Callbacks
from tradewind.scheduler.live import LiveRun, Step
from tradewind.store import deadlines, runs, variables
from tradewind.store.callbacks import Callback, NewCallback
from tradewind.store.database import Tx
from tradewind.store.deadlines import Deadline, NewDeadline
from tradewind.store.secrets import Vault
from tradewind.store.tasks import TaskInstance

SpecOf = Callable[[Tx, int], DagSpec]
"""Answers what a Dag version says."""

RUN: Owner = ("run", "")
_FAILED = frozenset({TaskState.FAILED, TaskState.UPSTREAM_FAILED})


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """A deadline that was just missed and is to fail its run."""

    run_pk: int
    reason: str


class Deadlines:
    """Keeps the deadlines of live runs."""

    def __init__(self, vault: Vault, callbacks: Callbacks) -> None:
        """Watch nothing yet."""
        self._vault = vault
        self._callbacks = callbacks
        self._made: list[LiveRun] = []
        self._queued: list[LiveRun] = []
        self._ended: list[LiveRun] = []
        self._touched: dict[LiveRun, dict[Owner, bool]] = {}

    def forget(self) -> None:
        """Throw away what is not written: a transaction was undone."""
        self._made.clear()
        self._queued.clear()
        self._ended.clear()
        self._touched.clear()

    def note_made(self, live: LiveRun) -> None:
        """Note a new run."""
        if live.spec.deadlines or live.watched:
            self._made.append(live)

    def note_queued(self, live: LiveRun) -> None:
        """Note that a run was cleared: it is queued again."""
        if live.spec.deadlines or live.watched:
            self._queued.append(live)

    def note_end(self, live: LiveRun) -> None:
        """Note that a run ended."""
        if live.spec.deadlines or live.watched:
            self._ended.append(live)

    def note_step(self, step: Step) -> None:
        """Note a move of an instance that a deadline watches."""
        owners = step.live.watched.get(step.row.task_id, ())
        if owners:
            starts_over = step.new is TaskState.NONE and step.old in TERMINAL_TASK
            touched = self._touched.setdefault(step.live, {})
            for owner in owners:
                touched[owner] = touched.get(owner, False) or starts_over

    def flush(self, tx: Tx, now: datetime) -> None:
        """Write what follows from what was noted."""
        made, self._made = self._made, []
        queued, self._queued = self._queued, []
        touched, self._touched = self._touched, {}
        ended, self._ended = self._ended, []
        for live in made:
            for owner in (RUN, *_owners(live)):
                self._make(tx, live, owner, now)
        for live in queued:
            self._make(tx, live, RUN, now, again=True)
        for live, owners in touched.items():
            for owner, starts_over in owners.items():
                self._look_at(tx, live, owner, now, starts_over=starts_over)
        for live in ended:
            if live.state in TERMINAL_RUN:
                state = "met" if live.state is RunState.SUCCESS else "over"
                deadlines.close_run(tx, live.pk, state, now)

    def fire(self, tx: Tx, now: datetime, spec_of: SpecOf) -> list[Missed]:
        """Record what was missed and owe its callbacks; answer the runs that are to fail of it."""
        failing = []
        for one in deadlines.read_due(tx, now):
            run = runs.read_run_by_pk(tx, one.run_pk)
            if run is None or not deadlines.miss(tx, one.id, now):
                continue
            spec = _at(deadlines_of(spec_of(tx, run.version_id or 0), _owner(one)), one.position)
            if spec is None:
                continue
            if spec.has_callback:
                self._owe(tx, one, run.run_id, now)
            if spec.fails_run and run.state not in TERMINAL_RUN:
                failing.append(Missed(run_pk=run.pk, reason=_named(one)))
        return failing

    def answered(
        self, tx: Tx, one: Callback, report: CallbackReport, now: datetime, spec_of: SpecOf
    ) -> None:
        """Take the moment that an author's own reference answered."""
        asked = None if one.deadline_id is None else deadlines.read_deadline(tx, one.deadline_id)
        run = None if one.run_pk is None else runs.read_run_by_pk(tx, one.run_pk)
        if asked is None or run is None:
            return
        specs = deadlines_of(spec_of(tx, run.version_id or 0), _owner(asked))
        spec = _at(specs, asked.position)
        if spec is None:
            return
        due, note = self._due(tx, spec, Known(asked=report.moment))
        deadlines.settle_asked(tx, asked.id, due, note)

    def _make(
        self, tx: Tx, live: LiveRun, owner: Owner, now: datetime, *, again: bool = False
    ) -> None:
        """Write the deadlines that count from moments of the run; of tasks, those known already."""
        for position, spec in enumerate(deadlines_of(live.spec, owner)):
            if again and not is_of_queueing(spec.reference):
                continue
            if _is_of_task(owner, spec):
                continue
            if isinstance(spec.reference, Custom):
                self._ask(tx, live, owner, position, spec, now)
                continue
            known = Known(
                logical_date=live.run.logical_date,
                queued_at=live.queued_at,
                runtimes=self._runtimes(tx, live, owner, spec),
            )
            self._put(tx, live, owner, position, spec, known, now)

    def _look_at(
        self, tx: Tx, live: LiveRun, owner: Owner, now: datetime, *, starts_over: bool
    ) -> None:
        tasks = set(members(live.spec, owner))
        rows = [row for row in live.rows.values() if row.task_id in tasks]
        if not rows:
            return
        if starts_over:
            self._make(tx, live, owner, now)
            deadlines.drop(tx, live.pk, *owner, [n for n, _ in _of_task(live.spec, owner)])
        self._make_of_task(tx, live, owner, rows, now)
        if all(row.state in TERMINAL_TASK for row in rows):
            failed = any(row.state in _FAILED for row in rows)
            deadlines.close(tx, live.pk, *owner, "over" if failed else "met", now)

    def _make_of_task(
        self, tx: Tx, live: LiveRun, owner: Owner, rows: list[TaskInstance], now: datetime
    ) -> None:
        wanted = _of_task(live.spec, owner)
        if not wanted:
            return
        there = deadlines.positions(tx, live.pk, *owner)
        scheduled = [row.scheduled_at for row in rows if row.scheduled_at is not None]
        started = [row.start_date for row in rows if row.leg > 0 and row.start_date is not None]
        for position, spec in wanted:
            if position in there:
                continue
            known = Known(
                scheduled_at=min(scheduled, default=None),
                started_at=min(started, default=None),
                runtimes=self._runtimes(tx, live, owner, spec) if started else (),
            )
            if _has_begun(spec, known):
                self._put(tx, live, owner, position, spec, known, now)

    def _put(
        self,
        tx: Tx,
        live: LiveRun,
        owner: Owner,
        position: int,
        spec: DeadlineSpec,
        known: Known,
        now: datetime,
    ) -> None:
        due, note = self._due(tx, spec, known)
        new = _new(live, owner, position, spec)
        state = "none" if due is None else "pending"
        deadlines.put_deadline(
            tx, msgspec.structs.replace(new, state=state, due_at=due, note=note), now
        )

    def _due(self, tx: Tx, spec: DeadlineSpec, known: Known) -> tuple[datetime | None, str]:
        """Answer when a deadline is due, or why there is none."""
        seconds = None
        if spec.interval_variable:
            found = variables.read_variable(tx, self._vault, spec.interval_variable)
            seconds = interval_of(None if found is None else found.value)
            if seconds is None:
                key = spec.interval_variable
                return None, f"Variable '{key}' holds no number of seconds."
        due = due_at(spec, known, seconds)
        if due is not None:
            return due, ""
        if isinstance(spec.reference, AverageRuntime):
            least = spec.reference.min_runs
            return None, f"There were {len(known.runtimes)} successes; it needs {least}."
        return None, f"This run has no {describe(spec.reference)}."

    def _runtimes(
        self, tx: Tx, live: LiveRun, owner: Owner, spec: DeadlineSpec
    ) -> tuple[float, ...]:
        if not isinstance(spec.reference, AverageRuntime):
            return ()
        tasks = None if owner == RUN else members(live.spec, owner)
        found = deadlines.read_runtimes(tx, live.run.dag_id, spec.reference.max_runs, tasks)
        return tuple(found)

    def _ask(
        self,
        tx: Tx,
        live: LiveRun,
        owner: Owner,
        position: int,
        spec: DeadlineSpec,
        now: datetime,
    ) -> None:
        new = msgspec.structs.replace(_new(live, owner, position, spec), state="asked")
        key = deadlines.put_deadline(tx, new, now)
        run = live.run
        asked = callback_id(run.dag_id, run.run_id, "deadline_reference", key, live.graph.seq)
        self._callbacks.owe(
            tx,
            NewCallback(
                callback_id=asked, run_pk=live.pk, kind="deadline_reference", deadline_id=key
            ),
            now,
        )

    def _owe(self, tx: Tx, one: Deadline, run_id: str, now: datetime) -> None:
        known_by = callback_id(one.dag_id, run_id, "deadline", one.id, one.due_at)
        is_task = one.scope == "task"
        self._callbacks.owe(
            tx,
            NewCallback(
                callback_id=known_by,
                run_pk=one.run_pk,
                kind="deadline",
                deadline_id=one.id,
                task_id=one.owner if is_task else None,
                map_path="" if is_task else None,
                reason=_named(one),
            ),
            now,
        )


def _owners(live: LiveRun) -> list[Owner]:
    return list(dict.fromkeys(owner for owners in live.watched.values() for owner in owners))


def _owner(one: Deadline) -> Owner:
    return (one.scope, one.owner)


def _at(specs: tuple[DeadlineSpec, ...], position: int) -> DeadlineSpec | None:
    return specs[position] if position < len(specs) else None


def _is_of_task(owner: Owner, spec: DeadlineSpec) -> bool:
    """Tell whether a deadline counts from a moment of the task, which comes as the run goes on."""
    return owner != RUN and isinstance(spec.reference, Scheduled | Started | AverageRuntime)


def _of_task(spec: DagSpec, owner: Owner) -> list[tuple[int, DeadlineSpec]]:
    numbered = enumerate(deadlines_of(spec, owner))
    return [(position, one) for position, one in numbered if _is_of_task(owner, one)]


def _has_begun(spec: DeadlineSpec, known: Known) -> bool:
    moment = known.scheduled_at if isinstance(spec.reference, Scheduled) else known.started_at
    return moment is not None


def _new(live: LiveRun, owner: Owner, position: int, spec: DeadlineSpec) -> NewDeadline:
    return NewDeadline(
        run_pk=live.pk,
        dag_id=live.run.dag_id,
        scope=owner[0],
        owner=owner[1],
        position=position,
        name=spec.name,
        reference=describe(spec.reference),
    )


def _named(one: Deadline) -> str:
    whose = f"of {one.scope} '{one.owner}' " if one.owner else ""
    due = "" if one.due_at is None else one.due_at.isoformat(timespec="seconds")
    name = f"'{one.name}' " if one.name else ""
    return f"deadline {name}{whose}was missed: it was due at {due}"
