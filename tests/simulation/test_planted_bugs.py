"""The simulation is worth its time: it finds a bug of each kind, soon."""

import pytest

from tests.simulation.planting import BUGS, plant
from tests.simulation.world import BrokenError, World

SEEDS = range(12)
STEPS = 4000


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", BUGS)
def test_finds_a_planted_bug(bug: str) -> None:
    place, name, wrong = BUGS[bug]
    with plant(place, name, wrong):
        for seed in SEEDS:
            try:
                World(seed).play(STEPS)
            except BrokenError:
                return
    pytest.fail(f"no world of {len(SEEDS)} found that {bug}")
