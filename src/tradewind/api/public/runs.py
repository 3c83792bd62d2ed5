"""Dag runs: triggered, listed, read, deleted."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Header, Query

from tradewind.api.public.fields import (
    EVERY,
    AskedMoment,
    Body,
    Moment,
    OrderBy,
    PagingDep,
    ServicesDep,
    Shape,
    chosen_order,
    seconds_between,
)
from tradewind.api.public.found import dag_or_every, find_dag, find_run
from tradewind.api.public.labels import DagVersionShape, Labels
from tradewind.api.timetables import await_answer
from tradewind.core.runs import Run, RunType
from tradewind.core.states import RunState
from tradewind.core.timetables import needs_worker
from tradewind.errors import RefusedError
from tradewind.scheduler.forecasts import question_of_trigger
from tradewind.scheduler.wishes import Trigger
from tradewind.store import runs
from tradewind.store.runs import RUN_ORDERS, RunFilter

router = APIRouter(tags=["DagRun"])

_ORDERS = {name: name for name in RUN_ORDERS} | {"run_id": "dag_run_id"}


class RunShape(Shape):
    """One run."""

    dag_run_id: str
    dag_id: str
    logical_date: Moment | None
    queued_at: Moment | None
    start_date: Moment | None
    end_date: Moment | None
    duration: float | None
    data_interval_start: Moment | None
    data_interval_end: Moment | None
    run_after: Moment
    last_scheduling_decision: Moment | None = None
    run_type: RunType
    state: RunState
    triggered_by: str | None
    triggering_user_name: str | None
    conf: dict[str, Any] | None
    note: str | None
    dag_versions: list[DagVersionShape]
    bundle_version: str | None
    dag_display_name: str
    partition_key: str | None
    partition_date: Moment | None = None


class RunList(Shape):
    """A page of runs."""

    dag_runs: list[RunShape]
    total_entries: int


class TriggerBody(Body):
    """A run somebody asks for. ``logical_date`` must be there, and may be null."""

    dag_run_id: str | None = None
    logical_date: Moment | None
    run_after: Moment | None = None
    data_interval_start: Moment | None = None
    data_interval_end: Moment | None = None
    conf: dict[str, Any] | None = None
    note: str | None = None
    partition_key: str | None = None


@router.get("/dags/{dag_id}/dagRuns")
def get_dag_runs(  # noqa: PLR0913 - one argument a filter
    dag_id: str,
    services: ServicesDep,
    page: PagingDep,
    state: Annotated[list[RunState] | None, Query()] = None,
    run_type: Annotated[list[RunType] | None, Query()] = None,
    logical_date_gte: AskedMoment = None,
    logical_date_lte: AskedMoment = None,
    run_after_gte: AskedMoment = None,
    run_after_lte: AskedMoment = None,
    backfill_id: int | None = None,
    order_by: OrderBy = None,
) -> RunList:
    """List runs of a Dag, or of all Dags (``~``), the latest ``run_after`` first."""
    order = chosen_order(order_by, _ORDERS, ["-run_after"])
    with services.database.read() as tx:
        wanted = RunFilter(
            dag_id=dag_or_every(tx, dag_id),
            states=tuple(state or ()),
            run_types=tuple(run_type or ()),
            logical_date_gte=logical_date_gte,
            logical_date_lte=logical_date_lte,
            run_after_gte=run_after_gte,
            run_after_lte=run_after_lte,
            backfill_id=backfill_id,
        )
        found = runs.list_runs(tx, wanted, order_by=order, limit=page.limit, offset=page.offset)
        labels = Labels(tx)
        return RunList(
            dag_runs=[run_shape(labels, one) for one in found],
            total_entries=runs.count_runs(tx, wanted),
        )


@router.post("/dags/{dag_id}/dagRuns")
def trigger_dag_run(
    dag_id: str,
    body: TriggerBody,
    services: ServicesDep,
    tradewind_client: Annotated[Literal["cli"] | None, Header()] = None,
    tradewind_user: Annotated[str | None, Header()] = None,
) -> RunShape:
    """Make a manual run."""
    if dag_id == EVERY:
        raise RefusedError("no-dag-named", "A run needs one Dag.", "Name it in the path.")
    wish = Trigger(
        dag_id=dag_id,
        run_id=body.dag_run_id,
        logical_date=body.logical_date,
        run_after=body.run_after,
        data_interval_start=body.data_interval_start,
        data_interval_end=body.data_interval_end,
        conf=body.conf or {},
        note=body.note,
        partition_key=body.partition_key,
        triggered_by=tradewind_client or "rest_api",
        user_name=tradewind_user,
    )
    with services.database.read() as tx:
        timetable = find_dag(tx, dag_id).decode_head().timetable
    if timetable is not None and needs_worker(timetable):
        # What is asked must be what is looked up when the run is made.
        run_after = wish.run_after or services.clock.now()
        wish = msgspec.structs.replace(wish, run_after=run_after)
        await_answer(services, dag_id, question_of_trigger(timetable, wish))
    run = services.writer.write(lambda tx: services.engine.trigger(tx, wish, services.clock.now()))
    with services.database.read() as tx:
        return run_shape(Labels(tx), run)


@router.get("/dags/{dag_id}/dagRuns/{dag_run_id}")
def get_dag_run(dag_id: str, dag_run_id: str, services: ServicesDep) -> RunShape:
    """Read one run."""
    with services.database.read() as tx:
        return run_shape(Labels(tx), find_run(tx, dag_id, dag_run_id))


@router.delete("/dags/{dag_id}/dagRuns/{dag_run_id}", status_code=204)
def delete_dag_run(dag_id: str, dag_run_id: str, services: ServicesDep) -> None:
    """Delete a run that no task of runs now."""
    with services.database.read() as tx:
        find_run(tx, dag_id, dag_run_id)
    services.writer.write(
        lambda tx: services.engine.delete_run(tx, dag_id, dag_run_id, services.clock.now())
    )


def run_shape(labels: Labels, run: Run) -> RunShape:
    """Answer how a run looks in responses."""
    version = labels.version(run.version_id)
    return RunShape(
        dag_run_id=run.run_id,
        dag_id=run.dag_id,
        logical_date=run.logical_date,
        queued_at=run.queued_at,
        start_date=run.start_date,
        end_date=run.end_date,
        duration=seconds_between(run.start_date, run.end_date),
        data_interval_start=run.data_interval_start,
        data_interval_end=run.data_interval_end,
        run_after=run.run_after,
        run_type=run.run_type,
        state=run.state,
        triggered_by=run.triggered_by,
        triggering_user_name=run.triggering_user_name,
        conf=run.conf,
        note=run.note,
        dag_versions=[] if version is None else [version],
        bundle_version=run.digest or None,
        dag_display_name=labels.dag(run.dag_id),
        partition_key=run.partition_key,
    )
