"""What becomes of each date of a backfill, and why."""

from fastapi import APIRouter

from tradewind.api.public.backfills import BackfillBody, find_backfill, plan_dates
from tradewind.api.public.fields import Moment, ServicesDep, Shape
from tradewind.core.runs import RunType, run_id_of
from tradewind.core.states import RunState
from tradewind.store import backfills, runs
from tradewind.store.backfills import BackfillDate
from tradewind.store.database import Tx

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


@router.get("/backfills/{backfill_id}/dates")
def get_backfill_dates(backfill_id: int, services: ServicesDep) -> DateList:
    """List the dates of a backfill with what became of each."""
    with services.database.read() as tx:
        find_backfill(tx, backfill_id)
        dates = [_made(tx, one) for one in backfills.read_backfill_dates(tx, backfill_id)]
    return DateList(dates=dates, total_entries=len(dates))


@router.post("/backfills/plan")
def plan_backfill(body: BackfillBody, services: ServicesDep) -> DateList:
    """List what a backfill would do with each date now; nothing is written."""
    dates = [_planned(one) for one in plan_dates(services, body.to_wish())]
    return DateList(dates=dates, total_entries=len(dates))


def _made(tx: Tx, date: BackfillDate) -> DateShape:
    run = None if date.run_pk is None else runs.read_run_by_pk(tx, date.run_pk)
    return DateShape(
        logical_date=date.logical_date,
        decision=date.decision,
        reason=date.reason,
        run_id=run.run_id if run else None,
        state=run.state if run else None,
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
