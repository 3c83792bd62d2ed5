"""Assets that Dags name, who uses them, and the events there were."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    union,
    update,
)

from tradewind.core.spec import AssetSpec, DagSpec
from tradewind.protocol.reports import AssetEventPush
from tradewind.store.asset_waits import (
    apply_waits,
    drop_waits,
    ensure_alias,
    note_alias,
    note_new_asset,
)
from tradewind.store.asset_watchers import apply_watchers
from tradewind.store.data_tables import asset, asset_delivery, asset_event, asset_use
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared


class AssetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One asset."""

    id: int
    name: str
    uri: str
    group: str
    extra: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    is_active: bool
    """Of assets that share a name or a URI, but not both, one is."""


class AssetUse(msgspec.Struct, frozen=True, kw_only=True):
    """Who uses an asset: a task as ``inlet`` or ``outlet``, or a Dag's ``schedule``."""

    dag_id: str
    role: str
    task_id: str
    asset_id: int
    created_at: datetime


class AssetEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of an asset."""

    id: int
    asset_id: int
    name: str
    uri: str
    group: str
    at: datetime
    extra: dict[str, Any]
    partition_key: str | None
    source_dag_id: str | None
    source_run_id: str | None
    source_task_id: str | None
    source_map_index: int
    alias: str | None = None


class EventSource(msgspec.Struct, frozen=True, kw_only=True):
    """The task instance whose success made an event; all None for one that a person made."""

    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int = -1


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are wanted, and in which order."""

    id: int | None = None
    asset_id: int | None = None
    name: str | None = None
    uri: str | None = None
    alias: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    source: EventSource | None = None
    consumed_by: int | None = None
    """The run that they helped to start."""
    ascending: bool = True
    limit: int | None = None
    offset: int = 0


def inserted_id(done: CursorResult[Any]) -> int:
    """Answer the id of the row that was just inserted."""
    key = done.inserted_primary_key
    assert key is not None  # noqa: S101 - one row was inserted
    return int(key[0])


_COLUMNS = (
    asset.c.id,
    asset.c.name,
    asset.c.uri,
    asset.c.asset_group.label("group"),
    asset.c.extra,
    asset.c.created_at,
    asset.c.updated_at,
    asset.c.is_active,
)
_BY_KEY = Prepared(
    select(asset.c.id, asset.c.asset_group, asset.c.extra, asset.c.is_active).where(
        asset.c.name == bindparam("b_name"), asset.c.uri == bindparam("b_uri")
    )
)
_DROP_USE = Prepared(
    delete(asset_use).where(
        asset_use.c.dag_id == bindparam("b_dag"),
        asset_use.c.role == bindparam("b_role"),
        asset_use.c.task_id == bindparam("b_task"),
        asset_use.c.asset_id == bindparam("b_asset"),
    )
)
_USED = Prepared(
    select(asset_use.c.role, asset_use.c.task_id, asset_use.c.asset_id).where(
        asset_use.c.dag_id == bindparam("b_dag")
    )
)
_USE = Prepared(
    select(asset_use.c.asset_id).where(asset_use.c.asset_id == bindparam("b_id")).limit(1)
)
_OTHER, _SELF = asset.alias("other"), asset.alias("self")
# Each side of the union has an index; an OR over both would read the whole table.
_RIVALS = Prepared(
    select(asset.c.id, asset.c.is_active).where(
        asset.c.id.in_(
            union(
                *(
                    select(_OTHER.c.id)
                    .join(_SELF, and_(_OTHER.c[same] == _SELF.c[same], _OTHER.c.id != _SELF.c.id))
                    .where(_SELF.c.id == bindparam("b_id"))
                    for same in ("name", "uri")
                )
            )
        )
    )
)
_NAME_TAKEN = Prepared(
    select(asset.c.id).where(asset.c.name == bindparam("b_name"), asset.c.is_active).limit(1)
)
_URI_TAKEN = Prepared(
    select(asset.c.id).where(asset.c.uri == bindparam("b_uri"), asset.c.is_active).limit(1)
)
_SET_ACTIVE = Prepared(
    update(asset).where(asset.c.id == bindparam("b_id")).values(is_active=bindparam("b_active"))
)


def apply_asset_uses(tx: Tx, specs: Iterable[DagSpec], now: datetime) -> None:
    """Write which assets these Dags use and wait for, as just parsed; new assets become known."""
    for spec in specs:
        named = [one for one in _uses_of(spec) if one[2].kind == "asset"]
        described = {_key(one): one for _, _, one in named}
        ids = {key: ensure_asset(tx, one, now) for key, one in described.items()}
        wanted = {(role, task_id, ids[_key(one)]) for role, task_id, one in named}
        _write_uses(tx, spec.dag_id, wanted, now)
        for _, _, one in _uses_of(spec):
            if one.kind == "alias":
                ensure_alias(tx, one)
        watched = [
            (ids[_key(one)], watcher) for one in described.values() for watcher in one.watchers
        ]
        apply_watchers(tx, spec.dag_id, watched, now)
        places = enumerate(spec.assets)
        apply_waits(tx, spec, {n: ids[_key(one)] for n, one in places if one.kind == "asset"})


def drop_asset_uses(tx: Tx, dag_ids: Iterable[str]) -> None:
    """Let these Dags use no asset any more: they left their file, or are deleted."""
    ids = list(dag_ids)
    drop_waits(tx, ids)
    for dag_id in ids:
        apply_watchers(tx, dag_id, (), None)
        _write_uses(tx, dag_id, set(), None)


def _write_uses(
    tx: Tx, dag_id: str, wanted: set[tuple[str, str, int]], now: datetime | None
) -> None:
    there = {tuple(row) for row in _USED.rows(tx, {"b_dag": dag_id})}
    if there == wanted:
        return
    for role, task_id, asset_id in there - wanted:
        _DROP_USE.run(tx, {"b_dag": dag_id, "b_role": role, "b_task": task_id, "b_asset": asset_id})
    rows = [
        {"dag_id": dag_id, "role": role, "task_id": task, "asset_id": one, "created_at": now}
        for role, task, one in sorted(wanted - there)
    ]
    if rows:
        tx.execute(insert(asset_use), rows)
    settle_active(tx, sorted({one for _, _, one in there ^ wanted}))


def _key(one: AssetSpec) -> tuple[str | None, str | None]:
    return (one.name, one.uri)


def _uses_of(spec: DagSpec) -> list[tuple[str, str, AssetSpec]]:
    found = [("schedule", "", one) for one in spec.assets]
    for task in spec.tasks:
        found += [("inlet", task.task_id, one) for one in task.inlets]
        found += [("outlet", task.task_id, one) for one in task.outlets]
    return found


def settle_active(tx: Tx, asset_ids: Iterable[int]) -> None:
    """Say which assets are active after the uses of these changed.

    Of assets that share a name or a URI, but not both, one is active: the one used first, for as
    long as it is used.
    """
    for asset_id in asset_ids:
        rivals = _RIVALS.rows(tx, {"b_id": asset_id})
        if not rivals:
            continue
        if not _is_used(tx, asset_id):
            # Whoever was held back by it alone takes its place.
            settle_active(tx, [row.id for row in rivals if _is_used(tx, row.id)])
        elif not any(row.is_active and _is_used(tx, row.id) for row in rivals):
            _SET_ACTIVE.run_many(tx, [{"b_id": row.id, "b_active": False} for row in rivals])
            _SET_ACTIVE.run(tx, {"b_id": asset_id, "b_active": True})


def _is_used(tx: Tx, asset_id: int) -> bool:
    return _USE.row(tx, {"b_id": asset_id}) is not None


def ensure_asset(tx: Tx, one: AssetSpec, now: datetime) -> int:
    """Answer the id of an asset, made known if it was not; group and extra are as said last."""
    assert one.name is not None and one.uri is not None  # noqa: S101, PT018 - it is no reference
    row = _BY_KEY.row(tx, {"b_name": one.name, "b_uri": one.uri})
    values = {"asset_group": one.group, "extra": one.extra, "updated_at": now}
    if row is None:
        done = tx.execute(
            insert(asset).values(
                name=one.name,
                uri=one.uri,
                created_at=now,
                is_active=not _is_taken(tx, one.name, one.uri),
                **values,
            )
        )
        note_new_asset(tx, inserted_id(done), one.name, one.uri)
        return inserted_id(done)
    if (row.asset_group, row.extra) != (one.group, one.extra):
        tx.execute(update(asset).where(asset.c.id == row.id).values(**values))
    return int(row.id)


def _is_taken(tx: Tx, name: str, uri: str) -> bool:
    wish = {"b_name": name, "b_uri": uri}
    return bool(_NAME_TAKEN.row(tx, wish) or _URI_TAKEN.row(tx, wish))


def find_asset(tx: Tx, name: str | None, uri: str | None) -> AssetRow | None:
    """Answer the asset of this name, of this uri, or of both; the active one, if several fit."""
    wanted = [column == value for column, value in _named(name, uri)]
    query = select(*_COLUMNS).where(*wanted).order_by(asset.c.is_active.desc(), asset.c.id)
    rows = tx.execute(query.limit(1)).mappings()
    return next((AssetRow(**row) for row in rows), None)


def _named(name: str | None, uri: str | None) -> list[tuple[ColumnElement[str], str]]:
    pairs = ((asset.c.name, name), (asset.c.uri, uri))
    return [(column, value) for column, value in pairs if value is not None]


def read_asset(tx: Tx, asset_id: int) -> AssetRow | None:
    """Answer the asset of this id, or None."""
    rows = tx.execute(select(*_COLUMNS).where(asset.c.id == asset_id)).mappings()
    return next((AssetRow(**row) for row in rows), None)


def read_inactive(tx: Tx, keys: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Answer those of these (name, URI) that name an asset which is not active."""
    return [
        (name, uri)
        for name, uri in keys
        if (row := _BY_KEY.row(tx, {"b_name": name, "b_uri": uri})) and not row.is_active
    ]


def read_conflicts(tx: Tx, dag_id: str) -> list[tuple[AssetRow, AssetRow]]:
    """Answer each asset of a Dag that is not active, with the one that is in its way."""
    used = select(asset_use.c.asset_id).where(asset_use.c.dag_id == dag_id)
    query = select(*_COLUMNS).where(asset.c.id.in_(used), asset.c.is_active.is_(False))
    found = []
    for row in tx.execute(query.order_by(asset.c.name)).mappings().all():
        rivals = [one.id for one in _RIVALS.rows(tx, {"b_id": row["id"]}) if one.is_active]
        other = read_asset(tx, rivals[0]) if rivals else None
        if other is not None:
            found.append((AssetRow(**row), other))
    return found


def list_assets(
    tx: Tx, *, like: str = "", uri_like: str = "", limit: int = 50, offset: int = 0
) -> tuple[list[AssetRow], int]:
    """Answer assets by name, and how many there are in all."""
    wanted = [
        column.icontains(text, autoescape=True)
        for column, text in ((asset.c.name, like), (asset.c.uri, uri_like))
        if text
    ]
    query = select(*_COLUMNS).where(*wanted).order_by(asset.c.name, asset.c.uri)
    rows = tx.execute(query.limit(limit).offset(offset)).mappings()
    total = tx.execute(select(func.count()).select_from(asset).where(*wanted)).scalar_one()
    return [AssetRow(**row) for row in rows], int(total)


def read_uses(tx: Tx, asset_ids: Sequence[int]) -> list[AssetUse]:
    """Answer who uses these assets."""
    query = select(asset_use).where(asset_use.c.asset_id.in_(asset_ids))
    rows = tx.execute(query.order_by(asset_use.c.dag_id, asset_use.c.task_id)).mappings()
    return [AssetUse(**row) for row in rows]


def read_last_events(tx: Tx, asset_ids: Sequence[int]) -> dict[int, tuple[int, datetime]]:
    """Answer (id, moment) of the newest event of each of these assets that has any."""
    newest = (
        select(func.max(asset_event.c.id))
        .where(asset_event.c.asset_id.in_(asset_ids))
        .group_by(asset_event.c.asset_id)
    )
    query = select(asset_event.c.asset_id, asset_event.c.id, asset_event.c.at)
    rows = tx.execute(query.where(asset_event.c.id.in_(newest)))
    return {row[0]: (row[1], row[2]) for row in rows}


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was just written."""

    id: int
    asset_id: int
    partition_key: str | None


def apply_asset_events(
    tx: Tx, pushes: Sequence[AssetEventPush], source: EventSource, now: datetime
) -> list[NewEvent]:
    """Write events; answer them. One of a reference that names no asset is left out."""
    made: list[NewEvent] = []
    for push in pushes:
        asset_id = _asset_of(tx, push, now)
        if asset_id is None:
            continue
        if push.alias is not None:
            note_alias(tx, push.alias, asset_id)
        made.append(insert_event(tx, asset_id, push, source, now))
    return made


def insert_event(
    tx: Tx, asset_id: int, push: AssetEventPush, source: EventSource, now: datetime
) -> NewEvent:
    """Write one event of an asset."""
    done = tx.execute(
        insert(asset_event).values(
            asset_id=asset_id,
            at=now,
            extra=push.extra,
            partition_key=push.partition_key,
            alias=push.alias,
            source_dag_id=source.dag_id,
            source_run_id=source.run_id,
            source_task_id=source.task_id,
            source_map_index=source.map_index,
        )
    )
    return NewEvent(id=inserted_id(done), asset_id=asset_id, partition_key=push.partition_key)


def _asset_of(tx: Tx, push: AssetEventPush, now: datetime) -> int | None:
    if push.name is None or push.uri is None:
        found = find_asset(tx, push.name, push.uri)
        return None if found is None else found.id
    one = AssetSpec(name=push.name, uri=push.uri, group=push.group, extra=push.asset_extra)
    return ensure_asset(tx, one, now)


def read_events(tx: Tx, wish: EventFilter) -> tuple[list[AssetEvent], int]:
    """Answer events, and how many fit in all."""
    wanted = _conditions(wish)
    joined = asset_event.join(asset, asset.c.id == asset_event.c.asset_id)
    order = [asset_event.c.at, asset_event.c.id]
    if not wish.ascending:
        order = [column.desc() for column in order]  # type: ignore[misc]
    query = (
        select(
            *asset_event.c,
            asset.c.name,
            asset.c.uri,
            asset.c.asset_group.label("group"),
        )
        .select_from(joined)
        .where(*wanted)
        .order_by(*order)
        .limit(wish.limit)
        .offset(wish.offset)
    )
    found = [AssetEvent(**row) for row in tx.execute(query).mappings()]
    total = tx.execute(select(func.count()).select_from(joined).where(*wanted)).scalar_one()
    return found, int(total)


def _conditions(wish: EventFilter) -> list[ColumnElement[bool]]:
    equal = [
        (asset_event.c.id, wish.id),
        (asset_event.c.asset_id, wish.asset_id),
        (asset_event.c.alias, wish.alias),
        *_named(wish.name, wish.uri),
    ]
    if wish.source is not None:
        equal += [
            (asset_event.c.source_dag_id, wish.source.dag_id),
            (asset_event.c.source_run_id, wish.source.run_id),
            (asset_event.c.source_task_id, wish.source.task_id),
        ]
    wanted = [column == value for column, value in equal if value is not None]
    if wish.consumed_by is not None:
        of_run = asset_delivery.c.run_pk == wish.consumed_by
        wanted.append(asset_event.c.id.in_(select(asset_delivery.c.event_id).where(of_run)))
    if wish.after is not None:
        wanted.append(asset_event.c.at >= wish.after)
    if wish.before is not None:
        wanted.append(asset_event.c.at <= wish.before)
    return wanted
