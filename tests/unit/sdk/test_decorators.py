"""Tasks written as functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

import pytest

from tradewind import DAG, BashOperator, XComArg, dag, get_current_context, setup, task, teardown
from tradewind.sdk.decorated import infers_multiple_outputs
from tradewind.sdk.exceptions import UnsupportedArgument


class Row(TypedDict):
    a: int


def as_dict() -> dict[str, int]:
    return {}


def as_mapping() -> Mapping[str, int]:
    return {}


def as_typed_dict() -> Row:
    return {"a": 1}


def as_list() -> list[int]:
    return []


def unknown_name() -> OnlyForTypeCheckers:  # type: ignore[name-defined]  # noqa: F821
    return None


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (as_dict, True),
        (as_mapping, True),
        (as_typed_dict, True),
        (as_list, False),
        (unknown_name, False),
        (lambda: {}, False),
    ],
)
def test_a_dict_annotation_means_multiple_outputs(function, expected):
    assert infers_multiple_outputs(function) is expected


def test_the_same_function_called_again_is_another_task():
    with DAG("d") as made:

        @task
        def load(x): ...

        load(1)
        load(2)
        load.override(task_id="other", retries=3)(3)

    assert made.task_ids == ["load", "load__1", "other"]
    assert made.get_task("other").retries == 3


def test_override_keeps_what_is_not_overridden():
    with DAG("d") as made:

        @task(retries=2, owner="me")
        def load(): ...

        load.override(retries=5)()

    assert (made.get_task("load").retries, made.get_task("load").owner) == (5, "me")


def test_the_docstring_is_the_tasks_documentation():
    with DAG("d") as made:

        @task
        def load():
            """Load it."""

        load()

    assert made.get_task("load").doc_md == "Load it."


def test_arguments_are_checked_where_the_dag_is_written():
    with DAG("d"):

        @task
        def add(a, b): ...

        with pytest.raises(TypeError, match=r"'add'.*'b'"):
            add(1)
        with pytest.raises(TypeError, match="no parameter 'c'"):
            add.expand(c=[1])
        with pytest.raises(TypeError, match=r"no parameter 'bb'"):
            add.partial(bb=1)


def test_context_keys_need_not_be_given_and_must_default_to_none():
    with DAG("d") as made:

        @task
        def tell(x, ds, ti=None, *, params): ...

        @task
        def wrong(ds="2026-04-20"): ...

        tell(1)
        with pytest.raises(ValueError, match="default must be None"):
            wrong()
        with pytest.raises(ValueError, match="filled from the context"):
            tell.expand(ds=["a"])

    assert made.task_ids == ["tell"]


def test_a_task_decorator_that_is_not_there_says_so():
    with pytest.raises(AttributeError, match=r"@task\.bosh.*Did you mean 'bash'"):
        _ = task.bosh


def test_outputs_are_not_iterable_and_take_string_keys():
    with DAG("d"):

        @task
        def split(): ...

        out = split()

    assert isinstance(out["left"], XComArg)
    with pytest.raises(TypeError, match="cannot be looped over"):
        list(out)
    with pytest.raises(ValueError, match="keys are strings"):
        out[0]


def test_an_output_in_an_f_string_is_a_template():
    with DAG("d"):

        @task
        def split(): ...

        assert f"{split()}" == "{{ task_instance.xcom_pull(task_ids='split', dag_id='d') }}"


def test_setup_and_teardown_decorators_mark_their_tasks():
    @dag(schedule=None)
    def enclosed():
        @setup
        def start(): ...

        @teardown(on_failure_fail_dagrun=True)
        @task(retries=1)
        def end(): ...

        @task
        def work(): ...

        start() >> work() >> end()

    made = enclosed()

    assert made.get_task("start").is_setup
    assert made.get_task("end").is_teardown
    assert made.get_task("end").on_failure_fail_dagrun
    assert made.get_task("end").retries == 1


def test_there_is_no_context_outside_a_task():
    with pytest.raises(RuntimeError, match="only inside a running task"):
        get_current_context()


def test_python_callable_keeps_name_and_doc():
    @task
    def load():
        """Load it."""

    assert (load.__name__, load.__doc__) == ("load", "Load it.")
    assert load.function() is None


def test_scheduler_side_settings_cannot_be_mapped():
    with DAG("d"), pytest.raises(UnsupportedArgument, match="cannot be mapped over 'retries'"):
        BashOperator.partial(task_id="b", bash_command="true").expand(retries=[1, 2])
