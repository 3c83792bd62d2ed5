"""Around changes of the clock, and anywhere else, ticks are those of a slow reference."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from tests.property.offset_changes import CRONS, OFTEN, YEARS, ZONES, changes, check

SEED = 20260329


@pytest.mark.parametrize("zone", ZONES)
def test_ticks_around_a_change_are_those_of_every_matching_minute(zone: str) -> None:
    dice = random.Random(f"{SEED}{zone}")
    middle = dice.choice(changes(zone))

    assert check(zone, middle, tuple(dice.sample(CRONS, 4)), OFTEN[1:]) > 0


def test_ticks_anywhere_are_those_of_every_matching_minute() -> None:
    dice = random.Random(SEED)
    minutes = int(timedelta(days=365 * len(YEARS)).total_seconds() // 60)
    for _ in range(3):
        middle = datetime(YEARS[0], 1, 8, tzinfo=UTC) + timedelta(minutes=dice.randrange(minutes))
        check(dice.choice(ZONES), middle, tuple(dice.sample(CRONS, 3)), OFTEN[1:])
