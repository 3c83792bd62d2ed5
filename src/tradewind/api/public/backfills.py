"""Backfills: planned, made, held, cancelled."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from tradewind.api.public.fields import Body, Moment, OrderBy, PagingDep, ServicesDep, Shape
from tradewind.api.public.found import find_dag
from tradewind.api.public.labels import Labels
from tradewind.api.services import Services
from tradewind.api.timetables import await_answer
from tradewind.core.backfill import DEFAULT_MAX_ACTIVE_RUNS, DateDecision, Reprocess
from tradewind.errors import NotFoundError
from tradewind.scheduler.code import LATEST, PINNED
from tradewind.scheduler.forecasts import question_of_backfill
from tradewind.scheduler.wishes import BackfillWish
from tradewind.store import backfills
from tradewind.store.backfills import BackfillDate, BackfillFacts
from tradewind.store.database import Tx

router = APIRouter(tags=["Backfill"])


class BackfillBody(Body):
    """A range of dates to be run; both bounds belong to it."""

    dag_id: str
    from_date: Moment
    to_date: Moment
    run_backwards: bool = False
    dag_run_conf: dict[str, Any] | None = None
    reprocess_behavior: Reprocess = Reprocess.NONE
    max_active_runs: Annotated[int, Field(ge=1)] = DEFAULT_MAX_ACTIVE_RUNS
    run_on_latest_version: bool | None = None
    """Whether runs that there are go on to the newest version; null: as the Dag says, else yes."""
    dag_version: Annotated[int | None, Field(ge=1)] = None
    """Run this version of the Dag instead, for all dates."""

    def to_wish(self) -> BackfillWish:
        """Answer it as the scheduler takes it."""
        return BackfillWish(
            dag_id=self.dag_id,
            from_date=self.from_date,
            to_date=self.to_date,
            max_active_runs=self.max_active_runs,
            reprocess_behavior=self.reprocess_behavior,
            run_backwards=self.run_backwards,
            conf=self.dag_run_conf or {},
            code=self._code(),
        )

    def _code(self) -> str:
        if self.dag_version is not None:
            return str(self.dag_version)
        return {None: "", True: LATEST, False: PINNED}[self.run_on_latest_version]


class BackfillShape(Shape):
    """One backfill."""

    id: int
    dag_id: str
    from_date: Moment
    to_date: Moment
    dag_run_conf: dict[str, Any]
    is_paused: bool
    reprocess_behavior: str
    max_active_runs: int
    created_at: Moment
    completed_at: Moment | None
    updated_at: Moment
    dag_display_name: str


class BackfillList(Shape):
    """A page of backfills."""

    backfills: list[BackfillShape]
    total_entries: int


class DryRunDate(Shape):
    """A date that would be run."""

    logical_date: Moment | None
    partition_key: str | None = None
    partition_date: Moment | None = None


class DryRunList(Shape):
    """The dates that would be run."""

    backfills: list[DryRunDate]
    total_entries: int


@router.get("/backfills")
def get_backfills(
    services: ServicesDep,
    page: PagingDep,
    dag_id: str | None = None,
    order_by: OrderBy = None,
) -> BackfillList:
    """List backfills of a Dag, or of all Dags, the newest first."""
    with services.database.read() as tx:
        found = backfills.list_backfills(tx, dag_id, page.limit, page.offset)
        labels = Labels(tx)
        return BackfillList(
            backfills=[_shape(labels, one) for one in found],
            total_entries=backfills.count_backfills(tx, dag_id),
        )


@router.post("/backfills")
def create_backfill(body: BackfillBody, services: ServicesDep) -> BackfillShape:
    """Make the runs of a range of dates."""
    wish = body.to_wish()
    _ask_timetable(services, wish)
    facts, _ = services.writer.write(
        lambda tx: services.engine.create_backfill(tx, wish, services.clock.now())
    )
    return _answer(services, facts)


@router.post("/backfills/dry_run")
def create_backfill_dry_run(body: BackfillBody, services: ServicesDep) -> DryRunList:
    """List the dates a backfill would run now; nothing is written."""
    dates = [
        DryRunDate(logical_date=one.logical_date)
        for one in plan_dates(services, body.to_wish())
        if one.decision != DateDecision.SKIP
    ]
    return DryRunList(backfills=dates, total_entries=len(dates))


@router.get("/backfills/{backfill_id}")
def get_backfill(backfill_id: int, services: ServicesDep) -> BackfillShape:
    """Read one backfill."""
    with services.database.read() as tx:
        return _shape(Labels(tx), find_backfill(tx, backfill_id))


@router.put("/backfills/{backfill_id}/pause")
@router.post("/backfills/{backfill_id}/pause", include_in_schema=False)
def pause_backfill(backfill_id: int, services: ServicesDep) -> BackfillShape:
    """Start no further runs of a backfill; those that run go on."""
    return _set_paused(services, backfill_id, paused=True)


@router.put("/backfills/{backfill_id}/unpause")
@router.post("/backfills/{backfill_id}/unpause", include_in_schema=False)
def unpause_backfill(backfill_id: int, services: ServicesDep) -> BackfillShape:
    """Let a backfill go on."""
    return _set_paused(services, backfill_id, paused=False)


@router.put("/backfills/{backfill_id}/cancel")
@router.post("/backfills/{backfill_id}/cancel", include_in_schema=False)
def cancel_backfill(backfill_id: int, services: ServicesDep) -> BackfillShape:
    """End a backfill: runs that have not started fail, those that run go on."""
    facts = services.writer.write(
        lambda tx: services.engine.cancel_backfill(tx, backfill_id, services.clock.now())
    )
    return _answer(services, facts)


def plan_dates(services: Services, wish: BackfillWish) -> list[BackfillDate]:
    """Answer what a backfill would do with each date, in the order of starting."""
    _ask_timetable(services, wish)
    return services.writer.write(
        lambda tx: services.engine.plan_backfill(tx, wish, services.clock.now())
    )


def _ask_timetable(services: Services, wish: BackfillWish) -> None:
    with services.database.read() as tx:
        head = find_dag(tx, wish.dag_id).decode_head()
    question = question_of_backfill(head.timetable, head.start_date, wish)
    await_answer(services, wish.dag_id, question)


def find_backfill(tx: Tx, backfill_id: int) -> BackfillFacts:
    """Answer a backfill.

    Raises:
        NotFoundError: There is none of that id.
    """
    facts = backfills.read_backfill(tx, backfill_id)
    if facts is None:
        raise NotFoundError("backfill-not-found", f"There is no backfill {backfill_id}.")
    return facts


def _set_paused(services: Services, backfill_id: int, *, paused: bool) -> BackfillShape:
    facts = services.writer.write(
        lambda tx: services.engine.pause_backfill(tx, backfill_id, paused, services.clock.now())
    )
    return _answer(services, facts)


def _answer(services: Services, facts: BackfillFacts) -> BackfillShape:
    with services.database.read() as tx:
        return _shape(Labels(tx), facts)


def _shape(labels: Labels, facts: BackfillFacts) -> BackfillShape:
    return BackfillShape(
        id=facts.id,
        dag_id=facts.dag_id,
        from_date=facts.from_date,
        to_date=facts.to_date,
        dag_run_conf=facts.conf,
        is_paused=facts.is_paused,
        reprocess_behavior=facts.reprocess_behavior,
        max_active_runs=facts.max_active_runs,
        created_at=facts.created_at,
        completed_at=facts.completed_at,
        updated_at=facts.updated_at or facts.created_at,
        dag_display_name=labels.dag(facts.dag_id),
    )
