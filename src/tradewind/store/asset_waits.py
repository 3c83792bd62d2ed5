"""Which Dags wait for which assets: their schedules' parts, resolved to assets as these get known.

A part that names an asset is resolved when its Dag is parsed. One that only refers to it (by name
or URI), and one that is an alias, waits until the asset is known, or was changed through the alias.
"""

from collections.abc import Collection, Iterable

import msgspec
from sqlalchemy import BindParameter, and_, bindparam, delete, func, insert, or_, select

from tradewind.core.assets import Listening, listening_of
from tradewind.core.spec import AssetSpec, DagSpec
from tradewind.store.data_tables import (
    asset,
    asset_alias,
    asset_alias_link,
    asset_delivery,
    asset_schedule,
    asset_wait,
    asset_wish,
)
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared
from tradewind.store.tables import dag

_BODY = msgspec.json.Decoder(Listening)
_IN_DAG: BindParameter[str] = bindparam("b_dag")
_WAITS = Prepared(
    select(asset_wait.c.part, asset_wait.c.asset_id).where(asset_wait.c.dag_id == _IN_DAG)
)
_WISHES = Prepared(
    select(asset_wish.c.part, asset_wish.c.kind, asset_wish.c.key).where(
        asset_wish.c.dag_id == _IN_DAG
    )
)
_DROP_WAITS = Prepared(delete(asset_wait).where(asset_wait.c.dag_id == _IN_DAG))
_DROP_WISHES = Prepared(delete(asset_wish).where(asset_wish.c.dag_id == _IN_DAG))
_DROP_LEFT = Prepared(
    delete(asset_delivery).where(
        asset_delivery.c.dag_id == _IN_DAG,
        asset_delivery.c.run_pk.is_(None),
        asset_delivery.c.asset_id.not_in(
            select(asset_wait.c.asset_id).where(asset_wait.c.dag_id == _IN_DAG)
        ),
    )
)
_LINK = Prepared(
    select(asset_alias_link.c.asset_id).where(
        asset_alias_link.c.alias == bindparam("b_alias"),
        asset_alias_link.c.asset_id == bindparam("b_asset"),
    )
)
_LINKED = Prepared(
    select(asset_alias_link.c.asset_id).where(asset_alias_link.c.alias == bindparam("b_key"))
)
_OF_NAME = Prepared(select(asset.c.id).where(asset.c.name == bindparam("b_key")))
_OF_URI = Prepared(select(asset.c.id).where(asset.c.uri == bindparam("b_key")))
_RESOLVE = {"alias": _LINKED, "name": _OF_NAME, "uri": _OF_URI}
_ALIAS = Prepared(
    select(asset_alias.c.id, asset_alias.c.asset_group).where(
        asset_alias.c.name == bindparam("b_name")
    )
)
_DROP_SCHEDULE = Prepared(delete(asset_schedule).where(asset_schedule.c.dag_id == _IN_DAG))
_SCHEDULE = Prepared(select(asset_schedule.c.body).where(asset_schedule.c.dag_id == _IN_DAG))
_LISTENERS = Prepared(
    select(asset_wait.c.dag_id, asset_wait.c.part, dag.c.is_paused, asset_schedule.c.body)
    .join(dag, dag.c.dag_id == asset_wait.c.dag_id)
    .join(asset_schedule, asset_schedule.c.dag_id == asset_wait.c.dag_id)
    .where(asset_wait.c.asset_id == bindparam("b_asset"))
    .order_by(asset_wait.c.dag_id, asset_wait.c.part)
)


class AliasRow(msgspec.Struct, frozen=True, kw_only=True):
    """One alias."""

    id: int
    name: str
    group: str


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """A Dag that waits for an asset."""

    dag_id: str
    is_paused: bool
    listening: Listening
    parts: tuple[int, ...]
    """Parts of its schedule that mean this asset."""


def apply_waits(tx: Tx, spec: DagSpec, ids: dict[int, int]) -> None:
    """Write what a Dag waits for, as just parsed; queued events of other assets are let go.

    Args:
        tx: The transaction.
        spec: The Dag.
        ids: Of each part of its schedule that is an asset, the asset's id by the part's place.
    """
    own = {"b_dag": spec.dag_id}
    listening = listening_of(spec)
    parts = list(enumerate(spec.assets)) if listening else []
    body = msgspec.json.encode(listening) if listening else None
    known = _SCHEDULE.value(tx, own)
    if body is None and known is None:
        return
    wishes = [(part, *wish) for part, one in parts if (wish := _wish_of(one))]
    waits = {(part, ids[part]) for part, _ in parts if part in ids}
    for part, kind, key in wishes:
        waits |= {(part, asset_id) for asset_id in _RESOLVE[kind].column(tx, {"b_key": key})}
    if body != known:
        for statement in (_DROP_SCHEDULE, _DROP_WISHES, _DROP_WAITS):
            statement.run(tx, own)
        if body is not None:
            tx.execute(insert(asset_schedule).values(dag_id=spec.dag_id, body=body))
        _insert_wishes(tx, spec.dag_id, wishes)
        _insert_waits(tx, spec.dag_id, waits)
        _DROP_LEFT.run(tx, own)


def drop_waits(tx: Tx, dag_ids: Iterable[str]) -> None:
    """Let these Dags wait for nothing any more; what is queued stays, should they return."""
    for dag_id in dag_ids:
        own = {"b_dag": dag_id}
        if _DROP_SCHEDULE.run(tx, own):
            _DROP_WAITS.run(tx, own)
            _DROP_WISHES.run(tx, own)


def _wish_of(one: AssetSpec) -> tuple[str, str] | None:
    if one.kind == "alias":
        return ("alias", one.name or "")
    if one.kind == "ref":
        return ("name", one.name) if one.name is not None else ("uri", one.uri or "")
    return None


def _insert_waits(tx: Tx, dag_id: str, waits: Collection[tuple[int, int]]) -> None:
    rows = [{"dag_id": dag_id, "part": part, "asset_id": one} for part, one in sorted(waits)]
    if rows:
        tx.execute(insert(asset_wait), rows)


def _insert_wishes(tx: Tx, dag_id: str, wishes: Collection[tuple[int, str, str]]) -> None:
    rows = [
        {"dag_id": dag_id, "part": part, "kind": kind, "key": key} for part, kind, key in wishes
    ]
    if rows:
        tx.execute(insert(asset_wish), rows)


def note_new_asset(tx: Tx, asset_id: int, name: str, uri: str) -> None:
    """Have Dags wait for an asset that just got known, if they refer to it by name or URI."""
    _fulfil(tx, asset_id, [("name", name), ("uri", uri)])


def note_alias(tx: Tx, alias: str, asset_id: int) -> None:
    """Say that an asset was changed through an alias: who waits for the alias waits for it too."""
    ensure_alias(tx, AssetSpec(kind="alias", name=alias), keep_group=True)
    if _LINK.row(tx, {"b_alias": alias, "b_asset": asset_id}) is None:
        tx.execute(insert(asset_alias_link).values(alias=alias, asset_id=asset_id))
        _fulfil(tx, asset_id, [("alias", alias)])


def _fulfil(tx: Tx, asset_id: int, keys: Iterable[tuple[str, str]]) -> None:
    fitting = or_(*(and_(asset_wish.c.kind == kind, asset_wish.c.key == key) for kind, key in keys))
    query = select(asset_wish.c.dag_id, asset_wish.c.part).where(fitting)
    rows = [
        {"dag_id": row.dag_id, "part": row.part, "asset_id": asset_id} for row in tx.execute(query)
    ]
    if rows:
        tx.execute(insert(asset_wait), rows)


def is_alias(tx: Tx, name: str) -> bool:
    """Tell whether an alias of this name is known."""
    return _ALIAS.row(tx, {"b_name": name}) is not None


def ensure_alias(tx: Tx, one: AssetSpec, *, keep_group: bool = False) -> None:
    """Make an alias known; its group is as said last."""
    row = _ALIAS.row(tx, {"b_name": one.name})
    if row is None:
        tx.execute(insert(asset_alias).values(name=one.name, asset_group=one.group))
    elif row.asset_group != one.group and not keep_group:
        tx.execute(
            asset_alias.update().where(asset_alias.c.id == row.id).values(asset_group=one.group)
        )


def read_listeners(tx: Tx, asset_id: int) -> list[Listener]:
    """Answer who waits for an asset, by Dag id."""
    rows = _LISTENERS.rows(tx, {"b_asset": asset_id})
    parts: dict[str, list[int]] = {}
    for row in rows:
        parts.setdefault(row.dag_id, []).append(row.part)
    return [
        Listener(
            dag_id=row.dag_id,
            is_paused=row.is_paused,
            listening=_BODY.decode(row.body),
            parts=tuple(parts.pop(row.dag_id)),
        )
        for row in rows
        if row.dag_id in parts
    ]


def read_listening(tx: Tx, dag_id: str) -> Listening | None:
    """Answer what a Dag waits for, or None where events of assets start no runs of it."""
    body = _SCHEDULE.value(tx, {"b_dag": dag_id})
    return None if body is None else _BODY.decode(body)


def read_waits(tx: Tx, dag_id: str) -> list[tuple[int, int]]:
    """Answer (part of the schedule, asset) of all that a Dag waits for."""
    return [(row.part, row.asset_id) for row in _WAITS.rows(tx, {"b_dag": dag_id})]


_ALIASES = select(asset_alias.c.id, asset_alias.c.name, asset_alias.c.asset_group.label("group"))


def list_aliases(
    tx: Tx, *, like: str = "", limit: int = 50, offset: int = 0
) -> tuple[list[AliasRow], int]:
    """Answer aliases by name, and how many there are in all."""
    fits = asset_alias.c.name.icontains(like, autoescape=True)
    query = _ALIASES.where(fits).order_by(asset_alias.c.name).limit(limit).offset(offset)
    total = tx.execute(select(func.count()).select_from(asset_alias).where(fits)).scalar_one()
    return [AliasRow(**row) for row in tx.execute(query).mappings()], int(total)


def read_alias(tx: Tx, alias_id: int) -> AliasRow | None:
    """Answer the alias of this id, or None."""
    rows = tx.execute(_ALIASES.where(asset_alias.c.id == alias_id)).mappings()
    return next((AliasRow(**row) for row in rows), None)


def read_aliases_of(tx: Tx, asset_ids: Collection[int]) -> dict[int, list[AliasRow]]:
    """Answer the aliases that each of these assets was changed through."""
    link = asset_alias_link.c
    query = (
        _ALIASES.add_columns(link.asset_id)
        .join(asset_alias_link, link.alias == asset_alias.c.name)
        .where(link.asset_id.in_(asset_ids))
        .order_by(asset_alias.c.name)
    )
    found: dict[int, list[AliasRow]] = {}
    for row in tx.execute(query):
        found.setdefault(row.asset_id, []).append(
            AliasRow(id=row.id, name=row.name, group=row.group)
        )
    return found
