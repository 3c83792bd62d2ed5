"""A slow, obviously right interpreter of runs: each end is worked out from the ends above it.

It shares nothing with the core but the words of a Dag and of the states. Nothing is counted or kept
up to date here: whoever wants to know how an instance ended asks, and the question is answered
by asking those above it. A group that is tried again is one question: all that is in it, asked
anew until it has not failed or its tries are used up.
"""

from collections.abc import Callable
from math import prod
from random import Random

from tests.property.random_runs import Fate
from tests.simulation.reference import Reading
from tradewind.core.spec import DagSpec, MapAxis, MapSpec
from tradewind.core.states import TaskState

Ends = dict[str, TaskState]
"""By map path."""

ENDED = {"s": TaskState.SUCCESS, "f": TaskState.FAILED, "k": TaskState.SKIPPED}
BAD = {TaskState.FAILED, TaskState.UPSTREAM_FAILED}


COMBINED: dict[str, Callable[[list[int]], int]] = {"zip": min, "zip_longest": max, "concat": sum}


def cut(path: str, depth: int) -> str:
    return ".".join(path.split(".")[:depth]) if path else ""


def inside(path: str, around: str) -> bool:
    return path == around or not around or path.startswith(around + ".")


class Interpreter:
    """One run of one Dag."""

    def __init__(self, spec: DagSpec, fate: Fate) -> None:
        self.spec = spec
        self.fate = fate
        self.reading = Reading(spec)
        self.tries: dict[tuple[str, str], int] = {}
        self.cells: dict[tuple[str, str], Ends] = {}
        self.lengths: dict[tuple[str, str], tuple[str, int]] = {}
        self.settled: set[tuple[str, str]] = set()
        self.groups = {task.task_id: self.chain(task.group) for task in spec.tasks}

    def chain(self, group: str) -> list[str]:
        """The groups from the outermost to this one."""
        return [*self.chain(self.spec.groups[group].parent), group] if group else []

    def mapped(self, groups: list[str]) -> list[str]:
        return [name for name in groups if self.spec.groups[name].mapping]

    def members(self, group: str) -> list[str]:
        return [name for name, groups in self.groups.items() if group in groups]

    # What a person would see in the end.

    def run(self) -> tuple[dict[tuple[str, str], TaskState], bool]:
        """Answer how every instance ends, and whether the run fails."""
        rounds = 1 + (self.spec.run_retry.retries if self.spec.run_retry else 0)
        for _ in range(rounds):
            self.cells.clear()
            self.lengths.clear()
            self.settled.clear()
            ends = {
                (name, path): state
                for name in self.groups
                for path, state in self.seen([], name, "").items()
            }
            failed = self.reading.run_fails(ends)
            if not failed:
                break
        return ends, failed

    # Questions.

    def seen(self, viewer: list[str], name: str, around: str) -> Ends:
        """How the instances of a task within a path ended, as seen from within these groups."""
        for group in self.groups[name]:
            if self.spec.groups[group].retry and group not in viewer:
                for path in self.paths(self.mapped(self.chain(group)), around):
                    self.settle(group, path)
        found: Ends = {}
        for path in self.paths(self.mapped(self.groups[name]), around):
            found.update(self.cell(name, path))
        return found

    def paths(self, levels: list[str], around: str) -> list[str]:
        """The paths these mapped groups have within a path; where one has none, it ends there."""
        found = [""]
        for level in levels:
            grown = []
            for path in found:
                said, length = ("k", 0)
                if path.count(".") + bool(path) == levels.index(level):
                    said, length = self.length_of_group(level, path)
                if said == "s":
                    grown += [f"{path}.{index}".lstrip(".") for index in range(length)]
                else:
                    grown.append(path)
            found = [path for path in grown if inside(path, around) or inside(around, path)]
        return [path for path in found if inside(path, around)]

    def settle(self, group: str, path: str) -> None:
        """Try a group until it has not failed, or may not be tried again."""
        if (group, path) in self.settled:
            return
        retry = self.spec.groups[group].retry
        # Said first: what is in it asks about each other.
        self.settled.add((group, path))
        for left in range(retry.retries if retry else 0, -1, -1):
            ends = {
                (name, at): state
                for name in self.members(group)
                for at, state in self.seen(self.chain(group), name, path).items()
            }
            if not left or not self.has_failed(group, ends):
                return
            self.forget(group, path)

    def has_failed(self, group: str, ends: dict[tuple[str, str], TaskState]) -> bool:
        members = set(self.members(group))
        leaf = own = False
        for (name, _), state in ends.items():
            task = self.reading.tasks[name]
            if task.is_teardown and not task.on_failure_fail_dagrun:
                continue
            below = self.reading.below[name] & members
            is_last = all(self.reading.tasks[other].is_teardown for other in below)
            leaf = leaf or (is_last and state in BAD)
            own = own or state is TaskState.FAILED
        return leaf and own

    def forget(self, group: str, path: str) -> None:
        """Ask anew all that is in a group."""
        members = set(self.members(group))
        inner = {name for name in self.spec.groups if group in self.chain(name)[:-1]}
        for key in [k for k in self.cells if k[0] in members and inside(k[1], path)]:
            del self.cells[key]
        for key in [k for k in self.lengths if k[0] in inner and inside(k[1], path)]:
            del self.lengths[key]
        self.settled -= {k for k in self.settled if k[0] in inner and inside(k[1], path)}

    def length_of_group(self, group: str, path: str) -> tuple[str, int]:
        if (group, path) not in self.lengths:
            spec = self.spec.groups[group]
            mapping = spec.mapping or MapSpec(axes=())
            self.lengths[group, path] = self.length(mapping, self.chain(spec.parent), path)
        return self.lengths[group, path]

    def length(self, mapping: MapSpec, viewer: list[str], path: str) -> tuple[str, int]:
        """Answer s and how many instances there are, or k or u: why there are none."""
        sources = {source for axis in mapping.axes for source, _ in axis.sources()}
        states = {state for name in sources for state in self.near(viewer, name, path).values()}
        if states & BAD:
            return "u", 0
        if TaskState.SKIPPED in states:
            return "k", 0
        factors = [self.axis(axis, viewer, path) for axis in mapping.axes]
        known = [factor for factor in factors if factor is not None]
        if len(known) < len(factors):
            return "u", 0
        length = prod(known)
        return ("s", length) if length else ("k", 0)

    def axis(self, axis: MapAxis, viewer: list[str], path: str) -> int | None:
        if axis.combine:
            parts = [self.axis(part, viewer, path) for part in axis.parts]
            known = [part for part in parts if part is not None]
            if len(known) < len(parts):
                return None
            return COMBINED[axis.combine](known)
        if axis.task_id is None:
            return axis.length
        name = axis.task_id
        found = self.near(viewer, name, path)
        pushed = [self.pushed(name, at).get(axis.key) for at in found]
        one = self.mapped(self.groups[name])
        if self.reading.tasks[name].mapping or one != self.shared(viewer, name):
            return len([length for length in pushed if length is not None])
        return pushed[0]

    def shared(self, viewer: list[str], name: str) -> list[str]:
        return [g for g in self.mapped(self.groups[name]) if g in viewer]

    def near(self, viewer: list[str], name: str, path: str) -> Ends:
        """The instances of a task that someone in these groups, at this path, sees of it."""
        return self.seen(viewer, name, cut(path, len(self.shared(viewer, name))))

    def pushed(self, name: str, path: str) -> dict[str, int]:
        task = self.reading.tasks[name]
        return {} if task.is_empty else self.fate.pushes(name, path, self.tries[name, path])

    def cell(self, name: str, path: str) -> Ends:
        """How the instances of a task end that share all mapped groups around it."""
        if (name, path) not in self.cells:
            self.cells[name, path] = self.work_out(name, path)
        return self.cells[name, path]

    def work_out(self, name: str, path: str) -> Ends:
        task, levels = self.reading.tasks[name], self.mapped(self.groups[name])
        known = path.count(".") + bool(path)
        if known < len(levels):
            said, _ = self.length_of_group(levels[known], path)
            return {path: TaskState.SKIPPED if said == "k" else TaskState.UPSTREAM_FAILED}
        viewer = self.groups[name]
        states = {
            (other, at): state
            for other in self.reading.above[name] | self.reading.setups[name]
            for at, state in self.near(viewer, other, path).items()
        }
        said, length = self.reading.ended(task, states, self.marked(name, path)), None
        if said == "s" and task.mapping:
            said, length = self.length(task.mapping, viewer, path)
        if said != "s":
            return {path: TaskState.SKIPPED if said == "k" else TaskState.UPSTREAM_FAILED}
        at = [path] if length is None else [f"{path}.{n}".lstrip(".") for n in range(length)]
        return {one: self.play(name, one) for one in at}

    def marked(self, name: str, path: str) -> set[str]:
        """The task itself, if a branch that it sees chose to skip it."""
        for task in self.spec.tasks:
            if task.can_skip and name in self.fate._skippable[task.task_id]:
                for at, state in self.near(self.groups[name], task.task_id, path).items():
                    if state is TaskState.SUCCESS and name in self.fate.skips(
                        task.task_id, at, self.tries[task.task_id, at]
                    ):
                        return {name}
        return set()

    def play(self, name: str, path: str) -> TaskState:
        task = self.reading.tasks[name]
        if task.is_empty:
            return TaskState.SUCCESS
        for _ in range(task.retry.retries + 1):
            tried = self.tries[name, path] = self.tries.get((name, path), 0) + 1
            end = self.fate.end(name, path, tried)
            if end != "f":
                break
        return ENDED[end]


def interpret(spec: DagSpec, seed: int) -> tuple[dict[tuple[str, str], TaskState], bool]:
    """Answer how a run ends under a fate."""
    return Interpreter(spec, fate_of(spec, seed)).run()


def fate_of(spec: DagSpec, seed: int) -> Fate:
    return Fate(spec, seed, harm=Random(seed).choice((0, 10, 25, 50)))
