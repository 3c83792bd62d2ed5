"""Waiting for a moment."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from tradewind.sdk.clock import utcnow
from tradewind.sdk.timezone import convert_to_utc, parse
from tradewind.sdk.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

_LONGEST_SLEEP = 60.0
"""Seconds: a clock that is set, or a machine that slept, is noticed after this."""


class DateTimeTrigger(BaseTrigger):
    """Waits until a moment has come; its event is that moment.

    Args:
        moment: The moment, with its zone.
        target_time: The same as text in ISO form, instead.
        end_from_trigger: End the task in success there and then, without another process for it.

    Raises:
        TypeError: Neither is given, or both, or ``moment`` is no datetime.
        ValueError: ``moment`` knows no zone.

    Example:
        >>> trigger = DateTimeTrigger(target_time="2026-04-20T11:00:00+02:00")
        >>> trigger.moment.isoformat()
        '2026-04-20T09:00:00+00:00'
    """

    def __init__(
        self,
        moment: datetime | None = None,
        *,
        target_time: datetime | str | None = None,
        end_from_trigger: bool = False,
    ) -> None:
        super().__init__()
        if (moment is None) == (target_time is None):
            raise TypeError("DateTimeTrigger needs 'moment' or 'target_time', and not both")
        if moment is not None and not isinstance(moment, datetime):
            raise TypeError(f"moment must be a datetime, not {type(moment).__name__}")
        if moment is not None and moment.tzinfo is None:
            raise ValueError(f"moment must know its time zone; {moment.isoformat()} does not")
        self.target_time = target_time
        self.end_from_trigger = end_from_trigger
        self._moment = convert_to_utc(moment)

    @property
    def moment(self) -> datetime:
        """Answer the moment, in UTC.

        Raises:
            ValueError: ``target_time`` is no date.
        """
        if self._moment is None:
            target = self.target_time
            self._moment = convert_to_utc(parse(target) if isinstance(target, str) else target)
        assert self._moment is not None  # noqa: S101 - one of the two was given
        return self._moment

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Answer what this is made from."""
        given: dict[str, Any] = (
            {"target_time": self.target_time} if self._moment is None else {"moment": self._moment}
        )
        given["end_from_trigger"] = self.end_from_trigger
        return ("airflow.providers.standard.triggers.temporal.DateTimeTrigger", given)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Sleep until the moment, looking at the clock once a minute."""
        while True:
            left = (self.moment - utcnow()).total_seconds()
            if left <= 0:
                break
            await asyncio.sleep(min(left, _LONGEST_SLEEP))
        yield TaskSuccessEvent() if self.end_from_trigger else TriggerEvent(self.moment)


class TimeDeltaTrigger(DateTimeTrigger):
    """Waits for a span of time from now on; it travels as the DateTimeTrigger of its end."""

    def __init__(self, delta: timedelta, *, end_from_trigger: bool = False) -> None:
        super().__init__(moment=utcnow() + delta, end_from_trigger=end_from_trigger)
