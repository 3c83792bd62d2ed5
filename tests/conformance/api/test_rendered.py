"""What tries left for people to look at, as the API shows it."""

from typing import Any

import msgspec

from tests.conformance.api.conftest import Stack
from tradewind.core.states import LegState
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.reports import Finish
from tradewind.store.database import Tx
from tradewind.store.rendered import KEPT_RUNS, read_rendered


def end(stack: Stack, worker: str, order: TaskOrder, **left: Any) -> None:
    """Finish a claimed try, leaving this."""
    done = Finish(
        attempt_id=order.attempt_id,
        epoch=order.epoch,
        token=order.token,
        outcome=LegState.SUCCESS,
        **left,
    )
    assert stack.exchange(worker, finishes=(done,)).recorded == (order.attempt_id,)


def instance(order: TaskOrder) -> str:
    """Answer the path of a try's task instance."""
    run = f"/api/v2/dags/{order.run.dag_id}/dagRuns/{order.run.run_id}"
    return f"{run}/taskInstances/{order.task_id}"


def test_fields_label_and_links_are_shown_with_the_instance(stack: Stack, worker: str) -> None:
    stack.trigger(dag_run_id="mine")
    (order,) = stack.exchange(worker).claims
    path = instance(order)
    assert stack.get(path)["rendered_fields"] == {}
    assert stack.get(f"{path}/links") == {"extra_links": {}, "total_entries": 0}

    fields = msgspec.json.encode({"sql": "select 1", "params": {"n": [1]}})
    links = {"Job": "https://jobs.example/1"}
    end(stack, worker, order, rendered=fields, map_label="first", links=links)

    shown = stack.get(path)
    assert shown["rendered_fields"] == {"sql": "select 1", "params": {"n": [1]}}
    assert shown["rendered_map_index"] == "first"
    assert stack.get(f"{path}/links") == {"extra_links": links, "total_entries": 1}
    (listed,) = (
        one
        for one in stack.get(path.rpartition("/")[0])["task_instances"]
        if one["task_id"] == order.task_id
    )
    assert listed == shown


def test_fields_of_old_runs_are_forgotten(stack: Stack, worker: str) -> None:
    tries = []
    for number in range(KEPT_RUNS + 2):
        stack.trigger(dag_run_id=f"run{number}")
        while claims := stack.exchange(worker).claims:
            for order in claims:
                tries.append((order.ti_id, order.try_number))
                end(stack, worker, order, rendered=b'{"n":1}')

    def kept(tx: Tx) -> list[tuple[int, int]]:
        return sorted(read_rendered(tx, tries))

    found = stack.writer.write(kept)
    a_run = len(tries) // (KEPT_RUNS + 2)
    assert found == tries[2 * a_run :]
