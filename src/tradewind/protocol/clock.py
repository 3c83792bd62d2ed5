"""The Clock every loop is given, so that no decision reads the time by itself."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the caller may see it."""

    def now(self) -> datetime:
        """Answer the wall clock as an aware UTC datetime."""

    def monotonic(self) -> float:
        """Answer seconds that never go back and stand still while the machine sleeps."""

    def boottime(self) -> float:
        """Answer seconds that never go back and go on while the machine sleeps."""
