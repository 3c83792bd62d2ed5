"""The triggers this worker holds: handed to a host process, and what they say handed on.

One host for each state of a bundle's files: a module is imported once in a process, and must be
the one that its task saw. A host that dies is started again with all that it ran.
"""

import logging
from collections.abc import Callable
from functools import partial

import msgspec

from tradewind.protocol.child import MASK, Ask, GoodUntil, LogRecord, Told
from tradewind.protocol.exchange import Answer, Call, CallReply, Exchange
from tradewind.protocol.masking import Masker, secrets_of
from tradewind.protocol.reports import LogChunk
from tradewind.protocol.triggers import (
    Blocked,
    Fired,
    FromHost,
    Stop,
    TriggerAsked,
    TriggerCancel,
    TriggerLogged,
    TriggerOrder,
    TriggerSaid,
    TriggerTold,
    Unwatch,
    Watch,
)
from tradewind.worker.logs import AttemptLog, open_log
from tradewind.worker.loop import Loop
from tradewind.worker.questions import Questions, told
from tradewind.worker.trigger_link import TriggerLink

log = logging.getLogger(__name__)

_LONGEST_BLOCK_SECONDS = 30.0
"""A trigger that holds up all others for so long is ended, and its host with it."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0
_CALM_SECONDS = 60.0

HostKey = tuple[str, str]
"""Root and digest of a bundle."""


class _Host:
    """One host process, or the wish for one."""

    def __init__(self, key: HostKey) -> None:
        self.key = key
        self.link: TriggerLink | None = None
        self.orders: dict[int, TriggerOrder] = {}
        self.failures = 0
        self.started_at = 0.0


class Triggers:
    """Takes triggers, keeps their hosts alive, says what they said until it is heard."""

    def __init__(
        self,
        loop: Loop,
        add_log: Callable[[LogChunk], None],
        masker: Masker,
        questions: Questions,
        slots: int,
    ) -> None:
        """Run nothing yet."""
        self._loop = loop
        self._add_log = add_log
        self._masker = masker
        self._questions = questions
        self._slots = slots
        self._hosts: dict[HostKey, _Host] = {}
        self._host_of: dict[int, _Host] = {}
        self._logs: dict[int, AttemptLog] = {}
        self._owed: dict[tuple[int, int], Fired] = {}
        self._unsaid: set[tuple[int, int]] = set()
        self._blocked: dict[int, str | None] = {}
        self._good_until = 0.0
        self._is_closed = False
        self.log_root: str | None = None

    # ------------------------------------------------------------------ the conversation

    @property
    def has_news(self) -> bool:
        """Whether something was said that the server has not been told."""
        return bool(self._unsaid or self._blocked)

    def complete(self, request: Exchange) -> Exchange:
        """Answer the request with all that there is to say of triggers."""
        held = None
        if request.held is not None:
            held = (*self._host_of, *(key[0] for key in self._owed))
        room = 0 if request.draining else max(self._slots - len(self._host_of), 0)
        if request.wait:
            return msgspec.structs.replace(request, triggers_held=held, trigger_room=room)
        said = self._owed if held is not None else self._unsaid
        fired = tuple(self._owed[key] for key in said)
        blocked = self._blocked or None
        self._unsaid = set()
        self._blocked = {}
        return msgspec.structs.replace(
            request, triggers_held=held, trigger_room=room, fired=fired, blocked=blocked
        )

    def settle(self, answer: Answer) -> None:
        """Take an answer into account."""
        for key in answer.fired_recorded:
            self._owed.pop(key, None)
            self._unsaid.discard(key)
        for cancel in answer.trigger_cancels:
            self._end(cancel)
        for order in answer.triggers:
            self._take(order)

    def give_up(self, request: Exchange) -> None:
        """Note that an answer will never be read; what the request said is to be said again."""
        said = {(one.trigger_id, one.epoch) for one in request.fired}
        self._unsaid |= said & self._owed.keys()
        self._blocked = {**(request.blocked or {}), **self._blocked}

    def good_until(self, boottime: float) -> None:
        """Move the fence of all hosts."""
        self._good_until = boottime
        for host in self._hosts.values():
            self._tell(host, GoodUntil(boottime=boottime))

    def drop_all(self) -> None:
        """Let everything go: others will run it."""
        for host in tuple(self._hosts.values()):
            host.orders.clear()
            self._retire(host)
        self._host_of.clear()
        self._owed.clear()
        self._unsaid.clear()
        self._blocked.clear()
        for one in self._logs.values():
            one.close()
        self._logs.clear()

    def close(self) -> None:
        """Let everything go, for good."""
        self._is_closed = True
        self.drop_all()

    # ------------------------------------------------------------------ triggers

    def _take(self, order: TriggerOrder) -> None:
        if self._is_closed:
            return
        key = order.bundle.root, order.bundle.digest
        host = self._hosts.get(key)
        if host is None:
            host = self._hosts[key] = _Host(key)
        host.orders[order.trigger_id] = order
        self._host_of[order.trigger_id] = host
        if host.link is None:
            self._start(host)
        else:
            self._tell(host, Watch(order=order))

    def _end(self, cancel: TriggerCancel) -> None:
        host = self._host_of.pop(cancel.trigger_id, None)
        if host is None:
            return
        host.orders.pop(cancel.trigger_id, None)
        self._tell(host, Unwatch(cancel=cancel))
        self._say(cancel.trigger_id, "info", f"Its trigger is ended: {cancel.reason}")
        self._forget_soon(cancel.trigger_id, host)

    def _on_fired(self, fired: Fired) -> None:
        host = self._host_of.get(fired.trigger_id)
        order = None if host is None else host.orders.get(fired.trigger_id)
        if host is None or order is None or order.epoch != fired.epoch:
            return
        hidden = msgspec.structs.replace(
            fired, error=self._masker.hide(fired.error), detail=self._masker.hide(fired.detail)
        )
        key = fired.trigger_id, fired.epoch
        self._owed[key] = hidden
        self._unsaid.add(key)
        del host.orders[fired.trigger_id]
        del self._host_of[fired.trigger_id]
        self._forget_soon(fired.trigger_id, host)

    def _forget_soon(self, trigger_id: int, host: _Host) -> None:
        """Close the log when its last lines are in, and the host when nothing runs in it."""
        moment = self._loop.clock.monotonic() + _CALM_SECONDS
        self._loop.timers.at(moment, partial(self._forget, trigger_id, host))

    def _forget(self, trigger_id: int, host: _Host) -> None:
        if trigger_id not in self._host_of:
            self._masker.take_back(-trigger_id)
            one = self._logs.pop(trigger_id, None)
            if one is not None:
                one.close()
        if not host.orders:
            self._retire(host)

    # ------------------------------------------------------------------ hosts

    def _start(self, host: _Host) -> None:
        if self._is_closed or self._hosts.get(host.key) is not host:
            return
        try:
            host.link = TriggerLink(
                self._loop, partial(self._on_message, host), partial(self._on_lost, host)
            )
        except OSError as error:
            log.warning("No trigger host can be started: %s", error)
            self._on_lost(host)
            return
        host.started_at = self._loop.clock.monotonic()
        self._tell(host, GoodUntil(boottime=self._good_until))
        for order in host.orders.values():
            self._tell(host, Watch(order=order))

    def _tell(self, host: _Host, message: msgspec.Struct) -> None:
        if host.link is not None:
            host.link.tell(message)

    def _retire(self, host: _Host) -> None:
        if self._hosts.get(host.key) is host:
            del self._hosts[host.key]
        if host.link is not None:
            host.link.tell(Stop())
            host.link.close()
            host.link = None

    def _on_lost(self, host: _Host) -> None:
        """Start a host again that died, with all that it ran."""
        lasted = self._loop.clock.monotonic() - host.started_at
        host.link = None
        host.failures = 1 if lasted > _CALM_SECONDS else host.failures + 1
        if not host.orders:
            self._retire(host)
            return
        log.warning("A trigger host died; its %d triggers start again", len(host.orders))
        pause = min(_FIRST_PAUSE * 2 ** (host.failures - 1), _LONGEST_PAUSE)
        self._loop.timers.at(self._loop.clock.monotonic() + pause, partial(self._start, host))

    # ------------------------------------------------------------------ what hosts say

    def _on_message(self, host: _Host, message: FromHost) -> None:
        if isinstance(message, TriggerSaid):
            self._on_fired(message.fired)
        elif isinstance(message, TriggerLogged):
            self._on_record(message.trigger_id, message.record)
        elif isinstance(message, TriggerAsked):
            self._ask(host, message.trigger_id, message.ask)
        else:
            self._on_blocked(host, message)

    def _on_record(self, trigger_id: int, record: LogRecord) -> None:
        one = self._log_of(trigger_id)
        if one is None:
            log.info("Trigger host: %s", self._masker.hide(record.event))
            return
        one.record(record)
        one.flush()

    def _on_blocked(self, host: _Host, message: Blocked) -> None:
        order = host.orders.get(message.trigger_id)
        name = "something" if order is None else _name(order)
        text = f"It has held up all triggers of its host for {message.seconds:.1f} s, at:"
        where = self._masker.hide(message.where)
        log.warning("The trigger of %s: %s\n%s", name, text, where)
        if order is None:
            return
        last = where.strip().splitlines()[-2:]
        self._blocked[order.trigger_id] = f"{message.seconds:.1f} s at {' '.join(last).strip()}"
        self._say(order.trigger_id, "warning", f"{text}\n{where}")
        if message.seconds >= _LONGEST_BLOCK_SECONDS and host.link is not None:
            error = f"It held up all other triggers for {message.seconds:.0f} s"
            self._on_fired(
                Fired(trigger_id=order.trigger_id, epoch=order.epoch, error=error, detail=where)
            )
            host.link.kill()

    def _say(self, trigger_id: int, level: str, text: str) -> None:
        one = self._log_of(trigger_id)
        if one is not None:
            one.say(level, text)
            one.flush()

    def _log_of(self, trigger_id: int) -> AttemptLog | None:
        known = self._logs.get(trigger_id)
        if known is not None:
            return known
        host = self._host_of.get(trigger_id)
        order = None if host is None else host.orders.get(trigger_id)
        if order is None:
            return None
        # The legs of the try write to the same log, each under its own id.
        made = self._logs[trigger_id] = open_log(
            self.log_root,
            -order.trigger_id,
            order.log_path,
            self._add_log,
            self._masker,
            self._loop.clock,
        )
        return made

    def _ask(self, host: _Host, trigger_id: int, ask: Ask) -> None:
        order = host.orders.get(trigger_id)
        if order is None:
            self._told(host, Told(number=ask.number, error="not-your-trigger", message="It ended."))
            return
        if ask.verb == MASK:
            self._masker.lend(-trigger_id, secrets_of(ask))
            self._told(host, Told(number=ask.number))
            return
        call = Call(
            verb=ask.verb,
            args=ask.args,
            trigger_id=trigger_id,
            epoch=order.epoch,
            token=order.token,
        )
        self._questions.ask(
            call,
            lambda: host.link is not None and host.link.is_open,
            partial(self._answer, host, ask),
        )

    def _answer(self, host: _Host, ask: Ask, reply: CallReply) -> None:
        self._told(host, told(ask, reply, self._masker))

    def _told(self, host: _Host, told: Told) -> None:
        self._tell(host, TriggerTold(told=told))


def _name(order: TriggerOrder) -> str:
    if order.is_watcher:
        return f"a watcher of Dag {order.run.dag_id} ({order.classpath})"
    mapped = f" [{order.map_path}]" if order.map_path else ""
    return f"{order.run.dag_id}.{order.task_id}{mapped} in {order.run.run_id} ({order.classpath})"
