"""What people are told about things that wait."""

from datetime import timedelta

from tests.unit.core.plays import NOW, F, K, Played, S, a_dag, a_task
from tradewind.core.admission import Held
from tradewind.core.graph import RunGraph
from tradewind.core.plan import DagPlan
from tradewind.core.states import TaskState
from tradewind.core.why import WaitFacts, why_run, why_task

NOTHING = WaitFacts()


def said(played: Played, task_id: str, facts: WaitFacts = NOTHING) -> str:
    return why_task(played.graph, task_id, "", facts)


def test_a_task_says_what_it_waits_for() -> None:
    names = ["a", "b", "c", "d"]
    roots = [a_task(name) for name in names]
    played = Played(a_dag(*roots, a_task("z", *names, trigger_rule="all_done")))

    assert said(played, "z") == "It waits for 'a', 'b', 'c' and 1 more (trigger rule all_done)."
    played.end("a", S)
    assert said(played, "z") == "It waits for 'b', 'c' and 'd' (trigger rule all_done)."


def test_each_state_has_its_sentence() -> None:
    played = Played(a_dag(a_task("a", queue="gpu"), a_task("b", "a")))
    held = Held("pool-full", "It wants 1 of the 1 slots of pool 'p' and 0 are free.")
    assert said(played, "a") == "It is ready and about to be queued."
    assert said(played, "a", WaitFacts(held=held)) == held.sentence
    assert "paused" in said(played, "a", WaitFacts(paused=True))

    played.move("a", TaskState.QUEUED)
    assert said(played, "a") == "It waits for a free place on a worker of queue 'gpu'."
    assert "there is none" in said(played, "a", WaitFacts(workers=0))

    played.move("a", TaskState.RUNNING)
    assert said(played, "a") == "Try 1 of 'a' is running."

    played.move("a", TaskState.UP_FOR_RETRY, wake_at=NOW + timedelta(minutes=5))
    assert said(played, "a") == "Try 1 failed; the next is due at 2026-05-01T00:05:00+00:00."
    because = WaitFacts(reason="the net is down (OSError: gone)")
    assert "failed (the net is down (OSError: gone)); the next" in said(played, "a", because)

    played.decide(NOW + timedelta(minutes=5))
    played.end("a", F)
    assert said(played, "a", WaitFacts(reason="ValueError: no")) == (
        "It ended in failed: ValueError: no."
    )
    assert said(played, "b") == "It ended in upstream_failed: 'a' failed above it."


def test_a_skip_names_what_was_skipped_above() -> None:
    played = Played(a_dag(a_task("a"), a_task("b", "a")))
    played.end("a", K)

    assert said(played, "b") == "It ended in skipped: 'a' skipped above it."


def test_a_way_that_was_not_chosen_names_who_chose() -> None:
    played = Played(a_dag(a_task("which"), a_task("left", "which"), a_task("right", "which")))
    played.end("which", S, skips=("right",))

    assert said(played, "right") == "It ended in skipped: 'which' chose not to go on with it."


def test_the_past_is_named() -> None:
    played = Played(a_dag(a_task("a", depends_on_past=True)))
    assert "is being looked up" in said(played, "a")
    played.graph.set_past("a", False)
    played.decide()

    assert said(played, "a") == (
        "It depends on its past, and the run before has not ended well for it."
    )


def test_a_task_of_a_queued_run_says_why_the_run_waits() -> None:
    graph = RunGraph.start(DagPlan(a_dag(a_task("a"))))
    facts = WaitFacts(run_waits="Dag 'd' is paused")

    assert why_task(graph, "a", "", facts) == "Its run is queued: Dag 'd' is paused."


def test_a_setup_that_is_not_done_is_what_a_task_waits_for() -> None:
    played = Played(
        a_dag(
            a_task("setup", is_setup=True),
            a_task("other"),
            a_task("mid", "setup", "other", trigger_rule="one_success"),
            a_task("deep", "mid", trigger_rule="always"),
        )
    )

    assert said(played, "deep").startswith("It waits for 'mid'")
    played.end("other", S)
    played.end("mid", S)
    assert said(played, "deep") == "It waits for the setups around it."


def test_a_run_counts_what_is_unfinished() -> None:
    played = Played(a_dag(a_task("a"), a_task("b"), a_task("c", "a"), dagrun_timeout_seconds=60))
    played.run("a")

    assert why_run(played.graph, NOW) == (
        "It is running; unfinished tasks: 1 running, 1 scheduled, 1 without state."
    )
    assert "time is up" in why_run(played.graph, NOW + timedelta(minutes=2))
    played.decide(NOW + timedelta(minutes=2))
    assert why_run(played.graph, NOW, reason="timed_out") == "It ended in failed: timed_out."
