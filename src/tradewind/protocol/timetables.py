"""What a timetable of an author's own is asked, in a worker, and what it answers.

Such a question travels as a callback order of kind ``timetable``: it is claimed, timed out, and
given again like one, and it is about a Dag rather than a run.
"""

from datetime import datetime

import msgspec

from tradewind.core.timetables.values import RunInfo

KIND = "timetable"
"""Of the callback orders that carry such a question."""


class NextTicks(msgspec.Struct, frozen=True, kw_only=True, tag="next", omit_defaults=True):
    """Which runs come after the last one?"""

    last: RunInfo | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    catchup: bool = False
    most: int = 16
    closure: str = ""
    """Of the Dag's file when this was asked; an answer is of no use once it has changed."""


class TicksBetween(msgspec.Struct, frozen=True, kw_only=True, tag="between", omit_defaults=True):
    """Which runs have a logical date, or a partition date, in this range?"""

    start: datetime
    end: datetime
    earliest: datetime | None = None
    most: int = 20_001


class ManualDates(msgspec.Struct, frozen=True, kw_only=True, tag="manual", omit_defaults=True):
    """What are the data interval and the id of a run that somebody asks for?"""

    run_type: str
    run_after: datetime
    logical_date: datetime | None = None
    partition_key: str | None = None


TimetableQuestion = NextTicks | TicksBetween | ManualDates
"""What a timetable may be asked."""


class TimetableAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What it answers."""

    ticks: tuple[RunInfo, ...] = ()
    is_final: bool = False
    """Whether it asks for no run after these."""
    start: datetime | None = None
    end: datetime | None = None
    run_id: str | None = None
