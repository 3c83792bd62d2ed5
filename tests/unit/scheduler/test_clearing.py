"""Task instances and runs start over, and no two attempts of one ever live at once."""

from datetime import timedelta

import pytest

from tests.unit.scheduler.place import NOW, AWorker, Place, a_dag, empty
from tradewind.core.clearing import FAILED_STATES, RUNNING_STATES, Choice, Pick
from tradewind.core.runs import Run
from tradewind.core.spec import DagSpec, MapAxis, MapSpec, RetrySpec, TaskSpec
from tradewind.core.states import LegState
from tradewind.core.timetables import CronTrigger
from tradewind.errors import ConflictError, NotFoundError, RefusedError
from tradewind.protocol.reports import XComPush
from tradewind.scheduler.clearing import ClearPlan
from tradewind.scheduler.wishes import ClearWish
from tradewind.store import tasks, xcoms
from tradewind.store.chosen_runs import RunScope

FAILED = LegState.FAILED


def a_task(task_id: str, *upstream: str, **more: object) -> TaskSpec:
    return TaskSpec(task_id=task_id, operator="x.Op", upstream=upstream, **more)  # type: ignore[arg-type]


LINE = (
    a_task("a", retry=RetrySpec(retries=1, delay_seconds=5)),
    a_task("b", "a"),
    a_task("c", "b"),
)


def plan(place: Place, run: Run, *picks: str, **wish: object) -> ClearPlan:
    chosen = wish.pop("choice", None) or Choice(picks=tuple(Pick(one) for one in picks))
    scope = wish.pop("scope", None) or RunScope(run_ids=(run.run_id,))
    asked = ClearWish(dag_id=run.dag_id, scope=scope, choice=chosen, **wish)  # type: ignore[arg-type]
    place.asked = asked  # type: ignore[attr-defined]
    return place.read(lambda tx: place.engine.plan_clear(tx, asked))


def clear(place: Place, run: Run, *picks: str, **wish: object) -> int:
    found = plan(place, run, *picks, **wish)
    asked: ClearWish = place.asked  # type: ignore[attr-defined]
    return place.do(lambda e, tx: e.clear(tx, asked, found.runs, place.now))


def named(found: ClearPlan) -> list[str]:
    return [row.task_id + row.map_path for one in found.runs for row in one.rows]


def play(place: Place, worker: AWorker, ends: dict[str, LegState] | None = None) -> None:
    """Have the worker end all there is, task by task; what is not named succeeds."""
    while worker.ask():
        for order in list(worker.held.values()):
            outcome = (ends or {}).get(order.task_id, LegState.SUCCESS)
            worker.end(order, outcome, retry=False)


@pytest.fixture
def ended(place):
    """Answer a worker and a run of three tasks in a row, which has succeeded."""
    place.save(a_dag("d", *LINE))
    worker, run = place.worker(), place.trigger()
    play(place, worker)
    assert place.runs()[0].state == "success"
    return worker, run


def test_looking_over_changes_nothing(place, ended):
    _, run = ended

    found = plan(place, run, choice=Choice(picks=(Pick("b"),), downstream=True))

    assert named(found) == ["b", "c"]
    assert set(place.states(run).values()) == {"success"}


def test_what_is_cleared_runs_again_and_the_run_with_it(place, ended):
    worker, run = ended

    assert clear(place, run, choice=Choice(picks=(Pick("b"),), downstream=True)) == 2

    (again,) = worker.ask()
    now = place.runs()[0]
    assert (now.state, now.clear_number) == ("running", 1)
    assert (again.task_id, again.try_number, again.max_tries) == ("b", 2, 1)
    worker.end(again)
    play(place, worker)
    assert place.runs()[0].state == "success"
    assert place.read(lambda tx: tasks.read_instances(tx, run.pk))[0].try_number == 1


def test_all_retries_are_there_again(place):
    place.save(a_dag("d", *LINE))
    worker, run = place.worker(), place.trigger()
    play(place, worker, {"a": FAILED})

    clear(place, run, choice=Choice(picks=(Pick("a"),), states=FAILED_STATES))

    place.tick()
    (again,) = worker.ask()
    assert (again.task_id, again.try_number, again.max_tries) == ("a", 2, 2)
    worker.end(again, FAILED)
    place.tick(seconds=6)
    (third,) = worker.ask()
    assert third.try_number == 3


def test_only_failed_means_what_failed_and_what_could_not_run(place):
    place.save(a_dag("d", *LINE))
    worker, run = place.worker(), place.trigger()
    play(place, worker, {"b": FAILED})

    assert named(plan(place, run, choice=Choice(states=FAILED_STATES))) == ["b", "c"]


def test_a_run_may_stay_ended_and_goes_on_when_it_is_queued(place, ended):
    worker, run = ended

    clear(place, run, "c", reset_runs=False)

    assert place.runs()[0].state == "success"
    assert place.states(run)["c"] == "none"
    assert not worker.ask()
    clear(place, run, "b")
    play(place, worker)
    assert set(place.states(run).values()) == {"success"}


def test_what_runs_is_told_to_end_and_then_runs_again(place):
    place.save(a_dag("d", *LINE))
    worker, run = place.worker(), place.trigger()
    (first,) = worker.ask()

    assert clear(place, run, "a") == 1

    assert place.states(run)["a"] == "restarting"
    (cancel,) = worker.exchange().cancels
    assert (cancel.attempt_id, cancel.reason) == (
        first.attempt_id,
        "its task instance became restarting",
    )
    assert len(worker.ask()) == 1
    worker.end(first, LegState.KILLED)
    (again,) = worker.ask()
    assert (again.try_number, again.max_tries, place.runs()[0].state) == (2, 2, "running")


@pytest.mark.parametrize("restarts", [False, True])
def test_what_was_marked_waits_for_its_old_process_before_it_runs_again(place, restarts):
    place.save(a_dag("d", a_task("a"), dagrun_timeout_seconds=5))
    worker, run = place.worker(), place.trigger()
    (first,) = worker.ask()
    place.tick(seconds=6)
    assert place.runs()[0].state == "failed"

    clear(place, run)
    place.tick(seconds=1)
    if restarts:
        place.restart()
        place.tick(seconds=1)

    assert place.states(run) == {"a": "scheduled"}
    assert [one.attempt_id for one in worker.ask()] == [first.attempt_id]
    (said,) = place.do(lambda e, tx: e.explain(tx, "d", run.run_id, "a", place.now))
    assert "has not ended yet" in said
    answer = worker.end(first, LegState.KILLED)
    (again,) = answer.claims or worker.ask()
    assert again.try_number == 2


def test_what_is_left_of_a_process_does_not_count(place):
    place.save(a_dag("d", a_task("a")))
    worker, run = place.worker(), place.trigger()
    (first,) = worker.ask()
    clear(place, run, "a")
    said = XComPush(attempt_id=first.attempt_id, epoch=first.epoch, key="k", value=b"1")

    worker.end(first, xcoms=(said,))

    assert place.read(lambda tx: xcoms.read_xcoms(tx, run.pk, "a", "")) == []
    assert worker.ask()[0].try_number == 2


def test_what_runs_may_be_left_in_peace(place):
    place.save(a_dag("d", *LINE))
    worker, run = place.worker(), place.trigger()
    worker.ask()

    with pytest.raises(ConflictError) as refused:
        plan(place, run, "a", prevent_running=True)

    assert refused.value.code == "task-is-running"
    assert place.states(run)["a"] == "running"
    assert named(plan(place, run, choice=Choice(states=RUNNING_STATES))) == ["a"]


def test_a_try_that_nobody_was_given_is_not_counted(place):
    place.save(a_dag("d", a_task("a")))
    run = place.trigger()
    assert place.states(run) == {"a": "queued"}

    clear(place, run, "a")

    (first,) = place.worker().ask()
    assert (first.try_number, first.max_tries) == (1, 0)


def test_setups_and_teardowns_go_along(place):
    place.save(
        a_dag(
            "d",
            a_task("make", is_setup=True),
            a_task("work", "make"),
            a_task("drop", "make", "work", is_teardown=True),
            a_task("after", "work"),
        )
    )
    worker, run = place.worker(), place.trigger()
    play(place, worker)

    assert named(plan(place, run, "work")) == ["make", "work", "drop"]


def mapped(length_from: str = "list") -> DagSpec:
    over = MapSpec(axes=(MapAxis(name="x", task_id=length_from),))
    return a_dag("d", a_task("list"), a_task("each", "list", mapping=over), a_task("sum", "each"))


def push(worker: AWorker, length: int) -> None:
    (order,) = worker.ask()
    one = XComPush(
        attempt_id=order.attempt_id,
        epoch=order.epoch,
        key="return_value",
        value=b"[]",
        length=length,
    )
    worker.end(order, xcoms=(one,))


@pytest.mark.parametrize(("again", "ends"), [(1, 1), (3, 3), (2, 2)])
def test_what_is_mapped_grows_and_shrinks_when_its_source_runs_again(place, again, ends):
    place.save(mapped())
    worker, run = place.worker(), place.trigger()
    push(worker, 2)
    play(place, worker)

    clear(place, run, choice=Choice(picks=(Pick("list"),), downstream=True))
    push(worker, again)
    play(place, worker)

    states = place.states(run)
    assert [states[f"each{n}"] for n in range(ends)] == ["success"] * ends
    assert all(states[f"each{n}"] == "removed" for n in range(ends, 2))
    assert (states["sum"], place.runs()[0].state) == ("success", "success")


def test_one_instance_of_a_mapped_task_is_cleared_by_its_index(place):
    place.save(mapped())
    worker, run = place.worker(), place.trigger()
    push(worker, 3)
    play(place, worker)

    clear(place, run, choice=Choice(picks=(Pick("each", 1),)))

    assert [(one.task_id, one.map_index) for one in worker.ask()] == [("each", 1)]
    with pytest.raises(NotFoundError, match="map index 7"):
        plan(place, run, choice=Choice(picks=(Pick("each", 7),)))


def test_many_runs_are_cleared_by_their_dates(place):
    place.save(a_dag("d", a_task("a")))
    worker = place.worker()
    days = [NOW - timedelta(days=n) for n in range(5)]
    runs = [place.trigger(logical_date=day) for day in days]
    play(place, worker)

    window = RunScope(since=days[3], until=days[1])
    assert len(plan(place, runs[0], scope=window).runs) == 3
    later = RunScope(run_ids=(runs[1].run_id,), future=True)
    assert [one.run.run_id for one in plan(place, runs[0], scope=later).runs] == [
        runs[1].run_id,
        runs[0].run_id,
    ]
    earlier = RunScope(run_ids=(runs[3].run_id,), past=True)
    assert clear(place, runs[0], scope=earlier) == 2
    assert {one.run.run_id for one in worker.ask()} == {runs[3].run_id, runs[4].run_id}


@pytest.mark.parametrize(
    ("said", "asked", "number"),
    [(None, None, 1), (True, None, 2), (True, False, 1), (None, True, 2)],
)
def test_a_run_stays_on_its_version_unless_it_is_told_otherwise(place, said, asked, number):
    place.save(a_dag("d", a_task("a"), rerun_with_latest_version=said))
    worker, run = place.worker(), place.trigger()
    play(place, worker)
    place.save(a_dag("d", a_task("a"), a_task("new"), rerun_with_latest_version=said))

    clear(place, run, on_latest=asked)
    play(place, worker)

    assert len(place.states(run)) == number
    assert set(place.states(run).values()) == {"success"}


def test_only_new_tasks_may_run(place):
    place.save(a_dag("d", a_task("a")))
    worker, run = place.worker(), place.trigger()
    play(place, worker)
    place.save(a_dag("d", a_task("a"), a_task("new", "a")))

    assert named(plan(place, run, only_new=True)) == ["new"]
    clear(place, run, only_new=True)

    assert [(one.task_id, one.try_number) for one in worker.ask()] == [("new", 1)]


def test_a_run_that_runs_stays_on_its_version(place):
    place.save(a_dag("d", a_task("a")))
    run = place.trigger()
    with pytest.raises(ConflictError) as refused:
        plan(place, run, on_latest=True)
    assert refused.value.code == "run-is-running"


@pytest.mark.parametrize(
    ("choice", "code", "hint"),
    [
        (Choice(picks=(Pick("bb"),)), "task-not-found", "Did you mean 'b'?"),
        (Choice(groups=("g",)), "task-group-not-found", ""),
    ],
)
def test_what_is_not_there_is_named(place, ended, choice, code, hint):
    with pytest.raises(NotFoundError) as refused:
        plan(place, ended[1], choice=choice)
    assert (refused.value.code, refused.value.hint) == (code, hint)


def test_a_run_that_is_not_there_is_named(place, ended):
    with pytest.raises(NotFoundError) as refused:
        plan(place, ended[1], scope=RunScope(run_ids=("nope",)))
    assert refused.value.code == "run-not-found"


def marker(task_id: str, dag_id: str, target: str, depth: int = 10, date: str = "") -> TaskSpec:
    fields = {
        "external_dag_id": dag_id,
        "external_task_id": target,
        "logical_date": date or "{{ logical_date.isoformat() }}",
    }
    return a_task(task_id, recursion_depth=depth, template_fields=fields)


@pytest.fixture
def marked(place):
    """Answer a worker and the runs of three Dags, each of which marks a task of the next."""

    def make(depth: int, date: str = "") -> tuple:
        place.save(
            a_dag("d", marker("m", "e", "wait", depth, date)),
            a_dag("e", a_task("wait"), marker("m", "f", "wait", depth), a_task("rest", "wait")),
            a_dag("f", a_task("wait"), a_task("other")),
        )
        worker = place.worker()
        runs = [place.trigger(name, logical_date=NOW) for name in "def"]
        play(place, worker)
        return worker, runs

    return make


def of_dags(found: ClearPlan) -> list[tuple[str, list[str]]]:
    return [(one.run.dag_id, [row.task_id for row in one.rows]) for one in found.runs]


def test_a_mark_of_another_dags_task_is_followed(place, marked):
    worker, (run, *_) = marked(10)

    found = plan(place, run)

    assert of_dags(found) == [("d", ["m"]), ("e", ["wait", "rest"])]
    assert clear(place, run) == 3
    assert {one.run.dag_id for one in worker.ask()} == {"d", "e"}


def test_marks_are_followed_from_dag_to_dag_but_not_for_ever(place):
    def chain(depth: int) -> None:
        place.save(
            a_dag("d", marker("m", "e", "m", depth)),
            a_dag("e", marker("m", "f", "m", depth)),
            a_dag("f", marker("m", "d", "m", depth)),
        )

    chain(3)
    run, *_ = [place.trigger(name, logical_date=NOW) for name in "def"]
    play(place, place.worker())
    assert of_dags(plan(place, run)) == [("d", ["m"]), ("e", ["m"]), ("f", ["m"])]
    assert of_dags(plan(place, run, follows=False)) == [("d", ["m"])]
    chain(2)
    with pytest.raises(RefusedError) as refused:
        plan(place, run)
    assert refused.value.code == "too-many-marks"


def test_a_mark_that_cannot_be_read_is_told(place, marked):
    _, (run, *_) = marked(10, "{{ macros.ds_add(ds, 1) }}")

    found = plan(place, run)

    assert of_dags(found) == [("d", ["m"])]
    assert "is not followed" in found.warnings[0]


def test_a_cleared_run_of_a_finished_backfill_runs_again(place):
    place.save(
        a_dag(
            "d",
            a_task("a"),
            timetable=CronTrigger(cron="0 0 * * *"),
            start_date=NOW - timedelta(days=9),
        )
    )
    place.pause()
    worker = place.worker()
    place.backfill("d", NOW - timedelta(days=3), NOW - timedelta(days=2))
    play(place, worker)
    run = place.runs()[0]
    assert run.state == "success"

    clear(place, run)
    place.tick(seconds=2)

    assert [one.run.run_id for one in worker.ask()] == [run.run_id]


def test_an_empty_task_starts_over_too(place):
    place.save(a_dag("d", empty("a"), a_task("b", "a")))
    worker, run = place.worker(), place.trigger()
    play(place, worker)

    assert clear(place, run) == 2

    assert place.states(run) == {"a": "success", "b": "queued"}
    play(place, worker)
    assert place.runs()[0].state == "success"
