"""``tradewind standalone``: starts a server and a worker, restarts either, stops both.

Imports next to nothing, so that it stays small and has nothing in it that could fail. Children live
in process groups of their own: a Ctrl-C reaches the launcher alone, which then stops the worker
first (its tasks end in good order) and the server last (it writes down how they ended).
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from tradewind.protocol.lifeline import adopt_orphans

REFUSED = 2
"""The server's exit code for: it has said why it cannot start, and never will."""

_BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
_HEALTHY_SECONDS = 30.0
_SERVER_STOP_SECONDS = 20.0

_QUICK_STOP_SECONDS = 0.7
"""A stop that takes longer is explained."""

_WORKER_GRACE_SECONDS = 10.0
"""After its drain time: the worker ends what still runs, which may take 5 s, and says so."""

_ORPHANS_SECONDS = 6.0
"""A zygote whose worker was killed ends its tasks within 5 s."""


class Child:
    """One child process that is started again when it ends by itself."""

    def __init__(self, name: str, module: str, stop_seconds: float) -> None:
        """Start nothing yet."""
        self.name = name
        self.stop_seconds = stop_seconds
        self.pid: int | None = None
        self._module = module
        self._started = 0.0
        self._failures = 0
        self._not_before = 0.0

    def ensure(self, now: float) -> float | None:
        """Start it if it should run and does not; answer when to look again, if at a known time."""
        if self.pid is not None:
            return None
        if now < self._not_before:
            return self._not_before
        self.pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", self._module, "--parent", str(os.getpid())],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
            setpgroup=0,
        )
        self._started = now
        return None

    def ended(self, now: float) -> None:
        """Note that it was waited for, and plan its restart: later each time it ends young."""
        self.pid = None
        lasted = now - self._started
        self._failures = 0 if lasted > _HEALTHY_SECONDS else self._failures + 1
        pause = _BACKOFF_SECONDS[min(self._failures, len(_BACKOFF_SECONDS) - 1)]
        self._not_before = now + pause

    def signal(self, number: int) -> None:
        """Send it a signal, if it lives."""
        if self.pid is not None:
            os.kill(self.pid, number)
            # A stopped process would sleep on its signal for ever.
            os.kill(self.pid, signal.SIGCONT)


class Launcher:
    """Keeps a server and a worker alive until told to stop."""

    def __init__(self, drain_seconds: float) -> None:
        """Start nothing yet.

        Args:
            drain_seconds: How long the worker may take for its tasks when it is stopped.
        """
        self._server = Child("server", "tradewind.server.main", _SERVER_STOP_SECONDS)
        self._worker = Child("worker", "tradewind.worker", drain_seconds + _WORKER_GRACE_SECONDS)
        self._wake_read, self._wake_write = os.pipe()
        self._stops = self._heard = 0
        self._is_stopping = False
        self._drain_seconds = drain_seconds

    def run(self) -> int:
        """Run until SIGINT, SIGTERM or SIGHUP; answer the exit code, 0 after such a stop.

        When it returns, no process is left of all that was started. A server that refuses to start
        ends everything.
        """
        adopt_orphans()
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, _noticed)
        # Children are in the background of the terminal, where ``stty tostop`` would stop whoever
        # prints.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        code = 0
        while not self._stops and not code:
            now = time.monotonic()
            due = [at for child in self._children if (at := child.ensure(now)) is not None]
            self._wait(max(0.0, min(due) - now) if due else None)
            code = self._reap()
        self._stop_all()
        return 1 if code == REFUSED else code

    @property
    def _children(self) -> tuple[Child, Child]:
        return self._server, self._worker

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._stops += 1

    def _wait(self, seconds: float | None) -> None:
        readable, _, _ = select.select([self._wake_read], [], [], seconds)
        if readable:
            os.read(self._wake_read, 4096)

    def _reap(self) -> int:
        """Wait for all who ended; answer ``REFUSED`` when the server did so."""
        code = 0
        for pid, status in _ended():
            for child in self._children:
                if pid == child.pid:
                    child.ended(time.monotonic())
                    code = code or self._notice_end(child, status)
        return code

    def _notice_end(self, child: Child, status: int) -> int:
        code = os.waitstatus_to_exitcode(status)
        if child is self._server and code == REFUSED:
            return REFUSED
        if not self._is_stopping:
            how = f"ended with code {code}" if code >= 0 else f"was killed by signal {-code}"
            _say(f"The {child.name} {how} and is started again.")
        return 0

    def _stop_all(self) -> None:
        self._heard = self._stops
        self._is_stopping = True
        # A worker that says its last words to a frozen server is not heard.
        self._server.signal(signal.SIGCONT)
        self._stop(self._worker, self._say_that_it_takes_time)
        self._stop(self._server)
        self._await(_has_no_child, _ORPHANS_SECONDS)

    def _say_that_it_takes_time(self) -> None:
        _say(
            f"Stopping: running tasks have {self._drain_seconds:g} s to end. "
            "Again Ctrl-C ends them now."
        )

    def _stop(self, child: Child, on_slow: Callable[[], None] | None = None) -> None:
        """Ask a child to end, pass on each further wish to stop, and end it if it does not."""
        child.signal(signal.SIGTERM)
        if on_slow is not None:
            self._await(lambda: child.pid is None, _QUICK_STOP_SECONDS, again=child)
            if child.pid is not None:
                on_slow()
        self._await(lambda: child.pid is None, child.stop_seconds, again=child)
        child.signal(signal.SIGKILL)
        self._await(lambda: child.pid is None, _ORPHANS_SECONDS)

    def _await(
        self, is_over: Callable[[], bool], seconds: float, *, again: Child | None = None
    ) -> None:
        until = time.monotonic() + seconds
        while True:
            self._reap()
            left = until - time.monotonic()
            if is_over() or left <= 0:
                return
            self._wait(left)
            if again is not None and self._stops > self._heard:
                self._heard = self._stops
                again.signal(signal.SIGTERM)


def _ended() -> list[tuple[int, int]]:
    """Wait for every child that has ended, orphans among them; answer pids and statuses."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        found.append((pid, status))


def _has_no_child() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def _noticed(number: int, frame: FrameType | None) -> None:
    """Do nothing: the wakeup descriptor has told the loop already."""


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> int:
    """Run with the drain time, which ``cli`` gives as the argument."""
    return Launcher(float(sys.argv[1])).run()


if __name__ == "__main__":
    sys.exit(main())
