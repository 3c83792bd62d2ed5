"""Which scheduled task instances may be queued now: pools, limits and priority.

Pure: what waits and what is in use come in, a choice goes out. Nothing chosen ever raises a use
above its limit, and the same input gives the same answer.

The heaviest go first. Among those of one weight the own runs of Dags and their backfills take turns
(see ``shares``), whatever their dates; within each of these the earlier date goes first. But of
each pool, every tenth place goes to who has waited longest. So a stream of heavy work slows down
the light, and never stops it. When the one that has waited longest wants more slots than are free,
the pool is kept for it until they are: small tasks do not fill every gap for ever. But for such a
pool, nothing that fits is left out.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import NamedTuple

import msgspec

from tradewind.core.shares import Flow, Shares

INFINITE = -1
"""Slots of a pool that never fills."""

Order = tuple[int, datetime, int, str, str, str, int]


class Candidate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A task instance in ``scheduled`` of a running run of a Dag that is not paused."""

    ti_id: int
    run_pk: int
    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    date: datetime
    """The run's logical date, or its ``run_after`` when it has none."""
    priority_weight: int = 1
    pool: str = "default_pool"
    pool_slots: int = 1
    max_active_tasks: int = 16
    """The Dag's limit on queued and running instances of one run."""
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    backfill_id: int | None = None

    @property
    def flow(self) -> Flow:
        """With whom it shares what it is given."""
        return (self.dag_id, self.backfill_id)

    @property
    def order(self) -> Order:
        """Heavier first, then earlier, then the lower map index; ties by ids."""
        return (
            -self.priority_weight,
            self.date,
            self.map_index,
            self.dag_id,
            self.run_id,
            self.task_id,
            self.ti_id,
        )


class Kept(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A pool that is kept free for one that wants several of its slots."""

    candidate: Candidate
    until: datetime
    """When it is given free again, should the slots not have come by then."""


class Usage(msgspec.Struct, kw_only=True):
    """What is in use, and the slots of each pool; a choice counts itself in."""

    slots: dict[str, int]
    """All pools there are, with their slots; -1 is without end."""
    pools: dict[str, int] = {}
    """Slots taken in each pool by what is queued or runs."""
    deferred: dict[str, int] = {}
    """Slots in each pool of those that are deferred."""
    with_deferred: frozenset[str] = frozenset()
    """Pools in which deferred ones keep their slots."""
    runs: dict[int, int] = {}
    """Queued and running instances of each run, by its ``run_pk``."""
    dag_tasks: dict[tuple[str, str], int] = {}
    """By (dag id, task id), over all runs; needed for tasks with ``max_active_tis_per_dag``.
    Counts queued, running, deferred and awaiting input."""
    run_tasks: dict[tuple[int, str], int] = {}
    """By (run pk, task id); needed for tasks with ``max_active_tis_per_dagrun``. Counts alike."""
    room: int | None = None
    """How many more may be queued in all; None for no such limit."""
    kept: dict[str, Kept] = {}
    """Pools that are kept free for one candidate; a ``Waitlist`` keeps account of them."""

    def taken(self, pool: str) -> int:
        """Answer how many slots of a pool are taken, those of deferred ones where it says so."""
        taken = self.pools.get(pool, 0)
        return taken + self.deferred.get(pool, 0) if pool in self.with_deferred else taken

    def admit(self, candidate: Candidate) -> None:
        """Count one more instance as queued."""
        task = (candidate.dag_id, candidate.task_id)
        run_task = (candidate.run_pk, candidate.task_id)
        self.pools[candidate.pool] = self.pools.get(candidate.pool, 0) + candidate.pool_slots
        self.runs[candidate.run_pk] = self.runs.get(candidate.run_pk, 0) + 1
        self.dag_tasks[task] = self.dag_tasks.get(task, 0) + 1
        self.run_tasks[run_task] = self.run_tasks.get(run_task, 0) + 1
        if self.room is not None:
            self.room -= 1


class Held(NamedTuple):
    """Why a candidate is not admitted now."""

    code: str
    """``unknown-pool``, ``wants-too-much``, ``pool-full``, ``pool-kept``, ``run-full``,
    ``task-full``, ``task-full-in-run`` or ``full``."""
    sentence: str


def why_held(candidate: Candidate, usage: Usage) -> Held | None:
    """Answer what keeps a candidate from being queued now, or None when nothing does.

    Example:
        >>> from datetime import UTC
        >>> task = Candidate(
        ...     ti_id=1,
        ...     run_pk=1,
        ...     dag_id="d",
        ...     run_id="r",
        ...     task_id="t",
        ...     date=datetime(2026, 5, 1, tzinfo=UTC),
        ...     pool="small",
        ...     pool_slots=3,
        ... )
        >>> why_held(task, Usage(slots={"small": 2})).code
        'wants-too-much'
    """
    return (
        _held_by_pool(candidate, usage)
        or _held_by_run(candidate, usage)
        or _held_by_task(candidate, usage)
        or _held_by_room(usage)
    )


def _held_by_pool(candidate: Candidate, usage: Usage) -> Held | None:
    name, wanted = candidate.pool, candidate.pool_slots
    slots = usage.slots.get(name)
    if slots is None:
        return Held("unknown-pool", f"There is no pool '{name}'. Create it, or change the task.")
    if slots == INFINITE:
        return None
    if wanted > slots:
        return Held(
            "wants-too-much",
            f"It wants {wanted} slots and pool '{name}' has only {slots}: it can never run.",
        )
    kept = usage.kept.get(name)
    is_own = kept is not None and kept.candidate.ti_id == candidate.ti_id
    if kept is not None and not is_own:
        return _held_by(kept)
    free = slots - usage.taken(name)
    if wanted <= free:
        return None
    return Held(
        "pool-full",
        f"It wants {wanted} of the {slots} slots of pool '{name}' and {max(free, 0)} are free."
        + (" It has waited longest: the others wait until there are enough." * is_own),
    )


def _held_by(kept: Kept) -> Held:
    one = kept.candidate
    return Held(
        "pool-kept",
        f"Pool '{one.pool}' is kept free for task '{one.task_id}' of run '{one.run_id}' of Dag "
        f"'{one.dag_id}', which has waited longest and wants {one.pool_slots} slots; at the "
        f"latest until {kept.until.isoformat(timespec='seconds')}.",
    )


def _held_by_run(candidate: Candidate, usage: Usage) -> Held | None:
    active = usage.runs.get(candidate.run_pk, 0)
    if active < candidate.max_active_tasks:
        return None
    return Held(
        "run-full",
        f"{active} tasks of this run are active and max_active_tasks is "
        f"{candidate.max_active_tasks}.",
    )


def _held_by_task(candidate: Candidate, usage: Usage) -> Held | None:
    per_dag, per_run = candidate.max_active_tis_per_dag, candidate.max_active_tis_per_dagrun
    if per_dag is not None:
        active = usage.dag_tasks.get((candidate.dag_id, candidate.task_id), 0)
        if active >= per_dag:
            return Held(
                "task-full",
                f"{active} instances of this task are active and max_active_tis_per_dag is "
                f"{per_dag}.",
            )
    if per_run is not None:
        active = usage.run_tasks.get((candidate.run_pk, candidate.task_id), 0)
        if active >= per_run:
            return Held(
                "task-full-in-run",
                f"{active} instances of this task are active in this run and "
                f"max_active_tis_per_dagrun is {per_run}.",
            )
    return None


def _held_by_room(usage: Usage) -> Held | None:
    if usage.room is None or usage.room > 0:
        return None
    return Held("full", "As many tasks as allowed are active on this installation.")


TURN = 10
"""Every one of so many places of a pool goes to who has waited longest, whatever its weight."""

FIRST_KEPT = timedelta(minutes=5)
"""How long a pool is kept free for one at first; each time in vain, twice as long the next time.

What holds its slots may itself wait for others of that pool: these must have their turn too.
"""

_LONGEST_KEPT = timedelta(days=1)
_MOST_IN_VAIN = 10
_LOOKED_AT = 20
"""How many of those who wait longest are looked at for one that fits."""

_Group = tuple[int, str]
_Line = tuple[str, Flow]
"""What of one flow waits for one pool."""
_Rank = tuple[int, float, bool, Order]
_Entry = tuple[Order, int, Candidate]


class Waitlist:
    """The candidates there are, kept so that a choice looks only at those that may have room.

    A choice costs by the groups (run, pool) that have room and by what it admits, not by how many
    wait; only tasks with caps of their own, or that want several slots, are looked at in vain.
    """

    def __init__(self, candidates: Iterable[Candidate] = ()) -> None:
        self._groups: dict[_Group, list[_Entry]] = {}
        self._added = 0
        self._live: dict[int, Candidate] = {}
        self._by_pool: dict[str, dict[int, Candidate]] = {}
        self._turns: dict[str, int] = {}
        self._in_vain: dict[int, int] = {}
        self._shares = Shares()
        for candidate in candidates:
            self.add(candidate)

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, ti_id: int) -> bool:
        return ti_id in self._live

    def add(self, candidate: Candidate) -> None:
        """Put a candidate in; one with the same ``ti_id`` is replaced."""
        self.discard(candidate.ti_id)
        self._live[candidate.ti_id] = candidate
        self._by_pool.setdefault(candidate.pool, {})[candidate.ti_id] = candidate
        group = self._groups.setdefault((candidate.run_pk, candidate.pool), [])
        # The number keeps candidates from being compared: one put in again has the same order.
        self._added += 1
        heappush(group, (candidate.order, self._added, candidate))

    def discard(self, ti_id: int) -> None:
        """Take a candidate out, if it is in."""
        known = self._live.pop(ti_id, None)
        if known is not None:
            del self._by_pool[known.pool][ti_id]
            self._in_vain.pop(ti_id, None)

    def candidates(self) -> list[Candidate]:
        """Answer all that wait, the heaviest first, then by date."""
        return sorted(self._live.values(), key=lambda candidate: candidate.order)

    def choose(self, usage: Usage, now: datetime) -> list[Candidate]:
        """Take out all that may be queued now, in order, counting them into ``usage``."""
        chosen: list[Candidate] = []
        aside: list[tuple[_Group, _Entry]] = []
        lines: dict[_Line, list[tuple[Order, _Group]]] = {}
        self._look_at_kept(usage, now, chosen)
        for key in list(self._groups):
            self._put_back(lines, key, usage)
        ranks = [(self._rank(line, heads), line) for line, heads in lines.items()]
        heapify(ranks)
        while ranks and (usage.room is None or usage.room > 0):
            rank, line = heappop(ranks)
            if self._rank(line, lines[line]) == rank:
                self._choose_one(lines, line, usage, now, chosen, aside)
            if lines[line]:
                heappush(ranks, (self._rank(line, lines[line]), line))
        for key, entry in aside:
            heappush(self._groups.setdefault(key, []), entry)
        return chosen

    def _choose_one(
        self,
        lines: dict[_Line, list[tuple[Order, _Group]]],
        line: _Line,
        usage: Usage,
        now: datetime,
        chosen: list[Candidate],
        aside: list[tuple[_Group, _Entry]],
    ) -> None:
        """Admit the first of a line, put it aside, or find that another one has its turn."""
        order, key = heappop(lines[line])
        if self._head(key) != order:
            # Its first one got its place out of turn.
            self._put_back(lines, key, usage)
            return
        entry = self._groups[key][0]
        patient = self._whose_turn(key[1], usage, now)
        if key[1] in usage.kept:
            return
        if patient is not None and patient is not entry[2]:
            self._admit(patient, usage, chosen)
            self._turns[key[1]] = 0
            self._put_back(lines, key, usage)
            return
        heappop(self._groups[key])
        held = why_held(entry[2], usage)
        if held is None:
            self._admit(entry[2], usage, chosen)
        else:
            aside.append((key, entry))
            if held.code == "run-full":
                return
        self._put_back(lines, key, usage)

    def _rank(self, line: _Line, heads: list[tuple[Order, _Group]]) -> _Rank:
        """Answer where a line stands: by the weight of its first one, then by whose turn it is."""
        order, (_, flow) = heads[0][0], line
        return (order[0], self._shares.place(order[0], flow), flow[1] is not None, order)

    def _put_back(
        self, lines: dict[_Line, list[tuple[Order, _Group]]], key: _Group, usage: Usage
    ) -> None:
        order = self._head(key)
        if order is not None and _may_have_room(key, usage):
            line = (key[1], self._groups[key][0][2].flow)
            heappush(lines.setdefault(line, []), (order, key))

    def _admit(self, candidate: Candidate, usage: Usage, chosen: list[Candidate]) -> None:
        usage.admit(candidate)
        if usage.slots.get(candidate.pool) != INFINITE:
            # What is not scarce counts for nobody.
            self._shares.give(-candidate.priority_weight, candidate.flow)
        self.discard(candidate.ti_id)
        self._turns[candidate.pool] = self._turns.get(candidate.pool, 0) + 1
        chosen.append(candidate)

    def _whose_turn(self, pool: str, usage: Usage, now: datetime) -> Candidate | None:
        """Answer who gets the next place of a pool for its patience, when it is time for that.

        Who waits for nothing but more slots than are free has the pool kept for it.
        """
        if pool in usage.kept or self._turns.get(pool, 0) < TURN - 1:
            return None
        if usage.slots.get(pool) == INFINITE:
            return None
        for one in islice(self._by_pool[pool].values(), _LOOKED_AT):
            if why_held(one, usage) is None:
                return one
            if _wants_only_slots(one, usage):
                length = FIRST_KEPT * (1 << self._in_vain.get(one.ti_id, 0))
                usage.kept[pool] = Kept(candidate=one, until=now + min(length, _LONGEST_KEPT))
                return None
        return None

    def _look_at_kept(self, usage: Usage, now: datetime, chosen: list[Candidate]) -> None:
        """Admit those that pools are kept for, or give the pools free that are kept in vain."""
        for pool, kept in list(usage.kept.items()):
            one = self._live.get(kept.candidate.ti_id)
            if one is not None and why_held(one, usage) is None:
                self._admit(one, usage, chosen)
            elif one is not None and _wants_only_slots(one, usage) and now < kept.until:
                continue
            elif one is not None and now >= kept.until:
                self._in_vain[one.ti_id] = min(self._in_vain.get(one.ti_id, 0) + 1, _MOST_IN_VAIN)
            del usage.kept[pool]
            self._turns[pool] = 0

    def _head(self, key: _Group) -> Order | None:
        group = self._groups.get(key, [])
        while group and self._live.get(group[0][2].ti_id) is not group[0][2]:
            heappop(group)
        if group:
            return group[0][0]
        self._groups.pop(key, None)
        return None


def _wants_only_slots(candidate: Candidate, usage: Usage) -> bool:
    """Tell whether it would be admitted as soon as enough slots of its pool are free."""
    held = _held_by_pool(candidate, usage)
    if held is None or held.code != "pool-full":
        return False
    return not (
        _held_by_run(candidate, usage) or _held_by_task(candidate, usage) or _held_by_room(usage)
    )


def _may_have_room(key: _Group, usage: Usage) -> bool:
    slots = usage.slots.get(key[1])
    if slots is None or key[1] in usage.kept:
        return False
    return slots == INFINITE or usage.taken(key[1]) < slots


def choose_admissions(
    candidates: Iterable[Candidate], usage: Usage, now: datetime
) -> list[Candidate]:
    """Answer the candidates to queue now, in order, counting them into ``usage``.

    A smaller one of lower weight may overtake a heavier one that does not fit its pool, as long as
    the pool is not kept for that.

    Example:
        >>> from datetime import UTC
        >>> day = datetime(2026, 5, 1, tzinfo=UTC)
        >>> tasks = [
        ...     Candidate(
        ...         ti_id=i,
        ...         run_pk=1,
        ...         dag_id="d",
        ...         run_id="r",
        ...         task_id=f"t{i}",
        ...         date=day,
        ...         priority_weight=i,
        ...     )
        ...     for i in (1, 2, 3)
        ... ]
        >>> [c.task_id for c in choose_admissions(tasks, Usage(slots={"default_pool": 2}), day)]
        ['t3', 't2']
    """
    return Waitlist(candidates).choose(usage, now)
