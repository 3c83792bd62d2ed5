"""What every kind of bundle has in common, and what one look at a bundle answers."""

from pathlib import Path
from typing import Protocol

import msgspec

from tradewind.core.manifest import Manifest
from tradewind.errors import TradewindError

Place = tuple[str, int, int]
"""A folder: its path, and device and inode, which tell when another one took its path."""


class BundleError(TradewindError):
    """A bundle cannot be looked at now; what it held before stands."""


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at a bundle found."""

    root: Path
    dags_folder: Path
    """Where Dag files lie, at or below the root."""
    manifest: Manifest = Manifest()
    version: str = ""
    """What people know these bytes by, such as a commit; empty where there is no such name."""
    places: frozenset[Place] = frozenset()
    """Every folder something that counts may lie in: what a watcher watches."""
    is_missing: bool = False
    """The folder is not there (yet, or for the moment): nothing can be said of its content."""


class Bundle(Protocol):
    """Where Dag files come from.

    A bundle is in place, or pinned: each state of it is then a tree of its own that never changes,
    and ``Scan.manifest.digest`` names that tree.
    """

    @property
    def name(self) -> str:
        """Answer what it is called."""

    @property
    def kind(self) -> str:
        """Answer what sort of bundle it is, in one word."""

    @property
    def is_pinned(self) -> bool:
        """Answer whether runs keep the bytes they were made with."""

    @property
    def refresh_seconds(self) -> float | None:
        """Answer how often to look; None where the file system tells of changes."""

    @property
    def source(self) -> str:
        """Answer where it comes from, for people: a path or an address, without secrets."""

    def scan(self) -> Scan:
        """Look at it as it is now; cheap when nothing changed. Not for several threads at once.

        Raises:
            BundleError: It cannot be looked at; the message is one sentence for people.
        """
