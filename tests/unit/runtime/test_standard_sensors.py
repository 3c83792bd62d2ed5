"""The standard sensors: their defaults, what each waits for, and what they refuse."""

import importlib
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.runtime.tasks import DAY, run
from tradewind import DAG, EmptyOperator, TaskGroup
from tradewind.compat.finder import resolve
from tradewind.compat.standard import WAITING
from tradewind.protocol.child import Done
from tradewind.protocol.leaving import Resume
from tradewind.protocol.questions import (
    DagParts,
    DagView,
    GetDag,
    GetDagParts,
    GetStates,
    ListRuns,
    RunView,
)
from tradewind.runtime.memory import MemoryPort
from tradewind.runtime.serialize import serialize_dag
from tradewind.sdk.clock import utcnow
from tradewind.sdk.connection import Connection
from tradewind.sdk.sensors.external_task import ExternalTaskMarker
from tradewind.sdk.sensors.moments import DateTimeSensorAsync
from tradewind.sdk.serde import decode, encode

SENSORS = "airflow.providers.standard.sensors"
PAST, FUTURE = DAY - timedelta(days=1), utcnow() + timedelta(days=30)
AT_TIME = "airflow.providers.standard.triggers.temporal.DateTimeTrigger"
AT_FILE = "airflow.providers.standard.triggers.file.FileTrigger"
AT_DAG = "airflow.providers.standard.triggers.external_task.WorkflowTrigger"


def named(module: str, name: str) -> Any:
    """Answer a class by the path existing Dag files import it from."""
    table = WAITING.get(f"{SENSORS}.{module}")
    if table is None:
        return getattr(importlib.import_module(f"tradewind.sdk.sensors.{module}"), name)
    return resolve(table[name])


def made(module: str, name: str, **kwargs: Any) -> Any:
    with DAG("d", start_date=datetime(2026, 1, 1, tzinfo=kwargs.pop("zone", UTC))):
        return named(module, name)(task_id="t", **kwargs)


DEFAULTS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("date_time", "DateTimeSensor", {"target_time": DAY}, {"deferrable": False, "mode": "poke"}),
    ("date_time", "DateTimeSensorAsync", {"target_time": DAY},
     {"deferrable": True, "start_from_trigger": False, "end_from_trigger": False}),
    ("time", "TimeSensor", {"target_time": time(9)},
     {"deferrable": False, "start_from_trigger": False, "end_from_trigger": False}),
    ("time", "TimeSensorAsync", {"target_time": time(9)}, {"deferrable": True}),
    ("time_delta", "TimeDeltaSensor", {"delta": timedelta(1)},
     {"deferrable": False, "end_from_trigger": False}),
    ("time_delta", "TimeDeltaSensorAsync", {"delta": timedelta(1)},
     {"deferrable": True, "end_from_trigger": False}),
    ("time_delta", "WaitSensor", {"time_to_wait": 5}, {"deferrable": False}),
    ("weekday", "DayOfWeekSensor", {"week_day": "Monday"}, {"use_task_logical_date": False}),
    ("bash", "BashSensor", {"bash_command": "true"},
     {"env": None, "output_encoding": "utf-8", "retry_exit_code": None}),
    ("python", "PythonSensor", {"python_callable": print},
     {"op_args": (), "op_kwargs": {}, "templates_dict": None}),
    ("filesystem", "FileSensor", {"filepath": "x"},
     {"fs_conn_id": "fs_default", "recursive": False, "deferrable": False,
      "start_from_trigger": False}),
    ("external_task", "ExternalTaskSensor", {"external_dag_id": "o"},
     {"external_task_id": None, "external_task_ids": None, "external_task_group_id": None,
      "allowed_states": ["success"], "skipped_states": [], "failed_states": [],
      "execution_delta": None, "execution_date_fn": None, "check_existence": False,
      "deferrable": False, "poke_interval": 60.0}),
    ("external_task", "ExternalTaskMarker", {"external_dag_id": "o", "external_task_id": "t"},
     {"recursion_depth": 10, "logical_date": "{{ logical_date.isoformat() }}"}),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "kwargs", "expected"), DEFAULTS)
def test_defaults(module: str, name: str, kwargs: dict[str, Any], expected: dict[str, Any]) -> None:
    task = made(module, name, **kwargs)
    assert {key: getattr(task, key) for key in expected} == expected


def test_a_setting_makes_those_deferrable_that_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "true")
    for module, name, kwargs, expected in DEFAULTS:
        if expected.get("deferrable") is False and name != "DateTimeSensor":
            assert made(module, name, **kwargs).deferrable is True
    assert made("time_delta", "WaitSensor", time_to_wait=1, deferrable=False).deferrable is False


def one_look(task: Any, port: MemoryPort | None = None, **facts: Any) -> Done:
    """Run the first leg of a rescheduled sensor: it succeeds, or waits for the next look."""
    task.mode = "reschedule"
    return run(task, port, **{"first_started_at": utcnow(), **facts})


BERLIN = ZoneInfo("Europe/Berlin")
EVENING = datetime(2026, 4, 20, 21, 30, tzinfo=UTC)
SUNDAY_LATE = datetime(2026, 4, 19, 22, 30, tzinfo=UTC)
LOOKS: list[tuple[str, str, dict[str, Any], dict[str, Any], str]] = [
    ("date_time", "DateTimeSensor", {"target_time": PAST}, {}, "success"),
    ("date_time", "DateTimeSensor", {"target_time": "{{ ts }}"}, {}, "success"),
    ("date_time", "DateTimeSensor", {"target_time": FUTURE.isoformat()}, {}, "rescheduled"),
    ("date_time", "DateTimeSensor", {"target_time": "soon"}, {}, "failed"),
    ("time", "TimeSensor", {"target_time": time(23, 45), "zone": BERLIN},
     {"first_started_at": EVENING}, "success"),
    ("time", "TimeSensor", {"target_time": time.max}, {"first_started_at": FUTURE}, "rescheduled"),
    ("time_delta", "TimeDeltaSensor", {"delta": timedelta(days=1)}, {}, "success"),
    ("time_delta", "TimeDeltaSensor", {"delta": "{{ 60 * 24 * 9999 }}"}, {}, "rescheduled"),
    ("time_delta", "TimeDeltaSensor", {"delta": 5},
     {"logical_date": None, "data_interval_start": None, "data_interval_end": None,
      "run_after": FUTURE}, "rescheduled"),
    ("time_delta", "TimeDeltaSensor", {"delta": "a bit"}, {}, "failed"),
    ("time_delta", "WaitSensor", {"time_to_wait": 5}, {"first_started_at": DAY}, "success"),
    ("time_delta", "WaitSensor", {"time_to_wait": timedelta(hours=1)}, {}, "rescheduled"),
    ("weekday", "DayOfWeekSensor", {"week_day": "Monday", "use_task_logical_date": True}, {},
     "success"),
    ("weekday", "DayOfWeekSensor", {"week_day": "Tuesday", "use_task_logical_date": True}, {},
     "rescheduled"),
    ("weekday", "DayOfWeekSensor",
     {"week_day": "Monday", "use_task_logical_date": True, "zone": BERLIN},
     {"logical_date": SUNDAY_LATE}, "success"),
    ("bash", "BashSensor", {"bash_command": "true"}, {}, "success"),
    ("bash", "BashSensor", {"bash_command": "exit {{ 3 }}"}, {}, "rescheduled"),
    ("bash", "BashSensor", {"bash_command": "exit 3", "retry_exit_code": 3}, {}, "rescheduled"),
    ("bash", "BashSensor", {"bash_command": "exit 4", "retry_exit_code": 3}, {}, "failed"),
    ("bash", "BashSensor", {"bash_command": "exit 4", "retry_exit_code": 3, "soft_fail": True}, {},
     "skipped"),
    ("bash", "BashSensor", {"bash_command": 'test "$A" = "" -o "$A" = b', "env": {"A": "b"}}, {},
     "success"),
    ("python", "PythonSensor", {"python_callable": lambda ds: ds == "2026-04-20"}, {}, "success"),
    ("python", "PythonSensor", {"python_callable": lambda: 0}, {}, "rescheduled"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "kwargs", "facts", "outcome"), LOOKS)
def test_what_one_look_finds(
    module: str, name: str, kwargs: dict[str, Any], facts: dict[str, Any], outcome: str
) -> None:
    done = one_look(made(module, name, **kwargs), **facts)
    assert (done.outcome, done.error if outcome != "failed" else "") == (outcome, "")


def test_one_that_waits_for_a_moment_looks_again_exactly_then() -> None:
    task = made("date_time", "DateTimeSensor", target_time=utcnow() + timedelta(seconds=20))
    done = one_look(task)
    assert done.wake_at is not None
    assert done.wake_at - utcnow().timestamp() <= 20
    soon = made("date_time", "DateTimeSensor", target_time=utcnow() + timedelta(seconds=0.05))
    assert run(soon).outcome == "success"


DEFERRED: list[tuple[str, str, dict[str, Any], str, dict[str, Any]]] = [
    ("date_time", "DateTimeSensorAsync", {"target_time": FUTURE}, AT_TIME,
     {"moment": FUTURE, "end_from_trigger": False}),
    ("time", "TimeSensorAsync", {"target_time": time.max, "end_from_trigger": True}, AT_TIME,
     {"moment": datetime.combine(utcnow().date(), time.max, UTC), "end_from_trigger": True}),
    ("time_delta", "TimeDeltaSensor", {"delta": FUTURE - DAY, "deferrable": True}, AT_TIME,
     {"moment": FUTURE, "end_from_trigger": False}),
    ("filesystem", "FileSensor", {"filepath": "/nowhere/*.csv", "deferrable": True}, AT_FILE,
     {"filepath": "/nowhere/*.csv", "recursive": False, "poke_interval": 60.0}),
    ("external_task", "ExternalTaskSensor",
     {"external_dag_id": "o", "external_task_id": "t", "deferrable": True, "poll_interval": 7,
      "execution_delta": timedelta(hours=1), "failed_states": ["failed"]}, AT_DAG,
     {"external_dag_id": "o", "external_task_ids": ["t"], "external_task_group_id": None,
      "logical_dates": [DAY - timedelta(hours=1)], "allowed_states": ["success"],
      "failed_states": ["failed"], "skipped_states": [], "poke_interval": 7.0,
      "soft_fail": False}),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "kwargs", "classpath", "given"), DEFERRED)
def test_what_it_defers_to(
    module: str, name: str, kwargs: dict[str, Any], classpath: str, given: dict[str, Any]
) -> None:
    began = utcnow()
    done = run(made(module, name, timeout=600, **kwargs), first_started_at=began)
    assert done.outcome == "deferred", done.error
    assert done.deferral is not None
    assert done.deferral.timeout_at is not None
    assert abs((done.deferral.timeout_at - began).total_seconds() - 600) < 5
    assert (done.deferral.classpath, decode(done.deferral.kwargs)) == (classpath, given)
    assert done.deferral.method_name == "execute_complete"


def test_a_moment_that_has_come_already_is_not_deferred_for() -> None:
    assert run(made("date_time", "DateTimeSensorAsync", target_time=PAST)).outcome == "success"


def test_what_begins_with_its_trigger_says_so_in_the_dag(tmp_path: Any) -> None:
    with DAG("d") as dag:
        DateTimeSensorAsync(
            task_id="moment", target_time=FUTURE, start_from_trigger=True, end_from_trigger=True
        )
        DateTimeSensorAsync(task_id="template", target_time="{{ ts }}", start_from_trigger=True)
        named("filesystem", "FileSensor")(
            task_id="file", filepath=str(tmp_path), start_from_trigger=True, timeout=60
        )
        day = named("time", "TimeSensor")(
            task_id="day", target_time=time(9), start_from_trigger=True
        )
    starts = {task.task_id: task.start_trigger for task in serialize_dag(dag, "d.py").tasks}
    assert starts["moment"] is not None
    assert decode(starts["moment"].kwargs.encode()) == {
        "target_time": FUTURE,
        "end_from_trigger": True,
    }
    assert starts["file"] is not None
    assert starts["file"].timeout_seconds == 60
    assert (starts["template"], starts["day"]) == (None, None)
    assert "its day" in day.warnings[0] or "which day" in day.warnings[0]


def test_a_template_of_a_trigger_to_begin_with_is_rendered_in_the_tasks_process() -> None:
    with DAG("d"):
        task = DateTimeSensorAsync(task_id="t", target_time="{{ ts }}", start_from_trigger=True)
    done = run(task)
    assert done.deferral is not None
    assert decode(done.deferral.kwargs)["target_time"] == DAY.isoformat()


def test_files_are_looked_for_below_the_folder_of_the_connection(tmp_path: Any) -> None:
    port = MemoryPort(connections={"in": Connection(conn_type="fs", extra={"path": str(tmp_path)})})
    (tmp_path / "a" / "b").mkdir(parents=True)
    found = {}
    for pattern in ("a", "a/b/x.csv", "a/**/x.csv", "*/?/*.csv"):
        task = made("filesystem", "FileSensor", filepath=pattern, fs_conn_id="in", recursive=True)
        found[pattern] = [one_look(task, port).outcome]
    (tmp_path / "a" / "b" / "x.csv").touch()
    for pattern in found:
        task = made("filesystem", "FileSensor", filepath=pattern, fs_conn_id="in", recursive=True)
        found[pattern].append(one_look(task, port).outcome)
    assert set(map(tuple, found.values())) == {("rescheduled", "success")}


def test_a_missing_connection_is_told_unless_it_is_the_default_one(tmp_path: Any) -> None:
    (tmp_path / "x").touch()
    there = made("filesystem", "FileSensor", filepath=str(tmp_path / "x"))
    assert one_look(there, MemoryPort()).outcome == "success"
    lost = made("filesystem", "FileSensor", filepath="x", fs_conn_id="nowhere")
    assert "nowhere" in one_look(lost, MemoryPort()).error


def other_dag(
    runs: dict[str, str] | None = None, states: dict[str, dict[str, str | None]] | None = None
) -> MemoryPort:
    """Answer a host that knows Dag ``o`` with these runs, or these instances in its runs."""
    port = MemoryPort()
    views = [
        RunView(dag_id="o", run_id=name, run_type="scheduled", state=state, run_after=DAY)
        for name, state in (runs or {}).items()
    ]
    port.answers.update(
        {
            ListRuns: lambda _: views,
            GetStates: lambda _: states or {},
            GetDag: lambda asked: (
                DagView(dag_id="o", is_paused=False) if asked.dag_id == "o" else None
            ),
            GetDagParts: lambda _: DagParts(task_ids=("a", "b"), group_ids=("g",)),
        }
    )
    return port


A, AB, G = ({"external_task_id": "a"}, {"external_task_ids": ["a", "b"]},
            {"external_task_group_id": "g"})  # fmt: skip
FAIL = {"failed_states": ["failed"]}
SKIP = {"skipped_states": ["skipped"]}
TWO = {"execution_date_fn": lambda date: [date, date - timedelta(days=1)]}
EXTERNAL: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"runs": {"r": "success"}}, "success"),
    ({}, {"runs": {"r": "running"}}, "rescheduled"),
    ({}, {"runs": {"r": "failed"}}, "rescheduled"),
    ({}, {}, "rescheduled"),
    (FAIL, {"runs": {"r": "failed"}}, "failed"),
    ({**FAIL, "soft_fail": True}, {"runs": {"r": "failed"}}, "skipped"),
    ({"allowed_states": ["failed"], "failed_states": ["success"]}, {"runs": {"r": "failed"}},
     "success"),
    (TWO, {"runs": {"r": "success"}}, "rescheduled"),
    (TWO, {"runs": {"r": "success", "s": "success"}}, "success"),
    (A, {"states": {"r": {"a": "success"}}}, "success"),
    (A, {"states": {"r": {"a": None}}}, "rescheduled"),
    (A, {"states": {"r": {"a_0": "success", "a_1": "success"}}}, "success"),
    (A, {"states": {"r": {"a_0": "success", "a_1": "running"}}}, "rescheduled"),
    (AB, {"states": {"r": {"a": "success"}}}, "rescheduled"),
    (AB, {"states": {"r": {"a": "success", "b": "success"}}}, "success"),
    ({**AB, **FAIL}, {"states": {"r": {"a": "failed", "b": "running"}}}, "failed"),
    ({**AB, **SKIP}, {"states": {"r": {"a": "success", "b": "skipped"}}}, "skipped"),
    ({**AB, **SKIP, **FAIL}, {"states": {"r": {"a": "failed", "b": "skipped"}}}, "failed"),
    (G, {"states": {"r": {"g.a": "success", "g.b": "success"}}}, "success"),
    (G, {"states": {"r": {"g.a": "success", "g.b": "running"}}}, "rescheduled"),
    ({**G, **FAIL}, {"states": {"r": {"g.a": "failed", "g.b": "running"}}}, "failed"),
    ({**G, **FAIL, "never_fail": True}, {"states": {"r": {"g.a": "failed"}}}, "skipped"),
]  # fmt: skip


@pytest.mark.parametrize(("kwargs", "there", "outcome"), EXTERNAL)
def test_how_another_dag_stands(
    kwargs: dict[str, Any], there: dict[str, Any], outcome: str
) -> None:
    task = made("external_task", "ExternalTaskSensor", external_dag_id="o", **kwargs)
    assert one_look(task, other_dag(**there)).outcome == outcome


@pytest.mark.parametrize(
    ("status", "soft_fail", "outcome"),
    [
        ("success", False, "success"),
        ("skipped", False, "skipped"),
        ("failed", False, "failed"),
        ("failed", True, "skipped"),
    ],
)
def test_what_the_trigger_saw_of_another_dag(status: str, soft_fail: bool, outcome: str) -> None:
    task = made("external_task", "ExternalTaskSensor", external_dag_id="o", soft_fail=soft_fail)
    resume = Resume(method="execute_complete", event=encode({"status": status}))
    assert run(task, leg=2, resume=resume).outcome == outcome


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({"external_dag_id": "x"}, "There is no Dag 'x'"),
        ({"external_dag_id": "o", "external_task_ids": ["a", "z"]}, "Dag 'o' has no task 'z'"),
        ({"external_dag_id": "o", "external_task_group_id": "h"}, "has no task group 'h'"),
        ({"external_dag_id": "o", "external_task_ids": ["a", "z"], "deferrable": True}, "'z'"),
    ],
)
def test_what_is_waited_for_may_have_to_be_there(kwargs: dict[str, Any], says: str) -> None:
    task = made("external_task", "ExternalTaskSensor", check_existence=True, **kwargs)
    assert says in one_look(task, other_dag()).error


def test_a_date_function_may_ask_for_the_context() -> None:
    asked: list[Any] = []
    port = other_dag(runs={"r": "success"})

    def note(question: Any) -> list[Any]:
        asked.append(question)
        return []

    port.answers[ListRuns] = note

    def yesterday(date: datetime, ds: str, context: Any) -> datetime:
        assert (ds, context["ds"]) == ("2026-04-20", "2026-04-20")
        return date - timedelta(days=1)

    task = made(
        "external_task", "ExternalTaskSensor", external_dag_id="o", execution_date_fn=yesterday
    )
    one_look(task, port)
    assert asked[0].logical_dates == (DAY - timedelta(days=1),)
    no_date = {"logical_date": None, "run_after": FUTURE}
    one_look(made("external_task", "ExternalTaskSensor", external_dag_id="o"), port, **no_date)
    assert asked[1].logical_dates == (FUTURE,)


def test_tasks_and_groups_of_the_own_run_can_be_waited_for() -> None:
    with DAG("own") as dag:
        with TaskGroup("g"):
            EmptyOperator(task_id="a")
        sensor = named("external_task", "ExternalTaskSensor")
        (
            dag.get_task("g.a")
            >> sensor(
                task_id="of_group",
                external_dag_id="own",
                external_task_group_id="g",
                check_existence=True,
            )
            >> sensor(task_id="of_task", external_dag_id="own", external_task_id="g.a")
        )
    assert dag.test().state == "success"


REFUSED: list[tuple[str, str, dict[str, Any], str]] = [
    ("external_task", "ExternalTaskSensor", {**A, "external_task_group_id": "g"}, "takes one of"),
    ("external_task", "ExternalTaskSensor", {**A, "external_task_ids": ["b"]}, "takes one of"),
    ("external_task", "ExternalTaskSensor",
     {"execution_delta": timedelta(1), "execution_date_fn": print}, "not both"),
    ("external_task", "ExternalTaskSensor", {**A, "failed_states": ["success"]}, "in one of"),
    ("external_task", "ExternalTaskSensor", {"failed_states": ["skipped"]}, "no state of a run"),
    ("external_task", "ExternalTaskSensor", {**A, "allowed_states": ["done"]},
     "no state of a task"),
    ("external_task", "ExternalTaskMarker", {**A, "recursion_depth": 0}, "at least 1"),
    ("external_task", "ExternalTaskMarker", {**A, "logical_date": 7}, "datetime or text"),
    ("weekday", "DayOfWeekSensor", {"week_day": "Moonday"}, "no day of the week"),
    ("time", "TimeSensor", {"target_time": "9:00"}, "must be a datetime.time"),
    ("bash", "BashSensor", {"bash_command": "true", "retry": 1}, "retry"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "kwargs", "says"), REFUSED)
def test_bad_input_is_told(module: str, name: str, kwargs: dict[str, Any], says: str) -> None:
    if module == "external_task":
        kwargs = {"external_dag_id": "o", **kwargs}
    with pytest.raises(Exception, match=says):
        made(module, name, **kwargs)


def test_a_task_named_twice_is_told_when_it_runs() -> None:
    task = made("external_task", "ExternalTaskSensor", external_dag_id="o", external_task_ids="aa")
    task.external_task_ids = ["a", "a"]
    assert "names a task twice" in one_look(task, other_dag()).error


def test_a_marker_does_nothing_and_keeps_what_it_marks() -> None:
    with DAG("d") as dag:
        task = ExternalTaskMarker(task_id="m", external_dag_id="o", external_task_id="t")
    assert run(task).outcome == "success"
    spec = serialize_dag(dag, "d.py").tasks[0]
    fields = spec.template_fields
    assert spec.recursion_depth == 10
    assert (fields["external_dag_id"], fields["external_task_id"]) == ("o", "t")
