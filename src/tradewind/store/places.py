"""Where the file of each Dag lies now: what an attempt needs to be run."""

from collections.abc import Collection

import msgspec
from sqlalchemy import and_, bindparam, select

from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared
from tradewind.store.tables import bundle, dag, dag_file


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A Dag's file: bundle and root, path below the root, and the key of its warm process."""

    bundle: str
    root: str
    dags_folder: str
    file: str
    closure_digest: str


_READ = Prepared(
    select(
        dag.c.dag_id,
        dag.c.bundle,
        dag.c.file,
        bundle.c.root,
        bundle.c.dags_folder,
        dag_file.c.closure_digest,
    )
    .join(bundle, bundle.c.name == dag.c.bundle)
    .outerjoin(dag_file, and_(dag_file.c.bundle == dag.c.bundle, dag_file.c.path == dag.c.file))
    .where(dag.c.dag_id.in_(bindparam("b_dags", expanding=True)))
)


def read_places(tx: Tx, dag_ids: Collection[str]) -> dict[str, Place]:
    """Answer the place of each of these Dags."""
    return {
        row.dag_id: Place(
            bundle=row.bundle,
            root=row.root,
            dags_folder=row.dags_folder,
            file=row.file,
            closure_digest=row.closure_digest or "",
        )
        for row in _READ.rows(tx, {"b_dags": sorted(dag_ids)})
    }
