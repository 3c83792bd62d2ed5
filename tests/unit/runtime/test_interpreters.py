"""Functions run by other interpreters, for real: environments are made, kept and shared."""
# ruff: noqa: PLC0415, T201 - functions that travel bring their imports along, and print

import logging
import os
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from types import FunctionType

import pytest

from tests.unit.runtime.tasks import hosted, returned, run
from tradewind import DAG, Connection, EmptyOperator, task
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.interpreters import (
    ExternalPythonOperator,
    PythonVirtualenvOperator,
    _index_url,
)
from tradewind.sdk.sources import function_source
from tradewind.sdk.virtualenvs import Recipe

WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def told(n, ds, params=None, logical_date=None, **context):
    import datetime
    import os
    import sys

    print("from inside")
    return {
        "n": n,
        "ds": ds,
        "prefix": sys.prefix,
        "date": type(logical_date) is datetime.datetime and logical_date.isoformat(),
        "params": params,
        "run_id": context["run_id"],
        "var": os.environ.get("OWN"),
        "home": os.environ.get("HOME"),
        "lines": globals()["virtualenv_string_args"],
    }


@pytest.fixture(scope="module")
def venvs(tmp_path_factory):
    """Answer a folder for environments that all tests of this module share."""
    return tmp_path_factory.mktemp("venvs")


@pytest.fixture
def wheel(tmp_path):
    """Answer a tiny package as a wheel: no index is asked."""
    path = tmp_path / "tiny_pack-1.0-py3-none-any.whl"
    info = "tiny_pack-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("tiny_pack.py", "SIZE = 3\n")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny_pack\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", WHEEL)
        file.writestr(f"{info}/RECORD", "")
    return path


def test_a_function_runs_in_an_environment_of_its_own(venvs, caplog):
    caplog.set_level(logging.INFO)
    with DAG("own", params={"limit": 5}):
        one = PythonVirtualenvOperator(
            task_id="one",
            python_callable=told,
            op_args=[1],
            op_kwargs={"params": "{{ params }}"},
            system_site_packages=False,
            venv_cache_path=venvs,
            env_vars={"OWN": "{{ ds }}"},
            inherit_env=False,
            string_args=["a", "b"],
        )

    answer = returned(run(one))

    assert answer["prefix"].startswith(str(venvs))
    assert (answer["n"], answer["ds"], answer["var"]) == (1, "2026-04-20", "2026-04-20")
    assert answer["date"] == "2026-04-20T00:00:00+00:00"
    assert answer["home"] is None
    assert answer["lines"] == ["a", "b"]
    assert "from inside" in caplog.messages


def test_an_environment_is_made_once_for_the_same_requirements(venvs, wheel, caplog):
    caplog.set_level(logging.INFO)
    with DAG("shared"):

        @task.virtualenv(
            requirements=[str(wheel)],
            system_site_packages=False,
            venv_cache_path=str(venvs),
            index_urls=[],
        )
        def size(factor):
            import tiny_pack  # type: ignore[import-not-found]

            return factor * tiny_pack.SIZE

        first, second = size(2), size(5)

    before = len(list(venvs.glob("venv-*/.ready")))
    assert returned(run(first.operator)) == 6
    assert "Using the environment" not in caplog.text
    assert returned(run(second.operator)) == 15
    assert "Using the environment" in caplog.text
    assert len(list(venvs.glob("venv-*/.ready"))) == before + 1
    assert second.operator.task_id == "size__1"


def test_what_cannot_be_installed_fails_with_a_sentence(venvs):
    with DAG("missing"):
        one = PythonVirtualenvOperator(
            task_id="one",
            python_callable=uses_ds,
            requirements="no-such-package-of-ours==1\n",
            index_urls=[],
            venv_cache_path=venvs,
        )

    done = run(one)

    assert done.outcome == "failed"
    assert "Python environment of this task cannot be made" in done.error


ENVIRONMENTS = [
    ({}, True),
    ({"requirements": ("b", "a")}, False),
    ({"python_version": "3.12"}, False),
    ({"system_site_packages": False}, False),
    ({"index_urls": ()}, False),
    ({"pip_install_options": ("--pre",)}, False),
]


@pytest.mark.parametrize(("changes", "is_same"), ENVIRONMENTS)
def test_all_that_shapes_an_environment_names_it(changes, is_same):
    assert (Recipe(**changes).key == Recipe().key) is is_same


def test_the_order_of_requirements_and_a_password_do_not_matter():
    assert Recipe(requirements=("a", "b")).key == Recipe(requirements=("b", "a")).key
    one = Recipe(index_urls=("https://me:secret@index.example/simple",))
    assert one.key == Recipe(index_urls=("https://me:other@index.example/simple",)).key
    assert one.key != Recipe(index_urls=("https://other.example/simple",)).key


def test_an_index_may_be_a_connection():
    found = Connection(conn_id="index", host="https://i.example/x", login="u", password="p@")

    with hosted(MemoryPort(connections={"index": found})):
        assert _index_url("index") == "https://u:p%40@i.example/x"


def test_another_interpreter_may_be_named():
    with DAG("named") as dag:

        @task.external_python(python=sys.executable, env_vars={"OWN": "1"})
        def which(what, *, ds=None):
            import os
            import sys

            return [sys.executable, what, ds, os.environ["OWN"]]

        which("x")

    assert returned(run(dag.get_task("which"))) == [sys.executable, "x", "2026-04-20", "1"]


def test_an_async_function_is_run_to_its_end():
    with DAG("waits"):

        @task.external_python(python=sys.executable)
        async def wait():
            import asyncio

            await asyncio.sleep(0)
            return "waited"

        made = wait()

    assert returned(run(made.operator)) == "waited"


def test_the_branches_choose_from_there():
    with DAG("choosing"):

        @task.branch_external_python(python=sys.executable)
        def choose():
            return "left"

        made = choose()
        made >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]

    done = run(made.operator)

    assert (returned(done), done.skips) == ("left", ("right",))


@pytest.mark.parametrize(
    ("body", "told", "outcome"),
    [
        ("raise ValueError('no  file')", "exited with code 1: ValueError: no file", "failed"),
        ("import sys; sys.exit(7)", "exited with code 7", "failed"),
        ("import sys; sys.exit(9)", "", "skipped"),
        ("return (x for x in ())", "cannot pickle 'generator' object", "failed"),
    ],
)
def test_how_it_ends_there_is_how_the_task_ends(tmp_path, monkeypatch, body, told, outcome):
    module = tmp_path / f"functions_{abs(hash(body))}.py"
    module.write_text(f"def function():\n    {body}\n")
    monkeypatch.syspath_prepend(tmp_path)
    function = __import__(module.stem).function
    with DAG("ends"):
        one = ExternalPythonOperator(
            task_id="one", python=sys.executable, python_callable=function, skip_on_exit_code=9
        )

    done = run(one)

    assert done.outcome == outcome
    assert told in done.error


def needs_ti(ti):
    return ti


def uses_ds(ds):
    return ds


REFUSED = [
    ({"python_callable": needs_ti, "python": sys.executable}, "can be handed to another interpr"),
    ({"python_callable": uses_ds, "python": "/no/such/python"}, "no Python interpreter at"),
    ({"python_callable": uses_ds, "python": "/bin/true"}, "is no Python interpreter"),
]


@pytest.mark.parametrize(("settings", "told"), REFUSED)
def test_what_cannot_be_is_said_when_it_runs(settings, told):
    with DAG("refused"):
        done = run(ExternalPythonOperator(task_id="one", **settings))

    assert done.outcome == "failed"
    assert told in done.error


def test_an_interpreter_without_the_serializer_is_refused(tmp_path):
    bare = ["-m", "venv", "--without-pip", str(tmp_path / "bare")]
    subprocess.run([sys.executable, *bare], check=True)
    with DAG("refused"):
        one = ExternalPythonOperator(
            task_id="one",
            python=str(tmp_path / "bare" / "bin" / "python"),
            python_callable=uses_ds,
            serializer="dill",
        )

    assert "has no dill installed" in run(one).error


@pytest.mark.parametrize("serializer", ["dill", "cloudpickle"])
def test_other_serializers_take_along_what_pickle_cannot(serializer):
    def apply(function, n):
        return function(n)

    # Of no module: dill would send along by name the one it is from.
    increment = FunctionType((lambda n: n + 1).__code__, {})
    arguments = {"python_callable": apply, "op_args": [increment, 2]}
    with DAG("serializers"):
        plain = ExternalPythonOperator(task_id="plain", python=sys.executable, **arguments)
        one = ExternalPythonOperator(
            task_id="one", python=sys.executable, serializer=serializer, **arguments
        )

    assert "cannot be handed to another interpreter" in run(plain).error
    assert returned(run(one)) == 3


def wheel_of(name, folder):
    """Pack what is installed here under a name into a wheel, so that no index is asked."""
    about = distribution(name)
    path = folder / f"{name}-{about.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        for one in about.files or ():
            if ".." not in one.parts and one.suffix != ".pyc":
                file.write(one.locate(), one)
    return path


@pytest.mark.parametrize("method", ["uv", "pip"])
def test_uv_or_pip_installs_as_the_settings_say(method, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("AIRFLOW__STANDARD__VENV_INSTALL_METHOD", method)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    pickler = wheel_of("cloudpickle", tmp_path)
    with DAG("installs"):

        @task.virtualenv(
            requirements=[f"cloudpickle @ {pickler.as_uri()}"],
            serializer="cloudpickle",
            system_site_packages=False,
            venv_cache_path=str(tmp_path / "{{ ds }}"),
            index_urls=[],
        )
        def version(given):
            import cloudpickle  # type: ignore[import-untyped]

            return [cloudpickle.__version__, given()]

        made = version(lambda: 7)

    assert returned(run(made.operator)) == [distribution("cloudpickle").version, 7]
    (config,) = (tmp_path / "2026-04-20").glob("venv-*/pyvenv.cfg")
    assert ("uv = " in config.read_text()) is (method == "uv")
    caplog.clear()
    returned(run(made.operator))
    assert "Using the environment" in caplog.text


@pytest.mark.parametrize(
    ("method", "told"),
    [("uv", "'uv', which is not on the PATH"), ("conda", "is 'auto', 'uv' or 'pip', not 'conda'")],
)
def test_a_way_to_install_that_is_not_there_is_told(method, told, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__STANDARD__VENV_INSTALL_METHOD", method)
    monkeypatch.setenv("PATH", str(tmp_path))
    with DAG("ways"):
        one = PythonVirtualenvOperator(
            task_id="one", python_callable=uses_ds, venv_cache_path=tmp_path
        )
    assert told in run(one).error


def test_what_cannot_be_is_said_when_the_file_is_read():
    with DAG("refused"):
        with pytest.raises(AirflowException, match="written with `def`"):
            PythonVirtualenvOperator(task_id="a", python_callable=lambda: 1)
        with pytest.raises(AirflowException, match="unknown serializer 'json'"):
            PythonVirtualenvOperator(task_id="b", python_callable=uses_ds, serializer="json")
        with pytest.raises(ValueError, match="the path of an interpreter"):
            ExternalPythonOperator(task_id="c", python_callable=uses_ds, python="")


def test_the_text_of_a_function_is_without_what_makes_it_a_task():
    with DAG("texts"):

        @task.run_if(lambda context: True)
        @task.virtualenv(
            requirements=["x"],
        )
        def plain(a):
            # a comment stays
            return a

    assert function_source(plain.function) == "def plain(a):\n    # a comment stays\n    return a\n"


def test_a_mapped_task_runs_there_too():
    with DAG("mapped") as dag:

        @task.external_python(python=sys.executable)
        def double(n):
            return 2 * n

        double.expand(n=[1, 2])

    assert returned(run(dag.get_task("double"), map_index=1, map_path="1")) == 4
