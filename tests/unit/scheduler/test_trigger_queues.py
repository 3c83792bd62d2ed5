"""A deferral may name the queue whose workers run its trigger."""

import pytest

from tests.unit.scheduler.place import AWorker, Place, a_dag
from tradewind.core.spec import StartTrigger, TaskSpec
from tradewind.core.states import LegState
from tradewind.protocol.exchange import Register
from tradewind.protocol.leaving import Deferral


def of_queue(place: Place, name: str) -> AWorker:
    worker = place.worker()
    message = Register(name=name, host="h", pid=2, slots=0, parse_slots=0, queues=(name,))
    worker.id = place.do(lambda e, tx: e.register(tx, message, place.now)).worker_id
    return worker


def why(place: Place) -> str:
    return place.do(lambda e, tx: e.explain(tx, "d", "r", "t", place.now))[0]


@pytest.mark.parametrize("how", ["it defers", "it begins with its trigger"])
def test_its_trigger_waits_for_a_worker_of_that_queue(place: Place, how: str) -> None:
    begins = StartTrigger(classpath="x.Bell", next_method="go_on", queue="bells")
    task = TaskSpec(
        task_id="t", operator="x.Op", start_trigger=None if how == "it defers" else begins
    )
    place.save(a_dag("d", task))
    place.trigger(run_id="r")
    worker = place.worker()
    if how == "it defers":
        (order,) = worker.ask()
        wait = Deferral(classpath="x.Bell", method_name="go_on", queue="bells")
        worker.end(order, LegState.DEFERRED, deferral=wait)
    place.tick()
    assert place.states(place.runs()[0]) == {"t": "deferred"}
    assert worker.exchange(trigger_room=5).triggers == ()
    assert why(place).endswith("waits for a worker of queue 'bells', and there is none.")
    (given,) = of_queue(place, "bells").exchange(trigger_room=5).triggers
    assert (given.classpath, given.queue) == ("x.Bell", "default")


def test_without_one_it_is_that_of_the_task(place: Place) -> None:
    place.save(a_dag("d", TaskSpec(task_id="t", operator="x.Op")))
    place.trigger(run_id="r")
    worker = place.worker()
    (order,) = worker.ask()
    wait = Deferral(classpath="x.Bell", method_name="go_on")
    worker.end(order, LegState.DEFERRED, deferral=wait)
    assert of_queue(place, "bells").exchange(trigger_room=5).triggers == ()
    assert len(worker.exchange(trigger_room=5).triggers) == 1
