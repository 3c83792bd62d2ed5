"""What a task says of the assets it makes, and what it learns of those it needs.

``outlet_events[asset].extra = {...}`` goes with the event that the task's success makes;
``inlet_events[asset]`` is a sequence of the events there were.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tradewind.protocol.data_questions import (
    AssetEventView,
    AssetView,
    FindAsset,
    FindAssetEvents,
    TriggeringEvents,
)
from tradewind.protocol.ports import TaskPort
from tradewind.protocol.reports import AssetEventPush
from tradewind.sdk.assets import (
    Asset,
    AssetAlias,
    AssetRef,
    AssetUniqueKey,
    BaseAsset,
    Metadata,
)
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.serde import serialize
from tradewind.sdk.timezone import as_instant


class OutletEvents(Mapping[Any, "OutletEvent"]):
    """What a task says of its outlets, by asset or alias."""

    def __init__(self, outlets: Iterable[Any]) -> None:
        self._events = {one: OutletEvent(one) for one in outlets if isinstance(one, BaseAsset)}

    def __getitem__(self, key: Any) -> "OutletEvent":
        found = self._events.get(key) if isinstance(key, BaseAsset) else self._named(key)
        if found is None and isinstance(key, Asset):
            # A reference among the outlets stands for the asset itself.
            found = self._named(key.name)
        if found is None:
            names = ", ".join(str(getattr(one, "name", one)) for one in self._events) or "none"
            raise KeyError(f"{key!r} is not among the outlets of this task; these are: {names}")
        return found

    def _named(self, name: Any) -> "OutletEvent | None":
        for one, event in self._events.items():
            if isinstance(name, str) and name in (
                getattr(one, "name", None),
                getattr(one, "uri", None),
            ):
                return event
        return None

    def __iter__(self) -> Iterator[Any]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def take(self, metadata: Metadata) -> None:
        """Take what a task yielded.

        Raises:
            KeyError: The asset is not among the outlets.
        """
        if metadata.alias is not None:
            self[metadata.alias].add(metadata.asset, metadata.extra)
        else:
            self[metadata.asset].extra.update(metadata.extra)

    def pushes(self) -> tuple[AssetEventPush, ...]:
        """Answer the events that the task's success makes."""
        return tuple(push for event in self._events.values() for push in event.pushes())


class OutletEvent:
    """What is said of one outlet."""

    def __init__(self, key: BaseAsset) -> None:
        self.key = key
        self.extra: dict[str, Any] = {}
        self.partition_keys: list[str] = []
        self._added: list[tuple[Asset, dict[str, Any]]] = []

    def add(self, asset: Asset, extra: Mapping[str, Any] | None = None) -> None:
        """Say that the task changed this asset, through an alias.

        Raises:
            AirflowException: The outlet is no alias.
        """
        if not isinstance(self.key, AssetAlias):
            raise AirflowException(f"{self.key!r} is no alias, so no asset can be added to it")
        self._added.append((asset, dict(extra or {})))

    def add_partitions(self, keys: str | Iterable[str]) -> None:
        """Say which partitions of the asset changed: one event each."""
        found = [keys] if isinstance(keys, str) else list(keys)
        self.partition_keys.extend(key for key in found if key not in self.partition_keys)

    def pushes(self) -> Iterator[AssetEventPush]:
        """Answer the events of this outlet."""
        extra: dict[str, Any] = serialize(self.extra)
        partitions: Sequence[str | None] = self.partition_keys or [None]
        if isinstance(self.key, AssetAlias):
            for asset, own in self._added:
                yield from (
                    _push(asset, serialize(self.extra | own), key, self.key.name)
                    for key in partitions
                )
        else:
            yield from (_push(self.key, extra, key) for key in partitions)


def _push(
    of: Any, extra: dict[str, Any], partition: str | None, alias: str | None = None
) -> AssetEventPush:
    return AssetEventPush(
        name=of.name,
        uri=of.uri,
        group=getattr(of, "group", "asset"),
        asset_extra=serialize(getattr(of, "extra", {})),
        extra=extra,
        partition_key=partition,
        alias=alias,
    )


class InletEvents(Mapping[Any, "EventSequence"]):
    """The events of assets, by asset, alias or the place among the inlets."""

    def __init__(self, inlets: Sequence[Any], port: TaskPort) -> None:
        self._inlets = [one for one in inlets if isinstance(one, BaseAsset)]
        self._port = port

    def __getitem__(self, key: Any) -> "EventSequence":
        found = self._inlets[key] if isinstance(key, int) else key
        match found:
            case AssetAlias(name=name):
                return EventSequence(FindAssetEvents(alias=name), self._port)
            case Asset(name=name, uri=uri) | AssetRef(name=name, uri=uri):
                return EventSequence(FindAssetEvents(name=name, uri=uri), self._port)
        raise TypeError(f"inlet_events is read by asset, not by {type(found).__name__}")

    def describe(self, one: AssetRef) -> AssetView | None:
        """Answer what is known of an asset that is only named here."""
        found: AssetView | None = self._port.ask(FindAsset(name=one.name, uri=one.uri))
        return found

    def __iter__(self) -> Iterator[Any]:
        return iter(self._inlets)

    def __len__(self) -> int:
        return len(self._inlets)


class TriggeringAssetEvents(Mapping[Any, list[AssetEventView]]):
    """The events that started a run, by asset or alias; asked for when they are looked at."""

    def __init__(self, port: TaskPort) -> None:
        self._port = port
        self._found: dict[Any, list[AssetEventView]] | None = None

    def _events(self) -> dict[Any, list[AssetEventView]]:
        if self._found is None:
            self._found = {}
            for event in self._port.ask(TriggeringEvents()):
                self._found.setdefault(AssetUniqueKey(event.name, event.uri), []).append(event)
        return self._found

    def __getitem__(self, key: Any) -> list[AssetEventView]:
        events = self._events()
        match key:
            case AssetAlias(name=name):
                found = [one for some in events.values() for one in some if one.alias == name]
            case Asset(name=name, uri=uri) | AssetUniqueKey(name=name, uri=uri):
                found = events.get(AssetUniqueKey(name, uri), [])
            case AssetRef(name=name, uri=uri):
                found = [
                    one
                    for of, some in events.items()
                    if name in (None, of.name) and uri in (None, of.uri)
                    for one in some
                ]
            case str():
                found = [
                    one for of, some in events.items() if key in (of.name, of.uri) for one in some
                ]
            case _:
                found = []
        if not found:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[Any]:
        return iter(self._events())

    def __len__(self) -> int:
        return len(self._events())


class EventSequence(Sequence[AssetEventView]):
    """Events in the order of time, asked for when they are looked at; filters may be chained.

    ``inlet_events[asset].after(moment).extra("region", "eu").ascending(False).limit(3)``
    """

    def __init__(self, question: FindAssetEvents, port: TaskPort) -> None:
        self._question = question
        self._port = port
        self._found: list[AssetEventView] | None = None

    def after(self, moment: datetime | str) -> "EventSequence":
        """Answer those at or after a moment."""
        return self._with(after=as_instant("after", moment))

    def before(self, moment: datetime | str) -> "EventSequence":
        """Answer those at or before a moment."""
        return self._with(before=as_instant("before", moment))

    def extra(self, key: str, value: str) -> "EventSequence":
        """Answer those whose extra has this value under this key."""
        return self._with(extra={**(self._question.extra or {}), key: value})

    def ascending(self, ascending: bool = True) -> "EventSequence":
        """Answer them oldest first, or newest first."""
        return self._with(ascending=ascending)

    def limit(self, limit: int) -> "EventSequence":
        """Answer at most so many."""
        return self._with(limit=limit)

    def _with(self, **changes: Any) -> "EventSequence":
        fields = {name: getattr(self._question, name) for name in _FIELDS} | changes
        return EventSequence(FindAssetEvents(**fields), self._port)

    def _events(self) -> list[AssetEventView]:
        if self._found is None:
            self._found = self._port.ask(self._question)
        return self._found

    def __getitem__(self, index: Any) -> Any:
        return self._events()[index]

    def __len__(self) -> int:
        return len(self._events())

    def __repr__(self) -> str:
        return f"<events of {self._question.alias or self._question.name or self._question.uri}>"


_FIELDS = FindAssetEvents.__struct_fields__
