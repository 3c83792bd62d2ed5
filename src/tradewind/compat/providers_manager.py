"""What provider packages ask of each other: which hooks and dialects are installed."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from tradewind.sdk.providers import HookInfo, hook_classes, provider_infos


class DialectInfo(NamedTuple):
    """A way to speak SQL that a provider package brings."""

    name: str
    dialect_class_name: str
    provider_name: str


class ProvidersManager:
    """Tells what the installed provider packages say of themselves."""

    @property
    def providers(self) -> Mapping[str, Mapping[str, Any]]:
        """Answer what each says of itself, by package name."""
        return provider_infos()

    @property
    def hooks(self) -> Mapping[str, HookInfo]:
        """Answer the hook for each type of connection."""
        return hook_classes()

    @cached_property
    def dialects(self) -> dict[str, DialectInfo]:
        """Answer the ways to speak SQL, by name."""
        return {
            row["dialect-type"]: DialectInfo(row["dialect-type"], row["dialect-class-name"], name)
            for name, info in provider_infos().items()
            for row in info.get("dialects", ())
        }

    def initialize_providers_hooks(self) -> None:
        """Do nothing: what is asked for is looked up then."""
