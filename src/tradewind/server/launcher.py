"""``tradewind standalone``: starts a server and a worker, restarts either, stops both.

Imports next to nothing, so that it stays small and has nothing in it that could fail. Children live
in process groups of their own: a Ctrl-C reaches the launcher alone, which then stops the worker
first (its tasks end in good order) and the server last (it writes down how they ended).
"""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

_BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
_HEALTHY_SECONDS = 30.0
_SERVER_STOP_SECONDS = 20.0


class Child:
    """One child process that is started again when it ends by itself."""

    def __init__(self, name: str, arguments: list[str], stop_seconds: float) -> None:
        """Start nothing yet."""
        self.name = name
        self.stop_seconds = stop_seconds
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._failures = 0
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        """The pid of the living process, if there is one."""
        return self._process.pid if self._process else None

    def ensure(self, now: float) -> float | None:
        """Start it if it should run and does not; answer when to look again, if at a known time."""
        if self._process is not None or now < self._not_before:
            return self._not_before if self._process is None else None
        self._process = subprocess.Popen(
            [sys.executable, "-m", *self._arguments, "--parent", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
        self._started = now
        return None

    def reap(self, now: float) -> int | None:
        """Answer the exit code if it just ended, and plan its restart."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        self._process = None
        lasted = now - self._started
        self._failures = 0 if lasted > _HEALTHY_SECONDS else self._failures + 1
        pause = _BACKOFF_SECONDS[min(self._failures, len(_BACKOFF_SECONDS) - 1)]
        self._not_before = now + pause
        return code

    def stop(self) -> None:
        """Ask it to end, wait, and end it if it does not."""
        if self._process is None:
            return
        self._process.terminate()
        # A stopped process would sleep on its TERM for ever.
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(self.stop_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class Launcher:
    """Keeps a server and a worker alive until told to stop."""

    def __init__(self, home: Path, drain_seconds: float) -> None:
        """Start nothing yet.

        Args:
            home: The home folder both children work in.
            drain_seconds: How long the worker may take for its tasks when it is stopped.
        """
        self._home = home
        self._server = Child("server", ["tradewind.server.main"], _SERVER_STOP_SECONDS)
        self._worker = Child("worker", ["tradewind.worker"], drain_seconds + 10.0)
        self._wake_read, self._wake_write = os.pipe()
        self._stopping = False
        self._announced = False

    def run(self) -> int:
        """Run until SIGINT or SIGTERM; answer the exit code.

        A server that refuses to start (exit code 2: it has said why) ends everything.
        """
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        code = 0
        while not self._stopping:
            now = time.monotonic()
            due = [at for child in self._children if (at := child.ensure(now)) is not None]
            self._wait(min(due) - now if due else None)
            code = self._notice_ends()
            if code:
                break
        self._worker.stop()
        self._server.stop()
        return code

    @property
    def _children(self) -> tuple[Child, Child]:
        return self._server, self._worker

    def _on_stop(self, *_: object) -> None:
        self._stopping = True

    def _wait(self, seconds: float | None) -> None:
        readable, _, _ = select.select([self._wake_read], [], [], seconds)
        if readable:
            os.read(self._wake_read, 4096)

    def _notice_ends(self) -> int:
        for child in self._children:
            code = child.reap(time.monotonic())
            if code is None:
                continue
            if child is self._server and code == 2:
                return 2
            if not self._stopping:
                _say(f"The {child.name} ended with code {code} and is started again.")
        return 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> int:
    """Read home and drain time from the arguments; ``cli`` gives them."""
    home, drain = Path(sys.argv[1]), float(sys.argv[2])
    return Launcher(home, drain).run()


if __name__ == "__main__":
    sys.exit(main())
