"""The standard triggers: what each waits for, and that it is made again from what it tells."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.runtime.tasks import DAY, hosted
from tradewind.compat.finder import resolve
from tradewind.compat.standard import WAITING
from tradewind.protocol.people_questions import AnswerView, GetAnswer, TakeDefaults
from tradewind.protocol.questions import GetStates, ListRuns, RunView
from tradewind.runtime.memory import MemoryPort
from tradewind.runtime.triggering import first_event
from tradewind.sdk.clock import utcnow
from tradewind.sdk.serde import decode, encode
from tradewind.sdk.triggers.base import TaskSuccessEvent, TriggerEvent
from tradewind.sdk.triggers.external import WorkflowTrigger
from tradewind.sdk.triggers.files import (
    DirectoryFileDeleteTrigger,
    FileDeleteTrigger,
    FileTrigger,
)
from tradewind.sdk.triggers.hitl import HITLTrigger
from tradewind.sdk.triggers.temporal import DateTimeTrigger, TimeDeltaTrigger


def again(trigger: Any) -> Any:
    """Make a trigger of what it tells, as the process that runs triggers does."""
    classpath, kwargs = trigger.serialize()
    module, _, name = classpath.rpartition(".")
    return resolve(WAITING[module][name])(**decode(encode(kwargs)))


def fires(trigger: Any, meanwhile: Callable[[], None] | None = None) -> TriggerEvent:
    """Answer the first event of a trigger; do something once it has looked in vain."""

    async def wait() -> TriggerEvent:
        waiting = asyncio.ensure_future(first_event(trigger))
        if meanwhile is not None:
            done, _ = await asyncio.wait([waiting], timeout=0.02)
            assert not done
            meanwhile()
        return await asyncio.wait_for(waiting, timeout=10)

    return asyncio.run(wait())


def test_a_moment_that_has_come() -> None:
    event = fires(again(DateTimeTrigger(PAST)))
    assert (type(event), event.payload) == (TriggerEvent, PAST)


PAST = utcnow() - timedelta(hours=1)


def test_a_moment_to_come_is_waited_for() -> None:
    moment = utcnow() + timedelta(seconds=0.1)
    fires(again(DateTimeTrigger(target_time=moment.isoformat())), lambda: None)
    assert utcnow() >= moment


def test_a_span_travels_as_the_moment_of_its_end() -> None:
    trigger = again(TimeDeltaTrigger(timedelta(seconds=-1), end_from_trigger=True))
    assert type(trigger) is DateTimeTrigger
    assert isinstance(fires(trigger), TaskSuccessEvent)


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({}, "needs 'moment' or 'target_time'"),
        ({"moment": DAY, "target_time": DAY}, "not both"),
        ({"moment": "tomorrow"}, "must be a datetime, not str"),
        ({"moment": datetime(2026, 1, 1)}, "must know its time zone"),  # noqa: DTZ001 - the point
    ],
)
def test_moments_that_are_none(kwargs: dict[str, Any], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        DateTimeTrigger(**kwargs)


def test_the_moment_is_told_in_utc() -> None:
    assert DateTimeTrigger(target_time="2026-04-20T02:00:00+02:00").moment == DAY
    assert DateTimeTrigger(DAY).moment.tzinfo is UTC


def test_a_file_is_waited_for(tmp_path: Path) -> None:
    trigger = again(FileTrigger(str(tmp_path / "*.csv"), poke_interval=0.01))
    assert fires(trigger, (tmp_path / "a.csv").touch).payload is True


def test_a_file_deep_in_folders_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    trigger = again(FileTrigger(str(tmp_path / "**/a.csv"), recursive=True, poke_interval=0.01))
    assert fires(trigger, (tmp_path / "x" / "y" / "a.csv").touch).payload is True
    assert fires(FileTrigger(str(tmp_path))).payload is True


def test_a_file_is_waited_for_and_deleted(tmp_path: Path) -> None:
    trigger = again(FileDeleteTrigger(str(tmp_path / "flag"), poke_interval=0.01))
    assert fires(trigger, (tmp_path / "flag").touch).payload is True
    assert not (tmp_path / "flag").exists()


def test_a_file_of_a_folder_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"

    def arrive() -> None:
        inbox.mkdir()
        (inbox / "other").touch()
        (inbox / "flag").touch()

    trigger = again(
        DirectoryFileDeleteTrigger(directory=str(inbox), filename="flag", poke_interval=0.01)
    )
    assert fires(trigger, arrive).payload == {"filepath": str(inbox / "flag")}
    assert [path.name for path in inbox.iterdir()] == ["other"]


STATES: list[tuple[dict[str, Any], str]] = [
    ({"logical_dates": [DAY]}, "success"),
    ({"run_ids": ["r"], "allowed_states": ["running"], "failed_states": ["success"]}, "failed"),
    ({"execution_dates": [DAY], "external_task_ids": ["t"]}, "success"),
    ({"run_ids": ["r"], "external_task_group_id": "g", "skipped_states": ["success"]}, "skipped"),
]


@pytest.mark.parametrize(("kwargs", "status"), STATES)
def test_another_dag_is_waited_for(kwargs: dict[str, Any], status: str) -> None:
    state = ["running"]
    view: dict[str, Any] = {"dag_id": "o", "run_id": "r", "run_type": "manual", "run_after": DAY}
    port = MemoryPort()
    port.answers[ListRuns] = lambda _: [RunView(state=state[0], **view)]
    port.answers[GetStates] = lambda _: {"r": {"t": state[0]}}
    kwargs.setdefault("allowed_states", ["success"])
    if "running" in kwargs["allowed_states"]:
        state[0] = "queued"
    with hosted(port):
        trigger = again(WorkflowTrigger("o", poke_interval=0.01, soft_fail=True, **kwargs))
        event = fires(trigger, lambda: state.__setitem__(0, "success"))
    assert event.payload == {"status": status}
    assert trigger.soft_fail is True


ANSWER = {"chosen_options": ["a"], "responded_at": DAY}
PEOPLE: list[tuple[dict[str, Any] | None, dict[str, Any] | None, dict[str, Any]]] = [
    ({**ANSWER, "responded_by": "ada", "params_input": {"n": 7}}, None,
     {"chosen_options": ["a"], "params_input": {"n": 7}, "responded_at": DAY, "timedout": False,
      "responded_by_user": {"id": "ada", "name": "ada"}}),
    ({**ANSWER, "params_input": {"n": "x"}}, None,
     {"error": "Invalid input for param 'n': 'x' is not of type 'integer'",
      "error_type": "validation"}),
    (None, {**ANSWER, "timedout": True},
     {"chosen_options": ["a"], "params_input": {"n": 5}, "responded_at": DAY, "timedout": True,
      "responded_by_user": None}),
    (None, None,
     {"error": "Nobody answered in time, and there are no defaults", "error_type": "timeout"}),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "default", "payload"), PEOPLE)
def test_a_person_is_waited_for(
    answer: dict[str, Any] | None, default: dict[str, Any] | None, payload: dict[str, Any]
) -> None:
    port = MemoryPort()
    port.answers[GetAnswer] = lambda _: AnswerView(**answer) if answer else None
    port.answers[TakeDefaults] = lambda _: AnswerView(**default) if default else None
    field = {"value": 5, "description": None, "schema": {"type": "integer"}}
    trigger = again(
        HITLTrigger(
            ti_id=1,
            options=["a"],
            params={"n": field},
            timeout_datetime=utcnow() + timedelta(hours=1 if answer else -1),
            poke_interval=0.01,
        )
    )
    assert trigger.serialize()[1]["params"] == {"n": field}
    trigger.task_instance = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1)
    with hosted(port):
        assert fires(trigger).payload == payload
