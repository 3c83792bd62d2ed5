"""When a Dag is due next, and after that."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from tradewind.api.public.fields import Moment, ServicesDep, Shape
from tradewind.api.public.found import find_dag
from tradewind.core import planning
from tradewind.core.planning import next_of
from tradewind.core.spec import DagSpec
from tradewind.core.timetables import NullTimetable, RunInfo, needs_worker
from tradewind.store.dags import DagFacts
from tradewind.store.database import Tx
from tradewind.store.forecasts import read_forecast

router = APIRouter(tags=["Own: next runs"])

_MOST = 1_000


class NextRun(Shape):
    """One run to come."""

    logical_date: Moment
    data_interval_start: Moment
    data_interval_end: Moment
    run_after: Moment
    partition_key: str | None = None


class NextRuns(Shape):
    """The runs to come, the first one first; empty when there will be none."""

    dag_id: str
    is_paused: bool
    message: str = ""
    """Why none can be told, where a timetable of the author's own does not answer."""
    next_runs: list[NextRun]


@router.get("/next-runs/{dag_id}")
def get_next_runs(
    dag_id: str, services: ServicesDep, n: Annotated[int, Query(ge=1, le=_MOST)] = 1
) -> NextRuns:
    """List the next runs a Dag's schedule asks for, whether it is paused or not."""
    with services.database.read() as tx:
        facts = find_dag(tx, dag_id)
        coming = upcoming_runs(tx, facts, n, services.clock.now())
        known = read_forecast(tx, dag_id)
    return NextRuns(
        dag_id=dag_id,
        is_paused=facts.is_paused,
        message=known.message if known else "",
        next_runs=[
            NextRun(
                logical_date=one.logical_date,
                data_interval_start=one.data_interval_start,
                data_interval_end=one.data_interval_end,
                run_after=one.run_after,
                partition_key=one.partition_key,
            )
            for one in coming
        ],
    )


def upcoming_runs(tx: Tx, facts: DagFacts, count: int, now: datetime) -> list[RunInfo]:
    """Answer the next runs of a Dag, as far as they can be told from now.

    Those of a timetable of the author's own are known as far as it was asked.
    """
    head = facts.decode_head()
    timetable = head.timetable or NullTimetable()
    spec = DagSpec(
        dag_id=facts.dag_id,
        file=facts.file,
        timetable=timetable,
        jitter=head.jitter,
        start_date=head.start_date,
        end_date=head.end_date,
        catchup=head.catchup,
    )
    known = read_forecast(tx, facts.dag_id) if needs_worker(timetable) else None
    asked = planning.DagFacts(spec=spec, ticks=known.ticks if known else None)
    coming = facts.marks.next_run or next_of(asked, facts.marks.last_automated, now)
    found: list[RunInfo] = []
    # A timetable that asks for a run whenever none is active says the same moment for ever.
    while coming is not None and len(found) < count and coming not in found[-1:]:
        found.append(coming)
        coming = next_of(asked, coming, now)
    return found
