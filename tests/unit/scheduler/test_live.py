"""A run in memory: what it makes of the rows of its instances."""

import msgspec
import pytest

from tests.unit.core.plays import NOW, a_dag, a_task
from tradewind.core.events import RunMoved, TaskMoved
from tradewind.core.plan import DagPlan
from tradewind.core.runs import Run, RunType
from tradewind.core.spec import StartTrigger
from tradewind.core.states import RunState, TaskState
from tradewind.scheduler.live import LiveRun, new_instance
from tradewind.store.tasks import TaskInstance

N, S, Q, R = TaskState.NONE, TaskState.SCHEDULED, TaskState.QUEUED, TaskState.RUNNING
DONE, DEFERRED = TaskState.SUCCESS, TaskState.DEFERRED
TRIGGER = StartTrigger(classpath="x.Trigger", next_method="m")


class Held:
    """Two tasks, one below the other; moves are recorded as the scheduler records them."""

    def __init__(self, **below: object) -> None:
        self.spec = a_dag(a_task("a"), a_task("b", "a", **below))
        run = Run(dag_id="d", run_id="r", run_type=RunType.MANUAL, run_after=NOW)
        self.plan = DagPlan(self.spec)
        self.rows = [new_instance(run, task) for task in self.plan.tasks]
        self.live = LiveRun(run, self.spec, self.plan, self.rows, 1)
        self.live.load_graph(())
        self.live.record(RunMoved(old=RunState.QUEUED, new=RunState.RUNNING, at=NOW), NOW)
        self.live.decide(NOW)

    def move(self, task_id: str, *states: TaskState) -> TaskInstance:
        row = self.live.rows[task_id, ""]
        for new in states:
            # As a claim does: each start is one more leg.
            row.leg += new is R
            moved = TaskMoved(task_id=task_id, old=row.state, new=new, try_number=row.try_number)
            self.live.record(moved, NOW)
            self.live.decide(NOW)
        return row

    def reload(self) -> None:
        """Take the run anew from its rows."""
        live = self.live
        run = msgspec.structs.replace(live.run, state=live.state, seq=live.graph.seq)
        self.live = LiveRun(run, self.spec, self.plan, self.rows, 2)
        self.live.load_graph(())


@pytest.mark.parametrize("reloads", [False, True])
def test_no_leg_of_a_try_comes_twice_when_something_above_is_cleared(reloads: bool) -> None:
    held = Held()
    held.move("a", Q, R, DONE)
    row = held.move("b", Q, R, DEFERRED, S)
    assert (row.try_number, row.leg) == (1, 1)
    if reloads:
        held.reload()

    held.move("a", N)
    assert row.state is N
    held.move("a", Q, R, DONE)
    assert (row.state, row.try_number, row.leg, row.max_tries) == (S, 2, 0, 1)


@pytest.mark.parametrize("reloads", [False, True])
def test_nor_does_a_try_that_began_with_its_trigger(reloads: bool) -> None:
    held = Held(start_trigger=TRIGGER)
    held.move("a", Q, R, DONE)
    row = held.move("b", DEFERRED, S)
    if reloads:
        held.reload()

    held.move("a", N)
    assert row.state is N
    held.move("a", Q, R, DONE)
    assert (row.state, row.try_number, row.leg) == (S, 2, 0)


def test_a_try_that_nobody_was_given_is_counted_once() -> None:
    held = Held()
    held.move("a", Q, R, DONE)
    row = held.move("b", Q, S)
    held.reload()

    held.move("a", N)
    assert (row.state, row.try_number) == (N, 0)
    held.move("a", Q, R, DONE)
    assert (row.state, row.try_number, row.max_tries) == (S, 1, 0)
