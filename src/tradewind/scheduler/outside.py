"""Why an instance waits outside any process: for which trigger, or for whose answer."""

from tradewind.core.runs import iso_utc
from tradewind.core.states import TaskState
from tradewind.store import deferrals, human_inputs, workers
from tradewind.store.database import Tx
from tradewind.store.tasks import TaskInstance


def why_outside(tx: Tx, row: TaskInstance) -> str:
    """Answer what an instance waits for that is deferred or awaits input; else nothing."""
    if row.state is TaskState.DEFERRED:
        return _why_deferred(tx, row)
    if row.state is TaskState.AWAITING_INPUT:
        return _why_asked(tx, row)
    return ""


def _why_deferred(tx: Tx, row: TaskInstance) -> str:
    for wait in deferrals.read_waits_of(tx, [row.id]):
        until = _until(row)
        if wait.claimed_by is not None:
            worker = workers.read_worker(tx, wait.claimed_by)
            where = f" on worker '{worker.name}'" if worker else ""
            said = f"It waits for its trigger {wait.classpath}, which runs{where}{until}."
            if wait.blocked:
                said += f" The trigger has held up all others of its process: {wait.blocked}."
            return said
        alive = sum(wait.queue in one.queues for one in workers.read_live_workers(tx))
        none = "" if alive else ", and there is none"
        return f"Its trigger {wait.classpath} waits for a worker of queue '{wait.queue}'{none}."
    return ""


def _why_asked(tx: Tx, row: TaskInstance) -> str:
    for asked in human_inputs.read_open_inputs(tx, [row.id]):
        who = " or ".join(asked.assigned_users) or "anybody"
        return f"It waits for {who} to answer '{asked.subject}'{_until(row)}."
    return ""


def _until(row: TaskInstance) -> str:
    return "" if row.wake_at is None else f", until {iso_utc(row.wake_at)} at the latest"
