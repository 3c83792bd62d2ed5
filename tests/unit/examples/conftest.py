"""The examples' folder is the root of a bundle, so their modules are found from there."""

import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
sys.path.insert(0, str(EXAMPLES))


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own, named the way a user names it."""
    folder = tmp_path / "data"
    monkeypatch.setenv("TRADEWIND_EXAMPLES_DATA", str(folder))
    return folder
