"""A scripted server, Dag files of a test's own, and real worker processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest

from tests.conformance.worker.scripted_server import TOKEN, ScriptedServer
from tests.waiting import wait_gone
from tradewind.protocol.callbacks import CallbackOrder
from tradewind.protocol.orders import BundleRef, ParseOrder, RunFacts, TaskOrder

_MAIN = """
import json, logging, sys
from pathlib import Path
from tradewind.worker.main import run_worker
from tradewind.worker.settings import WorkerConfig
logging.basicConfig(level="INFO", format="worker %(message)s")
options = json.loads(sys.argv[1])
options["home"] = Path(options["home"])
sys.exit(run_worker(WorkerConfig(**options)))
"""
_ids = count(1)


class Bundle:
    """A folder of Dag files, and orders for what lies in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "dags").mkdir(parents=True)
        self.ref = BundleRef(name="local", root=str(root), dags_folder=str(root / "dags"))

    def write(self, name: str, text: str) -> str:
        path = self.root / "dags" / name
        path.write_text(dedent(text))
        return f"dags/{name}"

    def order(self, file: str, task_id: str, **changes: Any) -> TaskOrder:
        number = next(_ids)
        path = f"dag_id=demo/run_id=r{number}/task_id={task_id}/attempt=1.log"
        run = RunFacts(
            dag_id="demo",
            run_id=f"r{number}",
            run_type="manual",
            run_after=datetime(2026, 4, 20, tzinfo=UTC),
            logical_date=datetime(2026, 4, 20, tzinfo=UTC),
        )
        values: dict[str, Any] = {
            "attempt_id": number,
            "epoch": number + 1000,
            "token": f"token-of-{number}",
            "ti_id": number,
            "task_id": task_id,
            "run": run,
            "bundle": self.ref,
            "file": file,
            "closure": f"closure-of-{file}",
            "log_path": path,
        }
        return TaskOrder(**(values | changes))

    def callback(self, file: str, event: str, **changes: Any) -> CallbackOrder:
        order = self.order(file, "fails")
        number = next(_ids)
        values: dict[str, Any] = {
            "job_id": number,
            "epoch": 7,
            "callback_id": f"c{number}",
            "kind": "task",
            "event": event,
            "error": "It broke.",
            "run": order.run,
            "task": order,
            "bundle": self.ref,
            "file": file,
            "closure": order.closure,
            "log_path": f"callbacks/c{number}.log",
        }
        return CallbackOrder(**(values | changes))

    def parse_order(self, file: str, **changes: Any) -> ParseOrder:
        number = next(_ids)
        values: dict[str, Any] = {"job_id": number, "epoch": 1, "bundle": self.ref, "file": file}
        return ParseOrder(**(values | changes))


class WorkerProcess:
    """A worker of a test, and all that descends from it."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _MAIN, json.dumps(options)], process_group=0
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def base_zygotes(self) -> list[psutil.Process]:
        """The newest child that was exec'd: file zygotes of a dead one may be children too."""
        found = psutil.Process(self.pid).children()
        return sorted(found, key=psutil.Process.create_time)[-1:]

    def base_zygote(self) -> psutil.Process:
        return self.base_zygotes()[0]

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
        return self.process.wait(30)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    script = ScriptedServer()
    yield script
    script.close()


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return Bundle(tmp_path / "bundle")


@pytest.fixture
def log_root(server: ScriptedServer, tmp_path: Path) -> Path:
    root = tmp_path / "logs"
    server.log_root = str(root)
    return root


@pytest.fixture
def start_worker(
    server: ScriptedServer, log_root: Path, tmp_path: Path
) -> Iterator[Callable[..., WorkerProcess]]:
    """Start workers; at the end every process that descends from one must be gone."""
    started: list[WorkerProcess] = []

    def start(**changes: Any) -> WorkerProcess:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        options = {"home": str(home), "url": server.url, "token": TOKEN, "drain_seconds": 0.2}
        worker = WorkerProcess(options | changes)
        started.append(worker)
        server.wait_for(lambda: len(server.registered) >= len(started))
        return worker

    yield start
    for worker in started:
        family = [worker.pid]
        if worker.process.poll() is None:
            family += [one.pid for one in psutil.Process(worker.pid).children(recursive=True)]
        worker.stop()
        wait_gone(family, 20)


def read_log(log_root: Path, order: TaskOrder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (log_root / order.log_path).read_text().splitlines()]


def events(log_root: Path, order: TaskOrder) -> list[str]:
    return [str(line["event"]) for line in read_log(log_root, order)]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
