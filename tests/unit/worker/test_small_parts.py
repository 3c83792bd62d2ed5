"""Frames, fence, timers and spool."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.core.states import LegState
from tradewind.protocol.child import Forked, Told
from tradewind.protocol.frames import FrameError, pack_frame, told_reader, zygote_reader
from tradewind.protocol.reports import Finish
from tradewind.runtime.fence import SLEEP_GRACE_SECONDS, Fence
from tradewind.worker.spool import Spool
from tradewind.worker.timers import Timers


class MovedClock:
    """A machine's clocks, moved by hand."""

    def __init__(self) -> None:
        self.running = 100.0
        self.slept = 0.0

    def now(self) -> None:  # pragma: no cover - a fence never asks the wall clock
        raise AssertionError

    def monotonic(self) -> float:
        return self.running

    def boottime(self) -> float:
        return self.running + self.slept


@given(st.lists(st.integers(0, 2**40), max_size=8), st.integers(1, 50))
def test_messages_survive_any_cut_of_the_stream(numbers: list[int], size: int) -> None:
    stream = b"".join(pack_frame(Told(number=n, value="x" * (n % 70))) for n in numbers)
    reader = told_reader()
    found = [
        told for at in range(0, len(stream), size) for told in reader.feed(stream[at : at + size])
    ]
    assert [told.number for told in found] == numbers


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\0\0\0\1\x01", pack_frame(Told(number=1))])
def test_what_is_no_message_breaks_the_stream(data: bytes) -> None:
    with pytest.raises(FrameError):
        zygote_reader().feed(data)


def test_a_message_of_a_kind_is_that_kind() -> None:
    assert zygote_reader().feed(pack_frame(Forked(key=1, pid=2))) == [Forked(key=1, pid=2)]


def test_a_fence_falls_at_its_deadline_and_only_renewals_move_it() -> None:
    clock = MovedClock()
    fence = Fence(clock)  # type: ignore[arg-type]
    assert fence.seconds_left() > 1e9
    fence.renew(120.0)
    fence.renew(110.0)
    clock.running = 119.0
    assert fence.seconds_left() == pytest.approx(1.0)
    clock.running = 121.0
    assert fence.seconds_left() < 0


def test_after_a_sleep_there_is_a_moment_to_renew_first() -> None:
    clock = MovedClock()
    fence = Fence(clock, 120.0)  # type: ignore[arg-type]
    clock.slept = 3600.0
    assert fence.seconds_left() == pytest.approx(SLEEP_GRACE_SECONDS)
    clock.running += SLEEP_GRACE_SECONDS + 0.1
    assert fence.seconds_left() < 0
    fence.renew(clock.boottime() + 20)
    assert fence.seconds_left() == pytest.approx(20)


def test_timers_run_in_order_and_not_when_called_off() -> None:
    timers, done = Timers(), list[str]()
    timers.at(2.0, lambda: done.append("second"))
    timers.at(1.0, lambda: done.append("first"))
    timers.at(1.5, lambda: done.append("never")).cancel()
    timers.run_due(0.5)
    assert done == []
    assert timers.next_moment() == 1.0
    timers.run_due(2.0)
    assert done == ["first", "second"]
    assert timers.next_moment() is None


def finish(attempt: int) -> Finish:
    return Finish(attempt_id=attempt, epoch=1, token="t", outcome=LegState.FAILED)


def dead_pid() -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_a_spool_is_there_only_while_something_is_owed(tmp_path: Path) -> None:
    spool = Spool(tmp_path, os.getpid())
    spool.keep([])
    assert not (tmp_path / "spool").exists()
    spool.keep([finish(1)])
    (file,) = (tmp_path / "spool").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    spool.keep([])
    assert not file.exists()


def test_the_next_worker_adopts_what_a_dead_one_owed_and_leaves_the_living_alone(
    tmp_path: Path,
) -> None:
    Spool(tmp_path, dead_pid()).keep([finish(1), finish(2)])
    Spool(tmp_path, os.getppid()).keep([finish(3)])
    heir = Spool(tmp_path, os.getpid())
    assert [one.attempt_id for one in heir.adopt()] == [1, 2]
    assert heir.is_used
    names = {path.stem for path in (tmp_path / "spool").iterdir()}
    assert names == {str(os.getpid()), str(os.getppid())}
