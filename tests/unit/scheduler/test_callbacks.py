"""What the server owes user code: which ends, once each, until one succeeds."""

from typing import Any

import msgspec
import pytest

from tests.unit.scheduler.place import AWorker, Place, a_dag, empty
from tradewind.core.callbacks import callback_id
from tradewind.core.deadlines import DeadlineSpec, QueuedAt
from tradewind.core.runs import Run
from tradewind.core.spec import RetrySpec, TaskSpec
from tradewind.core.states import LegState, TaskState
from tradewind.protocol.callbacks import CallbackOrder, CallbackReport
from tradewind.protocol.data_questions import AssetEventView
from tradewind.protocol.leaving import Deferral
from tradewind.protocol.reports import AssetEventPush
from tradewind.protocol.triggers import Fired
from tradewind.store.callbacks import Callback, CallbackPolicy, list_callbacks

BOTH = ("failure", "retry")


def a_task(task_id: str = "t", *upstream: str, **fields: Any) -> TaskSpec:
    return TaskSpec(task_id=task_id, operator="x.Op", upstream=upstream, **fields)


def owed(place: Place, run: Run) -> list[Callback]:
    return place.read(lambda tx: list_callbacks(tx, run.pk))


def called(order: CallbackOrder, *, is_done: bool = True, **fields: Any) -> CallbackReport:
    return CallbackReport(job_id=order.job_id, epoch=order.epoch, is_done=is_done, **fields)


def given(worker: AWorker) -> CallbackOrder:
    (order,) = worker.exchange().callbacks
    return order


@pytest.mark.parametrize(
    ("retries", "outcome", "event"),
    [
        (1, LegState.FAILED, "retry"),
        (0, LegState.FAILED, "failure"),
        (0, LegState.KILLED, "failure"),
        (0, LegState.LOST, "failure"),
        (0, LegState.SUCCESS, None),
        (0, LegState.SKIPPED, None),
    ],
)
def test_an_end_its_process_told_nobody_of_is_told_by_a_worker(
    place: Place, retries: int, outcome: LegState, event: str | None
) -> None:
    place.save(a_dag("d", a_task(callbacks=BOTH, retry=RetrySpec(retries=retries))))
    run = place.trigger(run_id="one")
    worker = place.worker()
    (order,) = worker.ask()
    answer = worker.end(order, outcome, error="It broke.")
    if event is None:
        assert answer.callbacks == ()
        return
    (told,) = answer.callbacks
    assert (told.kind, told.event, told.error) == ("task", event, "It broke.")
    assert told.callback_id == callback_id("d", "one", event, "t", "", 1)
    assert told.task is not None
    assert (told.task.task_id, told.task.try_number, told.run.run_id) == ("t", 1, "one")
    worker.exchange(called=(called(told),))
    assert [one.state for one in owed(place, run)] == ["success"]
    assert worker.exchange().callbacks == ()


def test_what_the_process_told_itself_is_told_once(place: Place) -> None:
    place.save(a_dag("d", a_task(callbacks=BOTH)))
    run = place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    worker.end(order, LegState.FAILED, called="failure")
    assert owed(place, run) == []


STOPS = [
    # who ends a task that has a try left, how its process says it ended and what it called
    # itself, what the server makes of it, and whom that is to be told
    ("fail_fast", LegState.KILLED, "", "failed", "failure"),
    ("fail_fast", LegState.FAILED, "retry", "failed", "failure"),
    ("fail_fast", LegState.SUCCESS, "success", "failed", "failure"),
    ("fail_fast", LegState.FAILED, "failure", "failed", None),
    ("fail_fast", LegState.LOST, "", "failed", "failure"),
    ("run timeout", LegState.KILLED, "", "skipped", None),
    ("run timeout", LegState.LOST, "", "skipped", None),
    ("deadline", LegState.KILLED, "", "skipped", None),
    ("nobody", LegState.KILLED, "", "up_for_retry", "retry"),
    ("nobody", LegState.FAILED, "", "up_for_retry", "retry"),
    ("nobody", LegState.FAILED, "retry", "up_for_retry", None),
    ("nobody", LegState.FAILED, "failure", "up_for_retry", "retry"),
    ("nobody", LegState.SUCCESS, "", "success", "success"),
    ("nobody", LegState.SUCCESS, "success", "success", None),
]


@pytest.mark.parametrize(("who", "outcome", "itself", "state", "event"), STOPS)
def test_what_the_server_makes_of_a_task_decides_who_is_told(
    place: Place, who: str, outcome: LegState, itself: str, state: str, event: str | None
) -> None:
    t = a_task(callbacks=("failure", "retry", "success"), retry=RetrySpec(retries=1))
    fail = DeadlineSpec(reference=QueuedAt(), interval_seconds=60.0, fails_run=True)
    place.save(
        a_dag(
            "d",
            t,
            a_task("other"),
            fail_fast=who == "fail_fast",
            dagrun_timeout_seconds=60.0 if who == "run timeout" else None,
            deadlines=(fail,) if who == "deadline" else (),
        )
    )
    run = place.trigger()
    worker = place.worker()
    mine, other = sorted(worker.ask(), key=lambda order: order.task_id != "t")
    if who == "fail_fast":
        worker.end(other, LegState.FAILED)
    elif who != "nobody":
        for _ in range(3):
            worker.exchange()
            place.tick(seconds=21)
    if outcome is LegState.LOST:
        del worker.held[mine.attempt_id]
        told = worker.exchange().callbacks
    else:
        told = worker.end(mine, outcome, called=itself, error="It ended.").callbacks
    assert place.states(run)["t"] == state
    assert [one.event for one in told if one.kind == "task"] == ([] if event is None else [event])


def test_who_has_no_callbacks_pays_nothing(place: Place) -> None:
    place.save(a_dag("d", a_task()))
    run = place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    assert worker.end(order, LegState.FAILED).callbacks == ()
    assert owed(place, run) == []


@pytest.mark.parametrize("how", ["success", "task_failure", "timed_out"])
def test_a_dag_is_told_of_the_end_of_its_runs(place: Place, how: str) -> None:
    wanted = "success" if how == "success" else "failure"
    place.save(
        a_dag(
            "d",
            a_task("a"),
            a_task("b", "a"),
            callbacks=(wanted,),
            dagrun_timeout_seconds=60.0,
        )
    )
    run = place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    if how == "timed_out":
        for _ in range(3):
            worker.exchange()
            place.tick(seconds=21)
        told = given(worker)
    elif how == "success":
        worker.end(order)
        (second,) = worker.ask()
        (told,) = worker.end(second).callbacks
    else:
        (told,) = worker.end(order, LegState.FAILED).callbacks
    assert (told.kind, told.event, told.reason) == ("dag", wanted, how)
    about = told.task.task_id if told.task else None
    assert about == {"success": "b", "task_failure": "a", "timed_out": about}[how]
    assert len(owed(place, run)) == 1


def test_an_end_that_nobody_asked_for_is_no_ones_business(place: Place) -> None:
    place.save(a_dag("d", empty(), callbacks=("failure",)))
    run = place.trigger()
    place.tick()
    assert run.pk
    assert owed(place, run) == []


def test_a_callback_that_fails_is_tried_again_later_and_not_for_ever(place: Place) -> None:
    place.save(a_dag("d", empty(), callbacks=("success",)))
    run = place.trigger()
    worker = place.worker()
    place.tick()
    policy = CallbackPolicy()
    first = given(worker)
    order = first
    for tried in range(1, policy.tries + 1):
        assert order.try_number == tried
        assert order.callback_id == first.callback_id
        worker.exchange(called=(called(order, is_done=False, error=f"no {tried}", done=(0,)),))
        place.tick()
        assert worker.exchange().callbacks == ()
        if tried < policy.tries:
            due = place.now + policy.first_pause * 2 ** (tried - 1)
            while place.now < due:
                worker.exchange()
                place.tick(seconds=min(20.0, (due - place.now).total_seconds()))
            order = given(worker)
            assert order.done == (0,)
    (one,) = owed(place, run)
    assert (one.state, one.tries, one.said) == ("failed", policy.tries, f"no {policy.tries}")
    place.tick(hours=2)
    assert worker.exchange().callbacks == ()


def test_a_lost_worker_s_callback_is_run_by_another_under_the_same_id(place: Place) -> None:
    place.save(a_dag("d", empty(), callbacks=("success",)))
    place.trigger()
    place.tick()
    lost = given(place.worker())
    place.tick(seconds=36)
    place.tick(seconds=5)
    other = place.worker()
    again = given(other)
    assert again.callback_id == lost.callback_id
    assert (again.try_number, again.epoch) == (2, lost.epoch + 1)
    # The one thought dead speaks after all: it changes nothing.
    other.exchange(called=(called(lost),))
    assert owed(place, place.runs()[0])[0].state == "running"
    other.exchange(called=(called(again),))
    assert owed(place, place.runs()[0])[0].state == "success"


def test_a_claim_that_never_arrived_is_given_again_at_no_cost(place: Place) -> None:
    place.save(a_dag("d", empty(), callbacks=("success",)))
    place.trigger()
    place.tick()
    worker = place.worker()
    first = given(worker)
    answer = worker.exchange(calling=())
    (again,) = answer.callbacks or worker.exchange().callbacks
    assert (again.callback_id, again.try_number) == (first.callback_id, 1)


def test_a_drained_worker_leaves_its_callbacks_to_others(place: Place) -> None:
    place.save(a_dag("d", empty(), callbacks=("success",)))
    place.trigger()
    place.tick()
    worker = place.worker()
    first = given(worker)
    worker.leave()
    assert given(place.worker()).callback_id == first.callback_id


def test_listeners_are_told_of_runs_as_they_go(place: Place) -> None:
    events = ("listen_running", "listen_success")
    place.save(a_dag("d", a_task(), callbacks=events))
    place.trigger()
    worker = place.worker()
    place.tick()
    answer = worker.exchange()
    (running,) = answer.callbacks
    assert (running.kind, running.event) == ("listener", "running")
    (order,) = answer.claims
    worker.held[order.attempt_id] = order
    (success,) = worker.end(order).callbacks
    assert (success.kind, success.event, success.reason) == ("listener", "success", "success")


@pytest.mark.parametrize("is_heard", [True, False])
def test_listeners_are_told_of_events_of_assets(place: Place, is_heard: bool) -> None:
    place.save(a_dag("d", a_task(), callbacks=("listen_asset_event",) if is_heard else ()))
    run = place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    pushes = tuple(AssetEventPush(name=f"a{n}", uri=f"s3://a{n}", extra={"n": n}) for n in (1, 2))
    told = worker.end(order, asset_events=pushes).callbacks
    if not is_heard:
        assert owed(place, run) == []
        return
    views = [msgspec.json.decode(one.reason, type=AssetEventView) for one in told]
    assert [(one.kind, one.event) for one in told] == [("listener", "asset_event")] * 2
    assert [(one.name, one.extra) for one in views] == [("a1", {"n": 1}), ("a2", {"n": 2})]
    assert (views[0].source_dag_id, views[0].source_task_id) == ("d", "t")
    assert len({one.callback_id for one in told}) == 2


@pytest.mark.parametrize(("ends", "event"), [("success", "success"), ("failed", "failure")])
def test_a_task_that_its_trigger_ends_is_told_of_by_a_worker(
    place: Place, ends: str, event: str
) -> None:
    place.save(a_dag("d", a_task(callbacks=("failure", "success"))))
    place.trigger()
    worker = place.worker()
    (order,) = worker.ask()
    wait = Deferral(classpath="x.Trigger", kwargs=b"{}", method_name="m", method_kwargs=b"{}")
    worker.end(order, LegState.DEFERRED, deferral=wait)
    (trigger,) = worker.exchange(trigger_room=1).triggers
    fired = Fired(
        trigger_id=trigger.trigger_id, epoch=trigger.epoch, event=b"1", ends=TaskState(ends)
    )
    (told,) = worker.exchange(fired=(fired,)).callbacks
    assert (told.kind, told.event) == ("task", event)
