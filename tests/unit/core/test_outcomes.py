"""What follows a leg: next state, tries, delays."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from tradewind.core.outcomes import LONGEST_DELAY, after_leg, retry_delay
from tradewind.core.spec import RetrySpec
from tradewind.core.states import TASK_MOVES, LegState, TaskState

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DATE = datetime(2026, 4, 20, tzinfo=UTC)
WAIT = timedelta(minutes=5)


def after(outcome: LegState, try_number: int = 1, max_tries: int = 0, **more: object) -> object:
    follows = after_leg(
        outcome,
        try_number=try_number,
        max_tries=max_tries,
        delay=WAIT,
        now=NOW,
        **more,  # type: ignore[arg-type]
    )
    return None if follows is None else (follows.state, follows.wake_at)


@pytest.mark.parametrize("outcome", [LegState.FAILED, LegState.LOST, LegState.KILLED])
def test_a_failed_try_is_given_again_while_tries_are_left(outcome: LegState) -> None:
    retry = (TaskState.UP_FOR_RETRY, NOW + WAIT)
    assert after(outcome, 1, 2) == retry
    assert after(outcome, 2, 2) == retry
    assert after(outcome, 3, 2) == (TaskState.FAILED, None)
    assert after(outcome, 1, 0) == (TaskState.FAILED, None)
    assert after(outcome, 1, 2, retry_allowed=False) == (TaskState.FAILED, None)


@pytest.mark.parametrize(
    ("outcome", "follows"),
    [
        (LegState.SUCCESS, (TaskState.SUCCESS, None)),
        (LegState.SKIPPED, (TaskState.SKIPPED, None)),
        (LegState.DEFERRED, (TaskState.DEFERRED, None)),
        (LegState.AWAITING_INPUT, (TaskState.AWAITING_INPUT, None)),
        (LegState.RETURNED, (TaskState.SCHEDULED, None)),
        (LegState.RESCHEDULED, (TaskState.UP_FOR_RESCHEDULE, NOW)),
    ],
)
def test_other_ends_never_cost_a_try(outcome: LegState, follows: tuple) -> None:
    assert after(outcome, 1, 0) == follows
    assert after(outcome, 9, 0) == follows


def test_a_reschedule_is_due_when_the_sensor_said() -> None:
    due = NOW + timedelta(hours=1)

    assert after(LegState.RESCHEDULED, wake_at=due) == (TaskState.UP_FOR_RESCHEDULE, due)


@pytest.mark.parametrize("outcome", [leg for leg in LegState if leg is not LegState.RUNNING])
def test_what_was_cleared_while_it_ran_starts_over(outcome: LegState) -> None:
    assert after(outcome, state=TaskState.RESTARTING) == (TaskState.NONE, None)


@pytest.mark.parametrize("state", [TaskState.SUCCESS, TaskState.FAILED, TaskState.NONE])
def test_what_was_moved_meanwhile_stays(state: TaskState) -> None:
    assert after(LegState.FAILED, 1, 5, state=state) is None


@pytest.mark.parametrize("state", [TaskState.RUNNING, TaskState.RESTARTING])
@pytest.mark.parametrize("outcome", [leg for leg in LegState if leg is not LegState.RUNNING])
def test_every_answer_is_a_legal_move(outcome: LegState, state: TaskState) -> None:
    for tries in (0, 1):
        follows = after(outcome, 1, tries, state=state)
        assert isinstance(follows, tuple)
        assert follows[0] in TASK_MOVES[state]


def test_a_running_leg_has_no_outcome() -> None:
    with pytest.raises(ValueError, match="not ended"):
        after(LegState.RUNNING)


def delay(try_number: int, logical_date: datetime | None = DATE, **spec: float) -> float:
    return retry_delay(
        RetrySpec(retries=9, **spec),
        dag_id="d",
        task_id="t",
        logical_date=logical_date,
        try_number=try_number,
    ).total_seconds()


def test_without_backoff_the_delay_is_constant() -> None:
    assert {delay(n, delay_seconds=7.5) for n in range(1, 9)} == {7.5}
    assert {delay(n, delay_seconds=7, backoff=1) for n in range(1, 9)} == {7}
    assert delay(3, delay_seconds=3 * 86400) == 3 * 86400


@pytest.mark.parametrize("try_number", range(1, 9))
def test_backoff_grows_by_the_multiplier_with_a_known_jitter(try_number: int) -> None:
    base = 30 * 2 ** (try_number - 1)
    seed = f"d#t#2026-04-20T00:00:00+00:00#{try_number}".encode()
    jitter = int(hashlib.sha1(seed, usedforsecurity=False).hexdigest(), 16) % base

    waited = delay(try_number, delay_seconds=30, backoff=2)

    assert waited == base + jitter
    assert base <= waited < 2 * base


def test_backoff_is_at_least_a_second_and_rounds_up() -> None:
    assert delay(1, delay_seconds=0, backoff=2) == 1
    assert delay(9, delay_seconds=1, backoff=0.5) == 1
    assert 4 <= delay(2, delay_seconds=1.01, backoff=3) < 8


def test_backoff_stays_below_its_maximum_and_a_day() -> None:
    day = LONGEST_DELAY.total_seconds()
    assert delay(5, delay_seconds=30, backoff=2, max_delay_seconds=100) == 100
    assert delay(5, delay_seconds=30, backoff=2, max_delay_seconds=10 * day) < 960
    assert delay(30, delay_seconds=30, backoff=2) == day
    assert delay(100_000, delay_seconds=30, backoff=2) == day


def test_jitter_differs_by_date_and_is_the_same_for_the_same() -> None:
    one = delay(6, delay_seconds=30, backoff=2)

    assert one == delay(6, delay_seconds=30, backoff=2)
    assert one != delay(6, DATE + timedelta(days=1), delay_seconds=30, backoff=2)
    assert delay(6, None, delay_seconds=30, backoff=2) >= 960
