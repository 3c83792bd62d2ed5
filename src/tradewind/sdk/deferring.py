"""Waiting at a trigger: whether an operator does so, and how it tells of the trigger."""

from collections.abc import Mapping
from typing import Any

from tradewind.sdk.configuration import conf


def is_deferrable(given: bool | None) -> bool:
    """Answer what the author said; where nothing was said, ``[operators] default_deferrable``."""
    if given is not None:
        return bool(given)
    return conf.getboolean("operators", "default_deferrable", fallback=False)


class Described:
    """A trigger that is told of, not made.

    Its class need not be importable here, and what it needs (an event loop) is not loaded into
    the processes of ordinary tasks.
    """

    def __init__(self, classpath: str, kwargs: Mapping[str, Any] | None) -> None:
        self._said = classpath, dict(kwargs or {})

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Answer what it was told."""
        return self._said

    def __repr__(self) -> str:
        return f"<trigger {self._said[0]}>"
