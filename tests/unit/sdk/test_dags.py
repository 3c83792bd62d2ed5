"""What a Dag's author notices about the Dag itself."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pendulum
import pytest

from tradewind import (
    DAG,
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    DeltaTriggerTimetable,
    EmptyOperator,
    EventsTimetable,
    MultipleCronTriggerTimetable,
    Param,
    dag,
    task,
)
from tradewind.core.timetables import values
from tradewind.sdk import scope
from tradewind.sdk.exceptions import AirflowTimetableInvalid, TaskNotFound
from tradewind.sdk.timezone import zone_name


def test_removed_arguments_keep_their_meaning_and_leave_a_warning():
    made = DAG("d", schedule_interval="@daily", concurrency=4, default_view="graph")

    assert made.timetable.summary == "0 0 * * *"
    assert made.max_active_tasks == 4
    assert made.warnings == [
        "'schedule_interval' is now called 'schedule'",
        "'concurrency' is now called 'max_active_tasks'",
        "'default_view' has no effect: the UI opens every Dag the same way",
    ]


def test_an_unknown_argument_names_the_nearest():
    with pytest.raises(TypeError, match=r"no argument 'shedule'. Did you mean 'schedule'\?"):
        DAG("d", shedule="@daily")


@pytest.mark.parametrize("dag_id", ["", "a b", "ä/b", "x" * 251])
def test_an_impossible_dag_id_is_refused(dag_id):
    with pytest.raises(ValueError, match="dag_id"):
        DAG(dag_id)


@pytest.mark.parametrize(
    ("schedule", "core"),
    [
        (None, values.NullTimetable()),
        ("@once", values.OnceTimetable()),
        ("@continuous", values.ContinuousTimetable()),
        ("@daily", values.CronTrigger(cron="0 0 * * *", timezone="Europe/Berlin")),
        ("5 4 * * 1", values.CronTrigger(cron="5 4 * * 1", timezone="Europe/Berlin")),
        (
            CronTriggerTimetable("@hourly", timezone="UTC", interval=timedelta(hours=1)),
            values.CronTrigger(cron="0 * * * *", interval_seconds=3600),
        ),
        (
            CronDataIntervalTimetable("0 1 * * *", timezone=ZoneInfo("Asia/Tokyo")),
            values.CronDataInterval(cron="0 1 * * *", timezone="Asia/Tokyo"),
        ),
        (
            MultipleCronTriggerTimetable("0 1 * * *", "0 3 * * *", timezone="UTC"),
            values.MultipleCronTrigger(crons=("0 1 * * *", "0 3 * * *")),
        ),
        (
            EventsTimetable([datetime(2026, 4, 2, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)]),
            values.EventsTimetable(
                events=(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC))
            ),
        ),
    ],
)
def test_schedules_become_timetables_in_the_dags_zone(schedule, core):
    made = DAG(
        "d", schedule=schedule, start_date=datetime(2026, 4, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    )

    assert made.timetable.core == core


def test_deltas_become_delta_triggers():
    step = timedelta(hours=6)

    assert DAG("d", schedule=step).timetable.core == DeltaTriggerTimetable(step).core


@pytest.mark.parametrize("schedule", ["61 * * * *", "@dayly", 5, "* * *"])
def test_what_is_no_schedule_is_refused(schedule):
    with pytest.raises(AirflowTimetableInvalid):
        DAG("d", schedule=schedule)


@pytest.mark.parametrize(
    ("start", "zone"),
    [
        (datetime(2026, 4, 1), "UTC"),  # noqa: DTZ001
        (datetime(2026, 4, 1, tzinfo=UTC), "UTC"),
        (pendulum.datetime(2026, 4, 1, tz="Europe/Berlin"), "Europe/Berlin"),
        (pendulum.parse("2026-04-01T00:00:00+05:30"), "+05:30"),
        (datetime(2026, 4, 1, tzinfo=ZoneInfo("America/New_York")), "America/New_York"),
    ],
)
def test_the_start_date_gives_the_dags_zone(start, zone):
    assert zone_name(DAG("d", start_date=start).timezone) == zone


def test_dates_in_default_args_count_for_the_dag():
    made = DAG("d", default_args={"start_date": "2026-04-01"})

    assert made.start_date == datetime(2026, 4, 1, tzinfo=UTC)


def test_asking_for_a_task_that_is_not_there_names_the_nearest():
    with DAG("sales") as made:
        EmptyOperator(task_id="load")

    with pytest.raises(TaskNotFound, match=r"'sales' has no task 'lod'. Did you mean 'load'\?"):
        made.get_task("lod")


def test_a_decorated_dag_takes_name_doc_and_params_from_its_function():
    @dag(schedule=None, tags=["x"])
    def sales(region="eu", limit=Param(5, type="integer")):  # noqa: B008
        """Load the sales."""

        @task
        def load(where, many): ...

        load(region, limit)

    made = sales(region="us")

    assert (made.dag_id, made.doc_md, made.tags) == ("sales", "Load the sales.", {"x"})
    assert dict(made.params) == {"region": "us", "limit": 5}
    assert made.fileloc == __file__


def test_bare_dag_decorator_works():
    @dag
    def plain():
        EmptyOperator(task_id="t")

    assert plain().task_ids == ["t"]


def test_a_tag_may_not_be_endless():
    with pytest.raises(Exception, match="more than 100 characters"):
        DAG("d", tags=["x" * 101])


def test_order_is_by_dependency_then_by_id():
    with DAG("d") as made:
        b, a, c = (EmptyOperator(task_id=name) for name in "bac")
        c >> a

    assert [t.task_id for t in made.topological_sort()] == ["b", "c", "a"]
    assert made.roots == [b, c]
    assert made.leaves == [b, a]


def test_doc_md_may_name_a_file_beside_the_dag(tmp_path):
    (tmp_path / "doc.md").write_text("# Sales")
    with scope.loading(str(tmp_path / "dag.py")):
        made = DAG("d", doc_md="doc.md")

    assert made.doc_md == "# Sales"
