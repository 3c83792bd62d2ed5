"""Mapped groups, nested mappings, groups and runs that are tried again: event by event."""

from datetime import timedelta

from tests.unit.core.plays import NOW, F, K, Played, S, U, a_dag, a_task, over
from tradewind.core.drive import decide, fold
from tradewind.core.events import Expanded, GroupRetried, RunMoved, TaskMoved
from tradewind.core.graph import RunGraph
from tradewind.core.plan import DagPlan
from tradewind.core.spec import DagSpec, GroupSpec, MapAxis, MapSpec, RetrySpec
from tradewind.core.states import RunState, TaskState
from tradewind.core.why import WaitFacts, why_task

MINUTE = timedelta(minutes=1)
NONE, READY, AGAIN = TaskState.NONE, TaskState.SCHEDULED, TaskState.UP_FOR_RETRY
TWICE = RetrySpec(retries=1, delay_seconds=60)


def shops(**group: object) -> DagSpec:
    """A group of two tasks over what ``list`` returns, and a task behind it."""
    return a_dag(
        a_task("list"),
        a_task("g.read", "list", group="g"),
        a_task("g.load", "g.read", group="g"),
        a_task("end", "g.load"),
        groups={"g": GroupSpec(mapping=over("list"), **group)},  # type: ignore[arg-type]
    )


class TestMappedGroup:
    def test_all_its_tasks_get_their_instances_together(self) -> None:
        played = Played(shops())
        decided = played.end("list", S, pushed=(("return_value", 2),))

        assert decided[0] == Expanded(group_id="g", length=2)
        assert played.states() == {
            "list": S,
            "g.read[0]": READY,
            "g.read[1]": READY,
            "g.load[0]": NONE,
            "g.load[1]": NONE,
            "end": NONE,
        }

    def test_each_index_goes_its_own_way(self) -> None:
        played = Played(shops())
        played.end("list", S, pushed=(("return_value", 2),))
        played.end("g.read", F, "0")

        assert played.states()["g.load[0]"] is U
        assert played.states()["end"] is U
        assert [n.state for n in played.graph.by_task[2]] == [U, NONE]
        played.end("g.read", S, "1")
        assert played.states()["g.load[1]"] is READY

    def test_one_marked_before_it_had_instances_ends_though_it_could_be_tried_again(self) -> None:
        spec = a_dag(
            a_task("g.read", group="g"),
            a_task("end", "g.read"),
            groups={"g": GroupSpec(mapping=over(2), retry=TWICE)},
        )
        graph = RunGraph.start(DagPlan(spec))
        # Before the run starts: nothing has instances yet.
        fold(graph, 1, TaskMoved(task_id="g.read", old=NONE, new=K, try_number=0))
        fold(graph, 2, RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=NOW))
        decide(graph, NOW)

        assert {node.state for nodes in graph.by_task for node in nodes} == {K}
        assert graph.state is RunState.SUCCESS

    def test_it_is_decided_as_a_whole(self) -> None:
        for end, becomes in ((F, U), (K, K)):
            played = Played(shops())
            played.end("list", end)
            assert played.states() == {
                "list": end,
                "g.read": becomes,
                "g.load": becomes,
                "end": becomes,
            }

    def test_cleared_with_its_source_it_takes_the_new_length(self) -> None:
        played = Played(shops())
        played.end("list", S, pushed=(("return_value", 3),))
        for path in "012":
            played.end("g.read", S, path)
        for name, path in (*(("g.read", p) for p in "012"), ("list", "")):
            played.move(name, NONE, path)
        played.end("list", S, pushed=(("return_value", 1),))

        removed = TaskState.REMOVED
        assert [n.state for n in played.graph.by_task[1]] == [READY, removed, removed]
        assert [n.state for n in played.graph.by_task[2]] == [NONE, removed, removed]
        played.move("g.read", NONE, "0")
        played.move("list", NONE)
        played.end("list", S, pushed=(("return_value", 4),))
        assert [n.state for n in played.graph.by_task[1]] == [READY] * 4

    def test_why_names_what_the_group_waits_for(self) -> None:
        played = Played(shops())

        told = why_task(played.graph, "g.load", "", WaitFacts())

        assert told == "Its group is mapped over 'list', which has not ended."


def test_mappings_nest_and_indices_count_instances_as_they_come_to_be() -> None:
    spec = a_dag(
        a_task("g.list", group="g"),
        a_task("g.each", "g.list", group="g", mapping=over("g.list")),
        a_task("g.sum", "g.each", group="g"),
        a_task("all", "g.each", mapping=over("g.each")),
        groups={"g": GroupSpec(mapping=over(2))},
    )
    played = Played(spec)
    played.end("g.list", S, "1", pushed=(("return_value", 2),))
    played.end("g.list", S, "0", pushed=(("return_value", 3),))

    nodes = {node.path: node.index for node in played.graph.by_task[1]}
    assert nodes == {"0.0": 0, "1.0": 1, "1.1": 2, "0.1": 3, "0.2": 4}
    for path in ("1.0", "1.1"):
        played.end("g.each", S, path, pushed=(("return_value", None),))
    assert played.states()["g.sum[1]"] is READY
    assert played.states()["g.sum[0]"] is NONE
    for path in ("0.0", "0.1", "0.2"):
        played.end("g.each", S, path, pushed=(("return_value", None),))
    assert len(played.graph.by_task[3]) == 5


def test_lengths_are_combined() -> None:
    def of(kind: str) -> int:
        parts = (MapAxis(task_id="a"), MapAxis(task_id="b"))
        mapping = MapSpec(axes=(MapAxis(name="x", combine=kind, parts=parts),))
        played = Played(a_dag(a_task("a"), a_task("b"), a_task("m", "a", "b", mapping=mapping)))
        played.end("a", S, pushed=(("return_value", 2),))
        played.end("b", S, pushed=(("return_value", 3),))
        return len(played.graph.by_task[2])

    assert [of(kind) for kind in ("zip", "zip_longest", "concat")] == [2, 3, 5]


class TestGroupTriedAgain:
    def failed(self) -> Played:
        played = Played(shops(retry=TWICE))
        played.end("list", S, pushed=(("return_value", 2),))
        played.end("g.read", S, "0")
        played.end("g.load", F, "0")
        return played

    def test_each_index_starts_over_on_its_own(self) -> None:
        played = self.failed()

        retried = [event for event in played.log if isinstance(event, GroupRetried)]
        assert [(one.group_id, one.map_path, one.retries) for one in retried] == [("g", "0", 1)]
        assert played.states() == {
            "list": S,
            "g.read[0]": AGAIN,
            "g.read[1]": READY,
            "g.load[0]": AGAIN,
            "g.load[1]": NONE,
            "end": NONE,
        }
        node = played.graph.node("g.load", "0")
        assert why_task(played.graph, "g.load", "0", WaitFacts(reason=retried[0].reason)) == (
            "Group 'g' failed: retry 1 of 1, as a whole. It is due at 2026-05-01T00:01:00+00:00."
        )
        played.decide(NOW + MINUTE)
        assert played.states()["g.read[0]"] is READY
        assert (node.state, node.try_number, node.max_tries) == (NONE, 1, 1)

    def test_those_outside_hear_of_it_when_no_other_try_follows(self) -> None:
        played = self.failed()
        played.end("g.read", S, "1")
        played.end("g.load", S, "1")
        told = why_task(played.graph, "end", "", WaitFacts())
        assert told.startswith("It waits for 'g.load'")
        played.decide(NOW + MINUTE)
        played.end("g.read", S, "0")
        assert played.states()["end"] is NONE

        played.end("g.load", F, "0")

        assert played.states()["end"] is U
        assert played.graph.state is RunState.FAILED

    def test_tries_are_known_after_a_restart(self) -> None:
        played = self.failed()
        played.graph = RunGraph.load(
            played.graph.plan,
            played.graph.snapshot(),
            state=RunState.RUNNING,
            seq=played.graph.seq,
            retries=dict(played.graph.retries),
        )
        played.decide(NOW + MINUTE)
        played.end("g.read", F, "0")

        assert played.states()["g.load[0]"] is U
        assert played.graph.retries == {("g", "0"): 1}

    def test_a_cleared_run_has_all_its_tries_again(self) -> None:
        played = Played(a_dag(a_task("g.a", group="g"), groups={"g": GroupSpec(retry=TWICE)}))
        for wait in (0, 1):
            played.decide(NOW + wait * MINUTE)
            played.end("g.a", F)
        assert played.graph.state is RunState.FAILED
        played.move("g.a", NONE)
        from_, to = RunState.FAILED, RunState.QUEUED
        played.tell(RunMoved(old=from_, new=to, at=NOW))
        played.tell(RunMoved(old=to, new=RunState.RUNNING, at=NOW))

        played.end("g.a", F)

        assert played.states() == {"g.a": AGAIN}

    def test_what_failed_outside_is_no_failure_of_the_group(self) -> None:
        spec = a_dag(
            a_task("a"), a_task("g.b", "a", group="g"), groups={"g": GroupSpec(retry=TWICE)}
        )
        played = Played(spec)
        played.end("a", F)

        assert played.states()["g.b"] is U
        assert played.graph.state is RunState.FAILED


def test_a_run_starts_over_as_a_whole() -> None:
    played = Played(a_dag(a_task("a"), a_task("b", "a"), run_retry=TWICE))
    played.end("a", S)
    played.end("b", F)
    assert played.states() == {"a": AGAIN, "b": AGAIN}
    assert played.graph.state == "running"

    played.decide(NOW + MINUTE)
    played.end("a", S)
    played.end("b", F)

    assert played.graph.state == "failed"
    assert played.graph.retries == {("", ""): 1}


def test_a_skip_waits_for_the_past_where_the_task_says_so() -> None:
    for waits, state in ((True, NONE), (False, K)):
        below = a_task("b", "a", depends_on_past=True, wait_for_past_depends_before_skipping=waits)
        played = Played(a_dag(a_task("a"), below, a_task("z")))
        played.end("a", K)
        assert played.states()["b"] is state
        played.graph.set_past("b", True)
        played.decide()
        assert played.states()["b"] is K


def test_what_a_short_circuit_may_skip_waits_for_it() -> None:
    spec = a_dag(
        a_task("check", can_skip="below"),
        a_task("other"),
        a_task("next", "check", "other"),
        a_task("last", "next", trigger_rule="all_done"),
    )
    played = Played(spec)
    played.end("other", F)
    assert played.states()["next"] is U
    assert played.states()["last"] is NONE

    played.end("check", S, skips=("next", "last"))

    assert played.states()["last"] is K
