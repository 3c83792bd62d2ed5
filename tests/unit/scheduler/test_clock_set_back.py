"""The clock is set back: nothing waits longer than was meant, and nothing is declared twice."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.unit.scheduler.place import NOW, AWorker, Place, a_dag
from tradewind.core.spec import RetrySpec, TaskSpec
from tradewind.core.states import LegState
from tradewind.core.timetables import ContinuousTimetable, CronTrigger

DAY = timedelta(days=1)
SetBack = Callable[[Place, timedelta], None]


def while_down(place: Place, by: timedelta) -> None:
    place.now -= by
    place.restart()


def while_up(place: Place, by: timedelta) -> None:
    place.now -= by
    place.recover()


both = pytest.mark.parametrize("set_back", [while_down, while_up])


def a_failed_try(place: Place, delay: float) -> AWorker:
    task = TaskSpec(task_id="t", operator="x.Op", retry=RetrySpec(retries=1, delay_seconds=delay))
    place.save(a_dag("d", task))
    place.trigger()
    worker = place.worker()
    worker.end(worker.ask()[0], LegState.FAILED)
    return worker


@both
def test_a_retry_waits_at_most_its_delay(place: Place, set_back: SetBack) -> None:
    worker = a_failed_try(place, delay=300)
    place.tick(seconds=10)
    set_back(place, DAY)
    place.tick()
    assert [order.try_number for order in worker.ask()] == [2]


@pytest.mark.parametrize("later", [1, 290])
def test_a_restart_alone_hastens_no_retry(place: Place, later: int) -> None:
    worker = a_failed_try(place, delay=300)
    place.tick(seconds=later)
    place.restart()
    assert not worker.ask()
    place.tick(seconds=301 - later)
    assert place.worker().ask()


@both
def test_a_rescheduled_task_goes_on(place: Place, set_back: SetBack) -> None:
    place.save(a_dag())
    place.trigger()
    worker = place.worker()
    later = place.now + timedelta(minutes=1)
    worker.end(worker.ask()[0], LegState.RESCHEDULED, wake_at=later)
    set_back(place, DAY)
    place.tick()
    assert worker.ask()


@both
def test_the_lease_of_a_dead_worker_ends_in_its_time(place: Place, set_back: SetBack) -> None:
    place.save(
        a_dag(
            "d",
            TaskSpec(task_id="t", operator="x.Op", retry=RetrySpec(retries=1, delay_seconds=0.0)),
        )
    )
    run = place.trigger()
    dead = place.worker()
    assert dead.ask()
    set_back(place, DAY)
    place.tick_until(place.now + timedelta(seconds=40))
    assert place.states(run)["t"] != "running"
    assert not dead.exchange().known
    assert place.worker().ask()


@both
@pytest.mark.parametrize("catchup", [True, False])
def test_no_tick_is_declared_twice(place: Place, set_back: SetBack, catchup: bool) -> None:
    daily = CronTrigger(cron="0 6 * * *")
    place.save(a_dag(timetable=daily, start_date=NOW - 5 * DAY, catchup=catchup))
    place.tick_until(place.now)
    before = [run.run_id for run in place.runs()]
    set_back(place, 3 * DAY)
    place.tick_until(place.now)
    assert [run.run_id for run in place.runs()] == before
    place.tick_until(NOW + 2 * DAY)
    dates = [run.logical_date for run in place.runs()]
    assert len(set(dates)) == len(dates) == len(before) + 2


@both
@pytest.mark.parametrize("timetable", [CronTrigger(cron="0 * * * *"), ContinuousTimetable()])
def test_a_first_run_comes_in_its_time(
    place: Place, set_back: SetBack, timetable: CronTrigger | ContinuousTimetable
) -> None:
    # Without a start date the first run is anchored on the moment the Dag was seen.
    place.now += timedelta(minutes=30)
    place.save(a_dag(timetable=timetable, start_date=None))
    if isinstance(timetable, CronTrigger):
        place.tick()
        assert not place.runs()
    set_back(place, 300 * DAY)
    until = place.now + timedelta(hours=2)
    place.tick_until(until)
    assert 1 <= len([run for run in place.runs() if run.run_after <= until]) <= 3


@both
def test_files_are_parsed_again_in_their_time(place: Place, set_back: SetBack) -> None:
    place.save(a_dag())
    set_back(place, DAY)
    place.tick(seconds=301)
    assert len(place.worker().exchange().parses) == 1
