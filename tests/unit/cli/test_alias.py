import os
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind.cli.compat import alias
from tradewind.errors import ConflictError, RefusedError


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bin" / "tradewind"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(path)])
    monkeypatch.setenv("PATH", os.pathsep.join([str(path.parent), str(tmp_path / "other")]))
    return path


def test_the_alias_starts_this_program_under_the_other_name(program: Path) -> None:
    alias()
    alias()
    made = program.parent / "airflow"
    done = subprocess.run([made, "--help"], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("usage: airflow")
    assert sorted(path.name for path in program.parent.iterdir()) == ["airflow", "tradewind"]


def test_it_works_where_the_interpreter_has_a_long_name(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / f"a folder {'x' * 120}" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    alias()
    done = subprocess.run(
        [program.parent / "airflow", "--help"], check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("usage: airflow")


@pytest.mark.parametrize("place", ["bin", "other"])
def test_a_real_one_is_never_touched(program: Path, tmp_path: Path, place: str) -> None:
    real = tmp_path / place / "airflow"
    real.parent.mkdir(exist_ok=True)
    real.write_text("#!/bin/sh\necho real\n")
    with pytest.raises(ConflictError, match=str(real)):
        alias()
    assert real.read_text() == "#!/bin/sh\necho real\n"


def test_without_a_script_there_is_no_place_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["-c"])
    with pytest.raises(RefusedError, match="not started by its script"):
        alias()
