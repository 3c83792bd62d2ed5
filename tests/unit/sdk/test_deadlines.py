"""Deadlines as authors write them: what they take, what they become, what they call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tradewind import (
    DAG,
    AsyncCallback,
    BaseDeadlineReference,
    BaseNotifier,
    BashOperator,
    DeadlineAlert,
    DeadlineReference,
    EmptyOperator,
    SyncCallback,
    TaskGroup,
    VariableInterval,
    deadline_reference,
)
from tradewind.core import deadlines as core
from tradewind.runtime.serialize import serialize_dag
from tradewind.sdk.deadlines import FAIL_RUN
from tradewind.sdk.exceptions import UnsupportedArgument

HOUR = timedelta(hours=1)
SEEN: list[Any] = []


def alert(reference: Any = DeadlineReference.DAGRUN_QUEUED_AT, **fields: Any) -> DeadlineAlert:
    return DeadlineAlert(reference=reference, interval=fields.pop("interval", HOUR), **fields)


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    SEEN.clear()


def see(context: Any, word: str = "") -> None:
    SEEN.append((context, word))


async def see_later(**kwargs: Any) -> None:
    SEEN.append((kwargs["context"], kwargs["word"]))


def without_context(word: str) -> None:
    SEEN.append((None, word))


class Note(BaseNotifier):
    template_fields = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def notify(self, context: Any) -> None:
        SEEN.append((None, self.text))


def test_a_dag_its_tasks_and_groups_carry_theirs_as_data() -> None:
    with DAG("d", deadline=[alert(callback=see, name="soon"), alert(callback=[FAIL_RUN])]) as dag:
        EmptyOperator(task_id="t", deadline=alert(DeadlineReference.TASK_STARTED_AT))
        with TaskGroup("g", deadline=alert(interval=VariableInterval("span"))):
            BashOperator.partial(task_id="m", deadline=alert()).expand(bash_command=["a"])
    spec = serialize_dag(dag, "dags/d.py")
    first, second = spec.deadlines
    assert (first.name, first.interval_seconds, first.has_callback) == ("soon", 3600.0, True)
    assert (second.fails_run, second.has_callback) == (True, False)
    assert spec.task("t").deadlines[0].reference == core.Started()
    assert spec.task("g.m").deadlines[0].reference == core.QueuedAt()
    assert spec.groups["g"].deadlines[0].interval_variable == "span"


def test_a_dag_has_no_moment_of_a_task() -> None:
    with DAG("d", deadline=alert(DeadlineReference.TASK_STARTED_AT)) as dag:
        EmptyOperator(task_id="t")
    with pytest.raises(UnsupportedArgument, match="only tasks and task groups"):
        serialize_dag(dag, "dags/d.py")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (DeadlineReference.DAGRUN_LOGICAL_DATE, core.LogicalDate()),
        (
            DeadlineReference.FIXED_DATETIME(datetime(2026, 5, 1)),  # noqa: DTZ001 - as written
            core.FixedAt(at=datetime(2026, 5, 1, tzinfo=UTC)),
        ),
        (DeadlineReference.AVERAGE_RUNTIME(), core.AverageRuntime(max_runs=10, min_runs=10)),
        (DeadlineReference.AVERAGE_RUNTIME(5, 2), core.AverageRuntime(max_runs=5, min_runs=2)),
    ],
)
def test_references_become_data(reference: BaseDeadlineReference, expected: core.Reference) -> None:
    assert reference.to_core() == expected


def test_a_reference_of_ones_own_is_registered_by_name() -> None:
    @deadline_reference(DeadlineReference.TYPES.DAGRUN_QUEUED)
    class Payday(BaseDeadlineReference):
        def _evaluate_with(self, *, session: Any = None, **facts: Any) -> datetime:
            return datetime(2026, 5, 29, tzinfo=UTC)

    @deadline_reference()
    class Launch(Payday):
        pass

    try:
        there: Any = DeadlineReference
        assert there.Payday().to_core() == core.Custom(name="Payday", when="queued")
        assert there.Launch().to_core() == core.Custom(name="Launch", when="created")
        assert there.Payday().evaluate(dag_id="d", run_id="r").day == 29
    finally:
        del there.Payday, there.Launch
    with pytest.raises(NotImplementedError, match="does not say from when"):
        BaseDeadlineReference().evaluate()


@pytest.mark.parametrize(
    ("callback", "expected"),
    [
        (SyncCallback(see, {"word": "a"}), ({"x": 1}, "a")),
        (AsyncCallback(see_later, {"word": "b"}), ({"x": 1}, "b")),
        (SyncCallback(without_context, {"word": "c"}, executor="any"), (None, "c")),
        (SyncCallback(f"{__name__}.see"), ({"x": 1}, "")),
        (AsyncCallback(Note, {"text": "{{ x }}"}), (None, "1")),
        (AsyncCallback(f"{__name__}.Note", {"text": "d"}), (None, "d")),
    ],
)
def test_whatever_can_be_called_is(callback: Any, expected: Any) -> None:
    callback({"x": 1})
    assert expected == SEEN[0]


def test_what_is_no_deadline_is_refused() -> None:
    with pytest.raises(TypeError, match="takes DeadlineAlerts, not 'soon'"):
        DAG("d", deadline="soon")
    with pytest.raises(TypeError, match="counts from a DeadlineReference"):
        alert("yesterday")
    with pytest.raises(TypeError, match="is a timedelta, not 60"):
        alert(interval=60)
    with pytest.raises(TypeError, match="something that can be called"):
        alert(callback="print")
    with pytest.raises(ValueError, match="'context' is given"):
        SyncCallback(see, {"context": {}})
    with pytest.raises(ValueError, match="1 <= min_runs"):
        DeadlineReference.AVERAGE_RUNTIME(2, 3)
