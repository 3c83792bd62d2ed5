"""Backfills of any range over any runs there are."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.plays import a_dag, a_task
from tradewind.core.backfill import (
    BackfillWish,
    DateDecision,
    ExistingRun,
    Reprocess,
    plan_backfill,
)
from tradewind.core.states import TERMINAL_RUN, RunState
from tradewind.core.timetables import CronDataInterval, CronTrigger, ticks_between
from tradewind.errors import RefusedError

START = datetime(2026, 1, 1, tzinfo=UTC)
TIMETABLES = st.sampled_from(
    [
        CronTrigger(cron="0 6 * * *"),
        CronDataInterval(cron="0 0 * * *"),
        CronTrigger(cron="30 2 * * 1", timezone="Europe/Berlin"),
    ]
)
HOURS = st.integers(0, 60 * 24)


@given(
    timetable=TIMETABLES,
    start=HOURS,
    length=HOURS,
    now=st.integers(24 * 10, 24 * 90),
    states=st.lists(st.none() | st.sampled_from(RunState), max_size=61),
    reprocess=st.sampled_from(Reprocess),
    backwards=st.booleans(),
)
def test_each_date_of_the_range_is_decided_once_and_by_its_run(
    timetable: CronTrigger | CronDataInterval,
    start: int,
    length: int,
    now: int,
    states: list[RunState | None],
    reprocess: Reprocess,
    backwards: bool,
) -> None:
    first = START + timedelta(hours=start)
    last = first + timedelta(hours=length)
    moment = START + timedelta(hours=now)
    ticks = list(ticks_between(timetable, first, last, anchor=START))
    existing = {
        tick.logical_date: ExistingRun(run_id="r", state=state)
        for tick, state in zip(ticks, states, strict=False)
        if state is not None
    }
    wish = BackfillWish(from_date=first, to_date=last, reprocess=reprocess, run_backwards=backwards)
    spec = a_dag(a_task("a"), timetable=timetable, start_date=START)
    due = [tick for tick in ticks if tick.data_interval_end < moment]
    if backwards:
        due.reverse()
    if not due:
        with pytest.raises(RefusedError):
            plan_backfill(spec, wish, now=moment, existing=existing)
        return
    dates = plan_backfill(spec, wish, now=moment, existing=existing)

    assert [date.info for date in dates] == due
    for date in dates:
        run = existing.get(date.logical_date)
        if run is None:
            assert date.decision is DateDecision.CREATE
            assert date.run_id is None
            continue
        assert date.run_id == "r"
        assert date.decision is not DateDecision.CREATE
        if run.state not in TERMINAL_RUN:
            assert (date.decision, date.reason) == (DateDecision.SKIP, "in flight")
        wanted = {
            Reprocess.NONE: set(),
            Reprocess.FAILED: {RunState.FAILED},
            Reprocess.COMPLETED: set(TERMINAL_RUN),
        }[reprocess]
        assert (date.decision is DateDecision.CLEAR) is (run.state in wanted)
