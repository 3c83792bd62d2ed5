"""Dag files as text, and having one parsed now."""

import contextlib
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from tradewind.api.public.fields import ServicesDep, Shape
from tradewind.api.public.found import find_dag
from tradewind.codestore.archives import read_file
from tradewind.codestore.trees import Trees
from tradewind.errors import NotFoundError
from tradewind.store import bundles, dags, files
from tradewind.store.dags import VersionFacts
from tradewind.store.database import Tx

router = APIRouter(tags=["DagSource"])


class DagSourceShape(Shape):
    """A Dag's file, as one version of the Dag was last parsed from it."""

    content: str | None
    dag_id: str
    version_number: int | None
    dag_display_name: str


@router.get("/dagSources/{dag_id}", response_model=DagSourceShape)
def get_dag_source(
    dag_id: str, request: Request, services: ServicesDep, version_number: int | None = None
) -> DagSourceShape | Response:
    """Read the file of a Dag; as plain text to whoever accepts that alone."""
    with services.database.read() as tx:
        facts = find_dag(tx, dag_id)
        version = _version(tx, dag_id, version_number)
        content = Trees(services.settings.code_folder).read_source(version.source_digest)
        if content is None:
            content = _as_it_is(tx, version)
        name = facts.decode_head().display_name or dag_id
    text = content.decode("utf-8", errors="replace")
    if request.headers.get("accept", "").startswith("text/plain"):
        return PlainTextResponse(text)
    return DagSourceShape(
        content=text, dag_id=dag_id, version_number=version.number, dag_display_name=name
    )


@router.put("/parseDagFile/{file_token:path}", status_code=201)
def put_parse_dag_file(file_token: str, services: ServicesDep) -> None:
    """Have a Dag file parsed before all others."""

    def unit(tx: Tx) -> bool:
        for known in bundles.read_bundles(tx):
            path = file_token.removeprefix(f"{known.name}/")
            if path != file_token and files.touch_file(tx, known.name, path, services.clock.now()):
                services.engine.ring_all()
                return True
        return False

    if not services.writer.write(unit):
        raise NotFoundError(
            "dag-file-not-found",
            f"There is no Dag file '{file_token}'.",
            "A Dag's file_token names its file.",
        )


def _version(tx: Tx, dag_id: str, number: int | None) -> VersionFacts:
    for one in dags.list_versions(tx, dag_id):
        if number in (None, one.number):
            return one
    raise NotFoundError(
        "dag-version-not-found",
        f"The source code of the DAG {dag_id}, version_number {number} was not found",
    )


def _as_it_is(tx: Tx, version: VersionFacts) -> bytes:
    """Answer the file where it lies, for a version that was parsed before sources were kept."""
    facts = find_dag(tx, version.dag_id)
    bundle = bundles.read_bundle(tx, facts.bundle)
    if bundle is not None and facts.version_id == version.id:
        with contextlib.suppress(OSError):
            return read_file(Path(bundle.root), facts.file)
    raise NotFoundError(
        "dag-source-not-kept",
        f"The file of Dag '{version.dag_id}', version {version.number}, is not kept.",
        "Versions parsed from now on keep theirs.",
    )
