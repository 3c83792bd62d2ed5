"""Backfills and their dates. What becomes of each is planned in core, done by the scheduler."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, insert, select, update

from tradewind.core.states import RunState
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared, Record
from tradewind.store.tables import backfill, backfill_date, run


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
    """Also of one that is over: it was cancelled."""
    code: str = "latest"
    """What runs: ``latest``, ``pinned``, or the number of a version of the Dag."""
    created_at: datetime
    updated_at: datetime | None = None
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
_CHANGE = (
    update(backfill)
    .where(backfill.c.id == bindparam("b_id"), backfill.c.completed_at.is_(None))
    .values(updated_at=bindparam("b_now"))
)
_PAUSE = Prepared(_CHANGE.values(is_paused=bindparam("b_paused")))
_LIMIT = Prepared(_CHANGE.values(max_active_runs=bindparam("b_limit")))
_COMPLETE = Prepared(
    _CHANGE.values(completed_at=bindparam("b_now"), is_paused=bindparam("b_cancelled"))
)
_FIRST = Prepared(
    select(backfill_date.c.run_pk)
    .where(backfill_date.c.backfill_id == bindparam("b_id"), backfill_date.c.run_pk.is_not(None))
    .order_by(backfill_date.c.position)
    .limit(1)
)
_RUNS_OF_DATES = Prepared(
    select(backfill_date.c.position, run.c.run_id, run.c.state)
    .join(run, run.c.id == backfill_date.c.run_pk)
    .where(backfill_date.c.backfill_id == bindparam("b_id"))
)
_ENDS = Prepared(
    select(run.c.end_date)
    .where(
        run.c.backfill_id == bindparam("b_id"),
        run.c.state.in_(["success", "failed"]),
        run.c.end_date.is_not(None),
    )
    .order_by(run.c.end_date.desc())
    .limit(bindparam("b_limit"))
)


def insert_backfill(tx: Tx, facts: BackfillFacts) -> int:
    """Write a backfill; answer its id."""
    return int(_INSERT.value(tx, msgspec.structs.asdict(facts)))


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


def read_active_backfills_of(tx: Tx, dag_id: str) -> list[BackfillFacts]:
    """Answer the backfills of a Dag that are not completed, the oldest first."""
    return [_facts(row) for row in _ACTIVE_OF.records(tx, {"b_dag_id": dag_id})]


def read_first_run(tx: Tx, backfill_id: int) -> int | None:
    """Answer the key of the run that a backfill starts with, whether it is there still or not."""
    first: int | None = _FIRST.value(tx, {"b_id": backfill_id})
    return first


def read_runs_of_dates(tx: Tx, backfill_id: int) -> dict[int, tuple[str, RunState]]:
    """Answer the run id and the state of a backfill's runs, by the position of their dates."""
    rows = _RUNS_OF_DATES.rows(tx, {"b_id": backfill_id})
    return {position: (run_id, RunState(state)) for position, run_id, state in rows}


def read_latest_ends(tx: Tx, backfill_id: int, limit: int) -> list[datetime]:
    """Answer when those of a backfill's runs ended that ended last, the latest first."""
    return list(_ENDS.column(tx, {"b_id": backfill_id, "b_limit": limit}))


def read_backfill_dates(tx: Tx, backfill_id: int) -> list[BackfillDate]:
    """Answer a backfill's dates in the order of starting."""
    rows = _DATES.records(tx, {"b_id": backfill_id})
    return [BackfillDate(**row) for row in rows]


def set_backfill_paused(tx: Tx, backfill_id: int, paused: bool, now: datetime) -> bool:
    """Hold or resume a backfill; False when there is none, or it is completed."""
    return _PAUSE.run(tx, {"b_id": backfill_id, "b_paused": paused, "b_now": now}) == 1


def set_backfill_limit(tx: Tx, backfill_id: int, limit: int, now: datetime) -> bool:
    """Have so many runs at work at most; False when there is none, or it is completed."""
    return _LIMIT.run(tx, {"b_id": backfill_id, "b_limit": limit, "b_now": now}) == 1


def complete_backfill(
    tx: Tx, backfill_id: int, now: datetime, *, is_cancelled: bool = False
) -> bool:
    """Close a backfill; False when there is none, or it was completed before."""
    wish = {"b_id": backfill_id, "b_now": now, "b_cancelled": is_cancelled}
    return _COMPLETE.run(tx, wish) == 1


def _facts(row: Record) -> BackfillFacts:
    return BackfillFacts(**row)
