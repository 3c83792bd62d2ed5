"""XComs of task instances."""

from typing import Any

import msgspec
from fastapi import APIRouter

from tradewind.api.public.fields import Moment, PagingDep, ServicesDep, Shape
from tradewind.api.public.found import find_instance
from tradewind.api.public.labels import Labels
from tradewind.core.runs import Run
from tradewind.errors import NotFoundError, did_you_mean
from tradewind.store import xcoms
from tradewind.store.xcoms import XCom

router = APIRouter(tags=["XCom"])

_ENTRIES = "/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/xcomEntries"


class XComShape(Shape):
    """One XCom without its value."""

    key: str
    timestamp: Moment
    logical_date: Moment | None
    map_index: int
    task_id: str
    dag_id: str
    run_id: str
    dag_display_name: str
    task_display_name: str
    run_after: Moment


class XComValue(XComShape):
    """One XCom with its value."""

    value: Any


class XComList(Shape):
    """A page of XComs."""

    xcom_entries: list[XComShape]
    total_entries: int


@router.get(_ENTRIES)
def get_xcom_entries(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    services: ServicesDep,
    page: PagingDep,
    map_index: int = -1,
) -> XComList:
    """List the XComs of one task instance by key."""
    with services.database.read() as tx:
        index = None if map_index < 0 else map_index
        run, row = find_instance(tx, dag_id, dag_run_id, task_id, index)
        found = xcoms.read_xcoms(tx, run.pk, task_id, row.map_path)
        labels = Labels(tx)
        shown = found[page.offset : page.offset + page.limit]
        return XComList(
            xcom_entries=[XComShape(**_fields(labels, run, one)) for one in shown],
            total_entries=len(found),
        )


@router.get(_ENTRIES + "/{xcom_key:path}")
def get_xcom_entry(
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    xcom_key: str,
    services: ServicesDep,
    map_index: int = -1,
    stringify: bool = False,
) -> XComValue:
    """Read one XCom with its value, as JSON or as a string of JSON."""
    with services.database.read() as tx:
        index = None if map_index < 0 else map_index
        run, row = find_instance(tx, dag_id, dag_run_id, task_id, index)
        found = {one.key: one for one in xcoms.read_xcoms(tx, run.pk, task_id, row.map_path)}
        one = found.get(xcom_key)
        if one is None:
            raise NotFoundError(
                "xcom-not-found",
                f"XCom entry with key: `{xcom_key}` not found",
                did_you_mean(xcom_key, found),
            )
        value = one.value.decode() if stringify else msgspec.json.decode(one.value)
        return XComValue(**_fields(Labels(tx), run, one), value=value)


def _fields(labels: Labels, run: Run, one: XCom) -> dict[str, Any]:
    return {
        "key": one.key,
        "timestamp": one.at,
        "logical_date": run.logical_date,
        "map_index": one.map_index,
        "task_id": one.task_id,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "dag_display_name": labels.dag(run.dag_id),
        "task_display_name": labels.task(run.version_id, one.task_id),
        "run_after": run.run_after,
    }
