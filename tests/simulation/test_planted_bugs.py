"""The simulation is worth its time: it finds a bug of each kind, soon."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor

import pytest

from tests.simulation.planting import BUGS, plant
from tests.simulation.world import BrokenError, World

SEEDS = range(12)
STEPS = 4000


def find(bug: str) -> bool:
    """Answer whether one of the worlds with this bug breaks."""
    place, name, wrong = BUGS[bug]
    with plant(place, name, wrong):
        for seed in SEEDS:
            try:
                World(seed).play(STEPS)
            except BrokenError:
                return True
    return False


@pytest.fixture(scope="module")
def searches(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[bool]]]:
    """Look for all bugs that are asked for, two at a time, in the order of the tests."""
    mine = [item for item in request.session.items if item.path == request.path]
    wanted = [
        str(item.callspec.params["bug"]) for item in mine if isinstance(item, pytest.Function)
    ]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield {bug: pool.submit(find, bug) for bug in wanted}
        pool.shutdown(cancel_futures=True)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", BUGS)
def test_finds_a_planted_bug(searches: dict[str, Future[bool]], bug: str) -> None:
    assert searches[bug].result(), f"no world of {len(SEEDS)} found that {bug}"
