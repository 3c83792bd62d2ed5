"""What tasks ask about other runs and instances: rare, beside the statements of the engine."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from tradewind.core.runs import Run, RunType
from tradewind.core.states import RunState
from tradewind.store import runs
from tradewind.store.database import Tx
from tradewind.store.tables import run, task_instance

MAX_RUNS = 1000

_RUN = select(
    run.c.id.label("pk"), *(run.c[name] for name in Run.__struct_fields__ if name != "pk")
)


class RunChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs; what is None does not narrow."""

    dag_ids: tuple[str, ...] | None = None
    run_ids: tuple[str, ...] | None = None
    logical_dates: tuple[datetime, ...] | None = None
    states: tuple[str, ...] | None = None
    run_types: tuple[str, ...] | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Answer the SQL conditions this choice stands for."""
        wanted = [
            (run.c.dag_id, self.dag_ids),
            (run.c.run_id, self.run_ids),
            (run.c.logical_date, self.logical_dates),
            (run.c.state, self.states),
            (run.c.run_type, self.run_types),
        ]
        return [column.in_(values) for column, values in wanted if values is not None]


class InstanceChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Which task instances of one Dag; what is None does not narrow."""

    dag_id: str
    task_ids: tuple[str, ...] | None = None
    map_index: int | None = None
    run_ids: tuple[str, ...] | None = None
    logical_dates: tuple[datetime, ...] | None = None
    states: tuple[str | None, ...] | None = None
    """None among them: those that have no state yet."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """Answer the SQL conditions this choice stands for."""
        found = RunChoice(
            dag_ids=(self.dag_id,), run_ids=self.run_ids, logical_dates=self.logical_dates
        ).conditions()
        if self.task_ids is not None:
            found.append(task_instance.c.task_id.in_(self.task_ids))
        if self.map_index is not None:
            found.append(task_instance.c.map_index == self.map_index)
        if self.states is not None:
            found.append(task_instance.c.state.in_([state or "none" for state in self.states]))
        return found


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A task instance, and of which run it is."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    state: str
    try_number: int
    operator: str
    logical_date: datetime | None
    start_date: datetime | None
    end_date: datetime | None


_SEEN = select(
    *(
        (run if name in ("run_id", "logical_date") else task_instance).c[name]
        for name in Seen.__struct_fields__
    )
).join(run, run.c.id == task_instance.c.run_pk)


def read_previous_run(
    tx: Tx, this: Run, state: str | None = None, run_type: str | None = None
) -> Run | None:
    """Answer the run before this one, or None; with ``state``, the latest that is in it.

    The run before is the one with the next earlier logical date; for a run without one, the next
    earlier by ``run_after``.
    """
    query = select(run.c.id).where(run.c.dag_id == this.dag_id, _is_before(this))
    if state is not None:
        query = query.where(run.c.state == state)
    if run_type is not None:
        query = query.where(run.c.run_type == run_type)
    before = tx.execute(_latest_first(query, this.logical_date).limit(1)).scalar_one_or_none()
    return None if before is None else runs.read_run_by_pk(tx, before)


def choose_runs(tx: Tx, choice: RunChoice) -> list[Run]:
    """Answer the chosen runs, the oldest first, ``MAX_RUNS`` at most."""
    query = _RUN.where(*choice.conditions())
    rows = tx.execute(query.order_by(run.c.run_after, run.c.id).limit(MAX_RUNS)).mappings()
    return [
        Run(**{**row, "run_type": RunType(row["run_type"]), "state": RunState(row["state"])})
        for row in rows
    ]


def count_runs(tx: Tx, choice: RunChoice) -> int:
    """Answer how many runs are chosen."""
    query = select(func.count()).select_from(run).where(*choice.conditions())
    return int(tx.execute(query).scalar_one())


def choose_instances(tx: Tx, choice: InstanceChoice) -> list[Seen]:
    """Answer the chosen task instances, in the order they came to be."""
    query = _SEEN.where(*choice.conditions()).order_by(task_instance.c.id)
    return _seen(tx.execute(query).mappings())


def count_instances(tx: Tx, choice: InstanceChoice) -> int:
    """Answer how many task instances are chosen."""
    joined = task_instance.join(run, run.c.id == task_instance.c.run_pk)
    query = select(func.count()).select_from(joined).where(*choice.conditions())
    return int(tx.execute(query).scalar_one())


def read_previous_instance(
    tx: Tx, this: Run, choice: InstanceChoice, before: datetime | None = None
) -> Seen | None:
    """Answer the latest of the chosen instances in an earlier run; earlier than ``before``, if set.

    Runs are in the order ``read_previous_run`` goes by.
    """
    earlier = _is_before(this) if before is None else run.c.logical_date < before
    query = _SEEN.where(*choice.conditions(), earlier)
    query = _latest_first(query, before or this.logical_date).limit(1)
    return next(iter(_seen(tx.execute(query).mappings())), None)


def _seen(rows: Iterable[Any]) -> list[Seen]:
    return [Seen(**row) for row in rows]


def _is_before(this: Run) -> ColumnElement[bool]:
    if this.logical_date is not None:
        return run.c.logical_date < this.logical_date
    same = and_(run.c.run_after == this.run_after, run.c.id < this.pk)
    return or_(run.c.run_after < this.run_after, same)


def _latest_first(query: Select[Any], date: datetime | None) -> Select[Any]:
    order = run.c.run_after if date is None else run.c.logical_date
    return query.order_by(order.desc(), run.c.id.desc())
