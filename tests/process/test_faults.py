"""Each process killed and frozen while fifty tasks run: nothing is lost, nothing runs twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.process.conftest import SHORT, Install
from tests.process.installation import EARLY, TASKS, Installation, freeze, kill, parent_of, thaw
from tests.waiting import wait_gone, wait_until

pytestmark = pytest.mark.process


def running(place: Installation, run_id: str = "one", workers: int = 1) -> list[int]:
    """Trigger a run and wait until all its tasks run; answer their pids."""
    place.wait_ready(workers)
    place.trigger(run_id)
    return place.wait_living(run_id)


def finish(place: Installation, run_id: str = "one", seconds: float = 30) -> None:
    for gate in ("early", "late"):
        place.open_gate(run_id, gate)
    place.wait_success(run_id, seconds)
    place.check_all_done(run_id)


def early_successes(place: Installation, run_id: str = "one") -> bool:
    outcomes = place.outcomes(run_id)
    return all(outcomes[index][-1] == "success" for index in range(EARLY))


def is_given_up_once(tries: list[str]) -> bool:
    """Whether it was lost and tried again: by the worker's word, or by its zygote's as fence."""
    return len(tries) == 2 and tries[0] in ("lost", "killed") and tries[1] == "success"


def early_once_late_twice(place: Installation) -> None:
    outcomes = place.outcomes("one")
    assert [outcomes[index] for index in range(EARLY)] == [["success"]] * EARLY
    assert all(is_given_up_once(outcomes[index]) for index in range(EARLY, TASKS)), outcomes


def test_tasks_killed_and_frozen(install: Install) -> None:
    place = install(**SHORT)
    place.start()
    pids = running(place)
    killed, frozen = pids[:3], pids[3:6]
    freeze(*frozen)
    kill(*killed)
    place.open_gate("one", "early")
    place.open_gate("one", "late")
    wait_until(lambda: set(place.living("one")) == set(frozen), 20, "all others end")
    assert place.run_state("one") == "running"
    thaw(*frozen)
    finish(place)
    ended = sorted(len(tries) for tries in place.outcomes("one").values())
    assert ended == [1] * (TASKS - 3) + [2] * 3
    assert [states for states in place.outcomes("one").values() if len(states) == 2] == [
        ["failed", "success"]
    ] * 3


def test_zygotes_killed_and_frozen(install: Install) -> None:
    place = install(**SHORT)
    place.start()
    pids = running(place)
    base, file = place.base_zygote(place.own_worker()), parent_of(pids[0])
    assert base != file

    # Frozen, neither keeps a task from ending, nor its end from being recorded.
    freeze(base, file)
    place.open_gate("one", "early")
    wait_until(lambda: early_successes(place), 10, "tasks end without their zygote")
    thaw(base, file)

    # Without the base zygote warm tasks go on.
    kill(base)
    wait_until(lambda: place.base_zygote(place.own_worker()) != base, 10, "another base zygote")
    wait_gone([base], 5)
    assert len(place.living("one")) == TASKS - EARLY

    # With the zygote of their file tasks end, and are tried again.
    left = place.living("one")
    kill(file)
    wait_gone([*left, file], 25)
    finish(place)
    early_once_late_twice(place)


def test_a_server_killed_and_frozen_for_a_moment_costs_nothing(install: Install) -> None:
    place = install()
    place.start()
    pids = running(place)
    server = place.server()
    place.open_gate("one", "early")
    kill(server)
    wait_until(lambda: server != place.server(), 10, "another server")
    place.wait_ready()
    wait_until(lambda: early_successes(place), 10, "what ended meanwhile is recorded")
    assert "The server was killed by signal 9 and is started again." in place.said()

    server = place.server()
    freeze(server)
    place.open_gate("one", "late")
    wait_gone(pids, 10)
    thaw(server)
    finish(place)
    assert all(tries == ["success"] for tries in place.outcomes("one").values())


def test_a_frozen_launcher_costs_nothing_and_then_restarts_what_it_missed(
    install: Install,
) -> None:
    place = install(**SHORT)
    place.start()
    pids = running(place)
    freeze(place.launcher())
    place.open_gate("one", "early")
    wait_until(lambda: early_successes(place), 10, "work goes on")
    server = place.server()
    kill(server)
    wait_gone([server], 5)
    # Nobody starts a server now; tasks do not run on without one.
    wait_gone(pids, 4 + 5 + 2)
    thaw(place.launcher())
    wait_until(lambda: place.server() != server, 10, "another server")
    finish(place, seconds=40)


def launcher_killed(place: Installation) -> None:
    """All of it is gone soon, and the next one goes on where this one stopped."""
    launcher = place.start()
    running(place)
    place.open_gate("one", "early")
    wait_until(lambda: early_successes(place), 10, "the early ones end")
    family = place.family()
    kill(launcher.pid)
    launcher.wait()
    wait_gone(family, 25)
    assert not place.family()
    place.check()
    place.started.clear()
    place.start()
    place.wait_ready()
    finish(place, seconds=40)
    early_once_late_twice(place)


def workers_killed_and_frozen(place: Installation, fence: float, reaped: float) -> None:
    """Two of three workers are lost, one of them comes back; the third goes on."""
    place.settings["TRADEWIND__WORKER__SLOTS"] = "17"
    place.start()
    place.wait_ready()
    place.start("worker", "--name", "to-be-killed")
    place.start("worker", "--name", "to-be-frozen")
    running(place, workers=3)
    own = place.own_worker()
    killed, frozen = place.started[1].pid, place.started[2].pid
    of_killed, of_frozen = ([*tasks_of(place, pid)] for pid in (killed, frozen))
    assert of_killed
    assert of_frozen
    freeze(frozen)
    kill(killed)
    place.started[1].wait()
    place.open_gate("one", "early")
    wait_gone(of_killed, 25)
    wait_gone(of_frozen, fence + 5 + 1)
    lost = "SELECT count(*) FROM attempt WHERE state = 'lost'"
    wait_until(
        lambda: place.value(lost) == len(of_killed) + len(of_frozen), reaped + 5, "they are lost"
    )
    thaw(frozen)
    place.wait_ready(workers=2)
    finish(place, seconds=40)
    assert own == place.own_worker()
    assert max(len(tries) for tries in place.outcomes("one").values()) == 2


def tasks_of(place: Installation, worker: int) -> list[int]:
    """Tasks two steps below a worker: it has zygotes, they have tasks."""
    return [pid for pid in place.living("one") if parent_of(parent_of(parent_of(pid))) == worker]


def server_frozen(place: Installation, fence: float) -> None:
    """Tasks do not run on when their server is silent for long; it learns of it later."""
    place.start()
    pids = running(place)
    server = place.server()
    freeze(server)
    wait_gone(pids, fence + 5 + 1)
    thaw(server)
    finish(place, seconds=40)
    assert all(map(is_given_up_once, place.outcomes("one").values()))


def together(*scenarios: Callable[[], None]) -> None:
    """Play scenarios in homes of their own at the same time: most of it is waiting."""
    with ThreadPoolExecutor() as threads:
        for done in [threads.submit(scenario) for scenario in scenarios]:
            done.result()


def test_launcher_killed_workers_killed_and_frozen_server_frozen(install: Install) -> None:
    first, second, third = (install(**SHORT) for _ in range(3))
    together(
        partial(launcher_killed, first),
        partial(workers_killed_and_frozen, second, fence=4, reaped=11),
        partial(server_frozen, third, fence=4),
    )


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_same_with_the_lengths_as_shipped(install: Install) -> None:
    first, second, third = (install() for _ in range(3))
    together(
        partial(launcher_killed, first),
        partial(workers_killed_and_frozen, second, fence=20, reaped=35),
        partial(server_frozen, third, fence=20),
    )
