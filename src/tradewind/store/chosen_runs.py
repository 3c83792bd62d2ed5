"""Which runs of a Dag a person means: by id, by a window of dates, by partition, earlier, later."""

from datetime import datetime
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
    rows = tx.execute(_RUN.where(*where).order_by(_ORDER, run.c.id)).mappings()
    return [_run({**row}) for row in rows]


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


def set_note(tx: Tx, pk: int, note: str | None) -> None:
    """Write the note on a run."""
    tx.execute(update(run).where(run.c.id == pk).values(note=note))
