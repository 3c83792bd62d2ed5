"""Where the bytes of each run lie: what an attempt needs to be run.

A run that is pinned has a tree of its own; every other runs what lies where its Dag's file is now.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import and_, bindparam, select

from tradewind.core.runs import Run
from tradewind.core.spec import DagSpec
from tradewind.store.bundles import read_bundle, read_tree
from tradewind.store.dags import DagFacts
from tradewind.store.database import Tx
from tradewind.store.file_tables import bundle, dag_file
from tradewind.store.prepared import Prepared
from tradewind.store.tables import dag


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A Dag's file: bundle and root, path below the root, and the key of its warm process."""

    bundle: str
    root: str
    dags_folder: str
    file: str
    closure_digest: str


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """Which bytes a new run is to run."""

    bundle: str
    digest: str = ""
    pinned_file: str = ""
    """See ``Run``."""


_READ = Prepared(
    select(
        dag.c.dag_id,
        dag.c.bundle,
        dag.c.file,
        bundle.c.root,
        bundle.c.dags_folder,
        dag_file.c.closure_digest,
        dag_file.c.generation,
    )
    .join(bundle, bundle.c.name == dag.c.bundle)
    .outerjoin(dag_file, and_(dag_file.c.bundle == dag.c.bundle, dag_file.c.path == dag.c.file))
    .where(dag.c.dag_id.in_(bindparam("b_dags", expanding=True)))
)


def choose_code(tx: Tx, facts: DagFacts, spec: DagSpec) -> Code:
    """Answer which bytes a run runs that is made now.

    Of a pinned bundle those in which the Dag was last parsed: a newer state of the bundle may hold
    another Dag already that nobody has read yet.
    """
    found = read_bundle(tx, facts.bundle)
    if found is None:
        return Code(bundle=facts.bundle)
    if found.is_pinned and facts.digest and not spec.runs_latest_code:
        return Code(bundle=facts.bundle, digest=facts.digest, pinned_file=facts.file)
    return Code(bundle=facts.bundle, digest=found.digest)


def read_places(tx: Tx, runs: Iterable[Run]) -> dict[int, Place]:
    """Answer the place of each of these runs, by its key."""
    wanted = {run.pk: run for run in runs}
    ids = sorted({run.dag_id for run in wanted.values()})
    now = {row.dag_id: row for row in _READ.rows(tx, {"b_dags": ids})}
    places: dict[int, Place] = {}
    trees: dict[tuple[str, str, str], Place] = {}
    for pk, run in wanted.items():
        if not run.pinned_file:
            places[pk] = _current(run, now.get(run.dag_id))
            continue
        key = (run.bundle, run.digest, run.pinned_file)
        if key not in trees:
            row = now.get(run.dag_id)
            trees[key] = _pinned(tx, run, row.generation or 0 if row else 0)
        places[pk] = trees[key]
    return places


def read_place_now(tx: Tx, dag_id: str) -> Place | None:
    """Answer where the file of a Dag lies now, of no run; None for a Dag that is gone."""
    row = _READ.row(tx, {"b_dags": [dag_id]})
    if row is None:
        return None
    return Place(
        bundle=row.bundle,
        root=row.root,
        dags_folder=row.dags_folder,
        file=row.file,
        closure_digest=row.closure_digest or "",
    )


def _current(run: Run, row: Any) -> Place:
    """Answer the place of a run that is not pinned; its root is empty where the bundle is gone."""
    if row is None:
        return Place(bundle=run.bundle, root="", dags_folder="", file="", closure_digest="")
    return Place(
        bundle=row.bundle,
        root=row.root,
        dags_folder=row.dags_folder,
        file=row.file,
        closure_digest=row.closure_digest or "",
    )


def _pinned(tx: Tx, run: Run, generation: int) -> Place:
    """Answer the place of a pinned run; its root is empty where the tree is gone.

    The tree's digest stands for that of the closure; it changes when a Variable or Connection that
    the file's import read does.
    """
    tree = read_tree(tx, run.bundle, run.digest)
    return Place(
        bundle=run.bundle,
        root=tree.root if tree else "",
        dags_folder=tree.dags_folder if tree else "",
        file=run.pinned_file,
        closure_digest=f"{run.digest}.{generation}",
    )
