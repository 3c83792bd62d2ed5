"""`./dev` answers in one sentence where it cannot do what it is asked."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = ("pyproject.toml", "requirements/dev.lock", "requirements/providers.lock")
"""What the environment is made from."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh clone as far as `./dev` can tell before it installs anything."""
    for name in ("dev", *FILES):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A PATH with what POSIX promises and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "cmp", "dirname", "head", "rm"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def dev(
    checkout: Path, *args: str, path: str = os.environ["PATH"]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "dev", *args],
        env={"PATH": path, "HOME": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_help_needs_nothing(checkout: Path, bare_path: Path) -> None:
    answer = dev(checkout, path=str(bare_path))
    assert answer.returncode == 0
    assert "./dev COMMAND" in answer.stdout


def test_an_unknown_command_is_a_usage_error(checkout: Path) -> None:
    answer = dev(checkout, "tset")
    assert answer.returncode == 2
    assert answer.stderr == "dev: there is no command 'tset'; './dev help' lists them.\n"


def test_without_python_it_says_what_to_install(checkout: Path, bare_path: Path) -> None:
    answer = dev(checkout, "setup", path=str(bare_path))
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith("dev: no Python 3.11 or newer found; install")


def test_a_python_that_is_too_old_is_passed_over(checkout: Path, bare_path: Path) -> None:
    for name in ("python3.13", "python3.11", "python3"):
        executable(bare_path / name, "exit 1")
    answer = dev(checkout, "up", path=str(bare_path))
    assert answer.returncode == 1
    assert "no Python 3.11 or newer found" in answer.stderr


def test_a_python_without_venv_names_the_package_to_install(
    checkout: Path, bare_path: Path
) -> None:
    executable(bare_path / "python3", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    answer = dev(checkout, "setup", path=str(bare_path))
    assert answer.returncode == 1
    assert "python3 cannot make virtual environments" in answer.stderr


def test_a_checkout_that_is_set_up_starts_the_program_in_its_own_place(checkout: Path) -> None:
    executable(checkout / ".venv/bin/python", "echo must not be needed; exit 1")
    executable(checkout / ".venv/bin/tradewind", 'echo "$$ $TRADEWIND_HOME $*"')
    stamp = f"{checkout}\n" + "".join((checkout / name).read_text() for name in FILES)
    (checkout / ".venv/.set-up-for").write_text(stamp)
    with subprocess.Popen(
        [checkout / "dev", "up", "--port", "0"],
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    home = checkout / ".tradewind"
    assert out == f"{process.pid} {home} standalone --port 0\n"
    settings = tomllib.loads((home / "tradewind.toml").read_text())["core"]
    assert settings == {
        "dags_folder": str(checkout / "examples/dags"),
        "dags_are_paused_at_creation": False,
    }


@pytest.mark.parametrize("changed", FILES)
def test_a_changed_dependency_sets_up_again(checkout: Path, bare_path: Path, changed: str) -> None:
    executable(checkout / ".venv/bin/tradewind", "exit 0")
    executable(checkout / ".venv/bin/python", "exit 1")
    with (checkout / changed).open("a") as file:
        file.write("\n# changed\n")
    answer = dev(checkout, "setup", path=str(bare_path))
    assert answer.returncode == 1
    assert "Setting up" in answer.stderr
