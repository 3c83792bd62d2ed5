"""Which dates a backfill runs, and what becomes of the runs that some dates have already."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from tradewind.core.planning import plan_instances
from tradewind.core.runs import RunType, iso_utc
from tradewind.core.spec import DagSpec
from tradewind.core.states import TERMINAL_RUN, RunState
from tradewind.core.timetables import RunInfo, is_periodic, ticks_between
from tradewind.errors import ConflictError, RefusedError

DEFAULT_MAX_ACTIVE_RUNS = 10
MOST_DATES = 20_000
"""More in one backfill is a slip of the keyboard, or too much to look over at once."""


Range = tuple[datetime, datetime]
"""Its first and its last moment."""
NO_OTHERS: Mapping[int, Range] = {}


class Reprocess(StrEnum):
    """Which dates that have a run already are run again."""

    NONE = "none"
    """None of them."""
    FAILED = "failed"
    """Those whose run failed."""
    COMPLETED = "completed"
    """Those whose run ended, however it did."""


class DateDecision(StrEnum):
    """What a backfill does with one date."""

    CREATE = "create"
    """A new run."""
    CLEAR = "clear"
    """The run it has is cleared in place, keeps its id and becomes the backfill's."""
    SKIP = "skip"
    """Nothing."""


class ExistingRun(msgspec.Struct, frozen=True, kw_only=True):
    """The run a logical date has."""

    run_id: str
    state: RunState


class BackfillDate(msgspec.Struct, frozen=True, kw_only=True):
    """One date of a backfill and what becomes of it."""

    info: RunInfo
    decision: DateDecision
    reason: str = ""
    """Why it is skipped: ``in flight``, ``already exists``, or that no task exists then."""
    run_id: str | None = None
    """Of the run it has already."""

    @property
    def logical_date(self) -> datetime:
        """The date."""
        return self.info.logical_date


class BackfillWish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asked for; both bounds belong to the range."""

    from_date: datetime
    to_date: datetime
    reprocess: Reprocess = Reprocess.NONE
    run_backwards: bool = False
    max_active_runs: int = DEFAULT_MAX_ACTIVE_RUNS


def plan_backfill(
    spec: DagSpec,
    wish: BackfillWish,
    *,
    now: datetime,
    existing: Mapping[datetime, ExistingRun],
    active: Mapping[int, Range] = NO_OTHERS,
    told: Iterable[RunInfo] | None = None,
) -> list[BackfillDate]:
    """Answer the dates of a backfill, in the order to run them, each with what becomes of it.

    The dates are the ticks of the timetable whose logical date lies in the range and whose data
    interval has ended. A date whose run is unfinished is always skipped.

    Args:
        spec: The Dag.
        wish: What was asked for.
        now: The present moment.
        existing: The runs there are, by logical date (aware UTC).
        active: The ranges of the Dag's backfills that have not ended, by their ids.
        told: The ticks in the range, where a timetable of the author's own was asked for them.

    Raises:
        ConflictError: An active backfill of the Dag holds one of the dates.
        RefusedError: The range is empty, reversed or in the future; the Dag has no schedule to
            take dates from, or does not allow it; tasks depend on the past in a way that cannot
            be kept.

    Example:
        >>> from datetime import UTC
        >>> from tradewind.core.timetables import CronTrigger
        >>> spec = DagSpec(dag_id="d", file="d.py", timetable=CronTrigger(cron="0 0 * * *"))
        >>> april = lambda day: datetime(2026, 4, day, tzinfo=UTC)
        >>> wish = BackfillWish(from_date=april(20), to_date=april(22))
        >>> there = {april(21): ExistingRun(run_id="x", state=RunState.SUCCESS)}
        >>> for date in plan_backfill(spec, wish, now=april(30), existing=there):
        ...     print(date.logical_date.day, date.decision.value, date.run_id)
        20 create None
        21 skip x
        22 create None
    """
    _check_wish(spec, wish, now)
    ticks: list[RunInfo] = []
    if told is None:
        told = ticks_between(spec.timetable, wish.from_date, wish.to_date, anchor=spec.start_date)
    for tick in told:
        if tick.data_interval_end >= now:
            break
        ticks.append(tick)
        if len(ticks) > MOST_DATES:
            raise RefusedError(
                "backfill-too-large",
                f"The range holds more than {MOST_DATES} dates of Dag '{spec.dag_id}'.",
                "Ask for it in parts.",
            )
    if not ticks:
        raise RefusedError(
            "backfill-empty",
            f"Dag '{spec.dag_id}' has no date between {iso_utc(wish.from_date)} and "
            f"{iso_utc(wish.to_date)} whose data interval has ended.",
        )
    _check_overlap(spec, ticks, active)
    if wish.run_backwards:
        ticks.reverse()
    dates = [_decide(spec, tick, existing, wish.reprocess) for tick in ticks]
    _check_some_date_exists(spec, dates)
    return dates


def _check_wish(spec: DagSpec, wish: BackfillWish, now: datetime) -> None:
    dag = f"Dag '{spec.dag_id}'"
    if wish.from_date > wish.to_date:
        raise RefusedError(
            "backfill-reversed",
            f"The range begins at {iso_utc(wish.from_date)}, after its end at "
            f"{iso_utc(wish.to_date)}.",
        )
    if wish.from_date >= now:
        raise RefusedError("backfill-in-future", "The whole range lies in the future.")
    check_max_active_runs(wish.max_active_runs)
    if not is_periodic(spec.timetable):
        raise RefusedError(
            "backfill-without-schedule",
            f"{dag} has no schedule whose dates could be run.",
            "Trigger it for each date instead.",
        )
    allowed = spec.allowed_run_types
    if allowed is not None and RunType.BACKFILL.value not in allowed:
        raise RefusedError("run-type-not-allowed", f"{dag} does not allow backfill runs.")
    _check_past(spec, wish)


def check_max_active_runs(limit: int) -> None:
    """Refuse a limit under which nothing would ever run.

    Raises:
        RefusedError: It is below 1.
    """
    if limit < 1:
        raise RefusedError(
            "bad-max-active-runs",
            "max_active_runs must be at least 1.",
            "To hold a backfill, pause it.",
        )


def _check_overlap(spec: DagSpec, ticks: Sequence[RunInfo], active: Mapping[int, Range]) -> None:
    for number, (first, last) in active.items():
        clash = next((t.logical_date for t in ticks if first <= t.logical_date <= last), None)
        if clash is not None:
            raise ConflictError(
                "backfill-active",
                f"Backfill {number} of Dag '{spec.dag_id}' is active from {iso_utc(first)} to "
                f"{iso_utc(last)} and holds {iso_utc(clash)} too.",
                "Choose dates beside it, wait for it to end, or cancel it.",
            )


def _check_past(spec: DagSpec, wish: BackfillWish) -> None:
    bound = next((t.task_id for t in spec.tasks if t.depends_on_past), None)
    if bound is None:
        return
    if wish.run_backwards:
        raise RefusedError(
            "backfill-depends-on-past",
            f"Task '{bound}' depends on its past: the dates cannot be run backwards.",
        )
    if wish.reprocess is Reprocess.NONE:
        raise RefusedError(
            "backfill-depends-on-past",
            f"Task '{bound}' depends on its past: a date passed over would hold up the next.",
            "Say whether to run again the dates that failed or all that completed.",
        )


def _decide(
    spec: DagSpec,
    tick: RunInfo,
    existing: Mapping[datetime, ExistingRun],
    reprocess: Reprocess,
) -> BackfillDate:
    run = existing.get(tick.logical_date)
    if run is None:
        try:
            plan_instances(spec, tick.logical_date)
        except RefusedError as refusal:
            return BackfillDate(info=tick, decision=DateDecision.SKIP, reason=refusal.message)
        return BackfillDate(info=tick, decision=DateDecision.CREATE)
    again = reprocess is Reprocess.COMPLETED or (
        reprocess is Reprocess.FAILED and run.state is RunState.FAILED
    )
    if run.state not in TERMINAL_RUN:
        decision, reason = DateDecision.SKIP, "in flight"
    elif again:
        decision, reason = DateDecision.CLEAR, f"its run ended in {run.state.value}"
    else:
        decision, reason = DateDecision.SKIP, "already exists"
    return BackfillDate(info=tick, decision=decision, reason=reason, run_id=run.run_id)


def _check_some_date_exists(spec: DagSpec, dates: list[BackfillDate]) -> None:
    if all(date.decision is DateDecision.SKIP and date.run_id is None for date in dates):
        raise RefusedError(
            "no-task-at-that-date",
            f"No task of Dag '{spec.dag_id}' exists on any date of the range.",
            dates[-1].reason,
        )


def estimate_end(now: datetime, left: int, ends: Sequence[datetime]) -> datetime | None:
    """Answer when a backfill will be done, as fast as its latest runs ended.

    While nothing ends, the answer moves away.

    Args:
        now: The present moment.
        left: Runs that have not ended.
        ends: When its latest runs ended, in any order.

    Returns:
        None where nothing is left, or fewer than two runs have ended.

    Example:
        >>> from datetime import UTC
        >>> at = lambda minute: datetime(2026, 4, 20, 8, minute, tzinfo=UTC)
        >>> estimate_end(at(10), 5, [at(2), at(6), at(10)]).minute
        30
    """
    if left < 1 or len(ends) < 2:
        return None
    return now + (now - min(ends)) / (len(ends) - 1) * left
