"""Running one attempt of a task in this process, as a task process would."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tradewind import DAG
from tradewind.protocol.child import Done
from tradewind.protocol.orders import BundleRef, RunFacts, TaskOrder
from tradewind.protocol.ports import bound_port
from tradewind.runtime.execute import run_task
from tradewind.runtime.memory import MemoryPort
from tradewind.sdk.serde import decode

DAY = datetime(2026, 4, 20, tzinfo=UTC)


def order_for(task: Any, **changes: Any) -> TaskOrder:
    """Answer the order for the first try of a task in a run for 2026-04-20."""
    run = {
        "dag_id": task.dag_id,
        "run_id": "manual__2026-04-20T00:00:00+00:00",
        "run_type": "manual",
        "run_after": DAY,
        "logical_date": DAY,
        "data_interval_start": DAY,
        "data_interval_end": DAY,
        "start_date": DAY,
    }
    run.update({name: changes.pop(name) for name in list(changes) if name in RUN_FIELDS})
    return TaskOrder(
        **{
            "attempt_id": 7,
            "epoch": 3,
            "token": "t",
            "ti_id": 1,
            "task_id": task.task_id,
            "run": RunFacts(**run),
            "bundle": BundleRef(name="b", root="/", dags_folder="/"),
            "file": "dag.py",
            "first_started_at": DAY,
            **changes,
        }
    )


RUN_FIELDS = frozenset(RunFacts.__struct_fields__)


@contextmanager
def hosted(port: MemoryPort) -> Iterator[None]:
    """Bind the port as the host of user code."""
    token = bound_port.set(port)
    try:
        yield
    finally:
        bound_port.reset(token)


def run(task: Any, port: MemoryPort | None = None, **changes: Any) -> Done:
    """Run one try of a task and answer how it ended."""
    port = port or MemoryPort()
    order = order_for(task, **changes)
    port.begin(order.run.dag_id, order.run.run_id, order.task_id, order.map_index)
    dag: DAG = task.get_dag()
    with hosted(port):
        return run_task(order, {dag.dag_id: dag}, port)


def returned(done: Done, key: str = "return_value") -> Any:
    """Answer what a try pushed with its end."""
    return next(decode(xcom.value) for xcom in done.xcoms if xcom.key == key)
