"""Choosing a way and skipping the others, in whole runs."""

from datetime import UTC, datetime

import pytest

from tests.unit.runtime.tasks import run as run_one
from tradewind import (
    DAG,
    BaseBranchOperator,
    BranchPythonOperator,
    EmptyOperator,
    PythonOperator,
    ShortCircuitOperator,
    TaskGroup,
    task,
)
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.exceptions import DownstreamTasksSkipped
from tradewind.sdk.serde import decode
from tradewind.sdk.skipping import SkipMixin

DAY = datetime(2026, 4, 20, tzinfo=UTC)


def states(dag):
    run = dag.test(logical_date=DAY)
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def ways(choice, **settings):
    """Answer a Dag: choose >> [left >> far, right, group.one >> two], left and right >> join."""
    with DAG("ways", schedule=None) as dag:
        choose = BranchPythonOperator(task_id="choose", python_callable=lambda: choice, **settings)
        left, right = EmptyOperator(task_id="left"), EmptyOperator(task_id="right")
        join = EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")
        with TaskGroup("group") as group:
            EmptyOperator(task_id="one") >> EmptyOperator(task_id="two")
        choose >> [left, right, group]
        left >> EmptyOperator(task_id="far")
        [left, right] >> join
        choose >> join
    return dag


CHOICES = [
    ("left", "left far join", "right group.one group.two"),
    (["left", "right"], "left right far join", "group.one group.two"),
    ("group", "group.one group.two", "left right far join"),
    (("group", "right"), "right join group.one group.two", "left far"),
    ({"right"}, "right join", "left far group.one group.two"),
    (None, "", "left right far join group.one group.two"),
    ([], "", "left right far join group.one group.two"),
    ("far", "far", "right join group.one group.two"),
]


@pytest.mark.parametrize(("choice", "run", "skipped"), CHOICES[:-1])
def test_what_is_not_chosen_is_skipped(choice, run, skipped):
    found = states(ways(choice))

    assert {name for name, state in found.items() if state == "success"} == {"choose", *run.split()}
    assert {name for name, state in found.items() if state == "skipped"} == set(skipped.split())


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("lift", "chose 'lift', which is no task of Dag 'ways'. Did you mean 'left'?"),
        (["left", 3], "it chose int (3)"),
        (7, "it chose int (7)"),
    ],
)
def test_a_choice_that_is_none_is_refused(choice, told):
    dag = ways(choice)

    done = run_one(dag.get_task("choose"))

    assert done.outcome == "failed"
    assert told in done.error
    assert done.skips == ()


def test_the_choice_is_the_output_and_is_told_as_older_readers_expect():
    port = MemoryPort()
    done = run_one(ways("left").get_task("choose"), port)

    assert decode(done.xcoms[0].value) == "left"
    assert set(done.skips) == {"right", "group.one"}
    told = {key[3]: decode(value) for key, value in port.xcoms.items()}
    assert told == {"skipmixin_key": {"followed": ["left"]}}


def test_an_operator_of_ones_own_chooses():
    class Weekday(BaseBranchOperator):
        def choose_branch(self, context):
            return "rest" if context["logical_date"].weekday() > 4 else "work"

    with DAG("week", schedule=None) as dag:
        Weekday(task_id="which") >> [EmptyOperator(task_id="work"), EmptyOperator(task_id="rest")]

    assert states(dag) == {"which": "success", "work": "success", "rest": "skipped"}


def circuit(condition, **settings):
    with DAG("circuit", schedule=None) as dag:
        stop = ShortCircuitOperator(task_id="stop", python_callable=lambda: condition, **settings)
        near = EmptyOperator(task_id="near")
        far = EmptyOperator(task_id="far", trigger_rule="all_done")
        clean = EmptyOperator(task_id="clean").as_teardown(setups=EmptyOperator(task_id="make"))
        stop >> near >> far >> clean
    return dag


@pytest.mark.parametrize(
    ("condition", "settings", "near", "far"),
    [
        (True, {}, "success", "success"),
        ("yes", {}, "success", "success"),
        (False, {}, "skipped", "skipped"),
        ([], {}, "skipped", "skipped"),
        (None, {"ignore_downstream_trigger_rules": False}, "skipped", "success"),
    ],
)
def test_a_false_condition_skips_what_comes_after_but_no_teardown(condition, settings, near, far):
    found = states(circuit(condition, **settings))

    assert found == {
        "make": "success",
        "stop": "success",
        "near": near,
        "far": far,
        "clean": "success",
    }


def test_the_decorators_do_the_same():
    with DAG("decorated", schedule=None) as dag:

        @task.branch
        def choose(name):
            return name

        @task.short_circuit(ignore_downstream_trigger_rules=False)
        def go_on():
            return False

        left, right = EmptyOperator(task_id="left"), EmptyOperator(task_id="right")
        choose("left") >> [left, right]
        end = EmptyOperator(task_id="end")
        left >> go_on() >> end

    found = states(dag)
    assert (found["left"], found["right"], found["end"]) == ("success", "skipped", "skipped")
    assert dag.get_task("choose").operator_name == "@task.branch"
    assert dag.get_task("go_on").operator_name == "@task.short_circuit"


def test_a_branch_never_skips_a_teardown_right_below():
    with DAG("cleaned", schedule=None) as dag:
        make = EmptyOperator(task_id="make").as_setup()
        choose = BranchPythonOperator(task_id="choose", python_callable=lambda: None)
        clean = EmptyOperator(task_id="clean").as_teardown(setups=make)
        make >> choose >> [clean, EmptyOperator(task_id="work")]

    assert states(dag)["clean"] == "success"
    assert states(dag)["work"] == "skipped"


def test_skips_are_told_only_if_the_task_succeeds():
    class Odd(PythonOperator, SkipMixin):
        def execute(self, context):
            self.skip(context["ti"], self.downstream_list)
            return super().execute(context)

    def fail():
        raise ValueError("no")

    with DAG("odd", schedule=None):
        odd = Odd(task_id="odd", python_callable=fail)
        even = Odd(task_id="even", python_callable=print)
        [odd, even] >> EmptyOperator(task_id="below")

    assert run_one(odd).skips == ()
    assert run_one(even).skips == ("below",)


def test_a_provider_may_say_it_by_an_exception():
    def skip():
        raise DownstreamTasksSkipped(tasks=["a", ("b", -1)])

    with DAG("raised", schedule=None):
        done = run_one(PythonOperator(task_id="raise", python_callable=skip))

    assert done.outcome == "success"
    assert done.skips == ("a", "b")
