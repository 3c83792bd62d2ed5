"""The worker's conversation with the server: its lease, what is said, and what silence means.

Two lines: one waits at the server for work (``pull``), one says what happened as soon as it did
(``push``); either answer may bring new work. Each successful request that listed what is held
renews the lease from the moment it was *sent*.
"""

import logging
import os
import socket
from math import inf
from typing import Protocol

import msgspec

from tradewind.protocol.exchange import Answer, Exchange, Goodbye, Register, Registered
from tradewind.runtime.fence import Fence
from tradewind.worker.ledger import Holding, Ids, Ledger
from tradewind.worker.line import Endpoint, Line, Reply
from tradewind.worker.loop import Loop
from tradewind.worker.settings import WorkerConfig
from tradewind.worker.spool import Spool
from tradewind.worker.triggers import Triggers

log = logging.getLogger(__name__)

_encode = msgspec.msgpack.Encoder().encode
_ANSWER = msgspec.msgpack.Decoder(Answer)
_REGISTERED = msgspec.msgpack.Decoder(Registered)
_PAUSES = (0.0, 0.05, 0.2, 0.5, 1.0)
"""Seconds between attempts to reach the server; the first is at once, for a kept-alive connection
may have been closed while it was idle."""

_FIRST_PAUSE = 0.05
_FIRST_SECONDS = 10.0
"""A worker that starts beside its server looks for it often at first, and says nothing."""

_ANSWER_SECONDS = 10.0
_GOODBYE_SECONDS = 3.0


class Host(Protocol):
    """What the conversation is about: the rest of the worker."""

    def held(self) -> Ids:
        """Answer the attempts that run here."""

    def parsing(self) -> Ids:
        """Answer the parse jobs that run here."""

    def calling(self) -> Ids:
        """Answer the callbacks that run here."""

    @property
    def triggers(self) -> Triggers:
        """The triggers that run here, and what they said."""

    def is_idle(self) -> bool:
        """Answer whether no process of an attempt is left."""

    def on_registered(self, registered: Registered) -> None:
        """Take the terms of a new lease."""

    def on_renewed(self, good_until: float) -> None:
        """Take a new deadline, in seconds of BOOTTIME."""

    def on_answer(self, answer: Answer) -> None:
        """Take what the server has to say."""

    def fence(self, reason: str) -> None:
        """End everything that runs here."""


class Conversation:
    """Registers, pulls, pushes, renews; fences when the server is silent or does not know us."""

    def __init__(self, config: WorkerConfig, loop: Loop, endpoint: Endpoint, host: Host) -> None:
        """Say nothing yet."""
        self.ledger = Ledger()
        self.is_draining = False
        self._config = config
        self._loop = loop
        self._host = host
        self._pull = Line("pull", endpoint, loop)
        self._push = Line("push", endpoint, loop)
        self._spool = Spool(config.home, os.getpid())
        self._terms = Registered(worker_id="")
        self._fence = Fence(loop.clock)
        self._fenced = False
        self._renewed_at = -inf
        self._asked_at = -inf
        self._failures = 0
        self._not_before = -inf
        self._silent_until = loop.clock.monotonic() + _FIRST_SECONDS
        self._leaving = False
        self._left = False

    @property
    def worker_id(self) -> str:
        """The id the server gave; empty without a lease."""
        return self._terms.worker_id

    @property
    def has_left(self) -> bool:
        """Whether goodbye is said, or said in vain."""
        return self._left

    def begin(self) -> None:
        """Adopt what a dead worker of this home still owed."""
        for finish in self._spool.adopt():
            self.ledger.add_finish(finish)

    def pump(self) -> None:
        """Send whatever is due on the lines that are free; called after each round of the loop."""
        self.watch_lease()
        if self._leaving or self._loop.clock.monotonic() < self._not_before:
            return
        if not self.worker_id:
            self._register()
            return
        has_news = self.ledger.has_news or self._host.triggers.has_news
        if not self._push.is_busy and (has_news or self._is_renewal_due()):
            self._send_push()
        if not self._pull.is_busy and not self._is_done:
            self._send_pull()

    def leave(self) -> None:
        """Say goodbye, once; what is still owed then stays in the spool."""
        if self._leaving:
            return
        self._leaving = True
        self._spool.keep(self.ledger.owed)
        if not self.worker_id or self._push.is_busy:
            self._left = True
            return
        body = _encode(Goodbye(worker_id=self.worker_id))
        self._push.call("/work/goodbye", body, _GOODBYE_SECONDS, self._on_goodbye)

    @property
    def is_heard(self) -> bool:
        """Whether the server knows all there is to know."""
        said = not self.ledger.has_news and not self._host.triggers.has_news
        return said and not self.ledger.owed and not self._push.is_busy

    @property
    def _is_done(self) -> bool:
        return self.is_draining and not self._host.held()

    def watch_lease(self) -> None:
        """Notice that the machine slept, or that the lease is over."""
        was_good = self._fence.grace_until
        left = self._fence.seconds_left()
        if self._fence.grace_until != was_good:
            # Renew before anything else: what runs here was as frozen as we were.
            self._asked_at = -inf
            self._not_before = -inf
        if left <= 0 and self.worker_id and not self._fenced:
            self._fenced = True
            seconds = self._terms.fence_seconds
            self._host.fence(f"The server has been silent for {seconds:.0f} s")

    def _is_renewal_due(self) -> bool:
        since = self._loop.clock.boottime() - self._asked_at
        return since > self._terms.renew_seconds * 1.5

    # ------------------------------------------------------------------ registering

    def _register(self) -> None:
        if self._push.is_busy or not self._host.is_idle():
            # Attempts of a lost lease are ended first: the new one must not seem to know them.
            return
        config = self._config
        register = Register(
            name=config.name or socket.gethostname(),
            host=socket.gethostname(),
            pid=os.getpid(),
            slots=config.slots,
            parse_slots=config.parse_slots,
            queues=config.queues,
        )
        sent_at = self._loop.clock.boottime()
        self._push.call(
            "/work/register",
            _encode(register),
            _ANSWER_SECONDS,
            lambda reply: self._on_registered(reply, sent_at),
        )

    def _on_registered(self, reply: Reply, sent_at: float) -> None:
        if not reply.is_answer:
            self._pause(reply)
            return
        self._terms = _REGISTERED.decode(reply.body)
        self._failures = 0
        self._silent_until = -inf
        self._fenced = False
        self.ledger.start_over()
        self._host.on_registered(self._terms)
        self._renew(sent_at)
        log.info("Registered as %s", self._terms.worker_id)

    # ------------------------------------------------------------------ pulling and pushing

    def _holding(self) -> Holding:
        return Holding(
            held=tuple(self.ledger.unacknowledged.union(self._host.held())),
            parsing=(*self._host.parsing(), *self.ledger.unreported),
            calling=(*self._host.calling(), *self.ledger.uncalled),
        )

    def _send_pull(self) -> None:
        request = self.ledger.pull(self.worker_id, self._holding(), draining=self.is_draining)
        timeout = self._terms.renew_seconds + _ANSWER_SECONDS
        self._send(self._pull, self._host.triggers.complete(request), timeout)

    def _send_push(self) -> None:
        is_renewal = self._is_renewal_due()
        request = self.ledger.push(
            self.worker_id,
            self._holding() if is_renewal else None,
            draining=self.is_draining,
        )
        self._send(self._push, self._host.triggers.complete(request), _ANSWER_SECONDS)

    def _send(self, line: Line, request: Exchange, timeout: float) -> None:
        sent_at = self._loop.clock.boottime()
        if request.held is not None:
            self._asked_at = sent_at
        line.call(
            "/work/exchange",
            _encode(request),
            timeout,
            lambda reply: self._on_reply(request, reply, sent_at),
        )

    def _on_reply(self, request: Exchange, reply: Reply, sent_at: float) -> None:
        if request.worker_id != self.worker_id:
            return
        if not reply.is_answer:
            self.ledger.give_up(request, was_seen=reply.was_sent)
            self._host.triggers.give_up(request)
            self._spool.keep(self.ledger.owed)
            if reply.is_outage:
                self._on_outage(sent_at)
            self._pause(reply)
            return
        answer = _ANSWER.decode(reply.body)
        self._failures = 0
        self.ledger.settle(request, answer)
        if self._spool.is_used:
            self._spool.keep(self.ledger.owed)
        if not answer.known:
            self._on_unknown()
            return
        if request.held is not None:
            self._renewed_at = max(self._renewed_at, sent_at)
            self._renew(sent_at)
        self._host.on_answer(answer)
        self._host.triggers.settle(answer)

    def _on_unknown(self) -> None:
        self._terms = msgspec.structs.replace(self._terms, worker_id="")
        self._host.fence("The server does not know this worker any more")

    def _on_outage(self, sent_at: float) -> None:
        """The server lives and says that nobody can take our leases: go on for a while."""
        if sent_at - self._renewed_at <= self._config.disconnect_grace_seconds:
            self._renew(sent_at)

    def _renew(self, sent_at: float) -> None:
        good_until = sent_at + self._terms.fence_seconds
        self._fence.renew(good_until)
        self._fenced = self._fenced and self._fence.seconds_left() <= 0
        self._host.on_renewed(good_until)

    def _pause(self, reply: Reply) -> None:
        now = self._loop.clock.monotonic()
        pause = _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        if now < self._silent_until:
            pause = _FIRST_PAUSE
        elif self._failures == len(_PAUSES) - 1:
            log.warning("The server is out of reach: %s", reply.reason or f"HTTP {reply.status}")
        self._failures += now >= self._silent_until
        self._not_before = now + pause
        self._loop.timers.at(self._not_before, _wake_up)

    def _on_goodbye(self, reply: Reply) -> None:
        self._left = True


def _wake_up() -> None:
    """Nothing of its own: the round of the loop that runs it pumps again."""
