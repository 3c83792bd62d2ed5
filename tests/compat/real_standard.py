"""Runs the real standard provider on Tradewind: ``python -m tests.compat.real_standard``.

By hand, as it fetches the wheels below from the package index (ten seconds in all). They
are unpacked into a folder that goes away again, and are used as they are.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEELS = (
    "apache-airflow-providers-standard==1.21.0",
    "apache-airflow-providers-common-compat==1.23.0",
    "asgiref",
    "deprecated",
    "lazy-object-proxy",
    "wrapt",
)

DAG = """
import datetime as dt
import pathlib

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.datetime import BranchDateTimeOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import (
    ApprovalOperator, HITLBranchOperator, HITLEntryOperator, HITLOperator,
)
from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.providers.standard.operators.python import (
    BranchPythonOperator, PythonOperator, ShortCircuitOperator,
)
from airflow.providers.standard.operators.smooth import SmoothOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
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
SOON = NOW + dt.timedelta(seconds=2)
HOUR = dt.timedelta(hours=1)
FLAG = pathlib.Path(__file__).with_name("flag")

with DAG("real", schedule=None, start_date=dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)):
    none = EmptyOperator(task_id="none")
    BashOperator(task_id="bash", bash_command="echo {{ ds }} $X", env={"X": "1"}, append_env=True)
    PythonOperator(task_id="python", python_callable=lambda ds, ti: [ds, ti.task_id])
    way = BranchPythonOperator(task_id="way", python_callable=lambda: "left")
    way >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right__skipped")]
    short = ShortCircuitOperator(task_id="short", python_callable=lambda: False)
    short >> EmptyOperator(task_id="after_short__skipped")
    LatestOnlyOperator(task_id="latest") >> EmptyOperator(task_id="after_latest")
    when = BranchDateTimeOperator(
        task_id="when", follow_task_ids_if_true="within", follow_task_ids_if_false="out__skipped",
        target_lower=NOW - HOUR, target_upper=NOW + HOUR,
    )
    when >> [EmptyOperator(task_id="within"), EmptyOperator(task_id="out__skipped")]
    SmoothOperator(task_id="smooth")
    make = BashOperator(task_id="make", bash_command=f"(sleep 1; touch {FLAG}) &")
    FileSensor(task_id="file", filepath=str(FLAG), deferrable=True, poke_interval=0.2)
    TimeDeltaSensor(task_id="delta", delta=dt.timedelta(seconds=2), deferrable=True)
    TimeDeltaSensor(
        task_id="delta_ends", delta=dt.timedelta(seconds=2), deferrable=True, end_from_trigger=True
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
    DayOfWeekSensor(task_id="day", week_day=NOW.strftime("%A"))
    other = {"external_dag_id": "real", "external_task_id": "none", "poke_interval": 0.2}
    none >> ExternalTaskSensor(task_id="external", **other)
    none >> ExternalTaskSensor(task_id="external_async", deferrable=True, **other)
    ExternalTaskMarker(task_id="marker", external_dag_id="real", external_task_id="external")
    form = {"n": Param(3, type="integer")}
    HITLOperator(task_id="ask", subject="{{ ds }}", options=["a"], defaults="a", params=form)
    HITLEntryOperator(task_id="form", subject="?", params=form)
    ok = ApprovalOperator(task_id="ok", subject="?", defaults="Reject")
    ok >> EmptyOperator(task_id="after_ok__skipped")
    choose = HITLBranchOperator(task_id="choose", subject="?", options=["x", "y"], defaults="x")
    choose >> [EmptyOperator(task_id="x"), EmptyOperator(task_id="y")]

    @task.bash
    def decorated():
        return "echo hi"

    decorated()
"""

RUN = """
import sys

from tradewind.compat.finder import install

install()
import real

dag = real.none.dag
wrong = []
for ti in dag.test().get_task_instances():
    skipped = ti.task_id.endswith("__skipped") or ti.task_id == "y"
    wanted = "skipped" if skipped else "success"
    if ti.state != wanted:
        wrong.append(f"{ti.task_id}: {ti.state} {ti.error}")
modules = {type(task).__module__.partition(".")[0] for task in dag.tasks}
print(f"{len(dag.tasks)} tasks; operators of {', '.join(sorted(modules))}")
print("\\n".join(wrong) or "all as they should be")
sys.exit(bool(wrong))
"""


def main() -> int:
    """Fetch the wheels, run the Dag; answer the exit code."""
    with tempfile.TemporaryDirectory(prefix="tradewind-real-") as name:
        folder = Path(name)
        fetch = ["download", "--quiet", "--no-deps", "--dest", name, *WHEELS]
        subprocess.run([sys.executable, "-m", "pip", *fetch], check=True)
        for wheel in folder.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder / "site")
        (folder / "real.py").write_text(DAG)
        (folder / "run.py").write_text(RUN)
        connection = '{"conn_type": "fs", "extra": {"path": "/"}}'
        env = {
            "PATH": "/usr/bin:/bin",
            "HOME": name,
            "PYTHONPATH": f"{folder / 'site'}:{folder}",
            "AIRFLOW_CONN_FS_DEFAULT": connection,
        }
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "run.py"], cwd=folder, env=env, check=False
        )
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
