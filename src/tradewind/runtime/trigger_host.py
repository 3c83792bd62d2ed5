"""The process that runs triggers: thousands of them on one event loop, under the worker's lease.

It talks to its worker over one socket, knows no database, and ends what it runs when the worker is
gone or its lease is over. A thread of its own reads that socket; another watches the loop, and
names the trigger that holds it up.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Coroutine
from contextvars import ContextVar
from math import inf
from typing import Any

import msgspec

from tradewind.errors import UnavailableError
from tradewind.protocol.child import Ask, GoodUntil, LogRecord, Told
from tradewind.protocol.clock import Clock, SystemClock
from tradewind.protocol.frames import FrameReader
from tradewind.protocol.lifeline import die_with_parent
from tradewind.protocol.ports import bound_port
from tradewind.protocol.triggers import (
    Blocked,
    Stop,
    ToHost,
    TriggerAsked,
    TriggerCancel,
    TriggerLogged,
    TriggerOrder,
    TriggerSaid,
    TriggerTold,
    Unwatch,
    Watch,
)
from tradewind.runtime.channel import Channel
from tradewind.runtime.output import RecordHandler, RecordStream
from tradewind.runtime.socket_port import SocketPort
from tradewind.runtime.triggering import (
    failed_by,
    find_class,
    fired_by,
    first_event,
    make_trigger,
)

BLOCK_SECONDS = 0.25
"""A loop that nothing else could use for so long was held up."""
_BEAT_SECONDS = 0.1
_LOOK_SECONDS = 0.2
_GOODBYE_SECONDS = 10.0
"""What ``cleanup`` and ``on_kill`` of one trigger may take."""
_STOP_SECONDS = 5.0
_STUCK_SECONDS = 5.0

_TO_HOST: msgspec.msgpack.Decoder[ToHost] = msgspec.msgpack.Decoder(ToHost)

log = logging.getLogger("tradewind.trigger")

_OURS = frozenset({__file__, first_event.__code__.co_filename})
"""Files of ours between the loop and a trigger's own code."""

current_trigger: ContextVar[int] = ContextVar("current_trigger", default=0)
"""Whose code runs: the id of a trigger, or 0."""


class HostOutlet:
    """The way out of what triggers print and log: to the log of the task that waits."""

    def __init__(self, channel: Channel, clock: Clock) -> None:
        """Send over this channel."""
        self.clock = clock
        self.turn: contextlib.AbstractContextManager[Any] = threading.RLock()
        self._channel = channel

    def send(self, record: LogRecord) -> None:
        """Send one record; without a worker nobody reads it."""
        with contextlib.suppress(OSError):
            self._channel.send(TriggerLogged(trigger_id=current_trigger.get(), record=record))


class HostPort(SocketPort):
    """Answers what a trigger's code asks, from whichever thread it asks."""

    def __init__(self, channel: Channel, order: TriggerOrder, replies: "Replies") -> None:
        """Ask on behalf of this trigger."""
        super().__init__(channel)
        self._trigger_id = order.trigger_id
        self._replies = replies

    def _told(self, verb: str, args: dict[str, object]) -> Told:
        number = self._replies.expect()
        ask = Ask(number=number, verb=verb, args=args)
        self._channel.send(TriggerAsked(trigger_id=self._trigger_id, ask=ask))
        return self._replies.wait(number)


class Replies:
    """Answers on their way to whoever waits for them."""

    def __init__(self) -> None:
        """Expect nothing yet."""
        self._lock = threading.Lock()
        self._number = 0
        self._waiting: dict[int, tuple[threading.Event, list[Told]]] = {}

    def expect(self) -> int:
        """Answer the number of the next question."""
        with self._lock:
            self._number += 1
            self._waiting[self._number] = threading.Event(), []
            return self._number

    def give(self, told: Told) -> None:
        """Hand an answer over."""
        with self._lock:
            found = self._waiting.get(told.number)
        if found is not None:
            found[1].append(told)
            found[0].set()

    def wait(self, number: int) -> Told:
        """Wait for an answer.

        Raises:
            UnavailableError: The worker is gone.
        """
        came, told = self._waiting[number]
        came.wait()
        with self._lock:
            del self._waiting[number]
        if not told:
            raise UnavailableError("worker-gone", "The worker of this trigger is gone.")
        return told[0]

    def give_up(self) -> None:
        """Let everybody go who waits: there will be no answers."""
        with self._lock:
            for came, _ in self._waiting.values():
                came.set()


class Running:
    """One trigger that runs here."""

    def __init__(self, order: TriggerOrder, host: "TriggerHost") -> None:
        """Not yet."""
        self.order = order
        self.task: asyncio.Task[None] | None = None
        self.is_kill = False
        self.is_wanted = True
        self._host = host
        self._trigger: Any = None

    async def run(self) -> None:
        """Run it to its first event, tell that, and clean up."""
        current_trigger.set(self.order.trigger_id)
        port = HostPort(self._host.channel, self.order, self._host.replies)
        bound_port.set(port)
        try:
            await asyncio.sleep(self.order.pause_seconds)
            cls = await self._host.class_of(self.order)
            self._trigger = make_trigger(cls, self.order, port)
            event = await first_event(self._trigger)
            said = fired_by(self.order, event)
            log.info("Trigger fired")
            self._host.say(TriggerSaid(fired=said))
        except asyncio.CancelledError as error:
            if self.is_wanted:
                self._host.say(TriggerSaid(fired=failed_by(self.order, error)))
            elif self.is_kill and self._trigger is not None:
                await self._bounded("on_kill", self._trigger.on_kill())
        except BaseException as error:
            log.error("Trigger failed: %s", error, exc_info=error)  # noqa: TRY400 - as is
            self._host.say(TriggerSaid(fired=failed_by(self.order, error)))
        finally:
            if self._trigger is not None:
                await self._bounded("cleanup", self._trigger.cleanup())
            self._host.gone(self)

    def end(self, *, kill: bool) -> None:
        """End it: nobody waits for it here any more."""
        self.is_wanted = False
        self.is_kill = kill
        if self.task is not None:
            self.task.cancel()

    async def _bounded(self, name: str, goodbye: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await goodbye
        except Exception:
            log.exception("%s() of the trigger failed", name)


class TriggerHost:
    """Runs what the worker says, until it says stop or is gone."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        """Take over a connected socket."""
        self.channel = Channel(sock)
        self.replies = Replies()
        self._clock = clock
        self._running: dict[int, Running] = {}
        self._classes: dict[str, asyncio.Task[type]] = {}
        self._good_until = inf
        self._beat = time.monotonic()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.get_ident()
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Run until the worker says stop, or is gone; then clean up."""
        self._loop = asyncio.get_running_loop()
        self._keep_time()
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        threading.Thread(target=self._watch_loop, name="watchdog", daemon=True).start()
        await self._ended.wait()
        await self._drop_all()

    def stop(self) -> None:
        """End what runs, and then the process."""
        self._ended.set()

    def say(self, message: msgspec.Struct) -> None:
        """Tell the worker; without one, nobody needs to know."""
        with contextlib.suppress(OSError):
            self.channel.send(message)

    def gone(self, one: Running) -> None:
        """Forget a trigger that has ended."""
        if self._running.get(one.order.trigger_id) is one:
            del self._running[one.order.trigger_id]

    async def class_of(self, order: TriggerOrder) -> type:
        """Answer the class of a trigger; its module is imported beside the loop, once.

        Raises:
            BaseException: Whatever the import raises; it is tried again for the next one.
        """
        task = self._classes.get(order.classpath)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = asyncio.ensure_future(asyncio.to_thread(find_class, order))
            self._classes[order.classpath] = task
        return await asyncio.shield(task)

    # ------------------------------------------------------------------ what the worker says

    def _read(self) -> None:
        reader = FrameReader(_TO_HOST)
        with contextlib.suppress(OSError):
            while chunk := self.channel.receive():
                for message in reader.feed(chunk):
                    self._take(message)
        self.replies.give_up()
        self._post(self._ended.set)

    def _take(self, message: ToHost) -> None:
        if isinstance(message, TriggerTold):
            self.replies.give(message.told)
        elif isinstance(message, GoodUntil):
            self._good_until = message.boottime
        elif isinstance(message, Watch):
            self._post(lambda: self._start(message.order))
        elif isinstance(message, Unwatch):
            self._post(lambda: self._end(message.cancel))
        elif isinstance(message, Stop):
            self._post(self._ended.set)

    def _post(self, action: Any) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(action)

    def _start(self, order: TriggerOrder) -> None:
        known = self._running.get(order.trigger_id)
        if known is not None and known.order.epoch == order.epoch:
            return
        one = Running(order, self)
        self._running[order.trigger_id] = one
        one.task = asyncio.get_running_loop().create_task(
            one.run(), name=f"trigger-{order.trigger_id}"
        )

    def _end(self, cancel: TriggerCancel) -> None:
        one = self._running.get(cancel.trigger_id)
        if one is not None:
            one.end(kill=cancel.is_kill)

    async def _drop_all(self) -> None:
        tasks = [one.task for one in self._running.values() if one.task is not None]
        for one in tuple(self._running.values()):
            one.end(kill=False)
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)

    # ------------------------------------------------------------------ who holds up the loop

    def _keep_time(self) -> None:
        self._beat = time.monotonic()
        if self._loop is not None:
            self._loop.call_later(_BEAT_SECONDS, self._keep_time)

    def _watch_loop(self) -> None:
        # Waited on, never set: a pause that is no busy loop.
        pause = threading.Event()
        told_of, told_after = 0.0, BLOCK_SECONDS
        while True:
            pause.wait(_LOOK_SECONDS)
            self._watch_fence()
            beat = self._beat
            lag = time.monotonic() - beat - _BEAT_SECONDS
            if beat != told_of:
                told_after = BLOCK_SECONDS
            if lag > told_after:
                told_of, told_after = beat, lag * 3
                self._tell_blocked(lag)

    def _watch_fence(self) -> None:
        late = self._clock.boottime() - self._good_until
        if late > 0:
            self._post(self._ended.set)
        if late > _STUCK_SECONDS:
            # A loop that is held up cannot clean up; others run these triggers now.
            os._exit(1)

    def _tell_blocked(self, seconds: float) -> None:
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - the only way to see it
        if frame is None:
            return
        trigger_id = 0
        stack = traceback.extract_stack(frame)
        while frame is not None:
            if frame.f_code is Running.run.__code__:
                trigger_id = frame.f_locals["self"].order.trigger_id
                break
            frame = frame.f_back
        own = [n for n, one in enumerate(stack) if one.filename in _OURS]
        where = "".join(traceback.format_list(stack[max(own, default=-1) + 1 :][-8:]))
        self.say(Blocked(trigger_id=trigger_id, seconds=seconds, where=where))


def main(control_fd: int) -> int:
    """Run a trigger host over this socket; answer its exit code."""
    die_with_parent(os.getppid(), signal.SIGTERM)
    clock = SystemClock()
    sock = socket.socket(fileno=control_fd)

    async def host() -> None:
        one = TriggerHost(sock, clock)
        outlet = HostOutlet(one.channel, clock)
        sys.stdout = RecordStream(outlet, sys.stdout, "stdout", "info")
        sys.stderr = RecordStream(outlet, sys.stderr, "stderr", "error")
        root = logging.getLogger()
        root.handlers[:] = [RecordHandler(outlet)]
        root.setLevel(logging.INFO)
        logging.captureWarnings(True)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, one.stop)
        await one.run()

    asyncio.run(host())
    return 0


if __name__ == "__main__":
    code = main(int(sys.argv[1]))
    os._exit(code)
