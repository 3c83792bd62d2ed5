"""A pool is kept free for a task that wants several slots, by the engine: in time, and told."""

from datetime import timedelta
from itertools import count

from tests.unit.scheduler.place import AWorker, Place, a_dag
from tradewind.core.admission import FIRST_KEPT
from tradewind.core.spec import TaskSpec
from tradewind.protocol.orders import TaskOrder
from tradewind.store import pools
from tradewind.store.pools import Pool


def crowd(place: Place, worker: AWorker) -> None:
    """Let a wide task wait in pool p of 2, which small ones fill, until its turn has come."""
    wide = TaskSpec(task_id="wide", operator="x.Op", pool="p", pool_slots=2)
    small = TaskSpec(task_id="small", operator="x.Op", pool="p", priority_weight=9)
    place.save(a_dag("w", wide), a_dag("s", small, max_active_runs=99))
    place.do(lambda e, tx: pools.set_pool(tx, Pool(name="p", slots=2)))
    numbers = count()
    place.trigger("s", run_id=f"s{next(numbers)}")
    worker.ask()
    place.trigger("w", run_id="w")
    for _ in range(30):
        place.trigger("s", run_id=f"s{next(numbers)}")
        held = worker.ask()
        if why(place, "w", "w", "wide").endswith("until there are enough."):
            place.trigger("s", run_id="last")
            return
        if len(held) > 1:
            worker.end(held[0])
    raise AssertionError("its turn never came")


def why(place: Place, dag_id: str, run_id: str, task_id: str) -> str:
    return place.do(lambda e, tx: e.explain(tx, dag_id, run_id, task_id, place.now))[0]


def names(orders: list[TaskOrder]) -> set[str]:
    return {order.task_id for order in orders}


def test_the_slots_come_together_for_it_and_the_others_can_tell_why_they_wait(
    place: Place,
) -> None:
    worker = place.worker()
    crowd(place, worker)
    held = "Pool 'p' is kept free for task 'wide' of run 'w' of Dag 'w'"
    assert held in why(place, "s", "last", "small")
    one, two = worker.ask()
    worker.end(one)
    assert worker.ask() == [two]
    worker.end(two)
    (wide,) = worker.ask()
    assert wide.task_id == "wide"
    worker.end(wide)
    assert names(worker.ask()) == {"small"}


def test_the_engine_looks_again_when_a_pool_is_given_free(place: Place) -> None:
    worker = place.worker()
    crowd(place, worker)
    one, two = worker.ask()
    worker.end(one)
    until = place.now + FIRST_KEPT
    while place.now < until:
        assert worker.ask() == [two]
        due = place.tick()
        assert due is not None
        assert due <= until
        place.now = min(due, place.now + timedelta(seconds=20))
    place.tick()
    assert two in worker.ask()
    assert len(worker.held) == 2
    assert names(worker.ask()) == {"small"}
