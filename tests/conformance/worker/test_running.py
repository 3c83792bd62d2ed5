"""What a worker does with claims when nothing goes wrong around it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.worker.conftest import (
    Bundle,
    WorkerProcess,
    events,
    read_log,
)
from tests.conformance.worker.scripted_server import ScriptedServer
from tests.waiting import is_alive, wait_file, wait_gone
from tradewind.core.states import LegState

pytestmark = pytest.mark.process
Start = Callable[..., WorkerProcess]

DEMO = """
    import logging, os, subprocess, sys, time
    from pathlib import Path
    from tradewind import DAG, BashOperator, BaseOperator, Variable, task

    log = logging.getLogger(__name__)
    HERE = Path(__file__).parent

    class Stubborn(BaseOperator):
        def execute(self, context):
            (HERE / "started").write_text(f"{os.getpid()}\\n")
            time.sleep(60)

        def on_kill(self):
            print("cleaned up by on_kill")

    with DAG("demo", schedule=None):
        @task
        def hello():
            print("printed first")
            log.info("logged second")
            print("printed third")
            return {"rows": 42}

        @task
        def broken():
            raise ValueError("no such thing as a free lunch")

        @task
        def whisper():
            password = Variable.get("password")
            os.write(1, f"a {password[:3]}".encode())
            time.sleep(0.1)
            os.write(1, f"{password[3:]} b\\n".encode())
            print("printed", password)
            log.info("logged %s", password)
            raise RuntimeError(f"refused {password}")

        @task
        def pushes(ti=None):
            ti.xcom_push("early", [1, 2, 3])
            return ti.xcom_pull(task_ids="pushes", key="early")

        @task
        def tells_pid():
            return os.getpid()

        @task
        def dies():
            os._exit(7)

        @task
        def random_number():
            import random
            return random.random()

        @task
        def floods():
            for _ in range(200):
                print("x" * 1000)

        Stubborn(task_id="stubborn")
        BashOperator(
            task_id="bash",
            bash_command=f"sleep 61 & echo $! > {HERE}/grandchild; echo $$ > {HERE}/shell; wait",
        )
        [hello(), broken(), whisper(), pushes(), dies(), random_number(), floods(), tells_pid()]
"""


@pytest.fixture
def demo(bundle: Bundle) -> str:
    return bundle.write("demo.py", DEMO)


def test_a_task_succeeds_with_xcom_and_log_in_the_order_written(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start, log_root: Path
) -> None:
    start_worker()
    order = bundle.order(demo, "hello")
    server.give(order)
    finish = server.wait_recorded(order)
    assert finish.outcome is LegState.SUCCESS, finish
    assert [json.loads(x.value) for x in finish.xcoms if x.key == "return_value"] == [{"rows": 42}]
    assert finish.started_at is not None
    assert finish.ended_at is not None
    assert finish.started_at <= finish.ended_at
    written = events(log_root, order)
    ours = [line for line in written if line.startswith(("printed", "logged"))]
    assert ours == ["printed first", "logged second", "printed third"]
    lines = read_log(log_root, order)
    assert lines[0]["attempt"]["attempt_id"] == order.attempt_id
    assert {line["logger"] for line in lines if line["event"] == "printed first"} == {"stdout"}


def test_a_failure_leaves_its_traceback_in_the_log(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start, log_root: Path
) -> None:
    start_worker()
    order = bundle.order(demo, "broken")
    server.give(order)
    finish = server.wait_recorded(order)
    assert finish.outcome is LegState.FAILED
    assert "no such thing as a free lunch" in finish.error
    text = (log_root / order.log_path).read_text()
    assert "Traceback" in text
    assert "ValueError" in text


def test_a_secret_is_hidden_wherever_it_is_written(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start, log_root: Path
) -> None:
    server.variables["password"] = "pa55w0rd-of-mine"
    server.secret_values.add("pa55w0rd-of-mine")
    start_worker()
    order = bundle.order(demo, "whisper")
    server.give(order)
    finish = server.wait_recorded(order)
    text = (log_root / order.log_path).read_text()
    assert "pa55w0rd" not in text
    assert "pa55w0rd" not in finish.error
    assert "a *** b" in text
    assert "printed ***" in text
    assert "logged ***" in text


def test_xcoms_pushed_while_running_arrive_before_the_finish(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    start_worker()
    order = bundle.order(demo, "pushes")
    server.give(order)
    finish = server.wait_recorded(order)
    assert finish.outcome is LegState.SUCCESS, finish
    early = [x for x in (*server.xcoms, *finish.xcoms) if x.key == "early"]
    assert json.loads(early[0].value) == [1, 2, 3]
    assert {one.attempt_id for one in early} == {order.attempt_id}


def test_the_pid_of_each_task_is_told_however_short_it_was(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    start_worker(slots=8)
    orders = [bundle.order(demo, "tells_pid") for _ in range(8)]
    server.give(*orders)
    for order in orders:
        finish = server.wait_recorded(order)
        assert [json.loads(one.value) for one in finish.xcoms] == [finish.pid]


def test_a_process_that_exits_by_itself_has_failed(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    start_worker()
    order = bundle.order(demo, "dies")
    server.give(order)
    finish = server.wait_recorded(order)
    assert finish.outcome is LegState.FAILED
    assert "exited with code 7" in finish.error


def test_tasks_of_one_zygote_draw_different_numbers(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    start_worker()
    orders = [bundle.order(demo, "random_number") for _ in range(5)]
    server.give(*orders)
    drawn = {server.wait_recorded(order).xcoms[0].value for order in orders}
    assert len(drawn) == len(orders)


def test_a_cancel_runs_on_kill_and_ends_as_killed(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start, log_root: Path
) -> None:
    start_worker()
    order = bundle.order(demo, "stubborn")
    server.give(order)
    pid = int(wait_file(bundle.root / "dags" / "started"))
    server.cancel(order)
    finish = server.wait_recorded(order, 10)
    assert finish.outcome is LegState.KILLED
    assert "cleared by a person" in finish.error
    assert "cleaned up by on_kill" in events(log_root, order)
    wait_gone([pid], 6)


def test_a_cancel_ends_what_bash_has_started(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    start_worker()
    order = bundle.order(demo, "bash")
    server.give(order)
    family = [int(wait_file(bundle.root / "dags" / name)) for name in ("grandchild", "shell")]
    server.cancel(order)
    assert server.wait_recorded(order, 15).outcome is LegState.KILLED
    wait_gone(family, 6)


def test_an_execution_timeout_fails_the_task_and_may_be_retried(
    server: ScriptedServer, bundle: Bundle, start_worker: Start
) -> None:
    file = bundle.write(
        "slow.py",
        """
        import time
        from datetime import timedelta
        from tradewind import DAG, task

        with DAG("demo", schedule=None):
            @task(execution_timeout=timedelta(seconds=0.3))
            def slow():
                time.sleep(30)

            slow()
        """,
    )
    start_worker()
    order = bundle.order(file, "slow", execution_timeout_seconds=0.3)
    server.give(order)
    finish = server.wait_recorded(order, 10)
    assert finish.outcome is LegState.FAILED
    assert finish.retry
    assert "imeout" in finish.error


def test_a_file_with_threads_gets_a_fresh_process_each_time_and_the_log_says_so(
    server: ScriptedServer, bundle: Bundle, start_worker: Start, log_root: Path
) -> None:
    file = bundle.write(
        "threads.py",
        """
        import threading
        from tradewind import DAG, task

        threading.Thread(target=threading.Event().wait, daemon=True, name="my-pool").start()
        with DAG("demo", schedule=None):
            @task
            def hello():
                return 1

            hello()
        """,
    )
    start_worker()
    orders = [bundle.order(file, "hello") for _ in range(2)]
    for order in orders:
        server.give(order)
        assert server.wait_recorded(order).outcome is LegState.SUCCESS
        assert any(
            "fresh process" in event and "my-pool" in event for event in events(log_root, order)
        )


def test_a_file_that_cannot_be_imported_fails_its_task_with_the_traceback(
    server: ScriptedServer, bundle: Bundle, start_worker: Start, log_root: Path
) -> None:
    file = bundle.write("bad.py", "import no_such_module_anywhere\n")
    start_worker()
    order = bundle.order(file, "hello")
    server.give(order)
    finish = server.wait_recorded(order)
    assert finish.outcome is LegState.FAILED
    assert "no_such_module_anywhere" in finish.error
    assert "ModuleNotFoundError" in (log_root / order.log_path).read_text()


def test_a_variable_read_at_import_is_asked_for_by_the_zygote(
    server: ScriptedServer, bundle: Bundle, start_worker: Start
) -> None:
    file = bundle.write(
        "reads.py",
        """
        from tradewind import DAG, Variable, task

        NAME = Variable.get("name")
        with DAG("demo", schedule=None):
            @task
            def hello():
                return NAME

            hello()
        """,
    )
    server.variables["name"] = "Ada"
    start_worker()
    order = bundle.order(file, "hello")
    server.give(order)
    finish = server.wait_recorded(order)
    assert [json.loads(x.value) for x in finish.xcoms] == ["Ada"]


def test_logs_travel_where_no_disk_is_shared(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    server.log_root = None
    start_worker()
    order = bundle.order(demo, "floods")
    server.give(order)
    server.wait_recorded(order)
    text = server.wait_for(
        lambda: (
            (data := bytes(server.logs.get(order.attempt_id, b""))).count(b'xxx"') == 200 and data
        )
    )
    assert all(json.loads(line)["timestamp"] for line in text.splitlines())


def test_a_drain_lets_tasks_end_and_says_goodbye(
    server: ScriptedServer, bundle: Bundle, start_worker: Start
) -> None:
    file = bundle.write(
        "waits.py",
        """
        import os, time
        from pathlib import Path
        from tradewind import DAG, task

        HERE = Path(__file__).parent
        with DAG("demo", schedule=None):
            @task
            def waits():
                (HERE / "started").write_text(f"{os.getpid()}\\n")
                while not (HERE / "go").exists():
                    time.sleep(0.01)

            waits()
        """,
    )
    worker = start_worker(drain_seconds=30.0)
    order, late = bundle.order(file, "waits"), bundle.order(file, "waits")
    server.give(order)
    wait_file(bundle.root / "dags" / "started")
    worker.process.terminate()
    server.wait_for(lambda: any(one.draining for one in server.exchanges))
    server.give(late)
    assert is_alive(worker.pid)
    (bundle.root / "dags" / "go").write_text("now")
    assert server.wait_recorded(order).outcome is LegState.SUCCESS
    assert worker.process.wait(10) == 0
    assert len(server.goodbyes) == 1
    assert late.attempt_id not in server.recorded or (
        server.recorded[late.attempt_id].outcome is LegState.RETURNED
    )


def test_a_drain_that_takes_too_long_ends_the_tasks(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start, log_root: Path
) -> None:
    worker = start_worker(drain_seconds=0.2)
    order = bundle.order(demo, "stubborn")
    server.give(order)
    pid = int(wait_file(bundle.root / "dags" / "started"))
    worker.process.terminate()
    assert worker.process.wait(15) == 0
    assert server.recorded[order.attempt_id].outcome is LegState.LOST
    assert "cleaned up by on_kill" in events(log_root, order)
    assert not is_alive(pid)
