"""What is in use of pools now, counted from the task instances that wait or hold slots."""

from sqlalchemy import func, select

from tradewind.core.states import SLOT_HOLDING, TaskState
from tradewind.store.database import Tx
from tradewind.store.tables import task_instance

_COUNTED = sorted({*SLOT_HOLDING, TaskState.SCHEDULED, TaskState.DEFERRED})
_USE = (
    select(task_instance.c.pool, task_instance.c.state, func.sum(task_instance.c.pool_slots))
    .where(task_instance.c.state.in_(_COUNTED))
    .group_by(task_instance.c.pool, task_instance.c.state)
)


def read_pool_use(tx: Tx) -> dict[str, dict[str, int]]:
    """Answer pool -> state -> slots of the instances in that state; what is unused is left out."""
    use: dict[str, dict[str, int]] = {}
    for pool, state, slots in tx.execute(_USE):
        use.setdefault(pool, {})[state] = int(slots)
    return use
