"""The small things that provider packages and older files import."""

import asyncio
import doctest
import sys
from types import ModuleType

import pytest

from tradewind.compat import callables, functions
from tradewind.compat.providers_manager import ProvidersManager
from tradewind.sdk.context_vars import context_merge, context_to_airflow_vars
from tradewind.sdk.exceptions import AirflowTaskTimeout
from tradewind.sdk.lineage import HookLineageCollector, get_hook_lineage_collector
from tradewind.sdk.stats import Stats
from tradewind.sdk.timeouts import timeout


def test_the_examples_hold():
    told = doctest.testmod(functions)

    assert told.failed == 0
    assert told.attempted > 8


def test_what_is_not_there_is_not_imported():
    for path in ("json.nothing", "nothing", "no_such_module.x"):
        with pytest.raises(ImportError):
            functions.import_string(path)


def test_old_names_lead_to_new_ones(monkeypatch):
    package = ModuleType("older_package")
    monkeypatch.setitem(sys.modules, "older_package", package)
    functions.add_deprecated_classes(
        {"names": {"dumps": "json.dumps"}, "__init__": {"loads": "json.loads"}}, "older_package"
    )

    assert sys.modules.pop("older_package.names").dumps([1]) == "[1]"
    assert package.loads("[1]") == [1]
    with pytest.raises(AttributeError, match="has no attribute 'other'"):
        _ = package.other


def test_functions_are_called_as_ours_are():
    def plain(a, b=1):
        return a + b

    async def waiting(a):
        return a

    runner = callables.create_executable_runner(plain, {}, logger=None)
    awaited = callables.create_async_executable_runner(waiting, {}, logger=None)
    direct = callables.create_async_executable_runner(plain, {}, logger=None)

    assert runner.run(1, b=2) == 3
    assert asyncio.run(awaited.run(4)) == 4
    assert asyncio.run(direct.run(4)) == 5
    assert callables.context_get_outlet_events({}) == {}


def test_what_installed_providers_say_is_found():
    manager = ProvidersManager()

    assert set(manager.hooks) >= set()
    assert manager.dialects is manager.dialects


def test_a_block_may_not_take_too_long():
    def spin():
        with timeout(0.02, "too slow"):
            while True:
                pass

    with pytest.raises(AirflowTaskTimeout, match="too slow"):
        spin()
    with timeout(5):
        pass


def test_metrics_and_lineage_are_let_go():
    with Stats.timer("x") as timer:
        Stats.incr("x")
        Stats.gauge("x", 1.0)
    collector = get_hook_lineage_collector()
    collector.add_input_asset(None, uri="s3://a")

    assert timer.duration is None
    assert not collector.has_collected
    real = HookLineageCollector()
    assert real.create_asset(uri="s3://a/b").uri == "s3://a/b"
    assert real.create_asset(scheme="s3") is None
    real.add_output_asset(None, uri="s3://a")
    assert real.collected_assets.outputs == [{"uri": "s3://a"}]


def test_facts_of_a_run_become_variables():
    class Instance:
        dag_id, task_id, run_id, try_number = "d", "t", "r", 2

    class Task:
        owner, email = "ann", ["a@b", "c@d"]

    class Run:
        logical_date = None

    context = {"ti": Instance(), "task": Task(), "dag_run": Run()}

    assert context_to_airflow_vars(context, in_env_var_format=True) == {
        "AIRFLOW_CTX_DAG_ID": "d",
        "AIRFLOW_CTX_TASK_ID": "t",
        "AIRFLOW_CTX_TRY_NUMBER": "2",
        "AIRFLOW_CTX_DAG_RUN_ID": "r",
        "AIRFLOW_CTX_DAG_OWNER": "ann",
        "AIRFLOW_CTX_DAG_EMAIL": "a@b,c@d",
    }
    assert context_to_airflow_vars(context)["airflow.ctx.dag_id"] == "d"
    context_merge(context, {"a": 1}, b=2)
    assert (context["a"], context["b"]) == (1, 2)
    with pytest.raises(TypeError, match="needs something"):
        context_merge(context)
