"""What the server does with tasks that wait outside any process."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from tests.conformance.api.conftest import NOW, Stack
from tradewind.core.states import LegState
from tradewind.protocol.exchange import Answer, Call, CallReply
from tradewind.protocol.leaving import Deferral, InputRequest
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.people_questions import GetAnswer, TakeDefaults
from tradewind.protocol.questions import fields_of
from tradewind.protocol.reports import Finish, LogChunk
from tradewind.protocol.triggers import Fired, TriggerOrder

WAIT = Deferral(
    classpath="shop.triggers.Truck",
    kwargs=b'{"secret":"swordfish"}',
    method_name="unload",
    method_kwargs=b'{"dock":4}',
)


def ended(order: TaskOrder, outcome: LegState, **fields: Any) -> Finish:
    return Finish(
        attempt_id=order.attempt_id,
        epoch=order.epoch,
        token=order.token,
        outcome=outcome,
        **fields,
    )


def begin(stack: Stack, worker: str) -> TaskOrder:
    stack.trigger(dag_run_id="r")
    (order,) = stack.exchange(worker).claims
    return order


def defer(stack: Stack, worker: str, wait: Deferral = WAIT) -> TaskOrder:
    order = begin(stack, worker)
    stack.exchange(worker, finishes=(ended(order, LegState.DEFERRED, deferral=wait),))
    assert state_of(stack) == "deferred"
    return order


def pass_until(stack: Stack, worker: str, moment: datetime) -> None:
    """Let time pass for a worker that keeps its lease."""
    stack.clock.at = moment
    stack.exchange(worker, held=())
    stack.tick()


def of_run(answer: Answer) -> list[TaskOrder]:
    return [order for order in answer.claims if order.run.run_id == "r"]


def claim(stack: Stack, worker: str) -> TriggerOrder:
    (trigger,) = stack.exchange(worker, trigger_room=10).triggers
    return trigger


def fired(trigger: TriggerOrder, event: bytes = b'{"crates":7}', **fields: Any) -> Fired:
    return Fired(trigger_id=trigger.trigger_id, epoch=trigger.epoch, event=event, **fields)


def state_of(stack: Stack, task: str = "extract") -> str:
    found = stack.get(f"/api/v2/dags/daily_sales/dagRuns/r/taskInstances/{task}")
    return str(found["state"])


def test_a_deferred_task_goes_on_with_its_event(stack: Stack, worker: str) -> None:
    first = defer(stack, worker)
    trigger = claim(stack, worker)
    assert (trigger.classpath, trigger.kwargs) == (WAIT.classpath, WAIT.kwargs)
    assert trigger.log_path == first.log_path
    answer = stack.exchange(worker, fired=(fired(trigger),))
    assert answer.fired_recorded == ((trigger.trigger_id, trigger.epoch),)
    (second,) = answer.claims
    assert (second.try_number, second.leg, second.ti_id) == (1, 2, first.ti_id)
    assert second.resume is not None
    assert (second.resume.method, second.resume.event) == ("unload", b'{"crates":7}')
    assert second.resume.kwargs == b'{"dock":4}'
    stack.exchange(worker, finishes=(ended(second, LegState.SUCCESS),))
    assert state_of(stack) == "success"


def test_a_second_event_changes_nothing(stack: Stack, worker: str) -> None:
    defer(stack, worker)
    trigger = claim(stack, worker)
    (second,) = stack.exchange(worker, fired=(fired(trigger),)).claims
    again = stack.exchange(worker, fired=(fired(trigger, b'{"crates":8}'),))
    assert again.fired_recorded
    assert not again.claims
    assert second.resume is not None
    assert second.resume.event == b'{"crates":7}'


def test_what_it_is_made_from_is_encrypted_at_rest(stack: Stack, worker: str) -> None:
    defer(stack, worker)
    for path in stack.settings.database_path.parent.glob("*.db*"):
        assert b"swordfish" not in path.read_bytes()


def test_a_claim_that_came_back_resumes_all_the_same(stack: Stack, worker: str) -> None:
    defer(stack, worker)
    (second,) = stack.exchange(worker, fired=(fired(claim(stack, worker)),)).claims
    answer = stack.exchange(worker, finishes=(ended(second, LegState.RETURNED),))
    (third,) = answer.claims
    assert (third.leg, third.resume) == (3, second.resume)


def test_a_new_try_starts_anew(stack: Stack, worker: str) -> None:
    defer(stack, worker)
    (second,) = stack.exchange(worker, fired=(fired(claim(stack, worker)),)).claims
    stack.exchange(worker, finishes=(ended(second, LegState.FAILED, error="no crates"),))
    pass_until(stack, worker, NOW + timedelta(hours=1))
    (retry,) = of_run(stack.exchange(worker))
    assert (retry.try_number, retry.leg, retry.resume) == (2, 1, None)


def test_a_wait_that_takes_too_long_goes_on_to_say_so(stack: Stack, worker: str) -> None:
    late = NOW + timedelta(minutes=5)
    defer(stack, worker, Deferral(classpath="x.Y", method_name="m", timeout_at=late))
    trigger = claim(stack, worker)
    pass_until(stack, worker, late)
    answer = stack.exchange(worker)
    (cancel,) = answer.trigger_cancels
    assert (cancel.trigger_id, cancel.is_kill) == (trigger.trigger_id, False)
    (second,) = of_run(answer)
    assert second.resume is not None
    assert (second.resume.failure, second.resume.event) == ("timeout", None)


def test_a_failed_trigger_is_told_to_its_task(stack: Stack, worker: str) -> None:
    defer(stack, worker)
    trigger = claim(stack, worker)
    failed = Fired(
        trigger_id=trigger.trigger_id, epoch=trigger.epoch, error="Boom", detail="Traceback"
    )
    (second,) = stack.exchange(worker, fired=(failed,)).claims
    assert second.resume is not None
    assert (second.resume.failure, second.resume.detail) == ("failure", "Traceback")


def test_triggers_of_a_lost_worker_move_to_another(stack: Stack, worker: str) -> None:
    defer(stack, worker)
    before = claim(stack, worker)
    other = stack.register(name="other")
    assert not stack.exchange(other, trigger_room=10).triggers
    stack.clock.at = NOW + timedelta(seconds=20)
    stack.exchange(other, held=(), triggers_held=())
    stack.clock.at = NOW + timedelta(seconds=35)
    stack.tick()
    after = claim(stack, other)
    assert after.trigger_id == before.trigger_id
    assert after.epoch > before.epoch
    assert not stack.exchange(worker, fired=(fired(before),)).known
    assert state_of(stack) == "deferred"
    assert stack.exchange(other, fired=(fired(after),)).claims


def test_a_trigger_its_worker_does_not_hold_is_given_again(stack: Stack, worker: str) -> None:
    defer(stack, worker)
    before = claim(stack, worker)
    kept = stack.exchange(worker, held=(), triggers_held=(before.trigger_id,), trigger_room=10)
    assert not kept.triggers
    (after,) = stack.exchange(worker, held=(), triggers_held=(), trigger_room=10).triggers
    assert (after.trigger_id, after.epoch) == (before.trigger_id, before.epoch + 1)


def test_a_stranger_is_told_to_stop(stack: Stack, worker: str) -> None:
    answer = stack.exchange(worker, held=(), triggers_held=(4711,))
    (cancel,) = answer.trigger_cancels
    assert (cancel.trigger_id, cancel.is_kill) == (4711, True)


def ask(stack: Stack, worker: str, **fields: Any) -> Answer:
    order = begin(stack, worker)
    asked = InputRequest(subject="Ship it?", options=("yes", "no"), **fields)
    answer = stack.exchange(
        worker, finishes=(ended(order, LegState.AWAITING_INPUT, input_request=asked),)
    )
    assert state_of(stack) == "awaiting_input"
    return answer


PATH = "/api/v2/dags/daily_sales/dagRuns/r/taskInstances/extract/-1/hitlDetails"


def test_a_person_answers_once(stack: Stack, worker: str) -> None:
    ask(stack, worker, params={"day": {"value": 1, "schema": {}}}, method_kwargs=b'{"a":1}')
    (listed,) = stack.get("/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false")[
        "hitl_details"
    ]
    assert (listed["subject"], listed["response_received"]) == ("Ship it?", False)
    body = {"chosen_options": ["yes"]}
    said = stack.ask("PATCH", PATH, body)
    assert (said["chosen_options"], said["params_input"]) == (["yes"], {"day": 1})
    assert stack.ask("PATCH", PATH, body, status=409)["code"] == "already-answered"
    assert stack.get(PATH)["response_received"]
    assert stack.get(f"{PATH}/tries/1")["chosen_options"] == ["yes"]
    (second,) = of_run(stack.exchange(worker))
    assert second.resume is not None
    assert (second.resume.kwargs, second.resume.is_answer) == (b'{"a":1}', True)
    again = ended(second, LegState.RESCHEDULED, wake_at=NOW)
    (third,) = of_run(stack.exchange(worker, finishes=(again,)))
    assert (third.resume, third.reschedules) == (None, 1)


def test_only_those_it_is_for_may_answer(stack: Stack, worker: str) -> None:
    ask(stack, worker, assigned_users=("ann",))
    body = {"chosen_options": ["yes"]}
    refused = stack.call("PATCH", PATH, body, {"tradewind-user": "bob"})
    assert (refused.status, refused.json()["code"]) == (403, "not-yours-to-answer")
    assert stack.call("PATCH", PATH, body).status == 403
    taken = stack.call("PATCH", PATH, body, {"tradewind-user": "ann"}).json()
    assert taken["responded_by"] == {"id": "ann", "name": "ann"}


def test_answers_that_do_not_fit(stack: Stack, worker: str) -> None:
    stack.trigger(dag_run_id="r")
    assert stack.get(PATH, status=404)["code"] == "no-question"
    (order,) = stack.exchange(worker).claims
    asked = InputRequest(subject="Ship it?", options=("yes", "no"))
    stack.exchange(worker, finishes=(ended(order, LegState.AWAITING_INPUT, input_request=asked),))
    for body in (
        {"chosen_options": ["perhaps"]},
        {"chosen_options": ["yes", "no"]},
        {"chosen_options": ["yes"], "params_input": {"odd": 1}},
    ):
        assert stack.ask("PATCH", PATH, body, status=400)["code"] == "bad-answer"


def test_what_is_filled_in_must_fit_its_rules(stack: Stack, worker: str) -> None:
    day = {"value": None, "description": None, "schema": {"type": "integer", "minimum": 1}}
    ask(stack, worker, params={"day": day})
    body: dict[str, Any] = {"chosen_options": ["yes"]}
    refused = stack.ask("PATCH", PATH, body, status=400)
    assert refused["detail"] == "'day' of 'Ship it?': None is not of type 'integer'."
    body["params_input"] = {"day": 0}
    assert "less than the minimum" in stack.ask("PATCH", PATH, body, status=400)["detail"]
    body["params_input"] = {"day": 3}
    assert stack.ask("PATCH", PATH, body)["params_input"] == {"day": 3}


def test_a_trigger_may_wait_for_the_answer(stack: Stack, worker: str) -> None:
    order = begin(stack, worker)
    asked = InputRequest(subject="Ship it?", options=("yes",), defaults=("yes",), method_name="")
    both = ended(order, LegState.DEFERRED, deferral=WAIT, input_request=asked)
    stack.exchange(worker, finishes=(both,))
    trigger = claim(stack, worker)

    def said(kind: type[GetAnswer | TakeDefaults]) -> Any:
        question = kind(dag_id="daily_sales", run_id="r", task_id="extract")
        call = Call(
            verb=question.verb(),
            args=fields_of(question),
            trigger_id=trigger.trigger_id,
            epoch=trigger.epoch,
            token=trigger.token,
        )
        reply = msgspec.msgpack.decode(stack.work("/work/call", call), type=CallReply)
        assert not reply.error, reply.message
        return reply.value

    assert said(GetAnswer) is None
    assert said(TakeDefaults)["timedout"] is True
    assert said(GetAnswer)["chosen_options"] == ["yes"]
    assert stack.ask("PATCH", PATH, {"chosen_options": ["yes"]}, status=409)
    assert state_of(stack) == "deferred"
    (second,) = stack.exchange(worker, fired=(fired(trigger),)).claims
    assert second.resume is not None
    assert (second.resume.method, second.resume.is_answer) == ("unload", False)


def test_nobody_answers_in_time_and_the_defaults_are_taken(stack: Stack, worker: str) -> None:
    late = NOW + timedelta(minutes=5)
    ask(stack, worker, defaults=("no",), timeout_at=late)
    pass_until(stack, worker, late)
    (second,) = of_run(stack.exchange(worker))
    assert second.resume is not None
    assert second.resume.is_answer
    assert second.resume.event is not None
    assert b'"chosen_options":["no"]' in second.resume.event


def test_nobody_answers_in_time_and_there_are_no_defaults(stack: Stack, worker: str) -> None:
    late = NOW + timedelta(minutes=5)
    ask(stack, worker, timeout_at=late)
    pass_until(stack, worker, late)
    (second,) = of_run(stack.exchange(worker))
    assert second.resume is not None
    assert (second.resume.event, second.resume.failure) == (None, "timeout")


def test_why_it_waits(stack: Stack, worker: str) -> None:
    defer(stack, worker)
    why = "/api/own/why?dag_id=daily_sales&run_id=r&task_id=extract"
    assert "waits for a worker of queue 'default'" in str(stack.get(why))
    trigger = claim(stack, worker)
    assert "shop.triggers.Truck, which runs on worker 'w'" in str(stack.get(why))
    held = (trigger.trigger_id,)
    blocked: dict[int, str | None] = {trigger.trigger_id: "3.1 s at sleep(3)"}
    stack.exchange(worker, held=(), triggers_held=held, blocked=blocked)
    assert "held up all others of its process: 3.1 s at sleep(3)" in str(stack.get(why))


def test_all_legs_and_the_trigger_write_to_one_log(stack: Stack, worker: str) -> None:
    order = defer(stack, worker)
    trigger = claim(stack, worker)

    def chunk(whose: int, offset: int, text: str) -> LogChunk:
        data = f'{{"event":"{text}"}}\n'.encode()
        return LogChunk(attempt_id=whose, log_path=order.log_path, offset=offset, data=data)

    first, second = chunk(order.attempt_id, 0, "leg 1"), chunk(-trigger.trigger_id, 0, "trigger")
    stack.exchange(worker, logs=(first, second))
    stack.exchange(worker, logs=(second,))
    third = chunk(order.attempt_id + 1, 0, "leg 2")
    stack.exchange(worker, logs=(third, chunk(-trigger.trigger_id, len(second.data), "more")))
    path = "/api/v2/dags/daily_sales/dagRuns/r/taskInstances/extract/logs/1"
    log = stack.get(path)
    assert [one["event"] for one in log["content"]] == ["leg 1", "trigger", "leg 2", "more"]
    assert log["continuation_token"], "the try goes on"
