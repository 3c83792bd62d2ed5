"""Bundles: where Dag files come from, which bytes each has now, and whether it can be refreshed."""

from fastapi import APIRouter

from tradewind.api.public.fields import Moment, ServicesDep, Shape
from tradewind.store import bundles
from tradewind.store.bundles import BundleFacts

router = APIRouter(tags=["Own: bundles"])


class BundleShape(Shape):
    """One bundle."""

    name: str
    kind: str
    version: str | None
    """What its bytes are known by, such as a commit; else their digest."""
    is_pinned: bool
    """Whether runs keep the bytes they were made with."""
    path: str | None
    """Where its Dag files lie now."""
    refreshed_at: Moment | None
    """When its content was last seen to change."""
    fault: str | None
    """Why it cannot be refreshed; what it held before goes on."""
    fault_at: Moment | None
    kept: int
    """How many of its states are kept."""


class BundleList(Shape):
    """All bundles."""

    bundles: list[BundleShape]


@router.get("/bundles")
def get_bundles(services: ServicesDep) -> BundleList:
    """List bundles by name."""
    with services.database.read() as tx:
        kept = bundles.count_trees(tx)
        return BundleList(
            bundles=[_shape(one, kept.get(one.name, 0)) for one in bundles.read_bundles(tx)]
        )


def _shape(facts: BundleFacts, kept: int) -> BundleShape:
    return BundleShape(
        name=facts.name,
        kind=facts.kind,
        version=facts.version or facts.digest or None,
        is_pinned=facts.is_pinned,
        path=facts.dags_folder or None,
        refreshed_at=facts.refreshed_at,
        fault=facts.fault or None,
        fault_at=facts.fault_at,
        kept=kept,
    )
