"""Worker rows: one per worker process, each with the lease all its attempts live under."""

from datetime import datetime

import msgspec
from sqlalchemy import RowMapping, bindparam, func, insert, select, update

from tradewind.store.database import Tx
from tradewind.store.tables import worker


class WorkerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as its row tells it."""

    id: str
    name: str
    host: str
    pid: int
    slots: int
    parse_slots: int
    queues: tuple[str, ...]
    state: str
    """``live``, ``gone`` (said goodbye) or ``dead`` (its lease ran out)."""
    draining: bool
    started_at: datetime
    renewed_at: datetime
    lease_until: datetime


def _facts(row: RowMapping) -> WorkerFacts:
    return WorkerFacts(**{**row, "queues": tuple(row["queues"])})


_READ = select(worker).where(worker.c.id == bindparam("b_id"))
_RENEW = (
    update(worker)
    .where(worker.c.id == bindparam("b_id"), worker.c.state == "live")
    .values(
        renewed_at=bindparam("b_now"),
        lease_until=bindparam("b_until"),
        draining=bindparam("b_draining"),
    )
)
_END = (
    update(worker)
    .where(worker.c.id == bindparam("b_id"), worker.c.state == "live")
    .values(state=bindparam("b_state"))
)
_OVERDUE = select(worker).where(worker.c.state == "live", worker.c.lease_until <= bindparam("b_at"))
_NEXT_END = select(func.min(worker.c.lease_until)).where(worker.c.state == "live")
_LIVE = select(worker).where(worker.c.state == "live").order_by(worker.c.started_at)


def insert_worker(tx: Tx, facts: WorkerFacts) -> None:
    """Write the row of a worker process that introduces itself."""
    tx.execute(insert(worker), {**msgspec.structs.asdict(facts), "queues": list(facts.queues)})


def read_worker(tx: Tx, worker_id: str) -> WorkerFacts | None:
    """Answer the worker of that id, whatever its state."""
    row = tx.execute(_READ, {"b_id": worker_id}).mappings().one_or_none()
    return None if row is None else _facts(row)


def renew_worker(tx: Tx, worker_id: str, now: datetime, until: datetime, draining: bool) -> bool:
    """Prolong the lease of a live worker; False when it is not live any more."""
    done = tx.execute(
        _RENEW, {"b_id": worker_id, "b_now": now, "b_until": until, "b_draining": draining}
    )
    return done.rowcount == 1


def end_worker(tx: Tx, worker_id: str, state: str) -> bool:
    """Close a live worker's row for good; False when it was closed before."""
    return tx.execute(_END, {"b_id": worker_id, "b_state": state}).rowcount == 1


def extend_leases(tx: Tx, until: datetime) -> None:
    """Let every live worker's lease end at ``until``: nobody could renew meanwhile.

    One that ends later was given before the clock was set back, and is cut to the same length.
    """
    tx.execute(update(worker).where(worker.c.state == "live").values(lease_until=until))


def read_overdue_workers(tx: Tx, at: datetime) -> list[WorkerFacts]:
    """Answer live workers whose lease ended at ``at`` or before."""
    return [_facts(row) for row in tx.execute(_OVERDUE, {"b_at": at}).mappings()]


def read_live_workers(tx: Tx) -> list[WorkerFacts]:
    """Answer all live workers, the oldest first."""
    return [_facts(row) for row in tx.execute(_LIVE).mappings()]


def next_lease_end(tx: Tx) -> datetime | None:
    """Answer when the first of the live workers' leases ends."""
    found: datetime | None = tx.execute(_NEXT_END).scalar_one()
    return found
