"""Play worlds from the command line: ``python -m tests.simulation``.

Without ``--seed``, worlds are played one after another, in two processes, until the steps or the
minutes are spent, or it is interrupted; a summary follows. With ``--seed``, that one world is
played again.
"""

import argparse
import os
import signal
import sys
import time

from tests.simulation.playing import Many, play, report

STEPS = 5_000_000
OF_A_WORLD = 5_000
"""Steps of a world before its faults stop; part of what makes it, beside the seed."""

_HASH_SEED = "0"


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
    many = Many(wish.first, wish.steps, wish.minutes * 60, wish.world)
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, lambda _number, _frame: many.end())
    many.play(wish.processes, talks=True)
    if many.total.steps:
        sys.stdout.write(f"{many.report()}\n")
    return 1 if many.broken else 0


if __name__ == "__main__":
    sys.exit(main())
