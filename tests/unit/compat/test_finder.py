"""What is served, what is refused, and what is left to real provider packages."""

import importlib
import re
import sys
from typing import Any

import pytest

from tradewind import BashOperator, PythonOperator
from tradewind.compat.finder import CompatFinder, ServedModule, install, uninstall
from tradewind.sdk.exceptions import AirflowException


@pytest.fixture(autouse=True)
def served():
    install()
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "airflow"]:
        del sys.modules[name]
    uninstall()


def test_installing_twice_changes_nothing():
    install()

    assert sum(isinstance(finder, CompatFinder) for finder in sys.meta_path) == 1


def test_an_unknown_name_is_one_sentence_with_the_nearest():
    with pytest.raises(ImportError, match=r"no 'BashOperater' in 'airflow.operators.bash'. Did"):
        exec("from airflow.operators.bash import BashOperater")  # noqa: S102


def test_whoever_asks_whether_there_is_a_name_is_told_no():
    module = importlib.import_module("airflow.operators.bash")

    assert not hasattr(module, "BashOperater")
    assert getattr(module, "BashOperater", None) is None


@pytest.mark.parametrize(
    ("module", "use"),
    [
        ("airflow.utils.session", "create_session()"),
        ("airflow.utils.db", "provide_session(lambda session=None: 1)()"),
        ("airflow.models", "DagModel.get_current('x')"),
        ("airflow.models.serialized_dag", "SerializedDagModel()"),
        ("airflow.api.common.trigger_dag", "trigger_dag('x')"),
    ],
)
def test_names_of_a_database_say_so_when_they_are_used(module, use):
    code = f"from {module} import {re.split('[^A-Za-z_]', use)[0]}\n"
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102

    with pytest.raises(AirflowException, match="database"):
        eval(use, names)  # noqa: S307


def test_a_function_that_wants_a_session_takes_one_that_is_given():
    session = importlib.import_module("airflow.utils.session")

    assert session.provide_session(lambda session=None: session)(session=3) == 3


def test_a_name_that_lives_elsewhere_says_where():
    with pytest.raises(ImportError, match=r"'TaskGroup' in 'airflow.models'. It is in 'airflow"):
        exec("from airflow.models import TaskGroup")  # noqa: S102


def test_an_unknown_module_is_one_sentence_with_the_nearest():
    with pytest.raises(ModuleNotFoundError, match=r"Did you mean 'airflow.operators.python'"):
        importlib.import_module("airflow.operators.pythn")


def test_a_missing_provider_is_named_as_a_package():
    with pytest.raises(ModuleNotFoundError, match="apache-airflow-providers-postgres"):
        importlib.import_module("airflow.providers.postgres.hooks.postgres")


def test_a_guarded_import_of_something_unknown_can_be_caught():
    with pytest.raises(ImportError):
        importlib.import_module("airflow.sensors.sqll")


NO_DATABASE = [
    "from airflow.settings import Session",
    "from airflow.models import DagBag",
    "from airflow.models import DagTag",
    "import airflow.jobs.job",
]


@pytest.mark.parametrize("statement", NO_DATABASE)
def test_who_looks_for_the_database_is_told_why_there_is_none(statement):
    with pytest.raises(ImportError, match="reach no database here"):
        exec(statement, {})  # noqa: S102


def test_submodules_can_be_imported_from_their_package():
    names: dict[str, Any] = {}
    exec(  # noqa: S102
        "from airflow import macros\n"
        "from airflow.operators import python\n"
        "from airflow.utils import timezone\n",
        names,
    )
    macros, python, timezone = names["macros"], names["python"], names["timezone"]

    assert python.PythonOperator is PythonOperator
    assert timezone.utcnow().tzinfo is not None
    assert macros.ds_add("2026-04-20", 1) == "2026-04-21"


def test_standard_operators_are_ours_while_the_real_package_is_absent():
    bash = importlib.import_module("airflow.providers.standard.operators.bash")

    assert bash.BashOperator is BashOperator


def test_real_provider_packages_are_left_to_themselves(tmp_path, monkeypatch):
    package = tmp_path / "airflow" / "providers" / "acme" / "operators"
    package.mkdir(parents=True)
    (tmp_path / "airflow" / "providers" / "acme" / "__init__.py").write_text(
        "from airflow import __version__ as seen\n"
    )
    (package / "__init__.py").write_text("")
    (package / "rocket.py").write_text(
        "from airflow.sdk import BaseOperator\n"
        "class RocketOperator(BaseOperator):\n"
        "    template_fields = ('target',)\n"
        "    def __init__(self, *, target, **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "        self.target = target\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    rocket = importlib.import_module("airflow.providers.acme.operators.rocket")

    assert str(rocket.__file__).startswith(str(tmp_path))
    assert rocket.RocketOperator(task_id="t", target="moon").target == "moon"
    assert sys.modules["airflow.providers.acme"].seen == "3.3.2"
    assert isinstance(sys.modules["airflow"], ServedModule)
    standard = importlib.import_module("airflow.providers.standard.operators.python")
    assert isinstance(standard, ServedModule)


def test_a_physical_airflow_does_not_take_over(tmp_path, monkeypatch):
    (tmp_path / "airflow").mkdir()
    (tmp_path / "airflow" / "__init__.py").write_text("raise RuntimeError('the real one')")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert isinstance(importlib.import_module("airflow"), ServedModule)
