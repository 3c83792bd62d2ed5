"""People set how tasks and runs ended; what runs is told to end, teardowns clean up."""

import pytest

from tests.unit.scheduler.place import AWorker, Place, a_dag
from tests.unit.scheduler.test_clearing import LINE, a_task, clear, play
from tradewind.core.clearing import Choice, Pick
from tradewind.core.runs import Run
from tradewind.core.spec import GroupSpec
from tradewind.core.states import LegState, RunState, TaskState
from tradewind.errors import ConflictError
from tradewind.scheduler.wishes import MarkWish, RunMark
from tradewind.store import runs as run_rows
from tradewind.store.chosen_runs import RunScope

S, F, K = TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED


def mark(place: Place, run: Run, state: TaskState, *picks: str, **choice: object) -> int:
    wish = MarkWish(
        dag_id=run.dag_id,
        state=state,
        scope=RunScope(run_ids=(run.run_id,)),
        choice=Choice(
            picks=tuple(Pick(one) for one in picks),
            with_setups=False,
            **choice,  # type: ignore[arg-type]
        ),
    )
    parts = place.read(lambda tx: place.engine.plan_mark(tx, wish))
    return place.do(lambda e, tx: e.mark(tx, wish, parts, place.now))


def mark_run(place: Place, run: Run, state: RunState) -> Run:
    wish = RunMark(dag_id=run.dag_id, run_id=run.run_id, state=state, who="ann")
    place.do(lambda e, tx: e.mark_run(tx, wish, place.now))
    return read(place, run)


def cancel(place: Place, run: Run) -> Run:
    place.do(lambda e, tx: e.cancel_run(tx, run.dag_id, run.run_id, "ann", place.now))
    return read(place, run)


def read(place: Place, run: Run) -> Run:
    found = place.read(lambda tx: run_rows.read_run_by_pk(tx, run.pk))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("state", "below"), [(S, "queued"), (F, "upstream_failed"), (K, "skipped")]
)
def test_what_is_marked_while_it_runs_is_ended_and_stays_marked(place, state, below):
    place.save(a_dag("d", *LINE))
    worker, run = place.worker(), place.trigger()
    (order,) = worker.ask()

    assert mark(place, run, state, "a") == 1

    assert place.states(run)["a"] == state
    assert place.states(run)["b"] == below
    assert [one.attempt_id for one in worker.exchange().cancels] == [order.attempt_id]
    worker.end(order, LegState.KILLED)
    assert place.states(run)["a"] == state
    play(place, worker)
    assert read(place, run).state == ("failed" if state is F else "success")


@pytest.mark.parametrize("state", [S, F, K])
def test_what_has_not_begun_is_marked(place, state):
    place.save(a_dag("d", *LINE))
    worker, run = place.worker(), place.trigger()

    assert mark(place, run, state, "b") == 1
    play(place, worker)

    assert place.states(run)["b"] == state


def test_marking_success_lets_what_failed_below_go_on(place):
    place.save(a_dag("d", *LINE))
    worker, run = place.worker(), place.trigger()
    play(place, worker, {"a": LegState.FAILED})
    assert place.states(run) == {"a": "failed", "b": "upstream_failed", "c": "upstream_failed"}

    mark(place, run, S, "a")

    assert (read(place, run).clear_number, read(place, run).state) == (1, "running")
    play(place, worker)
    assert set(place.states(run).values()) == {"success"}


def test_marks_reach_up_and_down_and_whole_groups(place):
    tasks = (a_task("a"), a_task("g.b", "a", group="g"), a_task("g.c", "g.b", group="g"))
    place.save(a_dag("d", *tasks, a_task("d", "g.c"), groups={"g": GroupSpec()}))
    run = place.trigger()

    assert mark(place, run, F, groups=("g",)) == 2
    assert mark(place, run, S, "g.b", upstream=True) == 2
    assert place.states(run)["a"] == place.states(run)["g.b"] == "success"
    assert mark(place, run, K, "g.c", downstream=True) == 2
    assert read(place, run).state == "success"


def test_what_is_marked_so_already_is_left_alone(place):
    place.save(a_dag("d", *LINE))
    worker, run = place.worker(), place.trigger()
    play(place, worker)
    assert mark(place, run, S) == 0


def test_a_run_marked_failed_ends_what_is_at_work_and_skips_the_rest(place):
    place.save(a_dag("d", *LINE))
    worker, run = place.worker(), place.trigger()
    (order,) = worker.ask()

    assert mark_run(place, run, RunState.FAILED).state == "failed"

    assert place.states(run) == {"a": "failed", "b": "skipped", "c": "skipped"}
    assert worker.exchange().cancels[0].attempt_id == order.attempt_id
    worker.end(order, LegState.KILLED)
    assert place.states(run)["a"] == "failed"
    (said,) = place.do(lambda e, tx: e.explain(tx, "d", run.run_id, "b", place.now))
    assert "marked skipped by ann" in said


def test_a_run_marked_success_has_all_its_tasks_marked(place):
    place.save(a_dag("d", *LINE))
    worker, run = place.worker(), place.trigger()
    play(place, worker, {"a": LegState.FAILED})

    assert mark_run(place, run, RunState.SUCCESS).state == "success"
    assert set(place.states(run).values()) == {"success"}
    assert mark_run(place, run, RunState.FAILED).state == "failed"
    assert set(place.states(run).values()) == {"success"}
    assert mark_run(place, run, RunState.QUEUED).state == "success"


def with_teardown(place: Place) -> tuple[AWorker, Run]:
    place.save(
        a_dag(
            "d",
            a_task("make", is_setup=True),
            a_task("work", "make"),
            a_task("more", "work"),
            a_task(
                "drop",
                "make",
                "more",
                is_teardown=True,
                trigger_rule="all_done_setup_success",
            ),
        )
    )
    return place.worker(), place.trigger()


@pytest.mark.parametrize("restarts", [False, True])
def test_a_cancelled_run_is_cleaned_up_and_then_fails(place, restarts):
    worker, run = with_teardown(place)
    (make,) = worker.ask()
    worker.end(make)
    (work,) = worker.ask()

    assert cancel(place, run).state == "running"
    if restarts:
        place.restart()

    assert place.states(run) == {
        "make": "success",
        "work": "failed",
        "more": "skipped",
        "drop": "queued",
    }
    worker.end(work, LegState.KILLED)
    (drop,) = worker.ask()
    assert drop.task_id == "drop"
    worker.end(drop)
    assert read(place, run).state == "failed"
    (said, *_) = place.do(lambda e, tx: e.explain(tx, "d", run.run_id, None, place.now))
    assert "cancelled by ann" in said


def test_a_run_whose_work_is_done_fails_all_the_same_when_it_is_cancelled(place):
    worker, run = with_teardown(place)
    for _ in range(3):
        (order,) = worker.ask()
        worker.end(order)
    (drop,) = worker.ask()

    assert cancel(place, run).state == "running"
    worker.end(drop)

    assert read(place, run).state == "failed"
    assert place.states(run)["more"] == "success"


def test_nothing_is_torn_down_that_was_never_set_up(place):
    worker, run = with_teardown(place)
    worker.ask()
    assert cancel(place, run).state == "failed"
    assert place.states(run)["drop"] == "skipped"


def test_a_clear_takes_a_cancel_back(place):
    worker, run = with_teardown(place)
    (make,) = worker.ask()
    worker.end(make)
    (work,) = worker.ask()
    cancel(place, run)

    clear(place, run)
    worker.end(work, LegState.KILLED)
    play(place, worker)

    assert read(place, run).state == "success"


def test_a_queued_run_is_cancelled_and_an_ended_one_is_not(place):
    place.save(a_dag("d", a_task("a"), max_active_runs=1))
    place.trigger(run_id="one")
    run = place.trigger(run_id="two")

    assert cancel(place, run).state == "failed"
    assert place.states(run) == {"a": "skipped"}
    with pytest.raises(ConflictError) as refused:
        cancel(place, run)
    assert refused.value.code == "run-has-ended"
