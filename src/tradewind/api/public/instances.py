"""Task instances of runs."""

from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query
from pydantic import Field

from tradewind.api.public.fields import (
    EVERY,
    Moment,
    OrderBy,
    PagingDep,
    ServicesDep,
    Shape,
    chosen_order,
    seconds_between,
)
from tradewind.api.public.found import dag_or_every, find_instance, find_run
from tradewind.api.public.labels import DagVersionShape, Labels
from tradewind.core.runs import Run
from tradewind.core.states import TaskState
from tradewind.errors import RefusedError
from tradewind.store import runs, tasks
from tradewind.store.database import Tx
from tradewind.store.rendered import Rendered, read_rendered
from tradewind.store.tasks import TaskInstance

router = APIRouter(tags=["Task Instance"])

_INSTANCES = "/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances"
_ORDERS = {
    name: name
    for name in ("id", "task_id", "map_index", "state", "start_date", "end_date", "queued_when")
}
_TRIES_BITS = 32


class InstanceShape(Shape):
    """One task instance."""

    id: UUID
    task_id: str
    dag_id: str
    dag_run_id: str
    map_index: int
    logical_date: Moment | None
    run_after: Moment
    start_date: Moment | None
    end_date: Moment | None
    duration: float | None
    state: TaskState | None
    try_number: int
    max_tries: int
    task_display_name: str
    dag_display_name: str
    hostname: str | None
    unixname: str | None = None
    pool: str
    pool_slots: int
    queue: str | None
    priority_weight: int | None
    operator: str | None
    operator_name: str | None
    queued_when: Moment | None
    scheduled_when: Moment | None
    pid: int | None
    executor: str | None = None
    executor_config: str = "{}"
    note: str | None = None
    rendered_map_index: str | None = None
    rendered_fields: dict[str, Any] = Field(default_factory=dict)
    trigger: dict[str, Any] | None = None
    triggerer_job: dict[str, Any] | None = None
    dag_version: DagVersionShape | None


class InstanceList(Shape):
    """A page of task instances."""

    task_instances: list[InstanceShape]
    total_entries: int


class ExtraLinks(Shape):
    """What an operator links to."""

    extra_links: dict[str, str]
    total_entries: int


@router.get(_INSTANCES)
def get_task_instances(
    dag_id: str,
    dag_run_id: str,
    services: ServicesDep,
    page: PagingDep,
    state: Annotated[list[str] | None, Query()] = None,
    task_id: str | None = None,
    order_by: OrderBy = None,
) -> InstanceList:
    """List task instances of a run, or of all runs (``~``), in the order they came to be."""
    order = chosen_order(order_by, _ORDERS, [])
    states = tuple(_state(one) for one in state or ())
    with services.database.read() as tx:
        if dag_run_id == EVERY:
            if order or task_id:
                raise RefusedError(
                    "needs-one-run",
                    "Task instances of all runs cannot be filtered by task or sorted.",
                    "Name one run in the path.",
                )
            found, total = tasks.list_instances(
                tx,
                dag_id=dag_or_every(tx, dag_id),
                states=states,
                limit=page.limit,
                offset=page.offset,
            )
            return instance_list(tx, [one for _, one in found], total, known={})
        run = find_run(tx, dag_id, dag_run_id)
        rows = [
            one
            for one in tasks.read_instances(tx, run.pk)
            if (not states or one.state in states) and task_id in (None, one.task_id)
        ]
        _sort(rows, order)
        shown = rows[page.offset : page.offset + page.limit]
        return instance_list(tx, shown, len(rows), known={run.pk: run})


@router.get(_INSTANCES + "/{task_id}")
def get_task_instance(
    dag_id: str, dag_run_id: str, task_id: str, services: ServicesDep
) -> InstanceShape:
    """Read the one instance of a task that is not mapped."""
    with services.database.read() as tx:
        run, row = find_instance(tx, dag_id, dag_run_id, task_id, None)
        return instance_shape(tx, run, row)


@router.get(_INSTANCES + "/{task_id}/listMapped")
def get_mapped_task_instances(
    dag_id: str, dag_run_id: str, task_id: str, services: ServicesDep, page: PagingDep
) -> InstanceList:
    """List the instances of a task by map index."""
    with services.database.read() as tx:
        run = find_run(tx, dag_id, dag_run_id)
        rows = tasks.read_instances_of_task(tx, dag_id, dag_run_id, task_id)
        shown = rows[page.offset : page.offset + page.limit]
        return instance_list(tx, shown, len(rows), known={run.pk: run})


@router.get(_INSTANCES + "/{task_id}/links")
def get_extra_links(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    services: ServicesDep,
    map_index: int = -1,
) -> ExtraLinks:
    """Read what an instance's operator links to, by name; filled when its last try has ended."""
    with services.database.read() as tx:
        _, row = find_instance(tx, dag_id, dag_run_id, task_id, map_index)
        found = _rendered(tx, [row]).get((row.id, row.try_number))
    links = dict(sorted(found.links.items())) if found else {}
    return ExtraLinks(extra_links=links, total_entries=len(links))


@router.get(_INSTANCES + "/{task_id}/{map_index}")
def get_mapped_task_instance(
    dag_id: str, dag_run_id: str, task_id: str, map_index: int, services: ServicesDep
) -> InstanceShape:
    """Read one instance of a task; -1 is the index of one that is not mapped."""
    with services.database.read() as tx:
        run, row = find_instance(tx, dag_id, dag_run_id, task_id, map_index)
        return instance_shape(tx, run, row)


def instance_shape(tx: Tx, run: Run, row: TaskInstance) -> InstanceShape:
    """Answer one instance as a response shows it."""
    return _shape(Labels(tx), run, row, _rendered(tx, [row]))


def _rendered(tx: Tx, rows: Iterable[TaskInstance]) -> dict[tuple[int, int], Rendered]:
    return read_rendered(tx, [(row.id, row.try_number) for row in rows])


def _fields(found: Rendered | None) -> dict[str, Any]:
    if found is None or not found.fields:
        return {}
    fields: dict[str, Any] = msgspec.json.decode(found.fields)
    return fields


def _state(name: str) -> TaskState:
    """Take ``null`` and ``no_status`` for an instance that nothing is decided of."""
    try:
        return TaskState.NONE if name in ("null", "no_status", "None") else TaskState(name)
    except ValueError:
        raise RefusedError(
            "bad-state", f"There is no task state '{name}'.", f"There are {', '.join(TaskState)}."
        ) from None


def _sort(rows: list[TaskInstance], order: Iterable[str]) -> None:
    for name in reversed(list(order)):
        field = {"queued_when": "queued_at"}.get(name.removeprefix("-"), name.removeprefix("-"))
        rows.sort(
            key=lambda row, field=field: _sortable(getattr(row, field)),  # type: ignore[misc]
            reverse=name.startswith("-"),
        )


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, 0 if value is None else value)


def instance_list(
    tx: Tx, rows: list[TaskInstance], total: int, known: dict[int, Run]
) -> InstanceList:
    """Answer a page of instances as a response shows it; ``known`` holds runs by their key."""
    labels = Labels(tx)
    rendered = _rendered(tx, rows)
    shapes = []
    for row in rows:
        run = known.get(row.run_pk) or runs.read_run_by_pk(tx, row.run_pk)
        if run is not None:
            known[row.run_pk] = run
            shapes.append(_shape(labels, run, row, rendered))
    return InstanceList(task_instances=shapes, total_entries=total)


def _shape(
    labels: Labels, run: Run, row: TaskInstance, rendered: dict[tuple[int, int], Rendered]
) -> InstanceShape:
    return InstanceShape(
        # A UUID that is another one for each try, as the field's is.
        id=UUID(int=row.id << _TRIES_BITS | row.try_number),
        task_id=row.task_id,
        dag_id=row.dag_id,
        dag_run_id=run.run_id,
        map_index=row.map_index,
        logical_date=run.logical_date,
        run_after=run.run_after,
        start_date=row.start_date,
        end_date=row.end_date,
        duration=seconds_between(row.start_date, row.end_date),
        state=None if row.state is TaskState.NONE else row.state,
        try_number=row.try_number,
        max_tries=row.max_tries,
        task_display_name=labels.task(run.version_id, row.task_id),
        dag_display_name=labels.dag(row.dag_id),
        hostname=row.hostname,
        pool=row.pool,
        pool_slots=row.pool_slots,
        queue=row.queue,
        priority_weight=row.priority_weight,
        operator=row.operator,
        operator_name=row.operator,
        queued_when=row.queued_at,
        scheduled_when=row.scheduled_at,
        pid=row.pid,
        rendered_map_index=row.map_label,
        rendered_fields=_fields(rendered.get((row.id, row.try_number))),
        dag_version=labels.version(run.version_id),
    )
