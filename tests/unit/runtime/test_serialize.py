"""A Dag as data."""

from datetime import UTC, datetime, timedelta

import pytest

from tradewind import DAG, BashOperator, EmptyOperator, Label, Param, TaskGroup, task
from tradewind.core.spec import MapAxis, RetrySpec
from tradewind.runtime.serialize import serialize_dag
from tradewind.sdk.exceptions import AirflowException, UnsupportedArgument
from tradewind.sdk.mapped import ProductInput
from tradewind.sdk.templating import literal


def spec_of(dag):
    return serialize_dag(dag, "dags/a.py")


def test_what_the_scheduler_reads_of_a_task():
    with DAG("d", default_args={"owner": "me"}) as dag:
        BashOperator(
            task_id="b",
            bash_command="echo {{ ds }}",
            retries=2,
            retry_delay=timedelta(minutes=1),
            retry_exponential_backoff=2,
            max_retry_delay=timedelta(hours=1),
            pool="p",
            pool_slots=2,
            queue="q",
            execution_timeout=timedelta(seconds=5),
            trigger_rule="all_done",
            start_date=datetime(2026, 4, 1, tzinfo=UTC),
            depends_on_past=True,
            doc_yaml="a: 1",
        )
    spec = spec_of(dag).task("b")

    assert spec.retry == RetrySpec(retries=2, delay_seconds=60, backoff=2, max_delay_seconds=3600)
    assert (spec.pool, spec.pool_slots, spec.queue) == ("p", 2, "q")
    assert (spec.execution_timeout_seconds, spec.trigger_rule) == (5, "all_done")
    assert (spec.owner, spec.depends_on_past, spec.is_empty) == ("me", True, False)
    assert spec.doc_md == "```yaml\na: 1\n```"
    assert spec.template_fields == {"bash_command": "echo {{ ds }}"}


@pytest.mark.parametrize(
    ("rule", "weights"),
    [
        ("downstream", {"a": 15, "b": 10, "c": 12, "d": 8}),
        ("upstream", {"a": 1, "b": 3, "c": 5, "d": 15}),
        ("absolute", {"a": 1, "b": 2, "c": 4, "d": 8}),
    ],
)
def test_weights_count_each_relative_once(rule, weights):
    with DAG("w", default_args={"weight_rule": rule}) as dag:
        a, b, c, d = (
            EmptyOperator(task_id=name, priority_weight=2**n) for n, name in enumerate("abcd")
        )
        a >> [b, c] >> d

    assert {t.task_id: t.priority_weight for t in spec_of(dag).tasks} == weights


def test_weights_stay_in_32_bits():
    with DAG("w") as dag:
        EmptyOperator(task_id="a", priority_weight=2**31 - 1) >> EmptyOperator(task_id="b")

    assert spec_of(dag).task("a").priority_weight == 2**31 - 1


def test_an_empty_task_with_something_to_do_is_not_empty():
    class Own(EmptyOperator):
        def execute(self, context):
            return 1

    with DAG("d") as dag:
        EmptyOperator(task_id="nothing")
        EmptyOperator(task_id="told", on_success_callback=print)
        EmptyOperator(task_id="hooked", pre_execute=print)
        Own(task_id="own")

    assert [t.task_id for t in spec_of(dag).tasks if t.is_empty] == ["nothing"]


def test_mappings_name_their_axes():
    with DAG("d") as dag:

        @task
        def numbers(): ...

        @task
        def each(x, y, z): ...

        n = numbers()
        each.expand(x=n["k"], y=[1, 2, 3], z={"a": 1})
        BashOperator.partial(task_id="b").expand_kwargs(n.map(lambda x: {"bash_command": x}))

    assert spec_of(dag).task("each").mapping.axes == (
        MapAxis(name="x", task_id="numbers", key="k"),
        MapAxis(name="y", length=3),
        MapAxis(name="z", length=1),
    )
    assert spec_of(dag).task("b").mapping.axes == (
        MapAxis(name="expand_kwargs", task_id="numbers"),
    )
    assert spec_of(dag).task("b").operator.endswith("BashOperator")


def test_a_mapping_over_something_without_length_is_refused():
    with DAG("d") as dag:
        made = BashOperator.partial(task_id="b").expand(bash_command=["a"])
        made.map_input = ProductInput({"bash_command": literal(["a"])})

    with pytest.raises(UnsupportedArgument, match="cannot be mapped over LiteralValue"):
        spec_of(dag)


def test_groups_and_their_settings():
    with (
        DAG("d") as dag,
        TaskGroup("outer", tooltip="all of it"),
        TaskGroup("inner", group_display_name="In here"),
    ):
        EmptyOperator(task_id="t")
    spec = spec_of(dag)

    assert spec.task("outer.inner.t").group == "outer.inner"
    assert spec.groups["outer.inner"].parent == "outer"
    assert spec.groups["outer.inner"].label == "In here"
    assert spec.groups["outer"].tooltip == "all of it"


RULES = [
    # Row RET-9: a Dag that stops at its first failure leaves rules nothing to decide.
    ({"fail_fast": True}, False, "all_success", None),
    ({"fail_fast": True}, False, "all_done", "every task needs the trigger rule all_success; 'w'"),
    ({"fail_fast": True}, False, "one_failed", "'w' has one_failed"),
    ({}, False, "all_done", None),
    # Row RUN-4: what is right below a setup needs it.
    ({}, True, "all_success", None),
    ({}, True, "none_failed", "'w' follows the setup 's', so its trigger rule must be all_success"),
    ({}, True, "always", "must be all_success, not always"),
]


@pytest.mark.parametrize(("dag_kwargs", "is_setup", "rule", "told"), RULES)
def test_rules_that_cannot_hold_are_refused(dag_kwargs, is_setup, rule, told):
    with DAG("d", **dag_kwargs) as dag:
        first = EmptyOperator(task_id="s")
        work = EmptyOperator(task_id="w", trigger_rule=rule)
        last = EmptyOperator(task_id="e").as_teardown(setups=first if is_setup else [])
        first >> work >> last

    if told is None:
        assert len(spec_of(dag).tasks) == 3
    else:
        with pytest.raises(AirflowException, match=told):
            spec_of(dag)


def test_a_scheduled_dag_needs_a_value_for_each_param():
    with pytest.raises(AirflowException, match="each of its Params needs a default that fits"):
        spec_of(DAG("d", schedule="@daily", params={"n": Param(type="integer")}))
    assert spec_of(DAG("d", schedule=None, params={"n": Param(type="integer")})).dag_id == "d"


def test_warnings_say_which_task():
    with DAG("d", access_control={"all": {"can_read"}}) as dag:
        EmptyOperator(task_id="t", resources={"cpus": 1})

    assert spec_of(dag).warnings == (
        "'access_control' has no effect: roles are not bound to Dags",
        "Task 't': 'resources' has no effect: workers do not reserve resources",
    )


def test_continuous_means_one_run_at_a_time():
    assert spec_of(DAG("d", schedule="@continuous", max_active_runs=5)).max_active_runs == 1


def test_templates_are_shown_without_addresses_and_cut():
    def function(): ...

    with DAG("d") as dag:

        @task
        def t(a, b, c, d, e): ...

        t(function, object(), "x" * 5000, {1}, b"raw")
    shown = spec_of(dag).task("t").template_fields["op_args"]

    assert shown[0].startswith("<callable")
    assert " at 0x" not in str(shown)
    assert len(shown[2]) == 4099


def test_a_label_needs_no_place_in_the_order():
    with DAG("d") as dag:
        EmptyOperator(task_id="a") >> Label("x") >> EmptyOperator(task_id="b")

    assert spec_of(dag).task("b").upstream == ("a",)


def test_thousands_of_tasks_take_no_quadratic_time():
    with DAG("long") as dag:
        before = None
        for number in range(3000):
            made = EmptyOperator(task_id=f"t{number:04}")
            if before is not None:
                before >> made
            before = made

    assert spec_of(dag).tasks[0].priority_weight == 3000
