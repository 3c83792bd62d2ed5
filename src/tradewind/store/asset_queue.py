"""Events on their way to the Dags that wait for them: queued, then consumed by one run.

One row tells of one event for one Dag (and one partition of it): it is queued while it names no
run, and names the run that consumed it ever after. So no event is consumed twice, nor lost.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, exists, func, insert, literal, select, update

from tradewind.store.data_tables import asset_delivery, asset_event, asset_wait
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared

_OF = asset_delivery.c
_KEY = (_OF.dag_id == bindparam("b_dag"), _OF.partition_key == bindparam("b_key"))
_QUEUED = _OF.run_pk.is_(None)
_INSERT = Prepared(
    insert(asset_delivery), ["dag_id", "partition_key", "event_id", "asset_id", "queued_at"]
)
# One probe of the index for each asset waited for, however many of its events are queued.
_ARRIVED = Prepared(
    select(asset_wait.c.part)
    .distinct()
    .where(
        asset_wait.c.dag_id == bindparam("b_dag"),
        exists().where(*_KEY, _QUEUED, _OF.asset_id == asset_wait.c.asset_id),
    )
)
_UPSTREAM = Prepared(
    select(asset_event.c.partition_key)
    .distinct()
    .join(asset_delivery, _OF.event_id == asset_event.c.id)
    .where(
        *_KEY,
        _QUEUED,
        _OF.asset_id.in_(
            select(asset_wait.c.asset_id).where(
                asset_wait.c.dag_id == bindparam("b_dag"), asset_wait.c.part == bindparam("b_part")
            )
        ),
    )
)
_NEWEST = Prepared(select(func.max(_OF.queued_at)).where(*_KEY, _QUEUED))
_CONSUME = Prepared(update(asset_delivery).where(*_KEY, _QUEUED).values(run_pk=bindparam("b_run")))
_KEYS = Prepared(
    select(_OF.partition_key)
    .distinct()
    .where(_OF.dag_id == bindparam("b_dag"), _QUEUED)
    .order_by(_OF.partition_key)
)
_HAS_CONSUMED = Prepared(
    select(_OF.event_id).where(_OF.dag_id == bindparam("b_dag"), _OF.run_pk.is_not(None)).limit(1)
)


class QueuedEvents(msgspec.Struct, frozen=True, kw_only=True):
    """What is queued of one asset for one Dag."""

    dag_id: str
    asset_id: int
    created_at: datetime
    """When the first of them came."""
    count: int


class QueuedKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is queued for one partition of a Dag; '' for none."""

    partition_key: str
    events: int
    since: datetime


class ConsumedBy(msgspec.Struct, frozen=True, kw_only=True):
    """A run that an event helped to start."""

    event_id: int
    run_pk: int


def queue_event(
    tx: Tx, event_id: int, asset_id: int, targets: Iterable[tuple[str, str]], now: datetime
) -> None:
    """Queue an event for Dags, each with the partition it is for; '' for none."""
    rows = [
        {
            "dag_id": dag_id,
            "partition_key": key,
            "event_id": event_id,
            "asset_id": asset_id,
            "queued_at": now,
        }
        for dag_id, key in targets
    ]
    if rows:
        _INSERT.run_many(tx, rows)


def read_arrived(tx: Tx, dag_id: str, key: str = "") -> set[int]:
    """Answer the parts of a Dag's schedule that an event is queued for."""
    return set(_ARRIVED.column(tx, {"b_dag": dag_id, "b_key": key}))


def read_upstream_keys(tx: Tx, dag_id: str, key: str, part: int) -> set[str]:
    """Answer the partitions of a part's assets that are queued for a partition of a Dag."""
    return set(_UPSTREAM.column(tx, {"b_dag": dag_id, "b_key": key, "b_part": part}))


def read_newest(tx: Tx, dag_id: str, key: str = "") -> datetime | None:
    """Answer when the newest of the queued events of a Dag was queued."""
    newest: datetime | None = _NEWEST.value(tx, {"b_dag": dag_id, "b_key": key})
    return newest


def consume(tx: Tx, dag_id: str, key: str, run_pk: int) -> int:
    """Give all queued events of a Dag to a run; answer how many."""
    return _CONSUME.run(tx, {"b_dag": dag_id, "b_key": key, "b_run": run_pk})


def read_queued_keys(tx: Tx, dag_id: str) -> list[str]:
    """Answer the partitions of a Dag that events are queued for; '' for none."""
    return list(_KEYS.column(tx, {"b_dag": dag_id}))


def list_queued_keys(tx: Tx, dag_id: str) -> list[QueuedKey]:
    """Answer how much is queued for each partition of a Dag, since when."""
    query = (
        select(_OF.partition_key, func.count(), func.min(_OF.queued_at))
        .where(_OF.dag_id == dag_id, _QUEUED)
        .group_by(_OF.partition_key)
        .order_by(_OF.partition_key)
    )
    return [
        QueuedKey(partition_key=row[0], events=row[1], since=row[2]) for row in tx.execute(query)
    ]


def has_consumed(tx: Tx, dag_id: str) -> bool:
    """Tell whether events ever started a run of this Dag."""
    return _HAS_CONSUMED.row(tx, {"b_dag": dag_id}) is not None


def queue_history(tx: Tx, dag_id: str, now: datetime) -> None:
    """Queue for a Dag all events that its assets ever had, but those of partitions."""
    known = select(_OF.event_id).where(_OF.dag_id == dag_id, _OF.partition_key == "")
    earlier = select(
        literal(dag_id),
        literal(""),
        asset_event.c.id,
        asset_event.c.asset_id,
        asset_event.c.at,
    ).where(
        asset_event.c.asset_id.in_(
            select(asset_wait.c.asset_id).where(asset_wait.c.dag_id == dag_id)
        ),
        asset_event.c.partition_key.is_(None),
        asset_event.c.at <= now,
        asset_event.c.id.not_in(known),
    )
    columns = ["dag_id", "partition_key", "event_id", "asset_id", "queued_at"]
    tx.execute(insert(asset_delivery).from_select(columns, earlier))


def list_queued(
    tx: Tx,
    *,
    dag_id: str | None = None,
    asset_id: int | None = None,
    before: datetime | None = None,
) -> list[QueuedEvents]:
    """Answer what is queued, of one Dag, of one asset, or both."""
    query = (
        select(_OF.dag_id, _OF.asset_id, func.min(_OF.queued_at), func.count())
        .where(*_chosen(dag_id, asset_id, before))
        .group_by(_OF.dag_id, _OF.asset_id)
        .order_by(_OF.dag_id, _OF.asset_id)
    )
    return [
        QueuedEvents(dag_id=row[0], asset_id=row[1], created_at=row[2], count=row[3])
        for row in tx.execute(query)
    ]


def delete_queued(
    tx: Tx,
    *,
    dag_id: str | None = None,
    asset_id: int | None = None,
    before: datetime | None = None,
) -> int:
    """Let queued events go, of one Dag, of one asset, or both; answer how many."""
    return tx.execute(delete(asset_delivery).where(*_chosen(dag_id, asset_id, before))).rowcount


def _chosen(dag_id: str | None, asset_id: int | None, before: datetime | None) -> list[Any]:
    wanted: list[Any] = [_QUEUED]
    if dag_id is not None:
        wanted.append(_OF.dag_id == dag_id)
    if asset_id is not None:
        waiting = select(asset_wait.c.dag_id).where(asset_wait.c.asset_id == asset_id)
        # The index of what is queued begins with the Dag: few wait for one asset.
        wanted += [_OF.asset_id == asset_id, _OF.dag_id.in_(waiting)]
    if before is not None:
        wanted.append(_OF.queued_at < before)
    return wanted


def read_consumers(tx: Tx, event_ids: Sequence[int]) -> list[ConsumedBy]:
    """Answer the runs that these events helped to start."""
    query = select(_OF.event_id, _OF.run_pk).where(
        _OF.event_id.in_(event_ids), _OF.run_pk.is_not(None)
    )
    rows = tx.execute(query.order_by(_OF.event_id, _OF.run_pk)).mappings()
    return [ConsumedBy(**row) for row in rows]
