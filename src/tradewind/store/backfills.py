"""Backfills and their dates. What becomes of each is planned in core, done by the scheduler."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from tradewind.errors import ConflictError
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared, Record
from tradewind.store.tables import backfill, backfill_date


class BackfillFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A backfill as its row tells it; ``id`` is 0 until it is inserted."""

    id: int = 0
    dag_id: str
    from_date: datetime
    to_date: datetime
    max_active_runs: int
    reprocess_behavior: str
    run_backwards: bool = False
    conf: dict[str, Any] = {}
    is_paused: bool = False
    created_at: datetime
    completed_at: datetime | None = None


class BackfillDate(msgspec.Struct, frozen=True, kw_only=True):
    """One date of a backfill, at its place in the order of starting, and what was decided on it."""

    position: int
    logical_date: datetime
    decision: str
    reason: str | None = None
    run_pk: int | None = None


_INSERT = Prepared(
    insert(backfill).returning(backfill.c.id),
    [name for name in BackfillFacts.__struct_fields__ if name != "id"],
)
_READ = Prepared(select(backfill).where(backfill.c.id == bindparam("b_id")))
_UNFINISHED = select(backfill).where(backfill.c.completed_at.is_(None)).order_by(backfill.c.id)
_ACTIVE = Prepared(_UNFINISHED)
_ACTIVE_OF = Prepared(_UNFINISHED.where(backfill.c.dag_id == bindparam("b_dag_id")))
_LIST = select(backfill).order_by(backfill.c.id.desc())
_DATES = Prepared(
    select(
        backfill_date.c.position,
        backfill_date.c.logical_date,
        backfill_date.c.decision,
        backfill_date.c.reason,
        backfill_date.c.run_pk,
    )
    .where(backfill_date.c.backfill_id == bindparam("b_id"))
    .order_by(backfill_date.c.position)
)
_PAUSE = Prepared(
    update(backfill)
    .where(backfill.c.id == bindparam("b_id"), backfill.c.completed_at.is_(None))
    .values(is_paused=bindparam("b_paused"))
)
_COMPLETE = Prepared(
    update(backfill)
    .where(backfill.c.id == bindparam("b_id"), backfill.c.completed_at.is_(None))
    .values(completed_at=bindparam("b_now"))
)
_SET_DATE = Prepared(
    update(backfill_date)
    .where(
        backfill_date.c.backfill_id == bindparam("b_id"),
        backfill_date.c.position == bindparam("b_position"),
    )
    .values(
        decision=bindparam("b_decision"), reason=bindparam("b_reason"), run_pk=bindparam("b_run_pk")
    )
)


def insert_backfill(tx: Tx, facts: BackfillFacts, dates: Sequence[BackfillDate]) -> int:
    """Write a backfill and its dates; answers its id.

    Raises:
        ConflictError: The Dag has a backfill that is not completed yet.
    """
    row = msgspec.structs.asdict(facts)
    try:
        # A savepoint: without it PostgreSQL refuses the rest of the transaction.
        with tx.begin_nested():
            backfill_id = int(_INSERT.value(tx, row))
    except IntegrityError:
        raise ConflictError(
            "backfill-active",
            f"Dag '{facts.dag_id}' has a backfill that is not completed.",
            "Wait for it, or cancel it.",
        ) from None
    insert_backfill_dates(tx, backfill_id, dates)
    return backfill_id


def insert_backfill_dates(tx: Tx, backfill_id: int, dates: Sequence[BackfillDate]) -> None:
    """Write dates of a backfill."""
    if dates:
        rows = [{"backfill_id": backfill_id, **msgspec.structs.asdict(date)} for date in dates]
        tx.execute(insert(backfill_date), rows)


def read_backfill(tx: Tx, backfill_id: int) -> BackfillFacts | None:
    """Answer the backfill of that id."""
    row = _READ.record(tx, {"b_id": backfill_id})
    return None if row is None else _facts(row)


def list_backfills(
    tx: Tx, dag_id: str | None = None, limit: int | None = None, offset: int = 0
) -> list[BackfillFacts]:
    """Answer backfills, the newest first, of one Dag or of all."""
    query = _LIST if dag_id is None else _LIST.where(backfill.c.dag_id == dag_id)
    rows = tx.execute(query.limit(limit).offset(offset)).mappings()
    return [_facts({**row}) for row in rows]


def count_backfills(tx: Tx, dag_id: str | None = None) -> int:
    """Answer how many backfills there are, of one Dag or of all."""
    query = select(func.count()).select_from(backfill)
    if dag_id is not None:
        query = query.where(backfill.c.dag_id == dag_id)
    return int(tx.execute(query).scalar_one())


def read_active_backfills(tx: Tx) -> list[BackfillFacts]:
    """Answer all backfills that are not completed, paused ones too."""
    return [_facts(row) for row in _ACTIVE.records(tx)]


def read_active_backfill_of(tx: Tx, dag_id: str) -> BackfillFacts | None:
    """Answer the one backfill of a Dag that is not completed."""
    row = _ACTIVE_OF.record(tx, {"b_dag_id": dag_id})
    return None if row is None else _facts(row)


def read_backfill_dates(tx: Tx, backfill_id: int) -> list[BackfillDate]:
    """Answer a backfill's dates in the order of starting."""
    rows = _DATES.records(tx, {"b_id": backfill_id})
    return [BackfillDate(**row) for row in rows]


def set_backfill_paused(tx: Tx, backfill_id: int, paused: bool) -> bool:
    """Hold or resume a backfill; False when there is none, or it is completed."""
    return _PAUSE.run(tx, {"b_id": backfill_id, "b_paused": paused}) == 1


def complete_backfill(tx: Tx, backfill_id: int, now: datetime) -> bool:
    """Close a backfill; False when there is none, or it was completed before."""
    return _COMPLETE.run(tx, {"b_id": backfill_id, "b_now": now}) == 1


def set_backfill_date(tx: Tx, backfill_id: int, date: BackfillDate) -> None:
    """Write what became of one date: its decision, reason and run."""
    _SET_DATE.run(
        tx,
        {
            "b_id": backfill_id,
            "b_position": date.position,
            "b_decision": date.decision,
            "b_reason": date.reason,
            "b_run_pk": date.run_pk,
        },
    )


def _facts(row: Record) -> BackfillFacts:
    return BackfillFacts(**row)
