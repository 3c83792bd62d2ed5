"""Which runs there may be, what they are called, when they start, and who pauses their Dag.

The rows are those of the run identity tables; each names its rule.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.scheduler.place import NOW, VAULT, Place, a_dag
from tradewind.core.runs import RunType, check_chosen_run_id, run_id_of
from tradewind.core.spec import DagSpec, TaskSpec
from tradewind.core.states import LegState, RunState
from tradewind.core.timetables import CronDataInterval, CronTrigger
from tradewind.errors import ConflictError, RefusedError
from tradewind.scheduler.engine import Engine
from tradewind.scheduler.policy import RunPolicy
from tradewind.store import dags

DAILY = CronTrigger(cron="0 0 * * *")
FIRST = datetime(2026, 4, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def day(number: int) -> datetime:
    return FIRST + timedelta(days=number - 1)


def daily(**fields: Any) -> DagSpec:
    return a_dag("d", **{"timetable": DAILY, "start_date": FIRST, **fields})


def under(place: Place, rules: RunPolicy) -> None:
    """Start another server, which is told this."""
    place.engine = Engine(VAULT, rules=rules)
    place.do(lambda e, tx: e.open(tx, place.now))


def test_a_run_is_known_by_its_id_and_by_its_date(place: Place) -> None:
    place.save(a_dag())
    place.trigger(run_id="a", logical_date=day(1))
    place.trigger(run_id="b")
    place.trigger(run_id="c")
    with pytest.raises(ConflictError, match="already has a run 'b'"):
        place.trigger(run_id="b", logical_date=day(2))
    with pytest.raises(ConflictError, match="already has a run for 2026-04-01"):
        place.trigger(run_id="d", logical_date=day(1))

    assert len(place.runs()) == 3


NAMES = [
    (RunType.SCHEDULED, day(3), day(3), "scheduled__2026-04-03T00:00:00+00:00"),
    (RunType.BACKFILL, day(4), day(3), "backfill__2026-04-03T00:00:00+00:00"),
    (RunType.MANUAL, NOW, day(3), "manual__2026-04-03T00:00:00+00:00"),
    (RunType.MANUAL, NOW, None, "manual__2026-04-20T08:00:00+00:00"),
    (RunType.OPERATOR_TRIGGERED, NOW, None, "operator_triggered__2026-04-20T08:00:00+00:00"),
    (
        RunType.ASSET_TRIGGERED,
        NOW.replace(microsecond=94_982),
        None,
        "asset_triggered__2026-04-20T08:00:00.094982+00:00",
    ),
    (RunType.ASSET_MATERIALIZATION, NOW, None, "asset_materialization__2026-04-20T08:00:00+00:00"),
]


@pytest.mark.parametrize(("run_type", "run_after", "date", "named"), NAMES)
def test_an_id_says_what_made_the_run_and_when(
    run_type: RunType, run_after: datetime, date: datetime | None, named: str
) -> None:
    assert run_id_of(run_type, run_after, date) == named
    check_chosen_run_id(named, run_type)


def test_there_is_a_name_for_each_run_type() -> None:
    assert {row[0] for row in NAMES} == set(RunType)


IDS = [
    ("month-end_1.2~3:4+5", None, True),
    ("month end", None, False),
    ("a/b", None, False),
    ("x" * 250, None, True),
    ("x" * 251, None, False),
    ("month end", "^[a-z ]+$", True),
    ("month-end", "^[a-z ]+$", False),
    ("manual__2026-04-20T08:00:00+00:00", "^[a-z ]+$", True),
    ("a/b", "^.*$", False),
    ("a\n", "^.*$", False),
]


@pytest.mark.parametrize(("run_id", "pattern", "is_fine"), IDS)
def test_ids_that_people_choose_match_what_the_installation_allows(
    place: Place, run_id: str, pattern: str | None, is_fine: bool
) -> None:
    place.save(a_dag())
    if pattern is not None:
        under(place, RunPolicy(allowed_run_ids=pattern))
    if is_fine:
        assert place.trigger(run_id=run_id).run_id == run_id
        return
    with pytest.raises(RefusedError) as refused:
        place.trigger(run_id=run_id)
    assert refused.value.code == "bad-run-id"
    assert pattern is None or pattern in refused.value.message


def test_a_run_by_hand_without_a_date_has_no_interval(place: Place) -> None:
    place.save(daily(timetable=CronDataInterval(cron="0 0 * * *"), is_paused_upon_creation=True))
    dated, bare = place.trigger(logical_date=day(3)), place.trigger()
    given = place.trigger(
        run_id="own",
        logical_date=day(5),
        data_interval_start=day(1),
        data_interval_end=day(5),
    )

    assert (dated.data_interval_start, dated.data_interval_end) == (day(3), day(4))
    assert (bare.logical_date, bare.data_interval_start, bare.data_interval_end) == (None,) * 3
    assert (given.data_interval_start, given.data_interval_end) == (day(1), day(5))


@pytest.mark.parametrize("field", ["run_after", "logical_date"])
def test_a_run_of_the_future_waits_until_it_is_due(place: Place, field: str) -> None:
    place.save(a_dag())
    due = NOW + 5 * HOUR
    wish: dict[str, Any] = {field: due}
    place.trigger(**wish)
    place.restart()

    # Nothing looks again and again: the engine knows when.
    assert place.tick() is not None
    assert place.tick_until(due - HOUR) <= 3
    place.now = due - timedelta(milliseconds=1)
    place.tick()
    assert place.runs()[0].state is RunState.QUEUED
    run_id = place.runs()[0].run_id
    told = place.do(lambda e, tx: e.explain(tx, "d", run_id, None, place.now))
    assert told[0].endswith("it is not due before 2026-04-20T13:00:00+00:00.")
    place.tick(milliseconds=1)
    assert place.runs()[0].state is RunState.RUNNING


ALLOWED = [run_type.value for run_type in RunType]


@pytest.mark.parametrize("only", ALLOWED)
def test_only_runs_of_allowed_types_are_made(place: Place, only: str) -> None:
    place.save(daily(allowed_run_types=(only,)))
    place.tick()
    assert bool(place.runs()) is (only == "scheduled")
    before = len(place.runs())

    def refused(run_type: RunType) -> bool:
        try:
            if run_type is RunType.BACKFILL:
                place.backfill("d", day(1), day(2))
            else:
                place.trigger(run_type=run_type, run_id=run_id_of(run_type, NOW))
        except RefusedError as error:
            return f"does not allow {run_type.value} runs" in error.message
        return False

    # Those of the planner and of assets are made by these, not asked for.
    asked = (RunType.MANUAL, RunType.OPERATOR_TRIGGERED, RunType.BACKFILL)
    assert {one for one in asked if not refused(one)} == {one for one in asked if one == only}
    assert (len(place.runs()) > before) is (only in asked)


def test_a_paused_dag_makes_and_starts_nothing_and_what_runs_goes_on(place: Place) -> None:
    two = (
        TaskSpec(task_id="a", operator="x.Op"),
        TaskSpec(task_id="b", operator="x.Op", upstream=("a",)),
    )
    place.save(a_dag("d", *two, timetable=CronTrigger(cron="* * * * *"), max_active_runs=1))
    place.trigger(run_id="one")
    place.trigger(run_id="two")
    worker = place.worker()
    (first,) = worker.ask()
    place.pause()
    for _ in range(9):
        place.tick(seconds=20)
        worker.exchange()

    assert [run.run_id for run in place.runs()] == ["one", "two"]
    worker.end(first)
    assert worker.ask() == []
    assert place.states(place.runs()[0]) == {"a": "success", "b": "scheduled"}
    place.pause(paused=False)
    (second,) = worker.ask()
    worker.end(second)
    assert place.runs()[0].state is RunState.SUCCESS


def test_a_run_is_closed_though_its_dag_was_paused_meanwhile(place: Place) -> None:
    place.save(a_dag())
    place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    place.pause()
    worker.end(order)

    assert place.runs()[0].state is RunState.SUCCESS


def test_a_run_of_any_type_times_out_from_when_it_began(place: Place) -> None:
    place.save(daily(dagrun_timeout_seconds=60.0, max_active_runs=1))
    place.tick()
    place.trigger(run_id="later")
    place.tick(seconds=59)
    assert [run.state for run in place.runs()] == [RunState.RUNNING, RunState.QUEUED]
    place.tick(seconds=1)

    first, later = place.runs()
    assert (first.state, later.state) == (RunState.FAILED, RunState.RUNNING)
    assert set(place.states(first).values()) == {"skipped"}
    place.tick(seconds=60)
    assert place.runs()[1].state is RunState.FAILED


class TestFailingAgainAndAgain:
    """``max_consecutive_failed_dag_runs``."""

    def play(self, place: Place, *ends: bool) -> None:
        """Run once for each, to this end."""
        worker = place.worker()
        for is_good in ends:
            place.now += timedelta(seconds=1)
            place.trigger()
            (order,) = worker.ask()
            worker.end(order, LegState.SUCCESS if is_good else LegState.FAILED)
        worker.leave()

    def is_paused(self, place: Place) -> bool:
        return place.read(lambda tx: dags.read_dag(tx, "d")).is_paused

    @pytest.mark.parametrize(
        ("limit", "ends", "pauses"),
        [
            (3, (False, False), False),
            (3, (False, False, False), True),
            (3, (False, False, True, False, False), False),
            (1, (True, False), True),
            (0, (False,) * 5, False),
        ],
    )
    def test_so_many_failed_runs_in_a_row_pause_the_dag(
        self, place: Place, limit: int, ends: tuple[bool, ...], pauses: bool
    ) -> None:
        place.save(a_dag(max_consecutive_failed_dag_runs=limit))
        self.play(place, *ends)

        assert self.is_paused(place) is pauses

    def test_it_says_why_until_somebody_lets_it_go_on(self, place: Place) -> None:
        place.save(a_dag(max_consecutive_failed_dag_runs=2))
        self.play(place, False, False)
        run = place.trigger(run_id="next")

        (told,) = place.do(lambda e, tx: e.explain(tx, "d", run.run_id, None, place.now))[:1]
        assert "its latest 2 runs failed" in told
        place.pause(paused=False)
        assert place.read(lambda tx: dags.read_dag(tx, "d")).pause_reason is None
        assert place.runs()[-1].state is RunState.RUNNING

    def test_the_installation_says_it_for_dags_that_do_not(self, place: Place) -> None:
        under(place, RunPolicy(most_failed_runs=2))
        place.save(a_dag())
        self.play(place, False, False)

        assert self.is_paused(place)

    def test_runs_that_never_began_do_not_count(self, place: Place) -> None:
        place.save(daily(max_consecutive_failed_dag_runs=2, is_paused_upon_creation=True))
        place.backfill("d", day(1), day(9), max_active_runs=1)
        place.do(lambda e, tx: e.cancel_backfill(tx, 1, place.now))

        assert place.read(lambda tx: dags.read_dag(tx, "d")).pause_reason is None
