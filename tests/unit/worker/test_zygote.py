"""What the worker says of orders that a zygote never obeyed."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tradewind.protocol.child import Forked, Ping
from tradewind.protocol.clock import SystemClock
from tradewind.protocol.frames import pack_frame
from tradewind.runtime.kernel import wait_stopped
from tradewind.worker.loop import Loop
from tradewind.worker.zygote import Zygote


@pytest.fixture
def frozen() -> Iterator[Zygote]:
    """A zygote that reads nothing, and has no children."""
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    zygote = Zygote(Loop(SystemClock()), lambda *_: None, lambda *_: None)
    zygote.pid = process.pid
    theirs = socket.socket(fileno=zygote.child_fd)
    yield zygote
    process.kill()
    process.wait()
    zygote.close()
    theirs.close()


def _order(zygote: Zygote, key: int) -> None:
    ends = socket.socketpair()
    zygote.order(Ping(), key, (ends[0].detach(), ends[1].detach()))


def test_an_order_to_a_killed_zygote_without_children_was_not_sent(frozen: Zygote) -> None:
    _order(frozen, 1)
    frozen.flush()
    assert frozen.sent_keys == {1}
    frozen.kill([])
    assert frozen.sent_keys == set()


def test_what_is_said_to_a_zygote_that_is_dying_does_not_make_its_orders_sent(
    frozen: Zygote,
) -> None:
    _order(frozen, 1)
    frozen.flush()
    frozen.kill([])
    frozen.keep_until(1e9)
    _order(frozen, 2)
    frozen.flush()
    assert frozen.sent_keys == set()
    assert frozen.keys == {1, 2}


PARENT = """
import os, signal, sys
child = os.fork()
if not child:
    signal.pause()
os.write(1, b"%d\\n" % child)
signal.pause()
"""


@pytest.fixture
def parent() -> Iterator[tuple[Zygote, socket.socket, int]]:
    """A frozen zygote with a child, its end of the socket, and the child's pid."""
    process = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    zygote = Zygote(Loop(SystemClock()), lambda *_: None, lambda *_: None)
    zygote.pid = process.pid
    theirs = socket.socket(fileno=zygote.child_fd)
    yield zygote, theirs, child
    os.kill(child, signal.SIGKILL)
    process.kill()
    process.communicate()
    zygote.close()
    theirs.close()


def test_what_it_said_before_it_was_stopped_is_heard(
    parent: tuple[Zygote, socket.socket, int],
) -> None:
    zygote, theirs, child = parent
    _order(zygote, 1)
    _order(zygote, 2)
    zygote.flush()
    theirs.send(pack_frame(Forked(key=1, pid=child)))
    zygote.kill([])
    assert zygote.sent_keys == {1}


def test_with_a_child_nobody_told_of_any_order_may_have_run_and_that_stands(
    parent: tuple[Zygote, socket.socket, int],
) -> None:
    zygote, _, child = parent
    _order(zygote, 1)
    zygote.flush()
    zygote.kill([])
    assert zygote.sent_keys == {1}
    os.waitid(os.P_PID, zygote.pid, os.WEXITED | os.WNOWAIT)
    zygote.kill([child])
    assert zygote.sent_keys == {1}


def test_one_that_goes_on_is_not_taken_for_stopped(frozen: Zygote) -> None:
    assert not wait_stopped(frozen.pid, 0.05)
    os.kill(frozen.pid, signal.SIGSTOP)
    assert wait_stopped(frozen.pid, 5.0)
