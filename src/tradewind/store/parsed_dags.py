"""What a parse report says of Dags, written: new ones, new versions, changes in place, departures.

When runs of a Dag are due is the planner's business: here it is only told to look again.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, insert, select, update

from tradewind.core.spec import DagSpec, structure_hash
from tradewind.core.timetables import Jitter, Timetable, needs_worker
from tradewind.protocol.reports import ImportFault, ParseReport
from tradewind.store.dags import wake_held
from tradewind.store.database import Tx
from tradewind.store.file_tables import bundle, bundle_file
from tradewind.store.prepared import Prepared
from tradewind.store.tables import dag, dag_version, run


class ParsedDags(msgspec.Struct, frozen=True, kw_only=True):
    """What a report changed."""

    changed: tuple[str, ...] = ()
    """Dags that are new, changed, back, broken, or gone from the file."""
    expired: tuple[str, ...] = ()
    """Those of them that left the file: their ids are free."""
    refused: dict[str, ImportFault] = {}
    """Dags that were not taken, as another file holds their id."""


class _Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a spec that decides when runs are due."""

    timetable: Timetable | None = None
    jitter: Jitter | None = None
    catchup: bool = False
    start_date: datetime | None = None
    end_date: datetime | None = None
    schedule_text: str | None = None


_KNOWN = Prepared(
    select(
        dag.c.dag_id,
        dag.c.bundle,
        dag.c.file,
        dag.c.is_stale,
        dag.c.has_import_errors,
        dag.c.spec,
        dag.c.max_active_runs,
        dag.c.version_id,
        dag_version.c.number,
        dag_version.c.structure_hash,
        dag_version.c.source_digest,
    )
    .join(dag_version, dag_version.c.id == dag.c.version_id)
    .where(dag.c.dag_id.in_(bindparam("b_ids", expanding=True)))
)
_OF_FILE = Prepared(
    select(dag.c.dag_id, dag.c.has_import_errors).where(
        dag.c.bundle == bindparam("b_bundle"),
        dag.c.file == bindparam("b_file"),
        dag.c.is_stale.is_(False),
    )
)
_BUNDLE_DIGEST = Prepared(select(bundle.c.digest).where(bundle.c.name == bindparam("b_bundle")))
_FILE_DIGEST = Prepared(
    select(bundle_file.c.digest).where(
        bundle_file.c.bundle == bindparam("b_bundle"), bundle_file.c.path == bindparam("b_file")
    )
)
_INSERT_VERSION = Prepared(
    insert(dag_version).returning(dag_version.c.id),
    [column.name for column in dag_version.c if column.name != "id"],
)
_SEEN = Prepared(
    update(dag)
    .where(dag.c.dag_id == bindparam("b_id"))
    .values(parsed_at=bindparam("b_now"), digest=bindparam("b_digest"))
)
_CHANGE = Prepared(
    update(dag)
    .where(dag.c.dag_id == bindparam("b_id"))
    .values(
        bundle=bindparam("b_bundle"),
        file=bindparam("b_file"),
        digest=bindparam("b_digest"),
        is_stale=False,
        has_import_errors=False,
        version_id=bindparam("b_version"),
        spec=bindparam("b_spec"),
        max_active_runs=bindparam("b_runs"),
        max_active_tasks=bindparam("b_tasks"),
        timetable_summary=bindparam("b_summary"),
        owners=bindparam("b_owners"),
        tags=bindparam("b_tags"),
        parsed_at=bindparam("b_now"),
    )
)
# What was to come next is not: another schedule is another run.
_LOOK = Prepared(
    update(dag)
    .where(dag.c.dag_id == bindparam("b_id"))
    .values(next_due_at=bindparam("b_now"), next_run=None)
)
_CHANGE_VERSION = Prepared(
    update(dag_version)
    .where(dag_version.c.id == bindparam("b_id"))
    .values(spec=bindparam("b_spec"), source_digest=bindparam("b_source"))
)
_IS_RUN = Prepared(
    select(run.c.id)
    .where(run.c.dag_id == bindparam("b_dag"), run.c.version_id == bindparam("b_id"))
    .limit(1)
)
_REPLACE_VERSION = Prepared(
    update(dag_version)
    .where(dag_version.c.id == bindparam("b_id"))
    .values(
        structure_hash=bindparam("b_hash"),
        spec=bindparam("b_spec"),
        bundle=bindparam("b_bundle"),
        digest=bindparam("b_digest"),
        source_digest=bindparam("b_source"),
        created_at=bindparam("b_now"),
    )
)
_EXPIRE = Prepared(update(dag).where(dag.c.dag_id == bindparam("b_id")).values(is_stale=True))
_BREAK = Prepared(
    update(dag).where(dag.c.dag_id == bindparam("b_id")).values(has_import_errors=True)
)


def apply_parsed_dags(
    tx: Tx, name: str, path: str, report: ParseReport, now: datetime, *, paused: bool
) -> ParsedDags:
    """Write the Dags of one file as just parsed.

    A Dag that the file holds no longer turns stale; while the file has faults it is only marked as
    broken, as nobody can tell whether it is gone.

    Args:
        paused: Whether a new Dag is paused that does not say so itself.
    """
    file = _File(tx, name, path, now, paused, report.digest)
    specs = {spec.dag_id: spec for spec in report.dags}
    known = {row.dag_id: row for row in _KNOWN.rows(tx, {"b_ids": list(specs)})}
    refused: dict[str, ImportFault] = {}
    changed: list[str] = []
    for dag_id, spec in specs.items():
        old = known.get(dag_id)
        if old is None:
            file.insert_dag(spec)
            changed.append(dag_id)
        elif not old.is_stale and (old.bundle, old.file) != (name, path):
            refused[dag_id] = ImportFault(file=path, message=_duplicate(dag_id, name, path, old))
        elif file.update_dag(spec, old):
            changed.append(dag_id)
    missing = [
        row
        for row in _OF_FILE.rows(tx, {"b_bundle": name, "b_file": path})
        if row.dag_id not in specs
    ]
    # What is wrong with a plugin says nothing of the file's Dags.
    if any(fault.file == path for fault in report.faults):
        for row in missing:
            _BREAK.run(tx, {"b_id": row.dag_id})
        broken = [row.dag_id for row in missing if not row.has_import_errors]
        return ParsedDags(changed=(*changed, *broken), refused=refused)
    expired = tuple(row.dag_id for row in missing)
    for dag_id in expired:
        _EXPIRE.run(tx, {"b_id": dag_id})
    return ParsedDags(changed=(*changed, *expired), expired=expired, refused=refused)


def expire_dags_of(tx: Tx, name: str, path: str) -> list[str]:
    """Turn the Dags of a file that is gone stale; answers their ids."""
    ids = [row.dag_id for row in _OF_FILE.rows(tx, {"b_bundle": name, "b_file": path})]
    for dag_id in ids:
        _EXPIRE.run(tx, {"b_id": dag_id})
    return ids


def _duplicate(dag_id: str, name: str, path: str, old: Any) -> str:
    there, here = old.file, path
    if old.bundle != name:
        there, here = f"{old.file} of bundle '{old.bundle}'", f"{path} of bundle '{name}'"
    return f"Dag '{dag_id}' is defined in {there} already; the one in {here} is ignored."


class _File:
    """The file whose Dags are being written."""

    def __init__(
        self, tx: Tx, bundle_name: str, path: str, now: datetime, paused: bool, digest: str
    ) -> None:
        self._tx = tx
        self._bundle = bundle_name
        self._path = path
        self._now = now
        self._paused = paused
        known = {"b_bundle": bundle_name, "b_file": path}
        self._digest = digest or _BUNDLE_DIGEST.value(tx, known) or ""
        self._source = _FILE_DIGEST.value(tx, known) or ""

    def insert_dag(self, spec: DagSpec) -> None:
        """Write a Dag nobody knew, with its first version."""
        raw = msgspec.json.encode(spec)
        version_id = self._insert_version(spec, structure_hash(spec), raw, 1)
        paused = spec.is_paused_upon_creation
        self._tx.execute(
            insert(dag),
            {
                "dag_id": spec.dag_id,
                "bundle": self._bundle,
                "file": self._path,
                "digest": self._digest,
                "is_paused": self._paused if paused is None else paused,
                "version_id": version_id,
                "spec": raw,
                "max_active_runs": spec.max_active_runs,
                "max_active_tasks": spec.max_active_tasks,
                "timetable_summary": spec.schedule_text,
                "owners": spec.owners,
                "tags": spec.tags,
                "next_due_at": self._now,
                "created_at": self._now,
                "parsed_at": self._now,
            },
        )

    def update_dag(self, spec: DagSpec, old: Any) -> bool:
        """Bring a known Dag up to date; False when nothing but the time of parsing changed."""
        raw = msgspec.json.encode(spec)
        was_away = old.is_stale or old.has_import_errors
        if raw == old.spec and not was_away:
            seen = {"b_id": spec.dag_id, "b_now": self._now, "b_digest": self._digest}
            _SEEN.run(self._tx, seen)
            self._renew_version(old, raw)
            return False
        version_id = old.version_id
        new_hash = structure_hash(spec)
        if new_hash != old.structure_hash:
            version_id = self._change_structure(spec, new_hash, raw, old)
        else:
            self._renew_version(old, raw)
        _CHANGE.run(
            self._tx,
            {
                "b_id": spec.dag_id,
                "b_bundle": self._bundle,
                "b_file": self._path,
                "b_digest": self._digest,
                "b_version": version_id,
                "b_spec": raw,
                "b_runs": spec.max_active_runs,
                "b_tasks": spec.max_active_tasks,
                "b_summary": spec.schedule_text,
                "b_owners": spec.owners,
                "b_tags": spec.tags,
                "b_now": self._now,
            },
        )
        if was_away or needs_worker(spec.timetable) or _schedule(raw) != _schedule(old.spec):
            _LOOK.run(self._tx, {"b_id": spec.dag_id, "b_now": self._now})
        elif spec.max_active_runs > old.max_active_runs:
            wake_held(self._tx, [spec.dag_id], self._now)
        return True

    def _change_structure(self, spec: DagSpec, identity: str, raw: bytes, old: Any) -> int:
        """Make a new version, or the latest anew as long as nothing ever ran under it."""
        found = {"b_id": old.version_id, "b_dag": spec.dag_id}
        if _IS_RUN.value(self._tx, found) is not None:
            return self._insert_version(spec, identity, raw, old.number + 1)
        _REPLACE_VERSION.run(
            self._tx,
            {
                "b_id": old.version_id,
                "b_hash": identity,
                "b_spec": raw,
                "b_bundle": self._bundle,
                "b_digest": self._digest,
                "b_source": self._source,
                "b_now": self._now,
            },
        )
        return int(old.version_id)

    def _renew_version(self, old: Any, raw: bytes) -> None:
        """Bring a version up to date in what may change without another one."""
        if (raw, self._source) != (old.spec, old.source_digest):
            values = {"b_id": old.version_id, "b_spec": raw, "b_source": self._source}
            _CHANGE_VERSION.run(self._tx, values)

    def _insert_version(self, spec: DagSpec, identity: str, raw: bytes, number: int) -> int:
        version_id = _INSERT_VERSION.value(
            self._tx,
            {
                "dag_id": spec.dag_id,
                "number": number,
                "structure_hash": identity,
                "spec": raw,
                "bundle": self._bundle,
                "digest": self._digest,
                "source_digest": self._source,
                "created_at": self._now,
            },
        )
        return int(version_id)


def _schedule(raw: bytes) -> _Schedule:
    return msgspec.json.decode(raw, type=_Schedule)
