"""Where the real provider packages lie, and processes that find them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

VENV = Path(__file__).parents[2] / ".venv"
CONNECTION = '{"conn_type": "fs", "extra": {"path": "/"}}'

Settings = dict[str, str]


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The environment in which the packages are found."""
    folder = VENV / "providers"
    assert folder.is_dir(), f"{folder} is not there: ./dev setup makes it"
    return {"PYTHONPATH": str(folder), "AIRFLOW_CONN_FS_DEFAULT": CONNECTION}


@pytest.fixture(scope="session")
def far_settings(settings: Settings) -> Settings:
    """The same, with the packages of Docker and Kubernetes."""
    folder = VENV / "far-providers"
    if not folder.is_dir():
        pytest.skip("they take a minute to fetch: ./dev providers")
    return {**settings, "PYTHONPATH": f"{settings['PYTHONPATH']}:{folder}"}


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., str]:
    """Run code in a process of its own; answer what it prints."""

    def run(code: str, settings: Settings) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **settings},
            check=False,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    return run
