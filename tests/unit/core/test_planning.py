"""Which runs are created, with what in them, and which may start."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.core.plays import a_dag, a_task, over
from tradewind.core.planning import (
    DagFacts,
    QueuedRun,
    Room,
    choose_runs_to_start,
    plan_instances,
    plan_runs,
)
from tradewind.core.spec import DagSpec, RetrySpec
from tradewind.core.timetables import (
    ContinuousTimetable,
    CronDataInterval,
    CronTrigger,
    NullTimetable,
    OnceTimetable,
    RunInfo,
    ticks_between,
)
from tradewind.errors import RefusedError

DAY = timedelta(days=1)
START = datetime(2026, 4, 1, tzinfo=UTC)
NOW = datetime(2026, 4, 20, 12, tzinfo=UTC)
DAILY = CronTrigger(cron="0 0 * * *")


def dag(**more: object) -> DagSpec:
    facts: dict = {"timetable": DAILY, "start_date": START, "catchup": True}
    return a_dag(**{**facts, **more})


def dates(runs: tuple[RunInfo, ...]) -> list[str]:
    return [run.logical_date.strftime("%m-%d") for run in runs]


class TestScheduledRuns:
    def test_with_catchup_each_missed_tick_in_turn_so_many_a_call(self) -> None:
        facts = DagFacts(spec=dag(max_active_runs=99))

        first = plan_runs(facts, NOW)
        again = plan_runs(DagFacts(spec=facts.spec, last=first.create[-1], active_runs=10), NOW)

        assert dates(first.create) == [f"04-{n:02}" for n in range(1, 11)]
        assert first.look_at is not None
        assert first.look_at <= NOW
        assert dates(again.create) == [f"04-{n:02}" for n in range(11, 21)]
        assert again.look_at == datetime(2026, 4, 21, tzinfo=UTC)

    def test_without_catchup_the_latest_only(self) -> None:
        plan = plan_runs(DagFacts(spec=dag(catchup=False)), NOW)

        assert dates(plan.create) == ["04-20"]
        assert plan.look_at == datetime(2026, 4, 21, tzinfo=UTC)

    def test_none_beyond_max_active_runs(self) -> None:
        plan = plan_runs(DagFacts(spec=dag(max_active_runs=3), active_runs=1), NOW)

        assert len(plan.create) == 2
        assert plan.held == "3 runs are active and max_active_runs is 3"
        assert plan.look_at is None
        assert plan.next is not None

    def test_nothing_is_due_before_its_time(self) -> None:
        spec = dag(timetable=CronDataInterval(cron="0 0 * * *"))
        (last,) = ticks_between(spec.timetable, datetime(2026, 4, 19, tzinfo=UTC), NOW - DAY)

        plan = plan_runs(DagFacts(spec=spec, last=last), NOW)

        assert plan.create == ()
        assert plan.look_at == datetime(2026, 4, 21, tzinfo=UTC)

    @pytest.mark.parametrize("facts", [{"paused": True}, {"stale": True}])
    def test_a_dag_that_is_paused_or_gone_waits(self, facts: dict) -> None:
        plan = plan_runs(DagFacts(spec=dag(), **facts), NOW)

        assert plan.create == ()
        assert plan.look_at is None
        assert plan.held

    def test_a_dag_that_forbids_scheduled_runs_has_none(self) -> None:
        assert plan_runs(DagFacts(spec=dag(allowed_run_types=("manual",))), NOW).create == ()

    def test_a_dag_without_start_date_keeps_what_it_was_told_first(self) -> None:
        spec = dag(start_date=None, catchup=False)
        first = plan_runs(DagFacts(spec=spec), NOW)
        assert first.create == ()

        due = plan_runs(DagFacts(spec=spec, pending=first.next), NOW + DAY)

        assert dates(due.create) == ["04-21"]

    def test_once_is_once(self) -> None:
        spec = dag(timetable=OnceTimetable())
        plan = plan_runs(DagFacts(spec=spec), NOW)
        assert dates(plan.create) == ["04-01"]
        assert plan_runs(DagFacts(spec=spec, last=plan.create[0]), NOW).next is None

    def test_a_continuous_dag_has_one_run_at_a_time(self) -> None:
        spec = dag(timetable=ContinuousTimetable())
        plan = plan_runs(DagFacts(spec=spec), NOW)
        assert len(plan.create) == 1

        later = NOW + DAY
        assert plan_runs(DagFacts(spec=spec, last=plan.create[0], active_runs=1), later).held
        assert len(plan_runs(DagFacts(spec=spec, last=plan.create[0]), later).create) == 1

    def test_without_a_schedule_there_are_none(self) -> None:
        plan = plan_runs(DagFacts(spec=dag(timetable=NullTimetable())), NOW)

        assert (plan.create, plan.next, plan.look_at) == ((), None, None)


class TestInstances:
    def test_one_for_each_task_placeholders_for_the_mapped(self) -> None:
        spec = a_dag(a_task("a", retry=RetrySpec(retries=2)), a_task("m", mapping=over(3)))

        planned = plan_instances(spec, NOW)

        assert [(i.task_id, i.map_path, i.max_tries) for i in planned] == [
            ("a", "", 2),
            ("m", "", 0),
        ]

    def test_none_for_tasks_outside_their_dates(self) -> None:
        spec = a_dag(
            a_task("a"),
            a_task("later", start_date=NOW + DAY),
            a_task("over", end_date=NOW - DAY),
            a_task("today", start_date=NOW, end_date=NOW),
        )

        assert [i.task_id for i in plan_instances(spec, NOW)] == ["a", "today"]
        assert len(plan_instances(spec, None)) == 4

    def test_a_run_that_could_never_do_anything_is_refused(self) -> None:
        spec = a_dag(a_task("a"), start_date=START)

        with pytest.raises(RefusedError) as refused:
            plan_instances(spec, START - DAY)

        assert str(refused.value) == (
            "No task of Dag 'd' exists on 2026-03-31T00:00:00+00:00: its start_date is "
            "2026-04-01T00:00:00+00:00. Choose a date within them, or change the dates in the "
            "Dag file."
        )

    def test_a_dag_without_tasks_is_not_refused(self) -> None:
        assert plan_instances(a_dag(start_date=START), START - DAY) == []


class TestStarting:
    def runs(self, *facts: dict) -> list[QueuedRun]:
        return [
            QueuedRun(**{"pk": pk, "dag_id": "d", "run_after": START + pk * DAY, **more})
            for pk, more in enumerate(facts, start=1)
        ]

    def test_the_earliest_start_up_to_the_limit(self) -> None:
        queued = list(reversed(self.runs({}, {}, {})))

        plan = choose_runs_to_start(queued, NOW, dags={"d": Room(limit=3, running=1)}, backfills={})

        assert plan.start == (1, 2)
        assert plan.waits == {3: "3 runs of Dag 'd' are running and max_active_runs is 3"}

    def test_none_before_its_run_after_or_logical_date(self) -> None:
        queued = self.runs({"run_after": NOW + DAY}, {"logical_date": NOW + 2 * DAY}, {})

        plan = choose_runs_to_start(queued, NOW, dags={"d": Room(limit=9)}, backfills={})

        assert plan.start == (3,)
        assert plan.waits[1] == "it is not due before 2026-04-21T12:00:00+00:00"
        assert plan.look_at == NOW + DAY

    def test_a_backfill_has_its_own_limit_and_order(self) -> None:
        queued = self.runs(
            {},
            {"backfill_id": 7, "place": 2},
            {"backfill_id": 7, "place": 1},
            {"backfill_id": 8, "place": 1},
        )

        plan = choose_runs_to_start(
            queued,
            NOW,
            dags={"d": Room(limit=1, running=1)},
            backfills={7: Room(limit=1), 8: Room(limit=1, paused=True)},
        )

        assert plan.start == (3,)
        assert plan.waits == {
            1: "1 run of Dag 'd' is running and max_active_runs is 1",
            2: "1 run of backfill 7 is running and max_active_runs is 1",
            4: "backfill 8 is paused",
        }

    def test_pausing_a_dag_holds_its_runs_but_not_its_backfills(self) -> None:
        queued = self.runs({}, {"backfill_id": 7})

        plan = choose_runs_to_start(
            queued, NOW, dags={"d": Room(limit=9, paused=True)}, backfills={7: Room(limit=1)}
        )

        assert plan.start == (2,)
        assert plan.waits == {1: "Dag 'd' is paused"}

    def test_a_run_of_a_dag_that_is_gone_waits(self) -> None:
        plan = choose_runs_to_start(self.runs({}), NOW, dags={}, backfills={})

        assert plan.waits == {1: "its Dag or backfill is gone"}
