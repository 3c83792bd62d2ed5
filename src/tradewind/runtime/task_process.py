"""What a process does between the fork and its end: one attempt of a task, or one parse.

It talks to the worker over one socket and prints into one pipe. Nothing here returns: a forked
process must never climb back into the zygote's loop.
"""

import gc
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, NoReturn

from tradewind.core.states import LegState
from tradewind.protocol.callbacks import CallbackOrder, Called
from tradewind.protocol.child import Done, Parsed
from tradewind.protocol.clock import Clock
from tradewind.protocol.lifeline import die_with_parent
from tradewind.protocol.orders import MARK_NAME, ParseOrder, TaskOrder
from tradewind.protocol.ports import bound_port
from tradewind.runtime.callbacks import run_callback
from tradewind.runtime.channel import Channel
from tradewind.runtime.execute import run_task
from tradewind.runtime.fork_safety import note_own_sockets
from tradewind.runtime.kernel import flush_c_streams
from tradewind.runtime.loading import load_file
from tradewind.runtime.output import TaskOutput
from tradewind.runtime.parsing import parse_file
from tradewind.runtime.socket_port import SocketPort
from tradewind.runtime.user import become_user_of
from tradewind.sdk.context import importing_for
from tradewind.sdk.exceptions import AirflowException, AirflowTaskTerminated

Loaded = Mapping[str, Any]
"""The Dags of an imported file, by id."""


class ChildProcess:
    """A freshly forked process that is about to run user code."""

    def __init__(self, output: TaskOutput, parent_pid: int, sock_fd: int, pipe_fd: int) -> None:
        """Cut it loose from the zygote: own group, own signals, own randomness, own output."""
        os.setpgid(0, 0)
        die_with_parent(parent_pid, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.is_ended = False
        signal.signal(signal.SIGTERM, self._on_terminate)
        _reseed()
        gc.enable()
        os.dup2(pipe_fd, 1)
        os.dup2(pipe_fd, 2)
        os.close(pipe_fd)
        self.pid = os.getpid()
        self.channel = Channel(socket.socket(fileno=sock_fd))
        self._output = output
        output.bind(self.channel)

    def _on_terminate(self, number: int, frame: FrameType | None) -> None:
        # A second TERM would interrupt ``on_kill``, which the first one has started.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.is_ended = True
        raise AirflowTaskTerminated("The task was ended from outside")

    def run(self, body: Callable[[], Done | Parsed | Called]) -> NoReturn:
        """Run ``body``, send its last word, end."""
        code = 1
        try:
            last_word = body()
            if os.getpid() == self.pid:
                # From here on a cancel comes too late; it must not cut the last word in two.
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                self._output.finish()
                flush_c_streams()
                self.channel.send(last_word)
            code = 0
        except BaseException as error:  # noqa: BLE001 whatever is left, this process ends here
            os.write(2, "".join(traceback.format_exception(error)).encode(errors="replace"))
        finally:
            os._exit(code)


def run_attempt(
    child: ChildProcess, order: TaskOrder, mark: str, loaded: Loaded | None, clock: Clock
) -> Done:
    """Run one leg of a task; import its file first where the zygote has not."""
    started = clock.now().timestamp()
    port = SocketPort(child.channel, order)
    bound_port.set(port)
    os.environ[MARK_NAME] = mark
    try:
        if loaded is None:
            with importing_for(order.run.dag_id, order.task_id):
                loaded = load_file(order.bundle, order.file)
    except (Exception, SystemExit) as error:  # noqa: BLE001 user code may raise anything
        return _failed(child, started, clock, f"{order.file} cannot be imported", error)
    try:
        become_user_of(order, loaded)
    except AirflowException as error:
        return _failed(child, started, clock, "It cannot run", error)
    return run_task(order, loaded, port, clock, heeds_ctrl_c=False, is_ended=lambda: child.is_ended)


def _failed(
    child: ChildProcess, started: float, clock: Clock, what: str, error: BaseException
) -> Done:
    traceback.print_exception(error)
    return Done(
        outcome=LegState.FAILED,
        started_at=started,
        ended_at=clock.now().timestamp(),
        pid=child.pid,
        error=f"{what}: {type(error).__name__}: {error}",
    )


def run_callback_order(child: ChildProcess, order: CallbackOrder, loaded: Loaded | None) -> Called:
    """Run a callback; import its file first where the zygote has not."""
    port = SocketPort(child.channel)
    bound_port.set(port)
    if loaded is None:
        try:
            loaded = load_file(order.bundle, order.file)
        except (Exception, SystemExit) as error:  # noqa: BLE001 user code may raise anything
            traceback.print_exc()
            return Called(is_done=False, error=f"{order.file} cannot be imported: {error}")
    return run_callback(order, loaded, port)


def run_parse(child: ChildProcess, order: ParseOrder) -> Parsed:
    """Import a file under limits and describe what it holds."""
    limit = order.memory_mb * 1024 * 1024
    # Not RLIMIT_AS: libraries reserve address space by the gigabyte that they never touch.
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    bound_port.set(SocketPort(child.channel))
    note_own_sockets()
    return Parsed(report=parse_file(order))


def _reseed() -> None:
    """Draw new seeds, where Python has not: all tasks of a zygote would draw the same numbers."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
