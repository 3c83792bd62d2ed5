"""Assets that Dags describe, and aliases of assets."""

import json
from datetime import datetime
from typing import Any

from fastapi import APIRouter

from tradewind.api.public.fields import PagingDep, ServicesDep, Shape
from tradewind.errors import NotFoundError
from tradewind.store import asset_waits, asset_watchers, assets, states
from tradewind.store.asset_waits import AliasRow
from tradewind.store.asset_watchers import WatchedAsset
from tradewind.store.assets import AssetRow
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


class AliasShape(Shape):
    """A name for assets that a task finds only while it runs."""

    id: int
    name: str
    group: str


class WatcherShape(Shape):
    """A trigger that tells of changes made elsewhere."""

    name: str
    trigger_id: int
    created_date: datetime


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
    aliases: list[AliasShape]
    watchers: list[WatcherShape]
    last_asset_event: LastEvent | None


class AliasList(Shape):
    """A page of aliases."""

    asset_aliases: list[AliasShape]
    total_entries: int


class AssetList(Shape):
    """A page of assets."""

    assets: list[AssetShape]
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
    aliases = asset_waits.read_aliases_of(tx, ids)
    watchers = asset_watchers.read_watchers_of(tx, ids)
    return [
        _shape(
            row,
            of[row.id],
            aliases.get(row.id, []),
            [one for one in watchers if one.asset_id == row.id],
            last.get(row.id),
        )
        for row in rows
    ]


def _shape(
    row: AssetRow,
    uses: list[assets.AssetUse],
    aliases: list[AliasRow],
    watchers: list[WatchedAsset],
    last: tuple[int, datetime] | None,
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
        aliases=[AliasShape(id=one.id, name=one.name, group=one.group) for one in aliases],
        watchers=[
            WatcherShape(name=one.name, trigger_id=one.watcher_id, created_date=one.created_at)
            for one in watchers
        ],
        last_asset_event=None if last is None else LastEvent(id=last[0], timestamp=last[1]),
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


@router.get("/assets/aliases")
def get_asset_aliases(services: ServicesDep, page: PagingDep, name_pattern: str = "") -> AliasList:
    """List aliases by name."""
    with services.database.read() as tx:
        found, total = asset_waits.list_aliases(
            tx, like=name_pattern.strip("%"), limit=page.limit, offset=page.offset
        )
    shown = [AliasShape(id=one.id, name=one.name, group=one.group) for one in found]
    return AliasList(asset_aliases=shown, total_entries=total)


@router.get("/assets/aliases/{asset_alias_id}")
def get_asset_alias(asset_alias_id: int, services: ServicesDep) -> AliasShape:
    """Read one alias."""
    with services.database.read() as tx:
        found = asset_waits.read_alias(tx, asset_alias_id)
    if found is None:
        raise NotFoundError(
            "asset-alias-not-found", f"The Asset Alias with ID: `{asset_alias_id}` was not found"
        )
    return AliasShape(id=found.id, name=found.name, group=found.group)


@router.get("/assets/{asset_id}")
def get_asset(asset_id: int, services: ServicesDep) -> AssetShape:
    """Read one asset."""
    with services.database.read() as tx:
        return _shapes(tx, [find_asset(tx, asset_id)])[0]


@router.get("/assets/{asset_id}/state-store")
def get_asset_states(asset_id: int, services: ServicesDep) -> StateList:
    """List what the state store of an asset holds."""
    with services.database.read() as tx:
        owner = AssetOwner(asset_id=find_asset(tx, asset_id).id)
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


def find_asset(tx: Tx, asset_id: int) -> AssetRow:
    """Answer an asset.

    Raises:
        NotFoundError: There is none of this id.
    """
    found = assets.read_asset(tx, asset_id)
    if found is None:
        raise NotFoundError("asset-not-found", f"The Asset with ID: `{asset_id}` was not found")
    return found
