"""What a retry policy said in a task's process holds when its next try is planned."""

from datetime import timedelta

import msgspec
import pytest

from tests.conformance.api.conftest import Stack
from tradewind.core.events import TaskMoved
from tradewind.core.states import LegState
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.reports import Finish
from tradewind.store.events import read_events

ROWS = [
    ({}, 300.0),
    ({"retry_delay_seconds": 3600.0, "retry_reason": "the net is down"}, 3600.0),
    ({"retry_delay_seconds": 0.0}, 0.0),
    ({"retry_delay_seconds": -5.0}, 0.0),
    ({"retry_delay_seconds": 1e12}, 86400.0),
    ({"retry": False, "retry_reason": "of no use"}, None),
]


def fail(stack: Stack, worker: str, order: TaskOrder, said: dict[str, object]) -> list[int]:
    """Report a failed try; answer the tries that are given to the worker in return."""
    finish = Finish(
        attempt_id=order.attempt_id,
        epoch=order.epoch,
        token=order.token,
        outcome=LegState.FAILED,
        error="OSError: gone",
    )
    answer = stack.exchange(worker, finishes=(msgspec.structs.replace(finish, **said),))
    return [one.try_number for one in answer.claims]


@pytest.mark.parametrize(("said", "delay"), ROWS)
def test_the_delay_and_the_reason_of_the_policy_are_kept(
    stack: Stack, worker: str, said: dict[str, object], delay: float | None
) -> None:
    stack.trigger(dag_run_id="mine")
    (order,) = stack.exchange(worker).claims

    given = fail(stack, worker, order, said)

    if delay == 0:
        assert given == [2]
        return
    path = "/api/v2/dags/daily_sales/dagRuns/mine/taskInstances/extract"
    state = stack.get(path)["state"]
    if delay is None:
        assert state == "failed"
        return
    assert state == "up_for_retry"
    for seconds, tries in ((delay - 1, []), (1, [2])):
        stack.clock.at += timedelta(seconds=seconds)
        stack.tick()
        # The lease of the one before is over by then.
        claims = stack.exchange(stack.register()).claims
        assert [one.try_number for one in claims if one.run.run_id == "mine"] == tries


def test_the_reason_stands_before_the_error(stack: Stack, worker: str) -> None:
    stack.trigger(dag_run_id="mine")
    (order,) = stack.exchange(worker).claims

    fail(stack, worker, order, {"retry_reason": "x" * 600})

    with stack.database.read() as tx:
        told = [one.event for one in read_events(tx, 1)]
    reasons = [one.reason for one in told if isinstance(one, TaskMoved)]
    assert f"{'x' * 500} (OSError: gone)" in reasons
