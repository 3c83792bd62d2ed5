"""The kinds of task decorators, row by row, and what runs behind each."""

import sys

import pytest

from tests.unit.runtime.tasks import order_for, returned, run
from tradewind import DAG, BaseAsyncOperator, EmptyOperator, PokeReturnValue, task
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk import provided
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.installed import installed
from tradewind.sdk.providers import provider_infos
from tradewind.sdk.serde import encode

KINDS = [
    ("python", {}, "@task"),
    ("virtualenv", {"requirements": ["x"]}, "@task.virtualenv"),
    ("external_python", {"python": sys.executable}, "@task.external_python"),
    ("branch", {}, "@task.branch"),
    ("branch_virtualenv", {}, "@task.branch_virtualenv"),
    ("branch_external_python", {"python": sys.executable}, "@task.branch_external_python"),
    ("short_circuit", {"ignore_downstream_trigger_rules": False}, "@task.short_circuit"),
    ("sensor", {"poke_interval": 5.0, "mode": "reschedule"}, "@task.sensor"),
    ("bash", {"env": {"A": "1"}, "append_env": True}, "@task.bash"),
]


def function(a=1, b=2, ds=None):
    return f"echo {a} {b} {ds}"


@pytest.mark.parametrize(("kind", "settings", "name"), KINDS)
def test_every_kind_is_called_mapped_and_overridden_alike(kind, settings, name):
    with DAG("kinds", schedule=None) as dag:
        made = getattr(task, kind)(retries=2, **settings)(function)
        made(1, b=2)
        made("x")
        made.override(task_id="other", retries=5)(3)
        made.partial(a=1).expand(b=[2, 3])
        made.expand_kwargs([{"a": 1}, {"a": 2, "b": 3}])

    assert dag.task_ids == ["function", "function__1", "other", "function__2", "function__3"]
    assert [dag.get_task(name).retries for name in dag.task_ids] == [2, 2, 5, 2, 2]
    assert {one.operator_name for one in dag.tasks} == {name}
    for setting, value in settings.items():
        assert getattr(dag.get_task("other"), setting) == value


RUNS = [("python", {}), ("bash", {}), ("external_python", {"python": sys.executable})]


@pytest.mark.parametrize(("kind", "settings"), RUNS)
def test_context_keys_are_parameters(kind, settings):
    with DAG("context"):
        made = getattr(task, kind)(**settings)(function)(7)

    answer = returned(run(made.operator))
    assert answer.removeprefix("echo ") == "7 2 2026-04-20"


def test_a_sensor_looks_until_its_function_says_yes():
    looks = []

    with DAG("sensing"):

        @task.sensor(poke_interval=0, templates_dict={"day": "{{ ds }}"})
        def is_there(wanted, templates_dict=None):
            looks.append(templates_dict["day"])
            return PokeReturnValue(len(looks) >= wanted, xcom_value=len(looks))

        made = is_there(3)

    assert returned(run(made.operator)) == 3
    assert looks == ["2026-04-20"] * 3


def test_an_async_function_is_a_task():
    with DAG("waiting"):

        @task
        async def wait(n, ds=None):
            return n, ds

        made = wait(1)

    assert returned(run(made.operator)) == (1, "2026-04-20")
    assert made.operator.is_async
    assert not EmptyOperator(task_id="x").is_async


def test_an_operator_may_work_by_await():
    class Fetch(BaseAsyncOperator):
        async def aexecute(self, context):
            return context["ds"]

    with DAG("fetching"):
        assert returned(run(Fetch(task_id="fetch"))) == "2026-04-20"


CONDITIONS = [
    (task.run_if(lambda _: True), "success", ""),
    (task.run_if(lambda _: False), "skipped", "Skipped by @task.run_if"),
    (task.run_if(lambda _: False, "not today"), "skipped", "not today"),
    (task.run_if(lambda _: (False, "no data"), "not today"), "skipped", "no data"),
    (task.run_if(lambda _: (True, "no data")), "success", ""),
    (task.skip_if(lambda context: context["ds"] == "2026-04-20"), "skipped", "by @task.skip_if"),
    (task.skip_if(lambda _: False), "success", ""),
]


@pytest.mark.parametrize(("decorate", "outcome", "told"), CONDITIONS)
def test_a_condition_decides_before_the_task_runs(decorate, outcome, told, caplog):
    caplog.set_level("INFO")
    called = []
    with DAG("conditions"):
        made = decorate(task(pre_execute=lambda _: called.append("pre"))(function))(1)

    assert run(made.operator).outcome == outcome
    assert told in caplog.text
    assert called == ([] if outcome == "skipped" else ["pre"])


def test_a_condition_holds_for_each_mapped_instance():
    with DAG("conditions"):

        @task.run_if(lambda context: context["ti"].map_index > 0)
        @task
        def some(n):
            return n

        mapped = some.expand(n=[1, 2]).operator

    assert [run(mapped, map_index=i, map_path=str(i)).outcome for i in (0, 1)] == [
        "skipped",
        "success",
    ]


def test_a_condition_goes_above_a_task():
    with pytest.raises(TypeError, match="goes above a task decorator"):
        task.run_if(lambda _: True)(function)  # type: ignore[arg-type]


def test_a_stub_declares_and_does_not_run():
    with DAG("stubs"):

        @task.stub(queue="go", retries=3)
        def transform(x):
            """Written in Go."""
            ...

        made = transform(1)

    done = run(made.operator, max_tries=3)
    assert (done.outcome, done.retry) == ("failed", False)
    assert "no worker of queue 'go'" in done.error
    assert "another language" in made.operator.warnings[0]


def test_a_stub_with_a_body_is_refused():
    with DAG("stubs"), pytest.raises(AirflowException, match="must be empty"):
        task.stub(function)(1)


UNKNOWN = [
    ("docker", "comes with the package apache-airflow-providers-docker, which is not installed"),
    ("kubernetes", "apache-airflow-providers-cncf-kubernetes"),
    ("pyspark", "apache-airflow-providers-apache-spark"),
    ("llm_sql", "apache-airflow-providers-common-ai"),
    ("pyton", "Did you mean 'python'?"),
]


@pytest.mark.parametrize(("name", "told"), UNKNOWN)
def test_a_decorator_that_is_not_there_is_named(name, told):
    with pytest.raises(AttributeError, match=told):
        getattr(task, name)


def test_a_provider_brings_decorators(tmp_path, monkeypatch):
    (tmp_path / "spinning.py").write_text(
        "def info():\n"
        "    row = {'name': 'spin', 'class-name': 'tests.unit.runtime.test_kinds.spin_task'}\n"
        "    return {'package-name': 'spinning', 'task-decorators': [row]}\n"
    )
    about = tmp_path / "spinning-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: spinning\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[apache_airflow_provider]\nprovider_info = spinning:info\nbroken = nowhere:info\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    installed.cache_clear()
    provider_infos.cache_clear()
    try:
        assert provided.find_decorator("spin") is spin_task
        assert provided.find_decorator("spun") is None
        assert task.spin is spin_task
    finally:
        installed.cache_clear()
        provider_infos.cache_clear()
        vars(task).pop("spin", None)


def spin_task(python_callable=None, **kwargs):
    return python_callable


def test_nothing_is_both_fixed_and_mapped_over_unless_that_is_asked_for():
    with DAG("twice") as dag:
        made = task(function).partial(a=1)
        with pytest.raises(TypeError, match="'a' of task 'function' is given twice"):
            made.expand(a=[1])
        with pytest.raises(TypeError, match="is given twice"):
            made.expand_kwargs([{"a": 2}])
        loose = made.expand_kwargs([{"a": 2}], strict=False).operator
        strict = made.override(task_id="strict").expand_kwargs(task(rows)()).operator
        assert dag.has_task("rows")

    assert returned(run(loose, map_index=0, map_path="0")) == "echo 2 2 2026-04-20"
    port = MemoryPort()
    port.begin("twice", order_for(strict).run.run_id, "rows", -1)
    port.push_xcom("return_value", encode([{"a": 2}]), 1)
    done = run(strict, port, map_index=0, map_path="0")
    assert "'a' of task 'strict' is given twice: fixed and mapped" in done.error


def rows():
    return [{"a": 2}]
