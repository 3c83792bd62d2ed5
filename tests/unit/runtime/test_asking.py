"""What a task may ask about its own and other runs (AUT-15)."""

from datetime import timedelta

import pytest

from tests.unit.runtime.tasks import DAY, run
from tradewind import DAG, EmptyOperator, PythonOperator, TaskInstance, task, task_group
from tradewind.errors import TradewindError
from tradewind.protocol.questions import (
    CountRuns,
    GetPreviousInstance,
    GetPreviousRun,
    GetRun,
    InstanceView,
    RunView,
)
from tradewind.runtime.local import run_dag_in
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.dag_run import DagRun
from tradewind.sdk.exceptions import AirflowNotFoundException

BEFORE = RunView(
    dag_id="d",
    run_id="scheduled__2026-04-19T00:00:00+00:00",
    run_type="scheduled",
    state="success",
    run_after=DAY,
    logical_date=DAY - timedelta(days=1),
    start_date=DAY,
    end_date=DAY + timedelta(minutes=2),
)


def recording(answers):
    """Answer a host that gives these answers, and the list of what it is asked."""
    asked = []
    port = MemoryPort()

    def answering(answer):
        def tell(question):
            asked.append(question)
            return answer

        return tell

    port.answers.update({kind: answering(answer) for kind, answer in answers.items()})
    return asked, port


def see(look):
    """Run a Dag of three tasks in this process; answer what the last one saw."""
    seen = []
    with DAG("d", schedule=None) as dag:
        first = EmptyOperator(task_id="first")

        @task
        def item(n):
            return n

        @task
        def last(ti=None, dag_run=None):
            seen.append(look(ti, dag_run))

        first >> item.expand(n=[1, 2]) >> last()
    assert dag.test().state == "success"
    return seen[0]


@pytest.mark.parametrize(
    ("look", "expected"),
    [
        (lambda ti, _: ti.get_ti_count("d"), 4),
        (lambda ti, _: ti.get_ti_count("d", task_ids=["item"], states=["success"]), 2),
        (lambda ti, _: ti.get_ti_count("d", map_index=1), 1),
        (lambda ti, _: ti.get_ti_count("other"), 0),
        (lambda ti, _: ti.get_task_states("d", task_ids=["item"])[ti.run_id]["item_1"], "success"),
        (lambda ti, _: ti.get_dr_count("d", states=["running"]), 1),
        (lambda ti, _: ti.get_dr_count("d", states=["failed"]), 0),
        (lambda ti, _: ti.get_dagrun_state("d", ti.run_id), "running"),
        (lambda ti, _: ti.get_dag("d").is_paused, False),
        (lambda ti, _: ti.get_previous_dagrun(), None),
        (lambda ti, _: ti.get_previous_ti(), None),
        (lambda ti, _: [b["task_id"] for b in ti.get_task_breadcrumbs("d", ti.run_id)],
         ["first", "item", "item"]),
        (lambda _, run: [one.state for one in run.get_task_instances(state="running")],
         ["running"]),
        (lambda _, run: run.get_task_instance("item", 0).state, "success"),
        (lambda _, run: run.get_task_instance("item", 7), None),
        (lambda _, run: DagRun.find("d", state="running") == [run], True),
        (lambda ti, _: isinstance(ti, TaskInstance), True),
    ],
)  # fmt: skip
def test_a_local_run_answers_of_itself(look, expected):
    assert see(look) == expected


def test_an_unknown_run_or_dag_is_told():
    def look(ti, _):
        with pytest.raises(AirflowNotFoundException, match="no run 'x'"):
            ti.get_dagrun_state("d", "x")
        with pytest.raises(AirflowNotFoundException, match="no Dag 'x'"):
            ti.get_dag("x")

    see(look)


def test_the_run_before_is_asked_for_by_state():
    asked, port = recording({GetPreviousRun: BEFORE})

    def look(ti):
        found = ti.get_previous_dagrun("success")
        return [found.run_id, found.logical_date.isoformat(), found.duration.total_seconds()]

    done = run(python(look), port)
    assert done.xcoms[0].value == (
        b'["scheduled__2026-04-19T00:00:00+00:00","2026-04-19T00:00:00+00:00",120.0]'
    )
    assert [one.state for one in asked] == ["success"]


def test_an_instance_before_is_asked_for_by_date():
    view = InstanceView(dag_id="d", run_id="r", task_id="t", state="failed", try_number=2)
    asked, port = recording({GetPreviousInstance: view})
    done = run(python(lambda ti: ti.get_previous_ti(logical_date=DAY).state), port)

    assert done.xcoms[0].value == b'"failed"'
    assert asked[0].logical_date == DAY


def test_only_a_task_has_somebody_to_ask():
    with pytest.raises(TradewindError, match="Nobody is here"):
        TaskInstance.get_ti_count("d")


def test_the_facts_of_a_try():
    def look(ti):
        return [ti.log_url, ti.operator, ti.is_eligible_to_retry, ti.key[0], ti.map_index]

    done = run(python(look), try_number=2, max_tries=1)
    assert done.xcoms[0].value == (
        b'["/dags/d/runs/manual__2026-04-20T00%3A00%3A00%2B00%3A00/tasks/t?try_number=2",'
        b'"PythonOperator",false,"d",-1]'
    )


def python(function):
    with DAG("d"):
        return PythonOperator(task_id="t", python_callable=function)


def test_an_instance_in_a_mapped_group_is_concerned_by_its_own_neighbour():
    seen = []
    with DAG("d", schedule=None) as dag:

        @task
        def one(n):
            return n

        @task
        def two(n, ti=None):
            above, outside = dag.get_task("each.one"), dag.get_task("outside")
            count = ti.get_relevant_upstream_map_indexes
            seen.append((count(above, 2), count(outside, 1), count(above, None)))

        @task_group
        def each(n):
            two(one(n))

        EmptyOperator(task_id="outside")
        each.expand(n=[5, 6])
    assert dag.test().state == "success"
    assert seen == [(0, None, None), (1, None, None)]


def test_a_local_run_leaves_other_dags_to_whoever_knows_them():
    asked, port = recording({CountRuns: 7, GetRun: BEFORE})
    seen = []
    with DAG("mine", schedule=None) as dag:

        @task
        def look(ti=None):
            seen.append((ti.get_dr_count("other"), ti.get_dr_count("mine")))
            seen.append(ti.get_dagrun_state("other", "r"))

        look()
    assert run_dag_in(port, dag).state == "success"
    assert seen == [(7, 1), "success"]
    assert [type(one) for one in asked] == [CountRuns, GetRun]
