"""Which runs of a Dag a person means: by id, by a window of dates, by partition, earlier, later."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, func, or_, select, update

from tradewind.core.runs import Run, RunType
from tradewind.core.states import RunState
from tradewind.store.database import Tx
from tradewind.store.tables import run

_RUN = select(
    run.c.id.label("pk"), *(run.c[name] for name in Run.__struct_fields__ if name != "pk")
)
_ORDER = func.coalesce(run.c.logical_date, run.c.run_after)


class RunScope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Runs of one Dag; what is None or empty does not narrow."""

    run_ids: tuple[str, ...] = ()
    past: bool = False
    """Also every run before one of ``run_ids``."""
    future: bool = False
    """Also every run after one of them."""
    since: datetime | None = None
    """First logical date; for a run that has none, its ``run_after`` stands for it."""
    until: datetime | None = None
    """Last one."""
    partition_key: str | None = None
    partition_since: datetime | None = None
    """First date of a partition, where its key is one."""
    partition_until: datetime | None = None
    """Last one."""


def choose_runs(tx: Tx, dag_id: str, scope: RunScope) -> list[Run]:
    """Answer the runs that are meant, the earliest first."""
    where: list[ColumnElement[bool]] = [run.c.dag_id == dag_id]
    if scope.run_ids:
        where.append(_around(tx, dag_id, scope))
    if scope.since is not None:
        where.append(scope.since <= _ORDER)
    if scope.until is not None:
        where.append(scope.until >= _ORDER)
    if scope.partition_key is not None:
        where.append(run.c.partition_key == scope.partition_key)
    has_dates = scope.partition_since is not None or scope.partition_until is not None
    if has_dates:
        where.append(run.c.partition_key.is_not(None))
    rows = tx.execute(_RUN.where(*where).order_by(_ORDER, run.c.id)).mappings()
    found = [_run({**row}) for row in rows]
    return [one for one in found if _is_within(one.partition_key, scope)] if has_dates else found


def _is_within(key: str | None, scope: RunScope) -> bool:
    try:
        moment = datetime.fromisoformat(key or "")
    except ValueError:
        return False
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (scope.partition_since is None or scope.partition_since <= moment) and (
        scope.partition_until is None or moment <= scope.partition_until
    )


def _around(tx: Tx, dag_id: str, scope: RunScope) -> ColumnElement[bool]:
    named = and_(run.c.dag_id == dag_id, run.c.run_id.in_(scope.run_ids))
    meant: list[ColumnElement[bool]] = [named]
    if scope.past or scope.future:
        first, last = tx.execute(select(func.min(_ORDER), func.max(_ORDER)).where(named)).one()
        if scope.past and last is not None:
            meant.append(last >= _ORDER)
        if scope.future and first is not None:
            meant.append(first <= _ORDER)
    return or_(*meant)


def _run(row: dict[str, Any]) -> Run:
    row["run_type"], row["state"] = RunType(row["run_type"]), RunState(row["state"])
    return Run(**row)


def count_clear(tx: Tx, pk: int) -> None:
    """Note that a run starts over once more."""
    tx.execute(update(run).where(run.c.id == pk).values(clear_number=run.c.clear_number + 1))


def forget_partition(tx: Tx, pks: Collection[int]) -> None:
    """Take their partition from these runs."""
    tx.execute(update(run).where(run.c.id.in_(list(pks))).values(partition_key=None))


def set_note(tx: Tx, pk: int, note: str | None) -> None:
    """Write the note on a run."""
    tx.execute(update(run).where(run.c.id == pk).values(note=note))
