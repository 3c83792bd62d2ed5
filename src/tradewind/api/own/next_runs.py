"""When a Dag is due next, and after that."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from tradewind.api.public.fields import Moment, ServicesDep, Shape
from tradewind.api.public.found import find_dag
from tradewind.core.timetables import NullTimetable, RunInfo, next_run
from tradewind.store.dags import DagFacts

router = APIRouter(tags=["Own: next runs"])

_MOST = 1_000


class NextRun(Shape):
    """One run to come."""

    logical_date: Moment
    data_interval_start: Moment
    data_interval_end: Moment
    run_after: Moment


class NextRuns(Shape):
    """The runs to come, the first one first; empty when there will be none."""

    dag_id: str
    is_paused: bool
    next_runs: list[NextRun]


@router.get("/next-runs/{dag_id}")
def get_next_runs(
    dag_id: str, services: ServicesDep, n: Annotated[int, Query(ge=1, le=_MOST)] = 1
) -> NextRuns:
    """List the next runs a Dag's schedule asks for, whether it is paused or not."""
    with services.database.read() as tx:
        facts = find_dag(tx, dag_id)
    return NextRuns(
        dag_id=dag_id,
        is_paused=facts.is_paused,
        next_runs=[
            NextRun(
                logical_date=one.logical_date,
                data_interval_start=one.data_interval_start,
                data_interval_end=one.data_interval_end,
                run_after=one.run_after,
            )
            for one in upcoming_runs(facts, n, services.clock.now())
        ],
    )


def upcoming_runs(facts: DagFacts, count: int, now: datetime) -> list[RunInfo]:
    """Answer the next runs of a Dag, as far as they can be told from now."""
    head = facts.decode_head()
    timetable = head.timetable or NullTimetable()

    def after(last: RunInfo | None) -> RunInfo | None:
        return next_run(
            timetable,
            last=last,
            earliest=head.start_date,
            latest=head.end_date,
            catchup=head.catchup,
            now=now,
        )

    coming = facts.marks.next_run or after(facts.marks.last_automated)
    found: list[RunInfo] = []
    # A timetable that asks for a run whenever none is active says the same moment for ever.
    while coming is not None and len(found) < count and coming not in found[-1:]:
        found.append(coming)
        coming = after(coming)
    return found
