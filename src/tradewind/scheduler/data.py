"""What a task's success leaves beside its XComs: events of assets, and its state if it is done."""

from datetime import datetime

from tradewind.core.runs import Run
from tradewind.protocol.reports import Finish
from tradewind.store import assets, states
from tradewind.store.assets import EventSource
from tradewind.store.attempts import Attempt
from tradewind.store.database import Tx
from tradewind.store.states import TaskOwner


def apply_success(tx: Tx, run: Run, one: Attempt, finish: Finish, now: datetime) -> None:
    """Write, in the transaction of the success itself, what it says of data."""
    if finish.asset_events:
        source = EventSource(
            dag_id=run.dag_id, run_id=run.run_id, task_id=one.task_id, map_index=one.map_index
        )
        assets.apply_asset_events(tx, finish.asset_events, source, now)
    if finish.clears_state:
        owner = TaskOwner(run_pk=one.run_pk, task_id=one.task_id, map_path=one.map_path)
        states.delete_state(tx, owner, None)
