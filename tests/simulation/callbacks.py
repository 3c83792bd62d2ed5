"""Callbacks that simulated workers run, and what a slow reading of the log says was due.

What was due is read from moves and legs in the journal; what was called is what simulated
processes did. The engine's rows stand between the two.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulation.holding import hold
from tradewind.core.events import RunMoved, TaskMoved
from tradewind.core.states import LegState, RunState, TaskState
from tradewind.protocol.callbacks import CallbackOrder, CallbackReport
from tradewind.protocol.orders import TaskOrder
from tradewind.store.callbacks import CallbackPolicy
from tradewind.store.columns import from_micros

if TYPE_CHECKING:
    from tests.simulation.shadow import Run, Ti
    from tests.simulation.workers import Worker
    from tests.simulation.world import World

_EVENTS = {TaskState.FAILED: "failure", TaskState.UP_FOR_RETRY: "retry"}
_MOVES = {
    ("pending", "running"),
    ("running", "pending"),
    ("running", "success"),
    ("running", "failed"),
}
_CLAIMED = "SELECT claimed_by, count(*) FROM callback WHERE claimed_by IS NOT NULL GROUP BY 1"
_LONGEST_WAIT_MS = 3000
_ENDS = {RunState.FAILED: "failure", RunState.SUCCESS: "success"}
_TOLD = {"success", "task_failure", "all_tasks_deadlocked", "timed_out", "deadline_missed"}
_POLICY = CallbackPolicy()

Due = tuple[int, str, str, str, str, int]
"""Run, kind, event; of a task its id, map path and try."""


class Calls:
    """The callbacks one worker process runs: each ends after a while, well or not."""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self.held: dict[int, CallbackOrder] = {}

    def drop(self) -> None:
        """Let everything go: others will run it."""
        self.held.clear()

    def begin(self, order: CallbackOrder) -> None:
        world = self._worker.world
        world.checker.owed.begins(order)
        if order.job_id in self.held:
            return
        self.held[order.job_id] = order
        world.note("calls", self._worker.name, order.job_id, order.epoch, order.event)
        self._worker.later(world.rng.choice((20, 500, 5000, 30_000)), lambda: self._end(order))

    def _end(self, order: CallbackOrder) -> None:
        if self.held.get(order.job_id) is not order:
            return
        world = self._worker.world
        del self.held[order.job_id]
        is_done = world.rng.random() >= world.harm
        if is_done:
            world.checker.owed.succeeded(order)
        report = CallbackReport(
            job_id=order.job_id,
            epoch=order.epoch,
            is_done=is_done,
            error="" if is_done else "no",
            done=(0,) if is_done else (),
        )
        self._worker.ledger.add_called(report)
        self._worker.pump()


def called_by_process(world: "World", order: TaskOrder, outcome: LegState, retry: bool) -> str:
    """Answer which callbacks a process calls that ends like that, as far as it can tell."""
    event = ""
    if outcome is LegState.SUCCESS:
        event = "success"
    elif outcome is LegState.FAILED:
        event = "retry" if retry and order.try_number <= order.max_tries else "failure"
    if not event or world.rng.random() < 0.1:
        return ""
    world.checker.owed.process_called(order, event)
    return event


class _Row:
    """One row of a callback, as the journal tells it."""

    def __init__(self, callback_id: str, due: Due, state: str) -> None:
        self.callback_id = callback_id
        self.due = due
        self.state = state
        self.epoch = 0
        self.due_at: datetime | None = None
        self.was_done = False
        """Whether a process that ran it succeeded."""


class Owed:
    """Which callbacks are due, which rows there are, and what was called."""

    def __init__(self, tis: dict[int, "Ti"]) -> None:
        self._tis = tis
        self._due: dict[int, Counter[Due]] = defaultdict(Counter)
        """By run: what has happened that somebody wants to be told of, and how often."""
        self._called: set[Due] = set()
        """What processes of tasks, or of callbacks, have called."""
        self._rows: dict[int, _Row] = {}
        self._of_run: dict[int, set[int]] = defaultdict(set)
        self._seen_at: dict[tuple[int, int], int] = {}
        self.counts: Counter[str] = Counter()

    # ------------------------------------------------------------------ what happened

    def run_moved(self, run: "Run", event: RunMoved) -> None:
        """Note what is due with a move of a run."""
        wanted = run.version.spec.callbacks
        how = _ENDS.get(event.new, "") if event.old is RunState.RUNNING else ""
        if how in wanted and event.reason in _TOLD:
            self._due[run.pk][run.pk, "dag", how, "", "", 0] += 1
        if event.new is RunState.RUNNING:
            how = "running"
        if f"listen_{how}" in wanted:
            self._due[run.pk][run.pk, "listener", how, "", "", 0] += 1

    def leg_ended(self, ti: "Ti", leg: str, try_number: int) -> None:
        """Note the end of a leg: what its instance becomes, or has become before, is told of."""
        if ti.folded is TaskState.RUNNING:
            ti.leg = (leg, try_number)
        elif ti.folded_try == try_number:
            self._add(ti, _EVENTS.get(ti.folded), try_number)

    def task_moved(self, ti: "Ti", event: TaskMoved) -> None:
        """Note what is due with a move of an instance."""
        leg, ti.leg = ti.leg, None
        if event.old is TaskState.RUNNING and leg is not None:
            is_own = event.new is TaskState.SUCCESS and leg[0] == "success"
            self._add(ti, "success" if is_own else _EVENTS.get(event.new), leg[1])
        elif event.old in (TaskState.DEFERRED, TaskState.AWAITING_INPUT):
            is_own = event.new is TaskState.SUCCESS
            self._add(ti, "success" if is_own else _EVENTS.get(event.new), event.try_number)

    def run_gone(self, pk: int) -> None:
        """Forget a run that was deleted."""
        self._due.pop(pk, None)
        for row_id in self._of_run.pop(pk, ()):
            self._rows.pop(row_id, None)

    def _add(self, ti: "Ti", event: str | None, try_number: int) -> None:
        task = ti.run.version.tasks.get(ti.key[0])
        if task is not None and event in task.callbacks:
            self._due[ti.run.pk][ti.run.pk, "task", event, *ti.key, try_number] = 1

    # ------------------------------------------------------------------ what rows say

    def row_new(self, entry: tuple[Any, ...]) -> int:
        """Take in a new row; answer its run."""
        row_id, known_by, pk, kind, event, task_id, map_path, try_number, state, due_at = entry
        is_task = kind == "task"
        of_task = (task_id, map_path, try_number) if is_task else ("", "", 0)
        row = self._rows[row_id] = _Row(known_by, (pk, kind, event, *of_task), state)
        row.due_at = None if due_at is None else from_micros(due_at)
        self._of_run[pk].add(row_id)
        self.counts[f"{kind} {event}"] += 1
        return int(pk)

    def row_changed(self, entry: tuple[Any, ...]) -> None:
        """Take in what became of a row."""
        row_id, old, new, old_epoch, epoch, tries, due_at = entry[:7]
        row = self._rows.get(row_id)
        if row is None:
            # It is of no run.
            return
        hold("I10", epoch >= old_epoch == row.epoch, f"epoch of callback {row_id} fell to {epoch}")
        hold("C2", (old, new) in _MOVES, f"callback {row_id} went from {old} to {new}")
        if new == "success":
            hold("C1", row.was_done, f"callback {row_id} is recorded as done, and nobody did it")
        if new == "failed":
            hold("C1", tries == _POLICY.tries, f"callback {row_id} was tried {tries} times only")
        row.state, row.epoch = new, epoch
        row.due_at = None if due_at is None else from_micros(due_at)

    def check(self, runs: Iterable[int]) -> None:
        """What has happened has a row, or was called; what has a row has happened (C1, C2)."""
        for pk in runs:
            rows = Counter(self._rows[row_id].due for row_id in self._of_run.get(pk, ()))
            due = self._due.get(pk, Counter())
            for one in rows:
                hold("C2", rows[one] <= due[one], f"{one} is owed, and did not happen as often")
            for one in due:
                right = rows[one] == due[one] or one in self._called
                hold("C1", right, f"{one} has happened and nobody is owed it")

    # ------------------------------------------------------------------ what was called

    def begins(self, order: CallbackOrder) -> None:
        """Hold that an order comes from a row."""
        row = self._rows.get(order.job_id)
        if row is not None and row.callback_id == order.callback_id:
            fits = order.epoch <= row.epoch
            hold(
                "I3", fits, f"callback {order.job_id} was given under {order.epoch}, no row says so"
            )

    def succeeded(self, order: CallbackOrder) -> None:
        """Note that a process ran a callback to its end."""
        row = self._rows.get(order.job_id)
        if row is not None and row.callback_id == order.callback_id:
            row.was_done = True
            self._called.add(row.due)

    def process_called(self, order: TaskOrder, event: str) -> None:
        """Note that a task's process ran its own callbacks."""
        ti = self._tis.get(order.ti_id)
        if ti is not None:
            self._called.add((ti.run.pk, "task", event, *ti.key, order.try_number))

    @property
    def is_any_open(self) -> bool:
        """Whether a callback is still to be run."""
        return any(row.state in ("pending", "running") for row in self._rows.values())

    def check_end(self) -> None:
        """Every callback that was due was called, or tried as often as is allowed (C1)."""
        given_up = {row.due for row in self._rows.values() if row.state == "failed"}
        for dues in self._due.values():
            for due in dues:
                right = due in self._called or due in given_up
                hold("C1", right, f"{due} was due and nobody called it")

    def next_due(self, now: datetime) -> datetime | None:
        """Answer when the first of those that wait is due, where none is due already.

        One that waits already is asked for by whichever worker is free first.
        """
        first = min((row.due_at for row in self._rows.values() if row.due_at), default=None)
        return None if first is None or first <= now else first

    def waits_too_long(self, now: datetime, t: int) -> list[int]:
        """Answer rows that were due at every look for some seconds, and nobody runs them."""
        due = {
            (row_id, row.epoch): self._seen_at.get((row_id, row.epoch), t)
            for row_id, row in self._rows.items()
            if row.due_at is not None and row.due_at <= now
        }
        self._seen_at = due
        return [row_id for (row_id, _), seen in due.items() if t - seen > _LONGEST_WAIT_MS]


def find_broken(world: "World") -> str:
    """Answer what is wrong with callbacks that wait for a worker (I9), if anything is."""
    server, shadow = world.server, world.checker.shadow
    late = world.checker.owed.waits_too_long(world.now, world.t)
    if not late or server.engine is None or server.is_busy or server.is_out:
        return ""
    claimed: dict[str, int] = dict(server.journal.query(_CLAIMED))
    for worker in world.workers:
        waits = shadow.workers.get(worker.id) and server.is_waited_for(worker.id)
        if waits and not worker.is_draining and claimed.get(worker.id, 0) < _POLICY.slots:
            return f"{worker.name} waits while callbacks {late} are due"
    return ""
