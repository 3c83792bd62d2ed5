"""Who goes first where places are few: Dags, their runs and backfills beside each other."""

from datetime import UTC, datetime, timedelta

from tests.unit.scheduler.place import AWorker, Place, a_dag
from tradewind.core.spec import TaskSpec
from tradewind.core.timetables import CronTrigger

DAILY = CronTrigger(cron="0 0 * * *")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def one(priority: int = 1) -> TaskSpec:
    return TaskSpec(task_id="t", operator="x.Op", priority_weight=priority)


def ends(worker: AWorker, number: int) -> list[str]:
    """End so many tasks, each as soon as it is there; answer which Dags they were of."""
    done: list[str] = []
    while len(done) < number:
        order = worker.ask()[0]
        done.append(order.run.dag_id)
        worker.end(order)
    return done


def test_a_backfill_of_old_dates_does_not_go_before_what_others_have_due(place: Place) -> None:
    place.save(a_dag("old", one(), timetable=DAILY, start_date=FIRST), a_dag("new", one()))
    place.backfill("old", FIRST, FIRST + timedelta(days=60), max_active_runs=30)
    worker = place.worker(slots=1)
    ends(worker, 3)
    for _ in range(6):
        place.trigger("new", run_id=f"r{len(place.runs('new'))}")

    done = ends(worker, 8)

    assert done.count("new") >= 5
    assert "old" in done


def test_a_backfill_moves_under_a_stream_of_other_runs(place: Place) -> None:
    place.save(
        a_dag("old", one(), timetable=DAILY, start_date=FIRST, is_paused_upon_creation=True),
        a_dag("new", one(), max_active_runs=50),
        a_dag("heavy", one(priority=9), max_active_runs=50),
    )
    place.backfill("old", FIRST, FIRST + timedelta(days=60))
    worker = place.worker(slots=1)
    done: list[str] = []
    for number in range(60):
        place.trigger("new", run_id=f"n{number}")
        place.trigger("heavy", run_id=f"h{number}")
        done += ends(worker, 1)

    assert done.count("old") >= 2
    assert done.count("heavy") >= 50


def test_two_dags_take_turns_whatever_their_runs_number(place: Place) -> None:
    place.save(a_dag("many", one(), max_active_runs=99), a_dag("few", one(), max_active_runs=99))
    for number in range(40):
        place.trigger("many", run_id=f"r{number}")
    for number in range(5):
        place.trigger("few", run_id=f"r{number}")

    assert ends(place.worker(slots=1), 11).count("few") >= 4


def test_a_run_that_starts_and_ends_at_once_holds_up_nobody(place: Place) -> None:
    nothing = TaskSpec(task_id="t", operator="x.Empty", is_empty=True)
    place.save(a_dag("old", nothing, timetable=DAILY, start_date=FIRST), a_dag("new", one()))

    place.backfill("old", FIRST, FIRST + timedelta(days=90), max_active_runs=1)

    # A transaction starts twenty times at most; then the next one is wanted at once.
    left = [run for run in place.runs("old") if run.state == "queued"]
    assert 60 < len(left) < 90
    assert place.tick() == place.now
    place.tick_until(place.now)
    assert {run.state for run in place.runs("old")} == {"success"}
