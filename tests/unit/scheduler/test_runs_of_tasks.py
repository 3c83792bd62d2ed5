"""Runs that a task of another Dag asks for."""

from datetime import UTC, datetime

import pytest

from tests.unit.scheduler.place import a_dag
from tradewind.core.states import LegState
from tradewind.protocol.exchange import Call
from tradewind.protocol.questions import TriggerRun, fields_of, question_of

DAY = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def asking(place):
    """Answer a worker and an attempt of Dag ``asker``; Dag ``asked`` waits to be triggered."""
    place.save(a_dag("asker"), a_dag("asked"))
    worker = place.worker()
    place.trigger("asker")
    (order,) = worker.ask()
    return worker, order


def ask(place, order, **fields):
    question = TriggerRun(**{"dag_id": "asked", **fields})
    call = Call(
        verb=question.verb(),
        args=fields_of(question),
        attempt_id=order.attempt_id,
        epoch=order.epoch,
        token=order.token,
    )
    return place.do(lambda e, tx: e.call(tx, call, place.now))


def test_a_task_makes_a_run_that_runs(place, asking):
    worker, order = asking

    reply = ask(place, order, logical_date=DAY, conf={"a": 1}, note="by hand")

    run = reply.value
    assert (run.run_type, run.run_id) == (
        "operator_triggered",
        "operator_triggered__2026-04-01T00:00:00+00:00",
    )
    assert (run.conf, run.note, run.triggered_by) == ({"a": 1}, "by hand", "operator")
    assert {one.run.dag_id for one in worker.ask()} == {"asker", "asked"}


def test_a_second_run_for_the_date_is_refused_and_changes_nothing(place, asking):
    _, order = asking
    first = ask(place, order, logical_date=DAY).value

    reply = ask(place, order, logical_date=DAY, run_id="another")

    assert reply.error == "run-exists"
    assert first.run_id in reply.message


def test_a_run_that_is_in_the_way_starts_over_when_that_is_wished(place, asking):
    worker, order = asking
    first = ask(place, order, logical_date=DAY, conf={"a": 1}).value
    (child,) = [one for one in worker.ask() if one.run.dag_id == "asked"]
    worker.end(child)

    again = ask(place, order, logical_date=DAY, conf={"a": 2}, reset=True).value

    assert (again.run_id, again.clear_number, again.conf) == (first.run_id, 1, {"a": 2})
    (child,) = [one for one in worker.ask() if one.run.dag_id == "asked"]
    assert (child.try_number, child.run.conf) == (2, {"a": 2})


def test_a_run_that_has_not_ended_does_not_start_over(place, asking):
    _, order = asking
    ask(place, order, run_id="here")

    reply = ask(place, order, run_id="here", reset=True)

    assert reply.error == "run-is-running"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"dag_id": "nope"}, "dag-not-found"),
        ({"run_id": "scheduled__2026"}, "bad-run-id"),
        ({"run_id": "a b"}, "bad-run-id"),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_code(place, asking, fields, error):
    _, order = asking

    assert ask(place, order, **fields).error == error


def test_an_attempt_that_is_over_makes_no_runs(place, asking):
    worker, order = asking
    worker.end(order, LegState.SUCCESS)

    assert ask(place, order).error == "not-your-attempt"


def test_a_question_travels_as_its_fields():
    question = TriggerRun(dag_id="asked", logical_date=DAY, conf={"a": [1]})

    assert question_of(TriggerRun, fields_of(question)) == question
