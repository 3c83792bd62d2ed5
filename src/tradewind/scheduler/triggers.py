"""Where task instances wait outside any process: for a trigger, or for a person's answer."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from tradewind.core.events import TaskMoved
from tradewind.core.states import TaskState
from tradewind.protocol.exchange import Exchange
from tradewind.protocol.leaving import TIMED_OUT, Deferral, Resume
from tradewind.protocol.reports import Finish
from tradewind.protocol.triggers import Fired, TriggerCancel, TriggerOrder, is_watcher
from tradewind.scheduler.callbacks import Callbacks
from tradewind.scheduler.facts import bundle_of, log_path, run_facts
from tradewind.scheduler.live import LiveRun
from tradewind.scheduler.runs import Runs
from tradewind.scheduler.watchers import Watchers
from tradewind.store import deferrals, human_inputs, places, xcoms
from tradewind.store.attempts import Attempt
from tradewind.store.database import Tx
from tradewind.store.deferrals import Wait, Waiter
from tradewind.store.secrets import Vault
from tradewind.store.tasks import TaskInstance
from tradewind.store.workers import WorkerFacts
from tradewind.store.xcoms import XCom

MOST_AT_ONCE = 500
"""Triggers handed out in one answer."""


class Triggers:
    """Writes what instances wait for, hands triggers to workers, takes what they say."""

    def __init__(
        self,
        runs: Runs,
        callbacks: Callbacks,
        watchers: Watchers,
        vault: Vault,
        new_token: Callable[[], str],
    ) -> None:
        """Bind the parts."""
        self._watchers = watchers
        self._callbacks = callbacks
        self._runs = runs
        self._vault = vault
        self._new_token = new_token
        self._looked: set[tuple[str, ...]] = set()
        self._is_fresh = False

    def forget(self) -> None:
        """Throw away what is held in memory: a transaction was undone."""
        self._looked.clear()
        self._is_fresh = False

    def take_fresh(self) -> bool:
        """Tell whether a trigger came up for claiming since this was last asked."""
        fresh, self._is_fresh = self._is_fresh, False
        return fresh

    def look_again(self) -> None:
        """Say that there may be a watcher that nobody runs."""
        self._looked.clear()
        self._is_fresh = True

    # ------------------------------------------------------------------ leaving and going on

    def leave(self, tx: Tx, row: TaskInstance, one: Attempt, finish: Finish, now: datetime) -> None:
        """Write what an instance waits for that has just become deferred or awaits input."""
        if finish.deferral is not None:
            waiter = Waiter(
                ti_id=row.id,
                run_pk=row.run_pk,
                try_number=row.try_number,
                queue=finish.deferral.queue or row.queue,
                attempt_id=one.id,
            )
            self._defer(tx, waiter, finish.deferral, now)
        if finish.input_request is not None:
            place = (row.id, row.run_pk, row.try_number, one.leg)
            human_inputs.insert_input(tx, self._vault, place, finish.input_request, now)

    def start(self, tx: Tx, now: datetime) -> None:
        """Let the instances that begin with their trigger begin with it, without a worker."""
        starts = self._runs.take_trigger_starts()
        if starts:
            # Before what they wait for now is written: what they waited for when cleared.
            self._runs.end_waits(tx, now)
        for live, row in starts:
            spec = live.tasks[row.task_id].start_trigger
            if spec is None or row.state is not TaskState.SCHEDULED:
                continue
            timeout = None if spec.timeout is None else now + spec.timeout
            row.start_date, row.end_date = now, None
            wait = Deferral(
                classpath=spec.classpath,
                kwargs=spec.kwargs.encode(),
                method_name=spec.next_method,
                method_kwargs=spec.next_kwargs.encode(),
                timeout_at=timeout,
            )
            waiter = Waiter(
                ti_id=row.id,
                run_pk=row.run_pk,
                try_number=row.try_number,
                queue=spec.queue or row.queue,
            )
            self._move(live, row, TaskState.DEFERRED, now, "it begins with its trigger", timeout)
            self._defer(tx, waiter, wait, now)

    def _defer(self, tx: Tx, waiter: Waiter, wait: Deferral, now: datetime) -> None:
        deferrals.insert_deferral(tx, self._vault, waiter, wait, now)
        self._looked.clear()
        self._is_fresh = True

    def leg_ended(self, tx: Tx, ti_ids: Sequence[int]) -> None:
        """Forget what the leg that has now ended went on with."""
        deferrals.drop_waits(tx, ti_ids)
        human_inputs.forget_answers(tx, ti_ids)

    def read_resumes(
        self, tx: Tx, rows: Iterable[tuple[LiveRun, TaskInstance]]
    ) -> dict[int, Resume]:
        """Answer how instances that are started now go on, by instance."""
        tries = {
            row.id: row.try_number
            for live, row in rows
            if row.leg > 1 or live.tasks[row.task_id].start_trigger is not None
        }
        if not tries:
            return {}
        found = deferrals.read_resumes(tx, self._vault, tries)
        return found | human_inputs.read_answers(tx, self._vault, tries)

    def time_out(self, tx: Tx, live: LiveRun, row: TaskInstance, now: datetime) -> None:
        """Let an instance go on that has waited for as long as it may."""
        if row.state is TaskState.DEFERRED:
            for wait in deferrals.read_waits_of(tx, [row.id]):
                if deferrals.apply_timeout(tx, wait.id, now):
                    self._unwatch(wait, "It took longer than its timeout")
            self._move(live, row, TaskState.SCHEDULED, now, "its trigger took too long")
        elif row.state is TaskState.AWAITING_INPUT:
            for asked in human_inputs.read_open_inputs(tx, [row.id]):
                human_inputs.close_input(
                    tx, asked.id, now, chosen=asked.defaults, failure=TIMED_OUT
                )
            self._move(live, row, TaskState.SCHEDULED, now, "nobody answered in time")

    def answered(self, tx: Tx, run_pk: int, key: tuple[str, str], now: datetime) -> None:
        """Let an instance go on whose question a person has answered."""
        live = self._runs.load(tx, run_pk)
        row = live.rows[key]
        if row.state is TaskState.AWAITING_INPUT:
            self._move(live, row, TaskState.SCHEDULED, now, "a person answered")

    def _move(
        self,
        live: LiveRun,
        row: TaskInstance,
        new: TaskState,
        now: datetime,
        reason: str,
        wake_at: datetime | None = None,
        pushed: tuple[tuple[str, int | None], ...] = (),
    ) -> None:
        moved = TaskMoved(
            task_id=row.task_id,
            map_path=row.map_path,
            old=row.state,
            new=new,
            try_number=row.try_number,
            reason=reason,
            wake_at=wake_at,
            pushed=pushed,
        )
        self._runs.record(live, moved, now)

    # ------------------------------------------------------------------ what workers say

    def take_fired(
        self, tx: Tx, worker: WorkerFacts, said: Sequence[Fired], now: datetime
    ) -> list[tuple[int, int]]:
        """Record what triggers said, each once; answer those that need not be said again."""
        if not said:
            return []
        watched = [fired for fired in said if is_watcher(fired.trigger_id)]
        if watched:
            self._watchers.take_fired(tx, worker, watched, now)
            self.look_again()
        waits = deferrals.read_waits(tx, {fired.trigger_id for fired in said})
        for fired in said:
            wait = waits.get(fired.trigger_id)
            if wait is None or not deferrals.apply_fired(tx, self._vault, worker.id, fired, now):
                continue
            live = self._runs.load(tx, wait.run_pk)
            row = live.rows[wait.task_id, wait.map_path]
            if row.state is not TaskState.DEFERRED or row.try_number != wait.try_number:
                continue
            if fired.ends is not None:
                self._end(tx, live, row, fired, now)
            else:
                reason = "its trigger failed" if fired.event is None else "its trigger fired"
                self._move(live, row, TaskState.SCHEDULED, now, reason)
        return [(fired.trigger_id, fired.epoch) for fired in said]

    def _end(self, tx: Tx, live: LiveRun, row: TaskInstance, fired: Fired, now: datetime) -> None:
        """End an instance as its trigger says: no leg goes on from here."""
        pushed = [
            XCom(
                run_pk=row.run_pk,
                task_id=row.task_id,
                map_path=row.map_path,
                map_index=row.map_index,
                key=key,
                value=value,
                length=length,
                at=now,
            )
            for key, value, length in fired.xcoms
        ]
        xcoms.apply_xcoms(tx, pushed)
        lengths = tuple((one.key, one.length) for one in pushed)
        new = fired.ends or TaskState.SUCCESS
        told = lengths if new is TaskState.SUCCESS else ()
        self._callbacks.owe_row(tx, live, row, new, "ended by its trigger", now)
        self._move(live, row, new, now, "ended by its trigger", None, told)

    def reconcile(self, tx: Tx, worker: WorkerFacts, message: Exchange) -> None:
        """Compare which triggers the rows say a worker runs with what it says itself."""
        held = message.triggers_held
        if held is None and not message.abandoned:
            return
        known = self._read_held(tx, worker.id)
        mine = set(held or ()) | {fired.trigger_id for fired in message.fired}
        lost = [
            wait_id
            for wait_id, seq in known.items()
            if wait_id not in mine
            and seq < message.seq
            and (seq in message.abandoned or (held is not None and seq not in message.open))
        ]
        if lost:
            self._give_back(tx, lost)
        strangers = set(held or ()) - known.keys()
        if strangers:
            there = deferrals.read_existing_waits(tx, strangers)
            there |= self._watchers.read_existing(tx, strangers)
            cancels = self._runs.waiting.unwatched.setdefault(worker.id, {})
            for wait_id in strangers:
                if wait_id not in cancels:
                    reason = "Another worker runs it" if wait_id in there else "Nobody waits for it"
                    kill = wait_id not in there and not is_watcher(wait_id)
                    cancels[wait_id] = TriggerCancel(
                        trigger_id=wait_id, epoch=0, reason=reason, is_kill=kill
                    )
        if message.blocked is not None:
            deferrals.apply_blocked(tx, worker.id, message.blocked)

    def lose(self, tx: Tx, worker_id: str) -> None:
        """Give back all triggers of a worker that is gone."""
        self._give_back(tx, list(self._read_held(tx, worker_id)))

    def _read_held(self, tx: Tx, worker_id: str) -> dict[int, int]:
        held = self._watchers.read_held(tx, worker_id)
        return deferrals.read_held_waits(tx, worker_id) | held

    def _give_back(self, tx: Tx, ids: Sequence[int]) -> None:
        if ids:
            deferrals.return_waits(tx, [one for one in ids if not is_watcher(one)])
            self._watchers.give_back(tx, ids)
            self._looked.clear()
            self._is_fresh = True

    # ------------------------------------------------------------------ what workers are told

    def claim(
        self, tx: Tx, worker: WorkerFacts, message: Exchange, now: datetime
    ) -> list[TriggerOrder]:
        """Hand out triggers that nobody runs, as far as the worker has room."""
        room = min(message.trigger_room, MOST_AT_ONCE)
        if room <= 0 or worker.queues in self._looked:
            return []
        tokens = [self._new_token() for _ in range(room)]
        claimed = deferrals.claim_waits(
            tx, self._vault, worker.id, message.seq, worker.queues, room, now, tokens
        )
        left = tokens[len(claimed) :]
        watched = self._watchers.claim(tx, worker, message.seq, now, left) if left else []
        if len(claimed) + len(watched) < room:
            self._looked.add(worker.queues)
        waits = deferrals.read_waits(tx, claimed)
        lives = {wait.run_pk: self._runs.load(tx, wait.run_pk) for wait in waits.values()}
        where = places.read_places(tx, [live.run for live in lives.values()])
        orders = [
            self._order(lives[wait.run_pk], wait, claimed[wait.id], where)
            for wait in waits.values()
        ]
        return orders + watched

    def _order(
        self,
        live: LiveRun,
        wait: Wait,
        claim: tuple[str, bytes],
        where: dict[int, places.Place],
    ) -> TriggerOrder:
        row = live.rows[wait.task_id, wait.map_path]
        place = where[live.pk]
        return TriggerOrder(
            trigger_id=wait.id,
            epoch=wait.epoch,
            token=claim[0],
            classpath=wait.classpath,
            kwargs=claim[1],
            ti_id=row.id,
            task_id=row.task_id,
            map_path=row.map_path,
            map_index=row.map_index,
            try_number=row.try_number,
            max_tries=row.max_tries,
            run=run_facts(live),
            bundle=bundle_of(live, place),
            file=place.file,
            queue=row.queue,
            pool=row.pool,
            log_path=log_path(live, row),
            attempt_id=wait.attempt_id,
            timeout_at=wait.timeout_at,
        )

    def take_cancels(self, worker_id: str) -> tuple[TriggerCancel, ...]:
        """Answer the triggers that this worker is to end."""
        return tuple(self._runs.waiting.unwatched.pop(worker_id, {}).values())

    def _unwatch(self, wait: Wait, reason: str) -> None:
        if wait.claimed_by is not None:
            cancels = self._runs.waiting.unwatched.setdefault(wait.claimed_by, {})
            cancels[wait.id] = TriggerCancel(trigger_id=wait.id, epoch=wait.epoch, reason=reason)
