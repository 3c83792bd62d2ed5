"""Questions about runs."""

from datetime import datetime

from tradewind.core.runs import Run
from tradewind.protocol.questions import GetPreviousRun, GetRun, RunView
from tradewind.scheduler.answers.asker import Asker, Handlers
from tradewind.store import history, runs
from tradewind.store.database import Tx


def view_of(found: Run) -> RunView:
    """Answer what a task may learn of a run."""
    return RunView(
        dag_id=found.dag_id,
        run_id=found.run_id,
        run_type=found.run_type.value,
        state=found.state.value,
        run_after=found.run_after,
        logical_date=found.logical_date,
        data_interval_start=found.data_interval_start,
        data_interval_end=found.data_interval_end,
        start_date=found.start_date,
        end_date=found.end_date,
        conf=found.conf or {},
        partition_key=found.partition_key,
        clear_number=found.clear_number,
    )


def read_run(tx: Tx, question: GetRun, asker: Asker, now: datetime) -> RunView | None:
    """Answer the run of this id, or None."""
    found = runs.read_run(tx, question.dag_id, question.run_id)
    return None if found is None else view_of(found)


def read_previous(tx: Tx, question: GetPreviousRun, asker: Asker, now: datetime) -> RunView | None:
    """Answer the run before, or None."""
    this = runs.read_run(tx, question.dag_id, question.run_id)
    if this is None:
        return None
    found = history.read_previous_run(tx, this, question.state)
    return None if found is None else view_of(found)


HANDLERS: Handlers = {GetRun: read_run, GetPreviousRun: read_previous}
