"""Which code a run is to run: a version of its Dag's structure, and the bytes of its bundle."""

import msgspec

from tradewind.core.spec import DagSpec
from tradewind.errors import NotFoundError, RefusedError
from tradewind.store import dags, places
from tradewind.store.bundles import read_tree
from tradewind.store.dags import DagFacts
from tradewind.store.database import Tx

LATEST = "latest"
PINNED = "pinned"


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """What a run runs."""

    spec: DagSpec
    version_id: int
    files: places.Code


def newest_code(tx: Tx, facts: DagFacts, spec: DagSpec) -> Code:
    """Answer the newest version of a Dag, on the files as they are now."""
    files = places.choose_code(tx, facts, spec)
    return Code(spec=spec, version_id=facts.version_id, files=files)


def code_of_version(tx: Tx, facts: DagFacts, spec: DagSpec, number: int) -> Code:
    """Answer a version of a Dag, on the files it was first seen in.

    Raises:
        NotFoundError: The Dag has no such version.
        RefusedError: Its files are not kept: those of a bundle that is not pinned lie there in
            their newest state only.
    """
    versions = dags.list_versions(tx, facts.dag_id)
    version = next((one for one in versions if one.number == number), None)
    if version is None:
        newest = max((one.number for one in versions), default=0)
        raise NotFoundError(
            "dag-version-not-found",
            f"Dag '{facts.dag_id}' has no version {number}; its newest is {newest}.",
        )
    if version.id == facts.version_id:
        return newest_code(tx, facts, spec)
    if read_tree(tx, version.bundle, version.digest) is None:
        raise RefusedError(
            "version-not-kept",
            f"The files of version {number} of Dag '{facts.dag_id}' are not kept.",
            "Pin its bundle, so that those of later versions are; or run the newest version.",
        )
    old = dags.read_spec_of_version(tx, version.id)
    files = places.Code(bundle=version.bundle, digest=version.digest, pinned_file=old.file)
    return Code(spec=old, version_id=version.id, files=files)
