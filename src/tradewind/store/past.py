"""What earlier runs say to tasks that depend on them."""

from typing import Any

from sqlalchemy import and_, bindparam, or_, select

from tradewind.core.runs import Run
from tradewind.core.spec import TaskSpec
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared
from tradewind.store.tables import run, task_instance

_EARLIER = Prepared(
    select(run.c.id)
    .where(
        run.c.dag_id == bindparam("b_dag"),
        or_(
            run.c.run_after < bindparam("b_after", type_=run.c.run_after.type),
            and_(
                run.c.run_after == bindparam("b_after", type_=run.c.run_after.type),
                run.c.id < bindparam("b_pk"),
            ),
        ),
    )
    .order_by(run.c.run_after.desc(), run.c.id.desc())
    .limit(1)
)
_EARLIER_BY_DATE = Prepared(
    select(run.c.id)
    .where(run.c.dag_id == bindparam("b_dag"), run.c.logical_date < bindparam("b_date"))
    .order_by(run.c.logical_date.desc())
    .limit(1)
)
_STATES = Prepared(
    select(task_instance.c.state).where(
        task_instance.c.run_pk == bindparam("b_run"),
        task_instance.c.task_id.in_(bindparam("b_tasks", expanding=True)),
    )
)
_FINE = {"success", "skipped", "removed"}


def is_past_done(tx: Tx, this: Run, task: TaskSpec, below: tuple[str, ...] = ()) -> bool:
    """Tell whether the run before this one lets the task go on.

    The run before is the one with the next earlier logical date; for a run without one, the next
    earlier by ``run_after``. No run before, or one in which the task has no instance, holds
    nothing back.

    Args:
        tx: The transaction.
        this: The run of the instance that asks.
        task: The task that depends on the past.
        below: The tasks right below it, asked too where it waits for downstream.
    """
    values: dict[str, Any]
    if this.logical_date is not None:
        query, values = _EARLIER_BY_DATE, {"b_date": this.logical_date}
    else:
        query, values = _EARLIER, {"b_after": this.run_after, "b_pk": this.pk}
    before = query.value(tx, {"b_dag": this.dag_id, **values})
    if before is None:
        return True
    asked = [task.task_id, *(below if task.wait_for_downstream else ())]
    return set(_STATES.column(tx, {"b_run": before, "b_tasks": asked})) <= _FINE
