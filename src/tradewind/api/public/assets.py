"""Assets that Dags describe, and the events there were."""

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from tradewind.api.public.fields import PagingDep, ServicesDep, Shape
from tradewind.errors import NotFoundError
from tradewind.store import assets, states
from tradewind.store.assets import AssetEvent, AssetRow, EventFilter, EventSource
from tradewind.store.database import Tx
from tradewind.store.states import AssetOwner

router = APIRouter(tags=["Asset"])


class DagReference(Shape):
    """A Dag that is scheduled on an asset."""

    dag_id: str
    created_at: datetime
    updated_at: datetime


class TaskReference(Shape):
    """A task that has an asset as inlet or outlet."""

    dag_id: str
    task_id: str
    created_at: datetime
    updated_at: datetime


class LastEvent(Shape):
    """The newest event of an asset."""

    id: int | None = None
    timestamp: datetime | None = None


class AssetShape(Shape):
    """One asset, with who uses it."""

    id: int
    name: str
    uri: str
    group: str
    extra: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    scheduled_dags: list[DagReference]
    producing_tasks: list[TaskReference]
    consuming_tasks: list[TaskReference]
    aliases: tuple[Any, ...] = ()
    watchers: tuple[Any, ...] = ()
    last_asset_event: LastEvent | None


class AssetList(Shape):
    """A page of assets."""

    assets: list[AssetShape]
    total_entries: int


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
    created_dagruns: tuple[Any, ...] = ()
    timestamp: datetime


class AssetEventList(Shape):
    """A page of events."""

    asset_events: list[AssetEventShape]
    total_entries: int


class StateShape(Shape):
    """One value of a state store, as JSON."""

    key: str
    value: Any
    expires_at: datetime | None
    updated_at: datetime


class StateList(Shape):
    """What a state store holds."""

    states: list[StateShape]
    total_entries: int


def _shapes(tx: Tx, rows: list[AssetRow]) -> list[AssetShape]:
    ids = [row.id for row in rows]
    uses = assets.read_uses(tx, ids)
    last = assets.read_last_events(tx, ids)
    of = {row.id: [one for one in uses if one.asset_id == row.id] for row in rows}
    return [_shape(row, of[row.id], last.get(row.id)) for row in rows]


def _shape(
    row: AssetRow, uses: list[assets.AssetUse], last: tuple[int, datetime] | None
) -> AssetShape:
    def tasks(role: str) -> list[TaskReference]:
        return [
            TaskReference(
                dag_id=one.dag_id,
                task_id=one.task_id,
                created_at=one.created_at,
                updated_at=one.created_at,
            )
            for one in uses
            if one.role == role
        ]

    return AssetShape(
        id=row.id,
        name=row.name,
        uri=row.uri,
        group=row.group,
        extra=row.extra,
        created_at=row.created_at,
        updated_at=row.updated_at,
        scheduled_dags=[
            DagReference(dag_id=u.dag_id, created_at=u.created_at, updated_at=u.created_at)
            for u in uses
            if u.role == "schedule"
        ],
        producing_tasks=tasks("outlet"),
        consuming_tasks=tasks("inlet"),
        last_asset_event=None if last is None else LastEvent(id=last[0], timestamp=last[1]),
    )


def _event(one: AssetEvent) -> AssetEventShape:
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
        timestamp=one.at,
    )


@router.get("/assets")
def get_assets(
    services: ServicesDep, page: PagingDep, name_pattern: str = "", uri_pattern: str = ""
) -> AssetList:
    """List assets by name."""
    with services.database.read() as tx:
        rows, total = assets.list_assets(
            tx,
            like=name_pattern.strip("%"),
            uri_like=uri_pattern.strip("%"),
            limit=page.limit,
            offset=page.offset,
        )
        return AssetList(assets=_shapes(tx, rows), total_entries=total)


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
    return AssetEventList(asset_events=[_event(one) for one in found], total_entries=total)


@router.get("/assets/{asset_id}")
def get_asset(asset_id: int, services: ServicesDep) -> AssetShape:
    """Read one asset."""
    with services.database.read() as tx:
        return _shapes(tx, [_find(tx, asset_id)])[0]


@router.get("/assets/{asset_id}/state-store")
def get_asset_states(asset_id: int, services: ServicesDep) -> StateList:
    """List what the state store of an asset holds."""
    with services.database.read() as tx:
        owner = AssetOwner(asset_id=_find(tx, asset_id).id)
        kept = states.list_states(tx, owner, services.clock.now())
    shown = [
        StateShape(
            key=one.key,
            value=json.loads(one.value),
            expires_at=one.expires_at,
            updated_at=one.updated_at,
        )
        for one in kept
    ]
    return StateList(states=shown, total_entries=len(shown))


def _find(tx: Tx, asset_id: int) -> AssetRow:
    found = assets.read_asset(tx, asset_id)
    if found is None:
        raise NotFoundError("asset-not-found", f"The Asset with ID: `{asset_id}` was not found")
    return found
