"""Processes killed and frozen, answers lost, servers silent: nothing runs on or is told twice."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conformance.worker.conftest import (
    Bundle,
    WorkerProcess,
    kill,
)
from tests.conformance.worker.scripted_server import DATABASE_DOWN, HangUpError, ScriptedServer
from tests.waiting import is_alive, wait_file, wait_gone
from tradewind.core.states import LegState
from tradewind.protocol.exchange import Answer, Exchange
from tradewind.protocol.orders import TaskOrder

pytestmark = pytest.mark.process
Start = Callable[..., WorkerProcess]

DEMO = """
    import os, time
    from pathlib import Path
    from tradewind import DAG, BashOperator, task

    HERE = Path(__file__).parent

    with DAG("demo", schedule=None):
        BashOperator(
            task_id="bash",
            bash_command=f"echo $PPID > {HERE}/task; echo $$ > {HERE}/shell; "
            f"sleep 61 & echo $! > {HERE}/grandchild; wait",
        )

        BashOperator(
            task_id="bare",
            bash_command=f"echo $PPID > {HERE}/task; echo $$ > {HERE}/shell; "
            f"sleep 61 & echo $! > {HERE}/grandchild; wait",
            env={"PATH": os.environ["PATH"]},
        )

        @task
        def waits():
            name = os.environ.get("TRADEWIND_ATTEMPT", "").split(".")[0]
            (HERE / f"started-{name}").write_text(f"{os.getpid()}\\n")
            while not (HERE / "go").exists():
                time.sleep(0.01)

        @task
        def counts():
            name = os.environ["TRADEWIND_ATTEMPT"].split(".")[0]
            with open(HERE / "runs", "a") as file:
                file.write(f"{name}\\n")

        [waits(), counts()]
"""


@pytest.fixture
def demo(bundle: Bundle) -> str:
    return bundle.write("demo.py", DEMO)


def started(bundle: Bundle, order: TaskOrder) -> int:
    """Wait until the task runs; answer its pid."""
    return int(wait_file(bundle.root / "dags" / f"started-{order.attempt_id}"))


def let_go(bundle: Bundle) -> None:
    (bundle.root / "dags" / "go").write_text("now")


def runs(bundle: Bundle) -> list[int]:
    return [int(line) for line in (bundle.root / "dags" / "runs").read_text().split()]


def test_a_killed_task_has_failed_and_its_zygote_goes_on(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    start_worker()
    first, second = bundle.order(demo, "waits"), bundle.order(demo, "counts")
    server.give(first)
    pid = started(bundle, first)
    before = time.monotonic()
    kill(pid)
    finish = server.wait_recorded(first, 5)
    assert time.monotonic() - before < 1.0
    assert finish.outcome is LegState.FAILED
    assert "killed by signal 9 (out of memory?)" in finish.error
    server.give(second)
    assert server.wait_recorded(second).outcome is LegState.SUCCESS


@pytest.mark.parametrize(
    ("task_id", "victim"), [("bash", "task"), ("bash", "zygote"), ("bare", "task")]
)
def test_programs_of_a_killed_task_end_with_it(
    server: ScriptedServer,
    bundle: Bundle,
    demo: str,
    start_worker: Start,
    task_id: str,
    victim: str,
) -> None:
    start_worker()
    order = bundle.order(demo, task_id)
    server.give(order)
    names = ("task", "shell", "grandchild")
    family = [int(wait_file(bundle.root / "dags" / name)) for name in names]
    kill(family[0] if victim == "task" else psutil.Process(family[0]).ppid())
    server.wait_recorded(order, 10)
    wait_gone(family, 5)


def test_a_killed_file_zygote_takes_its_tasks_along_and_is_replaced(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    start_worker()
    first, second = bundle.order(demo, "waits"), bundle.order(demo, "counts")
    server.give(first)
    pid = started(bundle, first)
    parent = psutil.Process(pid).ppid()
    kill(parent)
    assert server.wait_recorded(first, 10).outcome is LegState.LOST
    wait_gone([pid, parent], 5)
    server.give(second)
    assert server.wait_recorded(second).outcome is LegState.SUCCESS


@pytest.mark.parametrize("which", ["file", "base"])
def test_a_zygote_frozen_for_ever_is_replaced_and_gives_back_what_never_ran(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start, which: str
) -> None:
    worker = start_worker(silence_seconds=3.0)
    first = bundle.order(demo, "counts", closure="")
    server.give(first)
    server.wait_recorded(first)
    running = bundle.order(demo, "waits")
    server.give(running)
    pid = started(bundle, running)
    zygote = psutil.Process(pid).ppid() if which == "file" else worker.base_zygote().pid
    os.kill(zygote, signal.SIGSTOP)
    late = bundle.order(demo, "counts", **({} if which == "file" else {"closure": ""}))
    server.give(late)
    assert server.wait_recorded(late, 10).outcome is LegState.RETURNED
    wait_gone([zygote], 5)
    if which == "file":
        assert server.wait_recorded(running, 10).outcome is LegState.LOST
        wait_gone([pid], 5)
    else:
        assert is_alive(pid)
        let_go(bundle)
        assert server.wait_recorded(running, 10).outcome is LegState.SUCCESS
    again = bundle.order(demo, "counts")
    server.give(again)
    assert server.wait_recorded(again).outcome is LegState.SUCCESS
    assert runs(bundle) == [first.attempt_id, again.attempt_id]


def test_a_zygote_frozen_for_a_moment_is_left_alone(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    start_worker(silence_seconds=10.0)
    running = bundle.order(demo, "waits")
    server.give(running)
    zygote = psutil.Process(started(bundle, running)).ppid()
    os.kill(zygote, signal.SIGSTOP)
    late = bundle.order(demo, "counts")
    server.give(late)
    server.wait_for(lambda: late.attempt_id in (server.exchanges[-1].held or ()))
    os.kill(zygote, signal.SIGCONT)
    assert server.wait_recorded(late, 10).outcome is LegState.SUCCESS
    let_go(bundle)
    assert server.wait_recorded(running, 10).outcome is LegState.SUCCESS


def test_a_killed_base_zygote_is_started_again_and_warm_tasks_go_on(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    worker = start_worker()
    warm, fresh = bundle.order(demo, "waits"), bundle.order(demo, "counts", closure="")
    server.give(warm)
    pid = started(bundle, warm)
    base = worker.base_zygote()
    kill(base.pid)
    server.wait_for(lambda: worker.base_zygotes() and base not in worker.base_zygotes())
    server.give(fresh)
    assert server.wait_recorded(fresh).outcome is LegState.SUCCESS
    assert is_alive(pid)
    let_go(bundle)
    assert server.wait_recorded(warm).outcome is LegState.SUCCESS


def test_a_fresh_task_ends_with_the_base_zygote(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    worker = start_worker()
    order = bundle.order(demo, "waits", closure="")
    server.give(order)
    pid = started(bundle, order)
    kill(worker.base_zygote().pid)
    assert server.wait_recorded(order, 10).outcome is LegState.LOST
    wait_gone([pid], 5)


def test_a_frozen_workers_tasks_end_by_themselves_and_it_comes_back(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    server.terms["fence_seconds"] = 2.0
    worker = start_worker()
    order, later = bundle.order(demo, "waits"), bundle.order(demo, "counts")
    server.give(order)
    pid = started(bundle, order)
    os.kill(worker.pid, signal.SIGSTOP)
    wait_gone([pid], 2 + 5 + 1)
    server.forget_worker()
    os.kill(worker.pid, signal.SIGCONT)
    server.wait_for(lambda: len(server.registered) == 2)
    server.give(later)
    assert server.wait_recorded(later).outcome is LegState.SUCCESS


def test_a_killed_workers_tasks_end_at_once(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    worker = start_worker()
    order = bundle.order(demo, "waits")
    server.give(order)
    pid = started(bundle, order)
    family = [one.pid for one in psutil.Process(worker.pid).children(recursive=True)]
    assert pid in family
    kill(worker.pid)
    wait_gone(family, 6)


def test_a_silent_server_fences_and_hears_of_it_later(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    server.terms["fence_seconds"] = 1.5
    start_worker()
    order = bundle.order(demo, "waits")
    server.give(order)
    pid = started(bundle, order)
    server.is_silent = True
    wait_gone([pid], 1.5 + 5 + 1)
    server.is_silent = False
    finish = server.wait_recorded(order)
    assert finish.outcome is LegState.LOST


def test_a_database_outage_is_not_silence(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start, tmp_path: Path
) -> None:
    server.terms["fence_seconds"] = 2.5
    start_worker()
    order = bundle.order(demo, "waits")
    server.give(order)
    pid = started(bundle, order)
    outage = [time.monotonic()]

    def refuse(request: Exchange) -> None:
        if outage:
            raise DATABASE_DOWN

    server.before = refuse
    server.wait_for(lambda: time.monotonic() - outage[0] > 4.0)
    assert is_alive(pid)
    let_go(bundle)
    spool = tmp_path / "home" / "spool"
    server.wait_for(lambda: list(spool.glob("*.finishes")))
    outage.clear()
    assert server.wait_recorded(order).outcome is LegState.SUCCESS
    server.wait_for(lambda: not list(spool.glob("*.finishes")))


def test_what_a_dead_worker_had_spooled_is_told_by_the_next(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start, tmp_path: Path
) -> None:
    worker = start_worker()
    order = bundle.order(demo, "waits")
    server.give(order)
    started(bundle, order)
    outage = [True]

    def refuse(request: Exchange) -> None:
        if outage:
            raise DATABASE_DOWN

    server.before = refuse
    let_go(bundle)
    server.wait_for(lambda: list((tmp_path / "home" / "spool").glob("*.finishes")))
    kill(worker.pid)
    worker.process.wait()
    outage.clear()
    start_worker()
    assert server.wait_recorded(order).outcome is LegState.SUCCESS


def test_claims_of_a_lost_answer_are_given_again_and_run_once(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    lost: list[int] = []

    def lose_first_claims(request: Exchange, answer: Answer) -> None:
        if answer.claims and not lost:
            lost.append(request.seq)
            raise HangUpError

    server.after = lose_first_claims
    start_worker()
    order = bundle.order(demo, "counts")
    server.give(order)
    assert server.wait_recorded(order).outcome is LegState.SUCCESS
    assert server.given == [order.attempt_id] * 2
    assert runs(bundle) == [order.attempt_id]
    assert any(lost[0] in request.abandoned for request in server.exchanges)
    server.wait_for(lambda: not server.exchanges[-1].abandoned)
    assert not server.lost


def test_a_finish_whose_answer_is_lost_is_said_again(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    lost: list[int] = []

    def lose_first_finish(request: Exchange, answer: Answer) -> None:
        if request.finishes and not lost:
            lost.append(request.seq)
            raise HangUpError

    server.after = lose_first_finish
    start_worker()
    order, later = bundle.order(demo, "counts"), bundle.order(demo, "counts")
    server.give(order)
    server.wait_for(lambda: len(server.finishes.get(order.attempt_id, ())) == 2)
    server.give(later)
    server.wait_recorded(later)
    assert len(server.finishes[order.attempt_id]) == 2
    assert not server.lost


def test_a_claim_given_twice_runs_once(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    start_worker()
    order, other = bundle.order(demo, "counts"), bundle.order(demo, "counts")
    server.give(order)
    server.wait_recorded(order)
    server.give_twice(order)
    server.give(other)
    server.wait_recorded(other)
    assert runs(bundle) == [order.attempt_id, other.attempt_id]


def test_a_refused_finish_is_not_said_again(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    start_worker()
    order, later = bundle.order(demo, "counts"), bundle.order(demo, "counts")
    server.refuse.add(order.attempt_id)
    server.give(order)
    server.wait_for(lambda: server.finishes.get(order.attempt_id))
    server.give(later)
    server.wait_recorded(later)
    assert len(server.finishes[order.attempt_id]) == 1


def test_an_unknown_worker_ends_its_tasks_before_it_registers_anew(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    start_worker()
    order, later = bundle.order(demo, "waits"), bundle.order(demo, "counts")
    server.give(order)
    pid = started(bundle, order)
    server.forget_worker()
    server.wait_for(lambda: len(server.registered) == 2)
    assert not is_alive(pid)
    server.give(later)
    assert server.wait_recorded(later).outcome is LegState.SUCCESS


def test_nothing_is_lost_among_many_tasks_at_once(
    server: ScriptedServer, bundle: Bundle, demo: str, start_worker: Start
) -> None:
    drops = iter([True, False, False, True, False, True])

    def lose_some(request: Exchange, answer: Answer) -> None:
        if (answer.claims or request.finishes) and next(drops, False):
            raise HangUpError

    server.after = lose_some
    start_worker(slots=8)
    orders = [bundle.order(demo, "counts") for _ in range(60)]
    server.give(*orders)
    for order in orders:
        assert server.wait_recorded(order).outcome is LegState.SUCCESS
    assert sorted(runs(bundle)) == sorted(order.attempt_id for order in orders)
    assert not server.lost
