"""Dags: listed, read, paused, deleted."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query

from tradewind.api.public.dag_shapes import DagDetails, DagList, DagShape, DagShapes
from tradewind.api.public.fields import (
    EVERY,
    Body,
    OrderBy,
    PagingDep,
    ServicesDep,
    UpdateMask,
    check_mask,
    chosen_order,
)
from tradewind.api.public.found import find_dag
from tradewind.api.services import Services
from tradewind.core.spec import ParamSpec
from tradewind.errors import RefusedError
from tradewind.store import assets, dags, runs
from tradewind.store.dags import DagFilter
from tradewind.store.database import Tx

router = APIRouter(tags=["DAG"])

_ORDERS = {
    "dag_id": "dag_id",
    "dag_display_name": "dag_id",
    "is_paused": "is_paused",
    "last_parsed_time": "parsed_at",
    "next_dagrun": "next_due_at",
    "next_dagrun_run_after": "next_due_at",
}


class DagPatch(Body):
    """What may be changed of a Dag."""

    is_paused: bool


@router.get("/dags")
def get_dags(  # noqa: PLR0913 - one argument a filter
    services: ServicesDep,
    page: PagingDep,
    tags: Annotated[list[str] | None, Query()] = None,
    tags_match_mode: str | None = None,
    owners: Annotated[list[str] | None, Query()] = None,
    dag_id_pattern: str | None = None,
    dag_display_name_pattern: str | None = None,
    exclude_stale: bool = True,
    paused: bool | None = None,
    has_import_errors: bool | None = None,
    bundle_name: str | None = None,
    order_by: OrderBy = None,
) -> DagList:
    """List Dags."""
    wanted = DagFilter(
        id_pattern=_pattern(dag_id_pattern) or _pattern(dag_display_name_pattern),
        is_paused=paused,
        is_stale=False if exclude_stale else None,
        has_import_errors=has_import_errors,
        bundle=bundle_name,
        tags=tuple(tags or ()),
        all_tags=(tags_match_mode or "any").lower() == "all",
        owners=tuple(owners or ()),
    )
    order = chosen_order(order_by, _ORDERS, ["dag_id"])
    with services.database.read() as tx:
        found = dags.list_dags(tx, wanted, order_by=order[0], limit=page.limit, offset=page.offset)
        shapes = DagShapes(tx)
        return DagList(dags=[shapes.dag(one) for one in found.dags], total_entries=found.total)


@router.patch("/dags")
def patch_dags(
    services: ServicesDep,
    body: DagPatch,
    update_mask: UpdateMask = None,
    tags: Annotated[list[str] | None, Query()] = None,
    owners: Annotated[list[str] | None, Query()] = None,
    dag_id_pattern: str | None = None,
    exclude_stale: bool = True,
    paused: bool | None = None,
) -> DagList:
    """Pause or unpause all Dags that match; answers those that match."""
    check_mask(update_mask, {"is_paused"})
    if not (dag_id_pattern or tags or owners or paused is not None):
        raise RefusedError(
            "no-dags-named",
            "Nothing says which Dags to change.",
            f"Give dag_id_pattern; '{EVERY}' is every Dag.",
        )
    wanted = DagFilter(
        id_pattern=_pattern(dag_id_pattern),
        is_paused=paused,
        is_stale=False if exclude_stale else None,
        tags=tuple(tags or ()),
        owners=tuple(owners or ()),
    )
    with services.database.read() as tx:
        ids = [one.dag_id for one in dags.list_dags(tx, wanted).dags]
    _set_paused(services, ids, body.is_paused)
    return _read(services, ids)


@router.get("/dags/{dag_id}")
def get_dag(dag_id: str, services: ServicesDep) -> DagShape:
    """Read one Dag."""
    with services.database.read() as tx:
        return DagShapes(tx).dag(find_dag(tx, dag_id))


@router.patch("/dags/{dag_id}")
def patch_dag(
    dag_id: str, services: ServicesDep, body: DagPatch, update_mask: UpdateMask = None
) -> DagShape:
    """Pause or unpause one Dag."""
    check_mask(update_mask, {"is_paused"})
    with services.database.read() as tx:
        find_dag(tx, dag_id)
    _set_paused(services, [dag_id], body.is_paused)
    with services.database.read() as tx:
        return DagShapes(tx).dag(find_dag(tx, dag_id))


@router.delete("/dags/{dag_id}", status_code=204)
def delete_dag(dag_id: str, services: ServicesDep) -> None:
    """Delete a Dag and all that is known of it. Its file brings it back when it is parsed again."""
    with services.database.read() as tx:
        find_dag(tx, dag_id)
    services.writer.write(lambda tx: services.engine.delete_dag(tx, dag_id))


@router.get("/dags/{dag_id}/details")
def get_dag_details(dag_id: str, services: ServicesDep) -> DagDetails:
    """Read one Dag with all that its file says of it."""
    with services.database.read() as tx:
        facts = find_dag(tx, dag_id)
        shapes = DagShapes(tx)
        head = facts.decode_head()
        timeout = head.dagrun_timeout_seconds
        return DagDetails(
            **shapes.dag(facts).model_dump(),
            active_runs_count=sum(runs.count_active_of(tx, dag_id).values()),
            catchup=head.catchup,
            concurrency=facts.max_active_tasks,
            dag_run_timeout=None if timeout is None else timedelta(seconds=timeout),
            doc_md=head.doc_md,
            end_date=head.end_date,
            is_paused_upon_creation=head.is_paused_upon_creation,
            pause_reason=facts.pause_reason,
            last_parsed=facts.parsed_at,
            latest_dag_version=shapes.labels.version(facts.version_id),
            owner_links=head.owner_links,
            params={name: _param(param) for name, param in head.params.items()},
            render_template_as_native_obj=head.render_template_as_native_obj,
            start_date=head.start_date,
            timezone=head.timezone,
            warnings=[*head.warnings, *_conflicts(tx, dag_id)],
        )


def _conflicts(tx: Tx, dag_id: str) -> list[str]:
    return [
        f"asset '{mine.name}' ({mine.uri}) is not active: '{other.name}' ({other.uri}) has that "
        "name or URI and was used first; tasks that have it as an inlet or outlet fail"
        for mine, other in assets.read_conflicts(tx, dag_id)
    ]


def _param(param: ParamSpec) -> dict[str, Any]:
    return {
        "value": param.default if param.has_default else None,
        "description": param.description,
        "schema": msgspec.to_builtins(param.json_schema),
        "source": param.source,
    }


def _pattern(text: str | None) -> str | None:
    return None if not text or text == EVERY else text


def _set_paused(services: Services, ids: list[str], paused: bool) -> None:
    services.writer.write(
        lambda tx: services.engine.set_paused(tx, ids, paused, services.clock.now())
    )


def _read(services: Services, ids: Iterable[str]) -> DagList:
    with services.database.read() as tx:
        shapes = DagShapes(tx)
        found = dags.read_dags(tx, list(ids))
        return DagList(
            dags=[shapes.dag(found[dag_id]) for dag_id in sorted(found)], total_entries=len(found)
        )
