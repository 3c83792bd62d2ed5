"""What hooks tell of the data they read and write, while nobody asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tradewind.sdk.assets import Asset
from tradewind.sdk.log import LoggingMixin


@dataclass
class HookLineage:
    """The data that the hooks of a task read and wrote."""

    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    extra: list[Any] = field(default_factory=list)


class HookLineageCollector(LoggingMixin):
    """Takes what hooks tell."""

    def __init__(self) -> None:
        self.lineage = HookLineage()
        # Provider packages look whether these are there before they call add_extra().
        self._extra: dict[str, Any] = {}
        self._extra_counts: dict[str, int] = {}

    def create_asset(
        self,
        *,
        scheme: str | None = None,
        uri: str | None = None,
        name: str | None = None,
        group: str | None = None,
        asset_kwargs: Mapping[str, Any] | None = None,
        asset_extra: Mapping[str, Any] | None = None,
    ) -> Any:
        """Answer the asset of this address or name; None where neither is told."""
        if not uri and not name:
            return None
        return Asset(name=name or uri, uri=uri or name, group=group or "asset", extra=asset_extra)

    def add_input_asset(self, context: Any, **asset: Any) -> None:
        """Take data that was read."""
        self.lineage.inputs.append(asset)

    def add_output_asset(self, context: Any, **asset: Any) -> None:
        """Take data that was written."""
        self.lineage.outputs.append(asset)

    def add_extra(self, context: Any, key: str, value: Any) -> None:
        """Take something else worth knowing."""
        self.lineage.extra.append({"key": key, "value": value})

    @property
    def collected_assets(self) -> HookLineage:
        """Answer all that was told."""
        return self.lineage

    @property
    def has_collected(self) -> bool:
        """Say whether anything was told."""
        return bool(self.lineage.inputs or self.lineage.outputs or self.lineage.extra)


class NoOpCollector(HookLineageCollector):
    """Lets go what hooks tell, as nobody asks for it."""

    def add_input_asset(self, context: Any, **asset: Any) -> None:
        """Let it go."""

    def add_output_asset(self, context: Any, **asset: Any) -> None:
        """Let it go."""

    def add_extra(self, context: Any, key: str, value: Any) -> None:
        """Let it go."""


class HookLineageReader(LoggingMixin):
    """Asks for what hooks tell; for plugins to subclass."""

    def __init__(self, **kwargs: Any) -> None:
        self.settings: Mapping[str, Any] = kwargs
        self.lineage_collector = get_hook_lineage_collector()


_collector = NoOpCollector()


def get_hook_lineage_collector() -> HookLineageCollector:
    """Answer what hooks tell of the data they read and write."""
    return _collector
