"""The machine's clock, for processes that run beside user code."""

import time
from datetime import UTC, datetime


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


_BOOTTIME: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
