"""The installation that each test of the engine gets."""

from collections.abc import Iterator

import pytest

from tests.unit.scheduler.place import Place


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()
