"""Dag versions."""

from fastapi import APIRouter

from tradewind.api.public.fields import PagingDep, ServicesDep, Shape
from tradewind.api.public.found import find_dag
from tradewind.api.public.labels import DagVersionShape, Labels
from tradewind.errors import NotFoundError
from tradewind.store import dags

router = APIRouter(tags=["DagVersion"])


class DagVersionList(Shape):
    """A page of versions."""

    dag_versions: list[DagVersionShape]
    total_entries: int


@router.get("/dags/{dag_id}/dagVersions")
def get_dag_versions(dag_id: str, services: ServicesDep, page: PagingDep) -> DagVersionList:
    """List the versions of a Dag, the newest first."""
    with services.database.read() as tx:
        find_dag(tx, dag_id)
        labels = Labels(tx)
        known = dags.list_versions(tx, dag_id)
        shown = known[page.offset : page.offset + page.limit]
        return DagVersionList(
            dag_versions=[labels.shape(one) for one in shown], total_entries=len(known)
        )


@router.get("/dags/{dag_id}/dagVersions/{version_number}")
def get_dag_version(dag_id: str, version_number: int, services: ServicesDep) -> DagVersionShape:
    """Read one version of a Dag."""
    with services.database.read() as tx:
        find_dag(tx, dag_id)
        for one in dags.list_versions(tx, dag_id):
            if one.number == version_number:
                return Labels(tx).shape(one)
    raise NotFoundError(
        "dag-version-not-found",
        f"The DagVersion with dag_id: `{dag_id}` and version_number: `{version_number}` "
        "was not found",
    )
