"""What a worker runs for the server: with the context of the run, whatever has become of it."""

from datetime import datetime
from typing import Any

import pytest

from tests.unit.runtime.tasks import DAY
from tradewind import DAG, EmptyOperator, Param, SyncCallback
from tradewind.protocol.callbacks import CallbackOrder, Called, DeadlineFacts
from tradewind.protocol.orders import BundleRef, RunFacts
from tradewind.protocol.ports import bound_port
from tradewind.runtime.callbacks import run_callback
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.deadlines import BaseDeadlineReference, DeadlineAlert

SEEN: list[dict[str, Any]] = []


class Yesterday(BaseDeadlineReference):
    def evaluate(self, **facts: Any) -> Any:
        SEEN.append(facts)
        return datetime(2026, 4, 19) if facts["conf"].get("naive") else DAY  # noqa: DTZ001 - wrong


def see(context: Any) -> None:
    names = ("reason", "run_id", "ds", "params", "callback_id", "deadline", "dag_run", "ti", "task")
    SEEN.append({name: context[name] for name in names if name in context})
    SEEN[-1]["dag_id"] = context["dag"].dag_id


def call(dag: DAG, kind: str, event: str = "", conf: Any = None, **fields: Any) -> Called:
    SEEN.clear()
    run = RunFacts(
        dag_id="d",
        run_id="one",
        run_type="manual",
        run_after=DAY,
        logical_date=DAY,
        conf=conf or {},
    )
    order = CallbackOrder(
        job_id=1,
        epoch=1,
        callback_id="c1",
        kind=kind,
        event=event,
        run=run,
        bundle=BundleRef(name="b", root="/b", dags_folder="/b"),
        file="d.py",
        **fields,
    )
    port = MemoryPort()
    bound = bound_port.set(port)
    try:
        return run_callback(order, {dag.dag_id: dag}, port)
    finally:
        bound_port.reset(bound)


@pytest.fixture
def dag() -> DAG:
    alert = DeadlineAlert(
        reference=Yesterday(), interval=DAY - DAY, callback=[see, SyncCallback(see)]
    )
    with DAG("d", params={"n": Param(3, type="integer")}, deadline=alert) as made:
        EmptyOperator(task_id="t")
    made.on_failure_callback = [see]
    return made


@pytest.mark.parametrize(("conf", "params"), [({}, {"n": 3}), ({"n": "wrong"}, {"n": "wrong"})])
def test_a_dag_is_told_of_a_run_without_any_instance(dag: DAG, conf: Any, params: Any) -> None:
    assert call(dag, "dag", "failure", conf, reason="timed_out") == Called(is_done=True, done=(0,))
    (seen,) = SEEN
    assert (seen["reason"], seen["run_id"], seen["ds"]) == ("timed_out", "one", "2026-04-20")
    assert (seen["dag_id"], seen["callback_id"], seen["params"]) == ("d", "c1-0", params)
    assert "ti" not in seen
    assert "task" not in seen


def test_a_deadline_is_told_with_facts_that_are_keys_and_attributes(dag: DAG) -> None:
    facts = DeadlineFacts(id=7, name="soon", due_at=DAY)
    assert call(dag, "deadline", deadline=facts).done == (0, 1)
    assert [seen["callback_id"] for seen in SEEN] == ["c1-0", "c1-1"]
    seen = SEEN[0]
    assert seen["deadline"].deadline_time == seen["deadline"]["deadline_time"] == DAY
    assert seen["dag_run"].get("dag_id") == seen["dag_run"].dag_id == "d"


def test_an_own_reference_answers_a_moment_with_a_zone(dag: DAG) -> None:
    facts = DeadlineFacts(id=7)
    assert call(dag, "deadline_reference", deadline=facts) == Called(is_done=True, moment=DAY)
    assert (SEEN[0]["run_id"], SEEN[0]["logical_date"]) == ("one", DAY)
    wrong = call(dag, "deadline_reference", conf={"naive": True}, deadline=facts)
    assert "has no zone" in wrong.error


def test_what_is_gone_from_the_file_is_said(dag: DAG) -> None:
    assert (
        "gone from its file"
        in call(dag, "deadline", deadline=DeadlineFacts(id=1, position=3)).error
    )
    other = DAG("other")
    assert "has no Dag 'd' any more" in call(other, "dag", "failure").error
