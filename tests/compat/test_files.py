"""Real Dag files, run as their authors run them."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tradewind.protocol.orders import BundleRef
from tradewind.runtime.loading import load_file

LEGACY = """
from datetime import datetime, timedelta

from airflow import DAG
from airflow.models import Variable
from airflow.models.baseoperator import chain
from airflow.operators.bash_operator import BashOperator
from airflow.operators.dummy_operator import DummyOperator
from airflow.operators.python_operator import PythonOperator
from airflow.utils.dates import days_ago
from airflow.utils.task_group import TaskGroup
from airflow.utils.trigger_rule import TriggerRule

default_args = {
    "owner": "airflow",
    "depends_on_past": False,
    "start_date": days_ago(2),
    "email": ["a@b.c"],
    "email_on_failure": False,
    "retries": 1,
    "retry_delay": timedelta(minutes=5),
}


def compute(**kwargs):
    kwargs["ti"].xcom_push(key="answer", value=42)
    return kwargs["ds"]


with DAG(
    "legacy",
    default_args=default_args,
    schedule_interval=timedelta(days=1),
    max_active_runs=1,
    concurrency=2,
    catchup=False,
) as dag:
    start = DummyOperator(task_id="start")
    with TaskGroup("work") as work:
        a = PythonOperator(task_id="a", python_callable=compute, provide_context=True)
        b = BashOperator(
            task_id="b",
            bash_command="echo {{ ti.xcom_pull(task_ids='work.a', key='answer') }} {{ params.x }}",
            params={"x": Variable.get("x", default_var="y")},
        )
        a >> b
    end = DummyOperator(task_id="end", trigger_rule=TriggerRule.ALL_DONE)
    chain(start, work, end)
"""

TASKFLOW = """
import pendulum
from airflow.sdk import DAG, Param, TaskGroup, chain, dag, get_current_context, task
from airflow.providers.standard.operators.bash import BashOperator


@dag(
    dag_id="modern",
    schedule="@daily",
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
    catchup=False,
    params={"limit": Param(3, type="integer")},
)
def modern():
    @task(multiple_outputs=True)
    def extract() -> dict:
        limit = get_current_context()["params"]["limit"]
        return {"orders": list(range(limit)), "total": 10.5}

    @task
    def load(order, total):
        return order * total

    data = extract()
    loaded = load.partial(total=data["total"]).expand(order=data["orders"])
    loaded >> BashOperator(task_id="done", bash_command="echo {{ ds }}")


modern()
"""


@pytest.fixture
def load(tmp_path):
    def write(text):
        (tmp_path / "dags").mkdir()
        (tmp_path / "dags" / "it.py").write_text(text)
        bundle = BundleRef(name="b", root=str(tmp_path), dags_folder=str(tmp_path / "dags"))
        return load_file(bundle, "dags/it.py")

    return write


def test_a_file_of_the_older_kind_runs_unchanged(load):
    dag = load(LEGACY)["legacy"]
    run = dag.test()

    assert run.state == "success"
    assert run.get_task_instance("work.b").xcom_pull() == "42 y"
    assert dag.max_active_tasks == 2


def test_a_file_of_the_present_kind_runs_unchanged(load):
    run = load(TASKFLOW)["modern"].test(run_conf={"limit": 2})

    assert run.state == "success"
    assert [run.get_task_instance("load", i).xcom_pull() for i in (0, 1)] == [0.0, 10.5]


def test_plain_python_runs_a_file_with_a_main_block_and_leaves_nothing_behind(tmp_path):
    file = tmp_path / "dags" / "plain.py"
    file.parent.mkdir()
    file.write_text(
        textwrap.dedent(
            """
            from tradewind import dag, task

            @dag
            def plain():
                @task
                def hello():
                    print("hello from the task")
                hello()

            made = plain()
            if __name__ == "__main__":
                run = made.test()
                print([(ti.task_id, str(ti.state)) for ti in run.get_task_instances()])
            """
        )
    )
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "HOME": str(home), "TRADEWIND_HOME": str(home)},
    )

    assert "hello from the task" in done.stdout
    assert done.stdout.splitlines()[-1] == "[('hello', 'success')]"
    assert "ended: success" in done.stderr
    assert done.returncode == 0
    assert {path.name for path in Path(tmp_path).rglob("*") if path.is_file()} == {"plain.py"}
