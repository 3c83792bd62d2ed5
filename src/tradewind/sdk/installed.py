"""What installed packages offer under a name: their entry points, found at little cost."""

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@cache
def installed(group: str) -> "tuple[EntryPoint, ...]":
    """Answer the entry points of a group; asked once for all that is forked from this process.

    ``importlib.metadata`` brings sixty modules, which every task would be forked with. So it is
    left alone where no package names the group at all, which is nearly everywhere.
    """
    if not any(_names(folder, group) for folder in sys.path):
        return ()
    from importlib.metadata import entry_points  # noqa: PLC0415

    return tuple(entry_points(group=group))


def _names(folder: str, group: str) -> bool:
    files = Path(folder).glob("*.*-info/entry_points.txt")
    return any(group in file.read_text(encoding="utf-8", errors="replace") for file in files)
