"""Housekeeping of state stores."""

from fastapi import APIRouter

from tradewind.api.public.fields import Body, ServicesDep, Shape
from tradewind.store import states

router = APIRouter(tags=["State stores"])


class CleanBody(Body):
    """Whether to remove, or only to count."""

    dry_run: bool = False


class Cleaned(Shape):
    """How many values were, or would be, removed."""

    task_states: int
    asset_states: int
    dry_run: bool


@router.post("/state-stores/clean")
def clean(body: CleanBody, services: ServicesDep) -> Cleaned:
    """Remove the values whose time is over."""
    now = services.clock.now()
    if body.dry_run:
        with services.database.read() as tx:
            found = states.delete_expired(tx, now, dry_run=True)
    else:
        found = services.writer.write(lambda tx: states.delete_expired(tx, now))
    return Cleaned(
        task_states=found["task_state"], asset_states=found["asset_state"], dry_run=body.dry_run
    )
