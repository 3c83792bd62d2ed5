"""What the simulated worlds once found wrong with the engine, each as the shortest story."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.core.plays import over
from tests.unit.scheduler.place import NOW, Place, a_dag, empty
from tradewind.core.spec import RetrySpec, TaskSpec
from tradewind.core.states import LegState
from tradewind.core.timetables import CronTrigger
from tradewind.errors import ConflictError
from tradewind.protocol.reports import Closure, ParseReport, XComPush
from tradewind.scheduler.wishes import BackfillWish

DAY = timedelta(days=1)
DAILY = CronTrigger(cron="0 6 * * *")
TODAY = NOW.replace(hour=6)


def a_task(task_id: str = "t", *upstream: str, **fields: Any) -> TaskSpec:
    return TaskSpec(task_id=task_id, operator="x.Op", upstream=upstream, **fields)


def dates(place: Place) -> list[int]:
    return [run.logical_date.day for run in place.runs() if run.logical_date is not None]


def test_leases_start_anew_after_the_database_was_away(place: Place) -> None:
    place.save(a_dag())
    place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    place.now += timedelta(minutes=10)
    place.recover()
    place.tick()
    assert worker.end(order).recorded == (order.attempt_id,)


def test_what_ended_counts_though_its_dag_changes_in_the_same_request(place: Place) -> None:
    place.save(a_dag("d", a_task("a"), a_task("b", "a")))
    run = place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    place.now += timedelta(minutes=6)
    place.recover()
    (parse,) = worker.exchange().parses
    changed = a_dag("d", a_task("a"), a_task("b", "a"), max_active_tasks=3)
    report = ParseReport(
        job_id=parse.job_id,
        epoch=parse.epoch,
        file=parse.file,
        dags=(changed,),
        closure=Closure(files=(parse.file,)),
    )
    worker.end(order, said={"parsed": (report,)})
    assert place.states(run) == {"a": "success", "b": "running"}


def test_one_waits_on_for_what_was_pushed_before_the_end(place: Place) -> None:
    place.save(a_dag("d", a_task("a"), a_task("m", "a", mapping=over("a"))))
    run = place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    push = XComPush(
        attempt_id=order.attempt_id,
        epoch=order.epoch,
        key="return_value",
        value=b"[1, 2, 3]",
        length=3,
    )
    worker.exchange(xcoms=(push,))
    worker.end(order)
    assert place.states(run) == {"a": "success", "m0": "running", "m1": "running", "m2": "running"}


def test_a_wait_wakes_the_engine_in_time(place: Place) -> None:
    place.save(a_dag("d", a_task(retry=RetrySpec(retries=1, delay_seconds=3.0))))
    place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    place.engine.take_wake()
    worker.end(order, LegState.FAILED)
    assert place.engine.take_wake() == place.now + timedelta(seconds=3)


def test_runs_that_end_as_they_start_leave_their_room_to_others(place: Place) -> None:
    place.save(a_dag("d", empty(), max_active_runs=1))
    place.pause()
    for _ in range(5):
        place.trigger()
        place.now += timedelta(seconds=1)
    place.pause(paused=False)
    place.tick()
    assert {run.state.value for run in place.runs()} == {"success"}


@pytest.mark.parametrize("restarts", [False, True])
def test_a_paused_dag_starts_nothing_until_it_goes_on(place: Place, restarts: bool) -> None:
    place.save(a_dag("d", a_task("a"), a_task("b", "a")))
    run = place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    place.pause()
    if restarts:
        place.restart()
    worker.end(order)
    place.tick(seconds=1)
    assert not worker.ask()
    assert place.states(run)["a"] == "success"
    place.pause(paused=False)
    assert [one.task_id for one in worker.ask()] == ["b"]


def test_a_higher_limit_of_tasks_reaches_runs_that_live(place: Place) -> None:
    tasks = (a_task("a"), a_task("b"))
    place.save(a_dag("d", *tasks, max_active_tasks=1))
    place.trigger()
    worker = place.worker()
    assert len(worker.ask()) == 1
    place.save(a_dag("d", *tasks, max_active_tasks=2))
    assert len(worker.ask()) == 2


def test_a_higher_limit_of_runs_lets_a_queued_one_go(place: Place) -> None:
    place.save(a_dag(max_active_runs=1))
    place.trigger()
    place.now += timedelta(seconds=1)
    place.trigger()
    worker = place.worker()
    assert len(worker.ask()) == 1
    place.save(a_dag(max_active_runs=2))
    assert len(worker.ask()) == 2


def test_a_run_that_is_deleted_leaves_its_room_to_a_held_tick(place: Place) -> None:
    place.save(a_dag(timetable=DAILY, start_date=TODAY - DAY, catchup=True, max_active_runs=1))
    later = place.trigger(logical_date=None, run_after=NOW + 9 * DAY)
    place.tick()
    assert len(place.runs()) == 1
    place.do(lambda e, tx: e.delete_run(tx, "d", later.run_id, place.now))
    place.tick()
    assert dates(place) == [19]


def test_a_held_tick_goes_on_after_one_that_had_its_run(place: Place) -> None:
    place.save(a_dag(timetable=DAILY, start_date=TODAY - 3 * DAY, catchup=True, max_active_runs=1))
    place.pause()
    place.trigger(logical_date=TODAY - 2 * DAY)
    place.pause(paused=False)
    worker = place.worker()
    for _ in range(8):
        place.tick(seconds=1)
        for order in worker.ask():
            worker.end(order)
    assert sorted(dates(place)) == [17, 18, 19, 20]


@pytest.mark.parametrize(("start", "made"), [(None, [24]), (TODAY - DAY, [20, 23, 24])])
def test_a_tick_that_a_pause_overtook_is_forgotten(
    place: Place, start: datetime | None, made: list[int]
) -> None:
    place.save(a_dag("d", empty(), timetable=DAILY, start_date=start))
    place.tick()
    place.pause()
    place.now += 3 * DAY
    place.pause(paused=False)
    place.tick_until(place.now + DAY)
    assert dates(place) == made


def test_a_backlog_goes_on_after_the_clock_was_set(place: Place) -> None:
    hourly = CronTrigger(cron="0 * * * *")
    start = NOW - timedelta(hours=29)
    place.save(a_dag("d", empty(), timetable=hourly, start_date=start, catchup=True))
    place.tick()
    some = len(place.runs())
    assert 0 < some < 28
    place.now -= timedelta(hours=1)
    place.recover()
    place.tick_until(place.now)
    assert len(place.runs()) == 29


def a_timed_out_run(place: Place) -> str:
    """A run that has failed while its task, told to end, has not yet."""
    place.save(a_dag(timetable=DAILY, start_date=TODAY, dagrun_timeout_seconds=5.0))
    place.tick()
    (run,) = place.runs()
    worker = place.worker()
    assert worker.ask()
    place.tick(seconds=6)
    (run,) = place.runs()
    assert run.state.value == "failed"
    return run.run_id


def test_no_run_is_deleted_while_a_task_of_it_still_ends(place: Place) -> None:
    run_id = a_timed_out_run(place)
    with pytest.raises(ConflictError):
        place.do(lambda e, tx: e.delete_run(tx, "d", run_id, place.now))


def test_no_date_is_run_again_while_a_task_of_it_still_ends(place: Place) -> None:
    a_timed_out_run(place)
    wish = BackfillWish(dag_id="d", from_date=TODAY, to_date=TODAY, reprocess_behavior="completed")
    (date,) = place.do(lambda e, tx: e.plan_backfill(tx, wish, place.now))
    assert date.decision == "skip"


def test_a_task_that_left_the_dag_waits_for_nothing_in_a_run_that_starts_over(place: Place) -> None:
    place.save(a_dag("d", a_task("a"), a_task("b", "a"), timetable=DAILY))
    first, second = TODAY - 3 * DAY, TODAY - 2 * DAY
    wish = BackfillWish(dag_id="d", from_date=first, to_date=second, max_active_runs=1)
    made, _ = place.do(lambda e, tx: e.create_backfill(tx, wish, place.now))
    place.do(lambda e, tx: e.cancel_backfill(tx, made.id, place.now))
    cancelled = place.runs()[-1]
    assert (cancelled.logical_date, cancelled.state.value) == (second, "failed")
    place.save(a_dag("d", empty("a"), timetable=DAILY))

    place.backfill("d", second, second, reprocess_behavior="failed")

    again = place.runs()[-1]
    assert (again.run_id, again.state.value) == (cancelled.run_id, "success")
    assert place.states(again) == {"a": "success", "b": "removed"}
