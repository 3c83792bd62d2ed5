"""Tasks of a Dag, as its newest version has them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from tradewind.api.public.fields import Moment, PagingDep, ServicesDep, Shape
from tradewind.api.public.found import find_dag
from tradewind.core.spec import DagSpec, TaskSpec
from tradewind.errors import NotFoundError, RefusedError, did_you_mean

router = APIRouter(tags=["Task"])

_DAY = 86_400


class Duration(Shape):
    """A duration in parts, as the field writes it."""

    kind: str = Field(default="TimeDelta", alias="__type")
    days: int
    seconds: int
    microseconds: int


class TaskShape(Shape):
    """One task."""

    task_id: str
    task_display_name: str
    owner: str | None
    start_date: Moment | None
    end_date: Moment | None
    trigger_rule: str
    depends_on_past: bool
    wait_for_downstream: bool
    retries: int
    queue: str
    pool: str
    pool_slots: int
    execution_timeout: Duration | None
    retry_delay: Duration | None
    retry_exponential_backoff: float
    priority_weight: int
    weight_rule: str | None = None
    ui_color: str | None = None
    ui_fgcolor: str | None = None
    template_fields: list[str]
    downstream_task_ids: list[str]
    upstream_task_ids: list[str]
    """Ours alone: what it waits for."""
    doc_md: str | None
    operator_name: str
    params: dict[str, Any] | None = None
    class_ref: dict[str, str]
    is_mapped: bool
    extra_links: list[str] = Field(default_factory=list)


class TaskList(Shape):
    """All tasks of a Dag."""

    tasks: list[TaskShape]
    total_entries: int


@router.get("/dags/{dag_id}/tasks")
def get_tasks(
    dag_id: str,
    services: ServicesDep,
    _page: PagingDep,
    order_by: Annotated[str, Query()] = "",
) -> TaskList:
    """List all tasks, each after those it waits for; or by a field of theirs."""
    with services.database.read() as tx:
        spec = find_dag(tx, dag_id).decode_spec()
    shown = _shapes(spec)
    if order_by:
        name = order_by.removeprefix("-")
        if name not in TaskShape.model_fields:
            raise RefusedError(
                "bad-order",
                f"Ordering with '{name}' is disallowed or the attribute does not exist.",
                did_you_mean(name, TaskShape.model_fields),
            )
        shown.sort(key=lambda one: str(getattr(one, name)), reverse=order_by.startswith("-"))
    return TaskList(tasks=shown, total_entries=len(shown))


@router.get("/dags/{dag_id}/tasks/{task_id}")
def get_task(dag_id: str, task_id: str, services: ServicesDep) -> TaskShape:
    """Read one task."""
    with services.database.read() as tx:
        spec = find_dag(tx, dag_id).decode_spec()
    for shape in _shapes(spec):
        if shape.task_id == task_id:
            return shape
    raise NotFoundError(
        "task-not-found",
        f"The Task with dag_id: `{dag_id}` and task_id: `{task_id}` was not found",
        did_you_mean(task_id, [task.task_id for task in spec.tasks]),
    )


def _shapes(spec: DagSpec) -> list[TaskShape]:
    below: dict[str, list[str]] = {task.task_id: [] for task in spec.tasks}
    for task in spec.tasks:
        for above in task.upstream:
            below.setdefault(above, []).append(task.task_id)
    return [_shape(task, sorted(below[task.task_id])) for task in spec.tasks]


def _shape(task: TaskSpec, below: list[str]) -> TaskShape:
    module, _, name = task.operator.rpartition(".")
    return TaskShape(
        task_id=task.task_id,
        task_display_name=task.display_name or task.task_id,
        owner=task.owner,
        start_date=task.start_date,
        end_date=task.end_date,
        trigger_rule=task.trigger_rule,
        depends_on_past=task.depends_on_past,
        wait_for_downstream=task.wait_for_downstream,
        retries=task.retry.retries,
        queue=task.queue,
        pool=task.pool,
        pool_slots=task.pool_slots,
        execution_timeout=_duration(task.execution_timeout_seconds),
        retry_delay=_duration(task.retry.delay_seconds),
        retry_exponential_backoff=task.retry.backoff,
        priority_weight=task.priority_weight,
        template_fields=list(task.template_fields),
        downstream_task_ids=below,
        upstream_task_ids=list(task.upstream),
        doc_md=task.doc_md,
        operator_name=task.operator_name or name,
        class_ref={"module_path": module, "class_name": name},
        is_mapped=task.mapping is not None,
    )


def _duration(seconds: float | None) -> Duration | None:
    if seconds is None:
        return None
    whole = int(seconds)
    return Duration(
        days=whole // _DAY,
        seconds=whole % _DAY,
        microseconds=round((seconds - whole) * 1_000_000),
    )
