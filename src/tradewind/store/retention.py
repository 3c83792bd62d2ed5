"""What may be deleted for its age, and its deletion with all that belongs to it.

A run may go when it ended long enough ago and nothing needs it any more: see ``read_removable``.
One of many rows goes a piece at a time; meanwhile it belongs to no Dag (``LEAVING``), so that
nobody finds it by its name, nor does it stand in the way of another.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Table,
    and_,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    update,
)

from tradewind.core.runs import RunType
from tradewind.store.archives import Archive
from tradewind.store.data_tables import asset_delivery, asset_event, metadata
from tradewind.store.database import Tx
from tradewind.store.tables import (
    attempt,
    backfill,
    callback,
    dag,
    dag_version,
    deadline,
    event,
    run,
    task_instance,
    worker,
    xcom,
)

LEAVING = ""
"""The Dag of a run that is being removed piece by piece."""

_ENDED = run.c.state.in_(["success", "failed"])
# Written out: with a parameter SQLite would not use the index of what is active.
_ACTIVE = literal_column("run.state IN ('queued', 'running')", Boolean())
_WINDOW = 5_000
_PIECE = 300
_LARGE = 1_500
"""Events of a run from which on it goes a piece at a time."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is old enough, and of which Dags."""

    before: datetime
    dag_ids: tuple[str, ...] = ()
    """Empty: of all."""
    exclude_dag_ids: tuple[str, ...] = ()

    def of_dag(self, column: ColumnElement[str]) -> list[ColumnElement[bool]]:
        """Answer the conditions on a column that names a Dag."""
        wanted: list[ColumnElement[bool]] = []
        if self.dag_ids:
            wanted.append(column.in_(self.dag_ids))
        if self.exclude_dag_ids:
            wanted.append(column.not_in(self.exclude_dag_ids))
        return wanted


class Removable(msgspec.Struct, frozen=True, kw_only=True):
    """A run that may go."""

    pk: int
    dag_id: str
    run_id: str
    run_type: str
    run_after: datetime
    logical_date: datetime | None
    seq: int

    @property
    def is_large(self) -> bool:
        """Whether it goes a piece at a time."""
        return self.seq > _LARGE


def _belongs_to(parent: Table) -> list[tuple[Table, ColumnElement[Any]]]:
    """Answer the tables whose rows go with those of a table, and by which column."""
    return [
        (table, key.parent)
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table is parent
    ]


_OF_RUN = [
    *((t, c) for t, c in _belongs_to(run) if t not in (task_instance, asset_delivery)),
    (event, event.c.run_pk),
]
_OF_INSTANCE = _belongs_to(task_instance)


def _is_later(than: Any) -> ColumnElement[bool]:
    other = _LATER
    return and_(
        other.c.dag_id == than.c.dag_id,
        other.c.run_after >= than.c.run_after,
        or_(other.c.run_after > than.c.run_after, other.c.id > than.c.id),
    )


_LATER = run.alias("later")
_BY_HAND = RunType.MANUAL.value
_NOT_BY_HAND = [kind.value for kind in RunType if kind is not RunType.MANUAL]
_NOTHING_NEEDS_IT = (
    _ENDED,
    run.c.dag_id != LEAVING,
    # The latest run of a Dag, the latest that nobody asked for, and the latest that succeeded.
    exists().where(_is_later(run)),
    or_(run.c.run_type == _BY_HAND, exists().where(_is_later(run), _LATER.c.run_type != _BY_HAND)),
    or_(run.c.state != "success", exists().where(_is_later(run), _LATER.c.state == "success")),
    ~exists().where(
        callback.c.run_pk == run.c.id,
        or_(callback.c.due_at.is_not(None), callback.c.claimed_by.is_not(None)),
    ),
    ~exists().where(deadline.c.run_pk == run.c.id, deadline.c.state == "pending"),
    ~exists().where(
        task_instance.c.run_pk == run.c.id,
        attempt.c.ti_id == task_instance.c.id,
        attempt.c.state == "running",
    ),
    or_(
        run.c.backfill_id.is_(None),
        ~exists().where(backfill.c.id == run.c.backfill_id, backfill.c.completed_at.is_(None)),
    ),
)
_FACTS = select(
    run.c.id.label("pk"),
    run.c.dag_id,
    run.c.run_id,
    run.c.run_type,
    run.c.run_after,
    run.c.logical_date,
    run.c.seq,
)


def read_removable(
    tx: Tx, wish: Wish, after: int, limit: int
) -> tuple[list[Removable], int | None]:
    """Answer runs that may go, in the order they were made, and where to look on; None: nowhere.

    A run stays while it is not old enough, or one of these needs it: its backfill; a callback or
    deadline of it; an attempt that has not been told to be over; its Dag, of which it is the latest
    run, the latest not made by hand, or the latest success; or a run that has not ended, which may
    ask what became of the one before it.

    Args:
        tx: The transaction.
        wish: What is old enough.
        after: Only runs made after that of this key.
        limit: At most so many.
    """
    last = int(tx.execute(select(func.coalesce(func.max(run.c.id), 0))).scalar_one())
    while after < last:
        window = run.c.id.between(after + 1, after + _WINDOW)
        found = _choose(tx, wish, window, limit)
        if len(found) == limit:
            return found, found[-1].pk
        after += _WINDOW
        if found:
            return found, after if after < last else None
    return [], None


def still_removable(tx: Tx, wish: Wish, pks: Sequence[int]) -> list[Removable]:
    """Answer which of these runs may still go, asked in the transaction that removes them."""
    return _choose(tx, wish, run.c.id.in_(pks), len(pks))


def _choose(tx: Tx, wish: Wish, which: ColumnElement[bool], limit: int) -> list[Removable]:
    old = run.c.end_date < wish.before
    query = _FACTS.where(which, old, *wish.of_dag(run.c.dag_id), *_NOTHING_NEEDS_IT)
    rows = tx.execute(query.order_by(run.c.id).limit(limit)).mappings()
    found = [Removable(**row) for row in rows]
    live = {dag_id: _read_active(tx, dag_id) for dag_id in {one.dag_id for one in found}}
    return [one for one in found if not _is_asked_for(tx, one, live[one.dag_id])]


class _Active(NamedTuple):
    """A run that has not ended."""

    run_after: datetime
    pk: int
    logical_date: datetime | None


def _read_active(tx: Tx, dag_id: str) -> list[_Active]:
    query = select(run.c.run_after, run.c.id, run.c.logical_date)
    return [_Active(*row) for row in tx.execute(query.where(run.c.dag_id == dag_id, _ACTIVE))]


def _is_asked_for(tx: Tx, one: Removable, active: Sequence[_Active]) -> bool:
    """Tell whether a run that has not ended may have this one before it. See ``store.past``."""
    if one.logical_date is not None:
        dates = [r.logical_date for r in active if r.logical_date is not None]
        later = [date for date in dates if date > one.logical_date]
        between = run.c.logical_date > one.logical_date
        if later and not _has_cover(tx, one, between, run.c.logical_date < min(later)):
            return True
    # One without a date stands where it was due; for one with a date others without do.
    places = [
        (r.run_after, r.pk) for r in active if one.logical_date is None or r.logical_date is None
    ]
    after = [place for place in places if place > (one.run_after, one.pk)]
    if not after:
        return False
    here = tuple_(run.c.run_after, run.c.id)
    kind = run.c.logical_date.is_(None) if one.logical_date is None else true()
    mine = tuple_(literal(one.run_after, run.c.run_after.type), literal(one.pk))
    nearest, pk = min(after)
    end = tuple_(literal(nearest, run.c.run_after.type), literal(pk))
    return not _has_cover(tx, one, kind, here > mine, here < end)


def _has_cover(tx: Tx, one: Removable, *between: ColumnElement[bool]) -> bool:
    """Tell whether another run that ended stands between; it is asked the same when it is to go.

    For one that was not made by hand, one that was does not count: a scheduled run may pass it.
    """
    found = exists().where(
        run.c.dag_id == one.dag_id,
        *between,
        _ENDED,
        run.c.run_type.in_([one.run_type, *_NOT_BY_HAND]),
    )
    return bool(tx.execute(select(found)).scalar())


def count_removable(tx: Tx, wish: Wish) -> int:
    """Answer how many runs may go."""
    after: int | None = 0
    total = 0
    while after is not None:
        found, after = read_removable(tx, wish, after, _WINDOW)
        total += len(found)
    return total


def remove_runs(tx: Tx, pks: Sequence[int], archive: Archive | None) -> dict[str, int]:
    """Remove runs with all that belongs to them; answer how many rows of each table."""
    instances = list(
        tx.execute(select(task_instance.c.id).where(task_instance.c.run_pk.in_(pks))).scalars()
    )
    removed = _remove_instances(tx, instances, archive)
    for table, key in _OF_RUN:
        _count(removed, table, _remove(tx, table, key.in_(pks), archive))
    _count(removed, run, _remove(tx, run, run.c.id.in_(pks), archive))
    return removed


def begin_leaving(tx: Tx, pk: int, archive: Archive | None) -> None:
    """Take a large run from its Dag: its row is archived, and nobody finds it any more."""
    if archive is not None:
        archive.keep(tx, run, run.c.id == pk)
    gone = {"dag_id": LEAVING, "run_id": str(pk), "logical_date": None, "backfill_id": None}
    tx.execute(update(run).where(run.c.id == pk).values(gone))


def read_leaving(tx: Tx) -> int | None:
    """Answer a run that is being removed, if there is one."""
    found: int | None = tx.execute(
        select(run.c.id).where(run.c.dag_id == LEAVING).limit(1)
    ).scalar()
    return found


def remove_piece(tx: Tx, pk: int, archive: Archive | None) -> dict[str, int]:
    """Remove a piece of a run that is leaving; its row goes with the last."""
    removed: dict[str, int] = {}
    of_run = select(task_instance.c.id).where(task_instance.c.run_pk == pk).limit(_PIECE // 3)
    instances = list(tx.execute(of_run).scalars())
    if instances:
        return _remove_instances(tx, instances, archive)
    for table, column in _OF_RUN:
        keys = list(table.primary_key.columns)
        some = list(tx.execute(select(*keys).where(column == pk).limit(_PIECE)))
        if some:
            these = tuple_(*keys).in_([tuple(row) for row in some])
            _count(removed, table, _remove(tx, table, these, archive))
            return removed
    tx.execute(delete(run).where(run.c.id == pk))
    # It was counted when it left its Dag.
    return {"run": 0}


def _remove_instances(tx: Tx, instances: Sequence[int], archive: Archive | None) -> dict[str, int]:
    removed: dict[str, int] = {}
    for table, key in _OF_INSTANCE:
        _count(removed, table, _remove(tx, table, key.in_(instances), archive))
    rows = task_instance.c.id.in_(instances)
    _count(removed, task_instance, _remove(tx, task_instance, rows, archive))
    return removed


def _remove(tx: Tx, table: Table, which: ColumnElement[bool], archive: Archive | None) -> int:
    if archive is not None:
        archive.keep(tx, table, which)
    return tx.execute(delete(table).where(which)).rowcount


def _count(removed: dict[str, int], table: Table, rows: int) -> None:
    if rows:
        removed[table.name] = removed.get(table.name, 0) + rows


_LATER_EVENT = asset_event.alias("later_event")
_LATER_VERSION = dag_version.alias("later_version")
_OTHERS: dict[str, tuple[Table, ColumnElement[datetime], tuple[ColumnElement[bool], ...]]] = {
    "asset_event": (
        asset_event,
        asset_event.c.at,
        (
            # What is queued for a Dag, or started a run that is there still; the latest of each.
            ~exists().where(asset_delivery.c.event_id == asset_event.c.id),
            exists().where(
                _LATER_EVENT.c.asset_id == asset_event.c.asset_id,
                _LATER_EVENT.c.id > asset_event.c.id,
            ),
        ),
    ),
    "backfill": (
        backfill,
        backfill.c.completed_at,
        (~exists().where(run.c.backfill_id == backfill.c.id),),
    ),
    "dag_version": (
        dag_version,
        dag_version.c.created_at,
        (
            exists().where(
                _LATER_VERSION.c.dag_id == dag_version.c.dag_id,
                _LATER_VERSION.c.number > dag_version.c.number,
            ),
            ~exists().where(dag.c.version_id == dag_version.c.id),
            ~exists().where(
                run.c.dag_id == dag_version.c.dag_id, run.c.version_id == dag_version.c.id
            ),
        ),
    ),
    "worker": (
        worker,
        worker.c.lease_until,
        (
            worker.c.state != "live",
            ~exists().where(attempt.c.worker_id == worker.c.id, attempt.c.state == "running"),
        ),
    ),
}
_OWNERS: dict[str, ColumnElement[str]] = {
    "asset_event": func.coalesce(asset_event.c.source_dag_id, literal("")),
    "backfill": backfill.c.dag_id,
    "dag_version": dag_version.c.dag_id,
}
_XCOM_RUN = select(run.c.id).where(_ENDED)


def read_old_keys(tx: Tx, name: str, wish: Wish, limit: int) -> list[Any]:
    """Answer keys of rows of a table, other than runs, that are old and that nothing needs."""
    if name == "xcom":
        return _old_xcoms(tx, wish, limit)
    table, age, conditions = _OTHERS[name]
    key = next(iter(table.primary_key.columns))
    owner = _OWNERS.get(name)
    of_dag = wish.of_dag(owner) if owner is not None else []
    query = select(key).where(age < wish.before, *conditions, *of_dag)
    return list(tx.execute(query.order_by(key).limit(limit)).scalars())


def _old_xcoms(tx: Tx, wish: Wish, limit: int) -> list[Any]:
    of_dag = wish.of_dag(run.c.dag_id)
    query = (
        select(xcom.c.run_pk, func.count())
        .join(run, run.c.id == xcom.c.run_pk)
        .where(run.c.end_date < wish.before, *of_dag, *_NOTHING_NEEDS_IT)
        .group_by(xcom.c.run_pk)
        .order_by(xcom.c.run_pk)
    )
    return [row[0] for row in tx.execute(query.limit(limit))]


def remove_old(
    tx: Tx, name: str, wish: Wish, keys: Sequence[Any], archive: Archive | None
) -> dict[str, int]:
    """Remove those of these rows that are still old and needed by nothing."""
    removed: dict[str, int] = {}
    if name == "xcom":
        ended = xcom.c.run_pk.in_(_XCOM_RUN.where(run.c.id.in_(keys)))
        _count(removed, xcom, _remove(tx, xcom, ended, archive))
        return removed
    table, age, conditions = _OTHERS[name]
    key = next(iter(table.primary_key.columns))
    which = and_(key.in_(keys), age < wish.before, *conditions)
    _count(removed, table, _remove(tx, table, which, archive))
    return removed


def count_old(tx: Tx, name: str, wish: Wish) -> int:
    """Answer how many rows of a table, other than runs, may go."""
    if name != "xcom":
        return len(read_old_keys(tx, name, wish, -1))
    runs = _old_xcoms(tx, wish, -1)
    query = select(func.count()).select_from(xcom).where(xcom.c.run_pk.in_(runs))
    return int(tx.execute(query).scalar_one())


def has_run(tx: Tx, dag_id: str, run_id: str) -> bool:
    """Tell whether there is a run of that Dag and id."""
    query = select(exists().where(run.c.dag_id == dag_id, run.c.run_id == run_id))
    return bool(tx.execute(query).scalar())


TABLES = ("dag_run", "asset_event", "backfill", "dag_version", "worker", "xcom")
"""What can be asked for, in the order it is cleaned; ``xcom`` only by name."""
