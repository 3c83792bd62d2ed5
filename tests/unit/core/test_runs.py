"""How runs are named, and the events' form in the log."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tradewind.core.events import Event, Expanded, RunMoved, TaskMoved, decode_event, encode_event
from tradewind.core.runs import (
    RunType,
    check_chosen_run_id,
    is_legal_run_id,
    run_id_of,
    run_type_of,
)
from tradewind.core.states import RunState, TaskState
from tradewind.errors import RefusedError

DATE = datetime(2026, 4, 20, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 11, 51, 11, 94982, tzinfo=UTC)


@pytest.mark.parametrize(
    ("run_type", "run_after", "logical_date", "run_id"),
    [
        (RunType.MANUAL, LATER, DATE, "manual__2026-04-20T00:00:00+00:00"),
        (RunType.MANUAL, LATER, None, "manual__2026-11-22T11:51:11.094982+00:00"),
        (RunType.SCHEDULED, DATE, DATE, "scheduled__2026-04-20T00:00:00+00:00"),
        (RunType.BACKFILL, LATER, DATE, "backfill__2026-04-20T00:00:00+00:00"),
        (
            RunType.SCHEDULED,
            datetime(2026, 11, 20, 6, tzinfo=timezone(timedelta(hours=1))),
            None,
            "scheduled__2026-11-20T05:00:00+00:00",
        ),
    ],
)
def test_a_run_is_named_by_its_date_in_utc(
    run_type: RunType, run_after: datetime, logical_date: datetime | None, run_id: str
) -> None:
    assert run_id_of(run_type, run_after, logical_date) == run_id
    assert run_type_of(run_id) is run_type
    assert is_legal_run_id(run_id)


def test_a_suffix_keeps_runs_of_one_moment_apart() -> None:
    named = run_id_of(RunType.ASSET_TRIGGERED, LATER, suffix="5y6z8EGw")

    assert named == "asset_triggered__2026-11-22T11:51:11.094982+00:00_5y6z8EGw"


@pytest.mark.parametrize("run_id", ["", "a b", "a/b", "ä", "a\n", "x" * 251, "a'b"])
def test_ids_that_are_not_legal(run_id: str) -> None:
    assert not is_legal_run_id(run_id)
    with pytest.raises(RefusedError) as refused:
        check_chosen_run_id(run_id)
    assert refused.value.code == "bad-run-id"


def test_a_manual_run_may_not_pass_for_another_type() -> None:
    for run_type in RunType:
        run_id = f"{run_type.value}__x"
        if run_type is RunType.MANUAL:
            check_chosen_run_id(run_id)
        else:
            with pytest.raises(RefusedError, match=f"starts as a {run_type.value} run's"):
                check_chosen_run_id(run_id)
    check_chosen_run_id("scheduled-by-hand")
    assert run_type_of("nightly__1") is None


@pytest.mark.parametrize(
    "event",
    [
        TaskMoved(
            task_id="a",
            map_path="3",
            old=TaskState.RUNNING,
            new=TaskState.SUCCESS,
            try_number=2,
            pushed=(("return_value", 3), ("x", None)),
            skips=("b",),
        ),
        TaskMoved(
            task_id="a",
            old=TaskState.RUNNING,
            new=TaskState.UP_FOR_RETRY,
            try_number=1,
            reason="boom",
            wake_at=LATER,
            max_tries=3,
        ),
        Expanded(task_id="a", length=4),
        RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=LATER, reason="x"),
    ],
)
def test_an_event_survives_the_log(event: Event) -> None:
    assert decode_event(encode_event(event)) == event
