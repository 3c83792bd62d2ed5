"""Continuous Dags: again as soon as they end, and never a busy loop."""

from datetime import timedelta

import pytest

from tests.unit.scheduler.place import NOW, Place, a_dag, empty
from tradewind.core.timetables import ContinuousTimetable

SECONDS = 20


@pytest.mark.parametrize("start", [None, NOW - timedelta(days=9)])
def test_one_of_nothing_but_empty_tasks_runs_once_a_second(place: Place, start: None) -> None:
    place.save(a_dag("d", empty(), timetable=ContinuousTimetable(), start_date=start))
    looks = place.tick_until(NOW + timedelta(seconds=SECONDS))
    made = place.runs()
    assert SECONDS - 1 <= len(made) <= SECONDS + 1
    assert looks <= 3 * SECONDS
    ends = [run.data_interval_end for run in made]
    assert [run.data_interval_start for run in made][1:] == ends[:-1]
    if start is not None:
        assert made[0].data_interval_start == start


def test_one_with_a_task_runs_again_when_that_has_ended(place: Place) -> None:
    place.save(a_dag(timetable=ContinuousTimetable(), start_date=NOW - timedelta(days=9)))
    worker = place.worker()
    for number in range(1, 4):
        place.tick()
        (order,) = worker.ask()
        assert len(place.runs()) == number
        place.tick(seconds=25)
        assert len(place.runs()) == number, "one at a time"
        worker.end(order)
        place.tick()
    assert [run.data_interval_end for run in place.runs()][:3] == [
        NOW,
        NOW + timedelta(seconds=25),
        NOW + timedelta(seconds=50),
    ]
