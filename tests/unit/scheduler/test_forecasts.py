"""Timetables of authors' own: asked in workers, ahead of time; runs are made of the answers."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.unit.scheduler.place import NOW, AWorker, Place, a_dag, empty
from tradewind.core.spec import DagSpec
from tradewind.core.timetables import CronTrigger
from tradewind.protocol.callbacks import CallbackOrder, CallbackReport
from tradewind.runtime.timetables import answer_of
from tradewind.sdk.dags import DAG
from tradewind.sdk.timetable import DagRunInfo, DataInterval, TimeRestriction, Timetable
from tradewind.store.forecasts import read_forecast
from tradewind.store.import_errors import list_import_errors

HOUR = timedelta(hours=1)


class EachHour(Timetable):
    """Each whole hour; without catchup none that has passed, but for the last."""

    now: datetime = NOW
    fails = ""

    def next_dagrun_info(
        self,
        *,
        last_automated_data_interval: DataInterval | None,
        restriction: TimeRestriction,
    ) -> DagRunInfo | None:
        if self.fails:
            raise LookupError(self.fails)
        after = last_automated_data_interval.end + HOUR if last_automated_data_interval else None
        start = after or restriction.earliest
        if not restriction.catchup:
            start = max(start, self.now.replace(minute=0, second=0, microsecond=0))
        if restriction.latest is not None and start > restriction.latest:
            return None
        return DagRunInfo.exact(start)

    def infer_manual_data_interval(self, *, run_after: Any) -> DataInterval:
        return DataInterval(run_after - HOUR, run_after)

    def generate_run_id(self, *, run_type: Any, run_after: Any, **extra: Any) -> str:
        return f"{run_type.value}__hour-{run_after:%d-%H}"


@pytest.fixture
def hours() -> EachHour:
    return EachHour()


def dag_of(hours: EachHour, **fields: Any) -> DagSpec:
    return a_dag("d", empty(), timetable=hours.core, start_date=NOW - 2 * HOUR, **fields)


def asked(worker: AWorker) -> tuple[CallbackOrder, ...]:
    return worker.exchange(calling=()).callbacks


def answer(place: Place, hours: EachHour) -> list[CallbackOrder]:
    """Answer all that the timetable is asked, as a worker would; tell what that was."""
    worker = place.worker()
    orders = asked(worker)
    for order in orders:
        hours.now = place.now
        try:
            said = answer_of(DAG("d", schedule=hours), order.question)
            report = CallbackReport(
                job_id=order.job_id, epoch=order.epoch, is_done=True, answer=said
            )
        except LookupError as error:
            report = CallbackReport(
                job_id=order.job_id, epoch=order.epoch, is_done=False, error=repr(error)
            )
        worker.exchange(called=(report,))
    worker.leave()
    return list(orders)


def dates(place: Place) -> list[int]:
    return [run.logical_date.hour for run in place.runs() if run.logical_date]


def test_it_is_asked_in_a_worker_and_runs_come_on_its_ticks(place: Place, hours: EachHour) -> None:
    place.save(dag_of(hours))
    place.tick()
    assert dates(place) == [], "nobody has told yet when it is due"
    (order,) = answer(place, hours)
    assert (order.kind, order.run.dag_id) == ("timetable", "d")
    place.tick()
    assert dates(place) == [8]
    for hour in (9, 10, 11):
        place.tick(minutes=60)
        assert dates(place)[-1] == hour
        answer(place, hours)
    assert place.runs()[-1].run_id == "scheduled__hour-20-11"


def test_the_ticks_are_rows_and_workers_need_not_be_there_all_the_time(
    place: Place, hours: EachHour
) -> None:
    place.save(dag_of(hours))
    place.tick()
    answer(place, hours)
    place.tick()
    place.restart()
    for _ in range(5):
        place.tick(minutes=60)
    assert dates(place) == [8, 9, 10, 11, 12, 13]
    known = place.read(lambda tx: read_forecast(tx, "d"))
    assert known is not None
    assert len(known.ticks) == 16


def test_with_catchup_each_missed_tick_has_its_run(place: Place, hours: EachHour) -> None:
    place.save(dag_of(hours, catchup=True, max_active_runs=100))
    place.tick()
    answer(place, hours)
    place.tick(hours=20)
    for _ in range(5):
        answer(place, hours)
        place.tick()
    expected = [(NOW + n * HOUR).hour for n in range(-2, 21)]
    assert dates(place) == expected


def test_without_catchup_it_is_asked_again_after_a_long_night(
    place: Place, hours: EachHour
) -> None:
    place.save(dag_of(hours))
    place.tick()
    answer(place, hours)
    place.tick()
    place.tick(hours=5)
    answer(place, hours)
    place.tick()
    assert dates(place) == [8, 13], "what it would have asked for at two is of no use at one"


def test_one_that_fails_is_told_of_and_harms_nobody(place: Place, hours: EachHour) -> None:
    hours.fails = "no calendar"
    other = a_dag("other", empty(), timetable=CronTrigger(cron="30 8 * * *"))
    place.save(dag_of(hours), other)
    place.tick()
    answer(place, hours)
    (error,) = place.read(list_import_errors)
    assert "no calendar" in error.message
    assert error.dag_id == "d"
    place.tick(hours=1)
    assert len(place.runs("other")) == 1
    hours.fails = ""
    place.save(dag_of(hours))
    place.tick()
    answer(place, hours)
    place.tick()
    assert dates(place) == [9]
    assert place.read(list_import_errors) == []


def test_what_a_lost_worker_was_asked_another_one_is_asked(place: Place, hours: EachHour) -> None:
    place.save(dag_of(hours))
    place.tick()
    first = place.worker()
    assert len(asked(first)) == 1
    first.leave()
    answer(place, hours)
    place.tick()
    assert dates(place) == [8]


def test_a_schedule_that_changes_is_asked_anew(place: Place, hours: EachHour) -> None:
    place.save(dag_of(hours))
    place.tick()
    answer(place, hours)
    place.tick()
    place.save(msgspec.structs.replace(dag_of(hours), end_date=NOW + HOUR))
    place.tick()
    answer(place, hours)
    for _ in range(4):
        place.tick(minutes=60)
        answer(place, hours)
    assert dates(place) == [8, 9]
