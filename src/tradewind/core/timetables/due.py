"""Which run a timetable asks for next: the one decision the planner lives by.

Every function is a value of its arguments, ``now`` included, and costs a handful of tick steps
however far back the start date lies.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from tradewind.core.timetables.days import Days
from tradewind.core.timetables.delta import (
    latest_on_clock,
    latest_on_grid,
    step_back,
    take_step,
)
from tradewind.core.timetables.nesting import time_half
from tradewind.core.timetables.ticks import (
    Ticks,
    find_zone,
    first_from,
    last_before,
    on_calendar,
    ticks_of,
)
from tradewind.core.timetables.values import (
    Calendar,
    ContinuousTimetable,
    CronDataInterval,
    CronPartition,
    CronTrigger,
    DeltaDataInterval,
    DeltaTrigger,
    EventsTimetable,
    MultipleCronTrigger,
    OnceTimetable,
    RunInfo,
    Timetable,
)

_SHORTEST_GRACE = timedelta(minutes=5)
_TINY = timedelta(microseconds=1)
_SHORTEST_CONTINUOUS = timedelta(seconds=1)
"""Runs that end as they start would follow each other as fast as the machine can make them."""
_MOST_STEPS = 20_000
"""Steps in a row that fall on days left out: more, and there is none that does not."""
_THE_BEGINNING = datetime(2, 1, 1, tzinfo=UTC)


class _Situation(NamedTuple):
    """What is known when the next run is asked for; all instants are UTC."""

    last: RunInfo | None
    earliest: datetime | None
    latest: datetime | None
    catchup: bool
    now: datetime


def next_run(
    timetable: Timetable,
    *,
    last: RunInfo | None,
    earliest: datetime | None,
    latest: datetime | None,
    catchup: bool,
    now: datetime,
) -> RunInfo | None:
    """Return the run to create next, None if there will be none.

    ``last`` is the last run the timetable asked for, ``earliest`` and ``latest`` are the Dag's
    start and end date. With ``catchup`` each missed tick gets its run in turn; without, all but
    the latest are passed over. The answer may lie in the past (due at once) or in the future.

    A Dag that never ran and has no start date is anchored on ``now``, and so are first runs of
    deltas and events without catchup: keep that answer until its run exists, do not ask again.

    Of a timetable that waits for assets it is the run of the next time. One of the author's own
    has no answer here: only a worker can tell (see ``needs_worker``).

    Raises:
        ScheduleError: The timetable is not valid (see ``check_timetable``).
    """
    asked = _Situation(last, _utc(earliest), _utc(latest), catchup, now.astimezone(UTC))
    rule = time_half(timetable)
    match rule:
        case OnceTimetable():
            return _next_once(asked)
        case ContinuousTimetable():
            return _next_continuous(asked)
        case DeltaTrigger() | DeltaDataInterval():
            return _next_step(rule, asked)
        case Calendar(timetable=DeltaTrigger() as inner):
            return _next_step_on_calendar(inner, rule, asked)
        case _:
            return _next_tick(rule, None, asked)


def _next_tick(rule: Timetable, calendar: Calendar | None, asked: _Situation) -> RunInfo | None:
    """Answer the next run of a timetable whose ticks do not depend on a start date."""
    match rule:
        case CronTrigger() | MultipleCronTrigger():
            ticks = _on(calendar, ticks_of(rule))
            tick = _next_cron_tick(rule.run_immediately, ticks, asked)
            return _triggered(tick, rule.interval_seconds, asked)
        case CronPartition():
            ticks = _on(calendar, ticks_of(rule))
            tick = _next_cron_tick(rule.run_immediately, ticks, asked)
            found = _triggered(tick, 0, asked)
            return None if found is None else partition_run(rule, ticks, found)
        case CronDataInterval():
            return _next_cron_interval(_on(calendar, ticks_of(rule)), asked)
        case EventsTimetable():
            return _triggered(_next_event(_on(calendar, ticks_of(rule)), asked), 0, asked)
        case Calendar(timetable=inner) if calendar is None:
            return _next_tick(inner, rule, asked)
        case _:
            return None


def _on(calendar: Calendar | None, ticks: Ticks) -> Ticks:
    return ticks if calendar is None else on_calendar(ticks, calendar)


def _next_step(rule: DeltaTrigger | DeltaDataInterval, asked: _Situation) -> RunInfo | None:
    if isinstance(rule, DeltaDataInterval):
        return _next_delta_interval(rule, asked)
    return _triggered(_next_delta_tick(rule, asked), rule.interval_seconds, asked)


def _next_step_on_calendar(
    rule: DeltaTrigger, calendar: Calendar, asked: _Situation
) -> RunInfo | None:
    days = Days(calendar, find_zone(calendar.timezone))
    found = _next_step(rule, asked)
    for _ in range(_MOST_STEPS):
        if found is None or days.count(days.of(found.run_after)):
            return found
        found = _next_step(rule, asked._replace(last=found, catchup=True))
    return None


def partition_run(rule: CronPartition, ticks: Ticks, run: RunInfo) -> RunInfo:
    """Return the run of a tick as that of its partition."""
    at = run.run_after
    for _ in range(abs(rule.run_offset)):
        moved = ticks.after(at) if rule.run_offset > 0 else last_before(ticks, at)
        at = moved or at
    return msgspec.structs.replace(run, partition_date=at, partition_key=partition_key_of(rule, at))


def partition_key_of(rule: CronPartition, partition_date: datetime) -> str:
    """Return the key of the partition of a date."""
    return partition_date.astimezone(find_zone(rule.timezone)).strftime(rule.key_format)


def triggered_run(tick: datetime, interval_seconds: float) -> RunInfo:
    """Return the run of a tick whose data interval ends with it."""
    return interval_run(tick - timedelta(seconds=interval_seconds), tick)


def interval_run(start: datetime, end: datetime) -> RunInfo:
    """Return the run of a data interval, due at its end."""
    return RunInfo(
        run_after=end, logical_date=start, data_interval_start=start, data_interval_end=end
    )


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)


def _triggered(tick: datetime | None, interval_seconds: float, asked: _Situation) -> RunInfo | None:
    if tick is None or (asked.latest is not None and tick > asked.latest):
        return None
    return triggered_run(tick, interval_seconds)


def _next_once(asked: _Situation) -> RunInfo | None:
    if asked.last is not None:
        return None
    return _triggered(asked.earliest or asked.now, 0, asked)


def _next_continuous(asked: _Situation) -> RunInfo | None:
    start = asked.last.data_interval_end if asked.last else (asked.earliest or asked.now)
    start = max(start, asked.earliest or start)
    end = max(start, asked.now)
    if asked.last is not None:
        end = max(end, asked.last.run_after + _SHORTEST_CONTINUOUS)
    if asked.latest is not None and end > asked.latest:
        return None
    run = interval_run(start, end)
    if asked.last is None or start > asked.last.logical_date:
        return run
    # A first interval of no length ends where it starts; its date is taken.
    return RunInfo(
        run_after=end, logical_date=end, data_interval_start=start, data_interval_end=end
    )


def _next_cron_tick(
    run_immediately: bool | float | None, ticks: Ticks, asked: _Situation
) -> datetime | None:
    candidates: list[datetime | None] = []
    if asked.last is not None:
        candidates.append(ticks.after(asked.last.data_interval_end))
    elif asked.earliest is None:
        return _first_without_start(run_immediately, ticks, asked.now)
    if asked.earliest is not None:
        candidates.append(first_from(ticks, asked.earliest))
    if None in candidates:
        return None
    if not asked.catchup:
        candidates.append(ticks.until(asked.now))
    return max(tick for tick in candidates if tick is not None)


def _first_without_start(
    run_immediately: bool | float | None, ticks: Ticks, now: datetime
) -> datetime | None:
    past, future = ticks.until(now), first_from(ticks, now)
    if past is None or run_immediately is False:
        return future
    if run_immediately is True or future is None:
        return past
    if run_immediately is None:
        grace = max((future - past) / 10, _SHORTEST_GRACE)
    else:
        grace = timedelta(seconds=run_immediately)
    return past if now - past <= grace else future


def _next_cron_interval(ticks: Ticks, asked: _Situation) -> RunInfo | None:
    starts: list[datetime | None] = []
    if asked.last is not None:
        starts.append(_interval_start_after(ticks, asked.last))
    if asked.earliest is not None:
        starts.append(first_from(ticks, asked.earliest))
    if None in starts:
        return None
    if not asked.catchup or not starts:
        starts.append(_latest_complete_start(ticks, asked.now))
    start = max((start for start in starts if start is not None), default=None)
    end = ticks.after(start) if start is not None else None
    if start is None or end is None or (asked.latest is not None and start > asked.latest):
        return None
    return interval_run(start, end)


def _interval_start_after(ticks: Ticks, last: RunInfo) -> datetime | None:
    """Return where the interval after the last one starts.

    After a change of schedule that need not be where the last one ended: the tick before leaves
    no time uncovered, unless that is where the last run started.
    """
    end = last.data_interval_end
    start = ticks.until(end)
    return start if start is not None and start > last.logical_date else first_from(ticks, end)


def _latest_complete_start(ticks: Ticks, now: datetime) -> datetime | None:
    end = ticks.until(now)
    return last_before(ticks, end) if end is not None else None


def _next_delta_tick(timetable: DeltaTrigger, asked: _Situation) -> datetime:
    if asked.last is None:
        if asked.catchup:
            return asked.earliest or asked.now
        return max(asked.now, asked.earliest or asked.now)
    after = take_step(asked.last.data_interval_end, timetable.delta)
    if not asked.catchup:
        # On the grid of the last run rather than at ``now``, so that a planner that is late by
        # a second does not make every later run late by it.
        after = latest_on_grid(after, timetable.delta, asked.now)
    return max(after, asked.earliest or after)


def _next_delta_interval(timetable: DeltaDataInterval, asked: _Situation) -> RunInfo | None:
    start = _delta_interval_start(timetable, asked)
    if asked.latest is not None and start > asked.latest:
        return None
    return interval_run(start, take_step(start, timetable.delta))


def _delta_interval_start(timetable: DeltaDataInterval, asked: _Situation) -> datetime:
    delta = timetable.delta
    if asked.last is None:
        if asked.catchup and asked.earliest is not None:
            return asked.earliest
        start = _latest_complete_delta(timetable, asked.now)
    else:
        start = asked.last.data_interval_end
        if not asked.catchup:
            end = latest_on_grid(take_step(start, delta), delta, asked.now)
            start = latest_on_grid(start, delta, end - _TINY)
    return max(start, asked.earliest or start)


def _latest_complete_delta(timetable: DeltaDataInterval, until: datetime) -> datetime:
    """Return the start of the last interval complete by a time, for want of a start date."""
    return step_back(latest_on_clock(timetable.delta, until), timetable.delta)


def _next_event(ticks: Ticks, asked: _Situation) -> datetime | None:
    since = asked.earliest
    if asked.last is not None:
        after = asked.last.data_interval_end + _TINY
        since = max(after, since or after)
    if not asked.catchup:
        passed = ticks.until(asked.now) if asked.last is not None else None
        if passed is not None and since is not None and passed >= since:
            return passed
        since = max(asked.now, since or asked.now)
    return first_from(ticks, since or _THE_BEGINNING)
