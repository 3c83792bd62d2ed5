"""What a worker does with triggers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conformance.worker.conftest import Bundle, WorkerProcess, kill
from tests.conformance.worker.scripted_server import ScriptedServer
from tests.waiting import wait_file, wait_gone
from tradewind.core.states import TaskState
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.triggers import TriggerOrder

pytestmark = pytest.mark.process
Start = Callable[..., WorkerProcess]

MODULE = """
    import asyncio, logging, os, time
    from pathlib import Path
    from tradewind import Variable
    from tradewind.sdk.triggers.base import BaseTrigger, TaskSkippedEvent, TriggerEvent

    HERE = Path(__file__).parent
    imported_by = os.getpid()

    class Sees(BaseTrigger):
        async def run(self):
            print("nobody waits:", self.task_instance is None)
            yield TriggerEvent("seen")

    class Does(BaseTrigger):
        def __init__(self, what, secret=None):
            super().__init__()
            self.what = what

        def serialize(self):
            return "watching.Does", {"what": self.what}

        async def run(self):
            ti = self.task_instance
            self.log.info("%s for %s.%s", self.what, ti.dag_id, ti.task_id)
            yield await getattr(self, self.what)()

        async def say(self):
            print("printed")
            return TriggerEvent({"said": True, "pid": os.getpid()})

        async def ask(self):
            value = Variable.get("password")
            print("it is", value)
            return TriggerEvent(value)

        async def ask_in_a_thread(self):
            return TriggerEvent(await asyncio.to_thread(Variable.get, "password"))

        async def skip(self):
            return TaskSkippedEvent(xcoms={"why": "late"})

        async def fail(self):
            raise ValueError("no such thing")

        async def block(self):
            time.sleep(1.5)
            return TriggerEvent("at last")

        async def hang(self):
            (HERE / "hanging").write_text("now\\n")
            await asyncio.sleep(600)

        async def on_kill(self):
            print("killed")

        async def cleanup(self):
            print("cleaned up")
            (HERE / f"cleaned_{self.what}").write_text("now\\n")
"""


def order(bundle: Bundle, what: str, **changes: Any) -> TriggerOrder:
    bundle.write("watching.py", MODULE)
    task: TaskOrder = bundle.order("dags/demo.py", f"wait_{what}")
    values: dict[str, Any] = {
        "trigger_id": task.attempt_id,
        "epoch": 7,
        "token": "secret of this claim",
        "classpath": "watching.Does",
        "kwargs": json.dumps({"what": what, "secret": "swordfish"}).encode(),
        "ti_id": task.ti_id,
        "task_id": task.task_id,
        "run": task.run,
        "bundle": bundle.ref,
        "file": "dags/demo.py",
        "log_path": task.log_path,
        "attempt_id": task.attempt_id,
    }
    return TriggerOrder(**(values | changes))


def log_of(log_root: Path, order: TriggerOrder) -> str:
    path = log_root / order.log_path
    return path.read_text() if path.exists() else ""


def test_an_event_is_told_once(
    server: ScriptedServer, start_worker: Start, bundle: Bundle, log_root: Path
) -> None:
    start_worker()
    one = order(bundle, "say")
    server.give_trigger(one)
    fired = server.wait_fired(one)
    assert fired.epoch == one.epoch
    assert json.loads(fired.event or b"")["said"]
    server.wait_for(lambda: server.watched == ())
    assert len(server.fired[one.trigger_id]) == 1
    said = log_of(log_root, one)
    assert "say for demo.wait_say" in said
    assert '"event":"printed","logger":"stdout"' in said
    wait_file(bundle.root / "dags" / "cleaned_say", 10)
    assert "swordfish" not in said


def test_a_watcher_of_an_asset_has_no_task_and_waits_its_pause(
    server: ScriptedServer, start_worker: Start, bundle: Bundle, log_root: Path
) -> None:
    start_worker()
    one = order(
        bundle,
        "say",
        trigger_id=(1 << 48) + 3,
        classpath="watching.Sees",
        kwargs=b"{}",
        ti_id=0,
        task_id="",
        log_path="watchers/3.log",
        is_watcher=True,
        pause_seconds=0.2,
    )
    server.give_trigger(one)
    assert server.wait_fired(one).event == b'"seen"'
    assert "nobody waits: True" in log_of(log_root, one)


def test_it_may_ask_from_the_loop_and_from_threads(
    server: ScriptedServer, start_worker: Start, bundle: Bundle, log_root: Path
) -> None:
    server.variables["password"] = "hunter2hunter2"
    server.secret_values.add("hunter2hunter2")
    start_worker()
    asked = [order(bundle, "ask"), order(bundle, "ask_in_a_thread")]
    server.give_trigger(*asked)
    for one in asked:
        assert server.wait_fired(one).event == b'"hunter2hunter2"'
    assert {call.trigger_id for call in server.calls} == {one.trigger_id for one in asked}
    assert {call.token for call in server.calls} == {"secret of this claim"}
    assert "it is ***" in log_of(log_root, asked[0])


def test_how_it_may_end(
    server: ScriptedServer, start_worker: Start, bundle: Bundle, log_root: Path
) -> None:
    start_worker()
    skips, fails = order(bundle, "skip"), order(bundle, "fail")
    missing = order(bundle, "say", classpath="watching.Nothing")
    server.give_trigger(skips, fails, missing)
    ended = server.wait_fired(skips)
    assert (ended.ends, ended.xcoms) == (TaskState.SKIPPED, (("why", b'"late"', None),))
    failed = server.wait_fired(fails)
    assert (failed.event, failed.error) == (None, "ValueError: no such thing")
    assert 'raise ValueError("no such thing")' in failed.detail
    assert "no trigger class 'watching.Nothing'" in server.wait_fired(missing).error
    assert "Trigger failed: no such thing" in log_of(log_root, fails)


def test_one_that_holds_up_the_others_is_named(
    server: ScriptedServer, start_worker: Start, bundle: Bundle, log_root: Path
) -> None:
    start_worker()
    blocks, hangs = order(bundle, "block"), order(bundle, "hang")
    server.give_trigger(hangs, blocks)
    assert server.wait_fired(blocks).event == b'"at last"'
    where = server.wait_for(lambda: server.blocked.get(blocks.trigger_id))
    assert "time.sleep(1.5)" in where
    assert "held up all triggers of its host" in log_of(log_root, blocks)
    assert hangs.trigger_id not in server.blocked


@pytest.mark.parametrize("is_kill", [True, False])
def test_one_that_nobody_waits_for_is_ended(
    server: ScriptedServer, start_worker: Start, bundle: Bundle, log_root: Path, is_kill: bool
) -> None:
    start_worker()
    one = order(bundle, "hang")
    server.give_trigger(one)
    wait_file(bundle.root / "dags" / "hanging", 20)
    server.wait_for(lambda: server.watched == (one.trigger_id,))
    server.end_trigger(one, kill=is_kill)
    wait_file(bundle.root / "dags" / "cleaned_hang", 10)
    server.wait_for(lambda: server.watched == ())
    assert not server.fired
    server.wait_for(lambda: "cleaned up" in log_of(log_root, one))
    assert ('"event":"killed"' in log_of(log_root, one)) is is_kill


def test_a_host_that_dies_starts_again_and_ends_with_its_worker(
    server: ScriptedServer, start_worker: Start, bundle: Bundle, log_root: Path
) -> None:
    worker = start_worker()
    one = order(bundle, "hang")
    server.give_trigger(one)
    hanging = bundle.root / "dags" / "hanging"
    wait_file(hanging, 20)
    first = host_of(worker)
    hanging.unlink()
    kill(first.pid)
    wait_file(hanging, 20)
    second = host_of(worker)
    assert second.pid != first.pid
    kill(worker.pid)
    wait_gone([second.pid], 10)
    assert (bundle.root / "dags" / "cleaned_hang").exists()


def host_of(worker: WorkerProcess) -> psutil.Process:
    children = psutil.Process(worker.pid).children()
    (host,) = [one for one in children if "tradewind.runtime.trigger_host" in one.cmdline()]
    return host
