"""Deadlines: when they are due, that they are missed once, and never after the end."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.scheduler.place import NOW, VAULT, Place, a_dag
from tradewind.core import deadlines as core
from tradewind.core.deadlines import DeadlineSpec
from tradewind.core.runs import Run
from tradewind.core.spec import GroupSpec, TaskSpec
from tradewind.core.states import LegState
from tradewind.protocol.callbacks import CallbackReport
from tradewind.store.deadlines import Deadline, DeadlineFilter, list_deadlines
from tradewind.store.variables import VariableFacts, set_variable

SOON = DeadlineSpec(
    reference=core.QueuedAt(), interval_seconds=60.0, name="soon", has_callback=True
)


def a_task(task_id: str = "t", *upstream: str, **fields: Any) -> TaskSpec:
    return TaskSpec(task_id=task_id, operator="x.Op", upstream=upstream, **fields)


def of(place: Place, run: Run) -> list[Deadline]:
    wish = DeadlineFilter(run_pk=run.pk)
    return [one for one, _ in place.read(lambda tx: list_deadlines(tx, wish))]


def states(place: Place, run: Run) -> list[tuple[str, str]]:
    return [(one.owner, one.state) for one in of(place, run)]


def after(**delta: float) -> datetime:
    return NOW + timedelta(**delta)


def test_a_missed_deadline_wakes_the_engine_and_is_told_of_once(place: Place) -> None:
    place.save(a_dag("d", a_task(), deadlines=(SOON,)))
    run = place.trigger()
    worker = place.worker()
    worker.ask()
    assert place.tick() is not None
    (one,) = of(place, run)
    assert (one.due_at, one.state, one.name) == (after(seconds=60), "pending", "soon")
    due = place.tick(seconds=26)
    assert due is not None
    assert due <= after(seconds=60)
    worker.exchange()
    place.tick(seconds=26)
    worker.exchange()
    place.tick(seconds=8)
    (told,) = worker.exchange().callbacks
    assert told.kind == "deadline"
    assert told.deadline is not None
    assert (told.deadline.name, told.deadline.due_at) == ("soon", after(seconds=60))
    assert states(place, run) == [("", "missed")]
    lines = place.do(lambda e, tx: e.explain(tx, "d", run.run_id, None, place.now))
    assert lines[-1] == "Deadline 'soon': missed; it was due 2026-04-20T08:01:00+00:00."
    place.tick(seconds=5)
    assert worker.exchange().callbacks == ()


@pytest.mark.parametrize(
    ("outcome", "state"), [(LegState.SUCCESS, "met"), (LegState.FAILED, "over")]
)
def test_a_run_that_has_ended_misses_nothing(place: Place, outcome: LegState, state: str) -> None:
    place.save(a_dag("d", a_task(), deadlines=(SOON,)))
    run = place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    worker.end(order, outcome)
    assert states(place, run) == [("", state)]
    place.tick(seconds=61)
    assert worker.exchange().callbacks == ()


def test_what_ended_late_has_missed_it_though_nobody_looked_between(place: Place) -> None:
    place.save(a_dag("d", a_task(), deadlines=(SOON,)))
    run = place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    for _ in range(3):
        place.now += timedelta(seconds=21)
        worker.exchange()
    worker.end(order)
    place.tick()
    assert states(place, run) == [("", "missed")]


def test_a_miss_can_fail_the_run(place: Place) -> None:
    failing = DeadlineSpec(reference=core.QueuedAt(), interval_seconds=10.0, fails_run=True)
    spec = a_dag("d", a_task("a"), a_task("b", "a"), deadlines=(failing,), callbacks=("failure",))
    place.save(spec)
    run = place.trigger()
    worker = place.worker()
    worker.ask()
    place.tick(seconds=11)
    assert place.runs()[0].state == "failed"
    assert place.states(run) == {"a": "skipped", "b": "skipped"}
    answer = worker.exchange()
    assert len(answer.cancels) == 1
    assert [one.reason for one in answer.callbacks] == ["deadline_missed"]


def test_each_reference_says_from_when_it_counts(place: Place) -> None:
    day = datetime(2026, 4, 19, tzinfo=NOW.tzinfo)
    references: list[tuple[core.Reference, datetime | None]] = [
        (core.LogicalDate(), day),
        (core.QueuedAt(), NOW),
        (core.FixedAt(at=after(days=3)), after(days=3)),
        (core.AverageRuntime(max_runs=3, min_runs=1), None),
    ]
    specs = tuple(DeadlineSpec(reference=one, interval_seconds=9e6) for one, _ in references)
    place.save(a_dag("d", a_task(), deadlines=specs))
    run = place.trigger(logical_date=day)
    found = sorted(of(place, run), key=lambda one: one.position)
    span = timedelta(seconds=9e6)
    assert [one.due_at for one in found] == [at and at + span for _, at in references]
    assert found[-1].note == "There were 0 successes; it needs 1."
    without = place.trigger()
    assert [one.note for one in of(place, without) if one.position == 0] == [
        "This run has no logical_date."
    ]


def test_an_average_is_of_the_last_successes(place: Place) -> None:
    average = DeadlineSpec(reference=core.AverageRuntime(max_runs=2, min_runs=2))
    place.save(a_dag("d", a_task(deadlines=(average,)), deadlines=(average,)))
    worker = place.worker()
    for seconds in (1000, 20, 10):
        place.trigger(run_id=f"took-{seconds}")
        (order,) = worker.ask()
        for _ in range(0, seconds, 20):
            place.now += timedelta(seconds=min(20, seconds))
            worker.exchange()
        worker.end(order)
    run = place.trigger(run_id="now")
    began = place.now
    worker.ask()
    assert {(one.scope, one.due_at) for one in of(place, run)} == {
        ("run", began + timedelta(seconds=15)),
        ("task", began + timedelta(seconds=15)),
    }


def test_an_interval_may_be_a_variable(place: Place) -> None:
    def save(value: str) -> None:
        facts = VariableFacts(key="span", value=value)
        place.do(lambda e, tx: set_variable(tx, VAULT, facts, place.now))

    spec = DeadlineSpec(reference=core.QueuedAt(), interval_variable="span")
    place.save(a_dag("d", a_task(), deadlines=(spec,)))
    (none,) = of(place, place.trigger(run_id="one"))
    assert (none.state, none.note) == ("none", "Variable 'span' holds no number of seconds.")
    save("90")
    (some,) = of(place, place.trigger(run_id="two"))
    assert some.due_at == after(seconds=90)


def test_tasks_and_groups_have_deadlines_of_their_own(place: Place) -> None:
    started = DeadlineSpec(reference=core.Started(), interval_seconds=30.0)
    scheduled = DeadlineSpec(reference=core.Scheduled(), interval_seconds=40.0)
    place.save(
        a_dag(
            "d",
            a_task("g.a", group="g", deadlines=(started, scheduled)),
            a_task("g.in.b", "g.a", group="g.in"),
            a_task("c", "g.in.b"),
            groups={"g": GroupSpec(deadlines=(started,)), "g.in": GroupSpec(parent="g")},
        )
    )
    run = place.trigger()
    place.tick()
    assert [(one.owner, one.due_at) for one in of(place, run)] == [("g.a", after(seconds=40))]
    place.now = after(seconds=5)
    worker = place.worker()
    (first,) = worker.ask()
    assert {(one.owner, one.due_at) for one in of(place, run)} == {
        ("g.a", after(seconds=35)),
        ("g.a", after(seconds=40)),
        ("g", after(seconds=35)),
    }
    worker.end(first)
    assert set(states(place, run)) == {("g.a", "met"), ("g", "pending")}
    (second,) = worker.ask()
    place.tick(seconds=29)
    worker.exchange()
    place.tick(seconds=2)
    assert set(states(place, run)) == {("g.a", "met"), ("g", "missed")}
    worker.end(second)
    assert set(states(place, run)) == {("g.a", "met"), ("g", "missed")}


def test_an_own_reference_is_asked_of_a_worker(place: Place) -> None:
    own = DeadlineSpec(
        reference=core.Custom(name="Payday"), interval_seconds=10.0, has_callback=True
    )
    place.save(a_dag("d", a_task(), deadlines=(own, own)))
    run = place.trigger()
    worker = place.worker()
    asked, second = worker.exchange().callbacks
    assert states(place, run) == [("", "asked"), ("", "asked")]
    assert asked.kind == "deadline_reference"
    reports = (
        CallbackReport(job_id=asked.job_id, epoch=asked.epoch, is_done=True, moment=after(hours=1)),
        CallbackReport(job_id=second.job_id, epoch=second.epoch, is_done=True),
    )
    worker.exchange(called=reports)
    one, other = of(place, run)
    assert (one.state, one.due_at) == ("pending", after(hours=1, seconds=10))
    assert (other.state, other.due_at) == ("none", None)


def test_what_is_held_in_memory_is_never_needed(place: Place) -> None:
    place.save(a_dag("d", a_task(), deadlines=(SOON,)))
    run = place.trigger()
    worker = place.worker()
    worker.ask()
    place.restart()
    place.tick(seconds=20)
    worker.exchange()
    place.restart()
    place.tick(seconds=41)
    assert states(place, run) == [("", "missed")]
