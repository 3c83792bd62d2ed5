"""Tasks that depend on their past, in the engine: which run is the one before, and what it says."""

from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from tests.property.random_runs import Fate
from tests.property.test_engine_ends_as_interpreted import Server
from tests.property.test_runs_end_as_interpreted import START
from tradewind.core.spec import DagSpec, TaskSpec
from tradewind.protocol.orders import TaskOrder
from tradewind.scheduler.wishes import Trigger

DAY = timedelta(days=1)


class Past(Server):
    """A server with one Dag whose first task depends on its past."""

    def __init__(self, home: Path, *more: TaskSpec, catchup: bool = False, **first: object) -> None:
        past = TaskSpec(task_id="a", operator="o", depends_on_past=True, **first)  # type: ignore[arg-type]
        spec = DagSpec(
            dag_id="d",
            file="dags/all.py",
            tasks=(past, *more),
            start_date=START - 99 * DAY,
            catchup=catchup,
            is_paused_upon_creation=False,
        )
        super().__init__([spec], {"d": Fate(spec, 0, 0)}, Random(0), home)
        self.held: list[TaskOrder] = []

    def trigger(self, run_id: str, date: datetime | None = None) -> None:
        self.now += timedelta(seconds=1)
        with self.database.begin() as tx:
            self.engine.trigger(tx, Trigger(dag_id="d", run_id=run_id, logical_date=date), self.now)

    def given(self, done: str = "") -> list[str]:
        """End one task that was given, if one is named; answer what is given now."""
        mine = [one for one in self.held if done == f"{one.run.run_id}.{one.task_id}"]
        self.held = [one for one in self.held if one not in mine]
        answer = self.exchange(
            finishes=tuple(map(self.finish, mine)),
            held=tuple(one.attempt_id for one in self.held),
        )
        self.held += answer.claims
        return [f"{one.run.run_id}.{one.task_id}" for one in answer.claims]


@pytest.mark.parametrize("more", [(), (TaskSpec(task_id="z", operator="o", upstream=("a",)),)])
def test_the_next_run_goes_on_with_the_very_end_it_waited_for(
    tmp_path: Path, more: tuple[TaskSpec, ...]
) -> None:
    server = Past(tmp_path, *more)
    server.trigger("one")
    server.trigger("two")

    assert server.given() == ["one.a"]
    assert "two.a" in server.given("one.a")


def test_what_comes_below_is_waited_for_where_the_task_says_so(tmp_path: Path) -> None:
    below = TaskSpec(task_id="z", operator="o", upstream=("a",))
    server = Past(tmp_path, below, wait_for_downstream=True)
    server.trigger("one")
    server.trigger("two")

    assert server.given() == ["one.a"]
    assert server.given("one.a") == ["one.z"]
    assert server.given("one.z") == ["two.a"]


def test_runs_with_and_without_a_date_stand_in_one_order(tmp_path: Path) -> None:
    server = Past(tmp_path)
    server.trigger("none")
    server.trigger("dated", server.now + timedelta(seconds=1))
    server.trigger("none2")

    assert server.given() == ["none.a"]
    assert server.given("none.a") == ["dated.a"]
    assert server.given("dated.a") == ["none2.a"]


def test_a_dag_with_catchup_asks_scheduled_runs_only(tmp_path: Path) -> None:
    plain, catching = Past(tmp_path / "plain"), Past(tmp_path / "catching", catchup=True)
    for server in (plain, catching):
        server.trigger("one", START - 9 * DAY)
        server.trigger("two", START - 8 * DAY)

    assert plain.given() == ["one.a"]
    assert catching.given() == ["one.a", "two.a"]


@pytest.mark.parametrize(("ignore", "given"), [(True, ["two.a"]), (False, [])])
def test_a_run_before_without_the_task_holds_it_unless_the_first_is_ignored(
    tmp_path: Path, ignore: bool, given: list[str]
) -> None:
    other = TaskSpec(task_id="z", operator="o")
    server = Past(tmp_path, other, start_date=START - 5 * DAY, ignore_first_depends_on_past=ignore)
    server.trigger("one", START - 9 * DAY)
    server.trigger("two", START - 4 * DAY)

    assert [one for one in server.given() if one.endswith(".a")] == given
