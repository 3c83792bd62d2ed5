"""Ending a block of code that takes too long."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from tradewind.sdk.exceptions import AirflowTaskTimeout
from tradewind.sdk.log import LoggingMixin


class timeout(LoggingMixin):  # noqa: N801 - the field's name for it
    """Raises AirflowTaskTimeout in its block after so many seconds; in the main thread only.

    A timer that is at work already (the task's own ``execution_timeout``) goes on afterwards.
    """

    def __init__(self, seconds: float = 1, error_message: str = "Timeout") -> None:
        self.seconds = seconds
        self.error_message = error_message
        self._before: Any = None
        self._left = 0.0

    def __enter__(self) -> "timeout":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGALRM, self._expire)
            self._left, _ = signal.setitimer(signal.ITIMER_REAL, self.seconds)
        else:
            self.log.warning("timeout() has no effect outside the main thread")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is None:
            return
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)
        if self._left:
            signal.setitimer(signal.ITIMER_REAL, max(self._left - (self.seconds - left), 0.001))

    def _expire(self, number: int, frame: FrameType | None) -> None:
        raise AirflowTaskTimeout(self.error_message)
