"""The import contracts catch what they are there to catch.

Each test builds a small house with all the rooms the contracts name, puts one import into it,
and lets the real contracts of this repository judge.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools import layers

ROOT = Path(__file__).parents[3]
ROOMS = sorted(layers.rooms_named(layers.read_contracts(ROOT / "pyproject.toml")))


@dataclass(frozen=True)
class House:
    """A checkout with our contracts and every room they name, each with one module inside.

    Its package has a name of its own, so that it can stand beside the real one.
    """

    root: Path
    package: str

    def put(self, module: str, text: str) -> None:
        path = self.root / "src" / self.package / f"{module}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("tradewind", self.package) + "\n")


@dataclass(frozen=True)
class Verdict:
    kept: bool
    told: str

    @property
    def broken(self) -> str:
        """What is said about the contracts that are not kept."""
        return self.told.partition("Broken contracts")[2]


Judge = Callable[[], Verdict]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    house = House(tmp_path, "house_" + "".join(filter(str.isalnum, tmp_path.name)))
    contracts = (ROOT / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(contracts.replace("tradewind", house.package))
    house.put("__init__", "")
    for room in ROOMS:
        house.put(f"{room}/__init__", "")
        house.put(f"{room}/part", "")
    monkeypatch.syspath_prepend(tmp_path / "src")
    return house


@pytest.fixture
def judge(house: House, capsys: pytest.CaptureFixture[str]) -> Judge:
    def judge() -> Verdict:
        kept = layers.main(house.root) == 0
        words = capsys.readouterr().out.replace(house.package, "tradewind")
        return Verdict(kept, " ".join(words.split()))

    return judge


def test_a_house_in_order_is_kept(house: House, judge: Judge) -> None:
    house.put("cli/part", "import tradewind.server.part\nfrom tradewind.core import part\n")
    house.put("store/part", "import sqlalchemy\n")
    answer = judge()
    assert answer.kept, answer.told
    assert "0 broken" in answer.told


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
def test_a_breach_is_told(house: House, module: str, text: str, told: str, judge: Judge) -> None:
    house.put(module, text)
    answer = judge()
    assert not answer.kept
    assert "1 broken" in answer.told
    assert told in answer.broken


def test_siblings_in_a_circle_are_told(house: House, judge: Judge) -> None:
    house.put("core/part", "import tradewind.core.other")
    house.put("core/other", "import tradewind.core.part")
    answer = judge()
    assert not answer.kept
    assert "No import cycles at any depth" in answer.broken


def test_a_package_and_its_part_in_a_circle_are_told(house: House, judge: Judge) -> None:
    house.put("core/__init__", "from tradewind.core.part import thing")
    house.put("core/part", "from tradewind.core import thing")
    answer = judge()
    assert not answer.kept
    told = "import cycle: tradewind.core.part imports tradewind.core, which imports it"
    assert told in answer.told


def test_a_contract_that_names_a_missing_room_fails_and_the_rest_is_still_checked(
    house: House, judge: Judge
) -> None:
    for room in ("worker", "store"):
        for file in (house.root / "src" / house.package / room).iterdir():
            file.unlink()
    house.put("core/part", "import random")
    answer = judge()
    assert not answer.kept
    assert "contracts name rooms that do not exist: store, worker" in answer.told
    assert "1 broken" in answer.told
