"""Real installations for tests that kill, freeze and stop them."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.process.installation import DAG, TASKS, Installation

SHORT = {
    "TRADEWIND__SCHEDULER__WORKER_LEASE_SECONDS": "6",
    "TRADEWIND__WORKER__DRAIN_SECONDS": "2",
}
"""Frozen workers are given up after 11 s instead of 35, so that the suite stays fast."""

Install = Callable[..., Installation]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Make installations; at the end every process of each must be gone, by itself."""
    made: list[Installation] = []
    numbers = count(1)

    def make(**settings: str) -> Installation:
        slots = {"TRADEWIND__WORKER__SLOTS": str(TASKS)}
        one = Installation(tmp_path / f"place-{next(numbers)}", slots | settings)
        (one.dags / "fifty.py").write_text(DAG)
        made.append(one)
        return one

    yield make
    for one in made:
        one.end()
