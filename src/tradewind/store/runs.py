"""Run rows: one per Dag run."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
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

from tradewind.core.planning import QueuedRun
from tradewind.core.runs import Run, RunType
from tradewind.core.states import RunState
from tradewind.errors import ConflictError
from tradewind.store.database import Tx
from tradewind.store.places import Code
from tradewind.store.prepared import Prepared, Record
from tradewind.store.tables import dag, event, run

_NOT_IN_RUN = ("id", "owner", "timeout_at", "group_retries")
_COLUMNS = [column for column in run.c if column.name not in _NOT_IN_RUN] + [run.c.id.label("pk")]
_BY_PK = Prepared(select(*_COLUMNS).where(run.c.id == bindparam("b_pk")))
_BY_ID = Prepared(
    select(*_COLUMNS).where(run.c.dag_id == bindparam("b_dag"), run.c.run_id == bindparam("b_run"))
)
_BY_DATE = Prepared(
    select(*_COLUMNS).where(
        run.c.dag_id == bindparam("b_dag"), run.c.logical_date == bindparam("b_date")
    )
)
_CLAIM = Prepared(
    update(run)
    .where(run.c.id == bindparam("b_pk"))
    .values(owner=bindparam("b_owner"), epoch=run.c.epoch + 1)
    .returning(run.c.epoch)
)
_INSERT = Prepared(
    insert(run).returning(run.c.id), [name for name in Run.__struct_fields__ if name != "pk"]
)
_APPLY = Prepared(
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
        doom=bindparam("b_doom"),
    )
)
_RETRIES = Prepared(select(run.c.group_retries).where(run.c.id == bindparam("b_pk")))
_APPLY_RETRIES = Prepared(
    update(run)
    .where(run.c.id == bindparam("b_pk"))
    .values(group_retries=bindparam("b_retries", type_=run.c.group_retries.type))
)
_COUNT_ACTIVE = (
    select(run.c.dag_id, run.c.backfill_id, run.c.state, func.count().label("n"))
    .where(run.c.state.in_(["queued", "running"]))
    .group_by(run.c.dag_id, run.c.backfill_id, run.c.state)
)
_ACTIVE = Prepared(_COUNT_ACTIVE)
_ACTIVE_OF_DAG = Prepared(_COUNT_ACTIVE.where(run.c.dag_id == bindparam("b_dag")))
_TIMED_OUT = Prepared(
    select(run.c.id).where(run.c.timeout_at.is_not(None), run.c.timeout_at <= bindparam("b_now"))
)
_DELETE_EVENTS = Prepared(delete(event).where(event.c.run_pk == bindparam("b_pk")))
_DELETE = Prepared(delete(run).where(run.c.id == bindparam("b_pk")))
_STARTABLE = Prepared(
    select(
        run.c.id.label("pk"),
        run.c.dag_id,
        run.c.run_after,
        run.c.logical_date,
        run.c.backfill_id,
        case((run.c.backfill_id.is_(None), 0), else_=run.c.id).label("place"),
    )
    .join(dag, dag.c.dag_id == run.c.dag_id)
    .where(
        run.c.state == "queued",
        run.c.run_after <= bindparam("b_now"),
        or_(
            and_(
                run.c.backfill_id.is_(None),
                ~dag.c.is_paused,
                run.c.dag_id.not_in(bindparam("b_dags", expanding=True)),
            ),
            and_(
                run.c.backfill_id.is_not(None),
                run.c.backfill_id.not_in(bindparam("b_backfills", expanding=True)),
            ),
        ),
    )
    .order_by(run.c.backfill_id.is_not(None), run.c.run_after, run.c.id)
    .limit(bindparam("b_limit"))
)
_COUNT_RUNNING = Prepared(
    select(run.c.dag_id, run.c.backfill_id, func.count().label("n"))
    .where(run.c.state == "running")
    .group_by(run.c.dag_id, run.c.backfill_id)
)
_COUNT_UNFINISHED = Prepared(
    select(func.count()).where(
        run.c.backfill_id == bindparam("b_backfill"), run.c.state.in_(["queued", "running"])
    )
)
_RUNNING = Prepared(select(*_COLUMNS).where(run.c.state == "running").order_by(run.c.id))
_CLAIM_RUNNING = Prepared(
    update(run)
    .where(run.c.state == "running")
    .values(owner=bindparam("b_owner"), epoch=run.c.epoch + 1)
)


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
    doom: str | None = None


class StaleRunError(Exception):
    """The run row is not as it was folded: another writer was faster, or the epoch is over."""


def _run(row: Record) -> Run:
    row["run_type"], row["state"] = RunType(row["run_type"]), RunState(row["state"])
    return Run(**row)


def insert_run(tx: Tx, new: Run) -> int:
    """Write a new run; answer its key.

    Raises:
        ConflictError: The Dag has a run of that id, or one for that logical date.
    """
    values = msgspec.structs.asdict(new)
    try:
        return int(_INSERT.value(tx, values))
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
    row = _BY_PK.record(tx, {"b_pk": pk})
    return None if row is None else _run(row)


def read_run(tx: Tx, dag_id: str, run_id: str) -> Run | None:
    """Answer the run of that Dag and id."""
    row = _BY_ID.record(tx, {"b_dag": dag_id, "b_run": run_id})
    return None if row is None else _run(row)


def read_run_of_date(tx: Tx, dag_id: str, logical_date: datetime) -> Run | None:
    """Answer the Dag's run for that logical date."""
    row = _BY_DATE.record(tx, {"b_dag": dag_id, "b_date": logical_date})
    return None if row is None else _run(row)


def read_runs_between(tx: Tx, dag_id: str, start: datetime, end: datetime) -> dict[datetime, Run]:
    """Answer the Dag's runs by logical date, both bounds inclusive."""
    rows = tx.execute(
        select(*_COLUMNS).where(run.c.dag_id == dag_id, run.c.logical_date.between(start, end))
    )
    return {row["logical_date"]: _run({**row}) for row in rows.mappings()}


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
    return [_run({**row}) for row in tx.execute(query.limit(limit).offset(offset)).mappings()]


def count_runs(tx: Tx, wish: RunFilter) -> int:
    """Answer how many runs pass the filter."""
    return int(
        tx.execute(select(func.count()).select_from(run).where(*wish.conditions())).scalar_one()
    )


def claim_run(tx: Tx, pk: int, owner: str) -> int:
    """Make a scheduler the owner of a run, under a new epoch; answer the epoch."""
    return int(_CLAIM.value(tx, {"b_pk": pk, "b_owner": owner}))


def read_group_retries(tx: Tx, pk: int) -> dict[tuple[str, str], int]:
    """Answer how often groups of a run were tried again as a whole, by (group id, map path)."""
    found = _RETRIES.value(tx, {"b_pk": pk}) or ()
    return {(name, path): number for name, path, number in found}


def apply_group_retries(tx: Tx, pk: int, retries: Mapping[tuple[str, str], int]) -> None:
    """Write how often groups of a run were tried again as a whole."""
    rows = [[name, path, number] for (name, path), number in retries.items()]
    _APPLY_RETRIES.run_many(tx, [{"b_pk": pk, "b_retries": rows or None}])


def apply_run_changes(tx: Tx, changes: Sequence[RunChange]) -> None:
    """Write what became of runs, each only if its row is as it was folded.

    Raises:
        StaleRunError: A row has moved on; nothing of this transaction may be kept.
    """
    if not changes:
        return
    done = _APPLY.run_many(
        tx,
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
                "b_doom": one.doom,
            }
            for one in changes
        ],
    )
    if done != len(changes):
        raise StaleRunError


def delete_run(tx: Tx, pk: int) -> None:
    """Remove a run with all that belongs to it."""
    _DELETE_EVENTS.run(tx, {"b_pk": pk})
    _DELETE.run(tx, {"b_pk": pk})


def count_active(tx: Tx, dag_id: str | None = None) -> list[tuple[str, int | None, str, int]]:
    """Answer (Dag, backfill or None, state, count) of runs queued or running."""
    if dag_id is None:
        return _ACTIVE.rows(tx)
    return _ACTIVE_OF_DAG.rows(tx, {"b_dag": dag_id})


def read_startable(
    tx: Tx,
    now: datetime,
    *,
    limit: int,
    without_dags: Collection[str] = (),
    without_backfills: Collection[int] = (),
) -> list[QueuedRun]:
    """Answer queued runs that are due, the earliest first, those of backfills last.

    Runs of paused Dags are left out, but for backfills: a person asked for these very dates.

    Args:
        tx: The transaction.
        now: Runs whose ``run_after`` lies later are left out.
        limit: At most so many.
        without_dags: Dags that have no room for another run; their backfills' runs still come.
        without_backfills: Backfills that have no room for another run.
    """
    wish = {
        "b_now": now,
        "b_limit": limit,
        "b_dags": sorted(without_dags),
        "b_backfills": sorted(without_backfills),
    }
    return [QueuedRun(**row) for row in _STARTABLE.records(tx, wish)]


def count_running(tx: Tx) -> list[tuple[str, int | None, int]]:
    """Answer (Dag, backfill or None, count) of the runs that run now."""
    return _COUNT_RUNNING.rows(tx)


def count_unfinished_of_backfill(tx: Tx, backfill_id: int) -> int:
    """Answer how many runs of a backfill have not ended."""
    return int(_COUNT_UNFINISHED.value(tx, {"b_backfill": backfill_id}))


def adopt_run(tx: Tx, pk: int, backfill_id: int) -> None:
    """Make an ended run the run of a backfill; it keeps its id."""
    values: dict[str, Any] = {
        "run_type": RunType.BACKFILL.value,
        "triggered_by": "backfill",
        "backfill_id": backfill_id,
    }
    tx.execute(update(run).where(run.c.id == pk).values(values))


def renew_run(tx: Tx, pk: int, version_id: int, code: Code, conf: Any) -> None:
    """Have an ended run start over under this version, with this conf unless it is empty."""
    values: dict[str, Any] = {
        "version_id": version_id,
        "bundle": code.bundle,
        "digest": code.digest,
        "pinned_file": code.pinned_file,
        "clear_number": run.c.clear_number + 1,
    }
    if conf:
        values["conf"] = conf
    tx.execute(update(run).where(run.c.id == pk).values(values))


def read_timed_out(tx: Tx, now: datetime) -> list[int]:
    """Answer keys of running runs that are over their ``dagrun_timeout``."""
    return list(_TIMED_OUT.column(tx, {"b_now": now}))


def claim_running(tx: Tx, owner: str) -> list[Run]:
    """Make a scheduler the owner of all runs that run; answer them, the oldest first."""
    _CLAIM_RUNNING.run(tx, {"b_owner": owner})
    return [_run(row) for row in _RUNNING.records(tx)]
