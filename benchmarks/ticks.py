"""How fast the next run of a schedule is found, in processor time: what a planner does most."""

import statistics
import time
from datetime import UTC, date, datetime, timedelta

from benchmarks.figures import Figure, spread
from benchmarks.machine import read_load
from benchmarks.options import Options
from tradewind.core.timetables import (
    Calendar,
    CronDataInterval,
    CronTrigger,
    Delta,
    DeltaTrigger,
    Timetable,
    next_run,
    ticks_between,
)

TARGET_PER_SECOND = 10_000
_START = datetime(2006, 1, 1, tzinfo=UTC)
_BERLIN = "Europe/Berlin"
_ROWS: tuple[tuple[str, Timetable], ...] = (
    ("daily cron, Europe/Berlin", CronTrigger(cron="30 2 * * *", timezone=_BERLIN)),
    ("every 5 minutes, UTC", CronTrigger(cron="*/5 * * * *")),
    ("daily data intervals, Berlin", CronDataInterval(cron="0 0 * * *", timezone=_BERLIN)),
    ("every 6 hours", DeltaTrigger(delta=Delta(hours=6))),
    (
        "working days of a calendar",
        Calendar(
            timetable=CronTrigger(cron="0 6 * * *", timezone=_BERLIN),
            timezone=_BERLIN,
            weekdays=(0, 1, 2, 3, 4),
            excluded=tuple(date(year, 12, 25) for year in range(2006, 2027)),
        ),
    ),
)
_TICKS = 5_000


def measure(options: Options) -> list[Figure]:
    """Step through ticks of twenty years, one after another."""
    load = read_load()
    return [
        _figure(name, timetable, load, options.rounds, listed)
        for name, timetable in _ROWS
        for listed in (False, True)
    ]


def _figure(name: str, timetable: Timetable, load: float, rounds: int, listed: bool) -> Figure:
    step = _list if listed else _ask
    step(timetable)
    rates = [step(timetable) for _ in range(rounds)]
    how = "listed for a backfill" if listed else "asked one by one by the planner"
    return Figure(
        name=f"ticks a second: {name}, {how}",
        target=f">= {TARGET_PER_SECOND:,}",
        measured=spread(rates, 0, ""),
        passed=statistics.median(rates) >= TARGET_PER_SECOND,
        runs=rounds,
        load=load,
    )


def _ask(timetable: Timetable) -> float:
    last = None
    now = _START + timedelta(days=3650)
    began = time.process_time()
    for _ in range(_TICKS):
        last = next_run(timetable, last=last, earliest=_START, latest=None, catchup=True, now=now)
    return _TICKS / (time.process_time() - began)


def _list(timetable: Timetable) -> float:
    began = time.process_time()
    for count, _ in enumerate(ticks_between(timetable, _START, _START + timedelta(days=36_500)), 1):
        if count >= _TICKS:
            break
    return _TICKS / (time.process_time() - began)
