"""Callbacks the server owes: written with what caused them, given to workers, taken back.

What is noted of live runs between two writes is written with them, in the same transaction.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from tradewind.core.callbacks import (
    ASSET_EVENT,
    LISTEN,
    callback_id,
    dag_event,
    listened_event,
    task_event,
    trigger_event,
)
from tradewind.core.events import RunMoved
from tradewind.core.runs import Run
from tradewind.core.states import TaskState
from tradewind.protocol.callbacks import CallbackOrder, CallbackReport, DeadlineFacts
from tradewind.protocol.exchange import Exchange
from tradewind.protocol.orders import BundleRef, RunFacts, TaskOrder
from tradewind.protocol.timetables import KIND
from tradewind.scheduler.answers.assets import view_of
from tradewind.scheduler.live import LiveRun, Step
from tradewind.store import callbacks, deadlines, places, runs, tasks
from tradewind.store.assets import EventFilter, read_events
from tradewind.store.callbacks import Callback, CallbackPolicy, NewCallback
from tradewind.store.database import Tx
from tradewind.store.places import Place
from tradewind.store.tasks import TaskInstance
from tradewind.store.workers import WorkerFacts

ANSWER_SECONDS = 30.0
"""How long a timetable may take to answer."""

Answered = Callable[[Tx, Callback, CallbackReport, datetime], None]
"""Takes what an author's own deadline reference, or timetable, answered."""


class Callbacks:
    """Owes callbacks, and sees that workers run them.

    Attributes:
        may_be_due: Whether one may be due; saves most exchanges a look for one.
        has_fresh: Whether one was written since this was last asked: a worker is to be told.
        on_answered: Called when an author's own deadline reference was asked.
        on_timetable: Called when an author's own timetable answered, or did not.
    """

    def __init__(self, policy: CallbackPolicy) -> None:
        """Owe nothing that is not written."""
        self.policy = policy
        self.may_be_due = True
        self.has_fresh = False
        self.on_answered: Answered = _ignore
        self.on_timetable: Answered = _ignore
        self._ended: list[tuple[Step, str]] = []
        self._noted: list[tuple[LiveRun, RunMoved, str, str]] = []

    def forget(self) -> None:
        """Throw away what is not written: a transaction was undone."""
        self._noted.clear()
        self._ended.clear()
        self.may_be_due = True

    def note_move(self, live: LiveRun, moved: RunMoved) -> None:
        """Note that a run moved; whoever wants to know of it is owed that with the next flush."""
        wanted = live.spec.callbacks
        event = dag_event(moved.old, moved.new, moved.reason)
        if event is not None and event in wanted:
            self._noted.append((live, moved, "dag", event))
        event = listened_event(moved.old, moved.new)
        if event is not None and f"{LISTEN}{event}" in wanted:
            self._noted.append((live, moved, "listener", event))

    def note_step(self, step: Step) -> None:
        """Note a move of an instance; an end that no process of its own could tell of is owed."""
        event = trigger_event(step.old, step.new)
        task = step.live.tasks.get(step.row.task_id)
        if event is not None and task is not None and event in task.callbacks:
            self._ended.append((step, event))

    def flush(self, tx: Tx, now: datetime) -> None:
        """Write what was noted."""
        noted, self._noted = self._noted, []
        ended, self._ended = self._ended, []
        for step, event in ended:
            self._owe_instance(tx, step.live, step.row, event, "Its trigger ended it.", now)
        for live, moved, kind, event in noted:
            run = live.run
            about = _relevant(live) if kind == "dag" else None
            known_by = callback_id(run.dag_id, run.run_id, f"{kind} {event}", live.graph.seq)
            new = NewCallback(
                callback_id=known_by,
                run_pk=live.pk,
                kind=kind,
                event=event,
                reason=moved.reason,
                task_id=None if about is None else about.task_id,
                map_path=None if about is None else about.map_path,
                try_number=None if about is None else about.try_number,
            )
            self.owe(tx, new, now)

    def owe(self, tx: Tx, new: NewCallback, now: datetime) -> None:
        """Owe a callback from now on, once."""
        if callbacks.add_callback(tx, new, now):
            self.may_be_due = self.has_fresh = True

    def owe_row(
        self, tx: Tx, live: LiveRun, row: TaskInstance, state: TaskState, error: str, now: datetime
    ) -> None:
        """Owe the callbacks of an instance that ends without a process: its trigger ended it."""
        event = task_event(state)
        if event is not None:
            self.owe_task(tx, live, row, event, error, now)

    def owe_task(
        self, tx: Tx, live: LiveRun, row: TaskInstance, event: str, error: str, now: datetime
    ) -> None:
        """Owe the callbacks of a try that its process has not called, should there be any."""
        if event in live.tasks[row.task_id].callbacks:
            self._owe_instance(tx, live, row, event, error, now)

    def owe_events(self, tx: Tx, live: LiveRun, event_ids: Sequence[int], now: datetime) -> None:
        """Owe listeners a word about each of these events of assets, should there be any."""
        if not event_ids or f"{LISTEN}{ASSET_EVENT}" not in live.spec.callbacks:
            return
        for event_id in event_ids:
            found, _ = read_events(tx, EventFilter(id=event_id))
            new = NewCallback(
                callback_id=callback_id(live.run.dag_id, live.run.run_id, ASSET_EVENT, event_id),
                run_pk=live.pk,
                kind="listener",
                event=ASSET_EVENT,
                reason=msgspec.json.encode(view_of(found[0])).decode(),
            )
            self.owe(tx, new, now)

    def _owe_instance(
        self, tx: Tx, live: LiveRun, row: TaskInstance, event: str, error: str, now: datetime
    ) -> None:
        run = live.run
        known_by = callback_id(
            run.dag_id, run.run_id, event, row.task_id, row.map_path, row.try_number
        )
        new = NewCallback(
            callback_id=known_by,
            run_pk=live.pk,
            kind="task",
            event=event,
            task_id=row.task_id,
            map_path=row.map_path,
            try_number=row.try_number,
            error="" if event == "success" else error,
        )
        self.owe(tx, new, now)

    def claim(self, tx: Tx, worker: WorkerFacts, seq: int, now: datetime) -> list[CallbackOrder]:
        """Give out callbacks that are due, as far as the worker has room."""
        if not self.may_be_due:
            return []
        free = self.policy.slots - callbacks.count_claimed(tx, worker.id)
        if free <= 0:
            return []
        claimed = callbacks.claim_callbacks(tx, worker.id, seq, free, now)
        self.may_be_due = len(claimed) == free
        return [self._order(tx, one) for one in claimed]

    def take(self, tx: Tx, reports: Sequence[CallbackReport], now: datetime) -> None:
        """Take in how callbacks ended."""
        for report in reports:
            self.may_be_due = True
            one = callbacks.apply_report(tx, report, now, self.policy)
            if one is not None and one.kind == KIND:
                self.on_timetable(tx, one, report, now)
            if one is not None and report.is_done and one.kind == "deadline_reference":
                self.on_answered(tx, one, report, now)

    def reconcile(self, tx: Tx, worker: WorkerFacts, message: Exchange, now: datetime) -> None:
        """Give back what this worker says it does not hold; see ``Exchange``."""
        if message.calling is None:
            return
        keep = {*message.calling, *(report.job_id for report in message.called)}
        given_back = callbacks.return_callbacks(
            tx,
            worker.id,
            keep,
            now,
            self.policy,
            open_seqs=message.open,
            before_seq=message.seq,
        )
        self.may_be_due = self.may_be_due or given_back > 0

    def lose(self, tx: Tx, worker_id: str, now: datetime, *, lost: bool) -> None:
        """Give back all that a worker held that is gone."""
        if callbacks.return_callbacks(tx, worker_id, (), now, self.policy, lost=lost):
            self.may_be_due = self.has_fresh = True

    def _order(self, tx: Tx, one: Callback) -> CallbackOrder:
        if one.run_pk is None:
            return self._question(tx, one)
        run = runs.read_run_by_pk(tx, one.run_pk)
        assert run is not None  # noqa: S101 - a callback goes with its run
        place = places.read_places(tx, [run])[run.pk]
        bundle = BundleRef(
            name=place.bundle, root=place.root, dags_folder=place.dags_folder, digest=run.digest
        )
        facts = _run_facts(run)
        row = None
        if one.task_id is not None:
            row = tasks.read_instance(tx, run.pk, one.task_id, one.map_path or "")
        return CallbackOrder(
            job_id=one.id,
            epoch=one.epoch,
            callback_id=one.callback_id,
            kind=one.kind,
            event=one.event,
            reason=one.reason,
            error=one.error,
            done=one.done,
            run=facts,
            task=None if row is None else _task_order(one, row, facts, bundle, place),
            deadline=None if one.deadline_id is None else _deadline_facts(tx, one.deadline_id),
            bundle=bundle,
            file=place.file,
            closure=place.closure_digest,
            log_path=log_path(run, one.callback_id),
            try_number=one.tries,
            timeout_seconds=self.policy.timeout_seconds,
        )

    def _question(self, tx: Tx, one: Callback) -> CallbackOrder:
        """Answer the order of what a Dag's timetable is asked; it is about no run."""
        dag_id = one.dag_id or ""
        place = places.read_place_now(tx, dag_id)
        assert place is not None  # noqa: S101 - what it is asked goes with its Dag
        return CallbackOrder(
            job_id=one.id,
            epoch=one.epoch,
            callback_id=one.callback_id,
            kind=one.kind,
            run=RunFacts(dag_id=dag_id, run_id="", run_type="", run_after=one.created_at),
            bundle=BundleRef(name=place.bundle, root=place.root, dags_folder=place.dags_folder),
            file=place.file,
            closure=place.closure_digest,
            log_path=f"dag_id={dag_id}/timetable.log",
            try_number=one.tries,
            timeout_seconds=ANSWER_SECONDS,
            question=one.question or b"",
        )


def _ignore(tx: Tx, one: Callback, report: CallbackReport, now: datetime) -> None:
    """Let an answer go that nobody waits for."""


def log_path(run: Run, known_by: str) -> str:
    """Answer where the log of a callback lies, below the log root."""
    return f"dag_id={run.dag_id}/run_id={run.run_id}/callbacks/{known_by}.log"


def _relevant(live: LiveRun) -> TaskInstance | None:
    """Answer the instance that a Dag's callback is about: the last that failed, else that ended."""
    ended = [row for row in live.rows.values() if row.end_date is not None]
    failed = [row for row in ended if row.state is TaskState.FAILED]
    return max(failed or ended, key=lambda row: (row.end_date, row.id), default=None)


def _run_facts(run: Run) -> RunFacts:
    return RunFacts(
        dag_id=run.dag_id,
        run_id=run.run_id,
        run_type=run.run_type,
        run_after=run.run_after,
        logical_date=run.logical_date,
        data_interval_start=run.data_interval_start,
        data_interval_end=run.data_interval_end,
        start_date=run.start_date,
        conf=run.conf,
        partition_key=run.partition_key,
        triggered_by=run.triggered_by,
        clear_number=run.clear_number,
    )


def _task_order(
    one: Callback, row: TaskInstance, run: RunFacts, bundle: BundleRef, place: Place
) -> TaskOrder:
    return TaskOrder(
        attempt_id=0,
        epoch=0,
        token="",
        ti_id=row.id,
        task_id=row.task_id,
        map_path=row.map_path,
        map_index=row.map_index,
        try_number=one.try_number or row.try_number,
        max_tries=row.max_tries,
        leg=row.leg,
        run=run,
        bundle=bundle,
        file=place.file,
        closure=place.closure_digest,
        queue=row.queue,
        pool=row.pool,
        first_started_at=row.start_date,
    )


def _deadline_facts(tx: Tx, deadline_id: int) -> DeadlineFacts | None:
    found = deadlines.read_deadline(tx, deadline_id)
    if found is None:
        return None
    return DeadlineFacts(
        id=found.id,
        scope=found.scope,
        owner=found.owner,
        position=found.position,
        name=found.name,
        due_at=found.due_at,
    )
