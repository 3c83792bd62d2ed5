"""What listeners hear of a parse: assets and aliases that nobody knew, and import errors.

They are told in the parse's own process, before its report: a report that is lost is made again, so
each is told at least once. Where nobody listens, nothing is asked.
"""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tradewind.core.spec import AssetSpec, DagSpec
from tradewind.errors import TradewindError
from tradewind.protocol.data_questions import AssetEventView, FindAlias, FindAsset
from tradewind.protocol.orders import ParseOrder
from tradewind.protocol.ports import TaskPort
from tradewind.protocol.reports import ImportFault
from tradewind.runtime import listening
from tradewind.sdk.assets import Asset, AssetAlias

_ERRORS = {False: "on_new_dag_import_error", True: "on_existing_dag_import_error"}

log = logging.getLogger("tradewind.listeners")


def tell_of_parse(
    order: ParseOrder,
    specs: Iterable[DagSpec],
    faults: Iterable[ImportFault],
    port: TaskPort | None,
) -> None:
    """Tell listeners of what this parse has found."""
    hook = _ERRORS[order.had_fault]
    for fault in faults:
        path = str(Path(order.bundle.root, fault.file))
        listening.tell(hook, filename=path, stacktrace=fault.traceback or fault.message)
    if port is None:
        return
    try:
        _tell_of_assets(list(specs), port)
    except TradewindError as error:
        log.warning("Listeners are not told of new assets: %s", error)


def tell_of_event(told: str) -> None:
    """Tell listeners of an event of an asset; ``told`` is JSON of an ``AssetEventView``."""
    event = msgspec.json.decode(told, type=AssetEventView)
    if listening.is_heard("on_asset_changed"):
        changed = Asset(name=event.name, uri=event.uri, group=event.group)
        listening.tell("on_asset_changed", asset=changed)
    listening.tell("on_asset_event_emitted", asset_event=event)


def _tell_of_assets(specs: list[DagSpec], port: TaskPort) -> None:
    if listening.is_heard("on_asset_created"):
        for one in _used(specs, "asset"):
            if one.uri and port.ask(FindAsset(name=one.name, uri=one.uri)) is None:
                made = Asset(name=one.name, uri=one.uri, group=one.group, extra=dict(one.extra))
                listening.tell("on_asset_created", asset=made)
    if listening.is_heard("on_asset_alias_created"):
        for one in _used(specs, "alias"):
            if not port.ask(FindAlias(name=one.name or "")):
                alias = AssetAlias(name=one.name or "", group=one.group)
                listening.tell("on_asset_alias_created", asset_alias=alias)


def _used(specs: list[DagSpec], kind: str) -> Iterator[AssetSpec]:
    """Answer each asset, or alias, that these Dags name, once."""
    seen: set[tuple[str | None, str | None]] = set()
    for spec in specs:
        tasks = (one for task in spec.tasks for one in (*task.inlets, *task.outlets))
        for one in (*spec.assets, *tasks):
            if one.kind == kind and one.name and (one.name, one.uri) not in seen:
                seen.add((one.name, one.uri))
                yield one
