"""Backfills on the real engine: held, resized, several beside each other, run again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.scheduler.place import NOW, AWorker, Place, a_dag
from tradewind.core.clearing import Choice
from tradewind.core.runs import Run, RunType
from tradewind.core.spec import DagSpec, TaskSpec
from tradewind.core.states import LegState, RunState
from tradewind.core.timetables import CronTrigger
from tradewind.errors import ConflictError, NotFoundError, RefusedError
from tradewind.scheduler.wishes import BackfillWish, ClearWish
from tradewind.store import backfills, dags
from tradewind.store.backfills import BackfillFacts
from tradewind.store.chosen_runs import RunScope

FIRST = datetime(2026, 4, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return FIRST + timedelta(days=number - 1)


def daily(*tasks: TaskSpec, **fields: Any) -> DagSpec:
    fields = {"is_paused_upon_creation": True, "start_date": FIRST, **fields}
    return a_dag("d", *tasks, timetable=CronTrigger(cron="0 0 * * *"), **fields)


def create(place: Place, first: int, last: int, **fields: Any) -> BackfillFacts:
    wish = BackfillWish(dag_id="d", from_date=day(first), to_date=day(last), **fields)
    return place.do(lambda e, tx: e.create_backfill(tx, wish, place.now))[0]


def read(place: Place, one: BackfillFacts) -> BackfillFacts:
    found = place.read(lambda tx: backfills.read_backfill(tx, one.id))
    assert found is not None
    return found


def running(place: Place) -> list[int]:
    """Answer the days that run now."""
    return [day_of(run) for run in place.runs() if run.state is RunState.RUNNING]


def day_of(run: Run) -> int:
    assert run.logical_date is not None
    return run.logical_date.day


def pause(place: Place, one: BackfillFacts, paused: bool = True) -> None:
    place.do(lambda e, tx: e.pause_backfill(tx, one.id, paused, place.now))


def cancel(place: Place, one: BackfillFacts) -> None:
    place.do(lambda e, tx: e.cancel_backfill(tx, one.id, place.now))


def resize(place: Place, one: BackfillFacts, limit: int) -> None:
    place.do(lambda e, tx: e.resize_backfill(tx, one.id, limit, place.now))


def end(worker: AWorker, date: int, outcome: LegState = LegState.SUCCESS) -> None:
    """End the task of one day's run."""
    order = next(o for o in worker.ask() if o.run.logical_date == day(date))
    worker.end(order, outcome)


def test_it_runs_on_a_paused_dag_and_leaves_its_schedule_alone(place: Place) -> None:
    place.save(daily())
    one = create(place, 1, 3)
    worker = place.worker()
    for date in (1, 2, 3):
        end(worker, date)
    place.tick(hours=30)

    assert {run.run_type for run in place.runs()} == {RunType.BACKFILL}
    assert read(place, one).completed_at is not None
    assert place.read(lambda tx: dags.read_dag(tx, "d")).is_paused


def test_while_it_is_held_no_further_run_starts(place: Place) -> None:
    place.save(daily())
    one = create(place, 1, 4, max_active_runs=2)
    worker = place.worker()
    pause(place, one)
    end(worker, 1)
    assert running(place) == [2]
    pause(place, one, paused=False)

    assert running(place) == [2, 3]


def test_its_limit_is_changed_while_it_runs(place: Place) -> None:
    place.save(daily())
    one = create(place, 1, 6, max_active_runs=1)
    assert running(place) == [1]
    resize(place, one, 3)
    assert running(place) == [1, 2, 3]
    resize(place, one, 1)
    worker = place.worker()
    end(worker, 1)
    end(worker, 2)

    assert running(place) == [3]
    with pytest.raises(RefusedError, match="at least 1"):
        resize(place, one, 0)


def test_what_is_over_is_not_changed_any_more(place: Place) -> None:
    place.save(daily())
    one = create(place, 1, 4, max_active_runs=1)
    cancel(place, one)

    states = [run.state for run in place.runs()]
    assert states == [RunState.RUNNING, *[RunState.FAILED] * 3]
    for change in (
        lambda: pause(place, one),
        lambda: cancel(place, one),
        lambda: resize(place, one, 2),
    ):
        with pytest.raises(ConflictError, match="completed already"):
            change()
    with pytest.raises(NotFoundError, match="no backfill 99"):
        place.do(lambda e, tx: e.cancel_backfill(tx, 99, place.now))


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_run_that_is_cleared_after_its_backfill_runs_again(
    place: Place, is_cancelled: bool
) -> None:
    place.save(daily())
    one = create(place, 1, 2, max_active_runs=1)
    worker = place.worker()
    if is_cancelled:
        cancel(place, one)
        end(worker, 1)
    else:
        end(worker, 1)
        end(worker, 2, LegState.FAILED)
    assert read(place, one).completed_at is not None

    run = place.runs()[1]
    clear(place, run)

    assert running(place) == [2]
    end(worker, 2)
    assert place.runs()[1].state is RunState.SUCCESS


def test_several_of_one_dag_run_beside_each_other(place: Place) -> None:
    place.save(daily())
    first = create(place, 1, 3, max_active_runs=1)
    second = create(place, 8, 9, max_active_runs=1)
    with pytest.raises(ConflictError, match=f"Backfill {second.id} of Dag 'd'.*holds 2026-04-09"):
        create(place, 9, 12)
    assert running(place) == [1, 8]
    worker = place.worker()
    end(worker, 8)
    end(worker, 9)

    assert read(place, second).completed_at is not None
    assert read(place, first).completed_at is None
    # Dates of one that is over are free.
    create(place, 9, 12)


def test_the_newest_date_goes_first_also_where_runs_are_run_again(place: Place) -> None:
    place.save(daily())
    create(place, 2, 3)
    worker = place.worker()
    end(worker, 2)
    end(worker, 3)
    create(place, 1, 4, max_active_runs=1, run_backwards=True, reprocess_behavior="completed")

    order = []
    while running(place):
        order += running(place)
        end(worker, order[-1])
    assert order == [4, 3, 2, 1]


def test_what_a_run_again_runs_is_chosen(place: Place) -> None:
    place.save(daily())
    create(place, 1, 3)
    worker = place.worker()
    for date in (1, 2, 3):
        end(worker, date)
    place.save(
        daily(TaskSpec(task_id="t", operator="x.Op"), TaskSpec(task_id="u", operator="x.Op"))
    )
    for date, code in ((1, "latest"), (2, "pinned"), (3, "2")):
        create(place, date, date, reprocess_behavior="completed", code=code)

    tasks = [sorted(place.states(run)) for run in place.runs()]
    assert tasks == [["t", "u"], ["t"], ["t", "u"]]
    with pytest.raises(NotFoundError, match="no version 7; its newest is 2"):
        create(place, 5, 5, code="7")
    with pytest.raises(RefusedError, match="files of version 1 of Dag 'd' are not kept"):
        create(place, 5, 5, code="1")


def test_its_first_run_does_not_wait_for_the_past(place: Place) -> None:
    bound = TaskSpec(task_id="t", operator="x.Op", depends_on_past=True)
    place.save(daily(bound))
    create(place, 1, 2, reprocess_behavior="failed")
    worker = place.worker()
    end(worker, 1)
    end(worker, 2, LegState.FAILED)
    create(place, 3, 4, reprocess_behavior="failed")

    # Day 3 begins though day 2 failed; day 4 waits for day 3.
    assert [o.run.logical_date for o in worker.ask()] == [day(3)]
    end(worker, 3)
    assert [o.run.logical_date for o in worker.ask()] == [day(4)]


def test_a_run_of_it_times_out_like_any_other(place: Place) -> None:
    place.save(daily(dagrun_timeout_seconds=60.0))
    one = create(place, 1, 2, max_active_runs=1)
    place.tick(seconds=61)

    first, second = place.runs()
    assert (first.state, second.state) == (RunState.FAILED, RunState.RUNNING)
    place.tick(seconds=61)
    assert read(place, one).completed_at == NOW + timedelta(seconds=122)


def test_a_restart_of_the_server_loses_nothing_of_it(place: Place) -> None:
    place.save(daily())
    create(place, 1, 5, max_active_runs=2)
    place.restart()
    worker = place.worker()
    order = []
    while running(place):
        order.append(running(place)[0])
        end(worker, order[-1])
        place.restart()

    assert order == [1, 2, 3, 4, 5]


def clear(place: Place, run: Run) -> None:
    """Clear a whole run."""
    wish = ClearWish(dag_id="d", scope=RunScope(run_ids=(run.run_id,)), choice=Choice())
    found = place.read(lambda tx: place.engine.plan_clear(tx, wish))
    place.do(lambda e, tx: e.clear(tx, wish, found.runs, place.now))
