"""State that outlives a try: small JSON values of task instances and of assets."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Table, delete, func, insert, or_, select

from tradewind.store.data_tables import asset_state, task_state
from tradewind.store.database import Tx


class TaskOwner(msgspec.Struct, frozen=True, kw_only=True):
    """A task instance, whose state it is."""

    run_pk: int
    task_id: str
    map_path: str

    @property
    def table(self) -> Table:
        """Where its state is."""
        return task_state


class AssetOwner(msgspec.Struct, frozen=True, kw_only=True):
    """An asset, whose state it is."""

    asset_id: int

    @property
    def table(self) -> Table:
        """Where its state is."""
        return asset_state


Owner = TaskOwner | AssetOwner


class StateRow(msgspec.Struct, frozen=True, kw_only=True):
    """One value."""

    key: str
    value: bytes
    expires_at: datetime | None
    updated_at: datetime


def _of(owner: Owner) -> list[ColumnElement[bool]]:
    columns = owner.table.c
    return [columns[name] == value for name, value in msgspec.structs.asdict(owner).items()]


def read_state(tx: Tx, owner: Owner, key: str, now: datetime) -> bytes | None:
    """Answer the JSON of a key, or None where there is none or its time is over."""
    columns = owner.table.c
    alive = or_(columns.expires_at.is_(None), columns.expires_at > now)
    found = tx.execute(select(columns.value).where(*_of(owner), columns.key == key, alive)).scalar()
    return None if found is None else bytes(found)


def list_states(tx: Tx, owner: Owner, now: datetime) -> list[StateRow]:
    """Answer all values of an owner, by key."""
    columns = owner.table.c
    alive = or_(columns.expires_at.is_(None), columns.expires_at > now)
    wanted = (columns.key, columns.value, columns.expires_at, columns.updated_at)
    rows = tx.execute(select(*wanted).where(*_of(owner), alive).order_by(columns.key))
    return [StateRow(**row) for row in rows.mappings()]


def set_state(
    tx: Tx,
    owner: Owner,
    key: str,
    value: bytes,
    *,
    keep: timedelta | None,
    now: datetime,
    writer: dict[str, Any] | None = None,
) -> None:
    """Keep a value; the one of this key before is gone."""
    delete_state(tx, owner, key)
    row = {
        **msgspec.structs.asdict(owner),
        "key": key,
        "value": value,
        "expires_at": None if keep is None else now + keep,
        "updated_at": now,
    }
    if isinstance(owner, AssetOwner):
        row["writer"] = writer or {}
    tx.execute(insert(owner.table), row)


def delete_state(tx: Tx, owner: Owner, key: str | None) -> None:
    """Remove a key; all keys, if none is named."""
    wanted = _of(owner)
    if key is not None:
        wanted.append(owner.table.c.key == key)
    tx.execute(delete(owner.table).where(*wanted))


def delete_expired(tx: Tx, now: datetime, *, dry_run: bool = False) -> dict[str, int]:
    """Remove the values whose time is over; answer how many, by table. A dry run removes none."""
    counts: dict[str, int] = {}
    for table in (task_state, asset_state):
        over = table.c.expires_at <= now
        query = select(func.count()).select_from(table).where(over)
        counts[table.name] = int(tx.execute(query).scalar_one())
        if not dry_run:
            tx.execute(delete(table).where(over))
    return counts
