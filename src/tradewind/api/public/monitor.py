"""Whether the server and its parts are alive, and which it is."""

from concurrent.futures import TimeoutError as FutureTimeoutError
from datetime import timedelta
from importlib.metadata import version

from fastapi import APIRouter

from tradewind.api.public.fields import Moment, ServicesDep, Shape
from tradewind.api.services import Services
from tradewind.errors import UnavailableError
from tradewind.scheduler.wishes import Health

router = APIRouter(tags=["Monitor"])

COMPATIBLE_VERSION = "3.3.2"
"""Clients that ask choose by it which calls to make: those of this version are answered here."""

_ANSWER_SECONDS = 5.0
_LATE = timedelta(seconds=30)


class DatabaseHealth(Shape):
    """The database."""

    status: str | None


class SchedulerHealth(Shape):
    """What decides."""

    status: str | None
    latest_scheduler_heartbeat: Moment | None


class TriggererHealth(Shape):
    """What hosts triggers: nothing of its own here."""

    status: str | None = None
    latest_triggerer_heartbeat: Moment | None = None


class DagProcessorHealth(Shape):
    """What parses Dag files: workers."""

    status: str | None
    latest_dag_processor_heartbeat: Moment | None


class HealthShape(Shape):
    """The parts, each healthy, unhealthy or null where there is no such part."""

    metadatabase: DatabaseHealth
    scheduler: SchedulerHealth
    triggerer: TriggererHealth = TriggererHealth()
    dag_processor: DagProcessorHealth


class VersionShape(Shape):
    """Which API this is."""

    version: str
    git_version: str | None = None
    server: str
    """The program behind it."""


def read_health(services: Services) -> Health | None:
    """Ask the engine, in its own thread; None when the database or that thread does not answer."""
    asked = services.writer.submit(lambda tx: services.engine.health(tx, services.clock.now()))
    try:
        return asked.result(_ANSWER_SECONDS)
    except (UnavailableError, FutureTimeoutError):
        return None


@router.get("/monitor/health")
def get_health(services: ServicesDep) -> HealthShape:
    """Tell how each part is; the answer is 200 whatever it says."""
    health = read_health(services)
    if health is None:
        return HealthShape(
            metadatabase=DatabaseHealth(status="unhealthy"),
            scheduler=SchedulerHealth(status="unhealthy", latest_scheduler_heartbeat=None),
            dag_processor=DagProcessorHealth(
                status="unhealthy", latest_dag_processor_heartbeat=None
            ),
        )
    looked = health.scheduler_at
    fresh = looked is not None and services.clock.now() - looked <= _LATE
    return HealthShape(
        metadatabase=DatabaseHealth(status="healthy"),
        scheduler=SchedulerHealth(status=_word(fresh), latest_scheduler_heartbeat=looked),
        dag_processor=DagProcessorHealth(
            status=_word(health.workers > 0), latest_dag_processor_heartbeat=health.parsed_at
        ),
    )


@router.get("/version")
def get_version() -> VersionShape:
    """Tell which version of the field's API is spoken, and by what."""
    return VersionShape(version=COMPATIBLE_VERSION, server=f"tradewind/{version('tradewind')}")


def _word(good: bool) -> str:
    return "healthy" if good else "unhealthy"
