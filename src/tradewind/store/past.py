"""What earlier runs say to tasks that depend on them."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Boolean, and_, bindparam, or_, select, true

from tradewind.core.runs import Run, RunType
from tradewind.core.states import TaskState
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared
from tradewind.store.tables import run, task_instance

_OF_DAG = run.c.dag_id == bindparam("b_dag")
_BEFORE = or_(
    run.c.run_after < bindparam("b_after", type_=run.c.run_after.type),
    and_(
        run.c.run_after == bindparam("b_after", type_=run.c.run_after.type),
        run.c.id < bindparam("b_pk"),
    ),
)
_COUNTS = or_(
    run.c.run_type != RunType.MANUAL.value, bindparam("b_manual", type_=Boolean()) == true()
)
_BEFORE_BY_DATE = and_(
    _OF_DAG,
    run.c.logical_date < bindparam("b_date", type_=run.c.logical_date.type),
    _COUNTS,
)
_WITHOUT_DATE = and_(_OF_DAG, run.c.logical_date.is_(None), _BEFORE, _COUNTS)
_KEY = select(run.c.id, run.c.run_after)
_EARLIER = Prepared(
    _KEY.where(_OF_DAG, _BEFORE).order_by(run.c.run_after.desc(), run.c.id.desc()).limit(1)
)
_EARLIER_BY_DATE = Prepared(
    _KEY.where(_BEFORE_BY_DATE).order_by(run.c.logical_date.desc()).limit(1)
)
_EARLIER_WITHOUT_DATE = Prepared(
    _KEY.where(_WITHOUT_DATE).order_by(run.c.run_after.desc(), run.c.id.desc()).limit(1)
)
_STATES = Prepared(
    select(task_instance.c.task_id, task_instance.c.state).where(
        task_instance.c.run_pk == bindparam("b_run"),
        task_instance.c.task_id.in_(bindparam("b_tasks", expanding=True)),
    )
)
_ANY = Prepared(
    select(task_instance.c.id)
    .join(run, run.c.id == task_instance.c.run_pk)
    .where(_OF_DAG, _BEFORE, task_instance.c.task_id == bindparam("b_task"))
    .limit(1)
)


def read_run_before(tx: Tx, this: Run, *, scheduled_only: bool) -> int | None:
    """Answer the key of the run before this one, or None.

    Runs are in the order of their logical dates; one that has none stands where its ``run_after``
    puts it. With ``scheduled_only``, runs that a person asked for do not count for one with a date.
    """
    place = {"b_dag": this.dag_id, "b_after": this.run_after, "b_pk": this.pk}
    if this.logical_date is None:
        rows = _EARLIER.rows(tx, place)
    else:
        manual = not scheduled_only
        dated = {"b_dag": this.dag_id, "b_date": this.logical_date, "b_manual": manual}
        rows = _EARLIER_BY_DATE.rows(tx, dated)
        rows += _EARLIER_WITHOUT_DATE.rows(tx, {**place, "b_manual": manual})
    return max(rows, key=_by_time)[0] if rows else None


def _by_time(row: tuple[int, datetime]) -> tuple[datetime, int]:
    return row[1], row[0]


def read_states(tx: Tx, run_pk: int, task_ids: Collection[str]) -> list[tuple[str, TaskState]]:
    """Answer (task id, state) of all instances of these tasks in a run."""
    rows = _STATES.rows(tx, {"b_run": run_pk, "b_tasks": list(task_ids)})
    return [(task_id, TaskState(state)) for task_id, state in rows]


def has_earlier_instance(tx: Tx, this: Run, task_id: str) -> bool:
    """Tell whether any run before this one has an instance of the task."""
    values = {"b_dag": this.dag_id, "b_after": this.run_after, "b_pk": this.pk, "b_task": task_id}
    return _ANY.row(tx, values) is not None
