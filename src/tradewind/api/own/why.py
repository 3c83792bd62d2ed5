"""Why a thing waits, or how it came to be what it is; and whether due work moves at all."""

import msgspec
from fastapi import APIRouter

from tradewind.api.public.fields import Moment, ServicesDep, Shape
from tradewind.api.public.found import find_dag
from tradewind.api.public.monitor import read_health
from tradewind.scheduler.asset_conditions import read_waits
from tradewind.store import bundles

router = APIRouter(tags=["Own: why"])


class WhyShape(Shape):
    """Sentences, the most telling first."""

    lines: list[str]


class WaitShape(Shape):
    """What a Dag, or a partition of it, has and lacks."""

    partition_key: str
    events: int
    since: Moment | None
    missing: str


class WaitList(Shape):
    """What a Dag waits for."""

    waits: list[WaitShape]
    total_entries: int


class MovesShape(Shape):
    """Whether due work moves."""

    is_moving: bool
    reason: str
    """Why it does not; empty when it does."""
    scheduler_at: Moment | None
    parsed_at: Moment | None
    workers: int
    bundle_faults: list[str]
    """Why bundles cannot be refreshed; what they held before goes on."""


@router.get("/why")
def get_why(
    dag_id: str,
    services: ServicesDep,
    run_id: str | None = None,
    task_id: str | None = None,
) -> WhyShape:
    """Tell why a run, or a task of it, is where it is; without one, what a Dag waits for."""
    with services.database.read() as tx:
        find_dag(tx, dag_id)
    lines = services.writer.write(
        lambda tx: services.engine.explain(tx, dag_id, run_id, task_id, services.clock.now())
    )
    return WhyShape(lines=lines)


@router.get("/waits/{dag_id}")
def get_waits(dag_id: str, services: ServicesDep) -> WaitList:
    """Tell what of the assets that a Dag waits for is there, partition by partition."""
    with services.database.read() as tx:
        find_dag(tx, dag_id)
        found = read_waits(tx, dag_id)
    shown = [WaitShape(**msgspec.structs.asdict(one)) for one in found]
    return WaitList(waits=shown, total_entries=len(shown))


@router.get("/health")
def get_moves(services: ServicesDep) -> MovesShape:
    """Tell whether due work moves, and why not."""
    health = read_health(services)
    if health is None:
        return MovesShape(
            is_moving=False,
            bundle_faults=[],
            reason="The database cannot be written, or the writer does not answer.",
            scheduler_at=None,
            parsed_at=None,
            workers=0,
        )
    with services.database.read() as tx:
        faults = list(bundles.read_faults(tx).values())
    return MovesShape(
        bundle_faults=faults,
        is_moving=health.is_moving,
        reason=health.reason,
        scheduler_at=health.scheduler_at,
        parsed_at=health.parsed_at,
        workers=health.workers,
    )
