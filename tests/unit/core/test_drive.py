"""What follows in a run: leaves, setups, mapping, branches, the past, stops and time."""

from datetime import timedelta

import pytest

from tests.unit.core.plays import NOW, F, K, Played, S, U, a_dag, a_task, over, play
from tradewind.core.drive import GapError, decide, fold, next_wake, past_wanted
from tradewind.core.events import Expanded, RunMoved, TaskMoved
from tradewind.core.graph import RunGraph
from tradewind.core.nodes import Instance
from tradewind.core.plan import DagPlan
from tradewind.core.states import IllegalMoveError, RunState, TaskState

MINUTE = timedelta(minutes=1)


def setup_dag(*, fail_dagrun: bool) -> object:
    return a_dag(
        a_task("setup", is_setup=True),
        a_task("work", "setup"),
        a_task(
            "teardown",
            "setup",
            "work",
            is_teardown=True,
            trigger_rule="all_done_setup_success",
            on_failure_fail_dagrun=fail_dagrun,
        ),
    )


def matrix() -> list[tuple[str, str, str, bool, str, str]]:
    both = (False, True)
    rows = [("F", w, t, flag, "F U U", "failed") for w in "SFK" for t in "SFK" for flag in both]
    rows += [("K", w, t, flag, "K K K", "success") for w in "SFK" for t in "SFK" for flag in both]
    rows += [("S", "S", "S", flag, "S S S", "success") for flag in both]
    rows += [("S", "F", "S", flag, "S F S", "failed") for flag in both]
    rows += [("S", "F", "F", flag, "S F F", "failed") for flag in both]
    rows += [("S", "K", "S", flag, "S K S", "success") for flag in both]
    rows += [
        ("S", "S", "F", False, "S S F", "success"),
        ("S", "S", "F", True, "S S F", "failed"),
        ("S", "K", "F", False, "S K F", "success"),
        ("S", "K", "F", True, "S K F", "failed"),
    ]
    return rows


@pytest.mark.parametrize(("setup", "work", "teardown", "flag", "states", "run"), matrix())
def test_setup_work_teardown_matrix(
    setup: str, work: str, teardown: str, flag: bool, states: str, run: str
) -> None:
    ends = {"S": S, "F": F, "K": K, "U": U}
    told = {"setup": ends[setup], "work": ends[work], "teardown": ends[teardown]}

    played = play(setup_dag(fail_dagrun=flag), told)  # type: ignore[arg-type]

    assert list(played.states().values()) == [ends[letter] for letter in states.split()]
    assert played.graph.state == run


@pytest.mark.parametrize(("end", "becomes"), [(F, U), (K, K), (S, S)])
def test_a_task_deep_in_a_setups_scope_is_held_to_the_setup(
    end: TaskState, becomes: TaskState
) -> None:
    spec = a_dag(
        a_task("setup", is_setup=True),
        a_task("first", "setup"),
        a_task("second", "first", trigger_rule="all_done", is_empty=True),
        a_task(
            "teardown",
            "setup",
            "second",
            is_teardown=True,
            trigger_rule="all_done_setup_success",
        ),
        a_task("outside", "setup", trigger_rule="all_done", is_empty=True),
    )

    states = play(spec, {"setup": end}).states()

    assert states["second"] is becomes
    assert states["outside"] is S


def test_a_run_fails_by_its_leaves_only() -> None:
    spec = a_dag(a_task("inner"), a_task("leaf", "inner", trigger_rule="all_done"), a_task("other"))

    assert play(spec, {"inner": F}).graph.state is RunState.SUCCESS
    assert play(spec, {"leaf": F}).graph.state is RunState.FAILED
    assert play(spec, {"other": K}).graph.state is RunState.SUCCESS
    assert play(a_dag(a_task("a"), a_task("b", "a")), {"a": F}).graph.state is RunState.FAILED


def test_a_run_without_tasks_succeeds_at_once() -> None:
    assert Played(a_dag()).graph.state is RunState.SUCCESS


def test_a_chain_of_empty_tasks_and_skips_follows_in_one_decision() -> None:
    spec = a_dag(
        a_task("start"),
        a_task("one", "start", is_empty=True),
        a_task("two", "one", is_empty=True),
        a_task("cleanup", "two", trigger_rule="one_failed"),
        a_task("report", "cleanup"),
    )
    played = Played(spec)

    decided = played.end("start", S)

    moves = [(e.task_id, e.new) for e in decided if isinstance(e, TaskMoved)]
    assert moves == [("one", S), ("two", S), ("cleanup", K), ("report", K)]
    assert decided[-1] == RunMoved(
        old=RunState.RUNNING, new=RunState.SUCCESS, at=NOW, reason="success"
    )


def test_tries_count_from_one_and_a_resumed_leg_keeps_its_try() -> None:
    played = Played(a_dag(a_task("a")))
    node = played.graph.node("a")
    assert node.try_number == 1

    played.end("a", TaskState.UP_FOR_RETRY, wake_at=NOW + MINUTE)
    assert next_wake(played.graph) == NOW + MINUTE
    assert played.decide(NOW) == []
    played.decide(NOW + MINUTE)
    assert (node.state, node.try_number) == (TaskState.SCHEDULED, 2)

    played.end("a", TaskState.UP_FOR_RESCHEDULE, wake_at=NOW + 2 * MINUTE)
    played.decide(NOW + 2 * MINUTE)
    assert (node.state, node.try_number) == (TaskState.SCHEDULED, 2)

    played.end("a", TaskState.DEFERRED)
    played.move("a", TaskState.SCHEDULED)
    assert node.try_number == 2
    assert next_wake(played.graph) is None


def test_a_deadlock_fails_the_run() -> None:
    played = Played(a_dag(a_task("a", "b"), a_task("b", "a")))

    assert played.graph.state is RunState.FAILED
    assert played.log[-1].reason == "all_tasks_deadlocked"  # type: ignore[union-attr]


def test_a_timeout_fails_the_run_and_skips_what_is_unfinished() -> None:
    spec = a_dag(a_task("a"), a_task("b"), a_task("c", "b"), dagrun_timeout_seconds=60)
    played = Played(spec)
    played.end("a", S)
    played.run("b")
    assert next_wake(played.graph) == NOW + MINUTE
    assert played.decide(NOW + MINUTE / 2) == []

    played.decide(NOW + MINUTE)

    assert played.states() == {"a": S, "b": K, "c": K}
    assert played.graph.state is RunState.FAILED
    assert played.log[-1].reason == "timed_out"  # type: ignore[union-attr]
    assert next_wake(played.graph) is None


def test_a_fail_fast_dag_stops_at_its_first_failure_but_for_teardowns() -> None:
    spec = a_dag(
        a_task("setup", is_setup=True),
        a_task("bad", "setup"),
        a_task("running", "setup"),
        a_task("scheduled", "setup"),
        a_task("later", "running"),
        a_task("down", "setup", "later", is_teardown=True, trigger_rule="all_done_setup_success"),
        fail_fast=True,
    )
    played = Played(spec)
    played.end("setup", S)
    played.run("running")
    played.end("bad", F)

    assert played.states() == {
        "setup": S,
        "bad": F,
        "running": F,
        "scheduled": K,
        "later": K,
        "down": TaskState.SCHEDULED,
    }
    played.end("down", S)
    assert played.graph.state is RunState.FAILED


def test_a_branch_skips_what_it_chose_and_nothing_beside() -> None:
    spec = a_dag(
        a_task("branch"),
        a_task("left", "branch"),
        a_task("right", "branch"),
        a_task("join", "left", "right", trigger_rule="none_failed_min_one_success"),
    )
    played = Played(spec)
    played.end("branch", S, skips=("right",))

    assert played.states()["right"] is K
    played.end("left", S)
    played.end("join", S)
    assert played.graph.state is RunState.SUCCESS


def test_a_branch_that_is_cleared_chooses_anew() -> None:
    played = Played(a_dag(a_task("branch"), a_task("below", "branch"), a_task("other")))
    played.end("branch", S, skips=("below",))
    played.move("branch", TaskState.NONE)
    played.move("below", TaskState.NONE)
    played.end("branch", S)

    assert played.states()["below"] is TaskState.SCHEDULED


def test_a_task_waits_for_its_past() -> None:
    played = Played(a_dag(a_task("a", depends_on_past=True), a_task("b")))
    assert past_wanted(played.graph) == ["a"]
    played.end("b", S)
    assert played.graph.state is RunState.RUNNING

    played.graph.set_past("a", False)
    assert played.decide() == []
    assert past_wanted(played.graph) == []
    played.graph.set_past("a", True)
    played.decide()

    assert played.states()["a"] is TaskState.SCHEDULED


class TestMapping:
    def test_a_literal_mapping_has_its_instances_once_it_may_run(self) -> None:
        played = Played(a_dag(a_task("a"), a_task("m", "a", mapping=over(2, 2))))
        assert set(played.states()) == {"a", "m"}
        decided = played.end("a", S)

        assert decided[0] == Expanded(task_id="m", length=4)
        assert [k for k in played.states() if k != "a"] == ["m[0]", "m[1]", "m[2]", "m[3]"]
        assert all(n.state is TaskState.SCHEDULED for n in played.graph.by_task[1])

    def test_the_length_comes_from_what_was_pushed(self) -> None:
        played = Played(a_dag(a_task("a"), a_task("m", mapping=over("a", 2))))
        played.end("a", S, pushed=(("return_value", 3), ("unasked", 9)))

        assert len(played.graph.by_task[1]) == 6
        assert played.graph.node("a").pushed == (("return_value", 3),)

    def test_over_nothing_it_is_skipped_as_the_placeholder(self) -> None:
        played = Played(a_dag(a_task("a"), a_task("m", mapping=over("a")), a_task("z", "m")))
        played.end("a", S, pushed=(("return_value", 0),))

        assert played.states() == {"a": S, "m": K, "z": K}

    def test_without_a_list_to_map_over_it_fails(self) -> None:
        played = Played(a_dag(a_task("a"), a_task("m", mapping=over("a"))))
        played.end("a", S)

        assert played.states()["m"] is U
        assert "pushed no list" in played.log[-2].reason  # type: ignore[union-attr]

    @pytest.mark.parametrize(("end", "becomes"), [(F, U), (K, K)])
    def test_a_source_that_did_not_succeed_decides_it_under_any_rule(
        self, end: TaskState, becomes: TaskState
    ) -> None:
        spec = a_dag(a_task("a"), a_task("m", mapping=over("a"), trigger_rule="all_done"))

        assert play(spec, {"a": end}).states()["m"] is becomes

    def test_each_instance_counts_for_those_below(self) -> None:
        played = Played(
            a_dag(
                a_task("m", mapping=over(3)),
                a_task("all", "m", is_empty=True),
                a_task("one", "m", trigger_rule="one_failed", is_empty=True),
            )
        )
        played.end("m", S, "0")
        played.end("m", F, "2")
        assert played.states()["all"] is U
        assert played.states()["one"] is S
        played.end("m", S, "1")
        assert played.graph.state is RunState.FAILED

    def test_one_skipped_instance_skips_what_is_below(self) -> None:
        played = Played(a_dag(a_task("m", mapping=over(2)), a_task("z", "m")))
        played.end("m", K, "0")
        played.end("m", S, "1")

        assert played.states()["z"] is K

    def test_over_a_mapped_task_it_has_one_for_each_that_pushed(self) -> None:
        played = Played(a_dag(a_task("m", mapping=over(3)), a_task("n", mapping=over("m"))))
        for path in "012":
            pushed = () if path == "1" else (("return_value", None),)
            played.end("m", S, path, pushed=pushed)

        assert len(played.graph.by_task[1]) == 2

    def test_cleared_with_its_source_it_takes_the_new_length(self) -> None:
        played = Played(a_dag(a_task("a"), a_task("m", mapping=over("a")), a_task("open")))
        played.end("a", S, pushed=(("return_value", 3),))
        for path in "012":
            played.end("m", S, path)

        def again(length: int) -> None:
            for path in [n.path for n in played.graph.by_task[1] if n.state is S]:
                played.move("m", TaskState.NONE, path)
            played.move("a", TaskState.NONE)
            played.end("a", S, pushed=(("return_value", length),))

        # The instances were scheduled before the source was cleared: they wait for it again.
        again(2)
        removed = TaskState.REMOVED
        assert [n.state for n in played.graph.by_task[1]][2] is removed
        for path in "01":
            played.end("m", S, path)
        again(4)
        assert [n.state for n in played.graph.by_task[1]] == [TaskState.SCHEDULED] * 4


def test_what_was_scheduled_waits_again_when_something_above_is_cleared() -> None:
    played = Played(a_dag(a_task("a"), a_task("b", "a")))
    played.end("a", S)
    played.move("a", TaskState.NONE, max_tries=4)

    node = played.graph.node("b")
    assert (node.state, node.try_number) == (TaskState.NONE, 0)
    assert played.graph.node("a").max_tries == 4
    played.end("a", S)
    assert (node.state, node.try_number) == (TaskState.SCHEDULED, 1)


@pytest.mark.parametrize("waits", [TaskState.DEFERRED, TaskState.UP_FOR_RESCHEDULE])
def test_a_try_that_began_is_given_up_when_something_above_is_cleared(waits: TaskState) -> None:
    played = Played(a_dag(a_task("a"), a_task("b", "a")))
    played.end("a", S)
    played.end("b", waits, wake_at=NOW if waits is TaskState.UP_FOR_RESCHEDULE else None)
    node = played.graph.node("b")
    if waits is TaskState.DEFERRED:
        played.move("b", TaskState.SCHEDULED)
    assert (node.state, node.try_number) == (TaskState.SCHEDULED, 1)

    played.move("a", TaskState.NONE, reason="cleared")
    assert (node.state, node.try_number, node.max_tries) == (TaskState.NONE, 1, 1)

    played.end("a", S)
    assert (node.state, node.try_number) == (TaskState.SCHEDULED, 2)


def test_a_cleared_run_goes_on_where_it_was_cleared() -> None:
    played = play(a_dag(a_task("a"), a_task("b", "a")), {"b": F})
    played.move("b", TaskState.NONE, max_tries=1)
    played.tell(RunMoved(old=RunState.FAILED, new=RunState.QUEUED, at=NOW))
    assert played.states()["b"] is TaskState.NONE
    played.tell(RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=NOW))

    assert played.states()["b"] is TaskState.SCHEDULED
    assert played.graph.node("b").try_number == 2
    played.end("b", S)
    assert played.graph.state is RunState.SUCCESS


class TestFold:
    def test_a_gap_is_refused(self) -> None:
        graph = RunGraph.start(DagPlan(a_dag(a_task("a"))))
        event = RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=NOW)

        for seq in (0, 2):
            with pytest.raises(GapError):
                fold(graph, seq, event)
        fold(graph, 1, event)
        with pytest.raises(GapError):
            fold(graph, 1, event)

    def test_a_move_from_another_state_is_refused(self) -> None:
        graph = RunGraph.start(DagPlan(a_dag(a_task("a"))))

        with pytest.raises(IllegalMoveError):
            fold(graph, 1, TaskMoved(task_id="a", old=TaskState.QUEUED, new=TaskState.RUNNING))
        with pytest.raises(IllegalMoveError):
            fold(graph, 1, TaskMoved(task_id="a", old=TaskState.NONE, new=TaskState.RUNNING))
        with pytest.raises(IllegalMoveError):
            fold(graph, 1, RunMoved(old=RunState.RUNNING, new=RunState.FAILED, at=NOW))
        assert graph.seq == 0

    def test_a_run_that_is_queued_decides_nothing(self) -> None:
        graph = RunGraph.start(DagPlan(a_dag(a_task("a"))))

        assert decide(graph, NOW) == []


class TestAbsentTasks:
    def test_edges_of_a_task_without_instance_are_bridged(self) -> None:
        spec = a_dag(a_task("a"), a_task("b", "a"), a_task("c", "b"))
        graph = RunGraph.start(DagPlan(spec, present=["a", "c"]))
        fold(graph, 1, RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=NOW))

        moved = [event.task_id for event in decide(graph, NOW)]  # type: ignore[union-attr]

        assert moved == ["a"]

    def test_rows_of_tasks_that_left_the_dag_are_left_out(self) -> None:
        rows = [Instance(task_id="a"), Instance(task_id="gone", state=TaskState.REMOVED)]
        graph = RunGraph.load(DagPlan(a_dag(a_task("a"))), rows)

        assert list(graph.nodes) == [("a", "")]


def test_an_unknown_trigger_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="no trigger rule 'dummy'"):
        DagPlan(a_dag(a_task("a", trigger_rule="dummy")))


def test_instances_may_be_loaded_in_any_order() -> None:
    played = Played(a_dag(a_task("m", mapping=over(12)), a_task("z", "m")))
    rows = played.graph.snapshot()

    loaded = RunGraph.load(played.graph.plan, reversed(rows), state=RunState.RUNNING)

    assert loaded.snapshot() == rows
