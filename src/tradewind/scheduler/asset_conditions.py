"""How far the conditions are met that Dags wait for: for who decides, and for who asks why."""

from datetime import datetime

import msgspec

from tradewind.core.assets import Listening, describe, is_met, rolled_up
from tradewind.store import asset_queue
from tradewind.store.asset_waits import read_listening
from tradewind.store.database import Tx


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """What a Dag, or a partition of it, has and lacks."""

    partition_key: str
    """'' for none."""
    events: int
    since: datetime | None
    """When the first of the events came that are queued."""
    missing: str
    """In words; empty where nothing is, and only a pause or a tick holds the run back."""


def read_met(tx: Tx, dag_id: str, listening: Listening, key: str) -> set[int]:
    """Answer the parts of a Dag's schedule that enough has happened to, for a partition of it."""
    arrived = asset_queue.read_arrived(tx, dag_id, key)
    for part, mapper in rolled_up(listening).items() if key else ():
        upstream = asset_queue.read_upstream_keys(tx, dag_id, key, part)
        if not mapper.is_satisfied(key, upstream):
            arrived.discard(part)
    return arrived


def is_enough(tx: Tx, dag_id: str, listening: Listening, key: str = "") -> bool:
    """Tell whether what is queued for a Dag, or a partition of it, is enough for a run."""
    arrived = read_met(tx, dag_id, listening, key)
    return is_met(listening.asset_expression, listening.assets, arrived)


def read_waits(tx: Tx, dag_id: str) -> list[Wait]:
    """Answer what a Dag waits for, partition by partition; nothing where assets start no runs."""
    listening = read_listening(tx, dag_id)
    if listening is None:
        return []
    queued = {one.partition_key: one for one in asset_queue.list_queued_keys(tx, dag_id)}
    keys = list(queued) if listening.mappers is not None else [""]
    waits = []
    for key in keys:
        lacks = describe(
            listening.asset_expression, listening.assets, read_met(tx, dag_id, listening, key)
        )
        one = queued.get(key)
        waits.append(
            Wait(
                partition_key=key,
                events=one.events if one else 0,
                since=one.since if one else None,
                missing=", ".join(filter(None, [lacks, *_lacking(tx, dag_id, listening, key)])),
            )
        )
    return waits


def _lacking(tx: Tx, dag_id: str, listening: Listening, key: str) -> list[str]:
    found = []
    for part, mapper in rolled_up(listening).items() if key else ():
        upstream = asset_queue.read_upstream_keys(tx, dag_id, key, part)
        if not mapper.is_satisfied(key, upstream):
            wanted = mapper.to_upstream(key)
            here = len(set(wanted) & upstream)
            found.append(f"{here} of {len(wanted)} partitions are there")
    return found
