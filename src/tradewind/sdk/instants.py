"""Moments as tasks see them: pendulum datetimes in UTC."""

from datetime import datetime
from typing import Any


def to_pendulum(moment: datetime | None) -> Any:
    """Answer the moment as a pendulum datetime in UTC."""
    if moment is None:
        return None
    # Late: its memory in every zygote, and most tasks ask for no date.
    import pendulum  # noqa: PLC0415

    return pendulum.instance(moment, tz="UTC")
