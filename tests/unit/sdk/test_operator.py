"""What an operator's author and user notice: defaults, refusals, dependencies."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tradewind import (
    DAG,
    BaseOperator,
    BashOperator,
    EmptyOperator,
    PythonOperator,
    TriggerRule,
)
from tradewind.sdk.exceptions import (
    AirflowException,
    DuplicateTaskIdFound,
)


class Query(BaseOperator):
    """As provider packages write theirs."""

    template_fields = ("sql", "parameters")

    def __init__(self, *, sql, conn_id="default", parameters=None, **kwargs):
        super().__init__(**kwargs)
        self.sql = sql
        self.conn_id = conn_id
        self.parameters = parameters


class Report(Query):
    def __init__(self, *, title="t", retries=7, **kwargs):
        super().__init__(sql=f"select '{title}'", retries=retries, **kwargs)
        self.title = title


def test_default_args_fill_what_was_left_out_at_every_level():
    defaults = {"retries": 3, "conn_id": "warehouse", "nobody_takes_this": 1, "owner": "data"}
    with DAG("d", default_args=defaults):
        task = Query(task_id="q", sql="select 1", owner="me")

    assert (task.retries, task.conn_id, task.owner) == (3, "warehouse", "me")


def test_own_default_args_win_over_the_dags():
    with DAG("d", default_args={"retries": 3}):
        task = Query(task_id="q", sql="select 1", default_args={"retries": 5})

    assert task.retries == 5


def test_a_subclass_may_pass_its_own_value_on():
    with DAG("d", default_args={"conn_id": "warehouse"}):
        task = Report(task_id="r")

    assert (task.retries, task.sql, task.conn_id) == (7, "select 't'", "warehouse")


def test_positional_missing_and_unknown_arguments_are_refused_with_a_sentence():
    with pytest.raises(TypeError, match="by name"):
        Query(*["q"], **{"sql": ""})
    with pytest.raises(TypeError, match="Query of task 'q' needs 'sql'"):
        Query(**{"task_id": "q"})
    with pytest.raises(TypeError, match=r"no argument 'retires'. Did you mean 'retries'\?"):
        Query(task_id="q", sql="", retires=2)


@pytest.mark.parametrize("task_id", ["", "with space", "a/b", "x" * 251])
def test_an_impossible_task_id_is_refused(task_id):
    with pytest.raises(ValueError, match="task_id"):
        EmptyOperator(task_id=task_id)


def test_an_unknown_trigger_rule_names_the_nearest():
    with pytest.raises(AirflowException, match=r"all_sucess.*Did you mean 'all_success'"):
        EmptyOperator(task_id="t", trigger_rule="all_sucess")


def test_the_older_name_of_a_trigger_rule_still_holds():
    task = EmptyOperator(task_id="t", trigger_rule="none_failed_or_skipped")

    assert task.trigger_rule is TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("executor", "x"),
        ("executor_config", {"a": 1}),
        ("sla", timedelta(hours=1)),
        ("provide_context", True),
    ],
)
def test_what_has_no_effect_is_accepted_with_a_warning(argument, value):
    task = EmptyOperator(task_id="t", **{argument: value})

    assert any(argument in warning for warning in task.warnings)


def test_old_names_of_arguments_still_have_their_effect():
    task = EmptyOperator(task_id="t", task_concurrency=2)

    assert task.max_active_tis_per_dag == 2
    assert task.warnings == ["'task_concurrency' is now called 'max_active_tis_per_dag'"]


def test_delays_may_be_seconds_and_backoff_may_be_true():
    task = EmptyOperator(
        task_id="t", retry_delay=30, max_retry_delay=60, retry_exponential_backoff=True
    )

    assert task.retry_delay == timedelta(seconds=30)
    assert task.max_retry_delay == timedelta(minutes=1)
    assert task.retry_exponential_backoff == 2.0


def test_an_execution_timeout_must_be_a_timedelta():
    half_a_minute: Any = 30
    with pytest.raises(TypeError, match="execution_timeout must be a timedelta"):
        EmptyOperator(task_id="t", execution_timeout=half_a_minute)


def test_wait_for_downstream_means_depends_on_past_too():
    assert EmptyOperator(task_id="t", wait_for_downstream=True).depends_on_past


def test_passing_an_output_orders_the_tasks_however_deep_it_lies():
    with DAG("d"):
        first = EmptyOperator(task_id="first")
        second = EmptyOperator(task_id="second")
        task = Query(task_id="q", sql=first.output, parameters={"a": [{"b": second.output["key"]}]})

    assert task.upstream_task_ids == {"first", "second"}


def test_setting_a_template_field_later_orders_the_tasks_too():
    with DAG("d"):
        first = EmptyOperator(task_id="first")
        task = Query(task_id="q", sql="select 1")
        task.sql = first.output

    assert task.upstream_task_ids == {"first"}


def test_two_tasks_of_one_id_are_refused():
    with DAG("d"):
        EmptyOperator(task_id="t")
        with pytest.raises(DuplicateTaskIdFound, match="Dag 'd' has a task or group 't' already"):
            EmptyOperator(task_id="t")


def test_a_task_takes_on_the_dag_of_its_neighbour():
    dag = DAG("d")
    inside = EmptyOperator(task_id="inside", dag=dag)
    outside = EmptyOperator(task_id="outside")
    inside >> outside

    assert outside.dag is dag
    assert dag.task_ids == ["inside", "outside"]


def test_tasks_of_two_dags_cannot_depend_on_each_other():
    one = EmptyOperator(task_id="a", dag=DAG("one"))
    two = EmptyOperator(task_id="b", dag=DAG("two"))

    with pytest.raises(AirflowException, match="in two Dags, 'one' and 'two'"):
        one >> two


def test_a_task_without_a_dag_says_so():
    with pytest.raises(RuntimeError, match="not been assigned to a Dag"):
        _ = EmptyOperator(task_id="t").dag


def test_a_task_keeps_its_own_start_date_in_the_dags_zone():
    with DAG("d", start_date=datetime.fromisoformat("2026-04-01T00:00:00+02:00")):
        task = EmptyOperator(task_id="t", start_date=datetime(2026, 5, 1))  # noqa: DTZ001

    assert str(task.start_date) == "2026-05-01 00:00:00+02:00"


def test_params_of_a_task_lie_over_the_dags():
    with DAG("d", params={"a": 1, "b": 2}):
        task = EmptyOperator(task_id="t", params={"b": 3})

    assert dict(task.params) == {"a": 1, "b": 3}


def test_callbacks_may_be_one_or_many():
    def tell(context): ...

    task = EmptyOperator(task_id="t", on_success_callback=tell, on_failure_callback=[tell, tell])

    assert task.on_success_callback == [tell]
    assert task.on_failure_callback == [tell, tell]


def test_the_copy_to_run_leaves_the_task_as_it_was_written():
    task = PythonOperator(task_id="t", python_callable=print, op_args=["{{ x }}"])
    twin = task.prepare_for_execution()
    twin.render_template_fields({"x": 1})

    assert twin.op_args == ["1"]
    assert task.op_args == ["{{ x }}"]


def test_bash_names_its_template_fields():
    assert BashOperator(task_id="t", bash_command="true").template_ext == (".sh", ".bash")
