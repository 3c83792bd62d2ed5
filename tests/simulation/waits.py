"""Triggers that simulated workers hold, and people who answer what simulated tasks ask."""

from typing import TYPE_CHECKING

import msgspec

from tests.simulation.server import Unit
from tradewind.core.states import LegState, TaskState
from tradewind.protocol.exchange import Answer, Exchange
from tradewind.protocol.leaving import Deferral, InputRequest
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.reports import Finish
from tradewind.protocol.triggers import Fired, TriggerOrder
from tradewind.scheduler.wishes import InputAnswer

if TYPE_CHECKING:
    from tests.simulation.workers import Worker
    from tests.simulation.world import World

_ROOM = 40
_ENDS = (TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED)


class Triggers:
    """The triggers of one worker process: each says something after a while, or never."""

    def __init__(self, worker: "Worker") -> None:
        self._worker = worker
        self.held: dict[int, TriggerOrder] = {}
        self._owed: dict[tuple[int, int], Fired] = {}
        self.unsaid: set[tuple[int, int]] = set()

    def drop(self) -> None:
        """Let everything go: others will run it."""
        self.held.clear()
        self._owed.clear()
        self.unsaid.clear()

    def complete(self, request: Exchange) -> Exchange:
        """Answer the request with all there is to say of triggers."""
        held = None
        if request.held is not None:
            held = (*sorted(self.held), *(key[0] for key in self._owed))
        room = 0 if request.draining else max(_ROOM - len(self.held), 0)
        said = () if request.wait else tuple(self._owed.values() if held is not None else ())
        if not request.wait and held is None:
            said = tuple(self._owed[key] for key in sorted(self.unsaid))
        if not request.wait:
            self.unsaid.clear()
        return msgspec.structs.replace(request, triggers_held=held, trigger_room=room, fired=said)

    def give_up(self, request: Exchange) -> None:
        """Say again what an answer that is lost was about."""
        self.unsaid |= {(f.trigger_id, f.epoch) for f in request.fired} & self._owed.keys()

    def settle(self, answer: Answer) -> None:
        """Take an answer into account."""
        for key in answer.fired_recorded:
            self._owed.pop(key, None)
            self.unsaid.discard(key)
        for cancel in answer.trigger_cancels:
            self.held.pop(cancel.trigger_id, None)
        for order in answer.triggers:
            self._begin(order)

    def _begin(self, order: TriggerOrder) -> None:
        world = self._worker.world
        if self._worker.is_draining:
            return
        self.held[order.trigger_id] = order
        world.note("watch", self._worker.name, order.trigger_id, order.epoch)
        if order.timeout_at is not None and world.rng.random() < 0.5:
            return
        self._worker.later(world.rng.choice((50, 1000, 10_000, 40_000)), lambda: self._fire(order))

    def _fire(self, order: TriggerOrder) -> None:
        if self.held.get(order.trigger_id) is not order:
            return
        rng = self._worker.world.rng
        del self.held[order.trigger_id]
        drawn = rng.random()
        said = Fired(trigger_id=order.trigger_id, epoch=order.epoch, event=b"1")
        if drawn < 0.1:
            said = msgspec.structs.replace(said, event=None, error="it broke")
        elif drawn < 0.2:
            said = msgspec.structs.replace(
                said, ends=rng.choice(_ENDS), xcoms=(("return_value", b"1", 2),)
            )
        key = order.trigger_id, order.epoch
        self._owed[key] = said
        self.unsaid.add(key)
        self._worker.pump()


def leaving(world: "World", order: TaskOrder, finish: Finish) -> Finish:
    """Answer the end of a leg with what its task waits for; a person may answer what it asks."""
    timeout = (
        None if world.rng.random() < 0.7 else world.now_in(world.rng.choice((0, 5000, 30_000)))
    )
    if finish.outcome is LegState.DEFERRED:
        wait = Deferral(classpath="world.Trigger", method_name="go_on", timeout_at=timeout)
        return msgspec.structs.replace(finish, deferral=wait)
    if finish.outcome is LegState.AWAITING_INPUT:
        asked = InputRequest(
            subject="Go on?",
            options=("yes", "no"),
            defaults=world.rng.choice((None, ("no",))),
            timeout_at=timeout,
        )
        world.after(world.rng.choice((500, 5000, 20_000)), lambda: _answer(world, order))
        return msgspec.structs.replace(finish, input_request=asked)
    return finish


def _answer(world: "World", order: TaskOrder) -> None:
    """Have a person answer, again and again until the task asks no more."""
    shadow = world.checker.shadow
    ti = shadow.tis.get(order.ti_id)
    if ti is None or ti.state is not TaskState.AWAITING_INPUT:
        asked = ti is not None and ti.state is TaskState.RUNNING
        if asked and ti is not None and ti.epoch == order.epoch:
            # The end of the leg has not arrived yet.
            world.after(2000, lambda: _answer(world, order))
        return
    wish = InputAnswer(
        dag_id=order.run.dag_id,
        run_id=order.run.run_id,
        task_id=ti.key[0],
        map_index=order.map_index,
        chosen_options=("yes",),
    )
    world.server.submit(Unit("answer_input", lambda e, tx, now: e.answer_input(tx, wish, now)))
    world.after(5000, lambda: _answer(world, order))


_WAITS = (
    "SELECT t.id, t.state, count(d.id), sum(d.fired_at IS NULL), sum(d.try_number = t.try_number) "
    "FROM task_instance t LEFT JOIN deferral d ON d.ti_id = t.id "
    "WHERE t.state = 'deferred' OR d.fired_at IS NULL AND d.id IS NOT NULL GROUP BY t.id"
)
_QUESTIONS = (
    "SELECT t.id, t.state, count(h.id) FROM task_instance t "
    "LEFT JOIN human_input h ON h.ti_id = t.id AND h.closed_at IS NULL "
    "WHERE t.state = 'awaiting_input' OR h.id IS NOT NULL GROUP BY t.id"
)
_FREE = (
    "SELECT queue, count(*) FROM deferral WHERE claimed_by IS NULL AND fired_at IS NULL GROUP BY 1"
)


def find_broken(world: "World") -> str:
    """Answer what is wrong with those that wait outside any process (I9), if anything is."""
    query = world.server.journal.query
    for ti_id, state, count, unfired, same in query(_WAITS):
        if (state, count, unfired, same) != ("deferred", 1, 1, 1):
            return f"instance {ti_id} is {state} with {count} deferrals, {unfired} of them open"
    for ti_id, state, count in query(_QUESTIONS):
        if (state, count) != ("awaiting_input", 1):
            return f"instance {ti_id} is {state} with {count} open questions"
    server, shadow = world.server, world.checker.shadow
    if server.engine is None or server.is_busy:
        return ""
    free: dict[str, int] = dict(query(_FREE))
    for worker in world.workers:
        waits = shadow.workers.get(worker.id) and server.is_waited_for(worker.id)
        if waits and not worker.is_draining and len(worker.triggers.held) < _ROOM:
            for queue in worker.queues:
                if free.get(queue):
                    return f"{worker.name} waits while {free[queue]} triggers of {queue} are free"
    return ""
