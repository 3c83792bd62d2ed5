"""Pools, with what is in use of them."""

from fastapi import APIRouter

from tradewind.api.public.fields import (
    Body,
    OrderBy,
    PagingDep,
    ServicesDep,
    Shape,
    UpdateMask,
    check_mask,
    chosen_order,
)
from tradewind.core.states import TaskState
from tradewind.errors import ConflictError, RefusedError
from tradewind.store import pools
from tradewind.store.database import Tx
from tradewind.store.pool_use import read_pool_use
from tradewind.store.pools import Pool

router = APIRouter(tags=["Pool"])

_UNLIMITED = -1


class PoolShape(Shape):
    """One pool."""

    name: str
    slots: int
    description: str | None
    include_deferred: bool
    occupied_slots: int
    running_slots: int
    queued_slots: int
    scheduled_slots: int
    open_slots: int
    deferred_slots: int
    team_name: str | None = None


class PoolList(Shape):
    """A page of pools."""

    pools: list[PoolShape]
    total_entries: int


class PoolBody(Body):
    """A pool to be made."""

    name: str
    slots: int
    description: str | None = None
    include_deferred: bool = False
    team_name: str | None = None


class PoolPatch(Body):
    """What to change of a pool."""

    pool: str | None = None
    name: str | None = None
    slots: int | None = None
    description: str | None = None
    include_deferred: bool | None = None
    team_name: str | None = None


@router.get("/pools")
def get_pools(
    services: ServicesDep,
    page: PagingDep,
    pool_name_pattern: str | None = None,
    order_by: OrderBy = None,
) -> PoolList:
    """List pools by name."""
    order = chosen_order(order_by, {"name": "name", "id": "name", "pool": "name"}, ["name"])
    part = (pool_name_pattern or "").lower().strip("%")
    with services.database.read() as tx:
        known = [one for one in pools.read_pools(tx).values() if part in one.name.lower()]
        if order[0].startswith("-"):
            known.reverse()
        use = read_pool_use(tx)
        shown = known[page.offset : page.offset + page.limit]
        return PoolList(
            pools=[_shape(one, use.get(one.name, {})) for one in shown], total_entries=len(known)
        )


@router.post("/pools", status_code=201)
def post_pool(body: PoolBody, services: ServicesDep) -> PoolShape:
    """Make a pool."""
    pool = Pool(
        name=body.name,
        slots=body.slots,
        description=body.description,
        include_deferred=body.include_deferred,
    )

    def make(tx: Tx) -> None:
        if pool.name in pools.read_pools(tx):
            raise ConflictError(
                "pool-exists", f"There is a pool '{pool.name}' already.", "Update or delete it."
            )
        pools.set_pool(tx, pool)

    services.writer.write(make)
    return _shape(pool, {})


@router.get("/pools/{pool_name:path}")
def get_pool(pool_name: str, services: ServicesDep) -> PoolShape:
    """Read one pool."""
    with services.database.read() as tx:
        return _shape(pools.read_pool(tx, pool_name), read_pool_use(tx).get(pool_name, {}))


@router.patch("/pools/{pool_name:path}")
def patch_pool(
    pool_name: str, body: PoolPatch, services: ServicesDep, update_mask: UpdateMask = None
) -> PoolShape:
    """Change a pool; what is not sent stays."""
    if {body.pool, body.name} - {None, pool_name}:
        raise RefusedError(
            "bad-pool", "A pool keeps its name.", "Make another one and delete this one."
        )
    fields = check_mask(update_mask, set(body.model_fields_set))

    def change(tx: Tx) -> Pool:
        old = pools.read_pool(tx, pool_name)
        slots = body.slots if "slots" in fields else None
        deferred = body.include_deferred if "include_deferred" in fields else None
        pool = Pool(
            name=pool_name,
            slots=old.slots if slots is None else slots,
            description=body.description if "description" in fields else old.description,
            include_deferred=old.include_deferred if deferred is None else deferred,
        )
        pools.set_pool(tx, pool)
        return pool

    pool = services.writer.write(change)
    with services.database.read() as tx:
        return _shape(pool, read_pool_use(tx).get(pool_name, {}))


@router.delete("/pools/{pool_name:path}", status_code=204)
def delete_pool(pool_name: str, services: ServicesDep) -> None:
    """Delete a pool; tasks that name it wait until it is there again."""
    services.writer.write(lambda tx: pools.delete_pool(tx, pool_name))


def _shape(pool: Pool, use: dict[str, int]) -> PoolShape:
    running = use.get(TaskState.RUNNING, 0) + use.get(TaskState.RESTARTING, 0)
    queued, deferred = use.get(TaskState.QUEUED, 0), use.get(TaskState.DEFERRED, 0)
    occupied = running + queued + (deferred if pool.include_deferred else 0)
    return PoolShape(
        name=pool.name,
        slots=pool.slots,
        description=pool.description,
        include_deferred=pool.include_deferred,
        occupied_slots=occupied,
        running_slots=running,
        queued_slots=queued,
        scheduled_slots=use.get(TaskState.SCHEDULED, 0),
        open_slots=_UNLIMITED if pool.slots == _UNLIMITED else pool.slots - occupied,
        deferred_slots=deferred,
    )
