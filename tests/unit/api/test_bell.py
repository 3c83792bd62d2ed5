"""The bell never misses a ring and never wakes the wrong one."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from tradewind.api.bell import Bell

SOON, LONG = 0.01, 10.0


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, LONG))


def ring_from_a_thread(bell: Bell, *workers: str) -> None:
    thread = threading.Thread(target=bell.ring, args=(set(workers) or None,))
    thread.start()
    thread.join()


def test_a_ring_between_answer_and_wait_is_heard() -> None:
    async def story() -> None:
        bell = Bell()
        with bell.listen("w") as line:
            ring_from_a_thread(bell, "w")
            assert await line.wait(LONG)
            assert not await line.wait(SOON)

    play(story())


def test_a_ring_while_waiting_is_heard_by_those_it_is_for() -> None:
    async def story() -> None:
        bell = Bell()
        with bell.listen("a") as a, bell.listen("b") as b:
            waiting = asyncio.create_task(a.wait(LONG))
            await asyncio.wait({waiting}, timeout=0)
            assert a.is_parked
            ring_from_a_thread(bell, "a", "nobody")
            assert await waiting
            assert not await b.wait(SOON)

    play(story())


def test_a_ring_for_all_is_heard_by_all_and_many_rings_are_one() -> None:
    async def story() -> None:
        bell = Bell()
        with bell.listen("a") as a, bell.listen("a") as a2, bell.listen("b") as b:
            ring_from_a_thread(bell, "a")
            ring_from_a_thread(bell)
            ring_from_a_thread(bell, "b")
            assert all(await asyncio.gather(a.wait(LONG), a2.wait(LONG), b.wait(LONG)))
            assert not any(await asyncio.gather(a.wait(SOON), b.wait(SOON)))

    play(story())


def test_nobody_is_woken_by_an_empty_ring_and_nobody_need_listen() -> None:
    async def story() -> None:
        bell = Bell()
        bell.ring()
        with bell.listen("a") as a:
            bell.ring(set())
            assert not await a.wait(SOON)
        bell.ring({"a"})

    play(story())


def test_a_cut_call_is_woken_and_knows_it() -> None:
    async def story() -> None:
        with Bell().listen("a") as line:
            line.cut()
            assert await line.wait(LONG)
            assert line.is_cut

    play(story())


def test_closing_wakes_everyone_for_good() -> None:
    async def story() -> None:
        bell = Bell()
        with bell.listen("a") as line:
            bell.close()
            assert await line.wait(LONG)
        assert bell.is_closed

    play(story())


def test_a_loop_that_is_gone_hurts_nobody_and_the_next_one_is_served() -> None:
    bell = Bell()

    async def listen() -> None:
        with bell.listen("a"):
            pass

    asyncio.run(listen())
    bell.ring()
    bell.ring({"a"})

    async def again() -> None:
        with bell.listen("a") as line:
            ring_from_a_thread(bell, "a")
            assert await line.wait(LONG)

    play(again())


def test_a_signal_handler_may_close_it_whatever_the_loop_is_doing() -> None:
    async def story() -> None:
        bell = Bell()
        with bell.listen("a") as line:
            with bell._lock:
                bell.close()
            assert await line.wait(LONG)

    play(story())
