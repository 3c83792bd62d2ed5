"""The dates of a backfill, and what becomes of each."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.core.plays import a_dag, a_task
from tradewind.core.backfill import (
    BackfillWish,
    DateDecision,
    ExistingRun,
    Reprocess,
    estimate_end,
    plan_backfill,
)
from tradewind.core.spec import DagSpec
from tradewind.core.states import RunState
from tradewind.core.timetables import CronDataInterval, CronTrigger, NullTimetable
from tradewind.errors import ConflictError, RefusedError, TradewindError

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CREATE, CLEAR, SKIP = DateDecision.CREATE, DateDecision.CLEAR, DateDecision.SKIP


def day(number: int, month: int = 4) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


def dag(*tasks: object, **more: object) -> DagSpec:
    facts: dict = {"timetable": CronTrigger(cron="0 0 * * *"), "start_date": day(1, 1)}
    return a_dag(*(tasks or (a_task("a"),)), **{**facts, **more})  # type: ignore[arg-type]


def planned(
    spec: DagSpec | None = None, first: int = 20, last: int = 22, **more: object
) -> list[tuple[int, DateDecision, str]]:
    existing = more.pop("existing", {})
    active = more.pop("active", {})
    wish = BackfillWish(from_date=day(first), to_date=day(last), **more)  # type: ignore[arg-type]
    dates = plan_backfill(
        spec or dag(),
        wish,
        now=NOW,
        existing=existing,  # type: ignore[arg-type]
        active=active,  # type: ignore[arg-type]
    )
    return [(date.logical_date.day, date.decision, date.reason) for date in dates]


def test_others_of_the_dag_may_be_active_beside_it() -> None:
    assert (
        len(planned(active={3: (day(1), day(19)), 4: (day(22) + timedelta(hours=1), day(30))})) == 3
    )


def test_it_is_done_as_fast_as_its_latest_runs_ended() -> None:
    ends = [NOW - timedelta(minutes=minutes) for minutes in (8, 4, 0)]

    assert estimate_end(NOW, 5, ends) == NOW + timedelta(minutes=20)
    # Nothing ended since: the answer moves away.
    later = NOW + timedelta(minutes=4)
    assert estimate_end(later, 5, ends) == later + timedelta(minutes=30)
    assert estimate_end(NOW, 5, ends[:1]) is None
    assert estimate_end(NOW, 0, ends) is None


def test_both_bounds_belong_to_it() -> None:
    assert planned() == [(20, CREATE, ""), (21, CREATE, ""), (22, CREATE, "")]


def test_backwards_is_the_same_in_reverse() -> None:
    assert [number for number, _, _ in planned(run_backwards=True)] == [22, 21, 20]


def test_only_intervals_that_have_ended() -> None:
    wish = BackfillWish(from_date=day(29), to_date=day(9, 5))
    spec = dag(timetable=CronDataInterval(cron="0 0 * * *"))

    dates = plan_backfill(spec, wish, now=NOW, existing={})

    assert [date.logical_date for date in dates] == [day(29), day(30)]


@pytest.mark.parametrize(
    ("reprocess", "failed", "succeeded"),
    [
        (Reprocess.NONE, SKIP, SKIP),
        (Reprocess.FAILED, CLEAR, SKIP),
        (Reprocess.COMPLETED, CLEAR, CLEAR),
    ],
)
def test_dates_that_have_a_run_are_run_again_as_asked(
    reprocess: Reprocess, failed: DateDecision, succeeded: DateDecision
) -> None:
    existing = {
        day(20): ExistingRun(run_id="x", state=RunState.FAILED),
        day(21): ExistingRun(run_id="y", state=RunState.SUCCESS),
        day(22): ExistingRun(run_id="z", state=RunState.RUNNING),
        day(23): ExistingRun(run_id="q", state=RunState.QUEUED),
    }

    dates = planned(last=24, reprocess=reprocess, existing=existing)

    assert [decision for _, decision, _ in dates] == [failed, succeeded, SKIP, SKIP, CREATE]
    reasons = [reason for _, decision, reason in dates if decision is SKIP]
    assert set(reasons) <= {"already exists", "in flight"}
    assert reasons[-2:] == ["in flight", "in flight"]


def test_dates_on_which_no_task_exists_are_skipped_and_say_so() -> None:
    dates = planned(dag(a_task("a", start_date=day(21))))

    assert dates[0][1] is SKIP
    assert "its start_date is" not in dates[1][2]
    assert [decision for _, decision, _ in dates] == [SKIP, CREATE, CREATE]


BOUND = a_task("bound", depends_on_past=True)


@pytest.mark.parametrize(
    ("more", "error", "code"),
    [
        ({"first": 22, "last": 20}, RefusedError, "backfill-reversed"),
        ({"spec": dag(timetable=NullTimetable())}, RefusedError, "backfill-without-schedule"),
        ({"spec": dag(allowed_run_types=("manual",))}, RefusedError, "run-type-not-allowed"),
        ({"spec": dag(timetable=CronTrigger(cron="0 0 29 2 *"))}, RefusedError, "backfill-empty"),
        (
            {"spec": dag(timetable=CronTrigger(cron="* * * * *")), "first": 1, "last": 30},
            RefusedError,
            "backfill-too-large",
        ),
        ({"spec": dag(start_date=day(30))}, RefusedError, "no-task-at-that-date"),
        ({"max_active_runs": 0}, RefusedError, "bad-max-active-runs"),
        ({"active": {3: (day(22), day(25))}}, ConflictError, "backfill-active"),
        ({"spec": dag(BOUND)}, RefusedError, "backfill-depends-on-past"),
        (
            {"spec": dag(BOUND), "run_backwards": True, "reprocess": Reprocess.FAILED},
            RefusedError,
            "backfill-depends-on-past",
        ),
    ],
)
def test_what_could_not_work_is_refused(more: dict, error: type[TradewindError], code: str) -> None:
    with pytest.raises(error) as refused:
        planned(**more)

    assert refused.value.code == code
    assert refused.value.message.endswith(".")


def test_a_range_in_the_future_is_refused() -> None:
    wish = BackfillWish(from_date=NOW, to_date=NOW + timedelta(days=3))

    with pytest.raises(RefusedError, match="future"):
        plan_backfill(dag(), wish, now=NOW, existing={})


def test_a_dag_that_depends_on_its_past_may_run_again_forwards() -> None:
    assert len(planned(dag(BOUND), reprocess=Reprocess.COMPLETED)) == 3
