"""The Dag files that are measured, written as a user would write them."""

from pathlib import Path

TASKS_DAG, WARM_DAG, CHAIN_DAG, ONE_DAG, DAYS_DAG = (
    "bench_tasks",
    "bench_warm",
    "bench_chain",
    "bench_one",
    "bench_days",
)
BESIDE_DAG, BESIDE_SECONDS = "bench_beside", 2
LOG_LINE = "nothing to do"

_TASKS = '''
"""Independent tasks that do nothing but say so, and answer which process they were."""

import logging
import os

from tradewind import dag, task

log = logging.getLogger(__name__)


@task
def noop():
    log.info("{line}")
    return os.getpid()


def make(dag_id, count):
    @dag(dag_id=dag_id, schedule=None, is_paused_upon_creation=False)
    def tasks():
        for number in range(count):
            noop.override(task_id=f"task_{{number}}")()

    return tasks()


{tasks} = make("{tasks}", {count})
{warm} = make("{warm}", 4)
'''

_CHAIN = '''
"""Tasks that write down when their first and their last line ran."""

import logging
import time

from tradewind import chain, dag, get_current_context, task

log = logging.getLogger(__name__)


@task
def link(number):
    first = time.monotonic_ns()
    log.info("{line}")
    run_id = get_current_context()["run_id"]
    with open("{marks}", "a") as marks:
        marks.write(f"{{run_id}} {{number}} {{first}} {{time.monotonic_ns()}}\\n")
    return number


def make(dag_id, count):
    @dag(dag_id=dag_id, schedule=None, is_paused_upon_creation=False)
    def links():
        chain(*(link.override(task_id=f"link_{{n:02}}")(n) for n in range(count)))

    return links()


{chain} = make("{chain}", {count})
{one} = make("{one}", 1)
'''

_DAYS = '''
"""Three steps a day."""

import logging
from datetime import UTC, datetime

from tradewind import chain, dag, task

log = logging.getLogger(__name__)


@dag(schedule="@daily", start_date=datetime(2000, 1, 1, tzinfo=UTC), catchup=False)
def {days}():
    @task
    def step(number):
        log.info("{line}")
        return number

    chain(*(step.override(task_id=f"step_{{n}}")(n) for n in range(3)))


{days}()
'''

_BESIDE = '''
"""One step every other second."""

from datetime import UTC, datetime

from tradewind import dag, task


@dag(
    schedule="* * * * * */{seconds}",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=False,
)
def {beside}():
    @task
    def step():
        return 1

    step()


{beside}()
'''

_SMALL = '''
"""Five steps, one of many such files."""

from datetime import UTC, datetime

from tradewind import chain, dag, task


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False)
def {dag_id}():
    @task
    def step(number):
        return number

    chain(*(step.override(task_id=f"step_{{n}}")(n) for n in range(5)))


{dag_id}()
'''


def write_tasks(folder: Path, count: int) -> None:
    """Write the Dag of independent tasks, and beside it one that only warms its zygote."""
    text = _TASKS.format(line=LOG_LINE, tasks=TASKS_DAG, warm=WARM_DAG, count=count)
    (folder / "bench_tasks.py").write_text(text.lstrip(), encoding="utf-8")


def write_chain(folder: Path, count: int, marks: Path) -> None:
    """Write the Dag of linked tasks, and beside it one of a single link."""
    text = _CHAIN.format(line=LOG_LINE, chain=CHAIN_DAG, one=ONE_DAG, count=count, marks=marks)
    (folder / "bench_chain.py").write_text(text.lstrip(), encoding="utf-8")


def write_days(folder: Path) -> None:
    """Write the daily Dag of three tasks."""
    text = _DAYS.format(line=LOG_LINE, days=DAYS_DAG)
    (folder / "bench_days.py").write_text(text.lstrip(), encoding="utf-8")


def write_beside(folder: Path) -> None:
    """Write the Dag of one step that is due every other second."""
    text = _BESIDE.format(beside=BESIDE_DAG, seconds=BESIDE_SECONDS)
    (folder / "bench_beside.py").write_text(text.lstrip(), encoding="utf-8")


def write_small(folder: Path, number: int, name: str = "") -> str:
    """Write one of many small Dag files; answer its Dag's id."""
    dag_id = name or f"small_{number:03}"
    text = _SMALL.format(dag_id=dag_id)
    (folder / f"small_{number:03}.py").write_text(text.lstrip(), encoding="utf-8")
    return dag_id


_HUNDRED = '''
"""A hundred Dags from one file, each extract, transform and load."""

from datetime import datetime, timezone

from tradewind import DAG, task

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def make(dag_id):
    with DAG(dag_id, schedule="{cron}", start_date=START) as dag:
        previous = None
        for name in ("extract", "transform", "load"):

            @task(task_id=name)
            def step(value=None):
                return 1

            previous = step(previous) if previous is not None else step()
    return dag


for number in range({first}, {first} + 100):
    globals()[f"many_{{number:05}}"] = make(f"many_{{number:05}}")
'''


def write_hundred(folder: Path, number: int, cron: str) -> None:
    """Write a file of a hundred Dags of one schedule."""
    text = _HUNDRED.format(first=number * 100, cron=cron)
    (folder / f"hundred_{number:03}.py").write_text(text.lstrip(), encoding="utf-8")
