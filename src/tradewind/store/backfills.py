"""Backfills and their dates. What becomes of each is planned in core, done by the scheduler."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import RowMapping, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from tradewind.errors import ConflictError
from tradewind.store.database import Tx
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


_INSERT = insert(backfill).returning(backfill.c.id)
_READ = select(backfill).where(backfill.c.id == bindparam("b_id"))
_ACTIVE = select(backfill).where(backfill.c.completed_at.is_(None)).order_by(backfill.c.id)
_ACTIVE_OF = _ACTIVE.where(backfill.c.dag_id == bindparam("b_dag_id"))
_LIST = select(backfill).order_by(backfill.c.id.desc())
_DATES = (
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
_PAUSE = (
    update(backfill)
    .where(backfill.c.id == bindparam("b_id"), backfill.c.completed_at.is_(None))
    .values(is_paused=bindparam("b_paused"))
)
_COMPLETE = (
    update(backfill)
    .where(backfill.c.id == bindparam("b_id"), backfill.c.completed_at.is_(None))
    .values(completed_at=bindparam("b_now"))
)
_SET_DATE = (
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
    del row["id"]
    try:
        # A savepoint: without it PostgreSQL refuses the rest of the transaction.
        with tx.begin_nested():
            backfill_id = int(tx.execute(_INSERT, row).scalar_one())
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
    row = tx.execute(_READ, {"b_id": backfill_id}).mappings().one_or_none()
    return None if row is None else _facts(row)


def list_backfills(
    tx: Tx, dag_id: str | None = None, limit: int | None = None, offset: int = 0
) -> list[BackfillFacts]:
    """Answer backfills, the newest first, of one Dag or of all."""
    query = _LIST if dag_id is None else _LIST.where(backfill.c.dag_id == dag_id)
    rows = tx.execute(query.limit(limit).offset(offset)).mappings()
    return [_facts(row) for row in rows]


def count_backfills(tx: Tx, dag_id: str | None = None) -> int:
    """Answer how many backfills there are, of one Dag or of all."""
    query = select(func.count()).select_from(backfill)
    if dag_id is not None:
        query = query.where(backfill.c.dag_id == dag_id)
    return int(tx.execute(query).scalar_one())


def read_active_backfills(tx: Tx) -> list[BackfillFacts]:
    """Answer all backfills that are not completed, paused ones too."""
    return [_facts(row) for row in tx.execute(_ACTIVE).mappings()]


def read_active_backfill_of(tx: Tx, dag_id: str) -> BackfillFacts | None:
    """Answer the one backfill of a Dag that is not completed."""
    row = tx.execute(_ACTIVE_OF, {"b_dag_id": dag_id}).mappings().one_or_none()
    return None if row is None else _facts(row)


def read_backfill_dates(tx: Tx, backfill_id: int) -> list[BackfillDate]:
    """Answer a backfill's dates in the order of starting."""
    rows = tx.execute(_DATES, {"b_id": backfill_id}).mappings()
    return [BackfillDate(**row) for row in rows]


def set_backfill_paused(tx: Tx, backfill_id: int, paused: bool) -> bool:
    """Hold or resume a backfill; False when there is none, or it is completed."""
    return tx.execute(_PAUSE, {"b_id": backfill_id, "b_paused": paused}).rowcount == 1


def complete_backfill(tx: Tx, backfill_id: int, now: datetime) -> bool:
    """Close a backfill; False when there is none, or it was completed before."""
    return tx.execute(_COMPLETE, {"b_id": backfill_id, "b_now": now}).rowcount == 1


def set_backfill_date(tx: Tx, backfill_id: int, date: BackfillDate) -> None:
    """Write what became of one date: its decision, reason and run."""
    tx.execute(
        _SET_DATE,
        {
            "b_id": backfill_id,
            "b_position": date.position,
            "b_decision": date.decision,
            "b_reason": date.reason,
            "b_run_pk": date.run_pk,
        },
    )


def _facts(row: RowMapping) -> BackfillFacts:
    return BackfillFacts(**row)
