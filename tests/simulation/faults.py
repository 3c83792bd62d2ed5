"""What goes wrong, and when: all drawn from the seed of the world."""

from typing import TYPE_CHECKING

from tests.simulation.server import DiedError, UndoneError

if TYPE_CHECKING:
    from tests.simulation.workers import Call, Worker
    from tests.simulation.world import World

_BREAKS_OF_RARE = 0.7


class Faults:
    """Draws faults; quiet when told to."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.rng = world.rng
        self.is_quiet = False
        self.net_is_out = False
        kinds = (0.0, 0.02, 0.05, 0.15)
        self.loss = self.rng.choice(kinds)
        self.slow = self.rng.choice(kinds)
        self.twice = self.rng.choice((0.0, 0.01, 0.05))
        self.breaks = self.rng.choice((0.1, 0.3, 0.6))

    # ------------------------------------------------------------------ transactions

    def draw_break(self, *, is_rare: bool) -> type[Exception] | None:
        """Answer how the next transaction is broken off; None for not at all."""
        if self.is_quiet or self.rng.random() >= (_BREAKS_OF_RARE if is_rare else self.breaks):
            return None
        return DiedError if self.rng.random() < 0.6 else UndoneError

    def draw_countdown(self) -> int | None:
        """Answer at which statement; None for the first one that was not tried."""
        return None if self.rng.random() < 0.92 else self.rng.randint(0, 40)

    # ------------------------------------------------------------------ messages

    def latency(self) -> int:
        return self.rng.choice((0, 1, 1, 2, 20))

    def draw_loss(self, worker: "Worker") -> bool:
        """Answer whether a message from or to a worker is lost."""
        if self.net_is_out or worker.is_cut_off:
            return True
        return not self.is_quiet and self.rng.random() < self.loss

    def carry(self, worker: "Worker", line: str, call: "Call") -> None:
        """Bring a request to the server, or not, or late, or twice."""
        world, rng = self.world, self.rng
        if self.draw_loss(worker):
            world.lose(line)
            if rng.random() < 0.5:
                worker.later(
                    100, lambda: worker._lost(line, call, was_seen=rng.random() < 0.5, why="cut")
                )
            return
        delay = self.latency()
        if not self.is_quiet and rng.random() < self.slow:
            delay = rng.choice((500, 4000, 12_000, 30_000))
            world.count("delayed")
        lost = self.draw_loss(worker)
        broken = rng.random() < 0.5
        world.after(delay, lambda: worker.arrive(line, call, answer_is_lost=lost, broken=broken))
        if not self.is_quiet and rng.random() < self.twice:
            world.count("duplicated")
            more = delay + rng.choice((0, 10, 2000, 20_000))
            world.after(more, lambda: worker.arrive(line, call, answer_is_lost=True, broken=False))

    # ------------------------------------------------------------------ the rest of the world

    def begin(self) -> None:
        """Let things go wrong from now on."""
        self._next()

    def _next(self) -> None:
        self.world.after(self.rng.randint(500, 12_000), self._strike)

    def _strike(self) -> None:
        if self.is_quiet:
            return
        world, rng = self.world, self.rng
        worker = rng.choice(world.workers)
        kind = rng.choice(
            ("kill", "freeze", "freeze-host", "drain", "cut", "cut-one", "jump", "out", "die")
        )
        world.count(kind)
        if kind == "kill":
            worker.kill()
        elif kind.startswith("freeze"):
            length = rng.choice((2000, 15_000, 33_000, 60_000))
            worker.freeze(length, whole_host=kind == "freeze-host")
        elif kind == "drain":
            worker.drain()
        elif kind == "cut-one":
            worker.cut_off(rng.choice((8000, 22_000, 45_000)))
        elif kind == "cut":
            self._cut(rng.choice((2000, 15_000, 45_000)))
        elif kind == "jump":
            world.jump(rng.choice((-100_000, -20_000, -1000, 2000, 60_000, 1_800_000)))
        elif kind == "out" and world.server.engine is not None:
            world.note("database is out")
            world.server.is_out = True
            world.after(rng.choice((1000, 20_000, 50_000)), world.server.recover_from_outage)
        elif kind == "die":
            world.server.die()
        self._next()

    def _cut(self, for_ms: int) -> None:
        self.net_is_out = True
        self.world.note("network is out for", for_ms)
        self.world.after(for_ms, self._mend)

    def _mend(self) -> None:
        self.net_is_out = False
