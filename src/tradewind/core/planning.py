"""Which runs to create for a Dag now, with which instances, and which queued runs may start.

Pure; writing them down, and being the only one who does, is the planner's business.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from tradewind.core.nodes import Instance
from tradewind.core.runs import RunType, iso_utc
from tradewind.core.spec import DagSpec, TaskSpec
from tradewind.core.timetables import (
    RunInfo,
    active_runs_limit,
    is_periodic,
    next_run,
    waits_for_assets,
    with_jitter,
)
from tradewind.errors import RefusedError


class DagFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the planner knows of one Dag."""

    spec: DagSpec
    paused: bool = False
    stale: bool = False
    """Gone from its file."""
    last: RunInfo | None = None
    """The last run its timetable asked for."""
    pending: RunInfo | None = None
    """The run answered as ``next`` before, kept until it exists: see ``next_run``. None after a
    change of the schedule or the end of a pause, which begin anew."""
    active_runs: int = 0
    """Its queued and running runs, those of backfills left out."""
    assets_ready: bool = False
    """Whether the assets it waits for were all updated since its last run."""
    ticks: tuple[RunInfo, ...] | None = None
    """What a timetable of the author's own asks for next, as far as it is known; else None."""


class RunPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The scheduled runs to create now, and when to look again."""

    create: tuple[RunInfo, ...] = ()
    next: RunInfo | None = None
    """The run after those: keep it as ``pending``."""
    look_at: datetime | None = None
    """When the next run is due; None while nothing but an event makes a difference."""
    held: str = ""
    """Why a run that is due is not created; empty when none is held."""


def plan_runs(facts: DagFacts, now: datetime, *, at_most: int = 10) -> RunPlan:
    """Answer the scheduled runs to create for a Dag now.

    With catchup each missed tick gets its run in turn, at most ``at_most`` a call (look again at
    once: ``look_at`` is then not after ``now``); without, the latest one only. While as many runs
    are active as ``max_active_runs`` allows, none is created and the tick waits; so does one of a
    Dag that waits for assets too, until they were updated.

    Raises:
        ScheduleError: The timetable is not valid.

    Example:
        >>> from datetime import UTC
        >>> from tradewind.core.timetables import CronTrigger
        >>> spec = DagSpec(
        ...     dag_id="d",
        ...     file="d.py",
        ...     timetable=CronTrigger(cron="0 0 * * *"),
        ...     start_date=datetime(2026, 5, 1, tzinfo=UTC),
        ... )
        >>> plan = plan_runs(DagFacts(spec=spec), datetime(2026, 5, 3, 12, tzinfo=UTC))
        >>> [run.logical_date.day for run in plan.create], plan.look_at.day
        ([3], 4)
    """
    spec = facts.spec
    held = _held(facts)
    if held:
        return RunPlan(next=next_of(facts, facts.last, now), held=held)
    limit = runs_limit(spec)
    created: list[RunInfo] = []
    last, upcoming = facts.last, _fresh(facts, now)
    waits = waits_for_assets(spec.timetable)
    at_most = 1 if waits else at_most
    while upcoming is not None and upcoming.run_after <= now and len(created) < at_most:
        if waits and not facts.assets_ready:
            held = "the assets it waits for have not all been updated since its last run"
            break
        active = facts.active_runs + len(created)
        if active >= limit:
            held = f"{active} runs are active and max_active_runs is {limit}"
            break
        created.append(upcoming)
        last = upcoming
        upcoming = next_of(facts, last, now)
    look_at = None if upcoming is None or held else upcoming.run_after
    return RunPlan(create=tuple(created), next=upcoming, look_at=look_at, held=held)


def runs_limit(spec: DagSpec) -> int:
    """Answer how many non-backfill runs of the Dag may be active at once.

    Example:
        >>> runs_limit(DagSpec(dag_id="d", file="d.py", max_active_runs=3))
        3
    """
    own = active_runs_limit(spec.timetable)
    return spec.max_active_runs if own is None else min(own, spec.max_active_runs)


def _held(facts: DagFacts) -> str:
    if facts.paused:
        return "the Dag is paused"
    if facts.stale:
        return "the Dag is gone from its file"
    allowed = facts.spec.allowed_run_types
    if allowed is not None and RunType.SCHEDULED.value not in allowed:
        return "the Dag does not allow scheduled runs"
    return ""


def _fresh(facts: DagFacts, now: datetime) -> RunInfo | None:
    # Asked again before it has run, a Dag without a start date would be anchored anew each time
    # and never be due; so what was answered once stands. Once it has run, asking is exact.
    if facts.last is None and facts.pending is not None and facts.ticks is None:
        pending = facts.pending
        if pending.run_after > now:
            # Found under a clock that was ahead it would be waited for too long.
            anew = next_of(facts, None, now)
            return anew if anew is not None and anew.run_after < pending.run_after else pending
        return _unless_overtaken(facts, pending, now)
    return next_of(facts, facts.last, now)


def _unless_overtaken(facts: DagFacts, pending: RunInfo, now: datetime) -> RunInfo | None:
    """Answer the first run, or without catchup the latest tick that came due after it since."""
    if facts.spec.catchup or not is_periodic(facts.spec.timetable):
        return pending
    later = next_of(facts, pending, now)
    return later if later is not None and later.run_after <= now else pending


def next_of(facts: DagFacts, last: RunInfo | None, now: datetime) -> RunInfo | None:
    """Answer the run that the Dag's schedule asks for after the last one, jitter and all."""
    spec = facts.spec
    found = _next_tick(facts, last, now, catchup=spec.catchup)
    if found is None or spec.jitter is None:
        return found
    # Whatever is asked for next must be due after it: a tick of a moment ago may be due only soon.
    following = _next_tick(facts, found, now, catchup=True)
    return with_jitter(found, spec.jitter, spec.dag_id, following)


def _next_tick(
    facts: DagFacts, last: RunInfo | None, now: datetime, *, catchup: bool
) -> RunInfo | None:
    if facts.ticks is not None:
        later = (one for one in facts.ticks if last is None or one.logical_date > last.logical_date)
        return next(later, None)
    return next_run(
        facts.spec.timetable,
        last=last,
        earliest=facts.spec.start_date,
        latest=facts.spec.end_date,
        catchup=catchup,
        now=now,
    )


def plan_instances(spec: DagSpec, logical_date: datetime | None) -> list[Instance]:
    """Answer the instances a new run of the Dag has, in the order of its tasks.

    A task whose start date lies after the logical date, or its end date before it, has none; a
    mapped task has one, its placeholder. Without a logical date all tasks have one.

    Raises:
        RefusedError: The Dag has tasks, but none at that date: the run could never do anything.

    Example:
        >>> load = TaskSpec(task_id="load", operator="o")
        >>> [
        ...     i.task_id
        ...     for i in plan_instances(DagSpec(dag_id="d", file="d.py", tasks=(load,)), None)
        ... ]
        ['load']
    """
    planned = [
        Instance(task_id=task.task_id, max_tries=task.retry.retries)
        for task in spec.tasks
        if logical_date is None or _exists_at(task, spec, logical_date)
    ]
    if spec.tasks and not planned and logical_date is not None:
        raise RefusedError(
            "no-task-at-that-date",
            f"No task of Dag '{spec.dag_id}' exists on {iso_utc(logical_date)}: "
            f"{_bounds_sentence(spec, logical_date)}.",
            "Choose a date within them, or change the dates in the Dag file.",
        )
    return planned


def _exists_at(task: TaskSpec, spec: DagSpec, moment: datetime) -> bool:
    starts = [date for date in (task.start_date, spec.start_date) if date is not None]
    ends = [date for date in (task.end_date, spec.end_date) if date is not None]
    return all(date <= moment for date in starts) and all(date >= moment for date in ends)


def _bounds_sentence(spec: DagSpec, moment: datetime) -> str:
    starts = [task.start_date for task in spec.tasks if task.start_date is not None]
    start = spec.start_date or min(starts, default=None)
    if start is not None and start > moment:
        return f"its start_date is {iso_utc(start)}"
    if spec.end_date is not None and spec.end_date < moment:
        return f"its end_date is {iso_utc(spec.end_date)}"
    return "it lies outside the start_date and end_date of each"


class QueuedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run in state queued."""

    pk: int
    dag_id: str
    run_after: datetime
    logical_date: datetime | None = None
    backfill_id: int | None = None
    place: int = 0
    """Its place in its backfill, which need not follow the dates."""


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """How many runs of a Dag, or of a backfill, may be running, and how many are."""

    limit: int
    running: int = 0
    """Of a Dag: the runs of backfills left out."""
    paused: bool = False
    pause_reason: str = ""
    """Why it is paused, where no person wanted it."""
    gone: bool = False
    """Whether the Dag is gone from its file: its queued runs stay until it is back."""

    @property
    def free(self) -> int:
        """How many more may start now."""
        return 0 if self.paused or self.gone else max(self.limit - self.running, 0)


class StartPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The queued runs that start now, in order, and why each of the others waits."""

    start: tuple[int, ...] = ()
    waits: dict[int, str] = {}
    look_at: datetime | None = None
    """When time alone lets another one start; None for never."""


def choose_runs_to_start(
    queued: Iterable[QueuedRun],
    now: datetime,
    *,
    dags: Mapping[str, Room],
    backfills: Mapping[int, Room],
) -> StartPlan:
    """Answer which queued runs start now.

    Runs of backfills have their backfill's own limit and do not count against the Dag's; they
    start though the Dag is paused, for a person asked for these very dates. A Dag or backfill
    that is not named has no room.

    Example:
        >>> from datetime import UTC
        >>> day = datetime(2026, 5, 1, tzinfo=UTC)
        >>> runs = [QueuedRun(pk=pk, dag_id="d", run_after=day) for pk in (1, 2)]
        >>> plan = choose_runs_to_start(runs, day, dags={"d": Room(limit=1)}, backfills={})
        >>> plan.start, plan.waits
        ((1,), {2: "1 run of Dag 'd' is running and max_active_runs is 1"})
    """
    start: list[int] = []
    waits: dict[int, str] = {}
    later: list[datetime] = []
    taken: Counter[str | int] = Counter()
    for run in sorted(queued, key=_start_order):
        due = run.run_after if run.logical_date is None else max(run.run_after, run.logical_date)
        key: str | int = run.dag_id if run.backfill_id is None else run.backfill_id
        room = dags.get(run.dag_id) if run.backfill_id is None else backfills.get(run.backfill_id)
        why = "" if room is None else _why_no_room(run, room, taken[key])
        if room is None:
            waits[run.pk] = "its Dag or backfill is gone"
        elif due > now:
            waits[run.pk] = f"it is not due before {iso_utc(due)}"
            later.append(due)
        elif why:
            waits[run.pk] = why
        else:
            taken[key] += 1
            start.append(run.pk)
    return StartPlan(start=tuple(start), waits=waits, look_at=min(later, default=None))


def _start_order(run: QueuedRun) -> tuple[bool, int, datetime, int]:
    return (run.backfill_id is not None, run.place, run.run_after, run.pk)


def _why_no_room(run: QueuedRun, room: Room, taken: int) -> str:
    what = f"Dag '{run.dag_id}'" if run.backfill_id is None else f"backfill {run.backfill_id}"
    if room.gone:
        return f"Dag '{run.dag_id}' is gone from its file"
    if room.paused:
        return f"{what} is paused" + (f": {room.pause_reason}" if room.pause_reason else "")
    running = room.running + taken
    if running < room.limit:
        return ""
    runs = "run of" if running == 1 else "runs of"
    are = "is" if running == 1 else "are"
    return f"{running} {runs} {what} {are} running and max_active_runs is {room.limit}"
