"""Metrics that tasks and providers report. Tradewind does not collect them: they are let go."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Timer:
    """Stands for a measurement that nobody takes."""

    duration: float | None = None

    def start(self) -> "Timer":
        """Begin."""
        return self

    def stop(self, send: bool = True) -> None:
        """End."""


class Stats:
    """Takes what is reported, as when metrics are switched off."""

    @classmethod
    def incr(cls, stat: str, count: int = 1, rate: float = 1, *, tags: Any = None) -> None:
        """Take a count that grew."""

    @classmethod
    def decr(cls, stat: str, count: int = 1, rate: float = 1, *, tags: Any = None) -> None:
        """Take a count that shrank."""

    @classmethod
    def gauge(
        cls, stat: str, value: float, rate: float = 1, delta: bool = False, *, tags: Any = None
    ) -> None:
        """Take a value."""

    @classmethod
    def timing(cls, stat: str, dt: Any, *, tags: Any = None) -> None:
        """Take how long something took."""

    @classmethod
    @contextmanager
    def timer(cls, *args: Any, **kwargs: Any) -> Iterator[Timer]:
        """Time a block."""
        yield Timer()
