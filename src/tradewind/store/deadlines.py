"""Deadline rows: what is due when, what was missed, and what need not be watched any more."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update

from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared
from tradewind.store.tables import deadline, run, task_instance


class NewDeadline(msgspec.Struct, frozen=True, kw_only=True):
    """A deadline to be written."""

    run_pk: int
    dag_id: str
    scope: str
    owner: str = ""
    position: int
    name: str = ""
    reference: str
    state: str = "pending"
    """``asked`` (a worker is asked from when it counts), ``pending``, ``missed``, ``met`` (its work
    ended well before), ``over`` (its work failed before) or ``none`` (there is none: ``note``)."""
    due_at: datetime | None = None
    note: str = ""


class Deadline(NewDeadline, frozen=True, kw_only=True):
    """A deadline as its row tells it."""

    id: int
    missed_at: datetime | None
    created_at: datetime


class DeadlineFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which deadlines to list; what is None or empty does not narrow."""

    dag_id: str | None = None
    run_pk: int | None = None
    states: tuple[str, ...] = ()
    due_gte: datetime | None = None
    due_lte: datetime | None = None


_COLUMNS = select(*(deadline.c[name] for name in Deadline.__struct_fields__))
_INSERT = Prepared(
    insert(deadline).returning(deadline.c.id), [*NewDeadline.__struct_fields__, "created_at"]
)
_DROP = Prepared(
    delete(deadline).where(
        deadline.c.run_pk == bindparam("b_run"),
        deadline.c.scope == bindparam("b_scope"),
        deadline.c.owner == bindparam("b_owner"),
        deadline.c.position == bindparam("b_position"),
    )
)
_AT = Prepared(
    select(deadline.c.id).where(
        deadline.c.run_pk == bindparam("b_run"),
        deadline.c.scope == bindparam("b_scope"),
        deadline.c.owner == bindparam("b_owner"),
        deadline.c.position == bindparam("b_position"),
    )
)
_POSITIONS = Prepared(
    select(deadline.c.position).where(
        deadline.c.run_pk == bindparam("b_run"),
        deadline.c.scope == bindparam("b_scope"),
        deadline.c.owner == bindparam("b_owner"),
    )
)
_RENEW = Prepared(
    update(deadline)
    .where(deadline.c.id == bindparam("b_id"))
    .values(
        state=bindparam("b_state"),
        due_at=bindparam("b_due"),
        missed_at=None,
        note=bindparam("b_note"),
        created_at=bindparam("b_now"),
    )
)
_BY_ID = Prepared(_COLUMNS.where(deadline.c.id == bindparam("b_id")))
_DUE = Prepared(
    _COLUMNS.where(deadline.c.state == "pending", deadline.c.due_at <= bindparam("b_now")).order_by(
        deadline.c.due_at, deadline.c.id
    )
)
_MISS = Prepared(
    update(deadline)
    .where(deadline.c.id == bindparam("b_id"), deadline.c.state == "pending")
    .values(state="missed", missed_at=bindparam("b_now"))
)
_SET = Prepared(
    update(deadline)
    .where(deadline.c.id == bindparam("b_id"), deadline.c.state == "asked")
    .values(state=bindparam("b_state"), due_at=bindparam("b_due"), note=bindparam("b_note"))
)
# What is due already stays: it is about to be missed, though its work has ended by now.
_CLOSE = Prepared(
    update(deadline)
    .where(
        deadline.c.run_pk == bindparam("b_run"),
        deadline.c.scope == bindparam("b_scope"),
        deadline.c.owner == bindparam("b_owner"),
        deadline.c.state == "pending",
        deadline.c.due_at > bindparam("b_now"),
    )
    .values(state=bindparam("b_state"))
)
_CLOSE_RUN = Prepared(
    update(deadline)
    .where(
        deadline.c.run_pk == bindparam("b_run"),
        deadline.c.state == "pending",
        deadline.c.due_at > bindparam("b_now"),
    )
    .values(state=bindparam("b_state"))
)
_CLOSE_ASKED = Prepared(
    update(deadline)
    .where(deadline.c.run_pk == bindparam("b_run"), deadline.c.state == "asked")
    .values(state=bindparam("b_state"))
)
_LAST_SUCCESSES = Prepared(
    select(run.c.id, run.c.start_date, run.c.end_date)
    .where(
        run.c.dag_id == bindparam("b_dag"),
        run.c.state == "success",
        run.c.start_date.is_not(None),
        run.c.end_date.is_not(None),
    )
    .order_by(run.c.run_after.desc())
    .limit(bindparam("b_limit"))
)
_SPANS = Prepared(
    select(func.min(task_instance.c.start_date), func.max(task_instance.c.end_date))
    .where(
        task_instance.c.run_pk.in_(bindparam("b_runs", expanding=True)),
        task_instance.c.task_id.in_(bindparam("b_tasks", expanding=True)),
        task_instance.c.state == "success",
    )
    .group_by(task_instance.c.run_pk)
)


def put_deadline(tx: Tx, new: NewDeadline, now: datetime) -> int:
    """Write a deadline, over an older one of the same alert; answer its key."""
    place = {
        "b_run": new.run_pk,
        "b_scope": new.scope,
        "b_owner": new.owner,
        "b_position": new.position,
    }
    key = _AT.value(tx, place)
    if key is None:
        return int(_INSERT.value(tx, {**msgspec.structs.asdict(new), "created_at": now}))
    values = {"b_state": new.state, "b_due": new.due_at, "b_note": new.note, "b_now": now}
    _RENEW.run(tx, {"b_id": key, **values})
    return int(key)


def drop(tx: Tx, run_pk: int, scope: str, owner: str, places: Collection[int]) -> None:
    """Forget the deadlines of these positions: what they count from is to come again."""
    for position in places:
        values = {"b_run": run_pk, "b_scope": scope, "b_owner": owner, "b_position": position}
        _DROP.run(tx, values)


def positions(tx: Tx, run_pk: int, scope: str, owner: str) -> set[int]:
    """Answer which of an owner's deadlines there are."""
    values = {"b_run": run_pk, "b_scope": scope, "b_owner": owner}
    return set(_POSITIONS.column(tx, values))


def read_deadline(tx: Tx, deadline_id: int) -> Deadline | None:
    """Answer the deadline of that key."""
    record = _BY_ID.record(tx, {"b_id": deadline_id})
    return None if record is None else Deadline(**record)


def read_due(tx: Tx, now: datetime) -> list[Deadline]:
    """Answer the deadlines that are due and were not missed yet, the oldest first."""
    return [Deadline(**record) for record in _DUE.records(tx, {"b_now": now})]


def miss(tx: Tx, deadline_id: int, now: datetime) -> bool:
    """Record that a deadline was missed; False when it was before, or is over."""
    return bool(_MISS.run(tx, {"b_id": deadline_id, "b_now": now}))


def settle_asked(tx: Tx, deadline_id: int, due_at: datetime | None, note: str) -> bool:
    """Write what an author's own reference answered; False when nobody waits for it any more."""
    state = "none" if due_at is None else "pending"
    values = {"b_id": deadline_id, "b_state": state, "b_due": due_at, "b_note": note}
    return bool(_SET.run(tx, values))


def close(tx: Tx, run_pk: int, scope: str, owner: str, state: str, now: datetime) -> None:
    """Say that what these deadlines watch has ended: those not due yet are met, or over."""
    values = {"b_run": run_pk, "b_scope": scope, "b_owner": owner, "b_state": state, "b_now": now}
    _CLOSE.run(tx, values)


def close_run(tx: Tx, run_pk: int, state: str, now: datetime) -> None:
    """Say that a run has ended: none of its deadlines that are not due yet is watched any more."""
    _CLOSE_RUN.run(tx, {"b_run": run_pk, "b_state": state, "b_now": now})
    _CLOSE_ASKED.run(tx, {"b_run": run_pk, "b_state": state})


def read_runtimes(
    tx: Tx, dag_id: str, limit: int, task_ids: Collection[str] | None = None
) -> list[float]:
    """Answer how many seconds the last successful runs took, or these tasks in them."""
    last = _LAST_SUCCESSES.rows(tx, {"b_dag": dag_id, "b_limit": limit})
    if task_ids is None:
        return [(end - start).total_seconds() for _, start, end in last]
    if not last or not task_ids:
        return []
    found = _SPANS.rows(tx, {"b_runs": [row[0] for row in last], "b_tasks": sorted(task_ids)})
    return [(end - start).total_seconds() for start, end in found if start and end]


def list_deadlines(
    tx: Tx, wish: DeadlineFilter, *, limit: int = 100, offset: int = 0
) -> list[tuple[Deadline, str]]:
    """Answer deadlines with the run id of each, by when they are due."""
    statement = (
        _COLUMNS.add_columns(run.c.run_id)
        .join(run, run.c.id == deadline.c.run_pk)
        .where(*_conditions(wish))
        .order_by(deadline.c.due_at.is_(None), deadline.c.due_at, deadline.c.id)
        .limit(limit)
        .offset(offset)
    )
    found = []
    for row in tx.execute(statement).mappings():
        values = dict(row)
        run_id = values.pop("run_id")
        found.append((Deadline(**values), run_id))
    return found


def count_deadlines(tx: Tx, wish: DeadlineFilter) -> int:
    """Answer how many deadlines there are."""
    statement = select(func.count()).select_from(deadline).where(*_conditions(wish))
    return int(tx.execute(statement).scalar_one())


def _conditions(wish: DeadlineFilter) -> Sequence[Any]:
    conditions: list[Any] = []
    if wish.dag_id is not None:
        conditions.append(deadline.c.dag_id == wish.dag_id)
    if wish.run_pk is not None:
        conditions.append(deadline.c.run_pk == wish.run_pk)
    if wish.states:
        conditions.append(deadline.c.state.in_(wish.states))
    if wish.due_gte is not None:
        conditions.append(deadline.c.due_at >= wish.due_gte)
    if wish.due_lte is not None:
        conditions.append(deadline.c.due_at <= wish.due_lte)
    return conditions
