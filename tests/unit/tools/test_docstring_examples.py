"""The examples in docstrings do what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHOWN = ("src/tradewind/core", "src/tradewind/sdk", "tools")


def modules_with_examples() -> list[str]:
    files = [file for folder in SHOWN for file in sorted((ROOT / folder).rglob("*.py"))]
    paths = [file.relative_to(ROOT).with_suffix("") for file in files if ">>> " in file.read_text()]
    parts = [path.parts[1:] if path.parts[0] == "src" else path.parts for path in paths]
    return [".".join(each).removesuffix(".__init__") for each in parts]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted
    assert not result.failed, capsys.readouterr().out
