"""One attempt of a task: what it sees, what it leaves, how it ends."""

import os
import select
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.runtime.tasks import DAY, returned, run
from tradewind import (
    DAG,
    BaseOperator,
    BashOperator,
    Param,
    PythonOperator,
    Variable,
    get_current_context,
    literal,
    task,
)
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTerminated,
)
from tradewind.sdk.serde import encode
from tradewind.sdk.subprocesses import SubprocessHook


def python(function, **kwargs):
    with DAG("d"):
        return PythonOperator(task_id="t", python_callable=function, **kwargs)


def raising(error):
    def function():
        raise error

    return function


def test_the_return_value_comes_with_the_end():
    done = run(python(lambda: [1, 2]))

    assert (done.outcome, returned(done)) == ("success", [1, 2])
    assert [(x.key, x.length, x.attempt_id, x.epoch) for x in done.xcoms] == [
        ("return_value", 2, 7, 3)
    ]


@pytest.mark.parametrize("kwargs", [{"do_xcom_push": False}, {}])
def test_none_or_unwanted_values_are_not_pushed(kwargs):
    assert run(python(lambda: None if not kwargs else 1, **kwargs)).xcoms == ()


def test_each_key_of_multiple_outputs_is_pushed():
    done = run(python(lambda: {"a": 1, "b": 2}, multiple_outputs=True))

    assert [x.key for x in done.xcoms] == ["a", "b", "return_value"]


@pytest.mark.parametrize("value", [5, {1: 2}])
def test_multiple_outputs_must_be_a_dict_of_names(value):
    done = run(python(lambda: value, multiple_outputs=True))

    assert (done.outcome, done.xcoms) == ("failed", ())
    assert "multiple outputs" in done.error


def test_a_value_that_cannot_be_kept_fails_the_task_by_name():
    done = run(python(lambda: {"x": threading}))

    assert done.outcome == "failed"
    assert "The value['x'] is of type module" in done.error


@pytest.mark.parametrize(
    ("error", "outcome", "retry"),
    [
        (ValueError("no file"), "failed", True),
        (SystemExit(0), "failed", True),
        (AirflowFailException("never"), "failed", False),
        (AirflowSensorTimeout("late"), "failed", False),
        (AirflowSkipException("nothing new"), "skipped", True),
        (AirflowTaskTerminated("cleared"), "killed", True),
    ],
)
def test_what_a_task_raises_decides_how_it_ends(error, outcome, retry):
    done = run(python(raising(error)))

    assert (done.outcome, done.retry) == (outcome, retry)


def test_a_failure_is_told_in_one_line_and_logged_with_the_users_frames_only(caplog):
    def fails():
        raise ValueError("no file\n  for today")

    done = run(python(fails))

    assert done.error == "ValueError: no file for today"
    detail = next(r.error_detail for r in caplog.records if hasattr(r, "error_detail"))
    assert "in fails" in detail
    assert "tradewind/sdk" not in detail
    assert "tradewind/runtime" not in detail


def test_rescheduling_says_when():
    moment = datetime(2026, 4, 21, tzinfo=UTC)
    done = run(python(raising(AirflowRescheduleException(moment))))

    assert (done.outcome, done.wake_at) == ("rescheduled", moment.timestamp())


def test_ctrl_c_is_for_the_whole_run():
    with pytest.raises(KeyboardInterrupt):
        run(python(raising(KeyboardInterrupt())))


def test_the_context_of_a_dated_run():
    seen = {}
    run(python(lambda **context: seen.update(context)), try_number=2, leg=3, reschedules=2)

    assert seen["ds"] == "2026-04-20"
    assert seen["ds_nodash"] == "20260420"
    assert seen["ts"] == "2026-04-20T00:00:00+00:00"
    assert seen["ts_nodash"] == "20260420T000000"
    assert seen["ts_nodash_with_tz"] == "20260420T000000+0000"
    assert seen["logical_date"].add(days=1).to_date_string() == "2026-04-21"
    assert seen["task_instance_key_str"] == "d__t__20260420"
    assert (seen["try_number"], seen["task_reschedule_count"]) == (2, 2)
    assert seen["ti"] is seen["task_instance"]
    assert seen["dag_run"].run_type == "manual"


def test_keys_that_need_a_date_are_missing_without_one():
    seen = {}
    dateless = {"logical_date": None, "data_interval_start": None, "data_interval_end": None}
    run(python(lambda **context: seen.update(context)), **dateless)

    assert not seen.keys() & {"ds", "ts", "logical_date", "data_interval_start", "ts_nodash"}
    assert seen["task_instance_key_str"] == "d__t__manual__2026-04-20T00:00:00+00:00"
    done = run(python(lambda x: x, op_args=["{{ ds }}"]), **dateless)
    assert "'ds' is undefined" in done.error


def test_context_keys_declared_as_parameters_are_filled():
    def function(x, ds, ti=None, *, params=None, missing="kept"):
        return [x, ds, ti.task_id, params, missing]

    done = run(python(function, op_args=[1], params={"p": 2}))

    assert returned(done) == [1, "2026-04-20", "t", {"p": 2}, "kept"]


def test_get_current_context_works_inside_and_only_inside():
    done = run(python(lambda: get_current_context()["ds"]))

    assert returned(done) == "2026-04-20"
    with pytest.raises(RuntimeError):
        get_current_context()


def test_conf_lies_over_params_and_is_checked():
    job = python(lambda params: params, params={"n": Param(1, type="integer"), "m": 2})

    assert returned(run(job, conf={"n": 5})) == {"n": 5, "m": 2}
    assert "Invalid input for param 'n'" in run(job, conf={"n": "x"}).error


def test_templates_reach_nested_values_variables_macros_and_filters():
    port = MemoryPort({"region": "eu", "rows": '{"a": 1}'})
    values = {
        "day": "{{ data_interval_end | ds_nodash }}",
        "deep": [("{{ macros.ds_add(ds, 1) }}",), {"v": "{{ var.value.region }}"}],
        "json": "{{ var.json.rows.a }}",
        "default": "{{ var.value.get('none', 'x') }}",
        "raw": literal("{{ ds }}"),
        "param": "{{ params.p }}",
    }

    assert returned(
        run(python(lambda **kw: kw["v"], op_kwargs={"v": values}, params={"p": 3}), port)
    ) == {
        "day": "20260420",
        "deep": [("2026-04-21",), {"v": "eu"}],
        "json": "1",
        "default": "x",
        "raw": "{{ ds }}",
        "param": "3",
    }


def test_native_templates_answer_python_objects():
    with DAG("d", render_template_as_native_obj=True):
        job = PythonOperator(
            task_id="t", python_callable=lambda x: x, op_args=["{{ params.n }}"], params={"n": [1]}
        )

    assert returned(run(job)) == [1]


def test_the_sandbox_holds():
    done = run(python(lambda x: x, op_args=["{{ ''.__class__ }}"]))

    assert done.outcome == "failed"
    assert "SecurityError" in done.error


def test_own_macros_and_filters_of_the_dag():
    with DAG(
        "d", user_defined_macros={"twice": lambda x: x * 2}, user_defined_filters={"up": str.upper}
    ):
        job = PythonOperator(
            task_id="t", python_callable=lambda x: x, op_args=["{{ twice('a') | up }}"]
        )

    assert returned(run(job)) == "AA"


def test_a_template_file_beside_the_dag_is_read(tmp_path):
    (tmp_path / "say.sh").write_text("echo {{ ds }}")
    with DAG("d") as dag:
        job = BashOperator(task_id="t", bash_command="say.sh")
    dag.fileloc = str(tmp_path / "dag.py")

    assert returned(run(job)) == "2026-04-20"


def test_hooks_and_callbacks_run_in_order():
    seen = []

    class Job(BaseOperator):
        def execute(self, context):
            seen.append("execute")
            return 1

    def note(name):
        return lambda *args: seen.append(name)

    with DAG("d"):
        job = Job(
            task_id="t",
            pre_execute=note("pre"),
            post_execute=note("post"),
            on_execute_callback=note("on_execute"),
            on_success_callback=[note("first"), note("second")],
        )
    run(job)

    assert seen == ["pre", "on_execute", "execute", "post", "first", "second"]


@pytest.mark.parametrize(
    ("error", "try_number", "called"),
    [
        (ValueError("x"), 1, "retry"),
        (ValueError("x"), 2, "failure"),
        (AirflowFailException("x"), 1, "failure"),
        (AirflowSkipException("x"), 1, "skipped"),
    ],
)
def test_one_callback_a_try(error, try_number, called):
    seen = []
    names = ("retry", "failure", "skipped", "success")
    hooks = {
        f"on_{name}_callback": lambda context, name=name: seen.append(
            (name, type(context.get("exception")).__name__)
        )
        for name in names
    }
    run(python(raising(error), retries=1, **hooks), try_number=try_number, max_tries=1)

    assert [name for name, _ in seen] == [called]
    if called in ("retry", "failure"):
        assert seen[0][1] == type(error).__name__


def test_a_callback_that_fails_changes_nothing(caplog):
    done = run(python(lambda: 1, on_success_callback=lambda context: 1 / 0))

    assert done.outcome == "success"
    assert "on_success_callback failed" in caplog.text


def test_a_task_over_its_time_is_ended_and_may_try_again():
    killed = []

    class Waits(BaseOperator):
        def execute(self, context):
            signal.pause()

        def on_kill(self):
            killed.append(True)

    with DAG("d"):
        job = Waits(task_id="t", execution_timeout=timedelta(milliseconds=20))
    done = run(job)

    assert (done.outcome, done.retry, killed) == ("failed", True, [True])
    assert "AirflowTaskTimeout: Task 't' ran longer" in done.error


def test_a_bash_that_is_ended_takes_its_children_along(tmp_path, monkeypatch):
    monkeypatch.setattr(SubprocessHook, "grace_seconds", 0.2)
    marker = tmp_path / "pid"
    with DAG("d"):
        job = BashOperator(
            task_id="t",
            # The child ignores TERM; when it is ready it lets the task's time run out.
            bash_command=f"(trap '' TERM; echo $BASHPID > {marker}; kill -ALRM $PPID; "
            "exec sleep 60) & wait",
            execution_timeout=timedelta(minutes=1),
        )
    done = run(job)

    assert "AirflowTaskTimeout" in done.error
    assert has_ended(int(marker.read_text()))


def has_ended(pid):
    """Say whether a process ends within five seconds, reaped or not."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 5)[0])
    finally:
        os.close(handle)


@pytest.mark.parametrize(("code", "outcome"), [(0, "success"), (1, "failed"), (99, "skipped")])
def test_bash_exit_codes(code, outcome):
    with DAG("d"):
        job = BashOperator(task_id="t", bash_command=f"echo one; echo two; exit {code}")
    done = run(job)

    assert done.outcome == outcome
    if code == 0:
        assert returned(done) == "two"
    if code == 1:
        assert "exit code 1; its last line was: two" in done.error


def test_bash_environment_and_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OUTER", "o")
    with DAG("d"):
        alone = BashOperator(task_id="a", bash_command="echo $OUTER-$X-$PWD", env={"X": "{{ ds }}"})
        added = BashOperator(
            task_id="b",
            bash_command="echo $OUTER-$X-$PWD-$AIRFLOW_CTX_TASK_ID",
            env={"X": "1"},
            append_env=True,
            cwd=str(tmp_path),
        )

    assert returned(run(alone)).startswith("-2026-04-20-/")
    assert returned(run(added)) == f"o-1-{tmp_path}-b"


def test_a_missing_folder_is_named():
    with DAG("d"):
        job = BashOperator(task_id="t", bash_command="true", cwd="/nowhere")

    assert "The cwd '/nowhere' is no folder" in run(job).error


def test_a_coroutine_is_run_to_its_end():
    async def later():
        return 5

    assert returned(run(python(later))) == 5


def test_xcoms_pushed_on_the_way_go_through_the_port():
    port = MemoryPort()
    run(python(lambda ti: ti.xcom_push("rows", [1, 2])), port)

    run_id = "manual__2026-04-20T00:00:00+00:00"
    assert port.get_xcom("d", run_id, "t", "rows", -1) == b"[1,2]"
    assert port.pushed() == {"rows": 2}


def pushed(port, task_id, value, key="return_value", map_index=-1):
    port.begin("d", "manual__2026-04-20T00:00:00+00:00", task_id, map_index)
    port.push_xcom(key, encode(value), None)


def test_pulling_one_many_missing_and_mapped():
    port = MemoryPort()
    with DAG("d"):

        @task
        def one(): ...

        @task
        def each(x): ...

        first, mapped = one(), each.expand(x=[1, 2])

        def pull(ti):
            return [
                ti.xcom_pull("one"),
                ti.xcom_pull(task_ids=["one", "each"], map_indexes=1),
                ti.xcom_pull(task_ids="one", key="none", default="d"),
                list(ti.xcom_pull(task_ids="each")),
                ti.xcom_pull(task_ids="each", map_indexes=[1, 0]),
            ]

        job = PythonOperator(task_id="t", python_callable=pull)
        [first, mapped] >> job
    pushed(port, "one", "a")
    pushed(port, "each", 20, map_index=1)
    pushed(port, "each", 10, map_index=0)

    assert returned(run(job, port)) == ["a", [None, 20], "d", [10, 20], [20, 10]]


def test_instances_of_a_mapping_get_their_combination():
    port = MemoryPort()
    with DAG("d"):

        @task
        def numbers(): ...

        @task
        def show(fixed, n, m, ti=None, expanded_ti_count=None):
            return [fixed, n, m, ti.map_index, expanded_ti_count]

        out = show.partial(fixed="{{ ds }}").expand(n=numbers(), m={"a": 1, "b": "{{ ds }}"})
    pushed(port, "numbers", [7, "{{ ds }}"])

    made = [returned(run(out.operator, port, map_index=i, map_path=str(i))) for i in range(4)]

    assert made == [
        ["2026-04-20", 7, ("a", 1), 0, 4],
        ["2026-04-20", 7, ("b", "2026-04-20"), 1, 4],
        # What came from a task is data, never a template.
        ["2026-04-20", "{{ ds }}", ("a", 1), 2, 4],
        ["2026-04-20", "{{ ds }}", ("b", "2026-04-20"), 3, 4],
    ]


def test_expand_kwargs_and_map():
    port = MemoryPort()
    with DAG("d"):

        @task
        def rows(): ...

        def as_env(row):
            if row["skip"]:
                raise AirflowSkipException("not this one")
            return {"env": {"X": row["x"]}}

        job = BashOperator.partial(task_id="b", bash_command="echo $X").expand_kwargs(
            rows().map(as_env)
        )
    pushed(port, "rows", [{"x": "1", "skip": False}, {"x": "2", "skip": True}])

    assert returned(run(job, port, map_index=0, map_path="0")) == "1"
    assert run(job, port, map_index=1, map_path="1").outcome == "skipped"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [(5, "it pushed int"), (None, "it pushed nothing"), (list(range(1025)), "1025 items")],
)
def test_what_a_task_is_mapped_over_must_be_mappable(value, sentence):
    with DAG("d"):

        @task
        def numbers():
            return value

        @task
        def each(x): ...

        out = numbers()
        each.expand(x=out)
    done = run(out.operator)

    assert done.outcome == "failed"
    assert sentence in done.error


@pytest.mark.parametrize(("longest", "outcome"), [(2, "failed"), (3, "success")])
def test_how_many_items_may_be_mapped_over_is_a_setting(longest, outcome, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", str(longest))
    with DAG("d"):

        @task
        def numbers():
            return [1, 2, 3]

        @task
        def each(x): ...

        out = numbers()
        each.expand(x=out)
    done = run(out.operator)

    assert done.outcome == outcome
    assert ("3 items are more than the 2 allowed" in done.error) == (outcome == "failed")


def test_a_dag_that_left_its_file_says_so():
    job = python(lambda: 1)
    done = run(job, dag_id="other")

    assert (done.outcome, done.retry) == ("failed", False)
    assert "dag.py has no Dag 'other' any more; it has d" in done.error


def test_variables_can_be_set_from_a_task():
    port = MemoryPort()
    run(python(lambda: Variable.set("k", 5)), port)

    assert port.variables == {"k": "5"}


def test_a_signal_in_a_forked_child_does_not_end_as_the_task(tmp_path):
    # A process that the task forks inherits its signal handler; it must not report for the task.
    script = tmp_path / "forks.py"
    script.write_text(
        "import os, signal\n"
        "from tests.unit.runtime.tasks import run\n"
        "from tradewind import DAG, PythonOperator\n"
        "from tradewind.sdk.exceptions import AirflowTaskTerminated\n"
        "def handler(*_):\n"
        "    raise AirflowTaskTerminated('x')\n"
        "signal.signal(signal.SIGTERM, handler)\n"
        "def body():\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n"
        "with DAG('d'):\n"
        "    job = PythonOperator(task_id='t', python_callable=body)\n"
        "print(run(job).outcome, run(job).xcoms[0].value)\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )

    assert done.stdout == "success b'143'\n", done.stderr


def test_dates_of_the_run_are_in_utc():
    berlin = DAY.astimezone()

    assert returned(
        run(python(lambda logical_date: logical_date.isoformat()), logical_date=berlin)
    ) == ("2026-04-20T00:00:00+00:00")
