"""Ways that depend on the date: the span of time, the day of the week, the latest run."""

import datetime as dt
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.unit.runtime.tasks import run as run_one
from tradewind import DAG, EmptyOperator
from tradewind.sdk.clock import utcnow
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.date_branches import BranchDateTimeOperator, BranchDayOfWeekOperator
from tradewind.sdk.operators.latest_only import LatestOnlyOperator
from tradewind.sdk.operators.smooth import SmoothOperator
from tradewind.sdk.weekdays import WeekDay

MONDAY_NOON = datetime(2026, 4, 20, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def followed(cls, zone=UTC, schedule=None, **settings):
    """Answer which of ``yes`` and ``no`` a task of this class goes on with."""
    run = settings.pop("run", {"logical_date": MONDAY_NOON})
    with DAG("ways", schedule=schedule, start_date=datetime(2026, 1, 1, tzinfo=zone)) as dag:
        choose = cls(
            task_id="choose",
            follow_task_ids_if_true="yes",
            follow_task_ids_if_false="no",
            use_task_logical_date=True,
            **settings,
        )
        choose >> [EmptyOperator(task_id="yes"), EmptyOperator(task_id="no")]
    assert dag.task_ids
    done = run_one(choose, **run)
    assert done.outcome == "success", done.error
    return next(name for name in ("yes", "no") if name not in done.skips)


SPANS = [
    (datetime(2026, 4, 20, tzinfo=UTC), datetime(2026, 4, 21, tzinfo=UTC), "yes"),
    (MONDAY_NOON, MONDAY_NOON, "yes"),
    (MONDAY_NOON + timedelta(seconds=1), None, "no"),
    (None, MONDAY_NOON - timedelta(seconds=1), "no"),
    (None, MONDAY_NOON, "yes"),
    (time(11), time(13), "yes"),
    (time(13), time(15), "no"),
    (time(22), time(6), "no"),
    (time(11), time(6), "yes"),
    (time(11), None, "yes"),
    (MONDAY_NOON.replace(tzinfo=None), time(13), "yes"),
]


@pytest.mark.parametrize(("lower", "upper", "way"), SPANS)
def test_a_span_of_time_chooses_the_way(lower, upper, way):
    assert followed(BranchDateTimeOperator, target_lower=lower, target_upper=upper) == way


def test_a_span_without_a_zone_is_read_in_that_of_the_dag():
    span = {"target_lower": time(14), "target_upper": time(14, 30)}

    assert followed(BranchDateTimeOperator, zone=BERLIN, **span) == "yes"
    assert followed(BranchDateTimeOperator, zone=UTC, **span) == "no"


def test_a_run_without_logical_date_is_placed_by_when_it_was_due():
    run = {"logical_date": None, "run_after": MONDAY_NOON}

    assert followed(BranchDayOfWeekOperator, week_day="Monday", run=run) == "yes"


def test_a_span_needs_an_end():
    with pytest.raises(AirflowException, match="needs target_lower, target_upper, or both"):
        followed(BranchDateTimeOperator, target_lower=None, target_upper=None)


def test_without_the_logical_date_the_present_counts():
    with DAG("now", schedule=None):
        choose = BranchDateTimeOperator(
            task_id="choose",
            follow_task_ids_if_true="yes",
            follow_task_ids_if_false="no",
            target_lower=utcnow() - timedelta(hours=1),
            target_upper=utcnow() + timedelta(hours=1),
        )
        choose >> [EmptyOperator(task_id="yes"), EmptyOperator(task_id="no")]

    assert run_one(choose).skips == ("no",)


DAYS = [
    ("Monday", "yes"),
    ("tuesday", "no"),
    (WeekDay.MONDAY, "yes"),
    ({"Saturday", WeekDay.SUNDAY}, "no"),
    (["Sunday", "MONDAY"], "yes"),
]


@pytest.mark.parametrize(("days", "way"), DAYS)
def test_the_day_of_the_week_chooses_the_way(days, way):
    assert followed(BranchDayOfWeekOperator, week_day=days) == way


@pytest.mark.parametrize(
    ("days", "error", "told"),
    [
        ("Moonday", AttributeError, "'Moonday' is no day of the week"),
        (7, TypeError, "week_day must be a day's name"),
        ([1], TypeError, "a name or a WeekDay, not int"),
    ],
)
def test_what_is_no_day_is_told_when_the_dag_is_written(days, error, told):
    with pytest.raises(error, match=told):
        followed(BranchDayOfWeekOperator, week_day=days)


def skipped_by_latest_only(run_type, run_after, schedule="@daily"):
    with DAG("latest", schedule=schedule, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
        latest = LatestOnlyOperator(task_id="latest")
        latest >> [EmptyOperator(task_id="mail"), EmptyOperator(task_id="page")]
    done = run_one(
        latest,
        run_type=run_type,
        run_after=run_after,
        logical_date=run_after,
        data_interval_start=run_after,
        data_interval_end=run_after,
    )
    assert done.outcome == "success", done.error
    return sorted(done.skips)


def midnight():
    return utcnow().replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
def test_a_run_that_another_follows_already_is_passed_over(run_type):
    long_ago = datetime(2026, 4, 20, tzinfo=UTC)

    assert skipped_by_latest_only(run_type, long_ago) == ["mail", "page"]


def test_the_latest_run_goes_on():
    schedule = dt.timedelta(days=3650)

    assert skipped_by_latest_only("scheduled", midnight(), schedule) == []


@pytest.mark.parametrize("run_type", ["manual", "operator_triggered"])
def test_a_run_that_was_asked_for_goes_on(run_type):
    assert skipped_by_latest_only(run_type, datetime(2026, 4, 20, tzinfo=UTC)) == []


def test_the_only_run_of_a_schedule_is_the_latest():
    assert skipped_by_latest_only("scheduled", datetime(2026, 1, 1, tzinfo=UTC), "@once") == []


def test_a_smooth_operator_succeeds():
    with DAG("song", schedule=None):
        task = SmoothOperator(task_id="smooth")

    assert run_one(task).outcome == "success"
