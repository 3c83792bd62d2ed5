"""How many of the names that public Dag files and provider packages import are served.

``data/core-names.csv`` holds what 3,132 public Dag files import of the field's own modules, and how
many files each name is in.
"""

import csv
import importlib
from pathlib import Path

import pytest

from tradewind.compat.finder import install, uninstall
from tradewind.compat.paths import MOVED

DATA = Path(__file__).parent / "data" / "core-names.csv"
_SHARE = 0.97
_SHARE_OF_FIRST_100 = 0.91


@pytest.fixture(scope="module", autouse=True)
def served():
    install()
    yield
    uninstall()


def rows():
    with DATA.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def is_served(module, name):
    try:
        made = importlib.import_module(module)
    except ImportError:
        return False
    if name in ("<module>", "*"):
        return True
    try:
        getattr(made, name)
    except (ImportError, AttributeError):
        return module in MOVED and name in MOVED[module]
    return True


def share(found):
    files = sum(int(row["files"]) for row in found)
    have = sum(int(row["files"]) for row in found if is_served(row["module"], row["name"]))
    return have / files


def test_most_of_what_dag_files_import_is_served(record_property):
    found = share(rows())

    record_property("share", found)
    assert found >= _SHARE


def test_the_hundred_most_imported_names_are_served(record_property):
    most = sorted(rows(), key=lambda row: -int(row["files"]))[:100]
    missing = [f"{r['module']}:{r['name']}" for r in most if not is_served(r["module"], r["name"])]

    record_property("missing", missing)
    assert 1 - len(missing) / 100 >= _SHARE_OF_FIRST_100, missing


# What provider packages import through one funnel, and where it looks first.
_FUNNEL = {
    "airflow.sdk": (
        "Asset BaseHook BaseOperator BaseOperatorLink BaseSensorOperator Connection Context DAG "
        "ObjectStoragePath Param PokeReturnValue ResumableJobMixin TaskGroup XComArg "
        "get_current_context"
    ),
    "airflow.sdk.exceptions": (
        "AirflowConfigException AirflowException AirflowFailException AirflowNotFoundException "
        "AirflowOptionalProviderFeatureException AirflowSkipException AirflowTaskTimeout "
        "DagRunTriggerException DownstreamTasksSkipped ParamValidationError TaskDeferred"
    ),
    "airflow.sdk.bases.branch": "BaseBranchOperator BranchMixIn",
    "airflow.sdk.bases.decorator": (
        "DecoratedOperator KeywordParameters TaskDecorator determine_kwargs get_unique_task_id "
        "task_decorator_factory"
    ),
    "airflow.sdk.bases.sensor": "poke_mode_only",
    "airflow.sdk.bases.skipmixin": "SkipMixin",
    "airflow.sdk.configuration": "conf",
    "airflow.sdk.definitions.context": "context_merge",
    "airflow.sdk.definitions.mappedoperator": "MappedOperator",
    "airflow.sdk.definitions._internal.types": "SET_DURING_EXECUTION",
    "airflow.sdk.execution_time.context": "AIRFLOW_VAR_NAME_FORMAT_MAPPING context_to_airflow_vars",
    "airflow.sdk.execution_time.timeout": "timeout",
    "airflow.sdk.execution_time.xcom": "XCom",
    "airflow.sdk.lineage": "HookLineage HookLineageReader get_hook_lineage_collector",
    "airflow.sdk.log": "mask_secret redact",
    "airflow.sdk.observability.stats": "Stats",
    "airflow.sdk.plugins_manager": "AirflowPlugin",
    "airflow.sdk.timezone": "utcnow",
    "airflow.sdk._shared.listeners": "hookimpl",
    "airflow.models.xcom": "XCOM_RETURN_KEY",
}
FUNNEL = [(module, name) for module, names in _FUNNEL.items() for name in names.split()]


@pytest.mark.parametrize(("module", "name"), FUNNEL)
def test_what_providers_import_is_where_they_look_first(module, name):
    assert getattr(importlib.import_module(module), name) is not None


GONE = [(module, name, target) for module, names in MOVED.items() for name, target in names.items()]


@pytest.mark.parametrize(("module", "name", "target"), GONE)
def test_what_a_provider_has_taken_over_is_found_or_its_package_named(module, name, target):
    told = name
    try:
        found = getattr(importlib.import_module(module), name).__name__
    except ImportError as error:
        told, found = "apache-airflow-providers-", str(error)

    assert told in found
    assert target.startswith("airflow.providers.")
