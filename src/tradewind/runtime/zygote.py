"""``python -m tradewind.runtime.zygote FD``: forks what the worker asks for, and is its fence.

The base zygote has the sdk imported and forks file zygotes, parse children and fresh task
processes. A file zygote has imported one Dag file besides and forks its tasks. Either obeys one
control socket and lives as long as it; at the end of the lease or of the socket, every child is
ended: TERM to its group, KILL within 5 s.

Single-threaded, for a fork keeps only the thread that made it. No user code runs in a base zygote;
in a file zygote only the import of its file does.
"""

import contextlib
import gc
import os
import select
import selectors
import signal
import socket
import sys
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tradewind.protocol.callbacks import CallBack, Called, callback_key
from tradewind.protocol.child import (
    Done,
    Exited,
    Fork,
    Forked,
    FromZygote,
    GoodUntil,
    OpenZygote,
    Parse,
    Parsed,
    Ping,
    Pong,
    Ready,
    ToZygote,
)
from tradewind.protocol.clock import Clock, SystemClock
from tradewind.protocol.frames import FrameError, order_reader, pack_frame
from tradewind.protocol.lifeline import die_with_parent, outlive_parent
from tradewind.protocol.ports import bound_port
from tradewind.runtime.channel import Channel
from tradewind.runtime.children import Children
from tradewind.runtime.fence import Fence
from tradewind.runtime.fork_safety import note_own_sockets, why_unsafe
from tradewind.runtime.loading import load_file
from tradewind.runtime.output import TaskOutput
from tradewind.runtime.preload import preload_for
from tradewind.runtime.recording import RecordingPort
from tradewind.runtime.rehearsal import rehearse
from tradewind.runtime.socket_port import SocketPort
from tradewind.runtime.strays import mark_of
from tradewind.runtime.task_process import (
    ChildProcess,
    Loaded,
    run_attempt,
    run_callback_order,
    run_parse,
)
from tradewind.sdk.installed import installed

KILL_AFTER_SECONDS = 4.5
"""From TERM to KILL when the fence falls; with a tick it stays below the 5 s promised."""

_TICK_SECONDS = 1.0
_CHUNK_BYTES = 1 << 18
_MAX_FDS = 253


class Zygote:
    """The loop of a base zygote (nothing loaded) or of a file zygote."""

    def __init__(
        self, control: socket.socket, output: TaskOutput, clock: Clock, loaded: Loaded | None = None
    ) -> None:
        """Serve this control socket."""
        self._control = control
        self._output = output
        self._clock = clock
        self._loaded = loaded
        self._fence = Fence(clock)
        self._children = Children()
        self._reader = order_reader()
        self._fds: deque[int] = deque()
        self._outbox = bytearray()
        self._open = True
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._watch()

    def run(self) -> None:
        """Serve until the control socket closes or the fence falls; then end every child."""
        while self._open and self._fence_holds():
            for key, mask in self._selector.select(self._timeout()):
                if key.fd == self._wake_read:
                    os.read(self._wake_read, 4096)
                    self._reap()
                elif mask & selectors.EVENT_READ:
                    self._take_orders()
            self._children.kill_overdue(self._clock.monotonic())
            self._flush()
        self._end_children()

    def _watch(self) -> None:
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        self._control.setblocking(False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noticed)
        signal.signal(signal.SIGTERM, self._on_terminate)
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wake_read, selectors.EVENT_READ)

    def _on_terminate(self, *_: object) -> None:
        self._open = False

    def _fence_holds(self) -> bool:
        return not self._children or self._fence.seconds_left() > 0

    def _timeout(self) -> float | None:
        """Answer how long to block: for ever without children, for who is to be ended then?"""
        if not self._children:
            return None
        limit = self._children.next_limit() - self._clock.monotonic()
        # Not simply until the deadline: select counts MONOTONIC, the fence BOOTTIME.
        return max(0.0, min(limit, self._fence.seconds_left(), _TICK_SECONDS))

    def _take_orders(self) -> None:
        try:
            data, ancillary, _, _ = self._control.recvmsg(
                _CHUNK_BYTES, socket.CMSG_SPACE(_MAX_FDS * 4), socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        except ConnectionError:
            data, ancillary = b"", []
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._fds.extend(memoryview(content[: len(content) // 4 * 4]).cast("i"))
        if not data:
            self._open = False
            return
        try:
            orders = self._reader.feed(data)
        except FrameError:
            self._open = False
            raise
        for order in orders:
            self._obey(order)

    def _obey(self, order: ToZygote) -> None:
        if isinstance(order, GoodUntil):
            self._fence.renew(order.boottime)
        elif isinstance(order, Ping):
            self._say(Pong())
        elif isinstance(order, Fork):
            attempt, loaded = order.order, self._loaded
            mark = mark_of(attempt)
            self._fork_child(
                attempt.attempt_id,
                lambda child: run_attempt(child, attempt, mark, loaded, self._clock),
                mark=mark,
            )
        elif isinstance(order, CallBack):
            job, dags = order.order, self._loaded
            self._fork_child(
                callback_key(job.job_id),
                lambda child: run_callback_order(child, job, dags),
                limit=job.timeout_seconds,
            )
        elif isinstance(order, Parse):
            parse = order.order
            self._fork_child(
                -parse.job_id, lambda child: run_parse(child, parse), limit=parse.timeout_seconds
            )
        elif isinstance(order, OpenZygote):
            self._fork_file_zygote(order, self._fds.popleft())

    def _fork_child(
        self,
        key: int,
        body: Callable[[ChildProcess], Done | Parsed | Called],
        *,
        limit: float | None = None,
        mark: str = "",
    ) -> None:
        sock_fd, pipe_fd = self._fds.popleft(), self._fds.popleft()
        parent = os.getpid()
        pid = _fork() if self._fence.seconds_left() > 0 else None
        if pid == 0:
            self._close_in_child()
            child = ChildProcess(self._output, parent, sock_fd, pipe_fd)
            child.run(lambda: body(child))
        os.close(sock_fd)
        os.close(pipe_fd)
        if pid is None:
            self._say(Exited(key=key, pid=0, status=0))
            return
        _lead_group(pid)
        until = None if limit is None else self._clock.monotonic() + limit
        self._children.add(pid, key, until, mark)
        self._say(Forked(key=key, pid=pid))

    def _fork_file_zygote(self, order: OpenZygote, control_fd: int) -> None:
        parent = os.getpid()
        pid = _fork()
        if pid == 0:
            self._close_in_child()
            _run_file_zygote(order, parent, control_fd, self._output, self._clock)
        # Where there was no fork this closes its control socket: so the worker learns of it.
        os.close(control_fd)
        if pid is not None:
            _lead_group(pid)

    def _close_in_child(self) -> None:
        """Drop what is the zygote's own: an open copy would hide from the worker that it died."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        self._control.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
        for fd in self._fds:
            os.close(fd)

    def _reap(self) -> None:
        for exited in self._children.reap():
            self._say(exited)

    def _say(self, message: FromZygote) -> None:
        self._outbox += pack_frame(message)

    def _flush(self) -> None:
        """Send what was said; never block, for a frozen worker must not hold up the fence."""
        if not self._outbox:
            return
        try:
            sent = self._control.send(self._outbox)
        except BlockingIOError:
            sent = 0
        except ConnectionError:
            self._open = False
            return
        del self._outbox[:sent]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outbox else 0)
        if self._selector.get_key(self._control).events != events:
            self._selector.modify(self._control, events)

    def _end_children(self) -> None:
        """TERM every child's group, KILL what is left a little later, and wait for all."""
        self._children.signal_all(signal.SIGTERM)
        kill_at = self._clock.monotonic() + KILL_AFTER_SECONDS
        is_killed = False
        while self._children:
            now = self._clock.monotonic()
            if now >= kill_at and not is_killed:
                self._children.signal_all(signal.SIGKILL)
                is_killed = True
            wait = min(kill_at - now, _TICK_SECONDS) if not is_killed else _TICK_SECONDS
            select.select([self._wake_read], [], [], max(0.0, wait))
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
            self._reap()
        with contextlib.suppress(OSError):
            self._flush()


def _run_file_zygote(
    order: OpenZygote, parent: int, control_fd: int, output: TaskOutput, clock: Clock
) -> NoReturn:
    """Import the file, say how that went, and serve as its zygote if it went well."""
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # While user code runs here nobody reads the control socket, so the parent's end must tell.
        die_with_parent(parent, signal.SIGTERM)
        control = socket.socket(fileno=control_fd)
        channel = Channel(control)
        channel.send(Forked(key=0, pid=os.getpid()))
        loaded, ready = _import_file(order, channel)
        outlive_parent()
        channel.send(ready)
        if not ready.fault and not ready.unsafe:
            gc.collect()
            gc.freeze()
            Zygote(control, output, clock, loaded).run()
    except BaseException as error:  # noqa: BLE001 a forked process must not climb into its parent's loop
        os.write(2, "".join(traceback.format_exception(error)).encode(errors="replace"))
    finally:
        os._exit(0)


def _import_file(order: OpenZygote, channel: Channel) -> tuple[Loaded, Ready]:
    port = RecordingPort(SocketPort(channel))
    bound = bound_port.set(port)
    note_own_sockets()
    loaded: Loaded = {}
    fault = ""
    try:
        loaded = load_file(order.bundle, order.file)
        preload_for(Path(order.bundle.root, order.file))
    except (Exception, SystemExit) as error:  # noqa: BLE001 what user code raises is the answer
        fault = f"{type(error).__name__}: {error}"
    finally:
        bound_port.reset(bound)
    return loaded, Ready(
        zygote_id=order.zygote_id,
        pid=os.getpid(),
        fault=fault,
        unsafe=why_unsafe(),
        variables=tuple(sorted(port.variables)),
        connections=tuple(sorted(port.connections)),
    )


def _fork() -> int | None:
    """Fork; answer None where the system has no room for another process."""
    try:
        return os.fork()
    except OSError:
        return None


def _lead_group(pid: int) -> None:
    """Make a child lead its group from the parent's side too: whoever is first, it is done."""
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)


def _noticed(number: int, frame: FrameType | None) -> None:
    """Do nothing: the wakeup descriptor has told the loop already."""


def main() -> None:
    """Serve the control socket whose descriptor is the first argument."""
    clock = SystemClock()
    control = socket.socket(fileno=int(sys.argv[1]))
    output = TaskOutput(clock)
    rehearse(output, clock)
    for group in ("airflow.plugins", "airflow.policy"):
        installed(group)
    # What is imported by now is shared with every child; a collection would only unshare it.
    gc.collect()
    gc.freeze()
    gc.disable()
    Zygote(control, output, clock).run()


if __name__ == "__main__":
    main()
