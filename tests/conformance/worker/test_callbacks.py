"""Callbacks that the server owes: run in processes of their own, reported once each."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.worker.conftest import Bundle, WorkerProcess
from tests.conformance.worker.scripted_server import ScriptedServer
from tests.waiting import wait_file
from tradewind.protocol.callbacks import CallbackOrder, CallbackReport

pytestmark = pytest.mark.process
Start = Callable[..., WorkerProcess]

FILE = """
    import os
    import time
    from pathlib import Path
    from tradewind import DAG, Variable, task
    from tradewind.sdk.secrets import mask_secret

    def told(context):
        ti, error = context["ti"], context["exception"]
        print(context["callback_id"], ti.task_id, error, Variable.get("who"), flush=True)

    def fails(context):
        raise ValueError("no use")

    def dies(context):
        os._exit(3)

    def hangs(context):
        time.sleep(60)

    def hides(context):
        mask_secret("opensesame")
        print("the word is opensesame", flush=True)

    with DAG("demo", schedule=None, on_failure_callback=[told, dies], on_success_callback=hangs):
        @task(on_failure_callback=[told, fails, told], on_retry_callback=[told, hides])
        def fails_always():
            raise ValueError("no use")
        fails_always.override(task_id="fails")()

        def say(context):
            print("called back", flush=True)

        every = {f"on_{name}_callback": say for name in ("success", "failure", "retry")}

        @task(**every)
        def ended(how):
            try:
                Path(__file__).with_name("started").write_text("there\\n")
                time.sleep(60)
            except BaseException:
                if how == "breaks":
                    raise ValueError("not like this")
                if how == "killed":
                    raise
            return 1
        for how in ("killed", "breaks", "succeeds"):
            ended.override(task_id=how)(how)
"""


@pytest.fixture
def file(bundle: Bundle) -> str:
    return bundle.write("demo.py", FILE)


def report_of(server: ScriptedServer, order: CallbackOrder) -> CallbackReport:
    found = server.wait_for(lambda: [one for one in server.called if one.job_id == order.job_id])
    assert len(found) == 1
    report: CallbackReport = found[0]
    return report


def test_a_callback_is_run_with_its_context(
    server: ScriptedServer, bundle: Bundle, start_worker: Start, file: str, log_root: Path
) -> None:
    server.variables["who"] = "me"
    start_worker()
    order = bundle.callback(file, "retry")
    server.give_callback(order)
    report = report_of(server, order)
    assert (report.is_done, report.done, report.error) == (True, (0, 1), "")
    log = (log_root / order.log_path).read_text()
    assert f"{order.callback_id}-0 fails It broke. me" in log
    assert "the word is ***" in log
    assert "opensesame" not in log


def test_one_of_several_that_fails_is_tried_again_alone(
    server: ScriptedServer, bundle: Bundle, start_worker: Start, file: str, log_root: Path
) -> None:
    server.variables["who"] = "me"
    start_worker()
    order = bundle.callback(file, "failure")
    server.give_callback(order)
    report = report_of(server, order)
    assert (report.is_done, report.done) == (False, (0, 2))
    assert report.error == "ValueError: no use"
    again = bundle.callback(file, "failure", done=(0, 2))
    server.give_callback(again)
    assert report_of(server, again).done == (0, 2)
    log = (log_root / again.log_path).read_text()
    assert f"{again.callback_id}-0" not in log


def test_one_that_ends_its_process_or_hangs_is_reported(
    server: ScriptedServer, bundle: Bundle, start_worker: Start, file: str
) -> None:
    start_worker()
    dies = bundle.callback(file, "failure", kind="dag", task=None, done=(0,))
    hangs = bundle.callback(file, "success", kind="dag", task=None, timeout_seconds=0.5)
    gone = bundle.callback("dags/gone.py", "success", kind="dag", task=None)
    server.give_callback(dies, hangs, gone)
    assert report_of(server, dies).error == "Its process exited with code 3"
    assert "was killed by signal 9" in report_of(server, hangs).error
    assert "There is no Dag file dags/gone.py" in report_of(server, gone).error


@pytest.mark.parametrize(
    ("how", "outcome"), [("killed", "killed"), ("breaks", "killed"), ("succeeds", "success")]
)
def test_a_task_that_is_told_to_end_leaves_its_callbacks_to_who_told_it(
    server: ScriptedServer,
    bundle: Bundle,
    start_worker: Start,
    file: str,
    log_root: Path,
    how: str,
    outcome: str,
) -> None:
    start_worker()
    order = bundle.order(file, how, max_tries=3)
    server.give(order)
    wait_file(bundle.root / "dags" / "started")
    server.cancel(order)
    finish = server.wait_recorded(order, 10)
    assert (finish.outcome.value, finish.called) == (outcome, "")
    assert "called back" not in (log_root / order.log_path).read_text()
