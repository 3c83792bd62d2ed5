"""Questions of user code about data: XComs, asset events, state that outlives a try."""

from datetime import datetime
from typing import Any, ClassVar

import msgspec

from tradewind.protocol.questions import Question


class FindXComs(Question, frozen=True, kw_only=True, tag="xcom.find"):
    """(Map index, kept bytes) of a key, by index: of this run, else of the newest before it.

    With a map index, of that instance only.
    """

    ANSWER: ClassVar[Any] = list[tuple[int, bytes]]
    dag_id: str
    run_id: str
    task_id: str
    key: str
    map_index: int | None = None


class XComsWithin(Question, frozen=True, kw_only=True, tag="xcom.within"):
    """(Map path, kept bytes) of a key, of the instances of a task at or below a path of maps."""

    ANSWER: ClassVar[Any] = list[tuple[str, bytes]]
    dag_id: str
    run_id: str
    task_id: str
    key: str
    map_path: str = ""


class SetXCom(Question, frozen=True, kw_only=True, tag="xcom.set"):
    """Keep an XCom for any task instance of the Dag that asks."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    key: str
    value: bytes
    length: int | None = None


class DeleteXCom(Question, frozen=True, kw_only=True, tag="xcom.delete"):
    """Remove an XCom of a task instance of the Dag that asks; False where there was none."""

    ANSWER: ClassVar[Any] = bool
    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    key: str


class AssetEventView(msgspec.Struct, frozen=True, kw_only=True):
    """One event of an asset, as a task sees it."""

    id: int
    timestamp: datetime
    name: str
    uri: str
    group: str = "asset"
    extra: dict[str, Any] = {}
    partition_key: str | None = None
    source_dag_id: str | None = None
    source_task_id: str | None = None
    source_run_id: str | None = None
    source_map_index: int = -1
    alias: str | None = None
    """The alias that it was changed through."""

    @property
    def asset(self) -> "AssetView":
        """The asset it is of."""
        return AssetView(name=self.name, uri=self.uri, group=self.group)


class FindAssetEvents(Question, frozen=True, kw_only=True, tag="asset.events"):
    """Events of one asset (by name, by uri, or both) or of one alias, in the order of time."""

    ANSWER: ClassVar[Any] = list[AssetEventView]
    name: str | None = None
    uri: str | None = None
    alias: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    extra: dict[str, str] | None = None
    limit: int | None = None
    ascending: bool = True


class AssetView(msgspec.Struct, frozen=True, kw_only=True):
    """An asset, as a task learns of it."""

    name: str
    uri: str
    group: str = "asset"
    extra: dict[str, Any] = {}


class FindAsset(Question, frozen=True, kw_only=True, tag="asset.get"):
    """The asset of this name or this uri, or None."""

    ANSWER: ClassVar[Any] = AssetView | None
    name: str | None = None
    uri: str | None = None


class FindAlias(Question, frozen=True, kw_only=True, tag="asset.alias"):
    """Whether an asset alias of this name is known."""

    ANSWER: ClassVar[Any] = bool
    name: str


class TriggeringEvents(Question, frozen=True, kw_only=True, tag="asset.triggering"):
    """The asset events that started the run that asks, in the order of time."""

    ANSWER: ClassVar[Any] = list[AssetEventView]


class InactiveAssets(Question, frozen=True, kw_only=True, tag="asset.inactive"):
    """Those of these assets, by (name, URI), that are not active: another one has their name."""

    ANSWER: ClassVar[Any] = list[tuple[str, str]]
    assets: tuple[tuple[str, str], ...]


class GetState(Question, frozen=True, kw_only=True, tag="state.get"):
    """The kept JSON of a key, or None; of the asset named, else of the task instance that asks."""

    ANSWER: ClassVar[Any] = bytes | None
    key: str
    asset: str | None = None


class SetState(Question, frozen=True, kw_only=True, tag="state.set"):
    """Keep JSON under a key; ``keep_seconds`` None keeps it for ever."""

    key: str
    value: bytes
    keep_seconds: float | None = None
    asset: str | None = None


class DeleteState(Question, frozen=True, kw_only=True, tag="state.delete"):
    """Remove a key; without one, all keys."""

    key: str | None = None
    asset: str | None = None
