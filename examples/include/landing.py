"""Getting hold of a day's export: one that has landed, else a new one from the shop."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from include.places import COMMITTED_LANDING, landing_folder
from include.shop import export_name, write_export


@dataclass(frozen=True, slots=True)
class Export:
    """One day's export and whether it was fetched just now."""

    path: Path
    fetched: bool


def find_export(day: date) -> Path | None:
    """Find the export of a day that has landed, or None.

    One in the data folder wins over the committed one, so that a corrected (or, to see what
    happens, a damaged) export can be put there without touching the checkout.
    """
    name = export_name(day)
    for folder in (landing_folder(), COMMITTED_LANDING):
        if (folder / name).is_file():
            return folder / name
    return None


def obtain_export(day: date) -> Export:
    """Find the export of a day; if none has landed, fetch it from the shop."""
    found = find_export(day)
    if found is not None:
        return Export(found, fetched=False)
    return Export(write_export(day, landing_folder()), fetched=True)
