"""What hooks tell of the data they read and write, while nobody asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
