"""Events of assets: those there were, those queued for Dags, and those a person makes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query

from tradewind.api.public.assets import find_asset
from tradewind.api.public.fields import (
    AskedMoment,
    Body,
    Moment,
    PagingDep,
    ServicesDep,
    Shape,
)
from tradewind.api.public.labels import Labels
from tradewind.api.public.runs import RunShape, run_shape
from tradewind.core.runs import RunType
from tradewind.errors import NotFoundError, RefusedError
from tradewind.scheduler.commands import find_run
from tradewind.scheduler.wishes import AssetChange, Trigger
from tradewind.store import asset_queue, assets, runs
from tradewind.store.asset_queue import QueuedEvents
from tradewind.store.assets import AssetEvent, EventFilter, EventSource
from tradewind.store.dags import read_dag
from tradewind.store.database import Tx

router = APIRouter(tags=["Asset"])


class CreatedRun(Shape):
    """A run that an event helped to start."""

    run_id: str
    dag_id: str
    logical_date: datetime | None
    start_date: datetime | None
    end_date: datetime | None
    state: str
    data_interval_start: datetime | None
    data_interval_end: datetime | None
    partition_key: str | None


class AssetEventShape(Shape):
    """One event of an asset."""

    id: int
    asset_id: int
    uri: str
    name: str
    group: str
    extra: dict[str, Any]
    source_task_id: str | None
    source_dag_id: str | None
    source_run_id: str | None
    source_map_index: int
    partition_key: str | None
    created_dagruns: list[CreatedRun]
    timestamp: datetime


class AssetEventList(Shape):
    """A page of events."""

    asset_events: list[AssetEventShape]
    total_entries: int


class EventBody(Body):
    """An event that somebody says there was."""

    asset_id: int
    extra: dict[str, Any] | None = None
    partition_key: str | None = None


class MaterializeBody(Body):
    """The run that is to make an asset; all of it may be left out."""

    dag_run_id: str | None = None
    logical_date: Moment | None = None
    run_after: Moment | None = None
    data_interval_start: Moment | None = None
    data_interval_end: Moment | None = None
    conf: dict[str, Any] | None = None
    note: str | None = None
    partition_key: str | None = None


class QueuedShape(Shape):
    """Events of an asset that wait for the others a Dag needs."""

    dag_id: str
    asset_id: int
    created_at: datetime
    dag_display_name: str


class QueuedList(Shape):
    """What is queued."""

    queued_events: list[QueuedShape]
    total_entries: int


def _events(tx: Tx, found: Sequence[AssetEvent]) -> list[AssetEventShape]:
    made = asset_queue.read_consumers(tx, [one.id for one in found])
    started = {pk: runs.read_run_by_pk(tx, pk) for pk in {one.run_pk for one in made}}
    of: dict[int, list[CreatedRun]] = {one.id: [] for one in found}
    for one in made:
        run = started[one.run_pk]
        if run is not None:
            shown = {name: getattr(run, name) for name in CreatedRun.model_fields}
            of[one.event_id].append(CreatedRun(**shown))
    return [_event(one, of[one.id]) for one in found]


def _event(one: AssetEvent, started: list[CreatedRun]) -> AssetEventShape:
    return AssetEventShape(
        id=one.id,
        asset_id=one.asset_id,
        uri=one.uri,
        name=one.name,
        group=one.group,
        extra=one.extra,
        source_task_id=one.source_task_id,
        source_dag_id=one.source_dag_id,
        source_run_id=one.source_run_id,
        source_map_index=one.source_map_index,
        partition_key=one.partition_key,
        created_dagruns=started,
        timestamp=one.at,
    )


@router.get("/assets/events")
def get_asset_events(  # noqa: PLR0913 - the field's filters
    services: ServicesDep,
    page: PagingDep,
    asset_id: int | None = None,
    source_dag_id: str | None = None,
    source_task_id: str | None = None,
    source_run_id: str | None = None,
    timestamp_gte: datetime | None = None,
    timestamp_lte: datetime | None = None,
    order_by: Annotated[str, Query(pattern="^-?(timestamp|id)$")] = "timestamp",
) -> AssetEventList:
    """List events, the oldest first; newest first with ``order_by=-timestamp``."""
    wish = EventFilter(
        asset_id=asset_id,
        source=EventSource(dag_id=source_dag_id, run_id=source_run_id, task_id=source_task_id),
        after=timestamp_gte,
        before=timestamp_lte,
        ascending=not order_by.startswith("-"),
        limit=page.limit,
        offset=page.offset,
    )
    with services.database.read() as tx:
        found, total = assets.read_events(tx, wish)
        return AssetEventList(asset_events=_events(tx, found), total_entries=total)


@router.post("/assets/events")
def create_asset_event(
    body: EventBody,
    services: ServicesDep,
    tradewind_user: Annotated[str | None, Header()] = None,
) -> AssetEventShape:
    """Record an event of an asset, made elsewhere: who waits for it gets a run."""
    change = AssetChange(
        asset_id=body.asset_id,
        extra=(body.extra or {}) | {"from_rest_api": True},
        partition_key=body.partition_key,
        user_name=tradewind_user,
    )
    with services.database.read() as tx:
        find_asset(tx, body.asset_id)
    made = services.writer.write(
        lambda tx: services.engine.change_asset(tx, change, services.clock.now())
    )
    with services.database.read() as tx:
        found, _ = assets.read_events(tx, EventFilter(id=made))
        return _events(tx, found)[0]


@router.get("/dags/{dag_id}/dagRuns/{dag_run_id}/upstreamAssetEvents")
def get_upstream_asset_events(
    dag_id: str, dag_run_id: str, services: ServicesDep
) -> AssetEventList:
    """List the events that started a run."""
    with services.database.read() as tx:
        run = find_run(tx, dag_id, dag_run_id)
        found, total = assets.read_events(tx, EventFilter(consumed_by=run.pk))
        return AssetEventList(asset_events=_events(tx, found), total_entries=total)


@router.post("/assets/{asset_id}/materialize")
def materialize_asset(
    asset_id: int,
    services: ServicesDep,
    body: MaterializeBody | None = None,
    tradewind_client: Annotated[Literal["cli"] | None, Header()] = None,
    tradewind_user: Annotated[str | None, Header()] = None,
) -> RunShape:
    """Run the Dag that makes an asset."""
    asked = body or MaterializeBody()
    with services.database.read() as tx:
        dag_id = _producer(tx, asset_id)
    wish = Trigger(
        dag_id=dag_id,
        run_type=RunType.ASSET_MATERIALIZATION,
        run_id=asked.dag_run_id,
        logical_date=asked.logical_date,
        run_after=asked.run_after,
        data_interval_start=asked.data_interval_start,
        data_interval_end=asked.data_interval_end,
        conf=asked.conf or {},
        note=asked.note,
        partition_key=asked.partition_key,
        triggered_by=tradewind_client or "rest_api",
        user_name=tradewind_user,
    )
    run = services.writer.write(lambda tx: services.engine.trigger(tx, wish, services.clock.now()))
    with services.database.read() as tx:
        return run_shape(Labels(tx), run)


def _producer(tx: Tx, asset_id: int) -> str:
    found = find_asset(tx, asset_id)
    makers = sorted({u.dag_id for u in assets.read_uses(tx, [asset_id]) if u.role == "outlet"})
    if not makers:
        raise NotFoundError(
            "no-producing-dag",
            f"No Dag makes the asset '{found.name}'.",
            "A task makes what it has as an outlet.",
        )
    if len(makers) > 1:
        raise RefusedError(
            "several-producing-dags",
            f"Several Dags make the asset '{found.name}': {', '.join(makers)}.",
            "Trigger the one you mean.",
        )
    return makers[0]


@router.get("/assets/{asset_id}/queuedEvents")
def get_asset_queued_events(
    asset_id: int, services: ServicesDep, before: AskedMoment = None
) -> QueuedList:
    """List what of an asset is queued."""
    with services.database.read() as tx:
        find_asset(tx, asset_id)
        return _queued(tx, asset_queue.list_queued(tx, asset_id=asset_id, before=before))


@router.delete("/assets/{asset_id}/queuedEvents", status_code=204)
def delete_asset_queued_events(
    asset_id: int, services: ServicesDep, before: AskedMoment = None
) -> None:
    """Let go what of an asset is queued."""
    with services.database.read() as tx:
        find_asset(tx, asset_id)
    _delete(services, asset_id=asset_id, before=before)


@router.get("/dags/{dag_id}/assets/queuedEvents")
def get_dag_asset_queued_events(
    dag_id: str, services: ServicesDep, before: AskedMoment = None
) -> QueuedList:
    """List what is queued for a Dag."""
    with services.database.read() as tx:
        read_dag(tx, dag_id)
        return _queued(tx, asset_queue.list_queued(tx, dag_id=dag_id, before=before))


@router.delete("/dags/{dag_id}/assets/queuedEvents", status_code=204)
def delete_dag_asset_queued_events(
    dag_id: str, services: ServicesDep, before: AskedMoment = None
) -> None:
    """Let go what is queued for a Dag."""
    with services.database.read() as tx:
        read_dag(tx, dag_id)
    _delete(services, dag_id=dag_id, before=before)


@router.get("/dags/{dag_id}/assets/{asset_id}/queuedEvents")
def get_dag_asset_queued_event(
    dag_id: str, asset_id: int, services: ServicesDep, before: AskedMoment = None
) -> QueuedShape:
    """Read what of an asset is queued for a Dag."""
    with services.database.read() as tx:
        read_dag(tx, dag_id)
        found = asset_queue.list_queued(tx, dag_id=dag_id, asset_id=asset_id, before=before)
        if not found:
            raise _nothing_queued(dag_id, asset_id)
        return _queued(tx, found).queued_events[0]


@router.delete("/dags/{dag_id}/assets/{asset_id}/queuedEvents", status_code=204)
def delete_dag_asset_queued_event(
    dag_id: str, asset_id: int, services: ServicesDep, before: AskedMoment = None
) -> None:
    """Let go what of an asset is queued for a Dag."""
    with services.database.read() as tx:
        read_dag(tx, dag_id)
    if not _delete(services, dag_id=dag_id, asset_id=asset_id, before=before):
        raise _nothing_queued(dag_id, asset_id)


def _queued(tx: Tx, found: Sequence[QueuedEvents]) -> QueuedList:
    labels = Labels(tx)
    shown = [
        QueuedShape(
            dag_id=one.dag_id,
            asset_id=one.asset_id,
            created_at=one.created_at,
            dag_display_name=labels.dag(one.dag_id),
        )
        for one in found
    ]
    return QueuedList(queued_events=shown, total_entries=len(shown))


def _delete(services: ServicesDep, **chosen: Any) -> int:
    return services.writer.write(lambda tx: asset_queue.delete_queued(tx, **chosen))


def _nothing_queued(dag_id: str, asset_id: int) -> NotFoundError:
    return NotFoundError(
        "nothing-queued",
        f"Queue event with dag_id: `{dag_id}` and asset_id: `{asset_id}` was not found",
    )
