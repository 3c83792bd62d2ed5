"""Which zygote forks what: a base zygote, and warm ones for the files that run now.

A warm zygote is known by bundle root, file and closure digest, so one that imported older bytes is
never used for newer ones. Where a file cannot be imported or must not be forked, each attempt gets
a fresh process, which imports by itself.
"""

import contextlib
import logging
import os
import signal
from collections.abc import Callable
from typing import NamedTuple, Protocol

from tradewind.protocol.callbacks import CallBack, CallbackOrder, callback_key
from tradewind.protocol.child import (
    Ask,
    Exited,
    Fork,
    Forked,
    FromZygote,
    OpenZygote,
    Parse,
    Ping,
    Pong,
    Ready,
    Told,
)
from tradewind.protocol.orders import ParseOrder, TaskOrder
from tradewind.runtime.kernel import signal_group
from tradewind.worker.loop import Loop
from tradewind.worker.timers import Timer
from tradewind.worker.zygote import Zygote, spawn_base

log = logging.getLogger(__name__)

MAX_FILE_ZYGOTES = 8
IDLE_SECONDS = 60.0
REBORN_SECONDS = 300.0
OPEN_SECONDS = 60.0
"""A file whose import takes longer gets fresh processes; they may take as long as they want."""

FAULT_SECONDS = 30.0
"""How long a file that could not be imported is not tried again by a zygote."""

_SILENT_LOOKS = 3
"""A look alone proves nothing: all of this machine may have been frozen, this process too."""

_SWEEP_SECONDS = 20.0
_RESTART_PAUSES = (0.0, 0.2, 1.0, 5.0, 15.0)
_HEALTHY_SECONDS = 10.0

FileKey = tuple[str, str, str]
Fds = tuple[int, int]
_Message = Fork | Parse | CallBack


class PoolHost(Protocol):
    """Who is told what became of the children."""

    def on_forked(self, key: int, pid: int) -> None:
        """A child lives."""

    def on_exited(self, key: int, pid: int, status: int) -> None:
        """A child was waited for; pid 0: it was never forked."""

    def on_zygote_lost(self, key: int, *, was_sent: bool) -> None:
        """The zygote of this child is gone; without ``was_sent`` there never was a child."""

    def on_import_ask(
        self, ask: Ask, order: TaskOrder | CallbackOrder, tell: Callable[[Told], None]
    ) -> None:
        """A Dag file asks while it is imported for this order."""

    def note(self, order: TaskOrder | CallbackOrder, text: str) -> None:
        """Say something in the log of an order."""


class _Waiting(NamedTuple):
    order: TaskOrder | CallbackOrder
    fds: Fds


class _FileZygote:
    """A warm zygote, or one that still imports its file."""

    def __init__(self, key: FileKey, zygote: Zygote, number: int, now: float) -> None:
        self.key = key
        self.zygote = zygote
        self.number = number
        self.born = now
        self.last_used = now
        self.is_ready = False
        self.waiting: list[_Waiting] = []
        self.opening: Timer | None = None
        self.first_order: TaskOrder | CallbackOrder | None = None


class Pool:
    """Places orders on zygotes, and keeps the zygotes few, young and alive."""

    def __init__(self, loop: Loop, host: PoolHost, silence_seconds: float = 20.0) -> None:
        """Start nothing yet; a zygote that is silent for so long is frozen."""
        self._loop = loop
        self._host = host
        self._base: Zygote | None = None
        self._base_born = 0.0
        self._base_failures = 0
        self._files: dict[FileKey, _FileZygote] = {}
        self._by_zygote: dict[Zygote, _FileZygote] = {}
        self._retired: set[Zygote] = set()
        self._dropped: set[int] = set()
        """Pids of warm zygotes that were let go: the base may not have waited for them yet."""
        self._fresh_only: dict[FileKey, tuple[str, float]] = {}
        self._for_base: list[tuple[_Message, int, Fds]] = []
        self._good_until = 0.0
        self._number = 0
        self._sweeping: Timer | None = None
        self._watching: Timer | None = None
        self._look_seconds = silence_seconds / (_SILENT_LOOKS + 1)
        self._closed = False

    def start(self) -> None:
        """Start the base zygote."""
        self._base = Zygote(self._loop, self._on_message, self._on_base_lost)
        self._base_born = self._now()
        try:
            spawn_base(self._base)
        except OSError as error:
            log.warning("No base zygote can be started: %s", error)
            self._base.close()
            self._on_base_lost(self._base)
            return
        waiting, self._for_base = self._for_base, []
        for message, key, fds in waiting:
            self._order(self._base, message, key, fds)

    def close(self) -> None:
        """Let all zygotes go; they end whatever they still have."""
        self._closed = True
        for zygote in (*self._by_zygote, *self._retired, *([self._base] if self._base else [])):
            zygote.close()

    def good_until(self, boottime: float) -> None:
        """Move the fence of every zygote that has children; the others hear with their next."""
        self._good_until = boottime
        for zygote in self._zygotes():
            if zygote.keys:
                zygote.keep_until(boottime)

    def fork(self, order: TaskOrder | CallbackOrder, fds: Fds) -> None:
        """Have an attempt or a callback forked, warm if that can be."""
        key = (order.bundle.root, order.file, order.closure)
        reason = self._why_fresh(key)
        if reason:
            self._fork_fresh(order, fds, reason)
            return
        warm = self._files.get(key) or self._open(key, order)
        if warm is None:
            self._fork_fresh(order, fds, "")
        elif warm.is_ready:
            warm.last_used = self._now()
            self._order(warm.zygote, _message(order), _key(order), fds)
        else:
            warm.waiting.append(_Waiting(order, fds))

    def parse(self, order: ParseOrder, fds: Fds) -> None:
        """Have a file parsed by a child of the base zygote."""
        self._order_base(Parse(order=order), -order.job_id, fds)

    def withdraw(self, key: int) -> bool:
        """Take back an order that has not left yet; False when it has."""
        for warm in self._files.values():
            for waiting in warm.waiting:
                if _key(waiting.order) == key:
                    warm.waiting.remove(waiting)
                    _close(waiting.fds)
                    return True
        for entry in self._for_base:
            if entry[1] == key:
                self._for_base.remove(entry)
                _close(entry[2])
                return True
        return False

    def flush(self) -> None:
        """Send what this round of the loop has ordered."""
        for zygote in self._zygotes():
            zygote.flush()

    # ------------------------------------------------------------------ placing

    def _why_fresh(self, key: FileKey) -> str:
        if not key[2]:
            return "its file's closure is not known"
        reason, until = self._fresh_only.get(key, ("", 0.0))
        if reason and until < self._now():
            del self._fresh_only[key]
            return ""
        return reason

    def _fork_fresh(self, order: TaskOrder | CallbackOrder, fds: Fds, reason: str) -> None:
        if reason:
            self._host.note(order, f"Runs in a fresh process: {reason}")
        self._order_base(_message(order), _key(order), fds)

    def _order_base(self, message: _Message, key: int, fds: Fds) -> None:
        if self._base is None:
            self._for_base.append((message, key, fds))
        else:
            self._order(self._base, message, key, fds)

    def _order(self, zygote: Zygote, message: _Message, key: int, fds: Fds) -> None:
        zygote.keep_until(self._good_until)
        zygote.order(message, key, fds)
        self._watch_later()

    def _open(self, key: FileKey, order: TaskOrder | CallbackOrder) -> _FileZygote | None:
        if self._base is None or not self._make_room():
            return None
        self._number += 1
        zygote = Zygote(self._loop, self._on_message, self._on_file_zygote_lost)
        warm = _FileZygote(key, zygote, self._number, self._now())
        warm.first_order = order
        warm.opening = self._loop.timers.at(
            self._now() + OPEN_SECONDS, lambda: self._on_slow_import(warm)
        )
        self._files[key] = warm
        self._by_zygote[zygote] = warm
        message = OpenZygote(zygote_id=warm.number, bundle=order.bundle, file=order.file)
        self._base.say(message, (zygote.child_fd,))
        self._sweep_later()
        self._watch_later()
        return warm

    def _make_room(self) -> bool:
        if len(self._by_zygote) < MAX_FILE_ZYGOTES:
            return True
        idle = [one for one in self._files.values() if one.is_ready and not one.zygote.keys]
        if not idle:
            return False
        self._retire(min(idle, key=lambda one: one.last_used))
        return True

    # ------------------------------------------------------------------ what zygotes say

    def _on_message(self, zygote: Zygote, message: FromZygote) -> None:
        if isinstance(message, Forked) and message.key == 0:
            zygote.pid = message.pid
        elif isinstance(message, Forked):
            self._host.on_forked(message.key, message.pid)
        elif isinstance(message, Exited):
            self._host.on_exited(message.key, message.pid, message.status)
            if zygote in self._retired and not zygote.keys:
                self._drop(zygote)
        elif zygote in self._by_zygote and not isinstance(message, Pong):
            self._on_opening(self._by_zygote[zygote], message)

    def _on_opening(self, warm: _FileZygote, message: Ready | Ask) -> None:
        if isinstance(message, Ask):
            if warm.first_order is not None:
                self._host.on_import_ask(message, warm.first_order, warm.zygote.say)
            return
        self._end_opening(warm)
        if message.fault:
            self._give_up(warm, f"its file could not be imported ({message.fault})", FAULT_SECONDS)
        elif message.unsafe:
            self._give_up(warm, message.unsafe, REBORN_SECONDS)
        else:
            warm.is_ready = True
            waiting, warm.waiting = warm.waiting, []
            for order, fds in waiting:
                self._order(warm.zygote, _message(order), _key(order), fds)

    def _on_slow_import(self, warm: _FileZygote) -> None:
        reason = f"importing its file takes longer than {OPEN_SECONDS:.0f} s"
        self._give_up(warm, reason, REBORN_SECONDS)

    def _give_up(self, warm: _FileZygote, reason: str, seconds: float) -> None:
        """Go on without this zygote: whoever waits for it gets a fresh process."""
        self._fresh_only[warm.key] = (reason, self._now() + seconds)
        waiting, warm.waiting = warm.waiting, []
        self._forget(warm)
        warm.zygote.close()
        for order, fds in waiting:
            self._fork_fresh(order, fds, reason)

    def _on_file_zygote_lost(self, zygote: Zygote) -> None:
        self._retired.discard(zygote)
        warm = self._by_zygote.get(zygote)
        self._tell_lost(zygote)
        if warm is None:
            return
        if not warm.is_ready:
            self._give_up(warm, "importing its file ended the process", FAULT_SECONDS)
            return
        self._forget(warm)

    def _on_base_lost(self, base: Zygote) -> None:
        self._base = None
        self._dropped.clear()
        if self._closed:
            return
        lasted = self._now() - self._base_born
        self._base_failures = 0 if lasted > _HEALTHY_SECONDS else self._base_failures + 1
        pause = _RESTART_PAUSES[min(self._base_failures, len(_RESTART_PAUSES) - 1)]
        log.warning("The base zygote ended; another one starts in %.1f s", pause)
        self._loop.timers.at(self._now() + pause, self.start)
        self._tell_lost(base)

    def _tell_lost(self, zygote: Zygote) -> None:
        for key in tuple(zygote.keys):
            self._host.on_zygote_lost(key, was_sent=key in zygote.sent_keys)

    # ------------------------------------------------------------------ keeping alive

    def _watch_later(self) -> None:
        if self._watching is None:
            moment = self._now() + self._look_seconds
            self._watching = self._loop.timers.at(moment, self._watch)

    def _watch(self) -> None:
        """Look whether those who have orders still serve, and replace who does not."""
        self._watching = None
        for zygote in self._zygotes():
            if not self._is_awaited(zygote):
                zygote.was_heard, zygote.silent_looks = True, 0
                continue
            zygote.silent_looks = 0 if zygote.was_heard else zygote.silent_looks + 1
            zygote.was_heard = False
            if zygote.silent_looks >= _SILENT_LOOKS:
                log.warning("A zygote (pid %d) has not answered for long: it is ended", zygote.pid)
                warm = (one.pid for one in (*self._by_zygote, *self._retired))
                zygote.kill({*warm, *self._dropped})
            else:
                zygote.say(Ping())
            self._watch_later()

    def _is_awaited(self, zygote: Zygote) -> bool:
        """Tell whether it is to answer now: not while it starts, or imports its file."""
        if zygote is self._base:
            is_opening = any(not warm.is_ready for warm in self._by_zygote.values())
            is_starting = self._now() - self._base_born < OPEN_SECONDS and not zygote.has_spoken
            return (bool(zygote.keys) or is_opening) and not is_starting
        warm = self._by_zygote.get(zygote)
        return bool(zygote.keys) and (warm is None or warm.is_ready)

    # ------------------------------------------------------------------ keeping few and young

    def _sweep_later(self) -> None:
        if self._sweeping is None:
            self._sweeping = self._loop.timers.at(self._now() + _SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        now = self._now()
        for warm in tuple(self._files.values()):
            is_idle = not warm.zygote.keys and now - warm.last_used > IDLE_SECONDS
            if warm.is_ready and (is_idle or now - warm.born > REBORN_SECONDS):
                self._retire(warm)
        if self._by_zygote:
            self._sweep_later()

    def _retire(self, warm: _FileZygote) -> None:
        """Fork from it no more; it ends with its last child."""
        self._forget(warm)
        self._retired.add(warm.zygote)
        if not warm.zygote.keys:
            self._drop(warm.zygote)

    def _drop(self, zygote: Zygote) -> None:
        self._retired.discard(zygote)
        self._dropped.add(zygote.pid)
        zygote.close()

    def _forget(self, warm: _FileZygote) -> None:
        self._end_opening(warm)
        if not warm.is_ready and warm.zygote.pid:
            signal_group(warm.zygote.pid, signal.SIGKILL)
        self._by_zygote.pop(warm.zygote, None)
        if self._files.get(warm.key) is warm:
            del self._files[warm.key]

    def _end_opening(self, warm: _FileZygote) -> None:
        if warm.opening is not None:
            warm.opening.cancel()
            warm.opening = None

    def _zygotes(self) -> tuple[Zygote, ...]:
        base = (self._base,) if self._base is not None else ()
        return (*base, *self._by_zygote, *self._retired)

    def _now(self) -> float:
        return self._loop.clock.monotonic()


def _message(order: TaskOrder | CallbackOrder) -> Fork | CallBack:
    return CallBack(order=order) if isinstance(order, CallbackOrder) else Fork(order=order)


def _key(order: TaskOrder | CallbackOrder) -> int:
    return callback_key(order.job_id) if isinstance(order, CallbackOrder) else order.attempt_id


def _close(fds: Fds) -> None:
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)
