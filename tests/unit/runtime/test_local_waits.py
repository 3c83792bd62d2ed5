"""Deferral, reschedules and questions in a run of this process."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from tests.unit.runtime.tasks import order_for, returned
from tradewind import DAG, BaseOperator, BaseSensorOperator
from tradewind.protocol.child import Done
from tradewind.protocol.clock import SystemClock
from tradewind.protocol.leaving import InputRequest
from tradewind.protocol.orders import TaskOrder
from tradewind.runtime.execute import run_task
from tradewind.runtime.local_record import LocalRun
from tradewind.runtime.local_waits import _choose, run_legs
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.asking import ask_person
from tradewind.sdk.triggers.base import (
    BaseTrigger,
    StartTriggerArgs,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
)


class Says(BaseTrigger):
    """Says what it was made with."""

    cleaned: ClassVar[list[Any]] = []

    def __init__(self, what: Any = None) -> None:
        super().__init__()
        self.what = what

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Says", {"what": self.what}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(0)
        if self.what == "fail":
            raise ValueError("no word")
        if self.what == "hang":
            await asyncio.sleep(60)
        if self.what == "push":
            yield TaskSuccessEvent(xcoms={"return_value": 5})
        elif self.what == "skip":
            yield TaskSkippedEvent()
        elif self.what != "nothing":
            yield TriggerEvent({"what": self.what, "of": self.task_instance.task_id})

    async def cleanup(self) -> None:
        self.cleaned.append(self.what)


class Waits(BaseOperator):
    """Defers once."""

    def __init__(self, *, what: Any, timeout: timedelta | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.what = what
        self.timeout = timeout

    def execute(self, context: Any) -> Any:
        context["ti"].xcom_push("before", 1)
        self.defer(
            trigger=Says(self.what), method_name="go_on", kwargs={"more": 2}, timeout=self.timeout
        )

    def go_on(self, context: Any, event: Any, more: int) -> Any:
        return [event, more, context["ti"].xcom_pull(key="before"), context["ti"].try_number]


def run_one(make: Any, **kwargs: Any) -> LocalRun:
    with DAG("d") as dag:
        make(task_id="t", **kwargs)
    return dag.test()


def test_a_deferred_task_goes_on_with_its_event() -> None:
    Says.cleaned.clear()
    task = run_one(Waits, what=[1]).get_task_instance("t")
    assert task is not None
    assert task.xcom_pull() == [{"what": [1], "of": "t"}, 2, 1, 1]
    assert Says.cleaned == [[1]]


@pytest.mark.parametrize(
    ("options", "state", "says"),
    [
        ({"what": "push"}, "success", ""),
        ({"what": "skip"}, "skipped", ""),
        ({"what": "fail"}, "failed", "TaskDeferralError: Trigger failure"),
        ({"what": "nothing"}, "failed", "TaskDeferralError"),
        ({"what": "hang", "timeout": timedelta(0)}, "failed", "TaskDeferralTimeout"),
        (
            {"what": "hang", "execution_timeout": timedelta(seconds=0.1)},
            "failed",
            "AirflowTaskTimeout",
        ),
        ({"what": object()}, "failed", "cannot be kept"),
    ],
)
def test_how_waits_end(options: dict[str, Any], state: str, says: str) -> None:
    task = run_one(Waits, **options).get_task_instance("t")
    assert task is not None
    assert task.state == state
    assert says in task.error
    assert task.xcom_pull() == (5 if options["what"] == "push" else None)


class Begins(BaseOperator):
    """Begins with its trigger."""

    start_from_trigger = True

    def __init__(self, *, what: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=f"{__name__}.Says", trigger_kwargs={"what": what}, next_method="go_on"
        )

    def go_on(self, context: Any, event: Any) -> Any:
        return event["what"]


def test_a_task_may_begin_with_its_trigger_also_when_it_is_mapped() -> None:
    with DAG("d") as dag:
        Begins(task_id="one", what=7)
        Begins.partial(task_id="many").expand(what=[1, 2])
    run = dag.test()
    found = [run.get_task_instance("one"), *(run.get_task_instance("many", i) for i in (0, 1))]
    assert [task.xcom_pull() for task in found if task is not None] == [7, 1, 2]


class Never(BaseSensorOperator):
    """Looks in vain."""

    def poke(self, context: Any) -> bool:
        return False


def test_pauses_that_are_not_waited_for_count_for_a_sensor() -> None:
    task = run_one(Never, mode="reschedule", timeout=600, poke_interval=300).get_task_instance("t")
    assert task is not None
    assert task.state == "failed"
    assert "AirflowSensorTimeout" in task.error


class Asks(BaseOperator):
    """Asks whether to go on."""

    def __init__(self, *, defaults: list[str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.defaults = defaults

    def execute(self, context: Any) -> Any:
        ask_person(subject="Go on?", options=["yes", "no"], defaults=self.defaults)

    def execute_complete(self, context: Any, event: Any) -> Any:
        return event["chosen_options"]


def test_where_nobody_can_be_asked_the_defaults_are_taken() -> None:
    task = run_one(Asks, defaults=["no"]).get_task_instance("t")
    assert task is not None
    assert task.xcom_pull() == ["no"]
    task = run_one(Asks).get_task_instance("t")
    assert task is not None
    assert "Nobody answered in time" in task.error


def test_a_person_chooses_by_name_or_number() -> None:
    request = InputRequest(subject="Which?", options=("a", "b", "c"), multiple=True)
    typed = iter(["z", "", "3, a"])
    assert _choose(request, lambda _: next(typed)) == ("c", "a")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"options": []}, "at least one option"),
        ({"options": ["a", "a"]}, "must differ"),
        ({"options": ["a"], "defaults": ["b"]}, "b is none"),
        ({"options": ["a", "b"], "defaults": ["a", "b"]}, "multiple=True"),
    ],
)
def test_questions_that_make_no_sense(options: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ask_person(subject="?", **options)


def test_one_task_by_itself_waits_too() -> None:
    clock, port = SystemClock(), MemoryPort()
    with DAG("d") as dag:
        begins, waits = Begins(task_id="b", what="push"), Waits(task_id="w", what="x")

    def run_leg(order: TaskOrder) -> Done:
        return run_task(order, {"d": dag}, port, clock)

    assert returned(run_legs(order_for(begins), port, clock, run_leg)) == 5
    assert returned(run_legs(order_for(waits), port, clock, run_leg))[1] == 2
