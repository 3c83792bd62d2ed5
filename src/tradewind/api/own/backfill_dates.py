"""What becomes of each date of a backfill, how far it is, and what may be changed of it."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from tradewind.api.public.backfills import BackfillBody, find_backfill, plan_dates
from tradewind.api.public.fields import Body, Moment, ServicesDep, Shape
from tradewind.api.services import Services
from tradewind.core.backfill import DateDecision, estimate_end
from tradewind.core.runs import RunType, run_id_of
from tradewind.core.states import TERMINAL_RUN, RunState
from tradewind.store import backfills
from tradewind.store.backfills import BackfillDate, BackfillFacts

router = APIRouter(tags=["Own: backfills"])


class DateShape(Shape):
    """One date."""

    logical_date: Moment
    decision: str
    """``create``, ``clear`` or ``skip``."""
    reason: str | None
    run_id: str | None
    """Of the run made or cleared for it; in a plan, the id a new one would have."""
    state: RunState | None
    """Of that run; null in a plan."""


class DateList(Shape):
    """All dates of one backfill, in the order of starting."""

    dates: list[DateShape]
    total_entries: int


class ProgressShape(Shape):
    """How far a backfill is."""

    id: int
    dag_id: str
    state: str
    """``active``, ``paused``, ``completed`` or ``cancelled``."""
    from_date: Moment
    to_date: Moment
    reprocess_behavior: str
    run_backwards: bool
    code: str
    """``latest``, ``pinned``, or the number of a version of the Dag."""
    max_active_runs: int
    runs: int
    """How many it has; one that was deleted since is left out."""
    queued: int
    running: int
    success: int
    failed: int
    skipped: int
    """Dates without a run of this backfill."""
    created_at: Moment
    completed_at: Moment | None
    expected_end: Moment | None
    """When it is done if it goes on as fast as its latest runs ended; null where nobody can say."""


class ChangeBody(Body):
    """What is to be other than it was."""

    max_active_runs: Annotated[int, Field(ge=1)]


_RECENT = 50


@router.get("/backfills/{backfill_id}/progress")
def get_backfill_progress(backfill_id: int, services: ServicesDep) -> ProgressShape:
    """Tell how far a backfill is, and when it may be done."""
    return _progress(services, backfill_id)


@router.patch("/backfills/{backfill_id}")
def change_backfill(backfill_id: int, body: ChangeBody, services: ServicesDep) -> ProgressShape:
    """Change how many runs of an active backfill run at once; those that run go on."""
    services.writer.write(
        lambda tx: services.engine.resize_backfill(
            tx, backfill_id, body.max_active_runs, services.clock.now()
        )
    )
    return _progress(services, backfill_id)


@router.get("/backfills/{backfill_id}/dates")
def get_backfill_dates(backfill_id: int, services: ServicesDep) -> DateList:
    """List the dates of a backfill with what became of each."""
    with services.database.read() as tx:
        find_backfill(tx, backfill_id)
        there = backfills.read_runs_of_dates(tx, backfill_id)
        found = backfills.read_backfill_dates(tx, backfill_id)
    dates = [_made(one, *there.get(one.position, (None, None))) for one in found]
    return DateList(dates=dates, total_entries=len(dates))


@router.post("/backfills/plan")
def plan_backfill(body: BackfillBody, services: ServicesDep) -> DateList:
    """List what a backfill would do with each date now; nothing is written."""
    dates = [_planned(one) for one in plan_dates(services, body.to_wish())]
    return DateList(dates=dates, total_entries=len(dates))


def _progress(services: Services, backfill_id: int) -> ProgressShape:
    with services.database.read() as tx:
        facts = find_backfill(tx, backfill_id)
        dates = backfills.read_backfill_dates(tx, backfill_id)
        states = [state for _, state in backfills.read_runs_of_dates(tx, backfill_id).values()]
        ends = backfills.read_latest_ends(tx, backfill_id, _RECENT)
    left = sum(state not in TERMINAL_RUN for state in states)
    state = _state(facts)
    expected = estimate_end(services.clock.now(), left, ends) if state == "active" else None
    return ProgressShape(
        id=facts.id,
        dag_id=facts.dag_id,
        state=state,
        from_date=facts.from_date,
        to_date=facts.to_date,
        reprocess_behavior=facts.reprocess_behavior,
        run_backwards=facts.run_backwards,
        code=facts.code,
        max_active_runs=facts.max_active_runs,
        runs=len(states),
        queued=states.count(RunState.QUEUED),
        running=states.count(RunState.RUNNING),
        success=states.count(RunState.SUCCESS),
        failed=states.count(RunState.FAILED),
        skipped=sum(one.decision == DateDecision.SKIP for one in dates),
        created_at=facts.created_at,
        completed_at=facts.completed_at,
        expected_end=expected,
    )


def _state(facts: BackfillFacts) -> str:
    if facts.completed_at is None:
        return "paused" if facts.is_paused else "active"
    return "cancelled" if facts.is_paused else "completed"


def _made(date: BackfillDate, run_id: str | None, state: RunState | None) -> DateShape:
    return DateShape(
        logical_date=date.logical_date,
        decision=date.decision,
        reason=date.reason,
        run_id=run_id,
        state=state,
    )


def _planned(date: BackfillDate) -> DateShape:
    made = date.decision == "create"
    return DateShape(
        logical_date=date.logical_date,
        decision=date.decision,
        reason=date.reason,
        run_id=run_id_of(RunType.BACKFILL, date.logical_date) if made else None,
        state=None,
    )
