"""What each Dag file's import read, and who is parsed again when one of those things changes."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from sqlalchemy import and_, bindparam, case, delete, func, insert, select, update

from tradewind.core.manifest import closure_digest
from tradewind.protocol.reports import Closure
from tradewind.store.database import Tx
from tradewind.store.file_tables import bundle_file, closure_entry, dag_file, import_error
from tradewind.store.prepared import Prepared

T = TypeVar("T")

SAVED = 1
"""Priority of files whose content changed, above those that are only due again."""
ASKED = 2
"""Priority of files that a person asked to have parsed now."""

_BATCH = 500
# A file that writes what it reads, another text each time, would be parsed in a loop without it.
_PAUSE = timedelta(seconds=5)

_READERS = (
    select(closure_entry.c.file_id)
    .where(
        closure_entry.c.kind == bindparam("b_kind"),
        closure_entry.c.name.in_(bindparam("b_names", expanding=True)),
    )
    .distinct()
)
_READERS_OF_FILES = Prepared(
    _READERS.join(dag_file, dag_file.c.id == closure_entry.c.file_id).where(
        dag_file.c.bundle == bindparam("b_bundle")
    )
)
_BROKEN = Prepared(
    select(import_error.c.file_id).where(import_error.c.bundle == bindparam("b_bundle")).distinct()
)
_REFUSED = Prepared(
    select(import_error.c.file_id)
    .where(import_error.c.dag_id.in_(bindparam("b_names", expanding=True)))
    .distinct()
)
_MOMENT = bindparam("b_now", type_=dag_file.c.due_at.type)
_HASTEN = Prepared(
    update(dag_file)
    .where(dag_file.c.id.in_(bindparam("b_ids", expanding=True)))
    .values(
        due_at=case(
            (and_(dag_file.c.due_at.is_not(None), dag_file.c.due_at < _MOMENT), dag_file.c.due_at),
            else_=_MOMENT,
        ),
        priority=case(
            (dag_file.c.priority > bindparam("b_priority"), dag_file.c.priority),
            else_=bindparam("b_priority"),
        ),
    )
)
_FILES = Prepared(
    select(dag_file.c.id, dag_file.c.bundle, dag_file.c.generation, dag_file.c.parsed_at).where(
        dag_file.c.id.in_(bindparam("b_ids", expanding=True))
    )
)
_KEY = Prepared(
    update(dag_file)
    .where(dag_file.c.id == bindparam("b_id"))
    .values(closure_digest=bindparam("b_digest"), generation=bindparam("b_generation"))
)
_ENTRIES = Prepared(
    select(closure_entry.c.kind, closure_entry.c.name).where(
        closure_entry.c.file_id == bindparam("b_id")
    )
)
_FORGET = Prepared(delete(closure_entry).where(closure_entry.c.file_id == bindparam("b_id")))
_DIGESTS = Prepared(
    select(closure_entry.c.name, bundle_file.c.digest)
    .outerjoin(
        bundle_file,
        and_(
            bundle_file.c.path == closure_entry.c.name,
            bundle_file.c.bundle == bindparam("b_bundle"),
        ),
    )
    .where(closure_entry.c.file_id == bindparam("b_id"), closure_entry.c.kind == "file")
)
_CHANGED_SINCE = Prepared(
    select(func.count())
    .select_from(closure_entry)
    .join(
        bundle_file,
        and_(
            bundle_file.c.path == closure_entry.c.name,
            bundle_file.c.bundle == bindparam("b_bundle"),
            bundle_file.c.changed_at > bindparam("b_since"),
        ),
    )
    .where(closure_entry.c.file_id == bindparam("b_id"), closure_entry.c.kind == "file")
)


def touch_readers(
    tx: Tx, kind: Literal["variable", "connection"], names: Iterable[str], now: datetime
) -> int:
    """Make every Dag file due whose import read one of these; answers how many there are.

    Processes kept warm with the old value are not used again from here on.
    """
    ids = [
        file_id
        for batch in _batches(names)
        for file_id in tx.execute(_READERS, {"b_kind": kind, "b_names": batch}).scalars()
    ]
    for batch in _batches(ids):
        for row in _FILES.rows(tx, {"b_ids": batch}):
            due = now if row.parsed_at is None else max(now, row.parsed_at + _PAUSE)
            hasten(tx, [row.id], due, SAVED)
            _write_key(tx, row.id, row.bundle, row.generation + 1)
    return len(ids)


def touch_importers(tx: Tx, bundle: str, paths: Iterable[str], now: datetime) -> None:
    """Make every Dag file of a bundle due whose import read one of these files of it.

    Files that could not be imported are due as well: what they missed may have come.
    """
    ids: set[int] = set(_BROKEN.column(tx, {"b_bundle": bundle}))
    for batch in _batches(paths):
        found = {"b_kind": "file", "b_names": batch, "b_bundle": bundle}
        readers = _READERS_OF_FILES.column(tx, found)
        ids.update(readers)
        for some in _batches(readers):
            for row in _FILES.rows(tx, {"b_ids": some}):
                _write_key(tx, row.id, bundle, row.generation)
    hasten(tx, sorted(ids), now, SAVED)


def touch_refused(tx: Tx, dag_ids: Iterable[str], now: datetime) -> None:
    """Make the files due whose Dags of these ids were refused, as the ids are free now."""
    for batch in _batches(dag_ids):
        hasten(tx, _REFUSED.column(tx, {"b_names": batch}), now, SAVED)


def hasten(tx: Tx, file_ids: Iterable[int], due_at: datetime, priority: int) -> None:
    """Make Dag files due at this moment at the latest, and at least this important."""
    for batch in _batches(file_ids):
        _HASTEN.run(tx, {"b_ids": batch, "b_now": due_at, "b_priority": priority})


def write_closure(tx: Tx, file_id: int, bundle: str, generation: int, closure: Closure) -> None:
    """Write what a file's import read, and the digest it is kept warm under."""
    wanted = {("file", name) for name in closure.files}
    wanted |= {("variable", name) for name in closure.variables}
    wanted |= {("connection", name) for name in closure.connections}
    there = {(row.kind, row.name) for row in _ENTRIES.rows(tx, {"b_id": file_id})}
    if wanted != there:
        _FORGET.run(tx, {"b_id": file_id})
        rows = [{"file_id": file_id, "kind": kind, "name": name} for kind, name in sorted(wanted)]
        if rows:
            tx.execute(insert(closure_entry), rows)
    _write_key(tx, file_id, bundle, generation)


def is_closure_changed_since(tx: Tx, file_id: int, bundle: str, since: datetime) -> bool:
    """Tell whether a file of the closure changed after this moment."""
    found = {"b_id": file_id, "b_bundle": bundle, "b_since": since}
    return bool(_CHANGED_SINCE.value(tx, found))


def _write_key(tx: Tx, file_id: int, bundle: str, generation: int) -> None:
    rows = _DIGESTS.rows(tx, {"b_id": file_id, "b_bundle": bundle})
    files = {row.name: row.digest for row in rows if row.digest is not None}
    digest = closure_digest(files, [row.name for row in rows], generation)
    _KEY.run(tx, {"b_id": file_id, "b_digest": digest, "b_generation": generation})


def _batches(items: Iterable[T]) -> list[list[T]]:
    listed = list(items)
    return [listed[start : start + _BATCH] for start in range(0, len(listed), _BATCH)]
