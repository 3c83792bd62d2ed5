"""What a task's success leaves beside its XComs: events of assets, and its state if it is done."""

from datetime import datetime

import msgspec

from tradewind.core.runs import Run
from tradewind.protocol.reports import AssetEventPush, Finish
from tradewind.scheduler.assets import Assets
from tradewind.store import states
from tradewind.store.assets import EventSource
from tradewind.store.attempts import Attempt
from tradewind.store.database import Tx
from tradewind.store.states import TaskOwner


def apply_success(
    tx: Tx, events: Assets, run: Run, one: Attempt, finish: Finish, now: datetime
) -> list[int]:
    """Write, in the transaction of the success itself, what it says of data; answer the events."""
    made: list[int] = []
    if finish.asset_events:
        source = EventSource(
            dag_id=run.dag_id, run_id=run.run_id, task_id=one.task_id, map_index=one.map_index
        )
        pushes = [_of_partition(push, run.partition_key) for push in finish.asset_events]
        made = events.record(tx, pushes, source, now)
    if finish.clears_state:
        owner = TaskOwner(run_pk=one.run_pk, task_id=one.task_id, map_path=one.map_path)
        states.delete_state(tx, owner, None)
    return made


def _of_partition(push: AssetEventPush, key: str | None) -> AssetEventPush:
    """Answer an event as of its run's partition, where its task named none."""
    if key is None or push.partition_key is not None:
        return push
    return msgspec.structs.replace(push, partition_key=key)
