"""Until when the children of a zygote may live: a deadline that only renewals of the lease move."""

from math import inf

from tradewind.protocol.clock import Clock

SLEEP_GRACE_SECONDS = 0.9
"""After the machine slept, how long the worker has to renew before children are ended."""

_JUMP_SECONDS = 0.5


class Fence:
    """A BOOTTIME deadline.

    BOOTTIME goes on while the machine sleeps, so a thawed worker whose lease is long given away
    does not run on. A jump of BOOTTIME against MONOTONIC is such a sleep: then the worker, frozen
    as we were, gets a moment to renew before anything is ended.
    """

    def __init__(self, clock: Clock, deadline: float = inf) -> None:
        """Start with a deadline, by default none."""
        self._clock = clock
        self.deadline = deadline
        self.grace_until = -inf
        """Moved by each sleep of the machine that is noticed."""
        self._asleep = clock.boottime() - clock.monotonic()

    def renew(self, boottime: float) -> None:
        """Move the deadline; an older message never takes time back."""
        if self.deadline == inf or boottime > self.deadline:
            self.deadline = boottime

    def seconds_left(self) -> float:
        """Answer how long children may still live; 0 or less when their time is over."""
        now = self._clock.boottime()
        asleep = now - self._clock.monotonic()
        if asleep - self._asleep > _JUMP_SECONDS:
            self.grace_until = now + SLEEP_GRACE_SECONDS
        self._asleep = asleep
        return max(self.deadline, self.grace_until) - now
