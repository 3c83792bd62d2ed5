"""What tasks ask a server about runs and task instances."""

from typing import Any

import msgspec
import pendulum
import pytest

from tests.conformance.api.conftest import Stack
from tradewind.protocol.exchange import Call, CallReply
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.questions import (
    BUILTIN_TYPES,
    CountInstances,
    CountRuns,
    GetDag,
    GetDagParts,
    GetInstances,
    GetPreviousInstance,
    GetPreviousRun,
    GetRun,
    GetStates,
    ListRuns,
    Question,
    fields_of,
)


class Asking:
    """A task of the second of two runs."""

    def __init__(self, stack: Stack, order: TaskOrder) -> None:
        self._stack = stack
        self.order = order
        self.dag_id = order.run.dag_id

    def reply(self, question: Question, **changed: object) -> CallReply:
        call = Call(
            verb=question.verb(),
            args={**fields_of(question), **changed},
            attempt_id=self.order.attempt_id,
            epoch=self.order.epoch,
            token=self.order.token,
        )
        return msgspec.msgpack.decode(self._stack.work("/work/call", call), type=CallReply)

    def __call__(self, question: Question) -> Any:
        reply = self.reply(question)
        assert not reply.error, reply.message
        return msgspec.convert(reply.value, question.ANSWER, builtin_types=BUILTIN_TYPES)


@pytest.fixture
def ask(stack: Stack, worker: str) -> Asking:
    """Answer a running task that asks; before its run there was one for another date."""
    stack.trigger(dag_run_id="first", logical_date="2026-04-19T00:00:00Z")
    stack.trigger(dag_run_id="mine", logical_date="2026-04-20T00:00:00Z")
    claims = {one.run.run_id: one for one in stack.exchange(worker).claims}
    return Asking(stack, claims["mine"])


def test_runs_are_found_by_what_is_given(ask: Asking) -> None:
    dag_id = ask.dag_id
    found = ask(GetRun(dag_id=dag_id, run_id="mine"))
    assert (found.run_id, found.state) == ("mine", "running")
    assert found.run_after == ask.order.run.run_after
    assert ask(GetRun(dag_id="nope", run_id="mine")) is None
    runs = ask(ListRuns(dag_ids=(dag_id,)))
    assert [one.run_id for one in runs] == ["first", "mine"]
    assert ask(CountRuns(dag_ids=(dag_id,), states=("running",), run_types=("manual",))) == 2
    assert ask(CountRuns(logical_dates=(found.logical_date,))) == 1
    in_berlin = pendulum.instance(found.logical_date).in_timezone("Europe/Berlin")
    assert ask(CountRuns(logical_dates=(in_berlin,))) == 1
    assert ask(GetDag(dag_id=dag_id)).is_paused is False
    assert ask(GetDag(dag_id="nope")) is None
    assert "extract" in ask(GetDagParts(dag_id=dag_id)).task_ids
    assert ask(GetDagParts(dag_id="nope")) is None


def test_the_run_before_is_that_of_the_next_earlier_date(ask: Asking) -> None:
    dag_id = ask.dag_id
    assert ask(GetPreviousRun(dag_id=dag_id, run_id="mine")).run_id == "first"
    assert ask(GetPreviousRun(dag_id=dag_id, run_id="mine", state="success")) is None
    assert ask(GetPreviousRun(dag_id=dag_id, run_id="mine", run_type="scheduled")) is None
    assert ask(GetPreviousRun(dag_id=dag_id, run_id="first")) is None


def test_instances_are_found_by_what_is_given(ask: Asking) -> None:
    dag_id, task_id = ask.dag_id, ask.order.task_id
    found = ask(GetInstances(dag_id=dag_id, run_id="mine"))
    (own,) = [one for one in found if one.task_id == task_id]
    assert (own.state, own.run_id, own.map_index) == ("running", "mine", -1)
    assert ask(CountInstances(dag_id=dag_id, task_ids=(task_id,), states=("running",))) == 2
    assert ask(CountInstances(dag_id=dag_id, run_ids=("mine",), states=(None, "running"))) == len(
        found
    )
    assert ask(GetStates(dag_id=dag_id, task_ids=(task_id,), run_ids=("mine",))) == {
        "mine": {task_id: "running"}
    }
    before = GetPreviousInstance(dag_id=dag_id, run_id="mine", task_id=task_id)
    assert ask(before).run_id == "first"
    assert ask(msgspec.structs.replace(before, state="failed")) is None
    dated = msgspec.structs.replace(before, logical_date=ask.order.run.logical_date)
    assert ask(dated).run_id == "first"


def test_what_cannot_be_answered_is_told(ask: Asking) -> None:
    reply = ask.reply(GetRun(dag_id="d", run_id="r"), run_id=7)
    assert reply.error == "bad-message"
    reply = ask.reply(CountInstances(dag_id=ask.dag_id, task_group_id="nope"))
    assert reply.error == "task-group-not-found"


def test_a_person_may_ask_for_facts_too(stack: Stack, ask: Asking) -> None:
    question = GetPreviousRun(dag_id=ask.dag_id, run_id="mine")
    body = {"verb": question.verb(), "args": {"dag_id": ask.dag_id, "run_id": "mine"}}
    told = stack.ask("POST", "/api/own/questions", body)
    assert msgspec.convert(told["value"], question.ANSWER) == ask(question)
    stack.ask("POST", "/api/own/questions", {"verb": "run.trigger"}, status=422)
    stack.ask("POST", "/api/own/questions", {"verb": "run.get"}, status=422)
