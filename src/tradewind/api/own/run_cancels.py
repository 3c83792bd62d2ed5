"""Cancels: a run is ended cleanly."""

from typing import Annotated

from fastapi import APIRouter, Header

from tradewind.api.public.fields import ServicesDep
from tradewind.api.public.found import find_run
from tradewind.api.public.labels import Labels
from tradewind.api.public.runs import RunShape, run_shape

router = APIRouter(tags=["Own: cancel"])


@router.post("/dags/{dag_id}/dagRuns/{dag_run_id}/cancel")
def cancel_dag_run(
    dag_id: str,
    dag_run_id: str,
    services: ServicesDep,
    tradewind_user: Annotated[str | None, Header()] = None,
) -> RunShape:
    """End a run: its tasks are told to end, teardowns clean up, and it fails."""
    with services.database.read() as tx:
        find_run(tx, dag_id, dag_run_id)
    services.writer.write(
        lambda tx: services.engine.cancel_run(
            tx, dag_id, dag_run_id, tradewind_user or "", services.clock.now()
        )
    )
    with services.database.read() as tx:
        return run_shape(Labels(tx), find_run(tx, dag_id, dag_run_id))
