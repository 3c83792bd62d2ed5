"""Tasks that run as another user of the machine."""

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conformance.worker.conftest import Bundle, WorkerProcess, events, kill
from tests.conformance.worker.scripted_server import ScriptedServer
from tests.waiting import wait_file, wait_gone

Start = Callable[..., WorkerProcess]

DEMO = """
    import os
    from tradewind import DAG, BashOperator, task

    def who():
        print("I am", os.getresuid(), os.getresgid(), os.getgroups(), os.environ["HOME"])

    with DAG("demo", schedule=None, default_args={"run_as_user": "nobody"}):
        task(who)()
        BashOperator(task_id="shell", bash_command="id -un; exec sleep 60")
        task(who).override(task_id="unknown", run_as_user="nobody-at-all")()
"""

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user"),
]


@pytest.fixture
def demo(bundle: Bundle) -> str:
    return bundle.write("demo.py", DEMO)


def test_a_worker_of_root_gives_a_task_its_user(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start, log_root: Path
) -> None:
    start_worker()
    who, unknown = bundle.order(demo, "who"), bundle.order(demo, "unknown")
    server.give(who, unknown)
    assert server.wait_recorded(who).outcome == "success"
    failed = server.wait_recorded(unknown)

    other = pwd.getpwnam("nobody")
    uid, gid = other.pw_uid, other.pw_gid
    line = f"I am {(uid,) * 3} {(gid,) * 3} [{gid}] {other.pw_dir}"
    assert line in events(log_root, who)
    assert failed.error == (
        "It cannot run: AirflowException: Task 'unknown' is to run as 'nobody-at-all', but this "
        "machine has no such user"
    )


def test_such_a_task_ends_with_what_it_was_forked_from(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start, log_root: Path
) -> None:
    worker = start_worker()
    shell = bundle.order(demo, "shell")
    server.give(shell)
    wait_file(log_root / shell.log_path, 20)
    server.wait_for(lambda: "nobody" in events(log_root, shell))
    family = psutil.Process(worker.pid).children(recursive=True)
    uid = pwd.getpwnam("nobody").pw_uid
    tasks = [one for one in family if one.uids().real == uid]
    zygotes = {one.ppid() for one in tasks} - {one.pid for one in tasks}
    assert len(zygotes) == 1
    kill(*zygotes)
    wait_gone([one.pid for one in tasks], 20)


AS_DAEMON = """
import os
from datetime import UTC, datetime
from types import SimpleNamespace
from tradewind import DAG, EmptyOperator
from tradewind.runtime.user import become_user_of

with DAG("demo") as dag:
    EmptyOperator(task_id="who", run_as_user="nobody")
os.setresuid(1, 1, 1)
become_user_of(SimpleNamespace(task_id="who", run=SimpleNamespace(dag_id="demo")), {"demo": dag})
"""


def test_a_worker_of_another_user_says_that_it_cannot() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AS_DAEMON], check=False, capture_output=True, text=True
    )
    assert "Task 'who' is to run as 'nobody', but its worker runs as 'daemon', and only" in (
        done.stderr
    )
