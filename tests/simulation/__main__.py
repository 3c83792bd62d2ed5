"""Play worlds from the command line: ``python -m tests.simulation``.

Without ``--seed``, worlds are played one after another, in two processes, until the steps or the
minutes are spent; a summary follows. With ``--seed``, that one world is played again.
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from multiprocessing.pool import AsyncResult

from tests.simulation.world import BrokenError, Summary, World

STEPS = 5_000_000
OF_A_WORLD = 5_000
"""Steps of a world before its faults stop; part of what makes it, beside the seed."""

_HASH_SEED = "0"


def play(job: tuple[int, int]) -> tuple[int, Summary | str]:
    """Play one world; answer its summary, or what is broken."""
    seed, steps = job
    try:
        return seed, World(seed).play(steps)
    except BrokenError as error:
        return seed, str(error)


def play_many(
    first: int, steps: int, seconds: float, processes: int, of_a_world: int
) -> tuple[Summary, list[tuple[int, str]]]:
    """Play worlds from a seed on, until so many steps or seconds are spent."""
    total = Summary()
    broken: list[tuple[int, str]] = []
    until = time.monotonic() + seconds
    context = multiprocessing.get_context("spawn")

    def jobs() -> Iterator[tuple[int, int]]:
        seed = first
        while total.steps < steps and time.monotonic() < until and not broken:
            yield seed, of_a_world
            seed += 1

    with context.Pool(processes, maxtasksperchild=50) as pool:
        waiting: list[AsyncResult[tuple[int, Summary | str]]] = []
        source = jobs()
        while True:
            while len(waiting) < processes * 2 and (job := next(source, None)) is not None:
                waiting.append(pool.apply_async(play, (job,)))
            if not waiting:
                break
            seed, came = waiting.pop(0).get()
            if isinstance(came, str):
                broken.append((seed, came))
            else:
                total.add(came)
    return total, broken


def report(total: Summary, seconds: float, first: int) -> str:
    """Answer the summary as text."""
    hours = total.virtual_ms / 3_600_000

    def counts(found: dict[str, int]) -> str:
        return ", ".join(f"{name} {number:,}" for name, number in sorted(found.items()))

    lines = [
        f"steps       {total.steps:,} in {seconds:.0f} s ({total.steps / seconds:,.0f}/s)",
        f"worlds      {total.worlds:,}, seeds {first} to {first + total.worlds - 1}",
        f"virtual     {hours:,.1f} h",
        f"faults      {total.faults.total():,}: {counts(total.faults)}",
        f"runs ended  {total.runs.total():,}: {counts(total.runs)}",
        f"legs ended  {total.legs.total():,}: {counts(total.legs)}",
        f"boundaries  {len(total.seen)}, broken off at {total.share:.1%} of them",
    ]
    lines += [f"  never     {method}: {text[:80]!r}" for method, text in total.untried()[:20]]
    return "\n".join(lines)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help="steps in all")
    parser.add_argument("--minutes", type=float, default=600.0, help="stop after so many minutes")
    parser.add_argument("--seed", type=int, help="play this one world again")
    parser.add_argument("--first", type=int, default=0, help="the first of many seeds")
    parser.add_argument("--world", type=int, default=OF_A_WORLD, help="steps of each world")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--tail", type=int, default=60, help="lines of history to print")
    wish = parser.parse_args()
    began = time.monotonic()
    if wish.seed is not None:
        seed, came = play((wish.seed, wish.world))
        if isinstance(came, str):
            sys.stdout.write(f"{came}\n")
            return 1
        sys.stdout.write(f"{report(came, time.monotonic() - began, seed)}\n")
        sys.stdout.write(f"digest      {came.digest:08x}\n")
        return 0
    # Children are started anew: sets of texts have one order in all of them.
    os.environ["PYTHONHASHSEED"] = _HASH_SEED
    total, broken = play_many(wish.first, wish.steps, wish.minutes * 60, wish.processes, wish.world)
    for seed, said in broken:
        sys.stdout.write(f"{said}\n\nAgain: python -m tests.simulation --seed {seed}")
        sys.stdout.write(f" --world {wish.world}\n")
    if total.steps:
        sys.stdout.write(f"{report(total, time.monotonic() - began, wish.first)}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
