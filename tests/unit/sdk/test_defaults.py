"""What arguments are when nobody gives them: the published tables, row by row."""

import importlib
import inspect
from datetime import timedelta
from typing import Any

import pytest

from tradewind import (
    DAG,
    BaseOperator,
    BashOperator,
    EmptyOperator,
    Param,
    PythonOperator,
    TaskGroup,
    task,
)
from tradewind.sdk.operators.python import ShortCircuitOperator
from tradewind.sdk.operators.trigger_dag_run import TriggerDagRunOperator
from tradewind.sdk.sensor import BaseSensorOperator

OF_DAGS: dict[str, Any] = {
    "description": None,
    "default_args": {},
    "start_date": None,
    "end_date": None,
    "schedule": None,
    "template_searchpath": [],
    "user_defined_macros": None,
    "user_defined_filters": None,
    "max_active_tasks": 16,
    "max_active_runs": 16,
    "max_consecutive_failed_dag_runs": 0,
    "dagrun_timeout": None,
    "deadline": [],
    "catchup": False,
    "on_success_callback": [],
    "on_failure_callback": [],
    "doc_md": None,
    "is_paused_upon_creation": None,
    "render_template_as_native_obj": False,
    "tags": set(),
    "owner_links": {},
    "auto_register": True,
    "fail_fast": False,
    "dag_display_name": "d",
    "disable_bundle_versioning": None,
    "rerun_with_latest_version": None,
}

OF_OPERATORS: dict[str, Any] = {
    "owner": "airflow",
    "email": None,
    "email_on_retry": True,
    "email_on_failure": True,
    "retries": 0,
    "retry_delay": timedelta(seconds=300),
    "retry_exponential_backoff": 0.0,
    "max_retry_delay": None,
    "retry_policy": None,
    "start_date": None,
    "end_date": None,
    "depends_on_past": False,
    "ignore_first_depends_on_past": False,
    "wait_for_past_depends_before_skipping": False,
    "wait_for_downstream": False,
    "priority_weight": 1,
    "weight_rule": "downstream",
    "queue": "default",
    "pool": "default_pool",
    "pool_slots": 1,
    "execution_timeout": None,
    "on_execute_callback": [],
    "on_failure_callback": [],
    "on_success_callback": [],
    "on_retry_callback": [],
    "on_skipped_callback": [],
    "trigger_rule": "all_success",
    "resources": None,
    "run_as_user": None,
    "map_index_template": None,
    "max_active_tis_per_dag": None,
    "max_active_tis_per_dagrun": None,
    "executor": None,
    "executor_config": {},
    "do_xcom_push": True,
    "multiple_outputs": False,
    "inlets": [],
    "outlets": [],
    "task_display_name": "t",
    "logger_name": None,
    "allow_nested_operators": True,
    "render_template_as_native_obj": None,
    # Of the class.
    "template_fields": (),
    "template_ext": (),
    "template_fields_renderers": {},
    "ui_fgcolor": "#000",
    "operator_extra_links": (),
    "start_trigger_args": None,
    "start_from_trigger": False,
    "overwrite_rtif_after_execution": False,
}

OF_SENSORS: dict[str, Any] = {
    "poke_interval": 60,
    "timeout": 604800,
    "soft_fail": False,
    "never_fail": False,
    "silent_fail": False,
    "mode": "poke",
    "exponential_backoff": False,
    "max_wait": None,
}

OF_GROUPS: dict[str, Any] = {
    "group_display_name": "",
    "prefix_group_id": True,
    "default_args": {},
    "tooltip": "",
    "doc_md": None,
    "ui_color": "CornflowerBlue",
    "ui_fgcolor": "#000",
}


def differing(found: Any, expected: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Which differ, with what they are and what they should be."""
    nothing = object()
    pairs = {name: (getattr(found, name, nothing), value) for name, value in expected.items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def test_of_dags() -> None:
    assert differing(DAG("d"), OF_DAGS) == {}


def test_of_operators() -> None:
    class Plain(BaseOperator):
        """Nothing of its own."""

    assert differing(Plain(task_id="t"), OF_OPERATORS) == {}


def test_of_sensors() -> None:
    assert differing(BaseSensorOperator(task_id="t"), OF_SENSORS) == {}


def test_of_groups() -> None:
    with DAG("d"):
        assert differing(TaskGroup("g"), OF_GROUPS) == {}


OWN = [
    (
        BashOperator,
        {"env": None, "append_env": False, "output_encoding": "utf-8",
         "skip_on_exit_code": 99, "cwd": None},
    ),
    (
        PythonOperator,
        {"op_args": None, "op_kwargs": None, "templates_dict": None, "templates_exts": None,
         "show_return_value_in_logs": True},
    ),
    (ShortCircuitOperator, {"ignore_downstream_trigger_rules": True}),
    (
        TriggerDagRunOperator,
        {"trigger_run_id": None, "conf": None, "reset_dag_run": False,
         "wait_for_completion": False, "poke_interval": 60, "allowed_states": None,
         "failed_states": None, "skip_when_already_exists": False,
         "fail_when_dag_is_paused": False, "note": None},
    ),
]  # fmt: skip


def default_of(kind: type, name: str) -> Any:
    """Answer the default of an argument, of the class itself or of one it is made from."""
    for one in kind.__mro__:
        parameters = (
            inspect.signature(vars(one)["__init__"]).parameters if ("__init__" in vars(one)) else {}
        )
        if name in parameters:
            return parameters[name].default
    raise AssertionError(f"{kind.__name__} does not take {name}")


@pytest.mark.parametrize(("kind", "expected"), OWN)
def test_of_standard_operators(kind: type, expected: dict[str, Any]) -> None:
    assert {name: default_of(kind, name) for name in expected} == expected


INTERPRETERS = importlib.import_module("tradewind.sdk.operators.interpreters")
OF_DECORATORS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("python", {}, {"multiple_outputs": False, "templates_dict": None,
                    "show_return_value_in_logs": True}),
    ("virtualenv", {}, {"requirements": None, "python_version": None, "serializer": "pickle",
                        "system_site_packages": True, "pip_install_options": [],
                        "skip_on_exit_code": [], "index_urls": None,
                        "index_urls_from_connection_ids": None, "venv_cache_path": None,
                        "env_vars": None, "inherit_env": True}),
    ("external_python", {"python": "/usr/bin/python3"},
     {"python": "/usr/bin/python3", "serializer": "pickle", "env_vars": None,
      "inherit_env": True}),
    ("short_circuit", {}, {"ignore_downstream_trigger_rules": True}),
    ("sensor", {}, {"poke_interval": 60, "timeout": 604800, "soft_fail": False, "mode": "poke",
                    "exponential_backoff": False, "max_wait": None}),
    ("bash", {}, {"env": None, "append_env": False, "output_encoding": "utf-8",
                  "skip_on_exit_code": [99], "cwd": None}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "expected"), OF_DECORATORS)
def test_of_decorators(name: str, given: dict[str, Any], expected: dict[str, Any]) -> None:
    def body() -> None: ...

    with DAG("d"):
        made = getattr(task, name)(**given)(body)().operator

    assert differing(made, expected) == {}


def test_every_decorated_function_has_these() -> None:
    def body(n: int) -> int:
        return n

    for name, given, _ in OF_DECORATORS:
        decorated = getattr(task, name)(**given)(body)
        for method in ("override", "partial", "expand", "expand_kwargs"):
            assert callable(getattr(decorated, method)), (name, method)


def test_a_param_is_free_and_has_no_words() -> None:
    param = Param()
    assert (param.description, param.schema, param.source) == (None, {}, None)


def test_ids_are_as_long_as_they_may_be() -> None:
    longest = "x" * 250
    with DAG(longest):
        EmptyOperator(task_id=longest)
    for text in ("x" * 251, "a b", "a/b", ""):
        with pytest.raises((ValueError, TypeError)):
            DAG(text)
        with pytest.raises((ValueError, TypeError)):
            EmptyOperator(task_id=text)
