"""The program's two names, and what its first words cost."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Shell

pytestmark = pytest.mark.process


def test_both_names_say_the_same_but_for_the_name(alone: Shell) -> None:
    ours, theirs = alone.ok("tradewind --help").out, alone.ok("airflow --help").out
    assert ours.replace("tradewind", "airflow") == theirs
    assert theirs.startswith("usage: airflow ")
    assert alone.ok("tradewind version").out == alone.ok("airflow version").out
    assert "Usage: airflow dags trigger" in alone.ok("airflow dags trigger --help").out


def test_the_alias_can_be_asked_for_again(alone: Shell) -> None:
    assert "airflow" in alone.ok("tradewind compat alias").out


def test_a_real_airflow_on_the_path_is_left_alone(alone: Shell, tmp_path: Path) -> None:
    real = tmp_path / "real" / "airflow"
    real.parent.mkdir()
    real.write_text("#!/bin/sh\necho real\n")
    real.chmod(0o755)
    said = alone.run(f'PATH="$PATH:{real.parent}" tradewind compat alias')
    assert said.code == 1
    assert str(real) in said.err
    assert real.read_text() == "#!/bin/sh\necho real\n"


@pytest.mark.parametrize("words", [["version"], ["--help"], ["dags", "--help"]])
def test_the_first_words_load_neither_typer_nor_rich(words: list[str]) -> None:
    code = (
        "import sys; from tradewind.cli.main import run; run('tradewind', sys.argv[1:]); "
        "sys.stderr.write(' '.join(m for m in ('typer', 'rich', 'msgspec') if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], check=True, capture_output=True, text=True
    )
    assert done.stderr == ""
