"""Lease rows: who may do a thing that only one may do, under an epoch that only grows."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, insert, select, update

from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared
from tradewind.store.tables import lease

_READ = Prepared(
    select(lease.c.holder, lease.c.epoch, lease.c.until).where(lease.c.name == bindparam("b_name"))
)
_TAKE = Prepared(
    update(lease)
    .where(lease.c.name == bindparam("b_name"), lease.c.epoch == bindparam("b_epoch"))
    .values(holder=bindparam("b_holder"), epoch=lease.c.epoch + 1, until=bindparam("b_until"))
)
_RENEW = Prepared(
    update(lease)
    .where(
        lease.c.name == bindparam("b_name"),
        lease.c.holder == bindparam("b_holder"),
        lease.c.epoch == bindparam("b_epoch"),
    )
    .values(until=bindparam("b_until"))
)


def claim_lease(tx: Tx, name: str, holder: str, now: datetime, ttl: timedelta) -> int | None:
    """Take a lease that is free or over, under a new epoch.

    Returns:
        The epoch, one above the last; None while another holder's lease is good.
    """
    row = _READ.row(tx, {"b_name": name})
    if row is None:
        tx.execute(insert(lease), {"name": name, "holder": holder, "epoch": 1, "until": now + ttl})
        return 1
    if row.until > now and row.holder != holder:
        return None
    _TAKE.run(tx, {"b_name": name, "b_holder": holder, "b_epoch": row.epoch, "b_until": now + ttl})
    return int(row.epoch) + 1


def seize_lease(tx: Tx, name: str, holder: str, now: datetime, ttl: timedelta) -> int:
    """Take a lease whoever holds it, under a new epoch.

    Only for one who knows otherwise that the last holder is dead, as the owner of the lock on a
    SQLite file does.
    """
    row = _READ.row(tx, {"b_name": name})
    if row is not None:
        _TAKE.run(
            tx, {"b_name": name, "b_holder": holder, "b_epoch": row.epoch, "b_until": now + ttl}
        )
        return int(row.epoch) + 1
    return claim_lease(tx, name, holder, now, ttl) or 1


def is_lease_longer(tx: Tx, name: str, until: datetime) -> bool:
    """Tell whether a lease ends after ``until``, whoever holds it.

    With the longest that one can be given now, it tells that the clock was set back since.
    """
    row = _READ.row(tx, {"b_name": name})
    return row is not None and row.until > until


def hold_lease(tx: Tx, name: str, holder: str, epoch: int, now: datetime, ttl: timedelta) -> bool:
    """Hold on to a lease; False when it is another's by now: nothing may be written under it.

    It is prolonged when a third of it is over, or when the clock was set back since.
    """
    row = _READ.row(tx, {"b_name": name})
    if row is None or row.holder != holder or row.epoch != epoch:
        return False
    if ttl * 2 / 3 < row.until - now <= ttl:
        return True
    done = _RENEW.run(
        tx, {"b_name": name, "b_holder": holder, "b_epoch": epoch, "b_until": now + ttl}
    )
    return done == 1


def is_lease_held(tx: Tx, name: str, holder: str, epoch: int) -> bool:
    """Tell whether this epoch of the lease is still ours; asked in each transaction under it."""
    row = _READ.row(tx, {"b_name": name})
    return row is not None and row.holder == holder and row.epoch == epoch
