"""Where the examples keep their files, which day a run is about, and how files are written.

The exports committed beside the examples are only ever read. Whatever a run makes lies in the
data folder, so that running the examples never changes a checkout.
"""

import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

COMMITTED_LANDING = Path(__file__).resolve().parent.parent / "landing"


def data_folder() -> Path:
    """Tell the folder for everything the examples write.

    ``TRADEWIND_EXAMPLES_DATA`` names it; without that it is ``examples`` in the home folder of
    Tradewind (``TRADEWIND_HOME``, else ``.tradewind`` in the working directory).
    """
    named = os.environ.get("TRADEWIND_EXAMPLES_DATA")
    if named:
        return Path(named).expanduser().resolve()
    home = Path(os.environ.get("TRADEWIND_HOME") or ".tradewind")
    return (home.expanduser() / "examples").resolve()


def landing_folder() -> Path:
    """Tell the folder where exports fetched from the shop land."""
    return data_folder() / "landing"


def staging_folder() -> Path:
    """Tell the folder for files that one task leaves for the next."""
    return data_folder() / "staging"


def reports_folder() -> Path:
    """Tell the folder of the written reports."""
    return data_folder() / "reports"


def warehouse_path() -> Path:
    """Tell the path of the SQLite warehouse."""
    return data_folder() / "warehouse.db"


def day_of_run(context: Mapping[str, Any]) -> date:
    """Choose the day a run processes: the UTC day of its logical date.

    A run triggered without a logical date is about the day it was asked to run after.
    """
    moment: datetime | None = context.get("logical_date")
    if moment is None:
        moment = context["dag_run"].run_after
    return date.fromordinal(moment.astimezone(UTC).toordinal())


def write_atomically(path: Path, text: str) -> Path:
    """Write a whole file or nothing, and return its path.

    A reader sees the old content or the new, never half of one, even when two runs of the same
    day write at once or the process is killed in between.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        draft.write_text(text, encoding="utf-8", newline="")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path
