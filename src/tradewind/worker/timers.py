"""What is to be done at a later moment of the MONOTONIC clock."""

import heapq
from collections.abc import Callable
from itertools import count


class Timer:
    """One thing to be done later; may be called off."""

    __slots__ = ("action", "is_off")

    def __init__(self, action: Callable[[], None]) -> None:
        """Bind the action."""
        self.action = action
        self.is_off = False

    def cancel(self) -> None:
        """Call it off; harmless when it was done already."""
        self.is_off = True


class Timers:
    """A heap of timers."""

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()

    def at(self, moment: float, action: Callable[[], None]) -> Timer:
        """Do ``action`` once, at or after ``moment``."""
        timer = Timer(action)
        heapq.heappush(self._heap, (moment, next(self._order), timer))
        return timer

    def next_moment(self) -> float | None:
        """Answer when the next is due; None when none is."""
        while self._heap and self._heap[0][2].is_off:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run_due(self, now: float) -> None:
        """Do what is due."""
        while (moment := self.next_moment()) is not None and moment <= now:
            heapq.heappop(self._heap)[2].action()
