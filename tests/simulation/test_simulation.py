"""The real engine and store in worlds where everything goes wrong; see ``world``."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.world import World

STEPS = 50_000
ROOT = Path(__file__).parents[2]


def play(*options: str, hash_seed: str = "0") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *options],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=840,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(900)
def test_invariants_hold_in_many_worlds() -> None:
    said = play("--steps", str(STEPS))
    # A slow machine is told each minute how far it is, before what counts.
    (steps,) = re.findall(r"^steps +([\d,]+)", said, re.MULTILINE)
    assert int(steps.replace(",", "")) >= STEPS, said


def test_a_seed_plays_the_same_again() -> None:
    one = play("--seed", "3", "--world", "400", hash_seed="1")
    two = play("--seed", "3", "--world", "400", hash_seed="2")
    assert one.splitlines()[-1] == two.splitlines()[-1]


def test_worlds_are_counted_apart() -> None:
    one = World(1).play(300)
    lost = one.faults["lost"]
    two = World(1).play(300)
    assert one.faults["lost"] == two.faults["lost"] == lost
    assert lost <= one.steps


def test_a_world_comes_to_an_end() -> None:
    summary = World(1).play(300)
    assert summary.runs.total() > 0
    assert summary.faults.total() > 0
