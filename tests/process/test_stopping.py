"""Starting and stopping as a person does it: one terminal, Ctrl-C, ports and homes in use."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.process.conftest import Install
from tests.process.installation import EARLY, TASKS, Installation
from tests.waiting import wait_gone, wait_until

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
IN_TERMINAL = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"
"""Makes the terminal on its standard input the one that controls it."""


class Terminal:
    """A terminal with ``tradewind standalone`` in its foreground."""

    def __init__(self, place: Installation) -> None:
        self.ours, theirs = os.openpty()
        modes = termios.tcgetattr(theirs)
        modes[3] |= termios.TOSTOP
        termios.tcsetattr(theirs, termios.TCSANOW, modes)
        tradewind = [sys.executable, "-m", "tradewind.cli.main", "standalone"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, *tradewind],
            cwd=place.root,
            env=place.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        place.started.append(self.process)

    def ctrl_c(self) -> None:
        os.write(self.ours, b"\x03")

    def read(self) -> str:
        """Answer all that was said, once nobody has the terminal open any more."""
        said = b""
        try:
            while chunk := os.read(self.ours, 65536):
                said += chunk
        except OSError:
            pass
        os.close(self.ours)
        return said.decode().replace("\r\n", "\n")


def start_fifty(place: Installation) -> list[int]:
    place.wait_ready()
    place.trigger("one")
    return place.wait_living("one")


def lost_and_recorded(place: Installation) -> bool:
    return place.value("SELECT count(*) FROM attempt WHERE state = 'running'") == 0


def test_ctrl_c_lets_tasks_end_and_leaves_nothing(install: Install) -> None:
    place = install(TRADEWIND__WORKER__DRAIN_SECONDS="4")
    terminal = Terminal(place)
    start_fifty(place)
    began = time.monotonic()
    terminal.ctrl_c()
    wait_until(lambda: "Draining: 50 attempts" in place.log("worker"), 5, "the drain begins")
    place.open_gate("one", "early")
    assert terminal.process.wait(30) == 0
    assert time.monotonic() - began < 4 + 5
    assert not place.family()
    assert not (place.home / "server.json").exists()
    said = terminal.read()
    assert "Stopping: running tasks have 4 s to end. Again Ctrl-C ends them now." in said
    assert "Traceback" not in said
    place.check()
    assert lost_and_recorded(place)
    ends = list(place.outcomes("one").values())
    assert ends == [["success"]] * EARLY + [["lost"]] * (TASKS - EARLY)

    place.started.clear()
    place.start()
    place.wait_ready()
    place.open_gate("one", "late")
    place.wait_success("one", 20)
    place.check_all_done("one")


def test_a_second_ctrl_c_ends_tasks_at_once(install: Install) -> None:
    place = install(TRADEWIND__WORKER__DRAIN_SECONDS="60")
    terminal = Terminal(place)
    start_fifty(place)
    terminal.ctrl_c()
    wait_until(lambda: "Draining" in place.log("worker"), 5, "the drain begins")
    began = time.monotonic()
    terminal.ctrl_c()
    assert terminal.process.wait(30) == 0
    assert time.monotonic() - began < 6
    assert not place.family()
    terminal.read()
    place.check()
    assert lost_and_recorded(place)


def test_it_says_what_one_needs_and_no_more(install: Install) -> None:
    place = install()
    began = place.start()
    place.wait_ready()
    began.send_signal(signal.SIGINT)
    assert began.wait(20) == 0
    assert not place.family()
    assert place.said().splitlines() == [
        f"Tradewind is running: {place.url()}",
        f"  Dags      {place.dags}",
        f"  data      {place.home}",
        f"  logs      {place.home}/logs",
        "Stop it with Ctrl-C.",
    ]
    assert "Registered" in place.log("worker")


def test_a_port_that_is_taken_is_passed_over_and_said(install: Install) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        place = install(TRADEWIND__API__PORT=str(port))
        place.start()
        place.wait_ready()
    used = int(place.url().rpartition(":")[2])
    assert used != port
    assert f"Port {port} is taken; using {used}." in place.said()


def test_a_home_serves_one(install: Install) -> None:
    place = install()
    place.start()
    place.wait_ready()
    before = place.said()
    second = place.start()
    assert second.wait(20) == 1
    said = place.said().removeprefix(before)
    assert said.count("\n") == 1
    assert f"Tradewind runs in {place.home} already" in said
    assert place.call("GET", "/api/v2/version")[0] == 200


def test_of_two_that_start_at_once_one_gives_way(install: Install) -> None:
    place = install()
    both = [place.start(), place.start()]
    wait_until(lambda: any(one.poll() is not None for one in both), 30, "one gives way")
    loser = next(one for one in both if one.poll() is not None)
    assert loser.returncode == 1
    assert f"runs on {place.home}." in place.said()
    place.wait_ready()
    assert sum(one.poll() is None for one in both) == 1


def test_a_server_that_cannot_start_says_why_once(install: Install) -> None:
    place = install(TRADEWIND__API__HOST="192.0.2.1")
    assert place.start().wait(20) == 1
    assert place.said() == (
        "The server cannot listen on 192.0.2.1 port 0: Cannot assign requested address. "
        "Change [api] host or port.\n"
    )


def test_a_file_that_is_no_database_is_refused(install: Install) -> None:
    place = install()
    place.home.mkdir()
    (place.home / "tradewind.db").write_bytes(b"no database" * 100)
    assert place.start().wait(20) == 1
    assert place.said() == (
        f"{place.home}/tradewind.db cannot be opened: file is not a database. "
        "Put a good copy in its place, or set TRADEWIND_HOME to another folder.\n"
    )


def test_a_server_that_crashes_again_and_again_is_started_at_growing_intervals(
    install: Install, tmp_path: Path
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    crash = hooks / "sitecustomize.py"
    crash.write_text(
        "import os, sys, time\n"
        "if 'tradewind.server.main' in sys.orig_argv:\n"
        f"    print(time.monotonic(), file=open({str(tmp_path / 'starts')!r}, 'a'), flush=True)\n"
        "    os._exit(7)\n"
    )
    place = install(PYTHONPATH=str(hooks))
    place.start()

    def starts() -> list[float]:
        path = tmp_path / "starts"
        return [float(line) for line in path.read_text().split()] if path.exists() else []

    wait_until(lambda: len(starts()) == 4, 20, "four starts")
    first, second, third, fourth = starts()
    assert second - first >= 0.5
    assert third - second >= 1.0
    assert fourth - third >= 2.0
    assert "The server ended with code 7 and is started again." in place.said()
    crash.unlink()
    place.wait_ready()


def test_a_stop_ends_what_is_frozen_too(install: Install) -> None:
    place = install(TRADEWIND__WORKER__DRAIN_SECONDS="1")
    launcher = place.start()
    start_fifty(place)
    for pid in (place.own_worker(), place.server()):
        os.kill(pid, signal.SIGSTOP)
    launcher.terminate()
    assert launcher.wait(20) == 0
    assert not place.family()
    place.check()
    assert lost_and_recorded(place)


def test_a_worker_alone_drains_on_ctrl_c(install: Install) -> None:
    place = install(TRADEWIND__WORKER__DRAIN_SECONDS="1", TRADEWIND__WORKER__SLOTS="25")
    place.start()
    place.wait_ready()
    before = place.said()
    worker = place.start("worker", "--name", "second")
    place.wait_ready(workers=2)
    assert place.said().removeprefix(before).splitlines() == [
        f"A worker for {place.home} is running, 25 tasks at once.",
        f"  log       {place.home}/logs/worker.log",
        "Stop it with Ctrl-C.",
    ]
    place.trigger("one")
    place.wait_living("one")
    worker.send_signal(signal.SIGINT)
    assert worker.wait(10) == 0
    wait_gone([pid for pid in place.living("one") if os.getpgid(pid) == worker.pid], 1)
    place.open_gate("one", "early")
    place.open_gate("one", "late")
    place.wait_success("one", 20)
    place.check_all_done("one")


def test_dev_up_becomes_the_launcher(install: Install, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    venv = Path(sys.prefix)
    (checkout / ".venv").mkdir(parents=True)
    for entry in venv.iterdir():
        (checkout / ".venv" / entry.name).symlink_to(entry)
    (checkout / ".venv" / ".set-up-for").unlink(missing_ok=True)
    (checkout / "requirements").mkdir()
    for name in ("dev", "pyproject.toml", "requirements/dev.lock"):
        shutil.copy(ROOT / name, checkout / name)
    wanted = f"{checkout}\n" + "".join(
        (checkout / name).read_text() for name in ("pyproject.toml", "requirements/dev.lock")
    )
    (checkout / ".venv" / ".set-up-for").write_text(wanted)
    (checkout / "examples").mkdir()
    place = install()
    place.dags.rename(checkout / "examples" / "dags")
    environment = {
        name: value for name, value in place.environment.items() if "__CORE__" not in name
    }
    with place.output.open("wb") as output:
        process = subprocess.Popen(
            [checkout / "dev", "up"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    place.started.append(process)
    place.wait_ready()
    assert f"  Dags      {checkout}/examples/dags" in place.said()
    assert place.launcher() == process.pid
    assert place.own_worker()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert not place.family()
