"""Timetables written for Airflow, run by real workers: they are asked, and harm nobody."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Shell, standalone, wait_until

pytestmark = pytest.mark.process

_SECONDS = 60.0
PLUGIN = """
from datetime import timedelta

import pendulum
from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable
from airflow.timetables.interval import CronDataIntervalTimetable


class EachHour(Timetable):
    description = "Each hour, on a whim"

    def infer_manual_data_interval(self, *, run_after):
        return DataInterval(run_after - timedelta(minutes=7), run_after)

    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        start = restriction.earliest
        if last_automated_data_interval is not None:
            start = last_automated_data_interval.end
        if not restriction.catchup:
            start = max(start, pendulum.now("UTC").start_of("hour").subtract(hours=1))
        return DagRunInfo.interval(start, start.add(hours=1))

    def generate_run_id(self, *, run_type, run_after, data_interval, **extra):
        return f"{run_type.value}__whim_{run_after:%Y-%m-%dT%H}"


class Weekdays(CronDataIntervalTimetable):
    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        info = super().next_dagrun_info(
            last_automated_data_interval=last_automated_data_interval, restriction=restriction
        )
        while info is not None and info.run_after.weekday() > 4:
            info = super().next_dagrun_info(
                last_automated_data_interval=info.data_interval, restriction=restriction
            )
        return info


class Plugin(AirflowPlugin):
    name = "timetables"
    timetables = [EachHour, Weekdays]
"""
DAG = """
import pendulum
from airflow.sdk import dag, task
from hours import EachHour, Weekdays


def make(name, schedule):
    @dag(
        dag_id=name,
        schedule=schedule,
        start_date=pendulum.datetime(2026, 4, 1),
        is_paused_upon_creation=False,
    )
    def one():
        @task
        def work(data_interval_start=None, data_interval_end=None):
            print(data_interval_start, data_interval_end)

        work()

    one()


make("whim", EachHour())
make("weekdays", Weekdays("0 0 * * *", timezone="Europe/Berlin"))
"""
BAD = """
import threading
from airflow.sdk import dag
from airflow.timetables.base import Timetable


class Raises(Timetable):
    def next_dagrun_info(self, **asked):
        raise LookupError("no calendar for this year")


class Hangs(Timetable):
    def next_dagrun_info(self, **asked):
        threading.Event().wait()


@dag(schedule=Raises(), is_paused_upon_creation=False)
def raises(): ...


@dag(schedule=Hangs(), is_paused_upon_creation=False)
def hangs(): ...


raises()
hangs()
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[Shell]:
    project = tmp_path_factory.mktemp("own") / "project"
    files = {"plugins/hours.py": PLUGIN, "dags/own.py": DAG, "dags/bad.py": BAD}
    for name, text in files.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shell = Shell(project.parent / "home", programs, project / "dags")
    with standalone(shell):
        wait_until(lambda: len(runs(shell, "whim")) == 1, _SECONDS, "the timetable was asked")
        yield shell


def runs(shell: Shell, dag_id: str) -> list[dict[str, str]]:
    said = shell.run(f"tradewind dags list-runs {dag_id} -o json")
    found: list[dict[str, str]] = json.loads(said.out) if said.code == 0 and said.out else []
    return found


def test_a_worker_is_asked_and_runs_come_as_it_says(own: Shell) -> None:
    (run,) = runs(own, "whim")
    assert run["run_id"].startswith("scheduled__whim_")
    assert run["data_interval_end"] == run["run_after"]
    coming = own.ok("tradewind dags next-execution whim -n 3").lines
    assert len(set(coming)) == 3
    details = own.ok("tradewind dags details whim").out
    assert "Each hour, on a whim" in details


def test_a_subclass_of_a_schedule_that_comes_along_is_asked_too(own: Shell) -> None:
    def coming() -> list[str]:
        return own.run("tradewind dags next-execution weekdays -n 5 --table").out.splitlines()[2:]

    wait_until(lambda: len(coming()) == 5, _SECONDS, "it was asked too")


def test_a_run_by_hand_waits_for_its_data_interval(own: Shell) -> None:
    own.ok("tradewind dags trigger whim --logical-date 2026-04-20T06:00:00+00:00 -r mine")
    run = next(run for run in runs(own, "whim") if run["run_id"] == "mine")
    assert run["data_interval_start"] == "2026-04-20T05:53:00+00:00"


def test_a_backfill_asks_for_the_ticks_of_its_range(own: Shell) -> None:
    said = own.ok(
        "tradewind backfill create --dag-id weekdays --from-date 2026-04-17 "
        "--to-date 2026-04-22 --dry-run"
    )
    dates = sorted(set(re.findall(r"2026-04-\d\d(?=T22)", said.out)))
    # Due at the end of their interval: of Friday and Saturday, that is on a day of the weekend.
    assert dates == ["2026-04-19", "2026-04-20", "2026-04-21", "2026-04-22"]


def test_one_that_raises_is_told_of_and_one_that_hangs_holds_nobody_up(own: Shell) -> None:
    def told() -> bool:
        return "no calendar for this year" in own.run("tradewind dags list-import-errors").out

    wait_until(told, _SECONDS, "the error is listed")
    assert "no calendar" in own.run("tradewind dags next-execution raises").err
    own.ok("tradewind dags trigger whim -r meanwhile")
    wait_until(
        lambda: (
            {"meanwhile": "success"}.items()
            <= {run["run_id"]: run["state"] for run in runs(own, "whim")}.items()
        ),
        _SECONDS,
        "another Dag runs meanwhile",
    )
