"""Marks: a person sets how task instances or runs ended; and cancels, which end a run cleanly."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from tradewind.core.clearing import (
    CLEARED,
    FAILED_STATES,
    MARKED,
    Choice,
    Pick,
    choose_instances,
    failing_marks,
    mark_move,
)
from tradewind.core.events import RunDoomed, RunMoved
from tradewind.core.nodes import Instance
from tradewind.core.states import TERMINAL_RUN, TERMINAL_TASK, RunState, TaskState
from tradewind.errors import ConflictError
from tradewind.scheduler.clearing import Clearing
from tradewind.scheduler.commands import find_run
from tradewind.scheduler.live import Key, LiveRun
from tradewind.scheduler.runs import Runs
from tradewind.scheduler.selection import Selected, Selection
from tradewind.scheduler.wishes import MarkWish, RunMark
from tradewind.store import chosen_runs, xcoms
from tradewind.store.database import Tx

CANCELLED = "cancelled by "
"""How the reason of a cancel begins."""


class Marking:
    """Carries out marks, or refuses them and changes nothing."""

    def __init__(self, live: Runs, clearing: Clearing) -> None:
        """Bind the parts."""
        self._live = live
        self._clearing = clearing

    def plan(self, tx: Tx, wish: MarkWish) -> list[Selected]:
        """Answer the instances that a mark would change, by run; reads only.

        Raises:
            NotFoundError: There is no such Dag, run, task, group or map index.
        """
        unchanged = (wish.state, TaskState.REMOVED)
        return [
            Selected(
                run=one.run,
                spec=one.spec,
                rows=tuple(row for row in one.rows if row.state not in unchanged),
            )
            for one in Selection(tx).select(wish.dag_id, wish.scope, wish.choice)
        ]

    def mark(self, tx: Tx, wish: MarkWish, parts: Sequence[Selected], now: datetime) -> int:
        """Set the state of these; answer how many were changed.

        What runs is told to end. After a mark as success or skipped, what failed below for want of
        it starts over.
        """
        return sum(self._mark_in_run(tx, wish, part, now) for part in parts)

    def _mark_in_run(self, tx: Tx, wish: MarkWish, part: Selected, now: datetime) -> int:
        if not part.rows:
            return 0
        live = self._live.load(tx, part.run.pk)
        keys = [(row.task_id, row.map_path) for row in part.rows]
        lengths = self._lengths(tx, live, keys) if wish.state is TaskState.SUCCESS else {}
        marked = [
            key
            for key in keys
            if self._move(live, key, wish.state, wish.who, now, lengths.get(key, ()))
        ]
        if marked and wish.state is not TaskState.FAILED:
            self._resume_below(tx, live, marked, wish.state, now)
        return len(marked)

    def _move(
        self,
        live: LiveRun,
        key: Key,
        new: TaskState,
        who: str,
        now: datetime,
        pushed: tuple[tuple[str, int | None], ...] = (),
    ) -> bool:
        one = live.instance(key)
        moved = None if one is None else mark_move(one, new, who, pushed)
        if moved is None:
            return False
        self._live.record(live, moved, now)
        return True

    def _lengths(
        self, tx: Tx, live: LiveRun, keys: Iterable[Key]
    ) -> dict[Key, tuple[tuple[str, int | None], ...]]:
        """Answer what these left that something is mapped over."""
        wanted = {key for key in keys if live.graph.plan.awaited_keys(key[0])}
        if not wanted:
            return {}
        found: dict[Key, tuple[tuple[str, int | None], ...]] = {}
        for task_id, path, name, length in xcoms.read_lengths(tx, live.pk):
            if (task_id, path) in wanted:
                found[task_id, path] = (*found.get((task_id, path), ()), (name, length))
        return found

    def _resume_below(
        self, tx: Tx, live: LiveRun, marked: Sequence[Key], state: TaskState, now: datetime
    ) -> None:
        picks = tuple(
            Pick(key[0], None if one.map_index < 0 else one.map_index)
            for key in marked
            if (one := live.instance(key)) is not None
        )
        choice = Choice(picks=picks, downstream=True, states=FAILED_STATES)
        chosen = choose_instances(live.spec, live.graph.plan, _instances(live), choice)
        reason = f"{CLEARED}: what is above it was marked {state.value}"
        untouched = set(marked)
        below = [
            (o.task_id, o.map_path) for o in chosen if (o.task_id, o.map_path) not in untouched
        ]
        if not below:
            return
        ended = live.state in TERMINAL_RUN
        if ended:
            chosen_runs.count_clear(tx, live.pk)
        for key in below:
            self._clearing.clear_instance(live, key, now, reason)
        if ended:
            self._clearing.requeue(live, now, reason)

    # ------------------------------------------------------------------ whole runs

    def mark_run(self, tx: Tx, wish: RunMark, now: datetime) -> None:
        """Set how a run ended, and end what of it has not; or let an ended run go on.

        Teardowns of what was set up are left to clean up: the run ends when they have.

        Raises:
            NotFoundError: There is no such Dag or run.
        """
        live = self._live.load(tx, find_run(tx, wish.dag_id, wish.run_id).pk)
        reason = f"{MARKED}{wish.state.value} by {wish.who or 'a person'}"
        if wish.state is RunState.FAILED:
            self._fail(live, wish.who, reason, now)
        elif wish.state is RunState.SUCCESS:
            self._succeed(live, wish.who, reason, now)
        elif live.state in TERMINAL_RUN:
            self._clearing.requeue(live, now, f"queued by {wish.who or 'a person'}")

    def cancel(self, tx: Tx, dag_id: str, run_id: str, who: str, now: datetime) -> None:
        """End a run: what runs is told to end, what has not begun is skipped, the run fails.

        Raises:
            NotFoundError: There is no such Dag or run.
            ConflictError: It has ended.
        """
        run = find_run(tx, dag_id, run_id)
        if run.state in TERMINAL_RUN:
            raise ConflictError(
                "run-has-ended",
                f"Run '{run_id}' of Dag '{dag_id}' has ended already: it is {run.state.value}.",
            )
        live = self._live.load(tx, run.pk)
        self._fail(live, who, f"{CANCELLED}{who or 'a person'}", now)

    def _fail(self, live: LiveRun, who: str, reason: str, now: datetime) -> None:
        left = self._left(live)
        for one, new in failing_marks(_instances(live), lambda one: _key(one) in left):
            self._move(live, _key(one), new, who, now)
        self._end(live, RunState.FAILED, reason, now, is_left=bool(left))

    def _succeed(self, live: LiveRun, who: str, reason: str, now: datetime) -> None:
        left = self._left(live)
        for one in _instances(live):
            if _key(one) not in left:
                self._move(live, _key(one), TaskState.SUCCESS, who, now)
        self._end(live, RunState.SUCCESS, reason, now, is_left=bool(left))

    def _end(
        self, live: LiveRun, new: RunState, reason: str, now: datetime, *, is_left: bool
    ) -> None:
        if is_left:
            if new is RunState.FAILED:
                self._live.record(live, RunDoomed(reason=reason), now)
        elif live.state is not new:
            moved = RunMoved(old=live.state, new=new, at=now, reason=reason)
            self._live.record(live, moved, now)

    @staticmethod
    def _left(live: LiveRun) -> set[Key]:
        """Answer the teardowns that go on: those at work, and those whose setup has succeeded."""
        if live.state is not RunState.RUNNING:
            return set()
        there = _instances(live)
        done = {one.task_id for one in there if one.state is TaskState.SUCCESS}
        return {
            _key(one)
            for one in there
            if (task := live.tasks[one.task_id]).is_teardown
            and one.state not in TERMINAL_TASK
            and (
                one.state is not TaskState.NONE
                or any(up in done and live.tasks[up].is_setup for up in task.upstream)
            )
        }


def _instances(live: LiveRun) -> list[Instance]:
    found = (live.instance(key) for key in live.rows)
    return [one for one in found if one is not None]


def _key(one: Instance) -> Key:
    return one.task_id, one.map_path
