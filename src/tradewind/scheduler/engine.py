"""The engine of one installation: all loops over one database, as one object without threads.

Whoever hosts it gives it transactions and the time. Embedded that is the server's writer thread;
in the simulation, the simulation. Every method is one transaction; when one is undone, ``forget``
must be called before the next.
"""

import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from tradewind.core.callbacks import MISSED
from tradewind.core.events import TaskMoved
from tradewind.core.runs import Run
from tradewind.core.states import TaskState
from tradewind.errors import ConflictError, UnavailableError
from tradewind.protocol.callbacks import CallbackReport
from tradewind.protocol.exchange import Answer, Call, CallReply, Exchange, Register, Registered
from tradewind.protocol.timetables import TimetableQuestion
from tradewind.scheduler.answers.desk import Answers
from tradewind.scheduler.assets import Assets
from tradewind.scheduler.backfills import Backfills
from tradewind.scheduler.callbacks import Callbacks
from tradewind.scheduler.clearing import Clearing, ClearPlan, RunClear
from tradewind.scheduler.commands import Commands
from tradewind.scheduler.deadlines import Deadlines
from tradewind.scheduler.desk import After, Desk
from tradewind.scheduler.explain import Explain
from tradewind.scheduler.failing import fails_again_and_again
from tradewind.scheduler.forecasts import Forecasts
from tradewind.scheduler.marking import Marking
from tradewind.scheduler.people import answer_question
from tradewind.scheduler.planner import Planner
from tradewind.scheduler.policy import LeasePolicy, RunPolicy
from tradewind.scheduler.reaper import Reaper
from tradewind.scheduler.runs import Runs
from tradewind.scheduler.selection import Selected
from tradewind.scheduler.triggers import Triggers
from tradewind.scheduler.watchers import Watchers
from tradewind.scheduler.wishes import (
    AssetChange,
    BackfillWish,
    ClearWish,
    Health,
    InputAnswer,
    MarkWish,
    RunMark,
    Trigger,
)
from tradewind.store import dags, files, leases, pools, runs, tasks, workers
from tradewind.store.archives import Archive
from tradewind.store.backfills import BackfillDate, BackfillFacts
from tradewind.store.callbacks import Callback
from tradewind.store.database import Tx
from tradewind.store.human_inputs import HumanInput
from tradewind.store.moments import Moments, read_moments, read_waits_ahead
from tradewind.store.retention import Wish
from tradewind.store.secrets import Vault

_LEASE = "scheduler"
_LATE = timedelta(seconds=30)
_MOST_STARTS = 20
"""A transaction starts runs so many times; what may start then does so in the next one, at once.
Thousands of runs of nothing but empty tasks would hold up everybody else."""


class Engine:
    """Everything that decides, behind one face."""

    def __init__(
        self,
        vault: Vault,
        *,
        policy: LeasePolicy | None = None,
        log_root: str | None = None,
        rules: RunPolicy | None = None,
        rerun_with_latest_version: bool = False,
        new_token: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        """Wire the loops; ``open`` comes first.

        Args:
            vault: Opens secrets that tasks ask for.
            policy: Lengths of leases.
            log_root: Where workers on this machine append logs; None where no disk is shared.
            rules: What the installation says of its runs.
            rerun_with_latest_version: Whether a cleared run moves to the newest version of its Dag
                where neither whoever clears it nor the Dag says.
            new_token: Makes secrets: 128 random bits each.
        """
        self._policy = policy or LeasePolicy()
        self._holder = new_token()
        self._epoch = 0
        self._callbacks = Callbacks(self._policy.callbacks)
        self._callbacks.on_answered = self._on_answered
        self._deadlines = Deadlines(vault, self._callbacks)
        self._runs = Runs(self._holder, self._callbacks, self._deadlines)
        self._forecasts = Forecasts(self._callbacks)
        self._planner = Planner(self._runs, self._forecasts)
        self._assets = Assets(self._planner, new_token)
        self._planner.gate = self._assets
        self._rules = rules or RunPolicy()
        self._commands = Commands(self._runs, self._planner, self._rules)
        self._backfills = Backfills(self._runs, self._planner, self._commands, self._rules)
        self._clearing = Clearing(
            self._runs, self._planner, self._commands, on_latest=rerun_with_latest_version
        )
        self._marking = Marking(self._runs, self._clearing)
        self._answers = Answers(vault, self._trigger_for_task)
        self._explain = Explain(self._runs)
        self._triggers = Triggers(
            self._runs, self._callbacks, Watchers(self._assets), vault, new_token
        )
        self._desk = Desk(
            self._runs,
            self._triggers,
            self._callbacks,
            self._assets,
            self._policy,
            log_root=log_root,
            after=After(self._settle, self._on_parsed),
            new_token=new_token,
        )
        self._reaper = Reaper(self._desk, self._callbacks, self._policy)
        self._looked_at: datetime | None = None
        self._ring_all = False
        self._wakes_at: datetime | None = None

    def open(self, tx: Tx, now: datetime) -> None:
        """Take over the database; whoever held it before is known to be dead (the file lock).

        Leases of workers start anew: nobody could renew them while no server was there.
        """
        ttl = self._policy.scheduler_lease
        was_ahead = leases.is_lease_longer(tx, _LEASE, now + ttl)
        self._epoch = leases.seize_lease(tx, _LEASE, self._holder, now, ttl)
        self._reaper.extend(tx, now)
        if was_ahead:
            self._follow_clock(tx, now)

    def forget(self) -> None:
        """Throw away what is held in memory: a transaction was undone, the rows are the truth."""
        self._runs.forget()
        self._planner.forget()
        self._assets.forget()
        self._triggers.forget()
        self._desk.look_for_files()

    def take_rings(self) -> set[str] | None:
        """Answer whom to wake after a commit: None for every worker that waits, else these."""
        cancelled = self._runs.waiting.cancelled
        if self._ring_all:
            self._ring_all = False
            return None
        return {*cancelled, *self._runs.waiting.unwatched, *self._forecasts.take_answered()}

    def take_moved_runs(self) -> set[str]:
        """Answer the keys of the runs whose state the last transactions changed, as text."""
        return self._runs.take_moved()

    def take_wake(self) -> datetime | None:
        """Answer the earliest moment that the last transactions made something due, if any."""
        moment, self._wakes_at = self._wakes_at, None
        return moment

    def ring_all(self) -> None:
        """Have every worker that waits ask again after this commit: files may be due."""
        self._desk.look_for_files()
        self._ring_all = True

    def register(self, tx: Tx, message: Register, now: datetime) -> Registered:
        """Give a worker process its id and lease. See ``Desk.register``."""
        self._guard(tx)
        return self._desk.register(tx, message, now)

    def exchange(self, tx: Tx, message: Exchange, now: datetime) -> Answer:
        """Take one request of a worker and answer it. See ``Desk.exchange``."""
        self._guard(tx)
        answer = self._desk.exchange(tx, message, now)
        if not answer.known:
            return answer
        self._note_wakes(now)
        self._note_rings()
        return answer

    def goodbye(self, tx: Tx, worker_id: str, now: datetime) -> None:
        """Close the row of a worker that leaves."""
        self._guard(tx)
        self._desk.goodbye(tx, worker_id, now)
        self._finish(tx, now)

    def call(self, tx: Tx, call: Call, now: datetime) -> CallReply:
        """Answer a question of user code. See ``Answers``."""
        return self._answers.answer(tx, call, now)

    def tell_person(self, tx: Tx, verb: str, args: dict[str, Any], now: datetime) -> object:
        """Answer what a person's own task asks. See ``Answers``."""
        return self._answers.tell_person(tx, verb, args, now)

    def ask_timetable(self, tx: Tx, dag_id: str, question: TimetableQuestion, now: datetime) -> str:
        """Have a timetable of an author's own asked. See ``Forecasts.ask``."""
        self._guard(tx)
        key = self._forecasts.ask(tx, dag_id, question, now)
        self._note_rings()
        return key

    def trigger(self, tx: Tx, wish: Trigger, now: datetime) -> Run:
        """Make a manual run. See ``Commands.trigger``."""
        self._guard(tx)
        run = self._commands.trigger(tx, wish, now)
        self._finish(tx, now)
        return runs.read_run_by_pk(tx, run.pk) or run

    def _trigger_for_task(self, tx: Tx, wish: Trigger, reset: bool, now: datetime) -> Run:
        try:
            return self.trigger(tx, wish, now)
        except ConflictError as error:
            if not reset or error.code != "run-exists":
                raise
        run = self._commands.restart(tx, wish, now)
        self._finish(tx, now)
        return runs.read_run_by_pk(tx, run.pk) or run

    def change_asset(self, tx: Tx, change: AssetChange, now: datetime) -> int:
        """Record an event of an asset that was made elsewhere; answer its id."""
        self._guard(tx)
        made = self._assets.record_change(tx, change, now)
        self._finish(tx, now)
        return made

    def answer_input(self, tx: Tx, wish: InputAnswer, now: datetime) -> HumanInput:
        """Take a person's answer to a task's question. See ``answer_question``."""
        self._guard(tx)
        answered = answer_question(tx, self._triggers, wish, now)
        self._finish(tx, now)
        return answered

    def plan_backfill(self, tx: Tx, wish: BackfillWish, now: datetime) -> list[BackfillDate]:
        """Answer what a backfill would do. See ``Backfills.plan``."""
        return self._backfills.plan(tx, wish, now)

    def create_backfill(
        self, tx: Tx, wish: BackfillWish, now: datetime
    ) -> tuple[BackfillFacts, list[BackfillDate]]:
        """Make the runs of a backfill. See ``Backfills.create``."""
        self._guard(tx)
        made = self._backfills.create(tx, wish, now)
        self._finish(tx, now)
        return made

    def pause_backfill(
        self, tx: Tx, backfill_id: int, paused: bool, now: datetime
    ) -> BackfillFacts:
        """Hold or resume a backfill. See ``Backfills.pause``."""
        self._guard(tx)
        facts = self._backfills.pause(tx, backfill_id, paused, now)
        self._finish(tx, now)
        return facts

    def resize_backfill(self, tx: Tx, backfill_id: int, limit: int, now: datetime) -> BackfillFacts:
        """Let so many runs of a backfill run at once. See ``Backfills.resize``."""
        self._guard(tx)
        facts = self._backfills.resize(tx, backfill_id, limit, now)
        self._finish(tx, now)
        return facts

    def cancel_backfill(self, tx: Tx, backfill_id: int, now: datetime) -> BackfillFacts:
        """End a backfill. See ``Backfills.cancel``."""
        self._guard(tx)
        facts = self._backfills.cancel(tx, backfill_id, now)
        self._finish(tx, now)
        return facts

    def plan_clear(self, tx: Tx, wish: ClearWish) -> ClearPlan:
        """Answer what a clear would do; reads only. See ``Clearing.plan``."""
        return self._clearing.plan(tx, wish)

    def clear(self, tx: Tx, wish: ClearWish, parts: Sequence[RunClear], now: datetime) -> int:
        """Let task instances start over; answer how many. See ``Clearing.clear``."""
        self._guard(tx)
        count = self._clearing.clear(tx, wish, parts, now)
        self._finish(tx, now)
        return count

    def plan_mark(self, tx: Tx, wish: MarkWish) -> list[Selected]:
        """Answer what a mark would change; reads only. See ``Marking.plan``."""
        return self._marking.plan(tx, wish)

    def mark(self, tx: Tx, wish: MarkWish, parts: Sequence[Selected], now: datetime) -> int:
        """Set the state of task instances; answer how many changed. See ``Marking.mark``."""
        self._guard(tx)
        count = self._marking.mark(tx, wish, parts, now)
        self._finish(tx, now)
        return count

    def mark_run(self, tx: Tx, wish: RunMark, now: datetime) -> None:
        """Set how a run ended, or let an ended one go on. See ``Marking.mark_run``."""
        self._guard(tx)
        self._marking.mark_run(tx, wish, now)
        self._finish(tx, now)

    def renew_run(self, tx: Tx, pk: int, now: datetime) -> None:
        """Read a run anew: what its row says was changed beside its log."""
        self._guard(tx)
        self._runs.renew(tx, pk, now)
        self._finish(tx, now)

    def cancel_run(self, tx: Tx, dag_id: str, run_id: str, who: str, now: datetime) -> None:
        """End a run cleanly. See ``Marking.cancel``."""
        self._guard(tx)
        self._marking.cancel(tx, dag_id, run_id, who, now)
        self._finish(tx, now)

    def set_paused(self, tx: Tx, dag_ids: list[str], paused: bool, now: datetime) -> list[str]:
        """Pause Dags, or let them go on; answer those that were not so before."""
        self._guard(tx)
        changed = self._commands.set_paused(tx, dag_ids, paused, now)
        self._planner.has_due = bool(changed) and not paused
        if not paused:
            self._assets.look(tx, changed)
        self._finish(tx, now)
        return changed

    def delete_dag(self, tx: Tx, dag_id: str) -> None:
        """Delete a Dag. See ``Commands.delete_dag``."""
        self._guard(tx)
        self._commands.delete_dag(tx, dag_id)

    def delete_run(self, tx: Tx, dag_id: str, run_id: str, now: datetime) -> None:
        """Delete a run. See ``Commands.delete_run``."""
        self._guard(tx)
        self._commands.delete_run(tx, dag_id, run_id, now)

    def remove_old_runs(
        self, tx: Tx, wish: Wish, pks: list[int], archive: Archive | None
    ) -> dict[str, int]:
        """Remove those of these runs that may still go. See ``Runs.remove_old``."""
        self._guard(tx)
        return self._runs.remove_old(tx, wish, pks, archive)

    def explain(
        self, tx: Tx, dag_id: str, run_id: str | None, task_id: str | None, now: datetime
    ) -> list[str]:
        """Answer why a run, or a task of it, is where it is, or what a Dag waits for."""
        if run_id is None:
            return self._explain.why_dag(tx, dag_id)
        self._runs.ensure_loaded(tx)
        return self._explain.why(tx, dag_id, run_id, task_id, now)

    def tick(self, tx: Tx, now: datetime) -> datetime | None:
        """Do what time alone makes due; answer when something is due next, None for never."""
        self._hold(tx, now)
        moments = read_moments(tx, now)
        is_any_due = self._do_due(tx, moments, now) or self._runs.has_touched
        if is_any_due or self._runs.waiting.is_any_waiting():
            has_admitted = self._finish(tx, now)
            if is_any_due or has_admitted:
                moments = read_moments(tx, now)
        if _has_come(moments.parse_due, now):
            self.ring_all()
        if _has_come(moments.callback_due, now):
            self._callbacks.may_be_due = self._ring_all = True
        self._looked_at = now
        return self._next_due(moments, now)

    def recover(self, tx: Tx, now: datetime) -> None:
        """Let all leases start anew, after the clock jumped or this process was stopped.

        What was due at once before a clock was set back is due at once still.
        """
        self._guard(tx)
        self._reaper.extend(tx, now)
        self._follow_clock(tx, now)
        self._planner.look_again()

    def health(self, tx: Tx, now: datetime) -> Health:
        """Tell whether due work moves: not whether processes beat, but whether anything waits.

        Due work that nobody moved for ``30 s`` is stuck: a Dag or file past its moment, or an
        admitted task without a worker of its queue.
        """
        alive = workers.read_live_workers(tx)
        late = now - _LATE
        reason = ""
        dag_due, parse_due = dags.next_dag_due(tx), files.next_parse_due(tx)
        if self._looked_at is not None and self._looked_at < late:
            reason = f"The scheduler has not looked since {self._looked_at.isoformat()}."
        elif dag_due is not None and dag_due < late:
            reason = f"A Dag has been due since {dag_due.isoformat()}."
        elif not alive:
            reason = "No worker is alive: nothing can run. Start one with 'tradewind worker'."
        elif parse_due is not None and parse_due < late:
            reason = f"A Dag file has waited to be parsed since {parse_due.isoformat()}."
        else:
            served = {name for one in alive for name in one.queues}
            idle = sorted(self._runs.waiting.queues_with_work() - served)
            if idle:
                reason = f"Tasks wait in queue '{idle[0]}', which no live worker serves."
        return Health(
            is_moving=not reason,
            reason=reason,
            scheduler_at=self._looked_at,
            parsed_at=files.last_parsed_at(tx),
            workers=len(alive),
        )

    def _follow_clock(self, tx: Tx, now: datetime) -> None:
        """Have nothing wait longer than was meant, should the clock have been ahead until now.

        What was declared stays so: a schedule goes on after its last tick, whenever that is.
        """
        self._runs.ensure_loaded(tx)
        dags.wake_planned(tx, now)
        files.bring_forward(tx, now + timedelta(seconds=self._policy.parse.reparse_seconds))
        ahead = read_waits_ahead(tx, now)
        for pk, task_id, map_path in ahead:
            self._runs.load(tx, pk).graph.hasten(task_id, map_path, now)
            self._runs.touch(tx, pk)
        if ahead:
            self._finish(tx, now)

    def _guard(self, tx: Tx) -> None:
        if not leases.is_lease_held(tx, _LEASE, self._holder, self._epoch):
            raise _lease_lost()
        self._runs.ensure_loaded(tx)

    def _hold(self, tx: Tx, now: datetime) -> None:
        ttl = self._policy.scheduler_lease
        if not leases.hold_lease(tx, _LEASE, self._holder, self._epoch, now, ttl):
            raise _lease_lost()
        self._runs.ensure_loaded(tx)

    def _do_due(self, tx: Tx, moments: Moments, now: datetime) -> bool:
        """Do what has come due; tell whether anything had."""
        overdue = _has_come(moments.lease_end, self._reaper.overdue_since(now))
        if overdue:
            self._reaper.reap(tx, now)
        if _has_come(moments.wake_at, now):
            for pk, task_id, map_path in tasks.read_due(tx, now):
                self._runs.touch(tx, pk)
                live = self._runs.load(tx, pk)
                self._triggers.time_out(tx, live, live.rows[task_id, map_path], now)
        if _has_come(moments.timeout_at, now):
            for pk in runs.read_timed_out(tx, now):
                self._runs.touch(tx, pk)
        missed = _has_come(moments.deadline_due, now)
        if missed:
            for one in self._deadlines.fire(tx, now, self._runs.spec_of_version):
                self._runs.stop(tx, one.run_pk, now, MISSED, one.reason)
        if _has_come(moments.dag_due, now):
            self._planner.plan(tx, now)
        self._planner.look_if_due(now)
        return overdue or missed or self._planner.wants_to_look

    def _settle(self, tx: Tx, now: datetime) -> None:
        """Decide, start runs, admit: all that follows from what was recorded."""
        self._assets.plan(tx, now)
        self._runs.decide(tx, now)
        self._triggers.start(tx, now)
        # A run without anything to run ends as soon as it starts, and leaves room for another.
        starts = 0
        while self._runs.has_ended or (self._planner.wants_to_look and starts < _MOST_STARTS):
            # What it counts are rows: they must say what was just decided.
            self._runs.flush(tx, now)
            for live in self._runs.take_ended():
                self._planner.run_left(tx, live.run, now)
                why = fails_again_and_again(tx, live, self._rules)
                if why:
                    self._commands.set_paused(tx, [live.run.dag_id], True, now, why)
            if starts == _MOST_STARTS:
                continue
            starts += 1
            self._planner.start(tx, now)
            self._runs.decide(tx, now)
            self._triggers.start(tx, now)
        self._admit(tx, now)

    def _admit(self, tx: Tx, now: datetime) -> None:
        waiting = self._runs.waiting
        if not waiting.is_any_waiting():
            return
        waiting.set_pools(*pools.read_slots(tx))
        for live, row in waiting.choose(now):
            moved = TaskMoved(
                task_id=row.task_id,
                map_path=row.map_path,
                old=TaskState.SCHEDULED,
                new=TaskState.QUEUED,
                try_number=row.try_number,
            )
            self._runs.record(live, moved, now)

    def _finish(self, tx: Tx, now: datetime) -> bool:
        """Settle and write; tell whether there was anything to write at the end."""
        self._settle(tx, now)
        has_touched = self._runs.has_touched
        self._runs.flush(tx, now)
        self._note_wakes(now)
        self._note_rings()
        return has_touched

    def _note_rings(self) -> None:
        fresh = self._triggers.take_fresh()
        owed = self._has_callbacks()
        self._ring_all = bool(self._fresh_queues()) or fresh or owed or self._ring_all

    def _on_answered(self, tx: Tx, one: Callback, report: CallbackReport, now: datetime) -> None:
        self._deadlines.answered(tx, one, report, now, self._runs.spec_of_version)

    def _on_parsed(self, tx: Tx, dag_ids: Collection[str]) -> None:
        self._planner.look_again()
        self._assets.look(tx, dag_ids)
        self._triggers.look_again()
        self._planner.has_due = True

    def _note_wakes(self, now: datetime) -> None:
        is_due = self._planner.has_due or self._planner.wants_to_look or self._forecasts.has_due
        moments = [self._wakes_at, self._runs.take_wake(), now if is_due else None]
        self._planner.has_due = self._forecasts.has_due = False
        self._wakes_at = min((one for one in moments if one is not None), default=None)

    def _fresh_queues(self) -> set[str]:
        """Answer queues to which something was added in this transaction and is there still."""
        waiting = self._runs.waiting
        fresh = waiting.take_fresh_queues()
        return fresh & waiting.queues_with_work() if fresh else fresh

    def _has_callbacks(self) -> bool:
        """Tell whether a callback was written that this transaction gave to no worker."""
        fresh, self._callbacks.has_fresh = self._callbacks.has_fresh, False
        return fresh and self._callbacks.may_be_due

    def _next_due(self, moments: Moments, now: datetime) -> datetime | None:
        dag_due, lease_end = moments.dag_due, moments.lease_end
        if self._planner.wants_to_look or (dag_due is not None and dag_due <= now):
            # A run that ended just now let a tick go that was held, or a Dag far behind gets its
            # runs a few at a time.
            return now
        self._planner.queued_until = moments.queued_at
        known = (
            dag_due,
            moments.wake_at,
            moments.queued_at,
            moments.timeout_at,
            None if lease_end is None else self._reaper.look_at(lease_end),
            moments.parse_due,
            moments.callback_due,
            moments.deadline_due,
            self._runs.waiting.kept_until(),
        )
        later = [moment for moment in known if moment is not None and moment > now]
        return min(later, default=None)


def _has_come(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now


def _lease_lost() -> UnavailableError:
    return UnavailableError("scheduler-lease-lost", "Another process has taken over this database.")
