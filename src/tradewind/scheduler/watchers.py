"""Watchers of assets, run in workers' trigger hosts beside the triggers of tasks.

A watcher is run to its first event; that is recorded, together with the runs it starts, and the
watcher is free to be run again. One that fails is tried again after a pause that grows.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from tradewind.protocol.orders import BundleRef, RunFacts
from tradewind.protocol.triggers import WATCHERS_FROM, Fired, TriggerOrder, is_watcher
from tradewind.scheduler.assets import Assets
from tradewind.scheduler.wishes import AssetChange
from tradewind.store import asset_watchers, bundles, places
from tradewind.store.asset_watchers import Watcher
from tradewind.store.database import Tx
from tradewind.store.workers import WorkerFacts

_AFTER_EVENT_SECONDS = 1.0
"""Between an event and the next try: what is there still is not told of without a pause."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 5.0, 300.0


class Watchers:
    """Hands watchers to workers, and records what they say as events of their assets."""

    def __init__(self, events: Assets) -> None:
        """Bind what records events."""
        self._events = events

    def take_fired(self, tx: Tx, worker: WorkerFacts, said: Sequence[Fired], now: datetime) -> None:
        """Record what watchers said, each once."""
        for fired in said:
            watcher_id = fired.trigger_id - WATCHERS_FROM
            error = None if fired.event is not None else fired.error or "It failed."
            if not asset_watchers.apply_spoken(tx, worker.id, watcher_id, fired.epoch, now, error):
                continue
            if fired.event is None:
                continue
            extra = {"from_trigger": True, "payload": msgspec.json.decode(fired.event)}
            for asset_id in asset_watchers.read_watched(tx, watcher_id):
                self._events.record_change(tx, AssetChange(asset_id=asset_id, extra=extra), now)

    def claim(
        self, tx: Tx, worker: WorkerFacts, seq: int, now: datetime, tokens: Sequence[str]
    ) -> list[TriggerOrder]:
        """Hand out watchers that nobody runs, as many as there are tokens."""
        orders = []
        for one, token in asset_watchers.claim_watchers(tx, worker.id, seq, worker.queues, tokens):
            place = places.read_place_now(tx, one.dag_id)
            if place is not None:
                bundle = bundles.read_bundle(tx, place.bundle)
                digest = bundle.digest if bundle else ""
                orders.append(_order(one, token, place, digest, now))
        return orders

    @staticmethod
    def read_held(tx: Tx, worker_id: str) -> dict[int, int]:
        """Answer the watchers that a worker runs, as triggers, with the request that claimed."""
        held = asset_watchers.read_held_watchers(tx, worker_id)
        return {WATCHERS_FROM + one: seq for one, seq in held.items()}

    @staticmethod
    def give_back(tx: Tx, trigger_ids: Collection[int]) -> None:
        """Let others run those of these triggers that are watchers."""
        asset_watchers.return_watchers(
            tx, [one - WATCHERS_FROM for one in trigger_ids if is_watcher(one)]
        )

    @staticmethod
    def read_existing(tx: Tx, trigger_ids: Collection[int]) -> set[int]:
        """Answer which of these triggers are watchers that there are still."""
        wanted = [one - WATCHERS_FROM for one in trigger_ids if is_watcher(one)]
        return {WATCHERS_FROM + one for one in asset_watchers.read_watchers(tx, wanted)}


def _pause(one: Watcher) -> float:
    if one.failures:
        grown = _FIRST_PAUSE_SECONDS * 2 ** min(one.failures - 1, 10)
        return float(min(grown, _LONGEST_PAUSE_SECONDS))
    return _AFTER_EVENT_SECONDS if one.fired_at is not None else 0.0


def _order(
    one: Watcher, token: str, place: places.Place, digest: str, now: datetime
) -> TriggerOrder:
    return TriggerOrder(
        trigger_id=WATCHERS_FROM + one.id,
        epoch=one.epoch,
        token=token,
        classpath=one.classpath,
        kwargs=one.kwargs,
        ti_id=0,
        task_id="",
        run=RunFacts(dag_id=one.dag_id, run_id="", run_type="", run_after=now),
        bundle=BundleRef(
            name=place.bundle, root=place.root, dags_folder=place.dags_folder, digest=digest
        ),
        file=place.file,
        log_path=f"watchers/{one.id}.log",
        is_watcher=True,
        pause_seconds=_pause(one),
    )
