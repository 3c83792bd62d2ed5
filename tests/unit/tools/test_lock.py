"""The lock check compares what is asked for with what is pinned."""

from pathlib import Path

import pytest

from tools import lock

PYPROJECT = """
[project]
dependencies = ["typer>=0.29,<1", "ruamel.yaml>=1"]
[dependency-groups]
dev = ["pytest>=9"]
providers = []
far-providers = ["pack>=2"]
"""
LOCK = """\
pytest==9.2.0 \\
    --hash=sha256:aa
ruamel-yaml==1.2 ; sys_platform == 'linux' \\
    --hash=sha256:bb
typer==0.29.2 \\
    --hash=sha256:cc
"""


def test_a_lock_that_holds_what_is_asked_for_has_no_faults() -> None:
    assert lock.find_faults(PYPROJECT, LOCK) == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("pytest==9.2.0", "pytester==9.2.0", "pytest is not in the lock"),
        ("typer==0.29.2", "typer==1.0", "typer<1,>=0.29 is asked for, the lock has 1.0"),
        ("pytest==", "--index-url https://x.y\npytest==", "the lock names an index or a path"),
    ],
)
def test_each_fault_is_told(before: str, after: str, fault: str) -> None:
    (found,) = lock.find_faults(PYPROJECT, LOCK.replace(before, after))
    assert found.startswith(fault)


def test_a_fault_fails_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "requirements/dev.lock").write_text(LOCK)
    (tmp_path / "requirements/providers.lock").write_text("")
    (tmp_path / "requirements/far-providers.lock").write_text("pack==2.1\n")
    assert lock.main(tmp_path) == 0
    (tmp_path / "requirements/far-providers.lock").write_text("pack==1.9\n")
    (tmp_path / "requirements/dev.lock").write_text("")
    assert lock.main(tmp_path) == 1
    said = capsys.readouterr().out
    assert "requirements/dev.lock:1: typer is not in the lock; run ./dev lock" in said
    assert "far-providers.lock:1: pack>=2 is asked for, the lock has 1.9; run ./dev lock" in said
