"""Claims: what a worker may start now. Claim is start."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from tradewind.core.events import TaskMoved
from tradewind.core.states import TaskState
from tradewind.protocol.orders import ParseOrder, TaskOrder
from tradewind.scheduler.facts import bundle_of, log_path, run_facts
from tradewind.scheduler.live import LiveRun
from tradewind.scheduler.runs import Runs
from tradewind.scheduler.triggers import Triggers
from tradewind.scheduler.waiting import Found
from tradewind.store import attempts, files, places
from tradewind.store.attempts import NewAttempt
from tradewind.store.database import Tx
from tradewind.store.places import Place
from tradewind.store.tasks import TaskInstance
from tradewind.store.workers import WorkerFacts


class Claims:
    """Hands admitted instances, and files that are due, to workers.

    Attributes:
        may_have_files: Whether a file may be due; saves most exchanges a look for one.
    """

    def __init__(self, runs: Runs, triggers: Triggers, new_token: Callable[[], str]) -> None:
        """Bind the parts."""
        self._runs = runs
        self._triggers = triggers
        self._new_token = new_token
        self.may_have_files = True

    def claim(self, tx: Tx, worker: WorkerFacts, seq: int, now: datetime) -> list[TaskOrder]:
        """Start as many admitted instances of the worker's queues as it has slots for."""
        queues = self._runs.waiting.queues_with_work() & set(worker.queues)
        if not queues:
            return []
        free = worker.slots - attempts.count_live_attempts(tx, worker.id)
        found = self._take(queues, free)
        if not found:
            return []
        where = places.read_places(tx, [live.run for live, _ in found])
        new = []
        for live, row in found:
            self._start(live, row, worker, now)
            new.append(
                NewAttempt(
                    ti_id=row.id,
                    try_number=row.try_number,
                    leg=row.leg,
                    epoch=row.epoch,
                    worker_id=worker.id,
                    claim_seq=seq,
                    token=self._new_token(),
                    log_path=log_path(live, row),
                )
            )
        ids = attempts.insert_attempts(tx, new, now)
        orders = [
            _order(live, row, claim, attempt_id, where[live.pk])
            for (live, row), claim, attempt_id in zip(found, new, ids, strict=True)
        ]
        return self._resumed(tx, found, orders)

    def _resumed(self, tx: Tx, found: Sequence[Found], orders: list[TaskOrder]) -> list[TaskOrder]:
        """Tell the legs that go on from a wait how they do."""
        resumes = self._triggers.read_resumes(tx, found)
        later = {row.id: row.try_number for _, row in found if row.leg > 1}
        counts = attempts.count_reschedules(tx, later) if later else {}
        if not resumes and not counts:
            return orders
        return [
            msgspec.structs.replace(
                one, resume=resumes.get(one.ti_id), reschedules=counts.get(one.ti_id, 0)
            )
            for one in orders
        ]

    def claim_parses(
        self, tx: Tx, worker: WorkerFacts, seq: int, policy: files.ParsePolicy, now: datetime
    ) -> Sequence[ParseOrder]:
        """Give out files that are due, as far as the worker has parse slots."""
        if not self.may_have_files:
            return ()
        free = worker.parse_slots - files.count_claimed(tx, worker.id)
        if free <= 0:
            return ()
        orders = files.claim_parse_jobs(tx, worker.id, seq, free, now, policy)
        self.may_have_files = len(orders) == free
        return orders

    def _take(self, queues: set[str], free: int) -> list[Found]:
        waiting = self._runs.waiting
        found: list[Found] = []
        for name in sorted(queues):
            while len(found) < free and (one := waiting.queued[name].pop()) is not None:
                found.append(one)
        return found

    def _start(self, live: LiveRun, row: TaskInstance, worker: WorkerFacts, now: datetime) -> None:
        row.leg += 1
        row.epoch += 1
        row.hostname = worker.host
        if row.leg == 1 and live.tasks[row.task_id].start_trigger is None:
            row.start_date, row.end_date = now, None
        moved = TaskMoved(
            task_id=row.task_id,
            map_path=row.map_path,
            old=TaskState.QUEUED,
            new=TaskState.RUNNING,
            try_number=row.try_number,
        )
        self._runs.record(live, moved, now)


def _order(
    live: LiveRun, row: TaskInstance, claim: NewAttempt, attempt_id: int, place: Place
) -> TaskOrder:
    task = live.tasks[row.task_id]
    return TaskOrder(
        attempt_id=attempt_id,
        epoch=row.epoch,
        token=claim.token,
        ti_id=row.id,
        task_id=row.task_id,
        map_path=row.map_path,
        map_index=row.map_index,
        try_number=row.try_number,
        max_tries=row.max_tries,
        leg=row.leg,
        run=run_facts(live),
        bundle=bundle_of(live, place),
        file=place.file,
        closure=place.closure_digest,
        queue=row.queue,
        pool=row.pool,
        log_path=claim.log_path,
        execution_timeout_seconds=task.execution_timeout_seconds,
        first_started_at=row.start_date,
    )
