"""Questions about assets and their events."""

from datetime import datetime

from tradewind.protocol.data_questions import (
    AssetEventView,
    AssetView,
    FindAlias,
    FindAsset,
    FindAssetEvents,
    InactiveAssets,
    TriggeringEvents,
)
from tradewind.scheduler.answers.asker import Asker, Handlers
from tradewind.store import asset_waits, assets
from tradewind.store.assets import AssetEvent, EventFilter
from tradewind.store.database import Tx


def find_asset(tx: Tx, question: FindAsset, asker: Asker, now: datetime) -> AssetView | None:
    """Answer the asset of this name or uri, or None."""
    found = assets.find_asset(tx, question.name, question.uri)
    if found is None:
        return None
    return AssetView(name=found.name, uri=found.uri, group=found.group, extra=found.extra)


def find_events(
    tx: Tx, question: FindAssetEvents, asker: Asker, now: datetime
) -> list[AssetEventView]:
    """Answer the events asked for."""
    wish = EventFilter(
        name=question.name,
        uri=question.uri,
        alias=question.alias,
        after=question.after,
        before=question.before,
        ascending=question.ascending,
        limit=None if question.extra else question.limit,
    )
    found, _ = assets.read_events(tx, wish)
    wanted = (question.extra or {}).items()
    fitting = [view_of(e) for e in found if all(e.extra.get(k) == v for k, v in wanted)]
    return fitting[: question.limit]


def view_of(event: AssetEvent) -> AssetEventView:
    """Answer an event as a task sees it."""
    return AssetEventView(
        id=event.id,
        timestamp=event.at,
        name=event.name,
        uri=event.uri,
        group=event.group,
        extra=event.extra,
        partition_key=event.partition_key,
        source_dag_id=event.source_dag_id,
        source_task_id=event.source_task_id,
        source_run_id=event.source_run_id,
        source_map_index=event.source_map_index,
        alias=event.alias,
    )


def find_triggering(
    tx: Tx, question: TriggeringEvents, asker: Asker, now: datetime
) -> list[AssetEventView]:
    """Answer the events that started the run that asks."""
    found, _ = assets.read_events(tx, EventFilter(consumed_by=asker.needed_attempt().run_pk))
    return [view_of(one) for one in found]


def find_inactive(
    tx: Tx, question: InactiveAssets, asker: Asker, now: datetime
) -> list[tuple[str, str]]:
    """Answer those of the assets that are not active."""
    return assets.read_inactive(tx, question.assets)


def find_alias(tx: Tx, question: FindAlias, asker: Asker, now: datetime) -> bool:
    """Answer whether there is an alias of this name."""
    return asset_waits.is_alias(tx, question.name)


HANDLERS: Handlers = {
    FindAlias: find_alias,
    FindAsset: find_asset,
    FindAssetEvents: find_events,
    TriggeringEvents: find_triggering,
    InactiveAssets: find_inactive,
}
