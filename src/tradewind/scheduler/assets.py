"""Events of assets, and the runs they start.

An event is queued for the Dags that wait for its asset in the transaction that records it; a Dag
whose condition is met then gets its run in that same transaction.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from tradewind.core.assets import (
    DROP,
    downstream_keys,
    run_of_events,
)
from tradewind.core.runs import Run
from tradewind.core.spec import DagSpec
from tradewind.errors import RefusedError
from tradewind.protocol.reports import AssetEventPush
from tradewind.scheduler.asset_conditions import is_enough
from tradewind.scheduler.planner import Planner
from tradewind.scheduler.wishes import AssetChange
from tradewind.store import asset_queue, assets, dags
from tradewind.store.asset_waits import Listener, read_listeners, read_listening
from tradewind.store.assets import EventSource, NewEvent
from tradewind.store.dags import DagFacts
from tradewind.store.database import Tx

_log = logging.getLogger(__name__)

_SUFFIX_LENGTH = 8


class Assets:
    """Records events, queues them, and makes the runs that they are enough for."""

    def __init__(self, planner: Planner, new_token: Callable[[], str]) -> None:
        """Bind the planner, which makes runs, and what makes the ends of their ids."""
        self._planner = planner
        self._new_token = new_token
        self._fresh: dict[tuple[str, str], None] = {}

    def forget(self) -> None:
        """Look at nothing: a transaction was undone."""
        self._fresh.clear()

    def record(
        self, tx: Tx, pushes: Sequence[AssetEventPush], source: EventSource, now: datetime
    ) -> list[int]:
        """Write events and queue them for whoever waits; answer their ids."""
        made = assets.apply_asset_events(tx, pushes, source, now)
        for event in made:
            self._queue(tx, event, now)
        return [event.id for event in made]

    def record_change(self, tx: Tx, change: AssetChange, now: datetime) -> int:
        """Write an event of an asset that was made elsewhere, and queue it; answer its id."""
        push = AssetEventPush(extra=change.extra, partition_key=change.partition_key)
        event = assets.insert_event(tx, change.asset_id, push, EventSource(), now)
        self._queue(tx, event, now)
        return event.id

    def _queue(self, tx: Tx, event: NewEvent, now: datetime) -> None:
        targets = [
            (one.dag_id, key)
            for one in read_listeners(tx, event.asset_id)
            if not (one.is_paused and one.listening.on_pause == DROP)
            for key in self._keys(one, event)
        ]
        asset_queue.queue_event(tx, event.id, event.asset_id, targets, now)
        self._fresh.update(dict.fromkeys(targets))

    @staticmethod
    def _keys(one: Listener, event: NewEvent) -> tuple[str, ...]:
        try:
            return downstream_keys(one.listening, one.parts, event.partition_key)
        except ValueError as error:
            # Whoever made the event has done what was asked of it: only this Dag cannot follow.
            _log.warning("An event of an asset is passed over for Dag '%s': %s", one.dag_id, error)
            return ()

    def look(self, tx: Tx, dag_ids: Iterable[str]) -> None:
        """Look again at what is queued for these Dags: they were unpaused, or parsed."""
        for dag_id in dag_ids:
            keys = asset_queue.read_queued_keys(tx, dag_id)
            self._fresh.update({(dag_id, key): None for key in keys})

    def plan(self, tx: Tx, now: datetime) -> None:
        """Make the runs that what is queued is enough for."""
        while self._fresh:
            fresh = list(self._fresh)
            self._fresh.clear()
            for dag_id, key in fresh:
                self._plan_dag(tx, dag_id, key, now)

    def _plan_dag(self, tx: Tx, dag_id: str, key: str, now: datetime) -> None:
        facts = dags.find_dag(tx, dag_id)
        if facts is None or facts.is_paused or facts.is_stale or facts.has_import_errors:
            return
        listening = read_listening(tx, dag_id)
        if listening is None or not is_enough(tx, dag_id, listening, key):
            return
        if listening.is_gate:
            self._planner.has_due |= dags.wake_held(tx, [dag_id], now)
            return
        if listening.catchup and not key and not asset_queue.has_consumed(tx, dag_id):
            asset_queue.queue_history(tx, dag_id, now)
        # Should the clock have been set back since, its run need not wait for that moment again.
        newest = min(asset_queue.read_newest(tx, dag_id, key) or now, now)
        run = run_of_events(dag_id, newest, self._new_token()[-_SUFFIX_LENGTH:], key or None)
        try:
            made = self._planner.make(tx, facts, facts.decode_spec(), run, now)
        except RefusedError as refusal:
            # Dates of tasks may leave nothing to run; the events stay queued for another time.
            _log.info("No run of %s: %s", run.run_id, refusal.message)
            return
        asset_queue.consume(tx, dag_id, key, made.run.pk)

    def is_open(self, tx: Tx, facts: DagFacts, spec: DagSpec) -> bool:
        """Tell whether a tick may have its run: the assets were updated since the last one."""
        listening = read_listening(tx, facts.dag_id)
        return listening is not None and is_enough(tx, facts.dag_id, listening)

    def consume(self, tx: Tx, run: Run, spec: DagSpec, now: datetime) -> None:
        """Give the events that are queued to the run of a tick that waited for them."""
        asset_queue.consume(tx, run.dag_id, "", run.pk)
