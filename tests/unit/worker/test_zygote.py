"""What the worker says of orders that a zygote never obeyed."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tradewind.protocol.child import Ping
from tradewind.protocol.clock import SystemClock
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
