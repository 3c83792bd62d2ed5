"""Worker rows: one per worker process, each with the lease all its attempts live under."""

from datetime import datetime

import msgspec
from sqlalchemy import bindparam, insert, select, update

from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared, Record
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


def _facts(row: Record) -> WorkerFacts:
    return WorkerFacts(**{**row, "queues": tuple(row["queues"])})


_READ = Prepared(select(worker).where(worker.c.id == bindparam("b_id")))
_RENEW = Prepared(
    update(worker)
    .where(worker.c.id == bindparam("b_id"), worker.c.state == "live")
    .values(
        renewed_at=bindparam("b_now"),
        lease_until=bindparam("b_until"),
        draining=bindparam("b_draining"),
    )
)
_END = Prepared(
    update(worker)
    .where(worker.c.id == bindparam("b_id"), worker.c.state == "live")
    .values(state=bindparam("b_state"))
)
_EXTEND = Prepared(
    update(worker).where(worker.c.state == "live").values(lease_until=bindparam("b_until"))
)
_OVERDUE = Prepared(
    select(worker).where(worker.c.state == "live", worker.c.lease_until <= bindparam("b_at"))
)
_LIVE = Prepared(select(worker).where(worker.c.state == "live").order_by(worker.c.started_at))


def insert_worker(tx: Tx, facts: WorkerFacts) -> None:
    """Write the row of a worker process that introduces itself."""
    tx.execute(insert(worker), {**msgspec.structs.asdict(facts), "queues": list(facts.queues)})


def read_worker(tx: Tx, worker_id: str) -> WorkerFacts | None:
    """Answer the worker of that id, whatever its state."""
    row = _READ.record(tx, {"b_id": worker_id})
    return None if row is None else _facts(row)


def renew_worker(tx: Tx, worker_id: str, now: datetime, until: datetime, draining: bool) -> bool:
    """Prolong the lease of a live worker; False when it is not live any more."""
    done = _RENEW.run(
        tx, {"b_id": worker_id, "b_now": now, "b_until": until, "b_draining": draining}
    )
    return done == 1


def end_worker(tx: Tx, worker_id: str, state: str) -> bool:
    """Close a live worker's row for good; False when it was closed before."""
    return _END.run(tx, {"b_id": worker_id, "b_state": state}) == 1


def extend_leases(tx: Tx, until: datetime) -> None:
    """Let every live worker's lease end at ``until``: nobody could renew meanwhile.

    One that ends later was given before the clock was set back, and is cut to the same length.
    """
    _EXTEND.run(tx, {"b_until": until})


def read_overdue_workers(tx: Tx, at: datetime) -> list[WorkerFacts]:
    """Answer live workers whose lease ended at ``at`` or before."""
    return [_facts(row) for row in _OVERDUE.records(tx, {"b_at": at})]


def read_live_workers(tx: Tx) -> list[WorkerFacts]:
    """Answer all live workers, the oldest first."""
    return [_facts(row) for row in _LIVE.records(tx)]
