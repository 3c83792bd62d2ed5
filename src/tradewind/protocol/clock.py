"""The Clock every loop is given, so that no decision reads the time by itself."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the caller may see it."""

    def now(self) -> datetime:
        """Answer the wall clock as an aware UTC datetime."""

    def monotonic(self) -> float:
        """Answer seconds that never go back and stand still while the machine sleeps."""

    def boottime(self) -> float:
        """Answer seconds that never go back and go on while the machine sleeps."""


_BOOTTIME: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """Wall, MONOTONIC and BOOTTIME of this machine."""

    def now(self) -> datetime:
        """Answer the wall clock as an aware UTC datetime."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Answer seconds that stand still while the machine sleeps."""
        return time.monotonic()

    def boottime(self) -> float:
        """Answer seconds that go on while the machine sleeps, where the system counts them."""
        return time.clock_gettime(_BOOTTIME)
