"""Assets as data, for the spec of a Dag."""

from collections.abc import Iterable, Iterator
from typing import Any

from tradewind.core.spec import AssetSpec
from tradewind.sdk.assets import Asset, AssetAlias, AssetRef, BaseAsset
from tradewind.sdk.serde import serialize
from tradewind.sdk.timetable import Timetable


def serialize_assets(given: Iterable[Any]) -> tuple[AssetSpec, ...]:
    """Answer the assets, aliases and references among these; anything else is left out."""
    parts = (part for one in given if isinstance(one, BaseAsset) for part in one.parts())
    return tuple(_spec(part) for part in parts)


def _spec(part: Any) -> AssetSpec:
    match part:
        case AssetAlias(name=name, group=group):
            return AssetSpec(kind="alias", name=name, group=group)
        case AssetRef(name=name, uri=uri):
            return AssetSpec(kind="ref", name=name, uri=uri)
    assert isinstance(part, Asset)  # noqa: S101 - there are no other parts
    return AssetSpec(name=part.name, uri=part.uri, group=part.group, extra=serialize(part.extra))


def warn_of_assets(task: Any) -> Iterator[str]:
    """Answer what of a task's inlets and outlets has no effect."""
    for role in ("inlets", "outlets"):
        for one in getattr(task, role):
            if isinstance(one, BaseAsset):
                yield from _warn_of(one)
            else:
                yield f"'{role}' holds a {type(one).__name__}, which is no asset: it has no effect"


def warn_of_schedule(timetable: Timetable) -> Iterator[str]:
    """Answer what of a Dag's schedule has no effect."""
    yield from timetable.warnings
    if timetable.condition is not None:
        yield from _warn_of(timetable.condition)


def _warn_of(condition: BaseAsset) -> Iterator[str]:
    for one in condition.parts():
        if isinstance(one, Asset) and one.watchers:
            yield f"asset '{one.name}' has watchers, which are not run yet"
        if isinstance(one, Asset) and one.access_control is not None:
            yield f"asset '{one.name}' has access_control, which has no effect: no teams here"
