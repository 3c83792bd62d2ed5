"""Bugs to be found: each swaps one function of the engine for a wrong one, for a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec

from tradewind.core import admission, drive, graph
from tradewind.core.callbacks import task_event
from tradewind.core.readiness import Verdict
from tradewind.core.states import LegState, RunState, TaskState
from tradewind.scheduler import assets as asset_runs
from tradewind.scheduler import callbacks as owing
from tradewind.scheduler import claims, desk, engine, live, planner, reaper, runs, waiting
from tradewind.store import asset_queue, attempts, places, retention, xcoms
from tradewind.store import callbacks as callback_rows
from tradewind.store import runs as run_rows
from tradewind.store import tasks as task_rows
from tradewind.store.bundles import read_bundle
from tradewind.store.tables import run

Wrong = Callable[[Any], Any]
"""Given the right function, answers the wrong one."""


@contextmanager
def plant(place: Any, name: str, wrong: Wrong) -> Iterator[None]:
    """Have a wrong function in place of the right one, then the right one again."""
    right = place.__dict__[name]
    setattr(place, name, wrong(right))
    try:
        yield
    finally:
        setattr(place, name, right)


def _reap_early(right):
    def overdue_since(self, now):
        return right(self, now) + timedelta(seconds=27)

    return overdue_since


def _believe_without_epoch(right):
    def read_attempts(tx, ids):
        found = right(tx, ids)
        return {
            key: _Known(one) if one.state is not LegState.RUNNING else one
            for key, one in found.items()
        }

    return read_attempts


class _Same:
    """Equal to whatever it is held against."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True


class _Known:
    """An attempt that seems to run still, for whoever speaks of it."""

    def __init__(self, one: Any) -> None:
        self._one = one
        self.state = LegState.RUNNING
        self.epoch = self.worker_id = self.token_hash = _Same()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._one, name)


def _claim_twice(right):
    def pop(self):
        found = right(self)
        if found is not None and found[1].id % 5 == 0:
            self.add(*found)
        return found

    return pop


def _drop_an_event(right):
    def take_logged(self):
        logged = right(self)
        return logged[:-1] if len(logged) > 3 else logged

    return take_logged


def _double_tick(right):
    def make(self, tx, facts, spec, info, now):
        right(self, tx, facts, spec, info, now)
        shifted = type(info)(
            run_after=info.run_after,
            logical_date=info.logical_date + timedelta(seconds=1),
            data_interval_start=info.data_interval_start,
            data_interval_end=info.data_interval_end,
        )
        right(self, tx, facts, spec, shifted, now)

    return make


def _skip_a_tick(right):
    def make(self, tx, facts, spec, info, now):
        if info.logical_date.minute % 10:
            right(self, tx, facts, spec, info, now)

    return make


def _touch_sometimes(right):
    def touch(self, task):
        if task % 3 != 2:
            right(self, task)

    return touch


def _same_epoch(right):
    def start(self, live_run, row, worker, now):
        right(self, live_run, row, worker, now)
        row.epoch -= 1

    return start


def _lose_without_seq(right):
    def reconcile(self, tx, worker, message, now):
        if message.held is None:
            right(self, tx, worker, message, now)
            return
        held = set(message.held) | {finish.attempt_id for finish in message.finishes}
        lost = [
            (one, LegState.LOST, "forgotten")
            for one in attempts.read_live_attempts(tx, worker.id)
            if one.id not in held
        ]
        self._end(tx, lost, now)

    return reconcile


def _ignore_abandoned(right):
    def reconcile(self, tx, worker, message, now):
        return None

    return reconcile


def _fall_back_epoch(right):
    def claim_run(tx, pk, owner):
        epoch = right(tx, pk, owner)
        tx.exec_driver_sql(f"UPDATE run SET epoch = {epoch - 2} WHERE id = {pk}")
        return epoch - 2

    return claim_run


def _write_no_row(right):
    def apply_changes(tx, changed):
        right(tx, [one for one in changed if one.id % 7])

    return apply_changes


def _tell_no_wake(right):
    def read_moments(tx, now):
        said = right(tx, now)
        if said.wake_at is None or said.wake_at <= now:
            return said
        return msgspec.structs.replace(said, wake_at=None)

    return read_moments


def _lose_some_events(right):
    def queue_event(tx, event_id, asset_id, targets, now):
        right(tx, event_id, asset_id, targets if event_id % 7 else (), now)

    return queue_event


def _never(answer: Any) -> Wrong:
    return lambda right: lambda *args, **kwargs: answer


def _with_room(right):
    def room(*args, **kwargs):
        return msgspec.structs.replace(right(*args, **kwargs), limit=999, running=0)

    return room


def _keep_no_end(right):
    def note_end(self, live_run, was):
        return None

    return note_end


def _cancel_late(right):
    def reap(self, tx, now):
        return 0

    return reap


def _run_at_once(right):
    def verdict(self, task):
        said = right(self, task)
        return Verdict.RUN if said is Verdict.WAIT else said

    return verdict


def _end_too_soon(right):
    def finish(self):
        self.end_run(RunState.SUCCESS, "success")

    return finish


def _believe_the_process(right):
    def owed_event(state, outcome, called):
        return None if called else task_event(state)

    return owed_event


def _record_as_done(right):
    def apply_report(tx, report, now, policy):
        return right(tx, msgspec.structs.replace(report, is_done=True), now, policy)

    return apply_report


def _tell_no_call(right):
    def read_moments(tx, now):
        said = right(tx, now)
        if said.callback_due is None or said.callback_due <= now:
            return said
        return msgspec.structs.replace(said, callback_due=None)

    return read_moments


def _tell_of_retries_as_failures(right):
    def owed_event(state, outcome, called):
        return "failure" if right(state, outcome, called) == "retry" else None

    return owed_event


def _load_no_skips(right):
    def load_graph(self, lengths, retries=None):
        for row in self.rows.values():
            row.skips = None
        right(self, lengths, retries)

    return load_graph


def _count_one_slot(right):
    def admit(self, candidate):
        right(self, msgspec.structs.replace(candidate, pool_slots=1))

    return admit


def _forget_deferred(right):
    def taken(self, pool):
        return self.pools.get(pool, 0)

    return taken


def _keep_for_ever(right):
    def look(self, usage, now, chosen):
        return None

    return look


def _pin_to_the_newest(right):
    def choose_code(tx, facts, spec):
        found = right(tx, facts, spec)
        now = read_bundle(tx, facts.bundle)
        if now is None or not found.pinned_file:
            return found
        return msgspec.structs.replace(found, digest=now.digest)

    return choose_code


def _forget_pins(right):
    return lambda tx, runs: right(
        tx, [msgspec.structs.replace(run, pinned_file="") for run in runs]
    )


def _forget_marks(right):
    def after_leg(outcome, **facts):
        return right(outcome, **{**facts, "state": TaskState.RUNNING})

    return after_leg


def _ask_nothing(right):
    def is_asked_for(tx, one, active):
        return False

    return is_asked_for


def _choose_what_ended(right):
    def choose(tx, wish, which, limit):
        chosen = retention._FACTS.where(which, retention._ENDED, run.c.end_date < wish.before)
        return [retention.Removable(**row._mapping) for row in tx.execute(chosen.limit(limit))]

    return choose


BUGS: dict[str, tuple[Any, str, Wrong]] = {
    "what is cleared runs again beside its old process": (waiting.Waiting, "hold", _never(None)),
    "a mark or a clear is forgotten when its process ends": (desk, "after_leg", _forget_marks),
    "nobody tells a process that its task was cleared": (runs.Runs, "_flush_cancels", _never(None)),
    "a run is pinned to bytes that nobody parsed": (places, "choose_code", _pin_to_the_newest),
    "a run goes on in other bytes": (places, "read_places", _forget_pins),
    "the reaper takes tasks of a worker that lives": (reaper.Reaper, "overdue_since", _reap_early),
    "nobody reaps": (reaper.Reaper, "reap", _cancel_late),
    "a finish of a leg that is over is believed": (
        attempts,
        "read_attempts",
        _believe_without_epoch,
    ),
    "an instance is claimed twice": (waiting.RankedQueue, "pop", _claim_twice),
    "an event is missing": (live.LiveRun, "take_logged", _drop_an_event),
    "a row is not written": (task_rows, "apply_changes", _write_no_row),
    "the run before a live one is cleaned": (retention, "_is_asked_for", _ask_nothing),
    "whatever ended is cleaned": (retention, "_choose", _choose_what_ended),
    "pools are ignored": (admission, "_held_by_pool", _never(None)),
    "max_active_tasks is ignored": (admission, "_held_by_run", _never(None)),
    "caps of tasks are ignored": (admission, "_held_by_task", _never(None)),
    "max_active_runs is ignored": (planner, "room_of_dag", _with_room),
    "the limit of a backfill is ignored": (planner, "room_of_backfill", _with_room),
    "the end of a backfill's run is not looked at": (planner.Planner, "look_at", _never(None)),
    "a tick has two runs": (planner.Planner, "_make_scheduled", _double_tick),
    "a tick has no run": (planner.Planner, "_make_scheduled", _skip_a_tick),
    "the planner forgets": (planner.Planner, "plan", _never(False)),
    "what is below is not looked at": (graph.RunGraph, "touch", _touch_sometimes),
    "rules are not waited for": (drive._Decider, "verdict", _run_at_once),
    "a run ends in success whatever its leaves": (drive._Decider, "finish", _end_too_soon),
    "the end of a run is not followed up": (runs.Runs, "_note_end", _keep_no_end),
    "a wake-up is forgotten": (task_rows, "read_due", _never([])),
    "the next wake-up is not told": (engine, "read_moments", _tell_no_wake),
    "timeouts are forgotten": (run_rows, "read_timed_out", _never([])),
    "a claim has the epoch of the one before": (claims.Claims, "_start", _same_epoch),
    "an epoch of a run falls": (run_rows, "claim_run", _fall_back_epoch),
    "what was claimed just now is lost": (desk.Desk, "_reconcile", _lose_without_seq),
    "what a worker does not know is not lost": (desk.Desk, "_reconcile", _ignore_abandoned),
    "a pause is forgotten": (waiting.Waiting, "pause", _never(None)),
    "lengths are forgotten by a restart": (xcoms, "read_lengths_of_running", _never({})),
    "no callback of a task is owed": (owing.Callbacks, "owe_task", _never(None)),
    "no callback of a run is owed": (owing.Callbacks, "note_move", _never(None)),
    "what a process called is believed": (desk, "owed_event", _believe_the_process),
    "a retry is told of as a failure": (desk, "owed_event", _tell_of_retries_as_failures),
    "a callback that failed is recorded as done": (
        callback_rows,
        "apply_report",
        _record_as_done,
    ),
    "callbacks of a lost worker are lost": (owing.Callbacks, "lose", _never(None)),
    "the next try of a callback is not told": (engine, "read_moments", _tell_no_call),
    "a restart forgets what branches chose": (live.LiveRun, "load_graph", _load_no_skips),
    "nobody waits for a branch": (drive._Decider, "may_be_skipped", _never(False)),
    "what a branch chose is not heeded": (graph.RunGraph, "is_marked", _never(False)),
    "several slots count as one": (admission.Usage, "admit", _count_one_slot),
    "deferred ones give their slots back": (admission.Usage, "taken", _forget_deferred),
    "a pool is kept for ever": (admission.Waitlist, "_look_at_kept", _keep_for_ever),
    "events of assets are not consumed": (asset_queue, "consume", _never(0)),
    "events of assets are lost": (asset_queue, "queue_event", _lose_some_events),
    "a Dag that goes on is not looked at": (asset_runs.Assets, "look", _never(None)),
    "nobody is rung": (engine.Engine, "take_rings", _never(set())),
}
"""What is wrong -> where, and how."""
