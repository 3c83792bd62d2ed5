"""Many worlds, one after another in several processes, and what came of all of them."""

import gc
import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing.pool import AsyncResult

from tests.simulation.world import BrokenError, Summary, World

_WORLDS_OF_A_PROCESS = 1000
_SAY_EVERY = 60.0
_LOOK_EVERY = 1.0
_MOST_BROKEN = 3
"""After so many worlds in which an invariant was broken, there is enough to look at."""


def play(job: tuple[int, int]) -> tuple[int, Summary | str]:
    """Play one world; answer its summary, or what is broken."""
    seed, steps = job
    try:
        return seed, World(seed).play(steps)
    except BrokenError as error:
        return seed, str(error)


def _begin_process() -> None:
    """Let the parent alone be told to end; look for garbage less often, and not among modules."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


class Many:
    """Worlds from a seed on, until so many steps or seconds are spent, or until told to end.

    Attributes:
        total: What came of the worlds that were played to their end.
        broken: Seeds of those in which an invariant was broken, and what it was.
    """

    def __init__(self, first: int, steps: int, seconds: float, of_a_world: int) -> None:
        """Play nothing yet."""
        self.total = Summary()
        self.broken: list[tuple[int, str]] = []
        self._first = first
        self._steps = steps
        self._seconds = seconds
        self._of_a_world = of_a_world
        self._is_ended = False
        self._began = self._said = time.monotonic()

    def end(self) -> None:
        """Start no more worlds, and wait for none."""
        self._is_ended = True

    def play(self, processes: int, *, talks: bool) -> None:
        """Play them in so many processes; with ``talks``, tell each minute how far it is."""
        context = multiprocessing.get_context("spawn")
        pool = context.Pool(processes, _begin_process, maxtasksperchild=_WORLDS_OF_A_PROCESS)
        with pool:
            waiting: list[AsyncResult[tuple[int, Summary | str]]] = []
            source = self._jobs()
            while not self._is_ended:
                while len(waiting) < processes and (job := next(source, None)) is not None:
                    waiting.append(pool.apply_async(play, (job,)))
                if not waiting:
                    break
                waiting[0].wait(_LOOK_EVERY)
                done = [one for one in waiting if one.ready()]
                waiting = [one for one in waiting if one not in done]
                for one in done:
                    self._take(*one.get())
                if talks:
                    self._say()

    def report(self) -> str:
        """Answer what came of it so far, as text."""
        return report(self.total, time.monotonic() - self._began, self._first)

    def _jobs(self) -> Iterator[tuple[int, int]]:
        seed = self._first
        until = self._began + self._seconds
        while self.total.steps < self._steps and time.monotonic() < until and not self._is_enough:
            yield seed, self._of_a_world
            seed += 1

    @property
    def _is_enough(self) -> bool:
        return len(self.broken) >= _MOST_BROKEN

    def _take(self, seed: int, came: Summary | str) -> None:
        if not isinstance(came, str):
            self.total.add(came)
            return
        self.broken.append((seed, came))
        again = f"python -m tests.simulation --seed {seed} --world {self._of_a_world}"
        sys.stdout.write(f"{came}\n\nAgain: {again}\n")
        sys.stdout.flush()

    def _say(self) -> None:
        now = time.monotonic()
        if now - self._said < _SAY_EVERY:
            return
        self._said = now
        total = self.total
        sys.stdout.write(
            f"{now - self._began:7.0f} s  {total.worlds:,} worlds, {total.steps:,} steps, "
            f"{total.faults.total():,} faults, {total.runs.total():,} runs ended, "
            f"{len(total.seen)} boundaries, broken off at {total.share:.1%}\n"
        )
        sys.stdout.flush()


def report(total: Summary, seconds: float, first: int) -> str:
    """Answer the summary as text."""
    hours = total.virtual_ms / 3_600_000

    def counts(found: dict[str, int]) -> str:
        return ", ".join(f"{name} {number:,}" for name, number in sorted(found.items()))

    lines = [
        f"steps       {total.steps:,} in {seconds:.0f} s ({total.steps / seconds:,.0f}/s)",
        f"worlds      {total.worlds:,}, seeds from {first}",
        f"virtual     {hours:,.1f} h",
        f"faults      {total.faults.total():,}: {counts(total.faults)}",
        f"runs ended  {total.runs.total():,}: {counts(total.runs)}",
        f"legs ended  {total.legs.total():,}: {counts(total.legs)}",
        f"callbacks   {total.calls.total():,}: {counts(total.calls)}",
        f"boundaries  {len(total.seen)}, broken off at {total.share:.1%} of them",
    ]
    lines += [
        f"  never     {method}: {text[:80]!r} (came {total.seen[method, text]:,} times)"
        for method, text in total.untried()[:40]
    ]
    return "\n".join(lines)
