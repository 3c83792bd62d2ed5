"""Pools: named counts of slots that tasks share."""

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update

from tradewind.errors import NotFoundError, RefusedError, did_you_mean
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared
from tradewind.store.tables import pool

DEFAULT_POOL = "default_pool"
"""The pool of every task that names none; always there."""


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A pool. ``slots`` -1 means that it has no limit."""

    name: str
    slots: int
    description: str | None = None
    include_deferred: bool = False


_READ = Prepared(select(pool).where(pool.c.name == bindparam("b_name")))
_LIST = Prepared(select(pool).order_by(pool.c.name))
_SLOTS = Prepared(select(pool.c.name, pool.c.slots, pool.c.include_deferred))
_UPDATE = Prepared(
    update(pool)
    .where(pool.c.name == bindparam("b_name"))
    .values(
        slots=bindparam("b_slots"),
        description=bindparam("b_description"),
        include_deferred=bindparam("b_deferred"),
    )
)
_DELETE = Prepared(delete(pool).where(pool.c.name == bindparam("b_name")))


def read_pools(tx: Tx) -> dict[str, Pool]:
    """Answer every pool by its name, in order of names."""
    return {row["name"]: Pool(**row) for row in _LIST.records(tx)}


def read_slots(tx: Tx) -> tuple[dict[str, int], frozenset[str]]:
    """Answer how many slots each pool has, and in which deferred ones keep theirs."""
    found = _SLOTS.rows(tx)
    slots = {row.name: row.slots for row in found}
    return slots, frozenset(row.name for row in found if row.include_deferred)


def read_pool(tx: Tx, name: str) -> Pool:
    """Answer the pool of that name.

    Raises:
        NotFoundError: There is none.
    """
    row = _READ.record(tx, {"b_name": name})
    if row is None:
        raise _no_pool(tx, name)
    return Pool(**row)


def count_pools(tx: Tx) -> int:
    """Answer how many pools there are."""
    return int(tx.execute(select(func.count()).select_from(pool)).scalar_one())


def set_pool(tx: Tx, value: Pool) -> bool:
    """Write a pool as given; True when it is new.

    Raises:
        RefusedError: The name is empty, or the slots are below -1.
    """
    if not value.name:
        raise RefusedError("bad-pool", "A pool needs a name.")
    if value.slots < -1:
        raise RefusedError(
            "bad-pool", f"Pool '{value.name}' cannot have {value.slots} slots.", "-1 is no limit."
        )
    done = _UPDATE.run(
        tx,
        {
            "b_name": value.name,
            "b_slots": value.slots,
            "b_description": value.description,
            "b_deferred": value.include_deferred,
        },
    )
    if done:
        return False
    tx.execute(insert(pool), msgspec.structs.asdict(value))
    return True


def delete_pool(tx: Tx, name: str) -> None:
    """Remove a pool; tasks that name it wait until it is there again.

    Raises:
        RefusedError: It is the default pool.
        NotFoundError: There is none of that name.
    """
    if name == DEFAULT_POOL:
        raise RefusedError("default-pool", f"{DEFAULT_POOL} cannot be deleted.", "Set its slots.")
    if _DELETE.run(tx, {"b_name": name}) == 0:
        raise _no_pool(tx, name)


def ensure_default_pool(tx: Tx, slots: int) -> None:
    """Make the default pool where there is none; one that is there keeps its slots."""
    if _READ.row(tx, {"b_name": DEFAULT_POOL}) is None:
        set_pool(tx, Pool(name=DEFAULT_POOL, slots=slots, description="Default pool"))


def _no_pool(tx: Tx, name: str) -> NotFoundError:
    return NotFoundError(
        "pool-not-found", f"There is no pool '{name}'.", did_you_mean(name, read_pools(tx))
    )
