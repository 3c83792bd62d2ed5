"""Bundle rows: the folders Dag files come from, and the digest each has now."""

from datetime import datetime

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from tradewind.protocol.orders import BundleRef
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared
from tradewind.store.tables import bundle, bundle_file, dag, dag_file


class BundleFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle as its row tells it."""

    name: str
    root: str
    dags_folder: str
    digest: str = ""
    """Empty until it was scanned for the first time."""
    refreshed_at: datetime | None = None

    def to_ref(self) -> BundleRef:
        """Answer what a worker is told about it."""
        return BundleRef(
            name=self.name, root=self.root, dags_folder=self.dags_folder, digest=self.digest
        )


_READ = Prepared(select(bundle).where(bundle.c.name == bindparam("b_name")))
_LIST = select(bundle).order_by(bundle.c.name)
_MOVE = Prepared(
    update(bundle)
    .where(bundle.c.name == bindparam("b_name"))
    .values(root=bindparam("b_root"), dags_folder=bindparam("b_folder"))
)
_DROP = (
    delete(dag_file).where(dag_file.c.bundle == bindparam("b_name")),
    delete(bundle_file).where(bundle_file.c.bundle == bindparam("b_name")),
    update(dag).where(dag.c.bundle == bindparam("b_name")).values(is_stale=True),
    delete(bundle).where(bundle.c.name == bindparam("b_name")),
)


def upsert_bundle(tx: Tx, name: str, root: str, dags_folder: str) -> None:
    """Say where a bundle lies, now or anew. Its files come with ``files.apply_discovery``."""
    done = _MOVE.run(tx, {"b_name": name, "b_root": root, "b_folder": dags_folder})
    if done == 0:
        tx.execute(
            insert(bundle),
            {"name": name, "root": root, "dags_folder": dags_folder, "digest": ""},
        )


def read_bundle(tx: Tx, name: str) -> BundleFacts | None:
    """Answer the bundle of that name."""
    row = _READ.record(tx, {"b_name": name})
    return None if row is None else BundleFacts(**row)


def read_bundles(tx: Tx) -> list[BundleFacts]:
    """Answer all bundles by name."""
    return [BundleFacts(**row) for row in tx.execute(_LIST).mappings()]


def drop_bundle(tx: Tx, name: str) -> None:
    """Forget a bundle that is not configured any more: its files go, its Dags turn stale."""
    for statement in _DROP:
        tx.execute(statement, {"b_name": name})
