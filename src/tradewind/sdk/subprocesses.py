"""Programs run by a task: output into its log as it happens, ended with all they started."""

import contextlib
import logging
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tradewind.protocol.orders import MARK_NAME


class SubprocessResult(NamedTuple):
    """How a program ended, and the last line it wrote."""

    exit_code: int
    output: str


def _marked(env: Mapping[str, str]) -> dict[str, str]:
    """Answer the environment with the mark by which a killed task's programs are found."""
    mark = os.environ.get(MARK_NAME)
    return dict(env) if mark is None else {**env, MARK_NAME: mark}


class SubprocessHook:
    """Runs one program in a process group of its own."""

    grace_seconds = 3.0
    """From TERM to KILL: below the time a task itself is given when it is ended."""

    def __init__(self, log: logging.Logger | None = None) -> None:
        self.sub_process: subprocess.Popen[bytes] | None = None
        self.log = log or logging.getLogger(__name__)

    def run_command(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        output_encoding: str = "utf-8",
        cwd: str | None = None,
    ) -> SubprocessResult:
        """Run to the end; without ``cwd`` in a folder of its own that is removed afterwards."""
        with contextlib.ExitStack() as stack:
            where = cwd or stack.enter_context(tempfile.TemporaryDirectory(prefix="tradewind-"))
            self.log.info("Running %s", list(command))
            self.sub_process = subprocess.Popen(
                list(command),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=where,
                env=_marked(os.environ if env is None else env),
                start_new_session=True,
            )
            last = self._stream(output_encoding)
            code = self.sub_process.wait()
        self.log.info("Command exited with return code %s", code)
        return SubprocessResult(exit_code=code, output=last)

    def _stream(self, encoding: str) -> str:
        last = ""
        assert self.sub_process is not None  # noqa: S101 - run_command has just started it
        stdout = self.sub_process.stdout
        assert stdout is not None  # noqa: S101 - it was asked for as a pipe
        with stdout:
            for raw in iter(stdout.readline, b""):
                last = raw.decode(encoding, errors="backslashreplace").rstrip()
                self.log.info("%s", last)
        return last

    def send_sigterm(self) -> None:
        """End the program and all it started: TERM, and KILL for what is left a little later."""
        process = self.sub_process
        if process is None or process.poll() is not None:
            return
        self.log.info("Ending the command and all it started")
        deadline = time.monotonic() + self.grace_seconds
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            while time.monotonic() < deadline:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.02)
            os.killpg(process.pid, signal.SIGKILL)
