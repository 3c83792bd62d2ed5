"""Dags of the real standard provider's classes, and how each of their tasks is to end."""

SKIPPED = frozenset(
    {"right", "after_short", "direct", "outside", "weekend", "rejected", "y", "empty_branch"}
)
"""Tasks below a choice that fell on others; every other task of the Dags succeeds."""

STANDARD = """
import datetime as dt
import pathlib
import sys

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.datetime import BranchDateTimeOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import (
    ApprovalOperator, HITLBranchOperator, HITLEntryOperator, HITLOperator,
)
from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.providers.standard.operators.python import (
    BranchExternalPythonOperator, BranchPythonOperator, ExternalPythonOperator, PythonOperator,
    ShortCircuitOperator,
)
from airflow.providers.standard.operators.smooth import SmoothOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.operators.weekday import BranchDayOfWeekOperator
from airflow.providers.standard.sensors.bash import BashSensor
from airflow.providers.standard.sensors.date_time import DateTimeSensor, DateTimeSensorAsync
from airflow.providers.standard.sensors.external_task import ExternalTaskMarker, ExternalTaskSensor
from airflow.providers.standard.sensors.filesystem import FileSensor
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.providers.standard.sensors.time import TimeSensor
from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor, WaitSensor
from airflow.providers.standard.sensors.weekday import DayOfWeekSensor
from airflow.sdk import DAG, Param, task

NOW = dt.datetime.now(dt.timezone.utc)
SOON = NOW + dt.timedelta(seconds=1)
HOUR = dt.timedelta(hours=1)
FLAG = pathlib.Path(__file__).with_name("flag")
START = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)

def empty(name):
    return EmptyOperator(task_id=name)

def double(n):
    return 2 * n

def way_out():
    return "chosen_outside"

with DAG("standard", schedule=None, start_date=START, max_active_tasks=100):
    none = empty("none")
    BashOperator(task_id="bash", bash_command="echo {{ ds }} $X", env={"X": "1"}, append_env=True)
    BashOperator.partial(task_id="mapped").expand(bash_command=["echo 1", "echo 2"])
    PythonOperator(task_id="python", python_callable=lambda ds, ti: [ds, ti.task_id])
    ExternalPythonOperator(
        task_id="other", python=sys.executable, python_callable=double, op_args=[2],
        expect_airflow=False,
    )
    elsewhere = BranchExternalPythonOperator(
        task_id="elsewhere", python=sys.executable, python_callable=way_out, expect_airflow=False,
    )
    elsewhere >> [empty("chosen_outside"), empty("empty_branch")]
    way = BranchPythonOperator(task_id="way", python_callable=lambda: "left")
    way >> [empty("left"), empty("right")]
    ShortCircuitOperator(task_id="short", python_callable=lambda: False) >> empty("after_short")
    gentle = ShortCircuitOperator(
        task_id="gentle", python_callable=lambda: False, ignore_downstream_trigger_rules=False
    )
    gentle >> empty("direct") >> EmptyOperator(task_id="behind", trigger_rule="all_done")
    LatestOnlyOperator(task_id="latest") >> empty("after_latest")
    when = BranchDateTimeOperator(
        task_id="when", follow_task_ids_if_true="within", follow_task_ids_if_false="outside",
        target_lower=NOW - HOUR, target_upper=NOW + HOUR,
    )
    when >> [empty("within"), empty("outside")]
    day = BranchDayOfWeekOperator(
        task_id="day", week_day={NOW.strftime("%A")}, follow_task_ids_if_true="today",
        follow_task_ids_if_false="weekend",
    )
    day >> [empty("today"), empty("weekend")]
    SmoothOperator(task_id="smooth")
    BashOperator(task_id="make", bash_command=f"(sleep 0.5; touch {FLAG}) &")
    FileSensor(task_id="file", filepath=str(FLAG), deferrable=True, poke_interval=0.2)
    FileSensor(task_id="file_polled", filepath=str(FLAG), poke_interval=0.2, mode="reschedule")
    TimeDeltaSensor(task_id="delta", delta=dt.timedelta(seconds=1), deferrable=True)
    TimeDeltaSensor(
        task_id="delta_ends", delta=dt.timedelta(seconds=1), deferrable=True, end_from_trigger=True
    )
    WaitSensor(task_id="wait", time_to_wait=dt.timedelta(seconds=1), deferrable=True)
    TimeSensor(task_id="time", target_time=dt.time(0, 0))
    DateTimeSensor(task_id="moment", target_time="{{ ts }}")
    DateTimeSensorAsync(task_id="moment_async", target_time=SOON)
    DateTimeSensorAsync(
        task_id="moment_starts", target_time=SOON, start_from_trigger=True, end_from_trigger=True
    )
    DateTimeSensorAsync(task_id="moment_template", target_time="{{ ts }}", start_from_trigger=True)
    BashSensor(task_id="bash_sensor", bash_command="true")
    PythonSensor(task_id="python_sensor", python_callable=lambda: True)
    DayOfWeekSensor(task_id="day_sensor", week_day=NOW.strftime("%A"))
    of_none = {"external_dag_id": "standard", "external_task_id": "none", "poke_interval": 0.2}
    none >> ExternalTaskSensor(task_id="external", **of_none)
    none >> ExternalTaskSensor(task_id="external_async", deferrable=True, **of_none)
    ExternalTaskMarker(task_id="marker", external_dag_id="standard", external_task_id="external")
    asked = {"subject": "{{ ds }}", "response_timeout": dt.timedelta(seconds=1)}
    form = {"n": Param(3, type="integer")}
    HITLOperator(task_id="ask", options=["a", "b"], defaults="a", params=form, **asked)
    HITLEntryOperator(task_id="form", params=form, defaults="OK", **asked)
    ApprovalOperator(task_id="approve", defaults="Reject", **asked) >> empty("rejected")
    choose = HITLBranchOperator(task_id="choose", options=["x", "y"], defaults="x", **asked)
    choose >> [empty("x"), empty("y")]

    @task.bash
    def decorated():
        return "echo hi"

    decorated()

with DAG("server", schedule=None, start_date=START):
    TriggerDagRunOperator(
        task_id="polled", trigger_dag_id="small", conf={"n": 1}, wait_for_completion=True,
        poke_interval=1,
    )
    TriggerDagRunOperator(
        task_id="deferred", trigger_dag_id="small", wait_for_completion=True, deferrable=True,
        poke_interval=1,
    )

with DAG("small", schedule=None, start_date=START):
    empty("nothing")
"""

FAR = """
from airflow.sdk import DAG, task

with DAG("far") as dag:
    @task.docker(image="python:3.12-slim")
    def in_docker(n, ds=None):
        return n + 1

    @task.kubernetes(image="python:3.12-slim", namespace="jobs")
    def in_pod(n):
        return n + 1

    @task.kubernetes_cmd(image="busybox", namespace="jobs")
    def command():
        return ["echo", "hi"]

    in_docker(1)
    in_pod(1)
    command()
"""
