"""Sensors: how they look, wait, give up, and go on after a deferral."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.runtime.tasks import DAY, returned, run
from tradewind import DAG
from tradewind.protocol.leaving import Resume
from tradewind.sdk.clock import utcnow
from tradewind.sdk.exceptions import AirflowException, AirflowFailException
from tradewind.sdk.sensor import (
    BaseSensorOperator,
    PokeReturnValue,
    backoff_base,
    poke_mode_only,
)
from tradewind.sdk.serde import encode


class Looks(BaseSensorOperator):
    """Answers one thing after another."""

    def __init__(self, *, answers: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.answers = iter(answers)

    def poke(self, context: Any) -> Any:
        answer = next(self.answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def execute_complete(self, context: Any, event: Any) -> Any:
        if event == "bad":
            raise AirflowException("it is bad")
        return event


def sensor(*answers: Any, **kwargs: Any) -> Looks:
    with DAG("d"):
        return Looks(task_id="t", answers=answers, **{"poke_interval": 0} | kwargs)


def test_it_looks_until_it_is_there() -> None:
    done = run(sensor(False, False, PokeReturnValue(True, "here")))
    assert (done.outcome, returned(done)) == ("success", "here")


def test_it_gives_its_place_back_between_two_looks() -> None:
    task = sensor(False, mode="reschedule", poke_interval=300)
    done = run(task, first_started_at=utcnow())
    assert done.outcome == "rescheduled"
    assert done.wake_at is not None
    assert 290 < done.wake_at - utcnow().timestamp() <= 300


def test_the_time_counts_from_its_first_look_over_all_legs() -> None:
    long_ago = utcnow() - timedelta(hours=2)
    task = sensor(False, mode="reschedule", timeout=3600)
    done = run(task, first_started_at=long_ago, leg=3, reschedules=2, max_tries=3)
    assert (done.outcome, done.retry) == ("failed", False)
    assert "7200 s, longer than its timeout of 3600 s" in done.error


@pytest.mark.parametrize(
    ("raised", "options", "outcome"),
    [
        (AirflowFailException("no"), {}, "failed"),
        (AirflowFailException("no"), {"soft_fail": True}, "skipped"),
        (AirflowFailException("no"), {"never_fail": True}, "skipped"),
        (ValueError("odd"), {}, "failed"),
        (ValueError("odd"), {"soft_fail": True}, "failed"),
        (ValueError("odd"), {"never_fail": True}, "skipped"),
        (ValueError("odd"), {"silent_fail": True}, "success"),
    ],
)
def test_what_poke_raises(raised: Exception, options: dict[str, Any], outcome: str) -> None:
    assert run(sensor(raised, True, **options)).outcome == outcome


@pytest.mark.parametrize(("options", "outcome"), [({}, "failed"), ({"soft_fail": True}, "skipped")])
def test_a_time_that_is_over(options: dict[str, Any], outcome: str) -> None:
    task = sensor(False, mode="reschedule", timeout=1, **options)
    assert run(task, first_started_at=datetime(2026, 1, 1, tzinfo=UTC)).outcome == outcome


def test_pauses_grow_and_are_the_same_each_time() -> None:
    task = sensor(exponential_backoff=True, poke_interval=60, max_wait=200)
    pauses = [task._pause("seed", 0, number) for number in range(1, 6)]
    assert pauses == [task._pause("seed", 0, number) for number in range(1, 6)]
    for number, pause in enumerate(pauses, start=1):
        base = backoff_base(60, number)
        assert min(base, 200) <= pause < min(base * 2, 201)
    assert backoff_base(60, 5000) == 365 * 24 * 3600


@pytest.mark.parametrize(
    ("failure", "options", "outcome", "says"),
    [
        ("timeout", {}, "failed", "AirflowSensorTimeout"),
        ("timeout", {"soft_fail": True}, "skipped", ""),
        ("failure", {}, "failed", "TaskDeferralError"),
        ("failure", {"soft_fail": True}, "failed", "TaskDeferralError"),
        ("failure", {"never_fail": True}, "skipped", ""),
    ],
)
def test_a_deferred_one_that_waited_in_vain(
    failure: str, options: dict[str, Any], outcome: str, says: str
) -> None:
    resume = Resume(method="execute_complete", failure=failure)
    done = run(sensor(**options), leg=2, resume=resume, max_tries=2)
    assert done.outcome == outcome
    assert says in done.error
    if failure == "timeout":
        assert not done.retry or outcome == "skipped"


def test_a_deferred_one_goes_on_with_its_event() -> None:
    resume = Resume(method="execute_complete", event=encode({"day": DAY}))
    done = run(sensor(), leg=2, resume=resume)
    assert returned(done) == {"day": DAY}


def test_arguments_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        sensor(soft_fail=True, never_fail=True)
    with pytest.raises(ValueError, match="'poke' or 'reschedule'"):
        sensor(mode="sleep")
    with pytest.raises(ValueError, match="poke_interval must not be negative"):
        sensor(poke_interval=-1)


def test_a_class_may_allow_no_other_mode_than_poke() -> None:
    @poke_mode_only
    class Careful(Looks):
        pass

    with DAG("d"):
        assert Careful(task_id="a", answers=[]).mode == "poke"
        with pytest.raises(ValueError, match="only works in mode 'poke'"):
            Careful(task_id="b", answers=[], mode="reschedule")
