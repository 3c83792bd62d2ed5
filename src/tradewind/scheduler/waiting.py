"""What waits and what holds slots, over all live runs: where admission and claims draw from.

A mirror of rows, kept by one method that sees every change of state; filled again from the rows
after a restart or an undone transaction.
"""

from datetime import datetime
from heapq import heappop, heappush
from typing import TypeVar

from tradewind.core.admission import TURN, Candidate, Usage, Waitlist
from tradewind.core.shares import Flow, Shares
from tradewind.core.states import ACTIVE, SLOT_HOLDING, TaskState
from tradewind.protocol.triggers import TriggerCancel
from tradewind.scheduler.live import LiveRun
from tradewind.store.tasks import TaskInstance

Rank = tuple[datetime, int, int]
"""Date of the run, map index, id: who goes first of one flow and weight."""

Found = tuple[LiveRun, TaskInstance]
_Line = tuple[int, Flow]
"""What of one weight (negated) waits of one flow."""
_Head = tuple[int, float, bool, Rank, Flow]
"""Weight, whose turn it is, whether it is of a backfill, the first of it, flow."""


class RankedQueue:
    """Admitted instances of one queue: the heaviest first, Dags and backfills in turns."""

    __slots__ = ("_heads", "_lines", "_members", "_shares", "_shown", "_taken")

    def __init__(self) -> None:
        self._taken = 0
        self._members: dict[int, Found] = {}
        self._lines: dict[_Line, list[Rank]] = {}
        self._heads: list[_Head] = []
        self._shown: dict[_Line, _Head] = {}
        self._shares = Shares()

    def __len__(self) -> int:
        return len(self._members)

    def add(self, live: LiveRun, row: TaskInstance) -> None:
        """Let an instance wait here."""
        self._members[row.id] = (live, row)
        line, rank = _line_of(live, row), (live.order_at, row.map_index, row.id)
        waiting = self._lines.setdefault(line, [])
        heappush(waiting, rank)
        if waiting[0] is rank:
            self._show(line)

    def discard(self, ti_id: int) -> None:
        """Take an instance away, wherever it stands."""
        self._members.pop(ti_id, None)

    def pop(self) -> Found | None:
        """Take the first one out, or answer None.

        Every tenth time that is the one that has waited here longest.
        """
        self._taken += 1
        if self._taken >= TURN and self._members:
            self._taken = 0
            return self._give(self._members.pop(next(iter(self._members))))
        while self._heads:
            head = heappop(self._heads)
            line = (head[0], head[4])
            # One that was shown before is nothing any more.
            if self._shown.get(line) is head:
                found = self._take_first(line, head)
                if found is not None:
                    return found
        return None

    def _take_first(self, line: _Line, head: _Head) -> Found | None:
        """Take the first one of a line if it stands where it was shown; else show it anew."""
        waiting = self._lines[line]
        while waiting and waiting[0][2] not in self._members:
            heappop(waiting)
        if not waiting:
            del self._lines[line], self._shown[line]
            return None
        if waiting[0] != head[3] or self._shares.place(*line) != head[1]:
            self._show(line)
            return None
        found = self._give(self._members.pop(heappop(waiting)[2]))
        if waiting:
            self._show(line)
        else:
            del self._lines[line], self._shown[line]
        return found

    def _show(self, line: _Line) -> None:
        weight, flow = line
        place = self._shares.place(weight, flow)
        head = (weight, place, flow[1] is not None, self._lines[line][0], flow)
        self._shown[line] = head
        heappush(self._heads, head)

    def _give(self, found: Found) -> Found:
        weight, flow = _line_of(*found)
        self._shares.give(weight, flow)
        return found


def _line_of(live: LiveRun, row: TaskInstance) -> _Line:
    return (-row.priority_weight, (row.dag_id, live.run.backfill_id))


class Waiting:
    """The mirror.

    Attributes:
        usage: Slots and instances in use; ``usage.slots`` is read anew for each admission.
        queued: Queue -> the admitted instances that wait for a worker.
        cancelled: Workers that have something to end.
        unwatched: Worker -> triggers it is to end, by id.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.usage = Usage(slots={}, pools={}, deferred={}, runs={}, dag_tasks={}, run_tasks={})
        self.queued: dict[str, RankedQueue] = {}
        self.cancelled: set[str] = set()
        self.unwatched: dict[str, dict[int, TriggerCancel]] = {}
        self._fresh: set[str] = set()
        self._waitlist = Waitlist()
        self._scheduled: dict[int, tuple[Candidate, LiveRun, TaskInstance]] = {}
        self._paused: set[str] = set()
        self._ending: set[int] = set()

    def hold(self, ti_id: int) -> None:
        """Have an instance wait until the process that it has left behind has ended."""
        self._ending.add(ti_id)

    def release(self, ti_id: int) -> Found | None:
        """Say that no process of an instance lives; answer it if it waits for admission."""
        if ti_id not in self._ending:
            return None
        self._ending.discard(ti_id)
        found = self._scheduled.get(ti_id)
        if found is None:
            return None
        candidate, live, row = found
        if self._may_start(candidate, live):
            self._waitlist.add(candidate)
        return live, row

    def is_ending(self, ti_id: int) -> bool:
        """Tell whether an instance has left a process behind that has not ended yet."""
        return ti_id in self._ending

    def _may_start(self, candidate: Candidate, live: LiveRun) -> bool:
        if candidate.ti_id in self._ending:
            return False
        # A backfill goes on though its Dag is paused: a person asked for these very dates.
        return candidate.dag_id not in self._paused or live.run.backfill_id is not None

    def moved(self, live: LiveRun, row: TaskInstance, old: TaskState, new: TaskState) -> None:
        """Follow one change of state."""
        if old is TaskState.SCHEDULED:
            self._waitlist.discard(row.id)
            self._scheduled.pop(row.id, None)
        elif old is TaskState.QUEUED:
            self.queued[row.queue].discard(row.id)
        if new is TaskState.SCHEDULED:
            self._schedule(live, row)
        elif new is TaskState.QUEUED:
            self.queued.setdefault(row.queue, RankedQueue()).add(live, row)
            self._fresh.add(row.queue)
        if old is TaskState.SCHEDULED and new is TaskState.QUEUED:
            # The choice that admitted it has counted it already.
            return
        change = (new in SLOT_HOLDING) - (old in SLOT_HOLDING)
        if change:
            _add(self.usage.pools, row.pool, change * row.pool_slots)
            _add(self.usage.runs, row.run_pk, change)
        change = (new in ACTIVE) - (old in ACTIVE)
        if change:
            _add(self.usage.dag_tasks, (row.dag_id, row.task_id), change)
            _add(self.usage.run_tasks, (row.run_pk, row.task_id), change)
        change = (new is TaskState.DEFERRED) - (old is TaskState.DEFERRED)
        if change:
            _add(self.usage.deferred, row.pool, change * row.pool_slots)

    def _schedule(self, live: LiveRun, row: TaskInstance) -> None:
        task = live.tasks[row.task_id]
        candidate = Candidate(
            ti_id=row.id,
            run_pk=row.run_pk,
            dag_id=row.dag_id,
            run_id=live.run.run_id,
            task_id=row.task_id,
            map_index=row.map_index,
            date=live.order_at,
            priority_weight=row.priority_weight,
            pool=row.pool,
            pool_slots=row.pool_slots,
            max_active_tasks=live.spec.max_active_tasks,
            max_active_tis_per_dag=task.max_active_tis_per_dag,
            max_active_tis_per_dagrun=task.max_active_tis_per_dagrun,
            backfill_id=live.run.backfill_id,
        )
        self._scheduled[row.id] = (candidate, live, row)
        if self._may_start(candidate, live):
            self._waitlist.add(candidate)

    def pause(self, dag_id: str) -> None:
        """Hold back what waits of a Dag; what runs goes on."""
        self._paused.add(dag_id)
        for candidate, live, _ in self._scheduled.values():
            if candidate.dag_id == dag_id and live.run.backfill_id is None:
                self._waitlist.discard(candidate.ti_id)

    def unpause(self, dag_id: str) -> None:
        """Let what waits of a Dag take part again."""
        self._paused.discard(dag_id)
        for candidate, live, _ in self._scheduled.values():
            if candidate.dag_id == dag_id and self._may_start(candidate, live):
                self._waitlist.add(candidate)

    def is_any_waiting(self) -> bool:
        """Tell whether there is anything to admit."""
        return len(self._waitlist) > 0

    def set_pools(self, slots: dict[str, int], with_deferred: frozenset[str]) -> None:
        """Take what pools there are, and in which of them deferred ones keep their slots."""
        self.usage.slots = slots
        self.usage.with_deferred = with_deferred

    def choose(self, now: datetime) -> list[Found]:
        """Choose what to queue now, in the pools that were set; count it as in use."""
        return [self._scheduled[c.ti_id][1:] for c in self._waitlist.choose(self.usage, now)]

    def kept_until(self) -> datetime | None:
        """Answer when the first pool is given free again that is kept for one, if any is."""
        return min((kept.until for kept in self.usage.kept.values()), default=None)

    def candidate(self, ti_id: int) -> Candidate | None:
        """Answer an instance that waits for admission, to tell why it does."""
        found = self._scheduled.get(ti_id)
        return found[0] if found else None

    def take_fresh_queues(self) -> set[str]:
        """Answer the queues to which something was added since this was last asked."""
        fresh, self._fresh = self._fresh, set()
        return fresh

    def queues_with_work(self) -> set[str]:
        """Answer the queues that have something for a worker."""
        return {name for name, queue in self.queued.items() if len(queue)}


_K = TypeVar("_K")


def _add(counts: dict[_K, int], key: _K, change: int) -> None:
    left = counts.get(key, 0) + change
    if left:
        counts[key] = left
    else:
        counts.pop(key, None)
