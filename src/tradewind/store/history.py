"""What tasks ask about other runs and instances: rare, beside the statements of the engine."""

from sqlalchemy import ColumnElement, and_, or_, select

from tradewind.core.runs import Run
from tradewind.store import runs
from tradewind.store.database import Tx
from tradewind.store.tables import run


def read_previous_run(tx: Tx, this: Run, state: str | None = None) -> Run | None:
    """Answer the run before this one, or None; with ``state``, the latest that is in it.

    The run before is the one with the next earlier logical date; for a run without one, the next
    earlier by ``run_after``.
    """
    query = select(run.c.id).where(run.c.dag_id == this.dag_id, _is_before(this))
    if state is not None:
        query = query.where(run.c.state == state)
    order = run.c.run_after if this.logical_date is None else run.c.logical_date
    before = tx.execute(query.order_by(order.desc(), run.c.id.desc()).limit(1)).scalar_one_or_none()
    return None if before is None else runs.read_run_by_pk(tx, before)


def _is_before(this: Run) -> ColumnElement[bool]:
    if this.logical_date is not None:
        return run.c.logical_date < this.logical_date
    same = and_(run.c.run_after == this.run_after, run.c.id < this.pk)
    return or_(run.c.run_after < this.run_after, same)
