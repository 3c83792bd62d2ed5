"""The pure core in random worlds, and the proof that these worlds would find a fault in it."""

from collections.abc import Callable

import pytest

from tests.simulation.core_world import BrokenError, play_worlds
from tradewind.core import drive, expansion, plan, readiness
from tradewind.core.expansion import Length
from tradewind.core.graph import RunGraph
from tradewind.core.nodes import Instance, Node
from tradewind.core.outcomes import Next, after_leg
from tradewind.core.readiness import Counts, Verdict
from tradewind.core.states import TaskState

STEPS = 1_000_000


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_million_steps_end_as_a_slow_reading_of_the_rules_says() -> None:
    steps, runs, worlds = play_worlds(1, STEPS)

    print(f"{steps} steps, {runs} runs of {worlds} Dags")  # noqa: T201 - the figure is the result
    assert steps >= STEPS


def plant_skip_before_all_is_done(patch: pytest.MonkeyPatch) -> None:
    def hasty(n: Counts) -> Verdict:
        if n[readiness.SKIPPED]:
            return Verdict.SKIP
        return readiness._all_success(n)

    patch.setitem(readiness.RULES, "all_success", hasty)


def plant_failure_said_late(patch: pytest.MonkeyPatch) -> None:
    def late(n: Counts) -> Verdict:
        return Verdict.WAIT if n[readiness.PENDING] else readiness._none_failed(n)

    patch.setitem(readiness.RULES, "none_failed", late)


def plant_upstream_failed_not_counted(patch: pytest.MonkeyPatch) -> None:
    def blind(n: Counts) -> Verdict:
        return readiness._one_failed([n[0], n[1], n[2], n[3], 0, n[5]])

    patch.setitem(readiness.RULES, "one_failed", blind)


def plant_mapping_one_short(patch: pytest.MonkeyPatch) -> None:
    right = expansion.level_length

    def short(run: RunGraph, level: int, path: str) -> Length:
        found = right(run, level, path)
        return found._replace(length=found.length - 1) if found.length > 2 else found

    patch.setattr(drive, "level_length", short)


def plant_setups_ignored(patch: pytest.MonkeyPatch) -> None:
    def careless(verdict: Verdict, _setups: Counts) -> Verdict:
        return verdict

    patch.setattr(drive, "gated", careless)


def plant_wake_up_lost(patch: pytest.MonkeyPatch) -> None:
    def deaf(_self: object) -> bool:
        return False

    patch.setattr(drive._Decider, "wake", deaf)


def plant_touch_lost(patch: pytest.MonkeyPatch) -> None:
    right = RunGraph.touch

    def forgetful(self: RunGraph, target: int, path: str) -> None:
        if target % 3:
            right(self, target, path)

    patch.setattr(RunGraph, "touch", forgetful)


def plant_leaf_of_a_teardown_counted(patch: pytest.MonkeyPatch) -> None:
    def all_leaves(tasks: tuple, downstream: tuple) -> tuple[bool, ...]:
        return tuple(not below for below in downstream)

    patch.setattr(plan, "leaf_tasks", all_leaves)


def plant_retry_too_few(patch: pytest.MonkeyPatch) -> None:
    def stingy(outcome: object, *, try_number: int, **rest: object) -> Next | None:
        return after_leg(outcome, try_number=try_number + 1, **rest)  # type: ignore[arg-type]

    patch.setattr("tests.simulation.core_world.after_leg", stingy)


def plant_branch_forgotten_on_load(patch: pytest.MonkeyPatch) -> None:
    right = RunGraph._restore

    def forgetful(self: RunGraph, task: int, instance: Instance) -> None:
        right(self, task, instance)
        self.skip_marks.clear()

    patch.setattr(RunGraph, "_restore", forgetful)


def plant_illegal_move(patch: pytest.MonkeyPatch) -> None:
    right = drive._Decider.move

    def wrong(self: drive._Decider, node: Node, new: TaskState, *rest: object) -> None:
        right(self, node, TaskState.QUEUED if new is TaskState.SCHEDULED else new, *rest)  # type: ignore[arg-type]

    patch.setattr(drive._Decider, "move", wrong)


PLANTS = [value for name, value in list(globals().items()) if name.startswith("plant_")]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)

    with pytest.raises(BrokenError, match="replay with"):
        play_worlds(1, 60_000)


def test_the_same_seed_plays_the_same_world() -> None:
    assert play_worlds(77, 2_000) == play_worlds(77, 2_000)
