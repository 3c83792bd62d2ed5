"""Watchers: triggers that tell of changes of assets made elsewhere, and who runs each.

Watchers made from the same class and arguments are one row, whatever asset and Dag they are written
at: it runs once, and its event is one of each of these assets. A row is claimed like a deferral, by
one worker under an epoch; when it has spoken it is free again.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from tradewind.core.spec import WatcherSpec
from tradewind.store.attempts import hash_token
from tradewind.store.data_tables import asset, asset_watch, asset_watcher
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared


class Watcher(msgspec.Struct, frozen=True, kw_only=True):
    """A watcher as its row tells it."""

    id: int
    classpath: str
    kwargs: bytes
    dag_id: str
    """With whose file it runs."""
    claimed_by: str | None
    claim_seq: int | None
    epoch: int
    token_hash: bytes | None
    failures: int
    """In a row."""
    error: str
    created_at: datetime
    fired_at: datetime | None


class WatchedAsset(msgspec.Struct, frozen=True, kw_only=True):
    """An asset that a watcher tells of."""

    watcher_id: int
    asset_id: int
    name: str
    """The watcher's."""
    created_at: datetime


_SELECT = select(*(asset_watcher.c[name] for name in Watcher.__struct_fields__))
_BY_IDS = Prepared(_SELECT.where(asset_watcher.c.id.in_(bindparam("b_ids", expanding=True))))
_BY_DIGEST = Prepared(
    select(asset_watcher.c.id).where(asset_watcher.c.digest == bindparam("b_digest"))
)
_FREE = Prepared(
    _SELECT.where(
        asset_watcher.c.claimed_by.is_(None),
        asset_watcher.c.queue.in_(bindparam("b_queues", expanding=True)),
    )
    .order_by(asset_watcher.c.id)
    .limit(bindparam("b_limit"))
)
_CLAIM = Prepared(
    update(asset_watcher)
    .where(asset_watcher.c.id == bindparam("b_id"), asset_watcher.c.claimed_by.is_(None))
    .values(
        claimed_by=bindparam("b_worker"),
        claim_seq=bindparam("b_seq"),
        token_hash=bindparam("b_token"),
        epoch=asset_watcher.c.epoch + 1,
    )
)
_FREED = {"claimed_by": None, "claim_seq": None, "token_hash": None}
_RETURN = Prepared(
    update(asset_watcher)
    .where(asset_watcher.c.id.in_(bindparam("b_ids", expanding=True)))
    .values(**_FREED)
)
_HELD = Prepared(
    select(asset_watcher.c.id, asset_watcher.c.claim_seq).where(
        asset_watcher.c.claimed_by == bindparam("b_worker")
    )
)
_MINE = (
    asset_watcher.c.id == bindparam("b_id"),
    asset_watcher.c.epoch == bindparam("b_epoch"),
    asset_watcher.c.claimed_by == bindparam("b_worker"),
)
_FIRE = Prepared(
    update(asset_watcher)
    .where(*_MINE)
    .values(**_FREED, failures=0, error="", fired_at=bindparam("b_now"))
)
_FAIL = Prepared(
    update(asset_watcher)
    .where(*_MINE)
    .values(**_FREED, failures=asset_watcher.c.failures + 1, error=bindparam("b_error"))
)
_WATCHED = Prepared(
    select(asset_watch.c.asset_id)
    .distinct()
    .where(asset_watch.c.watcher_id == bindparam("b_id"))
    .order_by(asset_watch.c.asset_id)
)
_OF_DAG = Prepared(
    select(asset_watch.c.asset_id, asset_watch.c.name, asset_watch.c.watcher_id).where(
        asset_watch.c.dag_id == bindparam("b_dag")
    )
)
_DROP = Prepared(delete(asset_watch).where(asset_watch.c.dag_id == bindparam("b_dag")))
_NEXT_DAG = Prepared(
    select(asset_watch.c.dag_id)
    .where(asset_watch.c.watcher_id == bindparam("b_id"))
    .order_by(asset_watch.c.dag_id)
    .limit(1)
)
_MOVE = Prepared(
    update(asset_watcher)
    .where(asset_watcher.c.id == bindparam("b_id"))
    .values(dag_id=bindparam("b_dag"))
)
_END = Prepared(delete(asset_watcher).where(asset_watcher.c.id == bindparam("b_id")))


def apply_watchers(
    tx: Tx, dag_id: str, wanted: Iterable[tuple[int, WatcherSpec]], now: datetime | None
) -> None:
    """Write which assets a Dag has watched, and by what; a watcher nobody needs is gone.

    Args:
        tx: The transaction.
        dag_id: The Dag.
        wanted: Assets and their watchers.
        now: The present moment; None where nothing is wanted.
    """
    there = {
        (row.asset_id, row.name): row.watcher_id for row in _OF_DAG.rows(tx, {"b_dag": dag_id})
    }
    asked = {(asset_id, one.name): one for asset_id, one in wanted}
    if not there and not asked:
        return
    ids = {key: _ensure(tx, dag_id, one, now) for key, one in asked.items()}
    if ids == there:
        return
    _DROP.run(tx, {"b_dag": dag_id})
    new = [
        {"dag_id": dag_id, "asset_id": asset_id, "name": name, "watcher_id": one}
        for (asset_id, name), one in ids.items()
    ]
    if new:
        tx.execute(insert(asset_watch), new)
    for watcher_id in set(there.values()) - set(ids.values()):
        other = _NEXT_DAG.value(tx, {"b_id": watcher_id})
        if other is None:
            _END.run(tx, {"b_id": watcher_id})
        else:
            _MOVE.run(tx, {"b_id": watcher_id, "b_dag": other})


def _ensure(tx: Tx, dag_id: str, one: WatcherSpec, now: datetime | None) -> int:
    digest = hashlib.sha256(f"{one.classpath}\n{one.kwargs}".encode()).hexdigest()
    known = _BY_DIGEST.value(tx, {"b_digest": digest})
    if known is not None:
        return int(known)
    made = tx.execute(
        insert(asset_watcher)
        .values(
            digest=digest,
            classpath=one.classpath,
            kwargs=one.kwargs.encode(),
            queue=one.queue,
            dag_id=dag_id,
            created_at=now,
        )
        .returning(asset_watcher.c.id)
    )
    return int(made.scalar_one())


def read_watchers(tx: Tx, ids: Collection[int]) -> dict[int, Watcher]:
    """Answer the watchers of these ids that there are still."""
    if not ids:
        return {}
    return {row["id"]: Watcher(**row) for row in _BY_IDS.records(tx, {"b_ids": list(ids)})}


def claim_watchers(
    tx: Tx, worker_id: str, seq: int, queues: Sequence[str], tokens: Sequence[str]
) -> list[tuple[Watcher, str]]:
    """Take watchers that nobody runs, as many as there are tokens; answer each with its own."""
    found = _FREE.records(tx, {"b_queues": list(queues), "b_limit": len(tokens)})
    claimed = []
    for row, token in zip(found, tokens, strict=False):
        one = Watcher(**row)
        values = {"b_id": one.id, "b_worker": worker_id, "b_seq": seq}
        if _CLAIM.run(tx, {**values, "b_token": hash_token(token)}):
            claimed.append((msgspec.structs.replace(one, epoch=one.epoch + 1), token))
    return claimed


def return_watchers(tx: Tx, ids: Collection[int]) -> None:
    """Give watchers back that their worker does not run: another may."""
    if ids:
        _RETURN.run(tx, {"b_ids": list(ids)})


def read_held_watchers(tx: Tx, worker_id: str) -> dict[int, int]:
    """Answer the watchers that a worker runs, with the request that claimed each."""
    return {row.id: row.claim_seq for row in _HELD.rows(tx, {"b_worker": worker_id})}


def apply_spoken(
    tx: Tx, worker_id: str, watcher_id: int, epoch: int, now: datetime, error: str | None
) -> bool:
    """Write that a watcher has spoken, or failed, once a claim; False when somebody else has it."""
    mine: dict[str, Any] = {"b_id": watcher_id, "b_epoch": epoch, "b_worker": worker_id}
    if error is None:
        return _FIRE.run(tx, {**mine, "b_now": now}) == 1
    return _FAIL.run(tx, {**mine, "b_error": error}) == 1


def read_watched(tx: Tx, watcher_id: int) -> list[int]:
    """Answer the assets that a watcher tells of."""
    return list(_WATCHED.column(tx, {"b_id": watcher_id}))


def read_watchers_of(tx: Tx, asset_ids: Collection[int]) -> list[WatchedAsset]:
    """Answer who watches these assets."""
    query = (
        select(
            asset_watch.c.watcher_id,
            asset_watch.c.asset_id,
            asset_watch.c.name,
            asset_watcher.c.created_at,
        )
        .distinct()
        .join(asset_watcher, asset_watcher.c.id == asset_watch.c.watcher_id)
        .join(asset, asset.c.id == asset_watch.c.asset_id)
        .where(asset_watch.c.asset_id.in_(asset_ids))
        .order_by(asset_watch.c.name, asset_watch.c.watcher_id)
    )
    return [WatchedAsset(**row) for row in tx.execute(query).mappings()]
