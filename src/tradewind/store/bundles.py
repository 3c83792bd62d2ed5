"""Bundle rows: where Dag files come from, which bytes each bundle has now, which are kept for runs.

A bundle is either *in place*, a folder that changes under whoever runs in it, or *pinned*: each
state of it is a tree of its own that never changes, and a run keeps the tree it was made under.
"""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import bindparam, delete, exists, func, insert, select, tuple_, update

from tradewind.protocol.orders import BundleRef
from tradewind.store.database import Tx
from tradewind.store.file_tables import bundle, bundle_file, bundle_tree, dag_file
from tradewind.store.prepared import Prepared
from tradewind.store.tables import dag, dag_version, run


class BundleFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle as its row tells it."""

    name: str
    root: str
    dags_folder: str
    digest: str = ""
    """Empty until it was scanned for the first time."""
    refreshed_at: datetime | None = None
    """When its content was last seen to change."""
    kind: str = "local"
    version: str = ""
    """What people know the digest by, such as a commit; empty where there is no such name."""
    is_pinned: bool = False
    fault: str = ""
    """Why it cannot be refreshed; what it held before goes on. Empty when it can."""
    fault_at: datetime | None = None

    def to_ref(self) -> BundleRef:
        """Answer what a worker is told about it."""
        return BundleRef(
            name=self.name, root=self.root, dags_folder=self.dags_folder, digest=self.digest
        )


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """One state of a pinned bundle, kept as a folder that never changes."""

    bundle: str
    digest: str
    version: str = ""
    root: str
    dags_folder: str
    created_at: datetime


_READ = Prepared(select(bundle).where(bundle.c.name == bindparam("b_name")))
_LIST = select(bundle).order_by(bundle.c.name)
_MOVE = Prepared(
    update(bundle)
    .where(bundle.c.name == bindparam("b_name"))
    .values(
        root=bindparam("b_root"),
        dags_folder=bindparam("b_folder"),
        kind=bindparam("b_kind"),
        version=bindparam("b_version"),
        is_pinned=bindparam("b_pinned"),
        fault="",
        fault_at=None,
    )
)
_FAIL = Prepared(
    update(bundle)
    .where(bundle.c.name == bindparam("b_name"))
    .values(fault=bindparam("b_fault"), fault_at=bindparam("b_now"))
)
_HEAL = Prepared(
    update(bundle)
    .where(bundle.c.name == bindparam("b_name"), bundle.c.fault != "")
    .values(fault="", fault_at=None)
)
_FAULTS = Prepared(
    select(bundle.c.name, bundle.c.fault).where(bundle.c.fault != "").order_by(bundle.c.name)
)
_DROP = (
    delete(dag_file).where(dag_file.c.bundle == bindparam("b_name")),
    delete(bundle_file).where(bundle_file.c.bundle == bindparam("b_name")),
    update(dag).where(dag.c.bundle == bindparam("b_name")).values(is_stale=True),
    delete(bundle).where(bundle.c.name == bindparam("b_name")),
)
_TREE = Prepared(
    select(bundle_tree).where(
        bundle_tree.c.bundle == bindparam("b_bundle"), bundle_tree.c.digest == bindparam("b_digest")
    )
)
_TREES = select(bundle_tree).order_by(
    bundle_tree.c.bundle, bundle_tree.c.created_at.desc(), bundle_tree.c.digest
)
_COUNT_TREES = Prepared(
    select(bundle_tree.c.bundle, func.count().label("kept")).group_by(bundle_tree.c.bundle)
)
_MOVE_TREE = Prepared(
    update(bundle_tree)
    .where(
        bundle_tree.c.bundle == bindparam("b_bundle"), bundle_tree.c.digest == bindparam("b_digest")
    )
    .values(root=bindparam("b_root"), dags_folder=bindparam("b_folder"))
)
_FORGET_TREE = Prepared(
    delete(bundle_tree).where(
        bundle_tree.c.bundle == bindparam("b_bundle"), bundle_tree.c.digest == bindparam("b_digest")
    )
)
_NAMES = tuple_(bundle_tree.c.bundle, bundle_tree.c.digest)
_UNUSED = Prepared(
    select(bundle_tree)
    .where(
        bundle_tree.c.created_at < bindparam("b_before", type_=bundle_tree.c.created_at.type),
        ~exists().where(bundle.c.name == bundle_tree.c.bundle, bundle.c.root == bundle_tree.c.root),
        ~exists().where(
            run.c.bundle == bundle_tree.c.bundle,
            run.c.digest == bundle_tree.c.digest,
            run.c.pinned_file != "",
        ),
        _NAMES.not_in(select(dag.c.bundle, dag.c.digest)),
        _NAMES.not_in(select(dag_version.c.bundle, dag_version.c.digest)),
    )
    .order_by(bundle_tree.c.bundle, bundle_tree.c.created_at)
)


def upsert_bundle(
    tx: Tx,
    name: str,
    root: str,
    dags_folder: str,
    *,
    kind: str = "local",
    version: str = "",
    is_pinned: bool = False,
) -> None:
    """Say where a bundle lies, now or anew. Its files come with ``files.apply_discovery``."""
    values = {
        "b_name": name,
        "b_root": root,
        "b_folder": dags_folder,
        "b_kind": kind,
        "b_version": version,
        "b_pinned": is_pinned,
    }
    if _MOVE.run(tx, values) == 0:
        tx.execute(
            insert(bundle),
            {
                "name": name,
                "root": root,
                "dags_folder": dags_folder,
                "digest": "",
                "kind": kind,
                "version": version,
                "is_pinned": is_pinned,
            },
        )


def note_fault(tx: Tx, name: str, kind: str, fault: str, now: datetime) -> None:
    """Say why a bundle cannot be refreshed; what it held before stays."""
    if _FAIL.run(tx, {"b_name": name, "b_fault": fault, "b_now": now}) == 0:
        empty = {"name": name, "root": "", "dags_folder": "", "digest": "", "kind": kind}
        tx.execute(insert(bundle), {**empty, "fault": fault, "fault_at": now})


def note_healed(tx: Tx, name: str) -> None:
    """Say that a bundle can be refreshed again."""
    _HEAL.run(tx, {"b_name": name})


def read_faults(tx: Tx) -> dict[str, str]:
    """Answer the bundles that cannot be refreshed, and why."""
    return {row.name: row.fault for row in _FAULTS.rows(tx, {})}


def read_bundle(tx: Tx, name: str) -> BundleFacts | None:
    """Answer the bundle of that name."""
    row = _READ.record(tx, {"b_name": name})
    return None if row is None else BundleFacts(**row)


def read_bundles(tx: Tx) -> list[BundleFacts]:
    """Answer all bundles by name."""
    return [BundleFacts(**row) for row in tx.execute(_LIST).mappings()]


def drop_bundle(tx: Tx, name: str) -> None:
    """Forget a bundle that is not configured any more: its files go, its Dags turn stale.

    Trees that runs are pinned to stay.
    """
    for statement in _DROP:
        tx.execute(statement, {"b_name": name})


def keep_tree(tx: Tx, tree: Tree) -> None:
    """Write down where one state of a pinned bundle is kept."""
    found = {"b_bundle": tree.bundle, "b_digest": tree.digest}
    where = {"b_root": tree.root, "b_folder": tree.dags_folder}
    if _MOVE_TREE.run(tx, {**found, **where}) == 0:
        tx.execute(insert(bundle_tree), msgspec.structs.asdict(tree))


def read_tree(tx: Tx, name: str, digest: str) -> Tree | None:
    """Answer where this state of a bundle is kept; None where it is not."""
    row = _TREE.record(tx, {"b_bundle": name, "b_digest": digest})
    return None if row is None else Tree(**row)


def list_trees(tx: Tx) -> list[Tree]:
    """Answer all trees that are kept, by bundle, the newest first."""
    return [Tree(**row) for row in tx.execute(_TREES).mappings()]


def count_trees(tx: Tx) -> dict[str, int]:
    """Answer how many states of each bundle are kept."""
    return {row.bundle: row.kept for row in _COUNT_TREES.rows(tx, {})}


def take_unused_trees(tx: Tx, now: datetime, min_age: timedelta) -> list[Tree]:
    """Forget the trees that nothing can need again, and answer them: their folders may go.

    A tree is needed while its bundle lies there now, a Dag was last parsed in it, a version first
    seen in it, or a run is pinned to it, ended or not: whoever clears that run, or asks for that
    version, wants the same bytes.
    """
    found = [Tree(**row) for row in _UNUSED.records(tx, {"b_before": now - min_age})]
    for tree in found:
        _FORGET_TREE.run(tx, {"b_bundle": tree.bundle, "b_digest": tree.digest})
    return found
