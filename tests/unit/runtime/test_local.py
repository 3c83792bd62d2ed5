"""A whole Dag run in this process: what a person sees of ``dag.test()``."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from tradewind import (
    DAG,
    BashOperator,
    Connection,
    DagRunState,
    DeadlineAlert,
    DeadlineReference,
    EmptyOperator,
    Param,
    PythonOperator,
    TaskInstanceState,
    Variable,
    dag,
    setup,
    task,
    teardown,
)
from tradewind.errors import RefusedError
from tradewind.sdk.clock import utcnow
from tradewind.sdk.deadlines import FAIL_RUN
from tradewind.sdk.exceptions import (
    AirflowDagCycleException,
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
    ParamValidationError,
)

DAY = datetime(2026, 4, 20, tzinfo=UTC)


def states(run):
    return {
        f"{ti.task_id}[{ti.map_index}]" if ti.map_index >= 0 else ti.task_id: str(ti.state)
        for ti in run.get_task_instances()
    }


def failing(error=None):
    def function():
        raise error or ValueError("no")

    return function


def test_values_travel_and_the_run_knows_its_dates():
    @dag(schedule="@daily", start_date=datetime(2026, 4, 1, tzinfo=UTC))
    def sums(n=2):
        @task
        def numbers(k):
            return list(range(k))

        @task
        def double(x):
            return 2 * x

        @task
        def total(xs, ds=None):
            return f"{ds}: {sum(xs)}"

        total(double.expand(x=numbers(n)))

    run = sums().test(logical_date=DAY, run_conf={"n": 4})

    assert str(run.state) == "success"
    assert run.run_id == "manual__2026-04-20T00:00:00+00:00"
    assert run.get_task_instance("total").xcom_pull() == "2026-04-20: 12"
    assert [ti.map_index for ti in run.get_task_instances() if ti.task_id == "double"] == [
        0,
        1,
        2,
        3,
    ]
    assert run.get_task_instance("double", 3).xcom_pull() == 6
    assert run.get_task_instance("nowhere") is None


def test_retries_follow_at_once():
    with DAG("d") as made:

        @task(retries=2, retry_delay=timedelta(hours=5))
        def third_time_lucky(ti=None):
            if ti.try_number < 3:
                raise ValueError("not yet")
            return ti.try_number

        third_time_lucky()

    run = made.test()

    assert run.state == "success"
    assert run.get_task_instance("third_time_lucky").xcom_pull() == 3
    assert run.get_task_instance("third_time_lucky").try_number == 3


def test_a_failure_fails_what_follows_and_the_run():
    with DAG("d") as made:
        bad = PythonOperator(task_id="bad", python_callable=failing())
        hopeless = PythonOperator(
            task_id="hopeless", python_callable=failing(AirflowFailException("x")), retries=3
        )
        after = EmptyOperator(task_id="after")
        anyway = EmptyOperator(task_id="anyway", trigger_rule="one_failed")
        [bad, hopeless] >> after
        bad >> anyway

    run = made.test()

    assert run.state == DagRunState.FAILED
    assert states(run) == {
        "bad": "failed",
        "hopeless": "failed",
        "after": "upstream_failed",
        "anyway": "success",
    }
    assert run.get_task_instance("bad").error == "ValueError: no"
    assert run.get_task_instance("hopeless").try_number == 1
    assert run.get_task_instance("after").state is TaskInstanceState.UPSTREAM_FAILED


def test_a_skip_skips_what_follows_and_the_run_succeeds():
    with DAG("d") as made:
        (
            EmptyOperator(task_id="first")
            >> PythonOperator(
                task_id="skips", python_callable=failing(AirflowSkipException("nothing"))
            )
            >> [
                EmptyOperator(task_id="after"),
                EmptyOperator(task_id="any", trigger_rule="all_done"),
            ]
        )

    run = made.test()

    assert run.state == "success"
    assert states(run) == {
        "first": "success",
        "skips": "skipped",
        "after": "skipped",
        "any": "success",
    }


def test_mapped_over_nothing_is_skipped():
    with DAG("d") as made:

        @task
        def nothing():
            return []

        @task
        def each(x): ...

        each.expand(x=nothing())

    assert states(made.test()) == {"nothing": "success", "each": "skipped"}


@pytest.mark.parametrize(
    ("bodies", "fail_dagrun", "expected", "run_state"),
    [
        ("SSS", False, ("success", "success", "success"), "success"),
        ("FSS", False, ("failed", "upstream_failed", "upstream_failed"), "failed"),
        ("KSS", False, ("skipped", "skipped", "skipped"), "success"),
        ("SFS", False, ("success", "failed", "success"), "failed"),
        ("SSF", False, ("success", "success", "failed"), "success"),
        ("SSF", True, ("success", "success", "failed"), "failed"),
        ("SKF", False, ("success", "skipped", "failed"), "success"),
    ],
)
def test_setup_work_teardown(bodies, fail_dagrun, expected, run_state):
    errors = {"S": None, "F": ValueError("x"), "K": AirflowSkipException("x")}

    def act(letter):
        error = errors[letter]
        if error is not None:
            raise error

    with DAG("d") as made:

        @setup
        def start():
            act(bodies[0])

        @task
        def work():
            act(bodies[1])

        @teardown(on_failure_fail_dagrun=fail_dagrun)
        def end():
            act(bodies[2])

        first, last = start(), end()
        first >> work() >> last
        first >> last

    run = made.test()

    assert (tuple(states(run)[name] for name in ("start", "work", "end")), run.state) == (
        expected,
        run_state,
    )


def test_a_task_that_gives_its_slot_back_goes_on_at_its_time():
    with DAG("d") as made:

        @task
        def wait(**context):
            if context["task_reschedule_count"] < 2:
                raise AirflowRescheduleException(utcnow() + timedelta(hours=1))
            return context["try_number"]

        wait()

    run = made.test()

    assert run.get_task_instance("wait").xcom_pull() == 1


def test_priority_decides_what_runs_first():
    seen: list[str] = []
    with DAG("d") as made:
        for name, weight in (("a", 1), ("b", 5), ("c", 3)):
            PythonOperator(
                task_id=name, python_callable=seen.append, op_args=[name], priority_weight=weight
            )
    made.test()

    assert seen == ["b", "c", "a"]


def test_variables_and_connections_come_from_files_and_go_with_the_run(tmp_path):
    (tmp_path / "v.json").write_text('{"region": "eu", "rows": {"a": 1}}')
    (tmp_path / "c.yaml").write_text("shop: http://h/x\n")
    with DAG("d") as made:

        @task
        def look(ti=None):
            Variable.set("kept", "no")
            rows = Variable.get("rows", deserialize_json=True)
            return [Variable.get("region"), rows, Connection.get("shop").host]

        look()

    run = made.test(
        variable_file_path=str(tmp_path / "v.json"), conn_file_path=str(tmp_path / "c.yaml")
    )

    assert run.get_task_instance("look").xcom_pull() == ["eu", {"a": 1}, "h"]
    assert Variable.get("kept", default=None) is None


def test_tasks_can_be_marked_without_running():
    with DAG("d") as made:
        PythonOperator(task_id="slow_load", python_callable=failing()) >> EmptyOperator(task_id="z")

    assert states(made.test(mark_success_pattern="slow_.*")) == {
        "slow_load": "success",
        "z": "success",
    }


def test_a_run_without_a_date_has_none():
    with DAG("d") as made:

        @task
        def look(**context):
            return "ds" in context

        look()

    run = made.test(logical_date=None, run_after=DAY)

    assert (run.logical_date, run.run_after) == (None, DAY)
    assert run.get_task_instance("look").xcom_pull() is False


def test_conf_must_fit_the_params():
    made = DAG("d", params={"n": Param(1, type="integer")})

    with pytest.raises(ParamValidationError, match="param 'n'"):
        made.test(run_conf={"n": "x"})


def test_what_cannot_run_is_refused():
    with DAG("circle") as circle:
        a, b = EmptyOperator(task_id="a"), EmptyOperator(task_id="b")
        a >> b >> a
    with DAG("later", start_date=datetime(2027, 1, 1, tzinfo=UTC)) as later:
        EmptyOperator(task_id="a")

    with pytest.raises(AirflowDagCycleException):
        circle.test()
    with pytest.raises(RefusedError, match="No task of Dag 'later' exists on 2026-04-20"):
        later.test(logical_date=DAY)
    with pytest.raises(AirflowException, match="tradewind dags trigger d"):
        DAG("d").test(use_executor=True)


def test_callbacks_of_the_dag_are_called_with_the_reason():
    seen = []

    def note(context):
        seen.append((context["dag_run"].dag_id, context["reason"]))

    with DAG("d", on_failure_callback=note, on_success_callback=note) as made:
        PythonOperator(task_id="bad", python_callable=failing())
    made.test()

    assert seen == [("d", "task_failure")]


def test_a_dags_callback_finds_what_it_would_find_in_a_worker():
    seen = {}

    def note(context):
        seen.update({key: context[key] for key in ("ds", "params", "run_id", "reason")})
        seen["state"] = context["dag_run"].state
        seen["ti"] = context["ti"].task_id
        seen["xcom"] = context["ti"].xcom_pull(task_ids="good")

    with DAG("d", on_failure_callback=note, params={"n": 1}) as made:
        PythonOperator(task_id="good", python_callable=lambda: 5)
        PythonOperator(task_id="bad", python_callable=failing())
        EmptyOperator(task_id="last", trigger_rule="all_done") << made.get_task("bad")
        made.get_task("good") >> made.get_task("bad")
        EmptyOperator(task_id="leaf") << made.get_task("bad")
    made.test(logical_date=DAY)

    assert seen == {
        "ds": "2026-04-20",
        "params": {"n": 1},
        "run_id": "manual__2026-04-20T00:00:00+00:00",
        "reason": "task_failure",
        "state": "failed",
        "ti": "bad",
        "xcom": 5,
    }


def test_ctrl_c_ends_the_run():
    with DAG("d") as made:
        PythonOperator(task_id="a", python_callable=failing(KeyboardInterrupt()))

    with pytest.raises(KeyboardInterrupt):
        made.test()


def test_the_log_reads_like_a_story(caplog):
    caplog.set_level(logging.INFO, logger="tradewind.local")
    with DAG("d") as made:
        BashOperator(task_id="say", bash_command="exit 3", retries=1)
    made.test(logical_date=DAY)
    told = [r.getMessage() for r in caplog.records if r.name == "tradewind.local"]

    assert told[0] == "Run manual__2026-04-20T00:00:00+00:00 of Dag 'd'"
    assert told[1] == "say running"
    assert told[2].startswith("say up_for_retry: AirflowException: Bash command failed with exit")
    assert told[3] == "say running: try 2"
    assert told[-1] == "Run manual__2026-04-20T00:00:00+00:00 ended: failed"


def test_running_leaves_the_dag_as_it_was_written():
    with DAG("d") as made:
        job = PythonOperator(task_id="t", python_callable=lambda x: x, op_args=["{{ ds }}"])

    assert made.test(logical_date=DAY).get_task_instance("t").xcom_pull() == "2026-04-20"
    assert job.op_args == ["{{ ds }}"]
    second = made.test(logical_date=DAY + timedelta(days=1))
    assert second.get_task_instance("t").xcom_pull() == "2026-04-21"


def test_fail_fast_stops_the_rest():
    with DAG("d", fail_fast=True) as made:
        PythonOperator(task_id="bad", python_callable=failing(), priority_weight=9)
        EmptyOperator(task_id="after") << PythonOperator(task_id="other", python_callable=dict)

    assert states(made.test()) == {"bad": "failed", "other": "skipped", "after": "skipped"}


def test_a_run_tells_what_its_templates_became():
    with DAG("d", schedule=None) as dag:

        @task(map_index_template="item {{ task.op_kwargs['n'] }}")
        def each(n):
            return n

        BashOperator(task_id="say", bash_command="echo {{ ds }}")
        each.expand(n=[1, 2])
    run = dag.test(logical_date=DAY)

    assert run.get_task_instance("say").rendered_fields == {"bash_command": "echo 2026-04-20"}
    assert run.get_task_instance("each", 1).rendered_map_index == "item 2"


def test_there_are_no_earlier_runs():
    with DAG("d", schedule="@daily", start_date=DAY - timedelta(days=9)) as made:

        @task(depends_on_past=True, wait_for_downstream=True)
        def look(ti=None, **context):
            names = [name for name in context if name.startswith("prev_") and context[name]]
            xcoms = ti.xcom_pull(task_ids="look", include_prior_dates=True)
            return [names, xcoms, ti.get_previous_dagrun(), ti.get_previous_ti()]

        look()

    made.test(logical_date=DAY - timedelta(days=1))
    run = made.test(logical_date=DAY)

    assert run.get_task_instance("look").xcom_pull() == [[], None, None, None]


def test_what_has_no_effect_is_told(caplog):
    with DAG("d", access_control={"a": {"can_read"}}) as made:
        EmptyOperator(task_id="t", resources={"cpus": 2}, run_as_user="nobody")

    made.test()

    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "'access_control' has no effect: roles are not bound to Dags",
        "Task 't': 'resources' has no effect: workers do not reserve resources",
        "t is to run as 'nobody': here it runs as yourself",
    ]


def test_whose_deadlines_are_not_watched_is_told(caplog):
    alert = DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT, interval=timedelta(), callback=FAIL_RUN
    )
    with DAG("d", deadline=alert) as made:
        EmptyOperator(task_id="plain")
        EmptyOperator(task_id="late", deadline=alert)

    run = made.test()

    assert run.state == "success"
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == [
        "Deadlines (of 'd', 'late') have no effect here: only a server watches the clock"
    ]
