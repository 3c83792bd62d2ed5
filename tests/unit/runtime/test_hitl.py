"""Operators that ask people: what they ask, what they make of the answer, what they refuse."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tests.unit.runtime.tasks import DAY, returned, run
from tradewind import DAG, BaseNotifier, BaseOperator, EmptyOperator, Param, TaskGroup
from tradewind.compat.finder import resolve
from tradewind.compat.standard import WAITING
from tradewind.protocol.child import Done
from tradewind.protocol.leaving import InputRequest, Resume
from tradewind.runtime.serialize import serialize_dag
from tradewind.sdk.asking import HITLUser, upsert_hitl_detail
from tradewind.sdk.clock import utcnow
from tradewind.sdk.exceptions import TaskAwaitingInput
from tradewind.sdk.operators.hitl import (
    ApprovalOperator,
    HITLBranchOperator,
    HITLEntryOperator,
    HITLOperator,
)
from tradewind.sdk.serde import decode
from tradewind.sdk.triggers.hitl import HITLTrigger

NAMES = WAITING["airflow.providers.standard.operators.hitl"]
FORM = {"limit": Param(5, type="integer", minimum=1), "note": Param("", type="string")}


def made(name: str, **kwargs: Any) -> Any:
    with DAG("d", params={"of_dag": 1}):
        task = resolve(NAMES[name])(task_id="t", **{"subject": "Which?"} | kwargs)
        with TaskGroup("g"):
            below = EmptyOperator(task_id="inner")
        task >> [EmptyOperator(task_id="a"), EmptyOperator(task_id="b"), below]
        task.dag.get_task("a") >> EmptyOperator(task_id="z", trigger_rule="all_done")
    return task


def asked(task: Any, **facts: Any) -> InputRequest:
    """Run the first leg; answer what it asks."""
    done = run(task, **facts)
    assert done.outcome == "awaiting_input", done.error
    assert done.input_request is not None
    return done.input_request


def answered(
    task: Any, *chosen: str, user: str | None = "ada", params: Any = None, timedout: bool = False
) -> Done:
    """Run the leg that goes on with an answer."""
    event = {
        "chosen_options": chosen,
        "params_input": params or {},
        "responded_by_user": None if user is None else {"id": user, "name": user},
        "responded_at": DAY.isoformat(),
        "timedout": timedout,
    }
    resume = Resume(method="execute_complete", event=msgspec.json.encode(event), is_answer=True)
    return run(task, leg=2, resume=resume, max_tries=3)


DEFAULTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("HITLOperator", {"options": ["a"]},
     {"body": None, "defaults": None, "multiple": False, "params": {}, "notifiers": [],
      "assigned_users": [], "response_timeout": None}),
    ("ApprovalOperator", {},
     {"options": ["Approve", "Reject"], "multiple": False, "fail_on_reject": False,
      "ignore_downstream_trigger_rules": False}),
    ("HITLBranchOperator", {"options": ["a"]}, {"options_mapping": {}}),
    ("HITLEntryOperator", {}, {"options": ["OK"], "defaults": ["OK"]}),
    ("HITLEntryOperator", {"options": ["Send"]}, {"options": ["Send"], "defaults": None}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kwargs", "expected"), DEFAULTS)
def test_defaults(name: str, kwargs: dict[str, Any], expected: dict[str, Any]) -> None:
    task = made(name, **kwargs)
    assert {key: getattr(task, key) for key in expected} == expected


def test_what_is_asked() -> None:
    task = made(
        "HITLOperator",
        subject="Release {{ ds }}?",
        body="**{{ dag.dag_id }}**",
        options=["yes", "no"],
        defaults="no",
        multiple=True,
        params=FORM,
        assigned_users=[{"id": "1", "name": "ada"}, "bob"],
        response_timeout=timedelta(hours=1),
    )
    request = asked(task)
    assert (request.subject, request.body) == ("Release 2026-04-20?", "**d**")
    assert (request.options, request.defaults, request.multiple) == (("yes", "no"), ("no",), True)
    assert request.assigned_users == ("ada", "bob")
    assert request.params["limit"] == {
        "value": 5,
        "description": None,
        "schema": {"type": "integer", "minimum": 1},
    }
    assert list(request.params) == ["limit", "note"]
    assert request.timeout_at is not None
    assert 3500 < (request.timeout_at - utcnow()).total_seconds() <= 3600


def test_an_execution_timeout_is_taken_for_the_time_to_answer() -> None:
    task = made("HITLOperator", options=["a"], execution_timeout=timedelta(minutes=5))
    assert (task.execution_timeout, task.response_timeout) == (None, timedelta(minutes=5))
    assert "response_timeout" in task.warnings[0]


def test_whoever_is_to_be_told_is_told_when_it_asks() -> None:
    told: list[str] = []

    class Tell(BaseNotifier):
        template_fields = ("words",)

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

        def notify(self, context: Any) -> None:
            link = HITLOperator.generate_link_to_ui_from_context(
                context=context, base_url="https://flows.example/x", options=["a"]
            )
            told.append(f"{self.words} {link}")

    task = made("HITLOperator", options=["a"], notifiers=Tell("{{ task.subject }}"))
    asked(task)
    assert told == [
        "Which? https://flows.example/x/dags/d/runs/manual__2026-04-20T00%3A00%3A00%2B00%3A00"
        "/tasks/t/required_actions?_options=a&map_index=-1"
    ]


def test_the_answer_is_its_output() -> None:
    done = answered(made("HITLOperator", options=["a", "b"]), "b")
    assert returned(done) == {
        "chosen_options": ["b"],
        "params_input": {},
        "responded_at": DAY,
        "responded_by_user": {"id": "ada", "name": "ada"},
    }
    assert isinstance(returned(done)["responded_at"], datetime)


def test_where_nobody_answered_the_defaults_are_its_output() -> None:
    task = made("HITLOperator", options=["a"], params=FORM)
    done = answered(task, "a", user=None, timedout=True)
    assert returned(done)["params_input"] == {"limit": 5, "note": ""}


@pytest.mark.parametrize(
    ("chosen", "params", "says"),
    [
        ("a", {"limit": 7, "note": "x"}, ""),
        ("a", {"limit": 0, "note": "x"}, "Invalid input for param 'limit'"),
        ("a", {"limit": 7}, "the answer differs in note"),
        ("a", {"limit": 7, "note": "", "z": 1}, "the answer differs in z"),
        ("q", {"limit": 7, "note": ""}, "q is no option of task 't'; there are a"),
    ],
)
def test_an_answer_is_checked(chosen: str, params: dict[str, Any], says: str) -> None:
    done = answered(made("HITLOperator", options=["a"], params=FORM), chosen, params=params)
    assert says in done.error
    assert (done.outcome == "success") is (says == "")


def test_a_field_may_have_no_value_until_somebody_fills_it_in() -> None:
    form = {"name": Param(type="string", minLength=1)}
    task = made("HITLEntryOperator", params=form, subject="{{ params }}")
    assert asked(task).params["name"]["value"] is None
    assert asked(task).subject == "{'of_dag': 1}"
    done = answered(task, "OK", params={"name": "Lovelace"})
    assert returned(done)["params_input"] == {"name": "Lovelace"}
    late = answered(task, "OK", user=None, timedout=True)
    assert "Invalid input for param 'name'" in late.error


APPROVALS: list[tuple[dict[str, Any], str, str, set[str]]] = [
    ({}, "Approve", "success", set()),
    ({}, "Reject", "success", {"a", "b", "g.inner"}),
    ({"ignore_downstream_trigger_rules": True}, "Reject", "success", {"a", "b", "g.inner", "z"}),
    ({"fail_on_reject": True}, "Reject", "failed", set()),
    ({"fail_on_reject": True}, "Approve", "success", set()),
]


@pytest.mark.parametrize(("kwargs", "choice", "outcome", "skips"), APPROVALS)
def test_approvals(kwargs: dict[str, Any], choice: str, outcome: str, skips: set[str]) -> None:
    done = answered(made("ApprovalOperator", **kwargs), choice)
    assert (done.outcome, set(done.skips)) == (outcome, skips)
    if outcome == "failed":
        assert "'Which?' was rejected by ada" in done.error
        assert done.retry is False


BRANCHES: list[tuple[dict[str, Any], tuple[str, ...], set[str]]] = [
    ({"options": ["a", "b"]}, ("a",), {"b", "g.inner"}),
    ({"options": ["a", "b"], "multiple": True}, ("a", "b"), {"g.inner"}),
    ({"options": ["Left"], "options_mapping": {"Left": "a"}}, ("Left",), {"b", "g.inner"}),
    ({"options": ["Group", "b"], "options_mapping": {"Group": "g"}}, ("Group",), {"a", "b"}),
]


@pytest.mark.parametrize(("kwargs", "chosen", "skips"), BRANCHES)
def test_branches(kwargs: dict[str, Any], chosen: tuple[str, ...], skips: set[str]) -> None:
    done = answered(made("HITLBranchOperator", **kwargs), *chosen)
    assert (done.outcome, set(done.skips)) == ("success", skips)


def test_a_way_that_is_not_there_is_told() -> None:
    done = answered(made("HITLBranchOperator", options=["nowhere"]), "nowhere")
    assert "'nowhere'" in done.error


@pytest.mark.parametrize(
    ("name", "kwargs", "says"),
    [
        ("HITLOperator", {"options": []}, "at least one option"),
        ("HITLOperator", {"options": ["a", "a"]}, "must differ"),
        ("HITLOperator", {"options": ["a"], "defaults": "b"}, "b is none"),
        ("HITLOperator", {"options": ["a", "b"], "defaults": ["a", "b"]}, "multiple=True"),
        ("HITLOperator", {"options": ["a"], "params": {"_options": 1}}, "'_options'"),
        ("ApprovalOperator", {"options": ["a"]}, "takes no 'options'"),
        ("ApprovalOperator", {"multiple": True}, "takes no 'multiple'"),
        ("HITLBranchOperator", {"options": ["a"], "options_mapping": {"b": "x"}}, "b is no option"),
        ("HITLBranchOperator", {"options": ["a"], "options_mapping": {"a": 1}}, "for a task id"),
        ("HITLOperator", {"options": ["a"], "question": "?"}, "question"),
    ],
)
def test_questions_that_make_no_sense(name: str, kwargs: dict[str, Any], says: str) -> None:
    with pytest.raises(Exception, match=says):
        made(name, **kwargs)


@pytest.mark.parametrize(
    ("error_type", "says"),
    [("timeout", "HITLTimeoutError"), ("unknown", "HITLTriggerEventError")],
)
def test_what_a_trigger_says_went_wrong(error_type: str, says: str) -> None:
    task = made("HITLOperator", options=["a"])
    with pytest.raises(Exception, match="no answer") as raised:
        task.execute_complete({}, {"error": "no answer", "error_type": error_type})
    assert type(raised.value).__name__ == says
    assert task.hitl_summary["error_type"] == error_type


def test_links_are_made_of_what_there_is() -> None:
    task = made("HITLOperator", options=["a", "b"], params=FORM)
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=3)
    link = task.generate_link_to_ui(
        task_instance=ti, base_url="http://x", options="b", params_input={"limit": 2}
    )
    assert link.endswith("?_options=b&limit=2&map_index=3")
    with pytest.raises(ValueError, match="c is no option"):
        task.generate_link_to_ui(task_instance=ti, base_url="http://x", options="c")
    with pytest.raises(ValueError, match="has no field z"):
        task.generate_link_to_ui(task_instance=ti, base_url="http://x", params_input={"z": 1})


def test_a_whole_run_with_a_default_answer() -> None:
    with DAG("d") as dag:
        ask = HITLEntryOperator(task_id="form", subject="Limit?", params={"limit": 3})
        choose = HITLBranchOperator(
            task_id="way", subject="Which?", options=["left", "right"], defaults="left"
        )
        ok = ApprovalOperator(task_id="ok", subject="{{ ti.xcom_pull('form') }}", defaults="Reject")
        ask >> choose >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
        dag.get_task("left") >> ok >> EmptyOperator(task_id="end")
    ran = dag.test()
    states = {one.task_id: str(one.state) for one in ran.get_task_instances()}
    assert states == {
        "form": "success",
        "way": "success",
        "left": "success",
        "right": "skipped",
        "ok": "success",
        "end": "skipped",
    }
    assert serialize_dag(dag, "d.py").tasks


class Older(BaseOperator):
    """Writes its question down, then waits: as provider packages do it."""

    def __init__(self, *, at_trigger: bool = False, ask: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.at_trigger = at_trigger
        self.ask = ask

    def execute(self, context: Any) -> Any:
        if self.ask:
            upsert_hitl_detail(
                ti_id=context["ti"].id,
                subject="Go on?",
                options=["a"],
                assigned_users=[HITLUser(id="1", name="ada")],
            )
        if self.at_trigger:
            trigger = HITLTrigger(ti_id=1, options=["a"], params={}, timeout_datetime=None)
            self.defer(trigger=trigger, method_name="go_on")
        raise TaskAwaitingInput(method_name="go_on", kwargs={"x": 1}, timeout=60)


def older(**kwargs: Any) -> Done:
    with DAG("d"):
        return run(Older(task_id="t", **kwargs))


def test_a_question_may_be_written_down_first() -> None:
    request = older().input_request
    assert request is not None
    assert (request.subject, request.assigned_users) == ("Go on?", ("ada",))
    assert (request.method_name, decode(request.method_kwargs)) == ("go_on", {"x": 1})
    assert request.timeout_at is not None
    assert "it was told nothing" in older(ask=False).error


def test_a_question_written_down_before_a_deferral_is_answered_at_the_trigger() -> None:
    done = older(at_trigger=True)
    assert done.outcome == "deferred"
    assert done.deferral is not None
    assert done.deferral.classpath.endswith(".HITLTrigger")
    assert done.input_request is not None
    assert done.input_request.method_name == ""
    assert older(at_trigger=True, ask=False).input_request is None
