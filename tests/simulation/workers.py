"""Simulated workers: the real ledger on two lines, processes that end when drawn, and the fence."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tests.simulation.assets import random_events
from tests.simulation.branches import chosen_skips
from tests.simulation.callbacks import Calls, called_by_process
from tests.simulation.random_dags import random_ending
from tests.simulation.server import Unit
from tests.simulation.waits import Triggers, leaving
from tradewind.core.states import LegState
from tradewind.protocol.exchange import Answer, Exchange, Register, Registered
from tradewind.protocol.orders import ParseOrder, TaskOrder
from tradewind.protocol.reports import Closure, Finish, ParseReport, XComPush
from tradewind.worker.ledger import Holding, Ledger

if TYPE_CHECKING:
    from tests.simulation.world import World

FENCE_MS = 20_000
PUSH_TIMEOUT_MS = 10_000
PULL_TIMEOUT_MS = 15_000
RENEW_MS = 7_500


class Process:
    """One process of one attempt."""

    def __init__(self, worker: "Worker", order: TaskOrder) -> None:
        self.worker = worker
        self.order = order
        self.ending: LegState | None = None


class Call:
    """One request on its way; only the first of answer, loss and timeout counts."""

    __slots__ = ("is_over", "message", "sent_at")

    def __init__(self, message: Exchange, sent_at: int) -> None:
        self.message = message
        self.sent_at = sent_at
        self.is_over = False


class Worker:
    """One worker process, then the next one on the same host."""

    def __init__(self, world: "World", name: str, queues: tuple[str, ...], slots: int) -> None:
        self.world = world
        self.name = name
        self.queues = queues
        self.slots = slots
        self.generation = 0
        self.id = ""
        self.ledger = Ledger()
        self.triggers = Triggers(self)
        self.calls = Calls(self)
        self.held: dict[int, Process] = {}
        self.parsing: dict[int, ParseOrder] = {}
        self.lines: dict[str, Call | None] = {"pull": None, "push": None}
        self.registering = False
        self.is_alive = False
        self.is_frozen = False
        self.is_host_frozen = False
        self.is_cut_off = False
        self.thawed_at = -FENCE_MS
        self.is_draining = False
        self.is_leaving = False
        self.good_until = 0
        self.fenced = False
        self.asked_at = -RENEW_MS * 2
        self.told_at = 0
        """When it sent the last list of what it holds that the server answered."""
        self.not_before = 0
        self._late: list[Callable[[], None]] = []

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Start a new process; it adopts what the one before still owed."""
        if self.is_alive:
            return
        owed = self.ledger.owed
        self.generation += 1
        self.ledger = Ledger()
        self.triggers.drop()
        self.calls.drop()
        for finish in owed:
            self.ledger.add_finish(finish)
        self.id = ""
        self.parsing = {}
        self.lines = {"pull": None, "push": None}
        self.registering = self.fenced = self.is_draining = self.is_leaving = False
        self.is_alive, self.not_before = True, 0
        self.asked_at = -RENEW_MS * 2
        self.pump()

    def kill(self) -> None:
        """Kill the process; the zygote sees it and ends what runs within five seconds."""
        if not self.is_alive:
            return
        self.world.note(self.name, "is killed")
        self.is_alive = False
        self.generation += 1
        self.calls.drop()
        for process in self.held.values():
            self._end_process(process, self.world.rng.randint(0, 5000))
        self.held = {}
        self.world.after(self.world.rng.choice((500, 5000, 60_000)), self.start)

    def freeze(self, for_ms: int, *, whole_host: bool) -> None:
        """Stop the process, or its whole host, for a while."""
        if not self.is_alive or self.is_frozen:
            return
        self.world.note(self.name, "freezes for", for_ms, "host" if whole_host else "worker")
        self.is_frozen, self.is_host_frozen = True, whole_host
        if not whole_host:
            fence = max(self.good_until - self.world.t, 0)
            self.world.after(fence, lambda: self._zygote_fences(self.generation))
        self.world.after(for_ms, self._thaw)

    def _zygote_fences(self, generation: int) -> None:
        if self.is_frozen and self.generation == generation and self.world.t >= self.good_until:
            for process in list(self.held.values()):
                self._end_process(process, self.world.rng.randint(0, 5000))

    def _thaw(self) -> None:
        self.world.note(self.name, "thaws")
        if self.is_host_frozen:
            self.thawed_at = self.world.t
        self.is_frozen = self.is_host_frozen = False
        late, self._late = self._late, []
        if self.world.t >= self.good_until:
            # The zygote's clock ran on: it ends its children before anything else.
            for process in list(self.held.values()):
                self._end_process(process, self.world.rng.randint(0, 1000))
        for what in late:
            self.world.after(self.world.rng.randint(0, 50), what)
        self.pump()

    def cut_off(self, for_ms: int) -> None:
        """Cut the host off the network for a while."""
        self.is_cut_off = True
        self.world.note(self.name, "is cut off for", for_ms)
        self.world.after(for_ms, self._reconnect)

    def _reconnect(self) -> None:
        self.is_cut_off = False

    def drain(self) -> None:
        """Take nothing new; say goodbye when all is done."""
        if self.is_alive and not self.is_draining:
            self.world.note(self.name, "drains")
            self.is_draining = True
            self.triggers.drop()

    def _when_awake(self, what: Callable[[], None]) -> None:
        """Run something now, or after the thaw, unless the process is another one by then."""
        if self.is_frozen:
            self._late.append(what)
        else:
            what()

    def later(self, delay: int, what: Callable[[], None]) -> None:
        """Run something of this process after a while."""
        generation = self.generation

        def run() -> None:
            if self.generation == generation and self.is_alive:
                self._when_awake(run_now)

        def run_now() -> None:
            if self.generation == generation and self.is_alive:
                what()

        self.world.after(delay, run)

    # ------------------------------------------------------------------ talking

    def pump(self) -> None:
        """Send whatever is due on the lines that are free."""
        if not self.is_alive or self.is_frozen or self.is_leaving:
            return
        world = self.world
        if self.id and not self.fenced and world.t >= self.good_until:
            self.fenced = True
            self._fence("silence")
        if world.t < self.not_before:
            return
        if not self.id:
            self._register()
            return
        if self.is_draining and not self.held and not self.parsing and not self.ledger.owed:
            self._leave()
            return
        renewal = world.t - self.asked_at > RENEW_MS
        has_news = self.ledger.has_news or self.triggers.unsaid
        if self.lines["push"] is None and (has_news or renewal):
            holding = self._holding() if renewal else None
            request = self.ledger.push(self.id, holding, draining=self.is_draining)
            self._send("push", request, PUSH_TIMEOUT_MS)
        if self.lines["pull"] is None and not (self.is_draining and not self.held):
            request = self.ledger.pull(self.id, self._holding(), draining=self.is_draining)
            self._send("pull", request, PULL_TIMEOUT_MS)

    def knows(self, attempt_id: int) -> bool:
        """Tell whether an attempt runs here, or its end is still to be recorded."""
        return attempt_id in self.held or attempt_id in self.ledger.unacknowledged

    def _holding(self) -> Holding:
        return Holding(
            held=tuple(sorted(self.ledger.unacknowledged.union(self.held))),
            parsing=(*sorted(self.parsing), *self.ledger.unreported),
            calling=(*sorted(self.calls.held), *self.ledger.uncalled),
        )

    def _register(self) -> None:
        if self.registering or self.held:
            return
        self.registering = True
        sent_at = self.world.t
        message = Register(
            name=self.name,
            host=self.name,
            pid=self.generation,
            slots=self.slots,
            parse_slots=1,
            queues=self.queues,
        )

        def answered(registered: Registered) -> None:
            self.later(self.world.faults.latency(), lambda: self._registered(registered, sent_at))

        def failed(_why: str) -> None:
            self.later(500, self._not_registered)

        unit = Unit("register", lambda e, tx, now: e.register(tx, message, now), answered, failed)
        if self.world.faults.draw_loss(self):
            self.world.lose("register")
            self.later(1000, self._not_registered)
        else:
            self.world.after(self.world.faults.latency(), lambda: self.world.server.submit(unit))

    def _not_registered(self) -> None:
        self.registering = False
        self.pump()

    def _registered(self, registered: Registered, sent_at: int) -> None:
        self.registering = False
        self.id = registered.worker_id
        self.fenced = False
        self.ledger.start_over()
        self.parsing = {}
        self.good_until = sent_at + FENCE_MS
        self.asked_at = -RENEW_MS * 2
        self._watch()
        self.pump()

    def _leave(self) -> None:
        self.is_leaving = True
        worker_id = self.id
        self.id = ""
        self.is_alive = False
        self.generation += 1
        self.world.note(self.name, "says goodbye")
        self.world.count("goodbye")
        unit = Unit("goodbye", lambda e, tx, now: e.goodbye(tx, worker_id, now))
        self.world.server.submit(unit)
        self.world.after(self.world.rng.choice((1000, 20_000)), self.start)

    def _send(self, line: str, request: Exchange, timeout: int) -> None:
        world = self.world
        request = self.triggers.complete(request)
        call = Call(request, world.t)
        self.lines[line] = call
        if request.held is not None:
            self.asked_at = world.t
        self.later(timeout, lambda: self._lost(line, call, was_seen=True, why="timeout"))
        world.faults.carry(self, line, call)

    def arrive(self, line: str, call: Call, *, answer_is_lost: bool, broken: bool) -> None:
        """Let a request reach the server."""

        def done(answer: Answer) -> None:
            if answer_is_lost:
                self.world.lose(line)
                if broken:
                    self.later(50, lambda: self._lost(line, call, was_seen=True, why="broken"))
                return
            self.world.step((line,))
            delay = self.world.faults.latency()
            self.later(delay, lambda: self._answered(line, call, answer))

        def failed(why: str) -> None:
            self.later(20, lambda: self._lost(line, call, was_seen=why != "down", why=why))

        self.world.server.exchange(call.message, done, failed)

    def _answered(self, line: str, call: Call, answer: Answer) -> None:
        if not self._close(line, call):
            return
        self.ledger.settle(call.message, answer)
        if not answer.known:
            self.id = ""
            self._fence("unknown")
            self.pump()
            return
        self.triggers.settle(answer)
        if call.message.held is not None:
            self._renew(call.sent_at)
            self.told_at = max(self.told_at, call.sent_at)
        for order in answer.claims:
            self._begin(order)
        for owed in answer.callbacks:
            self.calls.begin(owed)
        for parse in answer.parses:
            self.parsing[parse.job_id] = parse
            self.later(self.world.rng.randint(50, 2000), partial(self._parsed, parse))
        for cancel in answer.cancels:
            process = self.held.get(cancel.attempt_id)
            if process is not None and process.ending is None:
                process.ending = LegState.KILLED
                self.later(self.world.rng.randint(0, 5000), partial(self._ended, process))
        self.pump()

    def _lost(self, line: str, call: Call, *, was_seen: bool, why: str) -> None:
        if not self._close(line, call):
            return
        self.ledger.give_up(call.message, was_seen=was_seen)
        self.triggers.give_up(call.message)
        if why == "outage":
            self._renew(call.sent_at)
        self.not_before = self.world.t + self.world.rng.choice((0, 50, 500))
        self.later(self.not_before - self.world.t, self.pump)

    def _close(self, line: str, call: Call) -> bool:
        """Free a line; tell whether this is news to the registration that stands."""
        if self.lines[line] is call:
            self.lines[line] = None
        is_news = not call.is_over and call.message.worker_id == self.id
        call.is_over = True
        return is_news

    def _renew(self, sent_at: int) -> None:
        self.good_until = max(self.good_until, sent_at + FENCE_MS)
        if self.world.t < self.good_until:
            self.fenced = False
        self._watch()

    def _watch(self) -> None:
        self.later(self.good_until - self.world.t, self.pump)
        self.later(RENEW_MS + 1, self.pump)

    # ------------------------------------------------------------------ work

    def _begin(self, order: TaskOrder) -> None:
        if self.world.t >= self.good_until or self.is_draining or self.world.rng.random() < 0.01:
            # A claim that came too late to be forked goes back.
            self._finish(order, LegState.RETURNED)
            return
        ending = random_ending(self.world.rng, self.world.harm)
        process = Process(self, order)
        self.held[order.attempt_id] = process
        self.world.begin_process(process)

        def end() -> None:
            if process.ending is None:
                process.ending = ending.outcome
                self._ended(process, ending.length, ending.retry, ending.wake_ms)

        self.later(ending.after_ms, end)

    def _ended(
        self, process: Process, length: int | None = None, retry: bool = True, wake_ms: int = 0
    ) -> None:
        order = process.order
        if self.held.get(order.attempt_id) is not process:
            return
        del self.held[order.attempt_id]
        self.world.end_process(process)
        assert process.ending is not None
        self._finish(order, process.ending, length, retry, wake_ms)
        self.pump()

    def _finish(
        self,
        order: TaskOrder,
        outcome: LegState,
        length: int | None = None,
        retry: bool = True,
        wake_ms: int = 0,
    ) -> None:
        xcoms: tuple[XComPush, ...] = ()
        if outcome is LegState.SUCCESS:
            value = XComPush(
                attempt_id=order.attempt_id,
                epoch=order.epoch,
                key="return_value",
                value=b"1",
                length=length,
            )
            xcoms = (value,)
        world = self.world
        done = Finish(
            attempt_id=order.attempt_id,
            epoch=order.epoch,
            token=order.token,
            outcome=outcome,
            retry=retry,
            called=called_by_process(world, order, outcome, retry),
            skips=chosen_skips(world, order) if outcome is LegState.SUCCESS else (),
            xcoms=xcoms,
            asset_events=random_events(world.rng) if outcome is LegState.SUCCESS else (),
            wake_at=world.now_in(wake_ms) if outcome is LegState.RESCHEDULED else None,
        )
        self.ledger.add_finish(leaving(world, order, done))

    def _fence(self, why: str) -> None:
        self.triggers.drop()
        self.calls.drop()
        if self.held:
            self.world.note(self.name, "fences:", why)
            self.world.count("fence")
        for process in list(self.held.values()):
            if process.ending is None:
                process.ending = LegState.KILLED
                self.later(self.world.rng.randint(0, 4900), partial(self._ended, process))

    def _end_process(self, process: Process, within: int) -> None:
        process.ending = LegState.KILLED
        self.world.after(within, lambda: self._zygote_ends(process))

    def _zygote_ends(self, process: Process) -> None:
        self.world.end_process(process)

        def report() -> None:
            if self.held.get(process.order.attempt_id) is process:
                self._ended(process)

        self.later(0, report)

    def _parsed(self, order: ParseOrder) -> None:
        if self.parsing.get(order.job_id) is not order:
            return
        del self.parsing[order.job_id]
        specs = self.world.pins.read(order.bundle, order.file, self.world.files)
        self.ledger.add_parsed(
            ParseReport(
                job_id=order.job_id,
                epoch=order.epoch,
                file=order.file,
                dags=() if specs is None else (specs,),
                closure=Closure(files=(order.file,)),
                digest=order.bundle.digest,
            )
        )
        self.pump()
