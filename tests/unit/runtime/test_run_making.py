"""Tasks that make runs of other Dags, and wait for them."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from tests.unit.runtime.tasks import DAY, hosted, run
from tradewind import DAG
from tradewind.errors import ConflictError
from tradewind.protocol.questions import DagView, GetDag, GetRun, ListRuns, RunView, TriggerRun
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.operators.trigger_dag_run import TriggerDagRunOperator
from tradewind.sdk.triggers.runs import DagStateTrigger

MADE = RunView(
    dag_id="asked", run_id="made", run_type="operator_triggered", state="queued", run_after=DAY
)


def server(*states, conflict=False, paused=False):
    """Answer a host that makes the run, then tells these states of it; and what it was asked."""
    asked, port = [], MemoryPort()
    left = iter(states)
    dags = {"asked": DagView(dag_id="asked", is_paused=paused)}

    def make(question):
        asked.append(question)
        if conflict:
            raise ConflictError("run-exists", "There is one.")
        return MADE

    def look(_):
        state = next(left, None)
        return None if state is None else RunView(**{**as_dict(MADE), "state": state})

    port.answers.update(
        {
            TriggerRun: make,
            GetRun: look,
            ListRuns: lambda question: [look(question)],
            GetDag: lambda question: dags.get(question.dag_id),
        }
    )
    return asked, port


def as_dict(view):
    return {name: getattr(view, name) for name in view.__struct_fields__}


def a_task(**settings):
    settings = {"trigger_dag_id": "asked", "poke_interval": 0, **settings}
    with DAG("asker", schedule=None):
        return TriggerDagRunOperator(task_id="ask", **settings)


def pushed(port):
    return {key[3]: json.loads(value) for key, value in port.xcoms.items()}


def test_the_run_is_made_and_its_id_pushed():
    asked, port = server()
    task = a_task(conf={"day": "{{ ds }}"}, logical_date="{{ ds }}", note="for {{ ds }}")

    done = run(task, port)

    assert done.outcome == "success", done.error
    (question,) = asked
    assert question.conf == {"day": "2026-04-20"}
    assert (question.logical_date, question.note) == (DAY, "for 2026-04-20")
    assert question.run_id == "operator_triggered__2026-04-20T00:00:00+00:00"
    assert pushed(port)["trigger_run_id"] == "made"


@pytest.mark.parametrize(
    ("given", "date"),
    [({"logical_date": None}, None), ({"logical_date": datetime(2026, 1, 2, tzinfo=UTC)}, "given")],
)
def test_the_date_is_the_one_given_or_none(given, date):
    asked, port = server()

    assert run(a_task(**given), port).outcome == "success"
    assert asked[0].logical_date == (given["logical_date"] if date else None)


ENDS = [
    ({}, ["running", "success"], "success"),
    ({}, ["running", "failed"], "failed"),
    ({"allowed_states": ["success", "failed"], "failed_states": []}, ["failed"], "success"),
    ({}, ["running"], "failed"),
]


@pytest.mark.parametrize(("settings", "states", "outcome"), ENDS)
def test_a_task_that_waits_ends_as_the_run_did(settings, states, outcome):
    _, port = server(*states)

    assert run(a_task(wait_for_completion=True, **settings), port).outcome == outcome


@pytest.mark.parametrize(("skip", "outcome"), [(True, "skipped"), (False, "failed")])
def test_a_run_in_the_way_skips_or_fails_the_task(skip, outcome):
    _, port = server(conflict=True)

    assert run(a_task(skip_when_already_exists=skip), port).outcome == outcome


def test_a_task_that_defers_waits_at_a_trigger():
    _, port = server()

    done = run(a_task(wait_for_completion=True, deferrable=True, failed_states=["failed"]), port)

    assert done.outcome == "deferred", done.error
    assert done.deferral is not None
    assert done.deferral.classpath.endswith("external_task.DagStateTrigger")
    assert done.deferral.method_name == "execute_complete"


def test_the_trigger_says_how_the_runs_ended():
    _, port = server("running", "success")
    trigger = DagStateTrigger("asked", ["success", "failed"], run_ids=["made"], poll_interval=0)

    async def first():
        async for event in trigger.run():
            return event.payload
        return None

    with hosted(port):
        path, facts = asyncio.run(first())

    assert path == trigger.serialize()[0]
    assert (facts["run_ids"], facts["made"]) == (["made"], "success")
    a_task().execute_complete({}, (path, facts))
    with pytest.raises(AirflowException, match="ended in state 'success'"):
        a_task(failed_states=["success"]).execute_complete({}, (path, facts))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"conf": {"a": object()}}, "conf of task 'ask' must be JSON"),
        ({"logical_date": "soon"}, "logical_date of task 'ask' is no date: 'soon'"),
        ({"fail_when_dag_is_paused": True}, "Dag 'asked' is paused"),
        ({"fail_when_dag_is_paused": True, "trigger_dag_id": "no"}, "There is no Dag 'no'"),
    ],
)
def test_bad_input_is_told_in_a_sentence(settings, told):
    _, port = server(paused=True)

    done = run(a_task(**settings), port)

    assert done.outcome == "failed"
    assert told in done.error
