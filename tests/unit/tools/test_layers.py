"""The import contracts catch what they are there to catch.

Each test builds a small house with all the rooms the contracts name, puts one import into it,
and lets the real contracts of this repository judge.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import layers

ROOT = Path(__file__).parents[3]
ROOMS = sorted(layers.rooms_named(layers.read_contracts(ROOT / "pyproject.toml")))


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A checkout with our contracts and every room they name, each with one module inside."""
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    put(tmp_path, "__init__", "")
    for room in ROOMS:
        put(tmp_path, f"{room}/__init__", "")
        put(tmp_path, f"{room}/part", "")
    return tmp_path


def put(house: Path, module: str, text: str) -> None:
    path = house / "src" / layers.PACKAGE / f"{module}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def judge(house: Path) -> subprocess.CompletedProcess[str]:
    """Check the house in a process of its own, in which `tradewind` is the house."""
    path = os.pathsep.join([str(house / "src"), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "tools.layers"],
        cwd=house,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_house_in_order_is_kept(house: Path) -> None:
    put(house, "cli/part", "import tradewind.server.part\nfrom tradewind.core import part\n")
    put(house, "store/part", "import sqlalchemy\n")
    answer = judge(house)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "0 broken" in answer.stdout


@pytest.mark.parametrize(
    ("module", "text", "told"),
    [
        ("core/part", "import tradewind.protocol.part", "A room imports only rooms below it"),
        ("core/part", "def late():\n    import tradewind.sdk.part", "rooms below it"),
        (
            "core/part",
            "import typing\nif typing.TYPE_CHECKING:\n    import tradewind.sdk.part",
            "rooms below it",
        ),
        ("store/part", "import tradewind.codestore.part", "rooms below it"),
        ("core/part", "import tradewind.config.part", "core is pure"),
        ("core/part", "import logging", "core is pure"),
        ("core/part", "import time", "core is pure"),
        ("protocol/part", "import starlette.types", "never reaches the server's libraries"),
        ("store/part", "import tradewind.sdk.part", "never reaches what runs beside user code"),
        ("worker/part", "import tradewind.store.part", "holds no database credential"),
        ("api/part", "import sqlalchemy.sql", "SQL stays inside the store"),
        ("sdk/part", "from tradewind import dag", "No module imports the root package"),
        ("extra", "", "rooms below it"),
    ],
)
def test_a_breach_is_told(house: Path, module: str, text: str, told: str) -> None:
    put(house, module, text + "\n")
    answer = judge(house)
    assert answer.returncode == 1
    assert "1 broken" in answer.stdout
    broken = answer.stdout.partition("Broken contracts")[2]
    assert told in broken, answer.stdout


def test_siblings_in_a_circle_are_told(house: Path) -> None:
    put(house, "core/part", "import tradewind.core.other")
    put(house, "core/other", "import tradewind.core.part")
    answer = judge(house)
    assert answer.returncode == 1
    assert "No import cycles at any depth" in answer.stdout.partition("Broken contracts")[2]


def test_a_package_and_its_part_in_a_circle_are_told(house: Path) -> None:
    put(house, "core/__init__", "from tradewind.core.part import thing")
    put(house, "core/part", "from tradewind.core import thing")
    answer = judge(house)
    assert answer.returncode == 1
    told = "import cycle: tradewind.core.part imports tradewind.core, which imports it"
    assert told in answer.stdout


def test_a_contract_that_names_a_missing_room_fails_and_the_rest_is_still_checked(
    house: Path,
) -> None:
    for room in ("worker", "store"):
        for file in (house / "src" / layers.PACKAGE / room).iterdir():
            file.unlink()
    put(house, "core/part", "import random")
    answer = judge(house)
    assert answer.returncode == 1
    assert "contracts name rooms that do not exist: store, worker" in answer.stdout
    assert "1 broken" in answer.stdout
