"""Run rows: one per Dag run."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    func,
    insert,
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
from tradewind.store.tables import event, run

_NOT_IN_RUN = ("id", "owner", "timeout_at", "group_retries", "place", "due_at")
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
_GIVEN = [*(name for name in Run.__struct_fields__ if name != "pk"), "due_at", "place"]
_INSERT = Prepared(insert(run).returning(run.c.id), _GIVEN)
_INSERT_MANY = Prepared(insert(run), _GIVEN)
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
_OF_DAG = run.c.dag_id == bindparam("b_dag")


def _counting(state: str, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Answer what counts runs in a state; the condition is that of an index, word by word."""
    return (
        select(run.c.dag_id, run.c.backfill_id, func.count().label("n"))
        .where(run.c.state == state, *conditions)
        .group_by(run.c.dag_id, run.c.backfill_id)
    )


_COUNT_QUEUED_OF = Prepared(_counting("queued", _OF_DAG))
_COUNT_RUNNING = Prepared(_counting("running"))
_COUNT_RUNNING_OF = Prepared(_counting("running", _OF_DAG))
_TIMED_OUT = Prepared(
    select(run.c.id).where(run.c.timeout_at.is_not(None), run.c.timeout_at <= bindparam("b_now"))
)
_DELETE_EVENTS = Prepared(delete(event).where(event.c.run_pk == bindparam("b_pk")))
_DELETE = Prepared(delete(run).where(run.c.id == bindparam("b_pk")))
_GROUPS = Prepared(
    select(run.c.dag_id, run.c.backfill_id).where(run.c.state == "queued").distinct()
)


def _startable(of: ColumnElement[bool]) -> Prepared:
    return Prepared(
        select(
            run.c.id.label("pk"),
            run.c.dag_id,
            run.c.run_after,
            run.c.logical_date,
            run.c.backfill_id,
            func.coalesce(run.c.place, 0).label("place"),
        )
        .where(run.c.state == "queued", _OF_DAG, of, run.c.due_at <= bindparam("b_now"))
        .order_by(run.c.place, run.c.run_after, run.c.id)
        .limit(bindparam("b_limit"))
    )


_STARTABLE_OF_DAG = _startable(run.c.backfill_id.is_(None))
_STARTABLE_OF_BACKFILL = _startable(run.c.backfill_id == bindparam("b_backfill"))
_UNFINISHED = Prepared(
    select(run.c.id)
    .where(run.c.backfill_id == bindparam("b_backfill"), run.c.state.in_(["queued", "running"]))
    .limit(1)
)
_LATEST_ENDED = Prepared(
    select(run.c.state)
    .where(_OF_DAG, run.c.state.in_(["success", "failed"]), run.c.start_date.is_not(None))
    .order_by(run.c.run_after.desc(), run.c.id.desc())
    .limit(bindparam("b_limit"))
)
_KEYS_OF = Prepared(
    select(run.c.id, run.c.place).where(run.c.backfill_id == bindparam("b_backfill"))
)
_RUNNING = Prepared(select(*_COLUMNS).where(run.c.state == "running").order_by(run.c.id))
_CLAIM_RUNNING = Prepared(
    update(run)
    .where(run.c.state == "running")
    .values(owner=bindparam("b_owner"), epoch=run.c.epoch + 1)
)


Group = tuple[str, int | None]
"""Runs that share a limit: a Dag's own, or those of one of its backfills."""


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


def insert_run(tx: Tx, new: Run, place: int | None = None) -> int:
    """Write a new run, at its place in its backfill; answer its key.

    Raises:
        ConflictError: The Dag has a run of that id, or one for that logical date.
    """
    try:
        return int(_INSERT.value(tx, _values(new, place)))
    except IntegrityError as error:
        other = (
            read_run_of_date(tx, new.dag_id, new.logical_date) if new.logical_date else None
        ) or read_run(tx, new.dag_id, new.run_id)
        if other is None:
            raise
        raise conflict_of(other, new) from error


def insert_runs(tx: Tx, backfill_id: int, new: Mapping[int, Run]) -> dict[int, int]:
    """Write the new runs of a backfill; answer the keys of all its runs, by place in it.

    Raises:
        ConflictError: The Dag has a run of an id, or for a logical date, of one of them.
    """
    values = [_values(one, place) for place, one in new.items()]
    try:
        with tx.begin_nested():
            _INSERT_MANY.run_many(tx, values)
    except IntegrityError as error:
        for one in new.values():
            other = read_run(tx, one.dag_id, one.run_id)
            if other is not None:
                raise conflict_of(other, one) from error
        raise
    return {place: pk for pk, place in _KEYS_OF.rows(tx, {"b_backfill": backfill_id})}


def _values(new: Run, place: int | None = None) -> dict[str, Any]:
    values = msgspec.structs.asdict(new)
    due = new.run_after if new.logical_date is None else max(new.run_after, new.logical_date)
    return {**values, "due_at": due, "place": place}


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
        # A run without a Dag is being removed.
        listed = [] if self.dag_id is not None else [run.c.dag_id != ""]
        return listed + [operator(value) for value, operator in bounds if value is not None]


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


def count_active_of(tx: Tx, dag_id: str) -> dict[int | None, int]:
    """Answer how many runs of a Dag are queued or running, by backfill; None: of no backfill."""
    found: dict[int | None, int] = {}
    for statement in (_COUNT_QUEUED_OF, _COUNT_RUNNING_OF):
        for _, of, count in statement.rows(tx, {"b_dag": dag_id}):
            found[of] = found.get(of, 0) + count
    return found


def read_queued_groups(tx: Tx) -> list[Group]:
    """Answer the groups that have queued runs, due or not."""
    return [(row[0], row[1]) for row in _GROUPS.rows(tx)]


def read_startable(tx: Tx, group: Group, now: datetime, limit: int) -> list[QueuedRun]:
    """Answer the first queued runs of a group that are due, in the order to start them.

    Those of a backfill come by their places in it, the others by ``run_after``.
    """
    dag_id, backfill_id = group
    wish = {"b_dag": dag_id, "b_backfill": backfill_id, "b_now": now, "b_limit": limit}
    statement = _STARTABLE_OF_DAG if backfill_id is None else _STARTABLE_OF_BACKFILL
    return [QueuedRun(**row) for row in statement.records(tx, wish)]


def count_running(tx: Tx, dag_ids: Collection[str] | None = None) -> dict[Group, int]:
    """Answer how many runs of each group run now, of all Dags or of these."""
    if dag_ids is None:
        rows = _COUNT_RUNNING.rows(tx)
    else:
        rows = [row for one in dag_ids for row in _COUNT_RUNNING_OF.rows(tx, {"b_dag": one})]
    return {(dag_id, of): count for dag_id, of, count in rows}


def is_any_unfinished(tx: Tx, backfill_id: int) -> bool:
    """Tell whether a run of a backfill has not ended."""
    return _UNFINISHED.value(tx, {"b_backfill": backfill_id}) is not None


def read_latest_ended(tx: Tx, dag_id: str, limit: int) -> list[str]:
    """Answer the states of a Dag's latest runs that began and have ended, the latest first."""
    return list(_LATEST_ENDED.column(tx, {"b_dag": dag_id, "b_limit": limit}))


def adopt_run(tx: Tx, pk: int, backfill_id: int, place: int) -> None:
    """Make an ended run the run of a backfill; it keeps its id."""
    values: dict[str, Any] = {
        "run_type": RunType.BACKFILL.value,
        "triggered_by": "backfill",
        "backfill_id": backfill_id,
        "place": place,
    }
    tx.execute(update(run).where(run.c.id == pk).values(values))


def renew_run(tx: Tx, pk: int, code: tuple[int, Code] | None, conf: Any) -> None:
    """Have an ended run start over, on this version and these bytes where they are given.

    Its conf stays where the new one is empty.
    """
    values: dict[str, Any] = {"clear_number": run.c.clear_number + 1}
    if code is not None:
        version_id, files = code
        values |= {
            "version_id": version_id,
            "bundle": files.bundle,
            "digest": files.digest,
            "pinned_file": files.pinned_file,
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
