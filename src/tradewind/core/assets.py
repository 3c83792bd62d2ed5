"""When the assets that a Dag is scheduled on are enough for a run, and what that run is.

Pure: what has happened to which asset comes in as a set, the answer goes out. Reading and consuming
the events is the store's and the scheduler's business.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from tradewind.core.partition_data import mapper_of_data
from tradewind.core.partitions import RollupMapper, keys_of
from tradewind.core.runs import Run, RunType, partition_run_id, run_id_of
from tradewind.core.spec import AssetSpec, DagSpec
from tradewind.core.timetables import PartitionedAsset, waits_for_assets

KEEP, DROP = "keep", "drop"
"""What becomes of events while the Dag they would start is paused."""


class Listening(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a Dag waits for: the part of its spec that events of assets are weighed by."""

    assets: tuple[AssetSpec, ...]
    """The parts of its condition, each once."""
    asset_expression: Any
    on_pause: str = KEEP
    catchup: bool = False
    mappers: tuple[Any, ...] | None = None
    """How keys of partitions become its own, part by part; None: it knows no partitions."""
    is_gate: bool = False
    """Whether they start no run, but let those of a timetable go."""


def listening_of(spec: DagSpec) -> Listening | None:
    """Answer what a Dag waits for; None where events of assets start no runs of it.

    Example:
        >>> listening_of(DagSpec(dag_id="d", file="d.py")) is None
        True
    """
    made = RunType.SCHEDULED if waits_for_assets(spec.timetable) else RunType.ASSET_TRIGGERED
    allowed = spec.allowed_run_types
    if spec.asset_expression is None or (allowed is not None and made.value not in allowed):
        return None
    return Listening(
        assets=spec.assets,
        asset_expression=spec.asset_expression,
        on_pause=spec.on_pause,
        catchup=spec.catchup,
        mappers=spec.timetable.mappers if isinstance(spec.timetable, PartitionedAsset) else None,
        is_gate=waits_for_assets(spec.timetable),
    )


def downstream_keys(
    listening: Listening, parts: Collection[int], partition_key: str | None
) -> tuple[str, ...]:
    """Answer for which partitions of a Dag an event counts; ``''`` for one without any.

    What changed in a partition says nothing to a Dag that knows none, nor the other way round.

    Args:
        listening: What the Dag waits for.
        parts: Places, among the parts, that the event's asset is meant by.
        partition_key: The event's.

    Raises:
        ValueError: The key is not one that the Dag's mappers can read.

    Example:
        >>> plain = Listening(assets=(), asset_expression={})
        >>> downstream_keys(plain, {0}, None), downstream_keys(plain, {0}, "eu")
        (('',), ())
    """
    if listening.mappers is None or partition_key is None:
        return ("",) if listening.mappers is None and partition_key is None else ()
    found: dict[str, None] = {}
    for part in parts:
        if part < len(listening.mappers):
            mapper = mapper_of_data(listening.mappers[part])
            found.update(dict.fromkeys(keys_of(mapper.to_downstream(partition_key))))
    return tuple(found)


def rolled_up(listening: Listening) -> dict[int, RollupMapper]:
    """Answer the parts of which several partitions make one, with what says how many.

    Example:
        >>> rolled_up(Listening(assets=(), asset_expression={}))
        {}
    """
    mappers = enumerate(map(mapper_of_data, listening.mappers or ()))
    return {part: one for part, one in mappers if isinstance(one, RollupMapper)}


def is_met(expression: Any, assets: Sequence[AssetSpec], arrived: Collection[int]) -> bool:
    """Answer whether what has arrived is enough.

    Args:
        expression: The condition, in the form the API shows.
        assets: Its parts, each once.
        arrived: Places, among the parts, of those that something has happened to.

    Example:
        >>> parts = (AssetSpec(name="a", uri="a"), AssetSpec(name="b", uri="b"))
        >>> leaves = [{"asset": {"name": n, "uri": n, "group": "asset"}} for n in "ab"]
        >>> [is_met({word: leaves}, parts, {1}) for word in ("all", "any")]
        [False, True]
    """
    places = {_identity(one): place for place, one in enumerate(assets)}

    def holds(node: Mapping[str, Any]) -> bool:
        for word, inner in node.items():
            if word == "all":
                return all(holds(one) for one in inner)
            if word == "any":
                return any(holds(one) for one in inner)
            return places.get(_identity_of_leaf(word, inner), -1) in arrived
        return False

    return holds(expression)


def describe(expression: Any, assets: Sequence[AssetSpec], arrived: Collection[int]) -> str:
    """Answer in words what of a condition is missing still; empty where nothing is.

    Example:
        >>> parts = (AssetSpec(name="a", uri="a"), AssetSpec(name="b", uri="b"))
        >>> leaves = [{"asset": {"name": n, "uri": n, "group": "asset"}} for n in "ab"]
        >>> describe({"all": leaves}, parts, {1}), describe({"any": leaves}, parts, ())
        ("asset 'a'", "asset 'a' or asset 'b'")
    """
    places = {_identity(one): place for place, one in enumerate(assets)}

    def missing(node: Mapping[str, Any]) -> str:
        for word, inner in node.items():
            if word in ("all", "any"):
                lacks = [lack for one in inner if (lack := missing(one))]
                if word == "any" and len(lacks) < len(inner):
                    return ""
                text = (" and " if word == "all" else " or ").join(lacks)
                return f"({text})" if word == "any" and node is not expression and lacks else text
            identity = _identity_of_leaf(word, inner)
            return "" if places.get(identity, -1) in arrived else _named(identity)
        return ""

    return missing(expression)


def _named(identity: tuple[str, str | None, str | None]) -> str:
    kind, name, uri = identity
    return f"{'alias' if kind == 'alias' else 'asset'} '{name or uri}'"


def _identity(one: AssetSpec) -> tuple[str, str | None, str | None]:
    return (one.kind, one.name, None if one.kind == "alias" else one.uri)


def _identity_of_leaf(word: str, leaf: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    kind = {"asset": "asset", "alias": "alias", "asset_ref": "ref"}[word]
    return (kind, leaf.get("name"), None if kind == "alias" else leaf.get("uri"))


def run_of_events(
    dag_id: str, newest: datetime, suffix: str, partition_key: str | None = None
) -> Run:
    """Answer the run that consumed events start; due since the newest of them.

    The suffix keeps apart runs that share a moment.

    Example:
        >>> from datetime import UTC
        >>> run_of_events("d", datetime(2026, 4, 20, tzinfo=UTC), "x1y2z3a4").run_id
        'asset_triggered__2026-04-20T00:00:00+00:00_x1y2z3a4'
    """
    if partition_key is None:
        run_id = run_id_of(RunType.ASSET_TRIGGERED, newest, suffix=suffix)
    else:
        run_id = partition_run_id(RunType.ASSET_TRIGGERED, newest, partition_key, suffix)
    return Run(
        dag_id=dag_id,
        run_id=run_id,
        run_type=RunType.ASSET_TRIGGERED,
        run_after=newest,
        triggered_by="asset",
        partition_key=partition_key,
    )
