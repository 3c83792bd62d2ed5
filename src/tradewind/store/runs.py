"""Run rows: one per Dag run."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from tradewind.core.runs import Run, RunType
from tradewind.core.states import RunState
from tradewind.errors import ConflictError
from tradewind.store.database import Tx
from tradewind.store.tables import dag, event, run

_COLUMNS = [column for column in run.c if column.name not in ("id", "owner", "timeout_at")] + [
    run.c.id.label("pk")
]
_BY_PK = select(*_COLUMNS).where(run.c.id == bindparam("b_pk"))
_BY_ID = select(*_COLUMNS).where(
    run.c.dag_id == bindparam("b_dag"), run.c.run_id == bindparam("b_run")
)
_BY_DATE = select(*_COLUMNS).where(
    run.c.dag_id == bindparam("b_dag"), run.c.logical_date == bindparam("b_date")
)
_CLAIM = (
    update(run)
    .where(run.c.id == bindparam("b_pk"))
    .values(owner=bindparam("b_owner"), epoch=run.c.epoch + 1)
    .returning(run.c.epoch)
)
_APPLY = (
    update(run)
    .where(
        run.c.id == bindparam("b_pk"),
        run.c.epoch == bindparam("b_epoch"),
        run.c.seq == bindparam("b_seq"),
    )
    .values(
        seq=bindparam("b_new_seq"),
        state=bindparam("b_state"),
        queued_at=bindparam("b_queued"),
        start_date=bindparam("b_start"),
        end_date=bindparam("b_end"),
        timeout_at=bindparam("b_timeout"),
    )
)
_ACTIVE = select(run.c.dag_id, run.c.backfill_id, run.c.state, func.count().label("n")).where(
    run.c.state.in_(["queued", "running"])
)
_DUE_AT = case((run.c.logical_date > run.c.run_after, run.c.logical_date), else_=run.c.run_after)
_NEXT_QUEUED = (
    select(func.min(_DUE_AT))
    .join(dag, dag.c.dag_id == run.c.dag_id)
    .where(
        run.c.state == "queued",
        bindparam("b_now", type_=run.c.run_after.type) < _DUE_AT,
        or_(~dag.c.is_paused, run.c.backfill_id.is_not(None)),
    )
)
_TIMED_OUT = select(run.c.id).where(
    run.c.timeout_at.is_not(None), run.c.timeout_at <= bindparam("b_now")
)
_NEXT_TIMEOUT = select(func.min(run.c.timeout_at)).where(run.c.timeout_at.is_not(None))
_RUNNING = select(run.c.id).where(run.c.state == "running").order_by(run.c.id)


class RunChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a transaction makes of a run row, and what it must find there."""

    pk: int
    epoch: int
    seq: int
    new_seq: int
    state: RunState
    queued_at: datetime | None
    start_date: datetime | None
    end_date: datetime | None
    timeout_at: datetime | None


class StaleRunError(Exception):
    """The run row is not as it was folded: another writer was faster, or the epoch is over."""


def _run(row: RowMapping) -> Run:
    return Run(**{**row, "run_type": RunType(row["run_type"]), "state": RunState(row["state"])})


def insert_run(tx: Tx, new: Run) -> int:
    """Write a new run; answer its key.

    Raises:
        ConflictError: The Dag has a run of that id, or one for that logical date.
    """
    values: dict[str, Any] = msgspec.structs.asdict(new)
    values.pop("pk")
    try:
        return int(tx.execute(insert(run).returning(run.c.id), values).scalar_one())
    except IntegrityError as error:
        other = (
            read_run_of_date(tx, new.dag_id, new.logical_date) if new.logical_date else None
        ) or read_run(tx, new.dag_id, new.run_id)
        if other is None:
            raise
        raise conflict_of(other, new) from error


def conflict_of(other: Run, new: Run) -> ConflictError:
    """Answer the refusal of a run that another one is in the way of."""
    if new.logical_date is not None and other.logical_date == new.logical_date:
        return ConflictError(
            "run-exists",
            f"Dag '{new.dag_id}' already has a run for {new.logical_date.isoformat()}: "
            f"'{other.run_id}' ({other.state}).",
            "To do that date again, use 'tradewind backfill create' with "
            "--reprocess-behavior completed; else choose another logical date.",
        )
    return ConflictError(
        "run-exists",
        f"Dag '{new.dag_id}' already has a run '{new.run_id}' ({other.state}).",
        "Choose another run id.",
    )


def read_run_by_pk(tx: Tx, pk: int) -> Run | None:
    """Answer the run of that key."""
    row = tx.execute(_BY_PK, {"b_pk": pk}).mappings().one_or_none()
    return None if row is None else _run(row)


def read_run(tx: Tx, dag_id: str, run_id: str) -> Run | None:
    """Answer the run of that Dag and id."""
    row = tx.execute(_BY_ID, {"b_dag": dag_id, "b_run": run_id}).mappings().one_or_none()
    return None if row is None else _run(row)


def read_run_of_date(tx: Tx, dag_id: str, logical_date: datetime) -> Run | None:
    """Answer the Dag's run for that logical date."""
    row = tx.execute(_BY_DATE, {"b_dag": dag_id, "b_date": logical_date}).mappings().one_or_none()
    return None if row is None else _run(row)


def read_runs_between(tx: Tx, dag_id: str, start: datetime, end: datetime) -> dict[datetime, Run]:
    """Answer the Dag's runs by logical date, both bounds inclusive."""
    rows = tx.execute(
        select(*_COLUMNS).where(run.c.dag_id == dag_id, run.c.logical_date.between(start, end))
    )
    return {row["logical_date"]: _run(row) for row in rows.mappings()}


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to list; what is None or empty does not narrow."""

    dag_id: str | None = None
    states: tuple[str, ...] = ()
    run_types: tuple[str, ...] = ()
    without_types: tuple[str, ...] = ()
    logical_date_gte: datetime | None = None
    logical_date_lte: datetime | None = None
    run_after_gte: datetime | None = None
    run_after_lte: datetime | None = None
    backfill_id: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Answer the SQL conditions this filter stands for."""
        bounds: list[tuple[Any, Callable[[Any], ColumnElement[bool]]]] = [
            (self.dag_id, run.c.dag_id.__eq__),
            (self.backfill_id, run.c.backfill_id.__eq__),
            (self.logical_date_gte, run.c.logical_date.__ge__),
            (self.logical_date_lte, run.c.logical_date.__le__),
            (self.run_after_gte, run.c.run_after.__ge__),
            (self.run_after_lte, run.c.run_after.__le__),
            (self.states or None, run.c.state.in_),
            (self.run_types or None, run.c.run_type.in_),
            (self.without_types or None, run.c.run_type.not_in),
        ]
        return [operator(value) for value, operator in bounds if value is not None]


_ORDERABLE = {
    "run_after": run.c.run_after,
    "logical_date": run.c.logical_date,
    "start_date": run.c.start_date,
    "end_date": run.c.end_date,
    "state": run.c.state,
    "dag_run_id": run.c.run_id,
    "id": run.c.id,
}
RUN_ORDERS = frozenset(_ORDERABLE)
"""Names that runs may be ordered by."""


def list_runs(
    tx: Tx,
    wish: RunFilter,
    *,
    order_by: Sequence[str] = ("-run_after",),
    limit: int = 100,
    offset: int = 0,
) -> list[Run]:
    """Answer the runs that pass the filter, ordered; a leading ``-`` in a name turns its order."""
    query: Select[Any] = select(*_COLUMNS).where(*wish.conditions())
    for name in (*order_by, "-id"):
        column = _ORDERABLE[name.removeprefix("-")]
        query = query.order_by(column.desc() if name.startswith("-") else column)
    return [_run(row) for row in tx.execute(query.limit(limit).offset(offset)).mappings()]


def count_runs(tx: Tx, wish: RunFilter) -> int:
    """Answer how many runs pass the filter."""
    return int(
        tx.execute(select(func.count()).select_from(run).where(*wish.conditions())).scalar_one()
    )


def claim_run(tx: Tx, pk: int, owner: str) -> int:
    """Make a scheduler the owner of a run, under a new epoch; answer the epoch."""
    return int(tx.execute(_CLAIM, {"b_pk": pk, "b_owner": owner}).scalar_one())


def apply_run_changes(tx: Tx, changes: Sequence[RunChange]) -> None:
    """Write what became of runs, each only if its row is as it was folded.

    Raises:
        StaleRunError: A row has moved on; nothing of this transaction may be kept.
    """
    if not changes:
        return
    done = tx.execute(
        _APPLY,
        [
            {
                "b_pk": one.pk,
                "b_epoch": one.epoch,
                "b_seq": one.seq,
                "b_new_seq": one.new_seq,
                "b_state": one.state.value,
                "b_queued": one.queued_at,
                "b_start": one.start_date,
                "b_end": one.end_date,
                "b_timeout": one.timeout_at,
            }
            for one in changes
        ],
    )
    if done.rowcount != len(changes):
        raise StaleRunError


def delete_run(tx: Tx, pk: int) -> None:
    """Remove a run with all that belongs to it."""
    tx.execute(delete(event).where(event.c.run_pk == pk))
    tx.execute(delete(run).where(run.c.id == pk))


def count_active(tx: Tx, dag_id: str | None = None) -> list[tuple[str, int | None, str, int]]:
    """Answer (Dag, backfill or None, state, count) of runs queued or running."""
    query = _ACTIVE if dag_id is None else _ACTIVE.where(run.c.dag_id == dag_id)
    rows = tx.execute(query.group_by(run.c.dag_id, run.c.backfill_id, run.c.state))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def read_startable(
    tx: Tx,
    now: datetime,
    *,
    limit: int,
    without_dags: Collection[str] = (),
    without_backfills: Collection[int] = (),
) -> list[Run]:
    """Answer queued runs that are due, the earliest first, those of backfills last.

    Runs of paused Dags are left out, but for backfills: a person asked for these very dates.

    Args:
        tx: The transaction.
        now: Runs whose ``run_after`` lies later are left out.
        limit: At most so many.
        without_dags: Dags that have no room for another run; their backfills' runs still come.
        without_backfills: Backfills that have no room for another run.
    """
    own = and_(run.c.backfill_id.is_(None), ~dag.c.is_paused)
    query = (
        select(*_COLUMNS)
        .join(dag, dag.c.dag_id == run.c.dag_id)
        .where(run.c.state == "queued", run.c.run_after <= now)
        .where(
            or_(
                and_(own, run.c.dag_id.not_in(without_dags)),
                and_(run.c.backfill_id.is_not(None), run.c.backfill_id.not_in(without_backfills)),
            )
        )
        .order_by(run.c.backfill_id.is_not(None), run.c.run_after, run.c.id)
        .limit(limit)
    )
    return [_run(row) for row in tx.execute(query).mappings()]


def count_running(tx: Tx) -> list[tuple[str, int | None, int]]:
    """Answer (Dag, backfill or None, count) of the runs that run now."""
    query = select(run.c.dag_id, run.c.backfill_id, func.count()).where(run.c.state == "running")
    rows = tx.execute(query.group_by(run.c.dag_id, run.c.backfill_id))
    return [(row[0], row[1], row[2]) for row in rows]


def count_unfinished_of_backfill(tx: Tx, backfill_id: int) -> int:
    """Answer how many runs of a backfill have not ended."""
    query = select(func.count()).where(
        run.c.backfill_id == backfill_id, run.c.state.in_(["queued", "running"])
    )
    return int(tx.execute(query).scalar_one())


def adopt_run(tx: Tx, pk: int, backfill_id: int, version_id: int, digest: str, conf: Any) -> None:
    """Make an ended run the run of a backfill: it keeps its id, runs the newest version."""
    values: dict[str, Any] = {
        "run_type": RunType.BACKFILL.value,
        "triggered_by": "backfill",
        "backfill_id": backfill_id,
        "version_id": version_id,
        "digest": digest,
        "clear_number": run.c.clear_number + 1,
    }
    if conf:
        values["conf"] = conf
    tx.execute(update(run).where(run.c.id == pk).values(values))


def next_queued_at(tx: Tx, now: datetime) -> datetime | None:
    """Answer when the next queued run that is not due yet comes due."""
    found: datetime | None = tx.execute(_NEXT_QUEUED, {"b_now": now}).scalar_one()
    return found


def read_timed_out(tx: Tx, now: datetime) -> list[int]:
    """Answer keys of running runs that are over their ``dagrun_timeout``."""
    return list(tx.execute(_TIMED_OUT, {"b_now": now}).scalars())


def next_timeout_at(tx: Tx) -> datetime | None:
    """Answer when the first running run times out."""
    found: datetime | None = tx.execute(_NEXT_TIMEOUT).scalar_one()
    return found


def read_running(tx: Tx) -> list[int]:
    """Answer keys of all running runs, the oldest first."""
    return list(tx.execute(_RUNNING).scalars())
