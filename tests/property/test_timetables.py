"""What holds for every timetable, against slow references that are plainly right."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice, pairwise

import msgspec
from croniter import CroniterBadDateError, croniter
from dateutil.relativedelta import relativedelta
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tradewind.core.timetables import (
    CronDataInterval,
    CronTrigger,
    DeltaDataInterval,
    DeltaTrigger,
    EventsTimetable,
    MultipleCronTrigger,
    RunInfo,
    ScheduleError,
    Timetable,
    check_timetable,
    delta_from,
    from_schedule,
    manual_run,
    next_run,
    ticks_between,
)
from tradewind.core.timetables.cron import parse_cron
from tradewind.core.timetables.ticks import cron_ticks, find_zone

TINY = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut",
    "America/St_Johns", "Africa/Casablanca", "+05:30", "-11:00",
)  # fmt: skip
# Days around which the clocks of the zones above change.
CHANGES = (
    "2026-03-08", "2026-03-28", "2026-03-29", "2026-04-04", "2026-10-03", "2026-10-25",
    "2026-11-01", "2026-02-15", "2026-03-22",
)  # fmt: skip


def field(low: int, high: int, *extra: str) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    return st.one_of(
        st.just("*"),
        value.map(str),
        st.integers(2, max(2, (high - low) // 2)).map("*/{}".format),
        st.tuples(value, value).map(lambda pair: f"{min(pair)}-{max(pair)}"),
        st.lists(value, min_size=2, max_size=4).map(lambda values: ",".join(map(str, values))),
        *([st.sampled_from(extra)] if extra else []),
    )


CRONS = st.tuples(
    field(0, 59),
    field(0, 23),
    field(1, 31, "L", "15W", "1W", "31W", "1,L"),
    field(1, 12, "jan", "feb-apr"),
    field(0, 7, "1#1", "5#5", "L5", "L0", "mon-fri"),
    st.one_of(st.none(), field(0, 59)),
).map(lambda parts: " ".join(part for part in parts if part is not None))
DENSE_CRONS = st.tuples(field(0, 59), field(0, 23)).map(lambda parts: " ".join(parts) + " * * *")
SOME_TIME = st.integers(946_684_800, 2_208_988_800).map(lambda at: datetime.fromtimestamp(at, UTC))
FEBRUARY = datetime(2026, 2, 10, tzinfo=UTC)
INSTANTS = st.one_of(
    SOME_TIME,
    st.tuples(st.sampled_from(CHANGES), st.integers(-36 * 60, 36 * 60)).map(
        lambda pair: (
            datetime.fromisoformat(pair[0]).replace(tzinfo=UTC) + timedelta(minutes=pair[1])
        )
    ),
)
DELTAS = st.one_of(
    st.timedeltas(timedelta(minutes=1), timedelta(days=40)),
    st.builds(relativedelta, months=st.integers(1, 14), days=st.integers(0, 40)),
    st.builds(relativedelta, months=st.integers(1, 3), day=st.integers(1, 31)),
).map(delta_from)
TIMETABLES = st.one_of(
    st.builds(CronTrigger, cron=DENSE_CRONS, timezone=st.sampled_from(ZONES)),
    st.builds(
        CronTrigger,
        cron=DENSE_CRONS,
        timezone=st.sampled_from(ZONES),
        interval_seconds=st.sampled_from([3600.0, 86400.0]),
        run_immediately=st.sampled_from([True, None, 60.0]),
    ),
    st.builds(CronDataInterval, cron=DENSE_CRONS, timezone=st.sampled_from(ZONES)),
    st.builds(
        MultipleCronTrigger,
        crons=st.lists(DENSE_CRONS, min_size=1, max_size=3).map(tuple),
        timezone=st.sampled_from(ZONES),
    ),
    st.builds(DeltaTrigger, delta=DELTAS),
    st.builds(DeltaDataInterval, delta=DELTAS),
    st.builds(
        EventsTimetable,
        events=st.lists(INSTANTS, max_size=8).map(tuple),
        restrict_to_events=st.booleans(),
    ),
)


@given(CRONS, SOME_TIME)
@example("0 0 31 * *", FEBRUARY)
@example("0 0 15W * 1", FEBRUARY)
@example("0 0 L * 1", FEBRUARY)
@example("0 0 L * 1#1", FEBRUARY)
def test_steps_are_those_of_croniter(cron: str, wall: datetime) -> None:
    try:
        fields = parse_cron(cron)
        after = croniter(cron, wall).get_next(datetime)
        before = croniter(cron, wall).get_prev(datetime)
    except (ScheduleError, CroniterBadDateError):
        # croniter gives up where one of two restrictions of the day can never hold.
        assume(False)

    assert fields.first_from(wall + TINY) == after
    assert fields.last_until(wall - TINY) == before


def reference_ticks(cron: str, zone: tzinfo, start: datetime, end: datetime) -> list[datetime]:
    """Return the ticks in a range by looking at every minute of the wall clock near it."""
    expanded: Sequence[Sequence[object]] = croniter(cron).expanded
    minutes, hours = expanded[:2]
    found: set[datetime] = set()
    wall = (start - 1.5 * DAY).replace(second=0, microsecond=0)
    while (wall := wall + timedelta(minutes=1)) <= end + 1.5 * DAY:
        if not ("*" in minutes or wall.minute in minutes):
            continue
        if not ("*" in hours or wall.hour in hours):
            continue
        offsets = {(wall + away).astimezone(zone).utcoffset() for away in (-1.2 * DAY, 1.2 * DAY)}
        instants = [wall - (offset or timedelta()) for offset in offsets]
        real = [at for at in instants if at.astimezone(zone).replace(tzinfo=UTC) == wall]
        found.update(real if hours == ["*"] else [max(real or instants)])
    return sorted(at for at in found if start < at <= end)


@given(DENSE_CRONS, st.sampled_from(ZONES), INSTANTS)
@settings(max_examples=60)
@example("*/20 2 * * *", "Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC))
@example("*/15 * * * *", "Europe/Berlin", datetime(2026, 10, 25, 0, 10, tzinfo=UTC))
@example("*/15 0-6 * * *", "Europe/Berlin", datetime(2026, 10, 25, 0, 10, tzinfo=UTC))
@example("25,35 2 * * *", "Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC))
def test_ticks_are_those_of_every_matching_wall_clock_time(
    cron: str, zone: str, start: datetime
) -> None:
    end = start + 1.5 * DAY
    ticks = cron_ticks(cron, zone)
    forward: list[datetime] = []
    at = ticks.after(start)
    while at is not None and at <= end:
        forward.append(at)
        at = ticks.after(at)
    backward: list[datetime] = []
    at = ticks.until(end)
    while at is not None and at > start:
        backward.append(at)
        at = ticks.until(at - TINY)

    expected = reference_ticks(cron, find_zone(zone), start, end)
    assert forward == expected
    assert backward[::-1] == expected


def caught_up(timetable: Timetable, start: datetime, count: int) -> list[RunInfo]:
    """Return the first runs of a Dag with catchup, asked for one after another."""
    runs: list[RunInfo] = []
    while len(runs) < count:
        run = next_run(
            timetable,
            last=runs[-1] if runs else None,
            earliest=start,
            latest=None,
            catchup=True,
            now=start,
        )
        if run is None:
            break
        runs.append(run)
    return runs


@given(TIMETABLES, INSTANTS)
def test_catchup_makes_the_runs_of_the_range_in_order(
    timetable: Timetable, start: datetime
) -> None:
    runs = caught_up(timetable, start, 20)
    length = timedelta(seconds=getattr(timetable, "interval_seconds", 0))
    far = datetime(2100, 1, 1, tzinfo=UTC)
    listed = list(islice(ticks_between(timetable, start - length, far, anchor=start), 20))

    assert runs == listed
    assert all(one.run_after < two.run_after for one, two in pairwise(runs))
    assert all(one.logical_date < two.logical_date for one, two in pairwise(runs))


@given(TIMETABLES, INSTANTS, st.lists(st.timedeltas(SECOND, 3 * DAY), max_size=15))
def test_without_catchup_runs_move_forward_and_pass_over_all_but_the_latest(
    timetable: Timetable, start: datetime, pauses: list[timedelta]
) -> None:
    now = start
    last: RunInfo | None = None
    for pause in pauses:
        now += pause
        run = next_run(timetable, last=last, earliest=start, latest=None, catchup=False, now=now)
        if run is None:
            break
        assert last is None or run.logical_date > last.logical_date
        assert last is None or run.run_after > last.run_after
        assert run == next_run(
            timetable, last=last, earliest=start, latest=None, catchup=False, now=now
        )
        if run.run_after <= now:
            after = next_run(
                timetable, last=run, earliest=start, latest=None, catchup=False, now=now
            )
            assert after is None or after.run_after > now
            last = run


@given(TIMETABLES, INSTANTS, st.timedeltas(timedelta(0), 2 * DAY))
def test_a_late_answer_is_the_same_as_a_punctual_one(
    timetable: Timetable, start: datetime, delay: timedelta
) -> None:
    first = caught_up(timetable, start, 1)
    assume(first)
    answers = [
        next_run(timetable, last=first[0], earliest=start, latest=None, catchup=False, now=now)
        for now in (first[0].run_after, first[0].run_after + delay)
    ]
    punctual, late = answers
    assume(punctual is not None)
    assert punctual is not None
    assert late is not None
    assert late == punctual or punctual.run_after < late.run_after <= first[0].run_after + delay


@given(TIMETABLES, INSTANTS)
def test_a_manual_run_for_a_scheduled_date_has_the_interval_of_that_run(
    timetable: Timetable, start: datetime
) -> None:
    for run in caught_up(timetable, start, 3):
        asked = manual_run(timetable, logical_date=run.logical_date, run_after=start)
        assert (asked.data_interval_start, asked.data_interval_end) == (
            run.data_interval_start,
            run.data_interval_end,
        )


@given(TIMETABLES, INSTANTS)
def test_json_brings_back_the_same_value(timetable: Timetable, start: datetime) -> None:
    raw = msgspec.json.encode(timetable)

    assert msgspec.json.decode(raw, type=Timetable) == timetable
    assert msgspec.convert(msgspec.to_builtins(timetable), Timetable) == timetable
    for run in caught_up(timetable, start, 1):
        assert msgspec.json.decode(msgspec.json.encode(run), type=RunInfo) == run


@given(st.text(max_size=30), st.text(max_size=12))
def test_any_text_is_a_timetable_or_a_clear_refusal(schedule: str, zone: str) -> None:
    with suppress(ScheduleError):
        check_timetable(from_schedule(schedule, zone))
