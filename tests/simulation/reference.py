"""A slow, obviously right reading of a run: everything recomputed from the Dag and the states.

It shares no code with the core but the words of its states. The rules are the published table as
it stands; what may be said early follows from trying all ways in which the rest could end.
"""

from collections.abc import Callable, Iterable
from itertools import combinations
from math import prod

from tradewind.core.spec import DagSpec, TaskSpec
from tradewind.core.states import TERMINAL_TASK, TaskState

Key = tuple[str, str]
States = dict[Key, TaskState]

COLUMNS = ("S", "F", "K", "SF", "SK", "FK", "SFK")
TABLE = {
    "all_success": "s u k u k u u",
    "all_failed": "k s k k k k k",
    "all_done": "s s s s s s s",
    "one_success": "s u k s s u s",
    "one_failed": "k s k s k s s",
    "one_done": "s s k s s s s",
    "none_failed": "s u s u s u u",
    "none_skipped": "s s k s k k k",
    "none_failed_min_one_success": "s u k u s u u",
    "all_skipped": "k k s k k k k",
    "all_done_min_one_success": "s u k s k k k",
    "always": "s s s s s s s",
}
"""What becomes of a task by how those above it ended: s runs, k skipped, u upstream_failed."""

CELLS = {
    (rule, frozenset(column)): cell
    for rule, row in TABLE.items()
    for column, cell in zip(COLUMNS, row.split(), strict=True)
}

LETTER = {
    TaskState.SUCCESS: "S",
    TaskState.FAILED: "F",
    TaskState.UPSTREAM_FAILED: "U",
    TaskState.SKIPPED: "K",
}


class Reading:
    """One Dag, read anew at each question."""

    def __init__(self, spec: DagSpec) -> None:
        self.tasks = {task.task_id: task for task in spec.tasks}
        self.fail_fast = spec.fail_fast
        self.above = {name: set(task.upstream) for name, task in self.tasks.items()}
        for name, task in self.tasks.items():
            for axis in task.mapping.axes if task.mapping else ():
                if axis.task_id:
                    self.above[name].add(axis.task_id)
        self.below = {
            name: {other for other in self.tasks if name in self.above[other]}
            for name in self.tasks
        }
        self.skippable = {name: self._skippable(name) for name in self.tasks}
        self.skippers = {
            name: {other for other in self.tasks if name in self.skippable[other]}
            for name in self.tasks
        }
        self.setups = {name: self._setups_around(name) for name in self.tasks}

    def _setups_around(self, name: str) -> set[str]:
        if self.tasks[name].is_teardown:
            return set()
        lower = self._all(name, self.below)
        found = set()
        for setup in self._all(name, self.above):
            if not self.tasks[setup].is_setup:
                continue
            ends = {t for t in self.below[setup] if self.tasks[t].is_teardown}
            if not ends or ends & lower:
                found.add(setup)
        return found - self.above[name]

    def _skippable(self, name: str) -> set[str]:
        """Answer the tasks that a branch or a short circuit may skip; never a teardown."""
        reach = {"": set(), "next": self.below[name], "below": self._all(name, self.below)}
        found = reach[self.tasks[name].can_skip]
        return {other for other in found if not self.tasks[other].is_teardown}

    def _all(self, name: str, edges: dict[str, set[str]]) -> set[str]:
        found: set[str] = set()
        look = [name]
        while look:
            for other in edges[look.pop()] - found:
                found.add(other)
                look.append(other)
        return found

    def is_leaf(self, name: str) -> bool:
        task = self.tasks[name]
        hidden = any(not self.tasks[below].is_teardown for below in self.below[name])
        return not hidden and (not task.is_teardown or task.on_failure_fail_dagrun)

    def run_fails(self, states: States) -> bool:
        bad = {TaskState.FAILED, TaskState.UPSTREAM_FAILED}
        if self.fail_fast:
            for (name, _), state in states.items():
                task = self.tasks[name]
                counts = not task.is_teardown or task.on_failure_fail_dagrun
                if state is TaskState.FAILED and counts:
                    return True
        return any(state in bad and self.is_leaf(name) for (name, _), state in states.items())

    def cell(self, task: TaskSpec, letters: str) -> str:
        """Answer s, k or u for a task under its rule, all above it having ended so."""
        if not letters:
            return "s"
        if task.trigger_rule == "one_done" and not set(letters) & set("SF"):
            return "k"
        return CELLS[task.trigger_rule, frozenset(letters.replace("U", "F"))]

    def ended(self, task: TaskSpec, states: States, marked: set[str]) -> str:
        """Answer s, k or u for a task, all above it having ended, branches having marked some."""
        name = task.task_id
        letters = self.letters(self.above[name], states)
        if task.trigger_rule == "all_done_setup_success":
            mine = {up for up in self.above[name] if self.tasks[up].is_setup}
            said = self.letters(mine, states)
            answer = "s" if "S" in said or not said else "k" if set(said) == {"K"} else "u"
        else:
            answer = self.cell(task, letters)
        around = self.letters(self.setups[name], states)
        if answer == "u" or "F" in around or "U" in around:
            return "u"
        return "k" if "K" in around or (answer == "s" and name in marked) else answer

    def letters(self, names: Iterable[str], states: States) -> str:
        return "".join(
            LETTER[state]
            for (name, _), state in states.items()
            if name in names and state in LETTER
        )

    def pending(self, names: Iterable[str], states: States) -> bool:
        return any(
            name in names and state not in TERMINAL_TASK for (name, _), state in states.items()
        )

    def must_move(self, name: str, states: States, marked: set[str]) -> str:
        """Answer s, k or u where an instance without state must not stay so; else nothing."""
        said = self._says(name, states, set())
        if said != "s":
            return said
        if self.pending(self.skippers[name], states):
            # All who may skip it have to have chosen before it runs, or is skipped by them.
            return ""
        return "k" if name in marked else "s"

    def _says(self, name: str, states: States, marked: set[str]) -> str:
        task = self.tasks[name]
        rule_open = self.pending(self.above[name], states)
        gate_open = self.pending(self.setups[name], states)
        if not rule_open and not gate_open:
            return self.ended(task, states, marked)
        gate = self.letters(self.setups[name], states)
        if "F" in gate or "U" in gate:
            return "u"
        if task.trigger_rule in {"all_done", "all_done_setup_success"}:
            return ""
        letters = self.letters(self.above[name], states)
        possible = {
            self.cell(task, letters + "".join(more))
            for size in ((1, 2, 3) if rule_open else (0,))
            for more in combinations("SFK", size)
        }
        if possible == {"u"}:
            return "u"
        # A skip is never said early; a run is, if no setup may forbid it.
        if possible == {"s"} and not gate_open:
            return "k" if "K" in gate or name in marked else "s"
        return ""

    def stuck(self, states: States, held: set[str], marked: set[str]) -> list[Key]:
        """Answer the instances that have no state though something has to follow."""
        return [
            key
            for key, state in states.items()
            if state is TaskState.NONE
            and key[0] not in held
            and self._has_to_move(key[0], states, marked)
        ]

    def _has_to_move(self, name: str, states: States, marked: set[str]) -> bool:
        said = self.must_move(name, states, marked)
        if said != "s":
            return bool(said)
        sources = {axis.task_id for axis in self._axes(name) if axis.task_id}
        failed = set(self.letters(sources, states)) & set("FU")
        return bool(failed) or not self.pending(sources, states)

    def _axes(self, name: str) -> tuple:
        mapping = self.tasks[name].mapping
        return mapping.axes if mapping else ()

    def ending(
        self,
        outcome: Callable[[str, str], TaskState],
        length: Callable[[str, str, str], int | None],
        pushes: Callable[[str, str, str], bool],
        skips: Callable[[str, str], tuple[str, ...]],
    ) -> States:
        """Answer how every instance ends, given how each ends that runs, pushes and skips."""
        states: States = {}
        marked: set[str] = set()
        for name, task in self.tasks.items():
            said = self.ended(task, states, marked)
            paths = [""]
            if said == "s" and task.mapping:
                said, paths = self._mapped(name, states, length, pushes)
            for path in paths:
                if said == "s":
                    done = TaskState.SUCCESS if task.is_empty else outcome(name, path)
                else:
                    done = TaskState.SKIPPED if said == "k" else TaskState.UPSTREAM_FAILED
                if done is TaskState.SUCCESS:
                    marked.update(skips(name, path))
                states[name, path] = done
        return states

    def _mapped(
        self,
        name: str,
        states: States,
        length: Callable[[str, str, str], int | None],
        pushes: Callable[[str, str, str], bool],
    ) -> tuple[str, list[str]]:
        sources = {axis.task_id for axis in self._axes(name) if axis.task_id}
        letters = set(self.letters(sources, states))
        if letters & set("FU"):
            return "u", [""]
        if "K" in letters:
            return "k", [""]
        factors = []
        for axis in self._axes(name):
            if axis.task_id is None:
                factors.append(axis.length)
            elif self.tasks[axis.task_id].mapping:
                paths = [path for (up, path) in states if up == axis.task_id]
                factors.append(sum(pushes(axis.task_id, path, axis.key) for path in paths))
            else:
                factors.append(length(axis.task_id, "", axis.key))
        if None in factors:
            return "u", [""]
        total = prod(factors)
        return ("s", [str(index) for index in range(total)]) if total else ("k", [""])
