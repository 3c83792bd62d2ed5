"""Dag files: which there are, when each is parsed next, and what came of it.

A bundle's content comes in by ``apply_discovery``, parse jobs go out by ``claim_parse_jobs`` and
come back by ``apply_parse_report``, or by ``return_parse_jobs`` where the worker will not report.
What a report says of Dags is written by ``parsed_dags``.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import bindparam, case, delete, exists, func, insert, select, update

from tradewind.core.manifest import Manifest
from tradewind.protocol.orders import BundleRef, ParseOrder
from tradewind.protocol.reports import ImportFault, ParseReport
from tradewind.store.assets import apply_asset_uses, drop_asset_uses
from tradewind.store.closures import (
    ASKED,
    SAVED,
    hasten,
    is_closure_changed_since,
    touch_importers,
    touch_refused,
    write_closure,
)
from tradewind.store.database import Tx
from tradewind.store.file_tables import bundle, bundle_file, dag_file, import_error
from tradewind.store.import_errors import has_import_error
from tradewind.store.parsed_dags import apply_parsed_dags, expire_dags_of
from tradewind.store.prepared import Prepared
from tradewind.store.tables import dag


class ParsePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say about parsing."""

    timeout_seconds: float = 30.0
    memory_mb: int = 4096
    reparse_seconds: float = 300.0
    paused_at_creation: bool = True


class FileFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A Dag file as its row tells it."""

    id: int
    bundle: str
    path: str
    digest: str
    closure_digest: str | None
    """Under which a warm process of it is kept; None until it was parsed."""
    fork_unsafe: str | None
    """Why each attempt needs a fresh process; None or empty when a warm one is safe."""
    due_at: datetime | None
    claimed_by: str | None
    losses: int
    """How many workers in a row were lost while they parsed it."""
    parsed_at: datetime | None
    seconds: float | None


class Discovery(msgspec.Struct, frozen=True, kw_only=True):
    """What a new look at a bundle changed."""

    due: int = 0
    """How many Dag files are due that were not before: new or changed."""
    stale: tuple[str, ...] = ()
    """Dags whose file is gone."""


# A file that was being parsed when its worker died may be what killed it: it comes again at once,
# then after 5 s, 10 s, 20 s … at most every 10 min, so that it cannot keep the workers down.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
_LOSSES_TO_TELL = 3

_FACTS = select(*(dag_file.c[name] for name in FileFacts.__struct_fields__))
_READ = Prepared(
    _FACTS.where(dag_file.c.bundle == bindparam("b_bundle"), dag_file.c.path == bindparam("b_path"))
)
_LIST = _FACTS.order_by(dag_file.c.bundle, dag_file.c.path)
_CONTENT = Prepared(
    select(bundle_file.c.path, bundle_file.c.digest).where(
        bundle_file.c.bundle == bindparam("b_bundle")
    )
)
_REPLACE = Prepared(
    update(bundle_file)
    .where(bundle_file.c.bundle == bindparam("b_bundle"), bundle_file.c.path == bindparam("b_path"))
    .values(digest=bindparam("b_digest"), changed_at=bindparam("b_now"))
)
_LEAVE = Prepared(
    delete(bundle_file).where(
        bundle_file.c.bundle == bindparam("b_bundle"), bundle_file.c.path == bindparam("b_path")
    )
)
_REFRESH = Prepared(
    update(bundle)
    .where(bundle.c.name == bindparam("b_bundle"))
    .values(digest=bindparam("b_digest"), refreshed_at=bindparam("b_now"))
)
_PENDING = (
    select(dag_file.c.id)
    .where(
        dag_file.c.bundle == dag.c.bundle,
        dag_file.c.path == dag.c.file,
        (dag_file.c.due_at <= bindparam("b_now", type_=dag_file.c.due_at.type))
        | dag_file.c.claimed_by.is_not(None),
    )
    .exists()
)
_IS_PINNED = Prepared(select(bundle.c.is_pinned).where(bundle.c.name == bindparam("b_bundle")))
# Of what is not about to be parsed, the last parse holds in the new bytes too.
_MOVE_ALONG = Prepared(
    update(dag)
    .where(dag.c.bundle == bindparam("b_bundle"), dag.c.is_stale.is_(False), ~_PENDING)
    .values(digest=bindparam("b_digest"))
)
_DIGEST_NOW = (
    select(bundle.c.digest).where(bundle.c.name == bindparam("b_bundle")).scalar_subquery()
)
_NOW_IN = Prepared(
    update(dag)
    .where(
        dag.c.bundle == bindparam("b_bundle"),
        dag.c.file == bindparam("b_path"),
        dag.c.is_stale.is_(False),
        dag.c.digest != _DIGEST_NOW,
    )
    .values(digest=_DIGEST_NOW)
)
_DAG_FILES = Prepared(
    select(dag_file.c.id, dag_file.c.path, dag_file.c.digest).where(
        dag_file.c.bundle == bindparam("b_bundle")
    )
)
_CHANGE = Prepared(
    update(dag_file)
    .where(dag_file.c.id == bindparam("b_id"))
    .values(digest=bindparam("b_digest"), due_at=bindparam("b_now"), priority=SAVED, losses=0)
)
_REMOVE = Prepared(delete(dag_file).where(dag_file.c.id == bindparam("b_id")))
_DUE = Prepared(
    select(
        dag_file.c.id,
        dag_file.c.epoch,
        dag_file.c.path,
        bundle.c.name,
        bundle.c.root,
        bundle.c.dags_folder,
        bundle.c.digest,
        exists().where(import_error.c.file_id == dag_file.c.id).label("had_fault"),
    )
    .join(bundle, bundle.c.name == dag_file.c.bundle)
    .where(dag_file.c.due_at <= bindparam("b_now"), dag_file.c.claimed_by.is_(None))
    .order_by(dag_file.c.priority.desc(), dag_file.c.due_at, dag_file.c.id)
    .limit(bindparam("b_limit"))
    .with_for_update(of=dag_file, skip_locked=True)
)
# due_at becomes null: whatever touches the file while it is parsed makes it due again afterwards.
_CLAIM = Prepared(
    update(dag_file)
    .where(dag_file.c.id == bindparam("b_id"))
    .values(
        claimed_by=bindparam("b_worker"),
        claim_seq=bindparam("b_seq"),
        claimed_at=bindparam("b_now"),
        epoch=dag_file.c.epoch + 1,
        due_at=None,
        priority=0,
    )
)
_CLAIMED = Prepared(
    select(dag_file).where(
        dag_file.c.id == bindparam("b_id"),
        dag_file.c.epoch == bindparam("b_epoch"),
        dag_file.c.claimed_by.is_not(None),
    )
)
_DONE = Prepared(
    update(dag_file)
    .where(dag_file.c.id == bindparam("b_id"))
    .values(
        claimed_by=None,
        claim_seq=None,
        claimed_at=None,
        losses=0,
        parsed_at=bindparam("b_now"),
        seconds=bindparam("b_seconds"),
        fork_unsafe=bindparam("b_unsafe"),
        due_at=bindparam("b_due"),
    )
)
_HELD = Prepared(
    select(
        dag_file.c.id, dag_file.c.claim_seq, dag_file.c.losses, dag_file.c.bundle, dag_file.c.path
    ).where(dag_file.c.claimed_by == bindparam("b_worker"))
)
_COUNT_HELD = Prepared(select(func.count()).where(dag_file.c.claimed_by == bindparam("b_worker")))
_RETURN = Prepared(
    update(dag_file)
    .where(dag_file.c.id == bindparam("b_id"))
    .values(
        claimed_by=None,
        claim_seq=None,
        claimed_at=None,
        losses=bindparam("b_losses"),
        due_at=bindparam("b_due"),
        priority=case((bindparam("b_losses") > 0, 0), else_=SAVED),
    )
)
_BRING_FORWARD = Prepared(
    update(dag_file)
    .where(
        dag_file.c.due_at > bindparam("b_until", type_=dag_file.c.due_at.type),
        dag_file.c.claimed_by.is_(None),
    )
    .values(due_at=bindparam("b_until"))
)
_NEXT_DUE = Prepared(select(func.min(dag_file.c.due_at)).where(dag_file.c.claimed_by.is_(None)))
_FORGIVE = Prepared(delete(import_error).where(import_error.c.file_id == bindparam("b_id")))


def apply_discovery(tx: Tx, name: str, manifest: Manifest, now: datetime) -> Discovery:
    """Write what a bundle holds now.

    New and changed Dag files, and those whose import read something that changed, are due at once.
    Those that are gone lose their import errors, and their Dags turn stale.
    """
    touched = _apply_content(tx, name, manifest, now)
    there = {row.path: row for row in _DAG_FILES.rows(tx, {"b_bundle": name})}
    gone = [row for path, row in there.items() if path not in manifest.dag_files]
    new = sorted(manifest.dag_files - there.keys())
    changed = [
        row
        for path, row in there.items()
        if path in manifest.dag_files and row.digest != manifest.files[path]
    ]
    stale: list[str] = []
    for row in gone:
        _REMOVE.run(tx, {"b_id": row.id})
        stale += expire_dags_of(tx, name, row.path)
    for row in changed:
        digest = manifest.files[row.path]
        _CHANGE.run(tx, {"b_id": row.id, "b_digest": digest, "b_now": now})
    for path in new:
        digest = manifest.files[path]
        values = {"bundle": name, "path": path, "digest": digest, "due_at": now, "priority": SAVED}
        tx.execute(insert(dag_file), values)
    if touched:
        touch_importers(tx, name, touched, now)
    touch_refused(tx, stale, now)
    drop_asset_uses(tx, stale)
    if _IS_PINNED.value(tx, {"b_bundle": name}):
        _MOVE_ALONG.run(tx, {"b_bundle": name, "b_digest": manifest.digest, "b_now": now})
    _REFRESH.run(tx, {"b_bundle": name, "b_digest": manifest.digest, "b_now": now})
    return Discovery(due=len(new) + len(changed), stale=tuple(stale))


def claim_parse_jobs(
    tx: Tx, worker_id: str, claim_seq: int, limit: int, now: datetime, policy: ParsePolicy
) -> list[ParseOrder]:
    """Take due files for a worker, those somebody waits for first, each under a new epoch."""
    orders = []
    for row in _DUE.rows(tx, {"b_now": now, "b_limit": limit}):
        _CLAIM.run(tx, {"b_id": row.id, "b_worker": worker_id, "b_seq": claim_seq, "b_now": now})
        orders.append(
            ParseOrder(
                job_id=row.id,
                epoch=row.epoch + 1,
                bundle=BundleRef(
                    name=row.name, root=row.root, dags_folder=row.dags_folder, digest=row.digest
                ),
                file=row.path,
                timeout_seconds=policy.timeout_seconds,
                memory_mb=policy.memory_mb,
                had_fault=bool(row.had_fault),
            )
        )
    return orders


def apply_parse_report(
    tx: Tx, report: ParseReport, now: datetime, policy: ParsePolicy
) -> list[str]:
    """Write what a file holds, once per claim.

    A report of a claim that is over, or of a file that is gone, changes nothing.

    Returns:
        The Dags that are new, changed, back, or left the file.
    """
    found = {"b_id": report.job_id, "b_epoch": report.epoch}
    row = _CLAIMED.row(tx, found)
    if row is None:
        return []
    result = apply_parsed_dags(
        tx, row.bundle, row.path, report, now, paused=policy.paused_at_creation
    )
    refused = result.refused
    apply_asset_uses(tx, [dag for dag in report.dags if dag.dag_id not in refused], now)
    drop_asset_uses(tx, result.expired)
    write_closure(tx, row.id, row.bundle, row.generation, report.closure)
    _FORGIVE.run(tx, {"b_id": row.id})
    for fault in report.faults:
        # A broken plugin is told of once, whichever of the bundle's files was parsed first.
        if fault.file == row.path or not has_import_error(tx, row.bundle, fault.file):
            _insert_fault(tx, row.id, row.bundle, fault, now)
    for dag_id, fault in result.refused.items():
        _insert_fault(tx, row.id, row.bundle, fault, now, dag_id)
    due = row.due_at or now + timedelta(seconds=policy.reparse_seconds)
    if is_closure_changed_since(tx, row.id, row.bundle, row.claimed_at):
        due = now
    elif row.due_at is None:
        # The bundle may have moved on meanwhile, but not in anything that this file read.
        _NOW_IN.run(tx, {"b_bundle": row.bundle, "b_path": row.path})
    _DONE.run(
        tx,
        {
            "b_id": row.id,
            "b_now": now,
            "b_seconds": report.seconds,
            "b_unsafe": report.fork_unsafe,
            "b_due": due,
        },
    )
    touch_refused(tx, result.expired, now)
    return list(result.changed)


def return_parse_jobs(
    tx: Tx,
    worker_id: str,
    keep: Collection[int],
    now: datetime,
    *,
    open_seqs: Collection[int] = (),
    before_seq: int | None = None,
    lost: bool = False,
) -> int:
    """Give back the files this worker will not report on; answers how many.

    Args:
        keep: Job ids it still holds.
        open_seqs: Requests whose answers it has not read yet: what these claimed stays with it.
        before_seq: What this request or a later one claimed stays with it too.
        lost: The worker died. A file that was with it counts the loss, waits longer after each,
            and shows an import error from the third on.
    """
    returned = 0
    for row in _HELD.rows(tx, {"b_worker": worker_id}):
        if row.id in keep or row.claim_seq in open_seqs:
            continue
        if before_seq is not None and row.claim_seq >= before_seq:
            continue
        losses = row.losses + 1 if lost else row.losses
        pause = _pause_after(losses) if lost else timedelta()
        _RETURN.run(tx, {"b_id": row.id, "b_losses": losses, "b_due": now + pause})
        if lost and losses >= _LOSSES_TO_TELL:
            _FORGIVE.run(tx, {"b_id": row.id})
            message = f"{losses} workers in a row were lost while they imported this file."
            _insert_fault(tx, row.id, row.bundle, ImportFault(file=row.path, message=message), now)
        returned += 1
    return returned


def count_claimed(tx: Tx, worker_id: str) -> int:
    """Answer how many files a worker parses now."""
    return int(_COUNT_HELD.value(tx, {"b_worker": worker_id}))


def is_claimed(tx: Tx, job_id: int, epoch: int) -> bool:
    """Tell whether this claim of a file stands."""
    return _CLAIMED.row(tx, {"b_id": job_id, "b_epoch": epoch}) is not None


def last_parsed_at(tx: Tx) -> datetime | None:
    """Answer when a Dag file was last parsed."""
    found: datetime | None = tx.execute(select(func.max(dag_file.c.parsed_at))).scalar_one()
    return found


def touch_file(tx: Tx, name: str, path: str, now: datetime) -> bool:
    """Have a Dag file parsed now, before all others; False when there is none of that path."""
    facts = read_file(tx, name, path)
    if facts is not None:
        hasten(tx, [facts.id], now, ASKED)
    return facts is not None


def read_file(tx: Tx, name: str, path: str) -> FileFacts | None:
    """Answer the Dag file at this path of a bundle."""
    row = _READ.record(tx, {"b_bundle": name, "b_path": path})
    return None if row is None else FileFacts(**row)


def list_files(tx: Tx) -> list[FileFacts]:
    """Answer all Dag files by bundle and path."""
    return [FileFacts(**row) for row in tx.execute(_LIST).mappings()]


def bring_forward(tx: Tx, until: datetime) -> None:
    """Let no file wait for its next parse longer than until then: the clock may have been set."""
    _BRING_FORWARD.run(tx, {"b_until": until})


def next_parse_due(tx: Tx) -> datetime | None:
    """Answer when the first of the files nobody parses now is due."""
    due: datetime | None = _NEXT_DUE.value(tx)
    return due


def _apply_content(tx: Tx, name: str, manifest: Manifest, now: datetime) -> list[str]:
    """Bring the bundle's list of files up to date; answers the paths that differ."""
    there = {row.path: row.digest for row in _CONTENT.rows(tx, {"b_bundle": name})}
    new = [path for path in manifest.files if path not in there]
    gone = [path for path in there if path not in manifest.files]
    changed = [path for path, digest in manifest.files.items() if there.get(path, digest) != digest]
    if new:
        rows = [
            {"bundle": name, "path": path, "digest": manifest.files[path], "changed_at": now}
            for path in new
        ]
        tx.execute(insert(bundle_file), rows)
    for path in changed:
        found = {"b_bundle": name, "b_path": path, "b_now": now}
        _REPLACE.run(tx, {**found, "b_digest": manifest.files[path]})
    for path in gone:
        _LEAVE.run(tx, {"b_bundle": name, "b_path": path})
    return new + gone + changed


def _pause_after(losses: int) -> timedelta:
    if losses <= 1:
        return timedelta()
    doublings = min(losses - 2, 10)
    return min(_FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)


def _insert_fault(
    tx: Tx, file_id: int, name: str, fault: ImportFault, now: datetime, dag_id: str | None = None
) -> None:
    tx.execute(
        insert(import_error),
        {
            "file_id": file_id,
            "dag_id": dag_id,
            "bundle": name,
            "file": fault.file,
            "line": fault.line,
            "message": fault.message,
            "stacktrace": fault.traceback,
            "at": now,
        },
    )
