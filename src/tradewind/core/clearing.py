"""What a clear or a mark means: which task instances of a run, and where each goes.

Pure. Which runs are meant, and whether a clear follows into other Dags, is the scheduler's.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from tradewind.core.events import TaskMoved
from tradewind.core.mapping import is_within, prefixes_of
from tradewind.core.nodes import Instance, order_of
from tradewind.core.plan import DagPlan
from tradewind.core.scopes import setup_scopes
from tradewind.core.spec import DagSpec
from tradewind.core.states import TERMINAL_TASK, TaskState

CLEARED = "cleared"
"""Why an instance or a run starts over; what follows in the sentence says more."""

MARKED = "marked "
"""How each reason of a mark begins."""

FAILED_STATES = frozenset({TaskState.FAILED, TaskState.UPSTREAM_FAILED})
RUNNING_STATES = frozenset({TaskState.RUNNING, TaskState.RESTARTING})

MARKS = frozenset({TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED})
"""States a person may set."""


class Pick(NamedTuple):
    """One task, or one instance of it."""

    task_id: str
    map_index: int | None = None
    """None: all its instances."""


class Choice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which task instances of a run are meant.

    Without picks and groups, all of them.
    """

    picks: tuple[Pick, ...] = ()
    groups: tuple[str, ...] = ()
    """Task groups: every task in them."""
    upstream: bool = False
    """Also everything above what was named."""
    downstream: bool = False
    """Also everything below it."""
    states: frozenset[TaskState] | None = None
    """Only those that are in one of these."""
    with_setups: bool = True
    """Also the setups around what was chosen, and the teardowns of these."""

    @property
    def is_all(self) -> bool:
        """Whether it names nothing, and so means everything."""
        return not self.picks and not self.groups


def choose_instances(
    spec: DagSpec, plan: DagPlan, instances: Iterable[Instance], choice: Choice
) -> list[Instance]:
    """Answer the instances of a run that are meant, in the order of their tasks.

    Above and below an instance of a mapped group are the instances of the group that share its
    place in the mapping, not all of them. ``states`` narrows what was named, and what is above or
    below it; setups and teardowns go along in whatever state.

    Args:
        spec: The Dag version.
        plan: Of the same version, for the tasks that have instances in the run.
        instances: All of the run. Those of tasks that are not in the plan are never chosen.
        choice: What is wished.

    Example:
        >>> from tradewind.core.spec import TaskSpec
        >>> load = TaskSpec(task_id="load", operator="o")
        >>> tell = TaskSpec(task_id="tell", operator="o", upstream=("load",))
        >>> spec = DagSpec(dag_id="d", file="d.py", tasks=(load, tell))
        >>> there = [Instance(task_id="tell"), Instance(task_id="load")]
        >>> wish = Choice(picks=(Pick("load"),), downstream=True)
        >>> [one.task_id for one in choose_instances(spec, DagPlan(spec), there, wish)]
        ['load', 'tell']
    """
    of_task: list[list[Instance]] = [[] for _ in plan.tasks]
    for one in instances:
        number = plan.index.get(one.task_id)
        if number is not None:
            of_task[number].append(one)
    if choice.is_all:
        chosen = _Places(plan, {number: {""} for number in range(len(plan.tasks))})
    else:
        chosen = _named(plan, of_task, choice)
        start = {task: set(places) for task, places in chosen.places.items()}
        if choice.upstream:
            chosen.follow(start, plan.upstream)
        if choice.downstream:
            chosen.follow(start, plan.downstream)
    found = chosen.instances(of_task, choice.states)
    if choice.with_setups and not (choice.is_all and choice.states is None):
        along = _Places(plan, {})
        _add_setups(spec, plan, found, along)
        found += along.instances(of_task, None)
    unique = {(plan.index[one.task_id], one.map_path): one for one in found}
    return [unique[key] for key in sorted(unique, key=lambda key: (key[0], order_of(unique[key])))]


class _Places:
    """Tasks, each with the paths at or below which its instances are meant."""

    def __init__(self, plan: DagPlan, places: dict[int, set[str]]) -> None:
        self._plan = plan
        self.places = places

    def add(self, task: int, path: str) -> bool:
        known = self.places.setdefault(task, set())
        if any(is_within(path, around) for around in known):
            return False
        known.add(path)
        return True

    def follow(self, start: Mapping[int, set[str]], edges: Sequence[Sequence[int]]) -> None:
        """Add all that these edges lead to, each as far as its mapped groups are shared."""
        look = deque((task, path) for task, paths in start.items() for path in paths)
        while look:
            task, path = look.popleft()
            for other in edges[task]:
                there = _shared_path(self._plan, task, path, other)
                if self.add(other, there):
                    look.append((other, there))

    def instances(
        self, of_task: Sequence[Sequence[Instance]], states: frozenset[TaskState] | None
    ) -> list[Instance]:
        return [
            one
            for task, paths in self.places.items()
            for one in of_task[task]
            if (states is None or one.state in states)
            and any(is_within(one.map_path, path) for path in paths)
        ]


def _shared_path(plan: DagPlan, task: int, path: str, other: int) -> str:
    prefixes = prefixes_of(path)
    return prefixes[min(plan.shared(task, other), len(prefixes) - 1)]


def _named(plan: DagPlan, of_task: Sequence[Sequence[Instance]], choice: Choice) -> _Places:
    chosen = _Places(plan, {})
    groups = set(choice.groups)
    for task, around in enumerate(plan.groups_of):
        if not groups.isdisjoint(around):
            chosen.add(task, "")
    for pick in choice.picks:
        number = plan.index.get(pick.task_id)
        if number is None:
            continue
        if pick.map_index is None:
            chosen.add(number, "")
        else:
            for one in of_task[number]:
                if one.map_index == pick.map_index:
                    chosen.add(number, one.map_path)
    return chosen


def _add_setups(spec: DagSpec, plan: DagPlan, found: Iterable[Instance], along: _Places) -> None:
    scopes = setup_scopes(spec.tasks)
    if not scopes:
        return
    known: dict[str, frozenset[str]] = {}
    for one in found:
        names = known.get(one.task_id)
        if names is None:
            names = known[one.task_id] = _close(scopes, {one.task_id})
        task = plan.index[one.task_id]
        for name in names - {one.task_id}:
            other = plan.index.get(name)
            if other is not None:
                along.add(other, _shared_path(plan, task, one.map_path, other))


def with_setups(spec: DagSpec, chosen: Collection[str]) -> frozenset[str]:
    """Answer these tasks, with the setups they stand in the scope of and the teardowns of those.

    What is done again needs again what was set up for it, and has it torn down again.

    Example:
        >>> from tradewind.core.spec import TaskSpec
        >>> make, work, after, drop = (
        ...     TaskSpec(task_id=name, operator="o", upstream=up, is_setup=s, is_teardown=t)
        ...     for name, up, s, t in (
        ...         ("make", (), True, False),
        ...         ("work", ("make",), False, False),
        ...         ("after", ("work",), False, False),
        ...         ("drop", ("make", "work"), False, True),
        ...     )
        ... )
        >>> spec = DagSpec(dag_id="d", file="d.py", tasks=(make, work, after, drop))
        >>> sorted(with_setups(spec, ["work"])), sorted(with_setups(spec, ["after"]))
        (['drop', 'make', 'work'], ['after'])
    """
    return _close(setup_scopes(spec.tasks), set(chosen))


def _close(
    scopes: Mapping[str, tuple[frozenset[str], frozenset[str]]], found: set[str]
) -> frozenset[str]:
    while True:
        more = {
            name
            for setup, (inside, teardowns) in scopes.items()
            if setup in found or not found.isdisjoint(inside)
            for name in (setup, *teardowns)
        }
        if more <= found:
            return frozenset(found)
        found |= more


def clear_move(one: Instance, retries: int, reason: str = CLEARED) -> TaskMoved | None:
    """Answer the move by which an instance starts over, or None: it is about to anyway.

    It gets all its retries anew. One that runs is told to end, and starts over when it has. A try
    that nobody was given is taken back; one that began is over.

    Example:
        >>> one = Instance(task_id="t", state=TaskState.FAILED, try_number=2, max_tries=1)
        >>> moved = clear_move(one, retries=1)
        >>> moved.new.value, moved.try_number, moved.max_tries
        ('none', 2, 3)
        >>> clear_move(Instance(task_id="t"), retries=1) is None
        True
    """
    if one.state in (TaskState.NONE, TaskState.RESTARTING):
        return None
    tries = one.try_number
    if one.state in _NOT_GIVEN and not one.is_begun:
        tries -= 1
    is_running = one.state is TaskState.RUNNING
    return TaskMoved(
        task_id=one.task_id,
        map_path=one.map_path,
        old=one.state,
        new=TaskState.RESTARTING if is_running else TaskState.NONE,
        try_number=tries,
        reason=reason,
        max_tries=tries + retries,
    )


def mark_move(
    one: Instance,
    new: TaskState,
    who: str = "",
    pushed: tuple[tuple[str, int | None], ...] = (),
) -> TaskMoved | None:
    """Answer the move by which a person sets a state, or None: there is nothing to change.

    An instance that was removed has no place in its run, and stays so.

    Args:
        one: The instance.
        new: One of ``MARKS``.
        who: Who says so, as a reason tells it.
        pushed: On success: what it pushed that a mapping waits for.

    Raises:
        ValueError: Nobody may set that state.

    Example:
        >>> mark_move(Instance(task_id="t"), TaskState.SUCCESS).reason
        'marked success by a person'
    """
    if new not in MARKS:
        raise ValueError(f"{new} cannot be marked")
    if one.state in (new, TaskState.REMOVED):
        return None
    return TaskMoved(
        task_id=one.task_id,
        map_path=one.map_path,
        old=one.state,
        new=new,
        try_number=one.try_number,
        reason=f"{MARKED}{new.value} by {who or 'a person'}",
        pushed=pushed if new is TaskState.SUCCESS else (),
    )


def failing_marks(
    instances: Iterable[Instance], is_left: Callable[[Instance], bool]
) -> list[tuple[Instance, TaskState]]:
    """Answer what becomes of the instances of a run that is to fail, or is cancelled.

    What is at work, in a process or outside of any, fails; what has not begun is skipped.

    Args:
        instances: Of the run.
        is_left: Tells which are left to go on: teardowns, whose setup must not be left behind.

    Example:
        >>> there = [Instance(task_id="a", state=TaskState.RUNNING), Instance(task_id="b")]
        >>> [new.value for _, new in failing_marks(there, lambda one: False)]
        ['failed', 'skipped']
    """
    return [
        (one, TaskState.FAILED if one.state in _AT_WORK else TaskState.SKIPPED)
        for one in instances
        if one.state not in TERMINAL_TASK and not is_left(one)
    ]


_NOT_GIVEN = frozenset({TaskState.SCHEDULED, TaskState.QUEUED})
_AT_WORK = frozenset(
    {
        TaskState.RUNNING,
        TaskState.RESTARTING,
        TaskState.DEFERRED,
        TaskState.UP_FOR_RESCHEDULE,
        TaskState.AWAITING_INPUT,
    }
)
