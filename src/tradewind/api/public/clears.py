"""Clears: task instances and runs start over. Without ``dry_run: false`` they only say what would.

Many runs are cleared a few at a time, so that whatever else happens goes on between.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import Field, StrictInt

from tradewind.api.public.fields import Body, Moment, ServicesDep, Shape
from tradewind.api.public.found import find_dag, find_run
from tradewind.api.public.instances import InstanceShape, instance_list
from tradewind.api.public.labels import Labels
from tradewind.api.public.runs import RunShape, run_shape
from tradewind.api.services import Services
from tradewind.core.clearing import FAILED_STATES, RUNNING_STATES, Choice, Pick
from tradewind.core.runs import Run
from tradewind.core.states import TaskState
from tradewind.errors import RefusedError
from tradewind.scheduler.clearing import ClearPlan
from tradewind.scheduler.wishes import ClearWish
from tradewind.store import runs, tasks
from tradewind.store.chosen_runs import RunScope, choose_runs, forget_partition
from tradewind.store.database import Tx
from tradewind.store.tasks import TaskInstance

router = APIRouter(tags=["Clear"])

_AT_ONCE = 50
"""Runs that are cleared in one transaction."""


class ClearList(Shape):
    """What is cleared, or would be."""

    task_instances: list[InstanceShape]
    total_entries: int
    warnings: list[str] = Field(default_factory=list)
    """Marks of tasks in other Dags that cannot be followed."""


class ClearedRuns(ClearList):
    """What is cleared of several runs."""

    dag_run_ids: list[str]


class ClearInstancesBody(Body):
    """Which task instances start over. A pair in ``task_ids`` names one by its map index."""

    dry_run: bool = True
    dag_run_id: str | None = None
    start_date: Moment | None = None
    end_date: Moment | None = None
    task_ids: list[str | tuple[str, StrictInt]] | None = None
    task_group_id: str | None = None
    only_failed: bool = True
    only_running: bool = False
    only_new: bool = False
    include_upstream: bool = False
    include_downstream: bool = False
    include_future: bool = False
    include_past: bool = False
    reset_dag_runs: bool = True
    run_on_latest_version: bool | None = None
    prevent_running_task: bool = False
    note: str | None = None

    @property
    def means_failed(self) -> bool:
        """Whether only what failed is meant: by default, unless something else was asked for."""
        if "only_failed" in self.model_fields_set:
            return self.only_failed
        return not self.only_new and not self.only_running


class ClearRunBody(Body):
    """How a run starts over."""

    dry_run: bool = True
    only_failed: bool = False
    only_running: bool = False
    only_new: bool = False
    run_on_latest_version: bool | None = None
    note: str | None = None


class ClearRunsBody(ClearRunBody):
    """Which runs start over: named, of a partition, or by their dates."""

    dag_run_ids: list[str] | None = None
    partition_key: str | None = None
    partition_date_start: Moment | None = None
    partition_date_end: Moment | None = None
    start_date: Moment | None = None
    end_date: Moment | None = None


class ClearPartitionsBody(Body):
    """Which runs forget their partition."""

    dry_run: bool = True
    dag_run_id: str | None = None
    partition_key: str | None = None
    start_date: Moment | None = None
    end_date: Moment | None = None
    clear_task_instances: bool = False


class PartitionRuns(Shape):
    """Runs that forget their partition, or would."""

    dag_runs: list[RunShape]
    total_entries: int


@router.post("/dags/{dag_id}/clearTaskInstances")
def clear_task_instances(dag_id: str, body: ClearInstancesBody, services: ServicesDep) -> ClearList:
    """Let task instances start over, in one run or in all of a window of dates."""
    _check_window(body.start_date, body.end_date)
    if body.task_ids is not None and not body.task_ids:
        raise RefusedError("bad-choice", "task_ids is empty.", "Leave it out to mean all tasks.")
    if (body.include_past or body.include_future) and body.dag_run_id is None:
        raise RefusedError(
            "bad-choice",
            "include_past and include_future need a run to be before or after.",
            "Name it in dag_run_id.",
        )
    picks = tuple(
        Pick(one) if isinstance(one, str) else Pick(one[0], one[1]) for one in body.task_ids or ()
    )
    wish = ClearWish(
        dag_id=dag_id,
        scope=RunScope(
            run_ids=() if body.dag_run_id is None else (body.dag_run_id,),
            past=body.include_past,
            future=body.include_future,
            since=body.start_date,
            until=body.end_date,
        ),
        choice=Choice(
            picks=picks,
            groups=() if body.task_group_id is None else (body.task_group_id,),
            upstream=body.include_upstream,
            downstream=body.include_downstream,
            states=chosen_states(
                only_failed=body.means_failed,
                only_running=body.only_running,
            ),
        ),
        only_new=body.only_new,
        reset_runs=body.reset_dag_runs,
        prevent_running=body.prevent_running_task,
        on_latest=body.run_on_latest_version,
        note=body.note,
    )
    plan = _carry_out(services, wish, dry_run=body.dry_run)
    return _answer(services, plan, dry_run=body.dry_run)


@router.post("/dags/{dag_id}/dagRuns/{dag_run_id}/clear", response_model=None)
def clear_dag_run(
    dag_id: str, dag_run_id: str, body: ClearRunBody, services: ServicesDep
) -> ClearList | RunShape:
    """Let a run start over: all of it, what failed, or only tasks that are new in its Dag."""
    wish = _wish(dag_id, body, RunScope(run_ids=(dag_run_id,)))
    plan = _carry_out(services, wish, dry_run=body.dry_run)
    if body.dry_run:
        return _answer(services, plan, dry_run=True)
    with services.database.read() as tx:
        return run_shape(Labels(tx), find_run(tx, dag_id, dag_run_id))


@router.post("/dags/{dag_id}/clearDagRuns")
def clear_dag_runs(dag_id: str, body: ClearRunsBody, services: ServicesDep) -> ClearedRuns:
    """Let many runs start over."""
    _check_window(body.start_date, body.end_date)
    _check_window(body.partition_date_start, body.partition_date_end)
    scope = RunScope(
        run_ids=tuple(body.dag_run_ids or ()),
        since=body.start_date,
        until=body.end_date,
        partition_key=body.partition_key,
        partition_since=body.partition_date_start,
        partition_until=body.partition_date_end,
    )
    if scope == RunScope():
        raise RefusedError(
            "bad-choice",
            "Nothing says which runs start over.",
            "Give dag_run_ids, partition_key, or dates.",
        )
    plan = _carry_out(services, _wish(dag_id, body, scope), dry_run=body.dry_run)
    answer = _answer(services, plan, dry_run=body.dry_run)
    return ClearedRuns(**answer.__dict__, dag_run_ids=[one.run.run_id for one in plan.runs])


@router.post("/dags/{dag_id}/clearPartitions")
def clear_partitions(
    dag_id: str,
    body: ClearPartitionsBody,
    services: ServicesDep,
    tradewind_user: Annotated[str | None, Header()] = None,
) -> PartitionRuns:
    """Have runs forget their partition, so that another run may be made for it."""
    del tradewind_user
    _check_window(body.start_date, body.end_date)
    scope = RunScope(
        run_ids=() if body.dag_run_id is None else (body.dag_run_id,),
        partition_key=body.partition_key,
        since=body.start_date,
        until=body.end_date,
    )
    if scope == RunScope():
        raise RefusedError(
            "bad-choice",
            "Nothing says which runs forget their partition.",
            "Give dag_run_id, partition_key, or dates.",
        )
    with services.database.read() as tx:
        find_dag(tx, dag_id)
        if body.dag_run_id is not None:
            find_run(tx, dag_id, body.dag_run_id)
        found = [one for one in choose_runs(tx, dag_id, scope) if one.partition_key is not None]
        labels = Labels(tx)
        shapes = [run_shape(labels, one) for one in found]
    if not body.dry_run and found:
        _forget_partitions(services, dag_id, found, clear=body.clear_task_instances)
    return PartitionRuns(dag_runs=shapes, total_entries=len(shapes))


def _forget_partitions(services: Services, dag_id: str, found: list[Run], *, clear: bool) -> None:
    if clear:
        wish = ClearWish(dag_id=dag_id, scope=RunScope(run_ids=tuple(r.run_id for r in found)))
        _carry_out(services, wish, dry_run=False)

    def forget(tx: Tx) -> None:
        forget_partition(tx, [one.pk for one in found])
        for one in found:
            services.engine.renew_run(tx, one.pk, services.clock.now())

    services.writer.write(forget)


def _wish(dag_id: str, body: ClearRunBody, scope: RunScope) -> ClearWish:
    states = chosen_states(only_failed=body.only_failed, only_running=body.only_running)
    return ClearWish(
        dag_id=dag_id,
        scope=scope,
        choice=Choice(states=states),
        only_new=body.only_new,
        on_latest=body.run_on_latest_version,
        note=body.note,
    )


def chosen_states(*, only_failed: bool, only_running: bool) -> frozenset[TaskState] | None:
    """Answer the states that are meant; None for all.

    Raises:
        RefusedError: Both were wished, and nothing is failed and running.
    """
    if only_failed and only_running:
        raise RefusedError(
            "bad-choice", "only_failed and only_running exclude each other.", "Choose one of them."
        )
    if only_running:
        return RUNNING_STATES
    return FAILED_STATES if only_failed else None


def _check_window(start: Moment | None, end: Moment | None) -> None:
    if start is not None and end is not None and end < start:
        raise RefusedError(
            "bad-range",
            f"The range ends ({end.isoformat()}) before it begins ({start.isoformat()}).",
            "Exchange them.",
        )


def _carry_out(services: Services, wish: ClearWish, *, dry_run: bool) -> ClearPlan:
    engine = services.engine
    with services.database.read() as tx:
        find_dag(tx, wish.dag_id)
        plan = engine.plan_clear(tx, wish)
    if not dry_run:
        for first in range(0, len(plan.runs), _AT_ONCE):
            part = plan.runs[first : first + _AT_ONCE]
            services.writer.write(
                lambda tx, part=part: engine.clear(tx, wish, part, services.clock.now())  # type: ignore[misc]
            )
    return plan


def _answer(services: Services, plan: ClearPlan, *, dry_run: bool) -> ClearList:
    known = {one.run.pk: one.run for one in plan.runs}
    rows: list[TaskInstance] = [row for one in plan.runs for row in one.rows]
    with services.database.read() as tx:
        if not dry_run:
            rows, known = as_they_are(tx, rows), _fresh(tx, known)
        shown = instance_list(tx, rows, len(rows), known)
    return ClearList(
        task_instances=shown.task_instances,
        total_entries=shown.total_entries,
        warnings=list(plan.warnings),
    )


def _fresh(tx: Tx, known: dict[int, Run]) -> dict[int, Run]:
    return {pk: runs.read_run_by_pk(tx, pk) or run for pk, run in known.items()}


def as_they_are(tx: Tx, rows: Iterable[TaskInstance]) -> list[TaskInstance]:
    """Answer these instances as their rows tell them now."""
    now: dict[int, dict[Any, TaskInstance]] = {}
    found = []
    for row in rows:
        if row.run_pk not in now:
            there = tasks.read_instances(tx, row.run_pk)
            now[row.run_pk] = {(one.task_id, one.map_path): one for one in there}
        found.append(now[row.run_pk].get((row.task_id, row.map_path), row))
    return found
