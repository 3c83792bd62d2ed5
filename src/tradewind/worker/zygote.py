"""One zygote process as the worker sees it: a control socket and the children it has forked."""

import contextlib
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Collection

import msgspec

from tradewind.protocol.child import Exited, Forked, FromZygote, GoodUntil
from tradewind.protocol.frames import FrameError, pack_frame, zygote_reader
from tradewind.runtime.kernel import children_of, wait_stopped
from tradewind.worker.loop import Loop

_CHUNK_BYTES = 1 << 18
_FDS_PER_MESSAGE = 128
_CONTROL_FD = 3
_STOP_SECONDS = 0.2
"""A process that does not stop within that may still fork, and nothing is said of its orders."""

_MODULE = "tradewind.runtime.zygote"


class Zygote:
    """A control socket, what waits to be sent on it, and who was forked over it.

    Orders of one round of the loop leave in one message, with all their descriptors.
    """

    def __init__(
        self,
        loop: Loop,
        on_message: Callable[["Zygote", FromZygote], None],
        on_lost: Callable[["Zygote"], None],
    ) -> None:
        """Open the socket; ``child_fd`` is the other side."""
        self._loop = loop
        self._on_message = on_message
        self._on_lost = on_lost
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        self.child_fd = theirs.detach()
        self._reader = zygote_reader()
        self._frames: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._is_open = True
        self._is_stuck = False
        self._is_killed = False
        self._told_until = 0.0
        self.pid = 0
        self.has_spoken = False
        """Whether it has ever said anything: until then it may be starting still."""
        self.was_heard = True
        """Whether it has said anything since somebody took this back."""
        self.silent_looks = 0
        self.keys: set[int] = set()
        """Children ordered and not yet reported as ended."""
        self.sent_keys: set[int] = set()
        """Those whose order has left: they may have run."""
        self.forked: dict[int, int] = {}
        """Pids of those it has said were born."""
        loop.watch(self._control, self._serve)

    def order(self, message: msgspec.Struct, key: int, fds: tuple[int, int]) -> None:
        """Have a child forked; the descriptors are closed here once they are sent."""
        self.keys.add(key)
        self._frames.append((pack_frame(message), fds))

    def say(self, message: msgspec.Struct, fds: tuple[int, ...] = ()) -> None:
        """Send a message that forks no task."""
        self._frames.append((pack_frame(message), fds))

    def keep_until(self, boottime: float) -> None:
        """Tell the fence's deadline, unless it is told already."""
        if boottime > self._told_until:
            self._told_until = boottime
            self._frames.append((pack_frame(GoodUntil(boottime=boottime)), ()))

    def flush(self) -> None:
        """Send what waits; what a frozen zygote cannot take waits on. A killed one gets nothing."""
        if not self._frames or self._is_killed:
            return
        while self._frames and self._is_open:
            data, fds, count = self._next_batch()
            try:
                sent = (
                    socket.send_fds(self._control, [data], fds) if fds else self._control.send(data)
                )
            except BlockingIOError:
                self._watch_writing(is_stuck=True)
                return
            except OSError:
                return
            for _ in range(count):
                self._frames.popleft()
            for fd in fds:
                os.close(fd)
            if sent < len(data):
                self._frames.appendleft((data[sent:], ()))
        self.sent_keys |= self.keys
        if self._is_stuck:
            self._watch_writing(is_stuck=False)

    def kill(self, known: Collection[int]) -> None:
        """End one that is frozen; that closes its socket, by which it is lost.

        It is stopped first: from then on it forks nobody, and what it has said by then is heard. If
        each of its children has been told of, or is ``known``, an order without a child never ran,
        and counts as not sent. Nothing is sent from here on: its socket takes messages until the
        system has buried it.

        A second time changes nothing: by then its children may have been buried with it.
        """
        if self._is_killed or not self.pid:
            return
        self._is_killed = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGSTOP)
            is_still = wait_stopped(self.pid, _STOP_SECONDS)
            self._serve()
            if is_still and children_of(self.pid) <= {*self.forked.values(), *known}:
                self.sent_keys &= self.forked.keys()
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let go: a zygote whose control socket closes ends its children and itself."""
        if not self._is_open:
            return
        self._is_open = False
        self._loop.unwatch(self._control)
        self._control.close()
        for _, fds in self._frames:
            for fd in fds:
                os.close(fd)
        self._frames.clear()

    def _next_batch(self) -> tuple[bytes, list[int], int]:
        data, fds, count = bytearray(), list[int](), 0
        for frame, its_fds in self._frames:
            if count and len(fds) + len(its_fds) > _FDS_PER_MESSAGE:
                break
            data += frame
            fds += its_fds
            count += 1
        return bytes(data), fds, count

    def _watch_writing(self, *, is_stuck: bool) -> None:
        self._is_stuck = is_stuck
        self._loop.watch(self._control, self._serve, also_writable=is_stuck)

    def _serve(self) -> None:
        if self._is_stuck:
            self.flush()
        try:
            data = self._control.recv(_CHUNK_BYTES)
            messages = self._reader.feed(data)
        except BlockingIOError:
            return
        except (OSError, FrameError):
            data, messages = b"", []
        self.was_heard = self.has_spoken = True
        for message in messages:
            if isinstance(message, Exited):
                self.keys.discard(message.key)
                self.sent_keys.discard(message.key)
                self.forked.pop(message.key, None)
            elif isinstance(message, Forked):
                self.sent_keys.add(message.key)
                self.forked[message.key] = message.pid
            self._on_message(self, message)
        if not data and self._is_open:
            self.close()
            self._on_lost(self)


def spawn_base(zygote: Zygote) -> None:
    """Exec a base zygote at the other end of this socket, in a process group of its own.

    Raises:
        OSError: The system has no room for another process.
    """
    arguments = [sys.executable, "-P", "-m", _MODULE, str(_CONTROL_FD)]
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, zygote.child_fd, _CONTROL_FD),
    ]
    try:
        zygote.pid = os.posix_spawn(
            sys.executable, arguments, os.environ, file_actions=actions, setpgroup=0
        )
    finally:
        os.close(zygote.child_fd)
