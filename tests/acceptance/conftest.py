"""Drives Tradewind as a person does: real processes, real commands, under both its names."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS = 60.0
START_SECONDS = 60.0
STOP_SECONDS = 40.0
_POLL_SECONDS = 0.05


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition, looking at it again and again, and fail where it does not come."""
    deadline = time.monotonic() + seconds
    tick = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"After {seconds:g} s still not: {what}")
        tick.wait(_POLL_SECONDS)


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass(frozen=True)
class Shell:
    """A terminal in which one home is set."""

    home: Path
    programs: Path
    dags: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join([str(self.programs), "/usr/bin", "/bin"]),
            "HOME": str(self.home.parent),
            "TRADEWIND_HOME": str(self.home),
            "TRADEWIND_EXAMPLES_DATA": str(self.home / "examples-data"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "TRADEWIND__API__PORT": "0",
            **self.settings,
        }

    def run(self, line: str, *, seconds: float = COMMAND_SECONDS) -> Said:
        """Type a line as a person does, quotes, continuation lines and all."""
        done = subprocess.run(  # noqa: S602 it is the shell's reading of the line that counts
            line,
            shell=True,
            check=False,
            cwd=self.home.parent,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def ok(self, line: str, *, seconds: float = COMMAND_SECONDS) -> Said:
        said = self.run(line, seconds=seconds)
        assert said.code == 0, f"{line}\n{said.out}\n{said.err}"
        return said


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``tradewind`` as pip writes it, and ``airflow`` as ``compat alias`` does."""
    folder = tmp_path_factory.mktemp("programs")
    script = folder / "tradewind"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom tradewind.cli.main import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    environment = {"PATH": str(folder), "HOME": str(folder)}
    subprocess.run([script, "compat", "alias"], check=True, env=environment, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example Dags and of what they import and read."""
    root = tmp_path_factory.mktemp("project") / "examples"
    leave_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "examples", root, ignore=leave_out)
    return root / "dags"


@pytest.fixture
def alone(tmp_path: Path, programs: Path, examples: Path) -> Shell:
    """A new home in which no server runs."""
    return Shell(tmp_path / "home", programs, examples)


@pytest.fixture(scope="session")
def read_home(tmp_path_factory: pytest.TempPathFactory, programs: Path, examples: Path) -> Shell:
    """A home in which no server runs and the Dag files were read; tests share it."""
    shell = Shell(tmp_path_factory.mktemp("read") / "home", programs, examples)
    first = shell.ok("tradewind dags list -o json")
    assert "Reading Dag files" in first.err
    return shell


@pytest.fixture(scope="session")
def served(
    tmp_path_factory: pytest.TempPathFactory, programs: Path, examples: Path
) -> Iterator[Shell]:
    """A home in which ``standalone`` runs, Dags paused until a test unpauses them."""
    shell = Shell(tmp_path_factory.mktemp("served") / "home", programs, examples)
    with standalone(shell):
        wait_until(
            lambda: "sales_report" in shell.run("tradewind dags list").out,
            START_SECONDS,
            "all examples are parsed",
        )
        yield shell


class standalone:  # noqa: N801 it reads as the command does
    """Runs ``tradewind standalone`` while its block lasts, and sees that nothing of it is left."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "standalone":
        shell = self._shell
        shell.home.mkdir(parents=True, exist_ok=True)
        with (shell.home.parent / "standalone.log").open("wb") as log:
            self._process = subprocess.Popen(
                [shell.programs / "tradewind", "standalone"],
                cwd=shell.home.parent,
                env=shell.environment,
                stdout=log,
                stderr=log,
            )
        wait_until(self._is_healthy, START_SECONDS, "health is good")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            pytest.fail("standalone did not stop")

    @property
    def log(self) -> str:
        return (self._shell.home.parent / "standalone.log").read_text()

    def _is_healthy(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            pytest.fail(f"standalone ended with {self._process.returncode}: {self.log}")
        return self._shell.run("tradewind health").code == 0
