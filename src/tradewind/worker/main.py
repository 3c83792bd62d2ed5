"""One worker process: wires loop, conversation, zygotes, attempts and parses, and drains."""

import contextlib
import logging
import os
import signal
import socket
from collections.abc import Callable

from tradewind.core.states import LegState
from tradewind.protocol.callbacks import CallbackOrder, is_callback_key, job_of_key
from tradewind.protocol.child import Ask, Told
from tradewind.protocol.clock import Clock, SystemClock
from tradewind.protocol.exchange import Answer, Registered
from tradewind.protocol.lifeline import adopt_orphans
from tradewind.protocol.masking import Masker
from tradewind.protocol.orders import TaskOrder
from tradewind.worker.attempts import Attempts
from tradewind.worker.callbacks import Callbacks
from tradewind.worker.conversation import Conversation
from tradewind.worker.line import Endpoint
from tradewind.worker.loop import Loop
from tradewind.worker.parses import Parses
from tradewind.worker.pool import Pool
from tradewind.worker.questions import Questions
from tradewind.worker.settings import WorkerConfig
from tradewind.worker.triggers import Triggers

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.5
"""While something runs: how soon a sleep of the machine is noticed."""

_LAST_WORDS_SECONDS = 3.0
"""After the last task of a drain: how long its end is tried to be told before it is spooled."""


class Worker:
    """Claims work and has it done until told to stop."""

    def __init__(self, config: WorkerConfig, clock: Clock) -> None:
        """Start nothing yet."""
        name = config.name or socket.gethostname()
        endpoint = Endpoint(config.home, config.url, config.token)
        self._config = config
        self._loop = Loop(clock)
        self._masker = Masker([config.token])
        self._pool = Pool(self._loop, self, config.silence_seconds)
        self._talk = Conversation(config, self._loop, endpoint, self)
        questions = Questions(endpoint, self._loop)
        ledger = self._talk.ledger
        self._attempts = Attempts(self._loop, self._pool, ledger, self._masker, questions, name)
        self._attempts.watch_lease = self._talk.watch_lease
        self._parses = Parses(
            self._loop, self._pool, ledger, self._masker, questions, config.parse_slots
        )
        self._callbacks = Callbacks(self._loop, self._pool, ledger, self._masker, questions, name)
        self._triggers = Triggers(
            self._loop, ledger.add_log, self._masker, questions, config.trigger_slots
        )
        self._drain_until: float | None = None
        self._leave_at: float | None = None

    def run(self) -> int:
        """Run until a SIGTERM or SIGINT has been obeyed; answer the exit code."""
        adopt_orphans()
        self._loop.on_signal(signal.SIGTERM, self._drain)
        self._loop.on_signal(signal.SIGINT, self._drain)
        self._loop.on_signal(signal.SIGCHLD, self._reap)
        self._talk.begin()
        self._pool.start()
        while not self._talk.has_left:
            self._talk.pump()
            self._pool.flush()
            self._loop.run_once(_TICK_SECONDS if self._is_busy else None)
            if self._drain_until is not None:
                self._go_on_draining(self._drain_until)
        self._triggers.close()
        self._pool.close()
        return 0

    @property
    def _is_busy(self) -> bool:
        return self._drain_until is not None or not self.is_idle() or bool(self.calling())

    # ------------------------------------------------------------------ what the conversation needs

    def held(self) -> tuple[int, ...]:
        """Answer the attempts that run here."""
        return self._attempts.running

    def parsing(self) -> tuple[int, ...]:
        """Answer the parse jobs that run here."""
        return self._parses.held

    def calling(self) -> tuple[int, ...]:
        """Answer the callbacks that run here."""
        return self._callbacks.held

    @property
    def triggers(self) -> Triggers:
        """The triggers held here."""
        return self._triggers

    def is_idle(self) -> bool:
        """Answer whether no process of an attempt is left."""
        return self._attempts.is_empty

    def on_registered(self, registered: Registered) -> None:
        """Take the terms of a new lease."""
        self._attempts.log_root = self._callbacks.log_root = registered.log_root
        self._triggers.log_root = registered.log_root
        self._masker.add(registered.masks)

    def on_renewed(self, good_until: float) -> None:
        """Move the fence."""
        self._pool.good_until(good_until)
        self._triggers.good_until(good_until)

    def on_answer(self, answer: Answer) -> None:
        """Do what the server says."""
        for order in answer.claims:
            if self._drain_until is None:
                self._attempts.take(order)
            else:
                self._attempts.give_back(order)
        for cancel in answer.cancels:
            self._attempts.cancel(cancel)
        if self._drain_until is None:
            for parse in answer.parses:
                self._parses.take(parse)
            for callback in answer.callbacks:
                self._callbacks.take(callback)

    def fence(self, reason: str) -> None:
        """End everything that runs here."""
        log.warning("%s: everything that runs here is ended", reason)
        self._attempts.end_all(LegState.LOST, reason)
        self._triggers.drop_all()
        self._parses.drop_all()
        self._callbacks.drop_all()

    # ------------------------------------------------------------------ what the pool reports

    def on_forked(self, key: int, pid: int) -> None:
        """A child lives."""
        if key > 0:
            self._attempts.on_forked(key, pid)
        elif is_callback_key(key):
            self._callbacks.on_forked(job_of_key(key), pid)
        else:
            self._parses.on_forked(-key, pid)

    def on_exited(self, key: int, pid: int, status: int) -> None:
        """A child was waited for."""
        if key > 0:
            self._attempts.on_exited(key, pid, status)
        elif is_callback_key(key):
            self._callbacks.on_exited(job_of_key(key), pid, status)
        else:
            self._parses.on_exited(-key, pid, status)

    def on_zygote_lost(self, key: int, *, was_sent: bool) -> None:
        """The zygote of a child is gone."""
        if key > 0:
            self._attempts.on_zygote_lost(key, was_sent=was_sent)
        elif is_callback_key(key):
            self._callbacks.on_zygote_lost(job_of_key(key))
        else:
            self._parses.on_zygote_lost(-key)

    def on_import_ask(
        self, ask: Ask, order: TaskOrder | CallbackOrder, tell: Callable[[Told], None]
    ) -> None:
        """A Dag file asks while it is imported for an order."""
        if isinstance(order, CallbackOrder):
            self._callbacks.carry(order, ask, tell)
        else:
            self._attempts.carry(order, ask, tell, lambda: True)

    def note(self, order: TaskOrder | CallbackOrder, text: str) -> None:
        """Say something in the log of an order."""
        if isinstance(order, CallbackOrder):
            self._callbacks.note(order, text)
        else:
            self._attempts.note(order, text)

    # ------------------------------------------------------------------ signals

    def _drain(self) -> None:
        """Take nothing new; a second signal ends at once what still runs."""
        now = self._loop.clock.monotonic()
        if self._drain_until is None:
            log.info("Draining: %d attempts still run", len(self._attempts.running))
            self._drain_until = now + self._config.drain_seconds
            self._talk.is_draining = True
            self._triggers.close()
            self._parses.drop_all()
        else:
            self._drain_until = now

    def _go_on_draining(self, until: float) -> None:
        now = self._loop.clock.monotonic()
        if now >= until:
            self._attempts.end_all(LegState.LOST, "The worker was stopped")
            self._callbacks.drop_all()
        if not self._attempts.is_empty or self._callbacks.held:
            return
        if self._leave_at is None:
            self._leave_at = now + _LAST_WORDS_SECONDS
        if self._talk.is_heard or now >= self._leave_at:
            self._talk.leave()

    def _reap(self) -> None:
        """Wait for children of our own: the base zygote, and orphans of zygotes that died."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, _ = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return


def run_worker(config: WorkerConfig) -> int:
    """Run a worker in this process until it is told to stop; answer its exit code.

    To be called in the main thread: it takes over SIGTERM, SIGINT and SIGCHLD.
    """
    return Worker(config, SystemClock()).run()
