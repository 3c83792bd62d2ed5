"""What each exception means when a task raises it, row by row, and how they are made."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.runtime.tasks import hosted, order_for, run
from tradewind import DAG, PythonOperator
from tradewind.runtime.execute import run_task
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk import exceptions as ours
from tradewind.sdk.triggers.base import BaseTrigger

LATER = datetime(2030, 1, 1, tzinfo=UTC)


class Bell(BaseTrigger):
    """A trigger that is never hosted here."""

    def serialize(self):
        return "here.Bell", {}

    async def run(self):
        yield None


class Odd(BaseException):
    """None of Python's families."""


ROWS = [
    # what is raised, how the leg ends, whether another try may follow, the callback called
    (ours.AirflowException("no"), "failed", True, "retry"),
    (ValueError("no"), "failed", True, "retry"),
    (Odd("no"), "failed", True, "retry"),
    (MemoryError(), "failed", True, "retry"),
    (RecursionError(), "failed", True, "retry"),
    (GeneratorExit(), "failed", True, "retry"),
    (StopIteration(), "failed", True, "retry"),
    (KeyboardInterrupt(), "failed", True, "retry"),
    (SystemExit(), "failed", True, "retry"),
    (SystemExit(0), "failed", True, "retry"),
    (SystemExit(1), "failed", True, "retry"),
    (SystemExit("bye"), "failed", True, "retry"),
    (ours.AirflowNotFoundException("no connection"), "failed", True, "retry"),
    (ours.XComNotFound("d", "t", "k"), "failed", True, "retry"),
    (ours.XComForMappingNotPushed("no"), "failed", True, "retry"),
    (ours.UnmappableXComTypePushed("no"), "failed", True, "retry"),
    (ours.UnmappableXComLengthPushed("no"), "failed", True, "retry"),
    (ours.ParamValidationError("no"), "failed", True, "retry"),
    (ours.TaskDeferralError("no"), "failed", True, "retry"),
    (ours.TaskDeferralTimeout("no"), "failed", True, "retry"),
    (ours.AirflowTaskTimeout("slow"), "failed", True, "retry"),
    (ours.AirflowInternalRuntimeError("no"), "failed", True, "retry"),
    (ours.AirflowFailException("never"), "failed", False, "failure"),
    (ours.AirflowSensorTimeout("late"), "failed", False, "failure"),
    (ours.AirflowInactiveAssetInInletOrOutletException(["a"]), "failed", False, "failure"),
    (ours.AirflowTaskTerminated("ended"), "killed", True, ""),
    (ours.AirflowSkipException("none"), "skipped", True, "skipped"),
    (ours.AirflowRescheduleException(LATER), "rescheduled", True, ""),
    (ours.DownstreamTasksSkipped(tasks=["b"]), "success", True, "success"),
    (ours.TaskDeferred(trigger=Bell(), method_name="go_on"), "deferred", True, ""),
]


@pytest.mark.parametrize(
    ("error", "outcome", "again", "callback"), ROWS, ids=lambda v: type(v).__name__
)
def test_what_is_raised_decides_how_the_try_ends(error, outcome, again, callback):
    called = []

    def function():
        raise error

    hooks: dict[str, Any] = {
        f"on_{name}_callback": lambda _, name=name: called.append(name)
        for name in ("success", "failure", "retry", "skipped")
    }
    with DAG("raising") as dag:
        one = PythonOperator(task_id="one", python_callable=function, retries=1, **hooks)
    order, port = order_for(one, max_tries=1), MemoryPort()
    with hosted(port):
        done = run_task(order, {dag.dag_id: dag}, port, heeds_ctrl_c=False)

    assert (done.outcome, done.retry) == (outcome, again)
    assert called == [callback] * bool(callback)
    if outcome in ("failed", "killed"):
        assert done.error.startswith(type(error).__name__)


def test_ctrl_c_of_a_person_stops_all_and_cleans_up():
    killed = []

    class Long(PythonOperator):
        def on_kill(self):
            killed.append(self.task_id)

    def function():
        raise KeyboardInterrupt

    with DAG("interrupted"), pytest.raises(KeyboardInterrupt):
        run(Long(task_id="one", python_callable=function))

    assert killed == ["one"]


def test_a_callback_that_exits_changes_nothing(caplog):
    def leave(context):
        raise SystemExit(3)

    with DAG("exiting"):
        one = PythonOperator(task_id="one", python_callable=list, on_success_callback=leave)

    assert run(one).outcome == "success"
    assert "on_success_callback failed" in caplog.text


def test_a_reschedule_says_when():
    def function():
        raise ours.AirflowRescheduleException(LATER + timedelta(seconds=1))

    with DAG("waiting"):
        done = run(PythonOperator(task_id="one", python_callable=function))

    assert done.wake_at == LATER.timestamp() + 1


FAMILIES = [
    (ours.AirflowTaskTimeout, BaseException, Exception),
    (ours.AirflowTaskTerminated, BaseException, Exception),
    (ours.TaskDeferred, BaseException, Exception),
    (ours.TaskAwaitingInput, BaseException, Exception),
    (ours.XComForMappingNotPushed, TypeError, ValueError),
    (ours.UnmappableXComTypePushed, TypeError, ValueError),
    (ours.TaskItemNotFound, KeyError, ValueError),
    (ours.TaskNotFound, ours.AirflowException, KeyError),
    (ours.DagRunAlreadyExists, ours.AirflowException, KeyError),
]


@pytest.mark.parametrize(("kind", "is_a", "is_none"), FAMILIES)
def test_who_catches_what(kind, is_a, is_none):
    assert issubclass(kind, is_a)
    assert not issubclass(kind, is_none)


STATUS = [
    (ours.AirflowException, 500),
    (ours.AirflowBadRequest, 400),
    (ours.AirflowNotFoundException, 404),
    (ours.DagNotFound, 404),
    (ours.DagRunAlreadyExists, 409),
]


@pytest.mark.parametrize(("kind", "status"), STATUS)
def test_what_http_would_call_it(kind, status):
    assert kind.status_code == status


def test_an_error_of_the_host_tells_its_type():
    class Told:
        error = ours.ErrorType.VARIABLE_NOT_FOUND
        detail = "x"

    assert str(ours.AirflowRuntimeError(Told())) == "VARIABLE_NOT_FOUND: x"
