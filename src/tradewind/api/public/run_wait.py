"""Waiting for a run: its state, line by line, until it has ended."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from tradewind.api.public.fields import ServicesDep
from tradewind.api.public.found import find_run
from tradewind.api.services import Services
from tradewind.core.runs import Run
from tradewind.core.states import TERMINAL_RUN
from tradewind.errors import NotFoundError, did_you_mean
from tradewind.store import dags, runs, tasks, xcoms
from tradewind.store.database import Tx

router = APIRouter(tags=["DagRun"])

NDJSON = "application/x-ndjson"
_RETURNED = "return_value"
_SHORTEST_SECONDS = 0.1

Wanted = Sequence[tuple[str, str]]
"""Task ids and keys of the XComs to answer at the end."""


@router.get("/dags/{dag_id}/dagRuns/{dag_run_id}/wait", response_class=StreamingResponse)
def wait_dag_run_until_finished(
    dag_id: str,
    dag_run_id: str,
    services: ServicesDep,
    interval: Annotated[float, Query(gt=0, description="Seconds between two lines")] = 10.0,
    result: Annotated[list[str] | None, Query(description="Tasks whose value to answer")] = None,
) -> StreamingResponse:
    """Tell a run's state as lines of JSON: now, whenever it changes, and each ``interval``.

    The last line has the ``results`` by task id: what the tasks named returned, a list of a mapped
    one; without names what the Dag says is its result.
    """
    with services.database.read() as tx:
        run = find_run(tx, dag_id, dag_run_id)
        wanted = _wanted(tx, run, result)
    pause = max(interval, _SHORTEST_SECONDS)
    return StreamingResponse(told_of_run(services, run.pk, wanted, pause), media_type=NDJSON)


def _wanted(tx: Tx, run: Run, named: list[str] | None) -> Wanted:
    if named is None:
        return (
            () if run.version_id is None else dags.read_spec_of_version(tx, run.version_id).results
        )
    known = {row.task_id for row in tasks.read_instances(tx, run.pk)}
    for name in named:
        if name not in known:
            raise NotFoundError(
                "task-not-found",
                f"Run '{run.run_id}' of Dag '{run.dag_id}' has no task '{name}'.",
                did_you_mean(name, known),
            )
    return [(name, _RETURNED) for name in named]


async def told_of_run(
    services: Services, pk: int, wanted: Wanted, pause: float
) -> AsyncIterator[bytes]:
    """Answer lines until the run ends; the database is read at first, and when the run has moved.

    Args:
        services: What the route stands on.
        pk: Key of the run.
        wanted: What to answer in the last line.
        pause: Seconds after which the same line is said again.
    """
    bell = services.run_bell
    with bell.listen(str(pk)) as line:
        while not bell.is_closed:
            said, is_over = await run_in_threadpool(_look, services, pk, wanted)
            yield said
            if is_over:
                return
            while not await line.wait(pause):
                yield said


def _look(services: Services, pk: int, wanted: Wanted) -> tuple[bytes, bool]:
    with services.database.read() as tx:
        run = runs.read_run_by_pk(tx, pk)
        # One that was deleted meanwhile has no state any more.
        answer: dict[str, Any] = {"state": None if run is None else run.state}
        is_over = run is None or run.state in TERMINAL_RUN
        if run is not None and is_over and wanted:
            answer["results"] = {task: _result(tx, pk, task, key) for task, key in wanted}
    return msgspec.json.encode(answer) + b"\n", is_over


def _result(tx: Tx, pk: int, task_id: str, key: str) -> Any:
    """Answer what a task pushed; of a mapped one what each instance did, in their order."""
    rows = [row for row in tasks.read_instances(tx, pk) if row.task_id == task_id]
    pushed = dict(xcoms.read_xcoms_within(tx, pk, task_id, key, ""))
    values = {path: msgspec.Raw(value) for path, value in pushed.items()}
    if all(row.map_index < 0 for row in rows):
        return values.get("")
    return [values.get(row.map_path) for row in sorted(rows, key=lambda row: row.map_index)]
