"""A world: one server after another, workers, Dags, people, and all that can go wrong.

Everything is drawn from one seed; time is virtual. A *step* is one committed transaction or one
delivered or lost message.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random
from zlib import crc32

import msgspec

from tests.simulation import callbacks, waits
from tests.simulation.assets import Deliveries
from tests.simulation.faults import Faults
from tests.simulation.holding import BrokenError
from tests.simulation.invariants import Checker
from tests.simulation.meddling import find_untold, meddle
from tests.simulation.pins import Pins
from tests.simulation.random_dags import (
    POOLS,
    START,
    changed_dag,
    period_of,
    random_dag,
    without_schedule,
)
from tests.simulation.server import Server, Unit
from tests.simulation.workers import Process, Worker
from tradewind.core.manifest import Manifest
from tradewind.core.spec import DagSpec
from tradewind.core.states import RunState
from tradewind.scheduler.wishes import BackfillWish, Trigger
from tradewind.store import pools
from tradewind.store.pools import Pool

_FULL_CHECK = 400
_GLANCE = 50
_LONGEST_QUIET_MS = 3_600_000
_TAIL = 400
_MANY_RUNS = 25
_LONGEST_UNKNOWN_MS = 100_000


class Summary(msgspec.Struct):
    """What came of one or more worlds."""

    worlds: int = 0
    steps: int = 0
    virtual_ms: int = 0
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    runs: Counter[str] = msgspec.field(default_factory=Counter)
    legs: Counter[str] = msgspec.field(default_factory=Counter)
    calls: Counter[str] = msgspec.field(default_factory=Counter)
    seen: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    broken: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    digest: int = 0

    def add(self, other: "Summary") -> None:
        """Take in another one."""
        self.worlds += other.worlds
        self.steps += other.steps
        self.virtual_ms += other.virtual_ms
        for name in ("faults", "runs", "legs", "calls", "seen", "broken"):
            getattr(self, name).update(getattr(other, name))
        self.digest = crc32(repr((self.digest, other.digest)).encode())

    def untried(self) -> list[tuple[str, str]]:
        """Answer the boundaries nothing was broken off at."""
        return sorted(key for key in self.seen if not self.broken[key])

    @property
    def share(self) -> float:
        """Share of the boundaries at which a transaction was broken off."""
        return 1 - len(self.untried()) / max(len(self.seen), 1)


class World:
    """One world, played from its seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = Random(seed)
        self.t = 0
        self.steps = 0
        self.harm = self.rng.choice((0.02, 0.1, 0.25))
        self._meddling = self.rng.choice((1, 2, 8))
        self._offset = 0
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        self._history: deque[tuple] = deque(maxlen=_TAIL)
        self._digest = 0
        self._next_full = _FULL_CHECK
        self._next_glance = _GLANCE
        self.summary = Summary(worlds=1)
        self.faults = Faults(self)
        self.server = Server(self)
        self.checker = Checker(self.server.journal, self.server.policy, lambda: self.t)
        self.checker.after_commit(self.now)
        for name, slots in self.server.journal.query("SELECT name, slots FROM pool"):
            self.checker.shadow.pools[name] = slots
        self._deliveries = Deliveries(self.server.journal)
        self.files: dict[str, DagSpec] = {}
        self.pins = Pins(seed)
        self.dag_ids: list[str] = []
        self._saves = 0
        self._processes: dict[int, list[Process]] = {}
        self.workers = [
            Worker(
                self,
                f"w{number}",
                ("default", "gpu") if number == 0 else ("default",),
                self.rng.choice((2, 4, 8)),
            )
            for number in range(self.rng.choice((2, 3, 4)))
        ]

    # ------------------------------------------------------------------ time

    @property
    def now(self) -> datetime:
        """The wall clock."""
        return START + timedelta(milliseconds=self.t + self._offset)

    def now_in(self, ms: int) -> datetime:
        """Answer what the wall clock will say."""
        return self.now + timedelta(milliseconds=ms)

    def to_ms(self, moment: datetime) -> int:
        """Answer when the wall clock will say that, as it goes now."""
        return -((START - moment) // timedelta(milliseconds=1)) - self._offset

    def at(self, t: int, what: Callable[[], None]) -> None:
        """Have something happen at a moment."""
        self._number += 1
        heappush(self._events, (max(t, self.t), self._number, what))

    def after(self, ms: int, what: Callable[[], None]) -> None:
        """Have something happen after a while."""
        self.at(self.t + ms, what)

    def jump(self, ms: int) -> None:
        """Set the wall clock."""
        # A server that is down cannot tell that the clock was set back.
        if self.t + self._offset + ms < 0 or (ms < 0 and self.server.engine is None):
            return
        self.note("clock jumps by", ms)
        self._offset += ms
        self.server.jump()

    # ------------------------------------------------------------------ history

    def note(self, *what: object) -> None:
        """Write a line of history."""
        line = (self.t, *what)
        self._digest = crc32(repr(line).encode(), self._digest)
        self._history.append(line)

    def step(self, what: Sequence[str]) -> None:
        """Count a step."""
        self.steps += 1
        self.note(*what)

    def lose(self, what: str) -> None:
        """Count a message that was lost."""
        self.count("lost")
        self.step(("lost", what))

    def count(self, fault: str) -> None:
        """Count a fault."""
        self.summary.faults[fault] += 1

    def tail(self, lines: int = 60) -> str:
        """Answer the end of the history, to be read."""
        return "\n".join(
            f"{line[0] / 1000:10.3f}  " + " ".join(map(str, line[1:]))
            for line in list(self._history)[-lines:]
        )

    # ------------------------------------------------------------------ processes

    def begin_process(self, process: Process) -> None:
        """Let a process of an instance live; never beside another one (I2)."""
        there = self._processes.setdefault(process.order.ti_id, [])
        for other in there:
            worker = other.worker
            # A stopped host runs nothing; once thawed it has a second to end what it held.
            if not worker.is_host_frozen and self.t - worker.thawed_at > 1000:
                raise BrokenError(
                    f"I2: attempt {process.order.attempt_id} starts on {process.worker.name} "
                    f"while {other.order.attempt_id} lives on {worker.name}"
                )
        self.note("fork", process.worker.name, process.order.attempt_id, process.order.task_id)
        there.append(process)

    def end_process(self, process: Process) -> None:
        """Let a process be dead."""
        there = self._processes.get(process.order.ti_id, [])
        if process in there:
            there.remove(process)
            self.note("exit", process.worker.name, process.order.attempt_id, process.ending)

    # ------------------------------------------------------------------ people

    def _submit(self, name: str, work: Callable) -> None:
        self.server.submit(Unit(name, work))

    def _save(self, specs: Sequence[DagSpec]) -> None:
        """Save Dag files, and have the server notice."""
        for spec in specs:
            self.files[spec.file] = spec
        self._saves += 1
        stamp = {spec.file: f"{self._saves}-{spec.dag_id}" for spec in specs}
        self._digests = {**getattr(self, "_digests", {}), **stamp}
        manifest = Manifest(
            files=dict(self._digests), dag_files=frozenset(self.files), digest=str(self._saves)
        )
        self.pins.keep(manifest.digest, self.files)
        self._discover(manifest)

    def _discover(self, manifest: Manifest) -> None:
        def work(engine, tx, now):
            self.pins.discover(tx, manifest, now)
            engine.ring_all()

        def failed(_why: str) -> None:
            if manifest.digest == str(self._saves):
                self.after(1000, lambda: self._discover(manifest))

        self.server.submit(Unit("discover", work, failed=failed))

    def _act(self) -> None:
        if self.faults.is_quiet:
            return
        rng = self.rng
        act = rng.choice(
            (
                *[self._trigger] * 8,
                *[self._backfill] * 3,
                self._pause,
                self._unpause_all,
                self._resize,
                self._change,
                *[self._meddle_with_backfill] * self._meddling,
                *[lambda: meddle(self)] * (2 * self._meddling),
                self._delete_run,
                *[self._clean] * 4,
            )
        )
        # People do not add to a heap that grows already: its rows only cost time.
        if len(self.checker.shadow.queued_runs) < _MANY_RUNS:
            act()
        self.after(rng.choice((100, 300, 1000, 5000)), self._act)

    def _trigger(self) -> None:
        rng = self.rng
        date = None
        if rng.random() < 0.5:
            minutes = rng.randint(-120, 20)
            date = self.now.replace(second=0, microsecond=0) + timedelta(minutes=minutes)
        wish = Trigger(dag_id=rng.choice(self.dag_ids), logical_date=date)
        self._submit("trigger", lambda e, tx, now: e.trigger(tx, wish, now))

    def _backfill(self) -> None:
        rng = self.rng
        to = self.now - timedelta(minutes=rng.randint(0, 60))
        wish = BackfillWish(
            dag_id=rng.choice(self.dag_ids),
            from_date=to - timedelta(minutes=rng.choice((5, 15, 30))),
            to_date=to,
            max_active_runs=rng.choice((1, 2, 5)),
            reprocess_behavior=rng.choice(("none", "failed", "completed", "completed")),
            run_backwards=rng.random() < 0.3,
            code=rng.choice(("latest", "latest", "pinned", "1", "2")),
        )
        self._submit("create_backfill", lambda e, tx, now: e.create_backfill(tx, wish, now))

    def _pause(self) -> None:
        rng = self.rng
        some = rng.sample(self.dag_ids, rng.randint(1, 2))
        paused = rng.random() < 0.4
        self._submit("set_paused", lambda e, tx, now: e.set_paused(tx, some, paused, now))

    def _resize(self) -> None:
        pool = Pool(
            name=self.rng.choice(POOLS),
            slots=self.rng.choice((0, 1, 2, 3, 8, -1)),
            include_deferred=self.rng.random() < 0.4,
        )
        self._submit("set_pool", lambda e, tx, now: pools.set_pool(tx, pool))

    def _change(self) -> None:
        spec = self.files[f"dags/{self.rng.choice(self.dag_ids)}.py"]
        self._save([changed_dag(self.rng, spec)])

    def _meddle_with_backfill(self) -> None:
        found = [pk for pk, (_, _, done) in self.checker.shadow.backfills.items() if not done]
        if not found:
            return
        pk, what = self.rng.choice(found), self.rng.random()
        if what < 0.2:
            self._submit("cancel_backfill", lambda e, tx, now: e.cancel_backfill(tx, pk, now))
        elif what < 0.4:
            limit = self.rng.choice((1, 2, 5))
            self._submit(
                "resize_backfill", lambda e, tx, now: e.resize_backfill(tx, pk, limit, now)
            )
        else:
            paused = what < 0.65
            self._submit("pause_backfill", lambda e, tx, now: e.pause_backfill(tx, pk, paused, now))

    def _delete_run(self) -> None:
        runs = [r for r in self.checker.shadow.runs.values() if r.state is not RunState.RUNNING]
        if runs:
            run = self.rng.choice(runs)
            self._submit(
                "delete_run", lambda e, tx, now: e.delete_run(tx, run.dag_id, run.run_id, now)
            )

    def _clean(self) -> None:
        self.checker.cleaner.start(self.rng, self.now, self._submit, self.after)

    # ------------------------------------------------------------------ playing

    def play(self, steps: int) -> Summary:
        """Play so many steps, then let faults stop and hold that everything comes to an end.

        Raises:
            BrokenError: An invariant does not hold; the message carries the end of the history.
        """
        try:
            self._begin()
            while self.steps < steps:
                self._advance()
            self._quiesce()
        except Exception as error:
            raise BrokenError(
                f"seed {self.seed}, step {self.steps}, {self.now}: "
                f"{type(error).__name__}: {error}\n{self.tail()}"
            ) from error
        finally:
            self.server.database.close()
        return self._sum_up()

    def _begin(self) -> None:
        rng = self.rng
        self.dag_ids = [f"d{number}" for number in range(rng.choice((3, 6, 10)))]
        self.server.start()
        for name in POOLS[1:]:
            pool = Pool(name=name, slots=3 if name == "small" else 8)
            self._submit("set_pool", lambda e, tx, now, pool=pool: pools.set_pool(tx, pool))
        self._save([random_dag(rng, dag_id) for dag_id in self.dag_ids])
        for worker in self.workers:
            self.after(rng.randint(0, 2000), worker.start)
        self.after(3000, self._unpause_all)
        self.after(5000, self._act)
        self.faults.begin()

    def _unpause_all(self) -> None:
        ids = list(self.dag_ids)
        self._submit("set_paused", lambda e, tx, now: e.set_paused(tx, ids, False, now))

    def _advance(self) -> None:
        t, _, what = heappop(self._events)
        self.t = t
        what()
        if self.steps >= self._next_full:
            self._next_full = self.steps + _FULL_CHECK
            self.checker.check_all()
            self.checker.check_nothing_is_stuck()
        if self.steps >= self._next_glance:
            self._next_glance = self.steps + _GLANCE
            self._check_nothing_is_forgotten()
            self._check_rings()
            self._deliveries.check()
            for look in (waits.find_broken, callbacks.find_broken, find_untold):
                if broken := look(self):
                    raise BrokenError(f"I9: {broken}")

    def _check_rings(self) -> None:
        """No request is held while there is work for its worker (I9)."""
        shadow, server = self.checker.shadow, self.server
        if server.engine is None or server._queue:
            return
        for worker in self.workers:
            live = shadow.workers.get(worker.id)
            if live is None or not server.is_waited_for(worker.id) or worker.is_draining:
                continue
            free = live[1] - shadow.held[worker.id]
            work = [ti for ti in shadow.queued.values() if ti.queue in worker.queues]
            if free > 0 and work:
                raise BrokenError(f"I9: {worker.name} waits, {len(work)} instances wait for it")

    def _check_nothing_is_forgotten(self) -> None:
        """No attempt lives of which its worker, long after the claim, did not say it holds it (I9).

        A worker that is told of an outage keeps what it has, and can tell nothing meanwhile.
        """
        shadow = self.checker.shadow
        by_id = {one.id: one for one in self.workers if one.is_alive and not one.is_frozen}
        for ti in shadow.tis.values():
            for attempt_id in ti.live:
                _, _, _, worker_id, claimed_at = shadow.attempts[attempt_id]
                worker = by_id.get(worker_id)
                if worker is None:
                    continue
                known = worker.knows(attempt_id)
                if worker.told_at - claimed_at > _LONGEST_UNKNOWN_MS and not known:
                    raise BrokenError(f"I9: {worker.name} does not know attempt {attempt_id}")

    def _quiesce(self) -> None:
        """Let faults stop; then everything must come to an end."""
        self.note("faults stop")
        self.faults.is_quiet, self.faults.net_is_out = True, False
        self.harm = 0.0
        began = self.t
        shadow = self.checker.shadow
        while self.server.engine is None or self.server.is_out or self.t < began + 40_000:
            self._advance()
        self._save([without_schedule(spec) for spec in self.files.values()])
        self._open_everything()
        seen, moved_at = -1, self.t
        while shadow.queued_runs or shadow.running_runs or self.t < began + 60_000:
            running = shadow.running_runs.values()
            happened = sum(run.seq for run in running) - len(shadow.queued_runs)
            if happened != seen:
                seen, moved_at = happened, self.t
            # A long backfill with room for one task may take its time, as long as it moves.
            if self.t > moved_at + _LONGEST_QUIET_MS or self.t > began + 10 * _LONGEST_QUIET_MS:
                raise BrokenError(f"I9: {self._why()}")
            self._advance()
        self.checker.check_all()
        live = {one for ti in shadow.tis.values() for one in ti.live}
        self._drain_live(live)

    def _drain_live(self, live: set[int]) -> None:
        until = self.t + 120_000
        shadow = self.checker.shadow
        while any(ti.live for ti in shadow.tis.values()):
            if self.t > until:
                raise BrokenError(f"I9: attempts {live} live though all runs ended")
            self._advance()
        until = self.t + _LONGEST_QUIET_MS
        while self.checker.owed.is_any_open:
            if self.t > until:
                raise BrokenError("I9: callbacks wait though all runs ended")
            self._advance()
        self.checker.owed.check_end()

    def _open_everything(self) -> None:
        self._unpause_all()
        for name in POOLS:
            pool = Pool(name=name, slots=20)
            self._submit("set_pool", lambda e, tx, now, pool=pool: pools.set_pool(tx, pool))
        for pk, (_, paused, done) in self.checker.shadow.backfills.items():
            if paused and not done:
                self._submit(
                    "pause_backfill", lambda e, tx, now, pk=pk: e.pause_backfill(tx, pk, False, now)
                )

    def _why(self) -> str:
        said = []
        shadow, engine = self.checker.shadow, self.server.engine
        for run in (*shadow.running_runs.values(), *shadow.queued_runs.values()):
            states = {"/".join(key): ti.state.value for key, ti in run.tis.items()}
            line = f"{run.dag_id}/{run.run_id} is {run.state}: {states}"
            if engine is not None:
                with self.server.database.begin() as tx:
                    line += f" {engine.explain(tx, run.dag_id, run.run_id, None, self.now)}"
            said.append(line)
        return "these runs do not end:\n" + "\n".join(said[:5])

    def _sum_up(self) -> Summary:
        summary = self.summary
        summary.steps = self.steps
        summary.virtual_ms = self.t
        summary.runs.update(self.checker.runs_ended)
        summary.legs.update(self.checker.outcomes)
        summary.calls.update(self.checker.owed.counts)
        summary.seen = self.server.boundaries.seen
        summary.broken = self.server.boundaries.broken
        summary.digest = self._digest
        return summary


__all__ = ["BrokenError", "Summary", "World", "period_of"]
