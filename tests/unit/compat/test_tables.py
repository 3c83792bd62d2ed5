"""Every row of the tables resolves, to something of ours that lies below compat."""

import importlib
import subprocess
import sys

import pytest

from tradewind import DAG
from tradewind.compat.finder import MODULES, TABLE, install, resolve, uninstall
from tradewind.compat.tables import COMPAT_LEVEL, WHOLE

ROWS = [(module, name, target) for module, rows in TABLE.items() for name, target in rows.items()]


@pytest.fixture
def served():
    install()
    yield
    uninstall()


@pytest.mark.parametrize(("module", "name", "target"), ROWS)
def test_the_row_resolves(module, name, target):
    assert resolve(target) is not None or name in ("NOTSET",)
    assert target.startswith(("tradewind.sdk.", "tradewind.compat.", "datetime:"))


@pytest.mark.parametrize("target", sorted(set(WHOLE.values())))
def test_whole_modules_are_there(target):
    assert importlib.import_module(target).__name__ == target


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_can_be_imported_and_lists_its_names(served, module):
    made = importlib.import_module(module)

    for name in dir(made):
        assert getattr(made, name, None) is not None or name == "NOTSET"


def test_the_old_and_the_new_path_lead_to_one_class(served):
    paths = ("airflow", "airflow.models", "airflow.models.dag", "airflow.sdk")

    assert {importlib.import_module(path).DAG for path in paths} == {DAG}


def test_it_says_which_version_it_answers_for(served):
    assert importlib.import_module("airflow").__version__ == COMPAT_LEVEL == "3.3.2"
    assert importlib.import_module("airflow.version").version == COMPAT_LEVEL


def test_nothing_is_served_unless_asked_for():
    done = subprocess.run(
        [sys.executable, "-c", "import tradewind.sdk, tradewind.compat.finder, airflow"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "ModuleNotFoundError: No module named 'airflow'" in done.stderr
