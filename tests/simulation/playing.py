"""Many worlds, one after another in several processes, and what came of all of them."""

import multiprocessing
import time
from collections.abc import Iterator
from multiprocessing.pool import AsyncResult

from tests.simulation.world import BrokenError, Summary, World


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
            while len(waiting) < processes and (job := next(source, None)) is not None:
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
