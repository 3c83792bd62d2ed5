"""Assets as data, for the spec of a Dag."""

from collections.abc import Iterable, Iterator
from typing import Any

from tradewind.core.spec import AssetSpec, WatcherSpec
from tradewind.sdk.assets import Asset, AssetAlias, AssetRef, AssetWatcher, BaseAsset
from tradewind.sdk.exceptions import UnsupportedArgument
from tradewind.sdk.serde import encode, serialize
from tradewind.sdk.timetable import Timetable
from tradewind.sdk.triggers.base import BaseEventTrigger


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
    _check_access(part)
    return AssetSpec(
        name=part.name,
        uri=part.uri,
        group=part.group,
        extra=serialize(part.extra),
        watchers=tuple(_watcher(one) for one in part.watchers if _is_run(one)),
    )


def _check_access(one: Asset) -> None:
    control = one.access_control
    if control is None:
        return
    if control.producer_teams or control.consumer_teams or not control.allow_global:
        raise UnsupportedArgument(
            f"Asset '{one.name}' has access_control, and there are no teams here: nobody would be "
            "kept from changing it, or from being started by it. Leave access_control out."
        )


def _is_run(watcher: AssetWatcher) -> bool:
    return isinstance(watcher.trigger, BaseEventTrigger)


def _watcher(watcher: AssetWatcher) -> WatcherSpec:
    classpath, kwargs = watcher.trigger.serialize()
    return WatcherSpec(
        name=watcher.name, classpath=classpath, kwargs=encode(dict(kwargs or {})).decode()
    )


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
        for watcher in one.watchers if isinstance(one, Asset) else ():
            if not _is_run(watcher):
                yield (
                    f"watcher '{watcher.name}' of an asset is not run: its trigger is a "
                    f"{type(watcher.trigger).__name__}, no BaseEventTrigger"
                )
