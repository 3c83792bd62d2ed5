"""The parts of a context that are about assets and state; and the same for a local run."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from tradewind.core.spec import DagSpec
from tradewind.protocol.clock import Clock
from tradewind.protocol.data_questions import (
    AssetEventView,
    AssetView,
    DeleteState,
    FindAlias,
    FindAsset,
    FindAssetEvents,
    GetState,
    InactiveAssets,
    SetState,
    TriggeringEvents,
)
from tradewind.protocol.ports import TaskPort
from tradewind.protocol.questions import Question
from tradewind.protocol.reports import AssetEventPush
from tradewind.sdk.asset_events import InletEvents, OutletEvents, TriggeringAssetEvents
from tradewind.sdk.assets import Asset, AssetRef, AssetUniqueKey, BaseAsset
from tradewind.sdk.configuration import conf
from tradewind.sdk.exceptions import (
    AirflowFailException,
    AirflowInactiveAssetInInletOrOutletException,
)
from tradewind.sdk.state_store import AssetStateStores, StateStore

DATA_MAKERS: dict[str, Callable[[Any], Any]] = {
    "asset_state_store": lambda c: AssetStateStores([*c["inlets"], *c["outlets"]], c.port),
    "inlet_events": lambda context: InletEvents(context["inlets"], context.port),
    "outlet_events": lambda context: OutletEvents(context["outlets"]),
    "triggering_asset_events": lambda context: TriggeringAssetEvents(context.port),
    "task_state_store": lambda context: StateStore(context.port),
}
"""How these values of a context are made."""


def has_assets(task: Any) -> bool:
    """Say whether a task has assets as inlets or outlets, and so their state stores."""
    return any(isinstance(one, BaseAsset) for one in (*task.inlets, *task.outlets))


def check_references(task: Any, port: TaskPort) -> None:
    """Refuse to run a task whose inlets or outlets name an asset that is not known, or not active.

    Raises:
        AirflowFailException: One is not known.
        AirflowInactiveAssetInInletOrOutletException: One is not active, as another has its name or
            its URI.
    """
    for one in (*task.inlets, *task.outlets):
        is_known = not isinstance(one, AssetRef) or port.ask(FindAsset(name=one.name, uri=one.uri))
        if not is_known:
            raise AirflowFailException(
                f"Task '{task.task_id}' names the asset {one.name or one.uri!r}, which no Dag "
                "describes"
            )
    used = [one for one in (*task.inlets, *task.outlets) if isinstance(one, Asset)]
    if not used:
        return
    keys = tuple((one.name, one.uri) for one in used)
    inactive = port.ask(InactiveAssets(assets=keys))
    if inactive:
        raise AirflowInactiveAssetInInletOrOutletException(
            [AssetUniqueKey(name, uri) for name, uri in inactive]
        )


@cache
def is_state_cleared_on_success() -> bool:
    """Say whether a success empties the task's state store; the setting is read once a process."""
    return conf.getboolean("state_store", "clear_on_success")


class LocalData:
    """Asset events and state of a local run: kept until the run is forgotten."""

    def __init__(self, running: Callable[[], tuple[str, str, str, int]]) -> None:
        """Start with nothing; ``running`` tells which task instance asks."""
        self._running = running
        self.clock: Clock | None = None
        self.events: list[AssetEventView] = []
        self.assets: list[AssetView] = []
        self._aliases: dict[int, str | None] = {}
        self._states: dict[tuple[Any, ...], tuple[bytes, datetime | None]] = {}

    def answers(self) -> dict[type[Question], Callable[[Any], Any]]:
        """Answer what answers each kind of question."""
        return {
            FindAlias: lambda _: True,
            FindAsset: self._find_asset,
            FindAssetEvents: self._find_events,
            TriggeringEvents: lambda _: [],
            InactiveAssets: lambda _: [],
            GetState: self._get,
            SetState: self._set,
            DeleteState: self._delete,
        }

    def begin(self, spec: DagSpec, clock: Clock) -> None:
        """Take the assets that a Dag describes, and the clock of its run."""
        self.clock = clock
        used = [
            *spec.assets,
            *(one for task in spec.tasks for one in (*task.inlets, *task.outlets)),
        ]
        for one in used:
            if one.kind == "asset" and one.name is not None and one.uri is not None:
                self._know(AssetView(name=one.name, uri=one.uri, group=one.group, extra=one.extra))

    def _know(self, one: AssetView) -> None:
        if one not in self.assets:
            self.assets.append(one)

    def succeed(self, pushes: Sequence[AssetEventPush], *, clears_state: bool) -> None:
        """Take what the success of the task instance that ran leaves."""
        dag_id, run_id, task_id, map_index = self._running()
        for push in pushes:
            named = AssetView(
                name=push.name or "", uri=push.uri or "", group=push.group, extra=push.asset_extra
            )
            if push.name is None or push.uri is None:
                named = self._find_asset(FindAsset(name=push.name, uri=push.uri))
            self._know(named)
            event = AssetEventView(
                id=len(self.events) + 1,
                timestamp=self._now(),
                name=named.name,
                uri=named.uri,
                group=named.group,
                extra=push.extra,
                partition_key=push.partition_key,
                source_dag_id=dag_id,
                source_task_id=task_id,
                source_run_id=run_id,
                source_map_index=map_index,
            )
            self._aliases[event.id] = push.alias
            self.events.append(event)
        if clears_state:
            self._delete(DeleteState())

    def _now(self) -> datetime:
        return self.clock.now() if self.clock is not None else datetime.fromtimestamp(0, UTC)

    def _find_asset(self, asked: FindAsset) -> AssetView:
        fitting = (
            one
            for one in self.assets
            if asked.name in (None, one.name) and asked.uri in (None, one.uri)
        )
        named = asked.name or asked.uri or ""
        # Other Dags are not read in a local run: what is only named is taken to exist.
        return next(fitting, AssetView(name=named, uri=asked.uri or named))

    def _find_events(self, asked: FindAssetEvents) -> list[AssetEventView]:
        found = [event for event in self.events if self._fits(event, asked)]
        return (found if asked.ascending else found[::-1])[: asked.limit]

    def _fits(self, event: AssetEventView, asked: FindAssetEvents) -> bool:
        equal = (
            asked.name in (None, event.name)
            and asked.uri in (None, event.uri)
            and asked.alias in (None, self._aliases[event.id])
        )
        is_within = (asked.after is None or event.timestamp >= asked.after) and (
            asked.before is None or event.timestamp <= asked.before
        )
        extra = (asked.extra or {}).items()
        return equal and is_within and all(event.extra.get(key) == want for key, want in extra)

    def _owner(self, asked: GetState | SetState | DeleteState) -> tuple[Any, ...]:
        if asked.asset is None:
            return self._running()
        described = [one for one in self.assets if asked.asset in (one.name, one.uri)]
        return ("asset", described[0].name if described else asked.asset)

    def _get(self, asked: GetState) -> bytes | None:
        value, until = self._states.get((*self._owner(asked), asked.key), (None, None))
        return value if until is None or until > self._now() else None

    def _set(self, asked: SetState) -> None:
        keep = asked.keep_seconds
        until = None if keep is None else self._now() + timedelta(seconds=keep)
        self._states[*self._owner(asked), asked.key] = (asked.value, until)

    def _delete(self, asked: DeleteState) -> None:
        owner = self._owner(asked)
        for key in [key for key in self._states if key[:-1] == owner]:
            if asked.key in (None, key[-1]):
                del self._states[key]
