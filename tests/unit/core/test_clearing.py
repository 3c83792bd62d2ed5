"""What a clear or a mark means: which instances, what goes along, and where each goes."""

import pytest

from tests.unit.core.plays import a_dag, a_task, over
from tradewind.core.clearing import (
    FAILED_STATES,
    MARKS,
    RUNNING_STATES,
    Choice,
    Pick,
    choose_instances,
    clear_move,
    failing_marks,
    mark_move,
    with_setups,
)
from tradewind.core.nodes import Instance
from tradewind.core.plan import DagPlan
from tradewind.core.spec import GroupSpec
from tradewind.core.states import TASK_MOVES, TaskState

SPEC = a_dag(
    a_task("make", is_setup=True),
    a_task("lend", "make", is_setup=True),
    a_task("work", "lend"),
    a_task("more", "work"),
    a_task("give_back", "lend", "more", is_teardown=True),
    a_task("drop", "make", "give_back", is_teardown=True),
    a_task("after", "more"),
    a_task("open", is_setup=True),
    a_task("endless", "open"),
)


@pytest.mark.parametrize(
    ("chosen", "cleared"),
    [
        ("work", "work make lend give_back drop"),
        ("more", "more make lend give_back drop"),
        ("after", "after"),
        ("endless", "endless open"),
        ("open", "open"),
        ("lend", "lend give_back make drop"),
        ("give_back", "give_back make drop"),
        ("", ""),
    ],
)
def test_setups_and_teardowns_go_along(chosen: str, cleared: str) -> None:
    assert with_setups(SPEC, chosen.split()) == set(cleared.split())


WIDE = a_dag(
    a_task("list"),
    a_task("g.one", "list", group="g"),
    a_task("g.two", "g.one", group="g"),
    a_task("each", "list", mapping=over("list")),
    a_task("end", "each", "g.two"),
    groups={"g": GroupSpec(mapping=over("list"))},
)
THERE = [
    Instance(task_id="list", state=TaskState.SUCCESS),
    *(
        Instance(task_id=name, map_path=str(n), map_index=n, state=state)
        for name, states in (("g.one", "SF"), ("g.two", "SU"), ("each", "SR"))
        for n, letter in enumerate(states)
        for state in [
            {
                "S": TaskState.SUCCESS,
                "F": TaskState.FAILED,
                "U": TaskState.UPSTREAM_FAILED,
                "R": TaskState.RUNNING,
            }[letter]
        ]
    ),
    Instance(task_id="end"),
    Instance(task_id="gone", state=TaskState.SUCCESS),
]


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (Choice(), "list g.one0 g.two0 g.one1 g.two1 each0 each1 end"),
        (Choice(picks=(Pick("each"),)), "each0 each1"),
        (Choice(picks=(Pick("each", 1),)), "each1"),
        (Choice(picks=(Pick("each", 7),)), ""),
        (Choice(picks=(Pick("nope"),)), ""),
        (Choice(groups=("g",)), "g.one0 g.one1 g.two0 g.two1"),
        (Choice(picks=(Pick("g.one", 1),), downstream=True), "g.one1 g.two1 end"),
        (Choice(picks=(Pick("g.two", 0),), upstream=True), "list g.one0 g.two0"),
        (Choice(picks=(Pick("each"),), downstream=True, upstream=True), "list each0 each1 end"),
        (Choice(picks=(Pick("list"),), downstream=True, states=FAILED_STATES), "g.one1 g.two1"),
        (Choice(states=RUNNING_STATES), "each1"),
        (Choice(groups=("g",), picks=(Pick("end"),), states=FAILED_STATES), "g.one1 g.two1"),
    ],
)
def test_a_choice_means_these_instances(choice: Choice, chosen: str) -> None:
    found = choose_instances(WIDE, DagPlan(WIDE), THERE, choice)
    assert sorted(one.task_id + one.map_path for one in found) == sorted(chosen.split())


def test_setups_go_along_whatever_their_state() -> None:
    there = [Instance(task_id=t.task_id, state=TaskState.SUCCESS) for t in SPEC.tasks]
    there[2] = Instance(task_id="work", state=TaskState.FAILED)
    wish = Choice(states=FAILED_STATES)

    found = [one.task_id for one in choose_instances(SPEC, DagPlan(SPEC), there, wish)]
    alone = choose_instances(
        SPEC, DagPlan(SPEC), there, Choice(states=FAILED_STATES, with_setups=False)
    )

    assert found == ["make", "lend", "work", "give_back", "drop"]
    assert [one.task_id for one in alone] == ["work"]


@pytest.mark.parametrize("state", TaskState)
@pytest.mark.parametrize("is_begun", [False, True])
def test_a_clear_goes_along_the_table_and_gives_all_retries_anew(
    state: TaskState, is_begun: bool
) -> None:
    one = Instance(task_id="t", state=state, try_number=3, max_tries=3, is_begun=is_begun)

    moved = clear_move(one, retries=2)

    if moved is None:
        assert state in (TaskState.NONE, TaskState.RESTARTING)
        return
    assert moved.new in TASK_MOVES[state]
    assert (moved.new is TaskState.RESTARTING) == (state is TaskState.RUNNING)
    given_back = state in (TaskState.SCHEDULED, TaskState.QUEUED) and not is_begun
    assert moved.try_number == (2 if given_back else 3)
    assert moved.max_tries == moved.try_number + 2


@pytest.mark.parametrize("state", TaskState)
@pytest.mark.parametrize("new", sorted(MARKS))
def test_a_mark_goes_along_the_table(state: TaskState, new: TaskState) -> None:
    moved = mark_move(Instance(task_id="t", state=state, try_number=1), new, "ann", (("k", 1),))

    if moved is None:
        assert state in (new, TaskState.REMOVED)
        return
    assert moved.new in TASK_MOVES[state]
    assert moved.reason == f"marked {new.value} by ann"
    assert bool(moved.pushed) == (new is TaskState.SUCCESS)


def test_nobody_marks_a_task_as_running() -> None:
    with pytest.raises(ValueError, match="running"):
        mark_move(Instance(task_id="t"), TaskState.RUNNING)


@pytest.mark.parametrize(
    ("state", "new"),
    [
        ("none", "skipped"),
        ("scheduled", "skipped"),
        ("queued", "skipped"),
        ("up_for_retry", "skipped"),
        ("running", "failed"),
        ("restarting", "failed"),
        ("deferred", "failed"),
        ("up_for_reschedule", "failed"),
        ("awaiting_input", "failed"),
        ("success", None),
        ("failed", None),
        ("removed", None),
    ],
)
def test_a_run_that_is_to_fail_ends_what_is_at_work_and_skips_the_rest(
    state: str, new: str | None
) -> None:
    one = Instance(task_id="t", state=TaskState(state))
    assert [said.value for _, said in failing_marks([one], lambda _: False)] == [new] * bool(new)
    assert failing_marks([one], lambda _: True) == []
