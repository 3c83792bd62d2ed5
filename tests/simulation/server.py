"""The server of a simulated world: the real engine and store, a pacer, and death at any statement.

A *boundary* is the point before one statement of one method of the engine, before the commit, or
after it. Which one a server dies at is chosen so that those not tried yet come first.
"""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec
from sqlalchemy import event

from tests.simulation.journal import Journal
from tradewind.errors import TradewindError
from tradewind.protocol.exchange import Answer, Exchange
from tradewind.scheduler.engine import Engine
from tradewind.scheduler.policy import LeasePolicy
from tradewind.store import migrations
from tradewind.store.database import Database, Tx
from tradewind.store.secrets import Vault

if TYPE_CHECKING:
    from tests.simulation.world import World

_LISTS = re.compile(r"\((?:\?|NULL)(?:, (?:\?|NULL))*\)(?:, \(\?(?:, \?)*\))*")
_NUMBERED = re.compile(r"sa_savepoint_\d+")
_COMMON = frozenset({"exchange", "tick"})
_SHARES, _SHARES_OF_RARE = (4, 8, 32), (1, 2, 8)
_EARLY, _EARLY_OF_RARE = 100, 4
"""What shows up first after so many transactions of its kind is rare, and is taken when it does."""
_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
"""What secrets are encrypted with: no secret of anybody."""

POLL_MS = 1000
"""The longest a change waits for the scheduler to look."""


class DiedError(Exception):
    """The server is killed here."""


class UndoneError(Exception):
    """The transaction is undone here; the server lives."""


class Unit(msgspec.Struct):
    """One piece of work for the writer."""

    name: str
    work: Callable[[Engine, Tx, datetime], Any]
    done: Callable[[Any], None] = lambda answer: None
    failed: Callable[[str], None] = lambda why: None
    """Told ``died`` (nobody will answer), ``refused`` or ``outage``."""


class Boundaries:
    """Which boundaries there are, and at which of them a transaction was broken off.

    A world breaks off once at each boundary of its own share: a large share tries much, a small one
    lets transactions come to where they rarely come.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        place = seed % len(_SHARES)
        self._shares, self._shares_of_rare = _SHARES[place], _SHARES_OF_RARE[place]
        self._mine: dict[tuple[str, str], bool] = {}
        self._begun: Counter[str] = Counter()
        self._late: set[tuple[str, str]] = set()
        self.seen: Counter[tuple[str, str]] = Counter()
        self.broken: Counter[tuple[str, str]] = Counter()
        self._shapes: dict[str, str] = {}

    def begin(self, method: str) -> None:
        """Count a transaction of this kind."""
        self._begun[method] += 1

    def see(self, key: tuple[str, str]) -> bool:
        """Count a boundary; tell whether it is one that rarely comes."""
        self.seen[key] += 1
        if self.seen[key] == 1:
            early = _EARLY if key[0] in _COMMON else _EARLY_OF_RARE
            if self._begun[key[0]] > early:
                self._late.add(key)
        return key in self._late

    def is_wanted(self, key: tuple[str, str]) -> bool:
        """Tell whether this world is to break off there and has not yet: it has its own share."""
        mine = self._mine.get(key)
        if mine is None:
            shares = self._shares if key[0] in _COMMON else self._shares_of_rare
            if key in self._late:
                shares = 2
            mine = self._mine[key] = self.draw(key) % shares == 0
        return mine and not self.broken[key]

    def draw(self, key: tuple[str, str]) -> int:
        """Answer a number that is drawn for this boundary in this world."""
        return crc32(repr((self._seed, key)).encode())

    def shape(self, statement: str) -> str:
        """Answer the statement without the number of its parameters."""
        shape = self._shapes.get(statement)
        if shape is None:
            # A savepoint is named by a number that only counts: it is one boundary, not many.
            plain = _NUMBERED.sub("savepoint", statement)
            shape = self._shapes[statement] = _LISTS.sub("(?)", plain)
        return shape


class Server:
    """One server process after another over one database."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.policy = LeasePolicy()
        self.database = Database(None)
        migrations.create_schema(self.database, default_pool_slots=8)
        self.journal = Journal(self.database)
        event.listen(self.database.engine, "before_cursor_execute", self._before_statement)
        self.boundaries = Boundaries(world.seed)
        self.engine: Engine | None = None
        self.is_out = False
        """The database refuses every transaction; the server lives."""
        self._method = ""
        self._fault: type[Exception] | None = None
        self._countdown: int | None = None
        self._queue: list[Unit] = []
        self._is_writing = False
        self._waiting: dict[str, list[tuple[int, Unit]]] = {}
        self._tick_at = -1
        self._jumped = False
        self._tokens = 0

    # ------------------------------------------------------------------ life and death

    def start(self) -> None:
        """Start a new process on the database as it was left."""
        if self.engine is not None:
            return
        engine = Engine(Vault(_KEY), policy=self.policy, new_token=self._new_token)
        self.engine = engine
        self._jumped = False
        self.world.note("server starts")
        opening = Unit("open", lambda e, tx, now: e.open(tx, now), failed=lambda _: self.die())
        self._run([opening])
        if self.engine is engine:
            self.want_tick(self.world.t)

    def die(self) -> None:
        """End the process: what it held in memory is gone, its connections break."""
        if self.engine is None:
            return
        self.world.note("server dies")
        self.engine = None
        self._tick_at = -1
        queue, self._queue = self._queue, []
        waiting, self._waiting = self._waiting, {}
        for unit in queue:
            unit.failed("died")
        for units in waiting.values():
            for _, unit in units:
                unit.failed("died")
        self.world.after(self.world.rng.choice((50, 200, 1000, 3000, 3000, 40_000)), self.start)

    def _new_token(self) -> str:
        self._tokens += 1
        return f"{self._tokens:032x}"

    def jump(self) -> None:
        """Note that the clock was set: the pacer sees it at its next look."""
        self._jumped = True
        if self.engine is not None:
            self._tick_at = -1
            self.want_tick(self.world.t + self.world.rng.randint(0, POLL_MS))

    def recover_from_outage(self) -> None:
        """The database is back: nobody could renew a lease meanwhile."""
        self.is_out = False
        self._jumped = True
        self.want_tick(self.world.t)

    # ------------------------------------------------------------------ transactions

    def submit(self, unit: Unit) -> None:
        """Queue a unit; all that wait when the writer is free share one transaction."""
        if self.engine is None:
            unit.failed("down")
            return
        self._queue.append(unit)
        if len(self._queue) == 1:
            self.world.after(self.world.rng.choice((0, 0, 0, 5, 20)), self._write)

    def _write(self) -> None:
        queue, self._queue = self._queue, []
        if queue and self.engine is not None:
            self._run(queue)

    def _run(self, units: list[Unit], *, again: bool = False) -> None:
        engine = self.engine
        assert engine is not None
        if self.is_out:
            for unit in units:
                unit.failed("outage")
            return
        if not again:
            is_rare = any(unit.name not in _COMMON for unit in units)
            self._fault = self.world.faults.draw_break(is_rare=is_rare)
            self._countdown = self.world.faults.draw_countdown()
        now = self.world.now
        try:
            answers = self._transact(units, engine, now)
        except DiedError:
            self._committed(units, [], now, dying=True)
            for unit in units:
                unit.failed("died")
            self.die()
        except UndoneError:
            self._undo(units, engine)
        except TradewindError as error:
            self._refuse(units, engine, error)
        else:
            self._committed(units, answers, now)

    def _transact(self, units: list[Unit], engine: Engine, now: datetime) -> list[Any]:
        answers = []
        try:
            with self.database.begin() as tx:
                for unit in units:
                    self._method = unit.name
                    self.boundaries.begin(unit.name)
                    answers.append(unit.work(engine, tx, now))
                self._boundary("COMMIT")
            self._boundary("COMMITTED")
        finally:
            self._method, self._fault = "", None
        return answers

    def _refuse(self, units: list[Unit], engine: Engine, error: TradewindError) -> None:
        if len(units) > 1:
            self._undo(units, engine)
            return
        engine.forget()
        self.world.note("refused", units[0].name, error.code)
        units[0].failed("refused")

    def _undo(self, units: list[Unit], engine: Engine) -> None:
        engine.forget()
        self.world.count("undone")
        for unit in units:
            if self.engine is engine:
                self._run([unit], again=True)
            else:
                unit.failed("died")

    def _committed(
        self, units: list[Unit], answers: list[Any], now: datetime, *, dying: bool = False
    ) -> None:
        if self.world.checker.after_commit(now).is_any or not dying:
            self.world.step([unit.name for unit in units])
        if dying:
            return
        for unit, answer in zip(units, answers, strict=True):
            unit.done(answer)
        self._ring()
        if any(unit.name != "tick" for unit in units):
            self.want_tick(self.world.t + self.world.rng.choice((0, 200, POLL_MS)))

    def _before_statement(
        self, _c: Any, _cursor: Any, statement: str, _p: Any, _x: Any, _many: Any
    ) -> None:
        if self._method:
            self._boundary(statement)

    def _boundary(self, statement: str) -> None:
        found = self.boundaries
        key = (self._method, found.shape(statement))
        is_rare = found.see(key) and not self.world.faults.is_quiet
        if self._fault is None and not is_rare:
            return
        if is_rare or self._countdown is None:
            if not found.is_wanted(key):
                return
        elif self._countdown > 0:
            self._countdown -= 1
            return
        fault = self._fault or (DiedError if found.draw(key) & 8 else UndoneError)
        if statement == "COMMITTED":
            fault = DiedError
        self._fault = None
        found.broken[key] += 1
        self.world.count("crash" if fault is DiedError else "undo")
        self.world.note(fault.__name__, self._method, key[1][:60])
        raise fault

    # ------------------------------------------------------------------ the pacer

    def want_tick(self, at: int) -> None:
        """Have the scheduler look no later than that."""
        if self._tick_at == -1 or at < self._tick_at:
            self._tick_at = at
            self.world.at(at, self._tick)

    def _tick(self) -> None:
        if self.world.t != self._tick_at:
            return
        engine = self.engine
        self._tick_at = -1
        if engine is None:
            return
        if self._jumped:
            self._run([Unit("recover", lambda e, tx, now: e.recover(tx, now))])
            if self.engine is not engine:
                return
            self._jumped = self.is_out
        self._run(
            [
                Unit(
                    "tick",
                    lambda e, tx, now: e.tick(tx, now),
                    done=self._ticked,
                    failed=lambda _: (
                        self.want_tick(self.world.t + POLL_MS) if self.engine is not None else None
                    ),
                )
            ]
        )

    def _ticked(self, answer: datetime | None) -> None:
        world = self.world
        world.checker.after_tick(world.now, answer)
        if answer is not None:
            self.want_tick(max(world.to_ms(answer), world.t + 5))

    # ------------------------------------------------------------------ the work routes

    def exchange(
        self, message: Exchange, done: Callable[[Answer], None], failed: Callable[[str], None]
    ) -> None:
        """Answer one exchange; one that waits and finds nothing is held until rung, or 5 s."""
        renew = int(self.policy.renew.total_seconds() * 1000)
        until = self.world.t + renew
        entry: tuple[int, Unit]

        def answered(answer: Answer) -> None:
            for order in answer.claims:
                self.world.pins.check(order, self.world.checker.shadow.tis[order.ti_id].run)
            empty = answer.known and not (
                answer.claims
                or answer.parses
                or answer.cancels
                or answer.refused
                or answer.callbacks
                or answer.triggers
                or answer.trigger_cancels
                or answer.fired_recorded
            )
            if not (message.wait and empty) or self.world.t >= until:
                done(answer)
                return
            held = self._waiting.setdefault(message.worker_id, [])
            held.append(entry)
            self.world.at(until, lambda: self._give_back(message.worker_id, entry, answer, done))

        unit = Unit("exchange", lambda e, tx, now: e.exchange(tx, message, now), answered, failed)
        entry = (until, unit)
        self.submit(unit)

    def _give_back(
        self, worker_id: str, entry: tuple[int, Unit], answer: Answer, done: Callable[..., None]
    ) -> None:
        held = self._waiting.get(worker_id, [])
        if any(one is entry for one in held):
            held[:] = [one for one in held if one is not entry]
            done(answer)

    @property
    def is_busy(self) -> bool:
        """Whether there is something it was asked and has not done."""
        return bool(self._queue)

    def is_waited_for(self, worker_id: str) -> bool:
        """Tell whether a request of this worker is held."""
        return bool(self._waiting.get(worker_id))

    def _ring(self) -> None:
        engine = self.engine
        if engine is None:
            return
        whom = engine.take_rings()
        for worker_id in list(self._waiting) if whom is None else sorted(whom):
            for _, unit in self._waiting.pop(worker_id, ()):
                self.submit(unit)
