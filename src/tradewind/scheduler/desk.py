"""Where workers are spoken with: registration, and the exchange of reports for work.

One exchange is one transaction: what ended is recorded, all that follows is decided and admitted,
and what the worker may start next is claimed for it.
"""

import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from tradewind.core.callbacks import owed_event
from tradewind.core.events import TaskMoved
from tradewind.core.outcomes import LONGEST_DELAY, after_leg, retry_delay
from tradewind.core.states import LegState, TaskState
from tradewind.errors import UsageError
from tradewind.protocol.callbacks import CallbackOrder
from tradewind.protocol.exchange import (
    PROTOCOL_VERSION,
    Answer,
    Exchange,
    Register,
    Registered,
)
from tradewind.protocol.orders import Cancel, ParseOrder, TaskOrder
from tradewind.protocol.reports import Finish, XComPush
from tradewind.protocol.triggers import TriggerOrder
from tradewind.scheduler.assets import Assets
from tradewind.scheduler.callbacks import Callbacks
from tradewind.scheduler.claims import Claims
from tradewind.scheduler.data import apply_success
from tradewind.scheduler.live import LiveRun
from tradewind.scheduler.policy import LeasePolicy
from tradewind.scheduler.runs import Runs
from tradewind.scheduler.shown import Shown
from tradewind.scheduler.triggers import Triggers
from tradewind.store import attempts, files, workers, xcoms
from tradewind.store.attempts import Attempt, LegEnd
from tradewind.store.database import Tx
from tradewind.store.workers import WorkerFacts
from tradewind.store.xcoms import XCom

_LONGEST_REASON = 500
"""Of what a retry policy says, in characters."""

_OUTSIDE = frozenset({TaskState.DEFERRED, TaskState.AWAITING_INPUT})


class After(NamedTuple):
    """What follows from what was recorded."""

    settle: Callable[[Tx, datetime], None]
    """Decides, starts and admits."""
    parsed: Callable[[Tx, Collection[str]], None]
    """Is told of Dags that a report changed: they may be due."""


class Desk:
    """Takes what workers report, hands out what they may do."""

    def __init__(
        self,
        runs: Runs,
        triggers: Triggers,
        callbacks: Callbacks,
        events: Assets,
        policy: LeasePolicy,
        *,
        log_root: str | None,
        after: After,
        new_token: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        """Bind the parts.

        Args:
            runs: The live runs.
            triggers: What instances wait for outside any process.
            callbacks: What is owed to user code.
            events: Records events of assets.
            policy: Lengths of leases, and of parse limits.
            log_root: Where workers on this machine append logs; None where no disk is shared.
            after: What follows from what was recorded.
            new_token: Makes secrets: 128 random bits each.
        """
        self._runs = runs
        self._triggers = triggers
        self._callbacks = callbacks
        self._events = events
        self._policy = policy
        self._log_root = log_root
        self._after = after
        self._new_token = new_token
        self._shown = Shown(runs)
        self._claims = Claims(runs, triggers, new_token)

    def register(self, tx: Tx, message: Register, now: datetime) -> Registered:
        """Give a worker process its id and its lease.

        Raises:
            UsageError: It speaks another version of the protocol.
        """
        if message.version != PROTOCOL_VERSION:
            raise UsageError(
                "protocol-version",
                f"Worker '{message.name}' speaks protocol {message.version}, "
                f"this server {PROTOCOL_VERSION}.",
                "Run the same version of Tradewind on both.",
            )
        policy = self._policy
        worker_id = self._new_token()
        workers.insert_worker(
            tx,
            WorkerFacts(
                id=worker_id,
                name=message.name,
                host=message.host,
                pid=message.pid,
                slots=message.slots,
                parse_slots=message.parse_slots,
                queues=message.queues,
                state="live",
                draining=False,
                started_at=now,
                renewed_at=now,
                lease_until=now + policy.lease,
            ),
        )
        return Registered(
            worker_id=worker_id,
            lease_seconds=policy.lease.total_seconds(),
            renew_seconds=policy.renew.total_seconds(),
            fence_seconds=policy.fence.total_seconds(),
            log_root=self._log_root,
        )

    def exchange(self, tx: Tx, message: Exchange, now: datetime) -> Answer:
        """Take one request of a worker and answer it."""
        worker = workers.read_worker(tx, message.worker_id)
        if worker is None or worker.state != "live":
            return Answer(known=False, refused=tuple(f.attempt_id for f in message.finishes))
        if message.held is not None:
            until = now + self._policy.lease
            workers.renew_worker(tx, worker.id, now, until, message.draining)
        if message.held is not None or message.abandoned:
            self._reconcile(tx, worker, message, now)
            self._triggers.reconcile(tx, worker, message)
        self._take_xcoms(tx, worker, message.xcoms, now)
        recorded, refused = self._take_finishes(tx, worker, message.finishes, now)
        fired = self._triggers.take_fired(tx, worker, message.fired, now)
        if message.parsed or message.parsing is not None or message.abandoned:
            self.look_for_files()
        for report in message.parsed:
            changed = files.apply_parse_report(tx, report, now, self._policy.parse)
            if changed:
                self._runs.reload(tx, changed, now)
                self._after.parsed(tx, changed)
        self._callbacks.take(tx, message.called, now)
        self._after.settle(tx, now)
        claims: Sequence[TaskOrder] = ()
        triggers: Sequence[TriggerOrder] = ()
        parses: Sequence[ParseOrder] = ()
        owed: Sequence[CallbackOrder] = ()
        if not message.draining:
            claims = self._claims.claim(tx, worker, message.seq, now)
            triggers = self._triggers.claim(tx, worker, message, now)
            parses = self._claims.claim_parses(tx, worker, message.seq, self._policy.parse, now)
        self._runs.flush(tx, now)
        if not message.draining:
            # Last: what was written a moment ago can be run at once.
            owed = self._callbacks.claim(tx, worker, message.seq, now)
        return Answer(
            claims=tuple(claims),
            parses=tuple(parses),
            callbacks=tuple(owed),
            cancels=self._cancels(tx, worker, message),
            recorded=tuple(recorded),
            refused=tuple(refused),
            triggers=tuple(triggers),
            trigger_cancels=self._triggers.take_cancels(worker.id),
            fired_recorded=tuple(fired),
        )

    def look_for_files(self) -> None:
        """Say that a Dag file may be due to be parsed."""
        self._claims.may_have_files = True

    def goodbye(self, tx: Tx, worker_id: str, now: datetime) -> None:
        """Close the row of a worker that leaves; whatever it still held is lost."""
        worker = workers.read_worker(tx, worker_id)
        if worker is not None and workers.end_worker(tx, worker_id, "gone"):
            self.lose(tx, worker, attempts.read_live_attempts(tx, worker_id), now, "left")
            files.return_parse_jobs(tx, worker_id, (), now)
            self._callbacks.lose(tx, worker_id, now, lost=False)
            self._after.settle(tx, now)
            self._runs.flush(tx, now)

    def lose(
        self, tx: Tx, worker: WorkerFacts, lost: Collection[Attempt], now: datetime, how: str
    ) -> None:
        """Record attempts whose worker will never finish them: failed tries."""
        error = f"Its worker '{worker.name}' (pid {worker.pid} on {worker.host}) {how}."
        self._end(tx, [(one, LegState.LOST, error) for one in lost], now)
        self._triggers.lose(tx, worker.id)

    def _reconcile(self, tx: Tx, worker: WorkerFacts, message: Exchange, now: datetime) -> None:
        """Compare what the rows say a worker holds with what it says itself; see ``Exchange``."""
        finished = {finish.attempt_id for finish in message.finishes}
        held = None if message.held is None else set(message.held)
        ends: list[tuple[Attempt, LegState, str]] = []
        for one in attempts.read_live_attempts(tx, worker.id):
            if one.id in finished or one.claim_seq >= message.seq:
                continue
            if one.claim_seq in message.abandoned:
                if held is None or one.id not in held:
                    ends.append((one, LegState.RETURNED, "The claim never reached its worker."))
            elif held is not None and one.id not in held and one.claim_seq not in message.open:
                error = f"Worker '{worker.name}' does not know of it any more."
                ends.append((one, LegState.LOST, error))
        self._end(tx, ends, now)
        self._callbacks.reconcile(tx, worker, message, now)
        if message.parsing is not None:
            done = {report.job_id for report in message.parsed}
            keep = set(message.parsing) | done
            files.return_parse_jobs(
                tx, worker.id, keep, now, open_seqs=message.open, before_seq=message.seq
            )

    def _end(self, tx: Tx, ends: Sequence[tuple[Attempt, LegState, str]], now: datetime) -> None:
        attempts.end_legs(
            tx,
            [
                LegEnd(attempt_id=one.id, state=state, ended_at=now, error=error)
                for one, state, error in ends
            ],
        )
        for one, state, error in ends:
            self._follow(tx, one, state, now, reason=error)

    def _take_xcoms(
        self, tx: Tx, worker: WorkerFacts, pushed: Sequence[XComPush], now: datetime
    ) -> None:
        if not pushed:
            return
        known = attempts.read_attempts(tx, [one.attempt_id for one in pushed])
        good = [
            (known[one.attempt_id], one)
            for one in pushed
            if one.attempt_id in known
            and _is_live(known[one.attempt_id], worker, one.epoch)
            and self._is_wanted(tx, known[one.attempt_id])
        ]
        xcoms.apply_xcoms(tx, [_xcom(one, push, now) for one, push in good])

    def _is_wanted(self, tx: Tx, one: Attempt) -> bool:
        """Tell whether what an attempt says counts: its instance was not cleared or marked."""
        row = self._runs.load(tx, one.run_pk).rows[one.task_id, one.map_path]
        return row.state is TaskState.RUNNING

    def _take_finishes(
        self, tx: Tx, worker: WorkerFacts, finishes: Sequence[Finish], now: datetime
    ) -> tuple[list[int], list[int]]:
        if not finishes:
            return [], []
        known = attempts.read_attempts(tx, [finish.attempt_id for finish in finishes])
        recorded: list[int] = []
        refused: list[int] = []
        ends: list[LegEnd] = []
        good: list[tuple[Attempt, Finish]] = []
        taken: set[int] = set()
        for finish in finishes:
            one = known.get(finish.attempt_id)
            if one is None or finish.epoch != one.epoch or one.worker_id != worker.id:
                refused.append(finish.attempt_id)
            elif finish.attempt_id in taken or one.state is finish.outcome:
                recorded.append(finish.attempt_id)
            elif _is_live(one, worker, finish.epoch, finish.token):
                taken.add(finish.attempt_id)
                good.append((one, finish))
                recorded.append(finish.attempt_id)
                ends.append(
                    LegEnd(
                        attempt_id=one.id,
                        state=finish.outcome,
                        ended_at=finish.ended_at or now,
                        started_at=finish.started_at,
                        error=finish.error,
                    )
                )
            else:
                refused.append(finish.attempt_id)
        attempts.end_legs(tx, ends)
        xcoms.apply_xcoms(
            tx,
            [
                _xcom(one, push, now)
                for one, finish in good
                if finish.xcoms and self._is_wanted(tx, one)
                for push in finish.xcoms
            ],
        )
        self._shown.keep(tx, good)
        for one, finish in good:
            self._follow(tx, one, finish.outcome, now, finish=finish, reason=finish.error)
        return recorded, refused

    def _follow(
        self,
        tx: Tx,
        one: Attempt,
        outcome: LegState,
        now: datetime,
        *,
        finish: Finish | None = None,
        reason: str = "",
    ) -> None:
        """Record where a task instance goes now that its leg has ended."""
        live = self._runs.load(tx, one.run_pk)
        row = live.rows[one.task_id, one.map_path]
        follows = after_leg(
            outcome,
            try_number=one.try_number,
            max_tries=row.max_tries,
            delay=self._delay(live, one, finish),
            now=now,
            state=row.state,
            retry_allowed=finish is None or finish.retry,
            wake_at=_wake_at(finish),
        )
        if finish is not None and finish.pid is not None:
            row.pid = finish.pid
        if finish is not None and finish.map_label:
            row.map_label = finish.map_label
        if outcome is not LegState.RETURNED and (
            one.leg > 1 or self._is_trigger_started(live, one)
        ):
            self._triggers.leg_ended(tx, [row.id])
        state = row.state if follows is None else follows.state
        event = owed_event(state, outcome, "" if finish is None else finish.called)
        if event is not None:
            self._callbacks.owe_task(tx, live, row, event, reason, now)
        if follows is None:
            self._runs.leg_ended(row.id)
            return
        pushed = () if finish is None else self._pushed(tx, live, one, finish)
        moved = TaskMoved(
            task_id=one.task_id,
            map_path=one.map_path,
            old=row.state,
            new=follows.state,
            try_number=row.try_number,
            reason=follows.reason or _reason(finish, reason),
            wake_at=follows.wake_at,
            pushed=pushed if follows.state is TaskState.SUCCESS else (),
            skips=finish.skips if finish and follows.state is TaskState.SUCCESS else (),
        )
        self._runs.record(live, moved, now)
        self._runs.leg_ended(row.id)
        if finish is not None and follows.state is TaskState.SUCCESS:
            made = apply_success(tx, self._events, live.run, one, finish, now)
            self._callbacks.owe_events(tx, live, made, now)
        if finish is not None and follows.state in _OUTSIDE:
            self._triggers.leave(tx, row, one, finish, now)

    @staticmethod
    def _is_trigger_started(live: LiveRun, one: Attempt) -> bool:
        return live.tasks[one.task_id].start_trigger is not None

    def _pushed(
        self, tx: Tx, live: LiveRun, one: Attempt, finish: Finish
    ) -> tuple[tuple[str, int | None], ...]:
        """Answer keys and lengths for those who map over them: in the finish, or pushed before."""
        pushed: dict[str, int | None] = {}
        if live.graph.plan.awaited_keys(one.task_id) - {x.key for x in finish.xcoms}:
            pushed = {
                key: length
                for task_id, path, key, length in xcoms.read_lengths(tx, one.run_pk)
                if (task_id, path) == (one.task_id, one.map_path)
            }
        pushed.update((x.key, x.length) for x in finish.xcoms)
        return tuple(pushed.items())

    def _delay(self, live: LiveRun, one: Attempt, finish: Finish | None) -> timedelta:
        if finish is not None and finish.retry_delay_seconds is not None:
            longest = LONGEST_DELAY.total_seconds()
            return timedelta(seconds=min(max(finish.retry_delay_seconds, 0), longest))
        return retry_delay(
            live.tasks[one.task_id].retry,
            dag_id=live.run.dag_id,
            task_id=one.task_id,
            logical_date=live.run.logical_date,
            try_number=one.try_number,
        )

    def _cancels(self, tx: Tx, worker: WorkerFacts, message: Exchange) -> tuple[Cancel, ...]:
        waiting = self._runs.waiting
        if message.held is None and worker.id not in waiting.cancelled:
            return ()
        waiting.cancelled.discard(worker.id)
        return tuple(
            Cancel(attempt_id=one.id, epoch=one.epoch, reason=one.cancel_reason)
            for one in attempts.read_live_attempts(tx, worker.id)
            if one.cancel_reason is not None
        )


def _wake_at(finish: Finish | None) -> datetime | None:
    """Answer when an instance goes on of itself, or is told that it waited in vain."""
    if finish is None:
        return None
    wait = finish.deferral or finish.input_request
    return finish.wake_at if wait is None else wait.timeout_at


def _is_live(one: Attempt, worker: WorkerFacts, epoch: int, token: str | None = None) -> bool:
    if one.state is not LegState.RUNNING or one.worker_id != worker.id or one.epoch != epoch:
        return False
    return token is None or one.token_hash == attempts.hash_token(token)


def _reason(finish: Finish | None, error: str) -> str:
    """Answer why an instance goes where it goes: what its retry policy said comes first."""
    policy = "" if finish is None else finish.retry_reason[:_LONGEST_REASON]
    return f"{policy} ({error})" if policy and error else policy or error


def _xcom(one: Attempt, push: XComPush, now: datetime) -> XCom:
    return XCom(
        run_pk=one.run_pk,
        task_id=one.task_id,
        map_path=one.map_path,
        map_index=one.map_index,
        key=push.key,
        value=push.value,
        length=push.length,
        at=now,
    )
