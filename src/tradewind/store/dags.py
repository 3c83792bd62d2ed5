"""Dags and their versions: read, paused, planned, deleted. Parse reports write them (``files``)."""

import fnmatch
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, delete, func, select, update

from tradewind.core.spec import DagSpec, ParamSpec
from tradewind.core.timetables.values import Jitter, RunInfo, Timetable
from tradewind.errors import ConflictError, NotFoundError, UsageError, did_you_mean
from tradewind.store.data_tables import forecast
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared, Record
from tradewind.store.tables import (
    attempt,
    backfill,
    callback,
    dag,
    dag_version,
    event,
    run,
    task_instance,
)


class DagHead(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a spec that lists of Dags show; quick to decode, as it skips the tasks."""

    timezone: str = "UTC"
    timetable: Timetable | None = None
    jitter: Jitter | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    catchup: bool = False
    max_consecutive_failed_dag_runs: int = 0
    dagrun_timeout_seconds: float | None = None
    allowed_run_types: tuple[str, ...] | None = None
    params: dict[str, ParamSpec] = {}
    description: str | None = None
    doc_md: str | None = None
    display_name: str | None = None
    owner_links: dict[str, str] = {}
    callbacks: tuple[str, ...] = ()
    render_template_as_native_obj: bool = False
    is_paused_upon_creation: bool | None = None
    warnings: tuple[str, ...] = ()


# Made at import, by one thread: a type's parts are looked up at its first use, which is not safe
# where two requests do so at once.
_SPEC = msgspec.json.Decoder(DagSpec)
_HEAD = msgspec.json.Decoder(DagHead)


class PlannerMarks(msgspec.Struct, frozen=True, kw_only=True):
    """What the planner keeps of a Dag between two looks at it."""

    next_run: RunInfo | None = None
    next_due_at: datetime | None = None
    declared_after: datetime | None = None
    last_automated: RunInfo | None = None


class DagFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A Dag as its row tells it."""

    dag_id: str
    bundle: str
    file: str
    digest: str
    """Of its bundle, in whose bytes it was last parsed."""
    is_paused: bool
    pause_reason: str | None = None
    """Why it is paused, where no person wanted it."""
    is_stale: bool
    """Its file holds it no longer; its history stays, nothing is scheduled."""
    has_import_errors: bool
    """Its file cannot be imported now; nothing new is scheduled until it can."""
    version_id: int
    spec_json: bytes
    max_active_runs: int
    max_active_tasks: int
    timetable_summary: str | None
    owners: tuple[str, ...]
    tags: tuple[str, ...]
    marks: PlannerMarks
    created_at: datetime
    parsed_at: datetime

    def decode_spec(self) -> DagSpec:
        """Answer the whole spec; its cost grows with the number of tasks."""
        return _SPEC.decode(self.spec_json)

    def decode_head(self) -> DagHead:
        """Answer the part of the spec that lists of Dags show."""
        return _HEAD.decode(self.spec_json)


class VersionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a Dag's structure."""

    id: int
    dag_id: str
    number: int
    bundle: str
    digest: str
    """Of the bundle, when this version was first parsed."""
    source_digest: str = ""
    """Of its Dag file, when this version was last parsed."""
    created_at: datetime


class DagFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which Dags are wanted; None or empty: no matter."""

    dag_ids: tuple[str, ...] = ()
    id_pattern: str | None = None
    """Part of the id, or with ``*`` or ``?`` or ``%`` the whole of it; case does not matter."""
    is_paused: bool | None = None
    is_stale: bool | None = False
    has_import_errors: bool | None = None
    bundle: str | None = None
    tags: tuple[str, ...] = ()
    all_tags: bool = False
    """Whether a Dag must have all of the tags, or one of them."""
    owners: tuple[str, ...] = ()


class DagPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of Dags, and how many there are on all pages."""

    total: int
    dags: tuple[DagFacts, ...]


ORDERS = ("dag_id", "is_paused", "parsed_at", "next_due_at", "created_at")
"""What Dags can be sorted by."""

_BATCH = 500
_READ = Prepared(select(dag).where(dag.c.dag_id == bindparam("b_id")))
_SOME = Prepared(select(dag).where(dag.c.dag_id.in_(bindparam("b_ids", expanding=True))))
_IDS = select(dag.c.dag_id).order_by(dag.c.dag_id)
_PAUSED = Prepared(_IDS.where(dag.c.is_paused))
_PAUSE = Prepared(
    update(dag)
    .where(dag.c.dag_id == bindparam("b_id"), dag.c.is_paused.is_not(bindparam("b_paused")))
    .values(is_paused=bindparam("b_paused"), pause_reason=bindparam("b_why"))
)
# What was to come next is not: ticks passed while it was paused.
_LOOK = Prepared(
    update(dag)
    .where(dag.c.dag_id == bindparam("b_id"))
    .values(next_due_at=bindparam("b_now"), next_run=None)
)
PLANNED = (
    dag.c.next_due_at.is_not(None),
    dag.c.is_paused.is_(False),
    dag.c.is_stale.is_(False),
    dag.c.has_import_errors.is_(False),
)
"""What a Dag's row says while the planner has to do with it."""
_DUE = Prepared(
    select(dag)
    .where(dag.c.next_due_at <= bindparam("b_now"), *PLANNED)
    .order_by(dag.c.next_due_at, dag.c.dag_id)
    .limit(bindparam("b_limit"))
)
_NEXT_DUE = Prepared(select(func.min(dag.c.next_due_at)).where(*PLANNED))
_WAKE_PLANNED = Prepared(update(dag).where(*PLANNED).values(next_due_at=bindparam("b_now")))
_SET_MARKS = Prepared(
    update(dag)
    .where(dag.c.dag_id == bindparam("b_id"))
    .values(
        next_run=bindparam("b_next_run"),
        next_due_at=bindparam("b_next_due_at"),
        declared_after=bindparam("b_declared_after"),
        last_automated=bindparam("b_last_automated"),
    )
)
_VERSION_FACTS = select(*(dag_version.c[name] for name in VersionFacts.__struct_fields__))
_VERSION = Prepared(_VERSION_FACTS.where(dag_version.c.id == bindparam("b_id")))
_VERSIONS = Prepared(
    _VERSION_FACTS.where(dag_version.c.dag_id == bindparam("b_id")).order_by(
        dag_version.c.number.desc()
    )
)
_SOURCES = select(dag_version.c.source_digest).distinct()
_HELD_DAGS = Prepared(
    update(dag)
    .where(
        dag.c.dag_id.in_(bindparam("b_ids", expanding=True)),
        dag.c.next_due_at.is_(None),
        dag.c.next_run.is_not(None),
    )
    .values(next_due_at=bindparam("b_now"))
)
_SPEC_OF = Prepared(select(dag_version.c.spec).where(dag_version.c.id == bindparam("b_id")))

_RUNS = select(run.c.id).where(run.c.dag_id == bindparam("b_id"))
_LIVE = Prepared(
    select(func.count())
    .select_from(attempt)
    .join(task_instance, task_instance.c.id == attempt.c.ti_id)
    .where(attempt.c.state == "running", task_instance.c.dag_id == bindparam("b_id"))
)
_DELETE = (
    delete(event).where(event.c.run_pk.in_(_RUNS)),
    # Task instances, attempts and XComs go with their run, a backfill's dates with the backfill.
    delete(run).where(run.c.dag_id == bindparam("b_id")),
    delete(backfill).where(backfill.c.dag_id == bindparam("b_id")),
    delete(dag_version).where(dag_version.c.dag_id == bindparam("b_id")),
    delete(callback).where(callback.c.dag_id == bindparam("b_id")),
    delete(forecast).where(forecast.c.dag_id == bindparam("b_id")),
    delete(dag).where(dag.c.dag_id == bindparam("b_id")),
)


def read_dag(tx: Tx, dag_id: str) -> DagFacts:
    """Answer the Dag of that id, stale or not.

    Raises:
        NotFoundError: There is none; the hint names the nearest id.
    """
    row = _READ.record(tx, {"b_id": dag_id})
    if row is None:
        raise no_dag(tx, dag_id)
    return _facts(row)


def find_dag(tx: Tx, dag_id: str) -> DagFacts | None:
    """Answer the Dag of that id, or None."""
    row = _READ.record(tx, {"b_id": dag_id})
    return None if row is None else _facts(row)


def read_dags(tx: Tx, dag_ids: Collection[str]) -> dict[str, DagFacts]:
    """Answer those of these Dags that there are, by id."""
    ids = list(dag_ids)
    found = {}
    for start in range(0, len(ids), _BATCH):
        batch = {"b_ids": ids[start : start + _BATCH]}
        found.update({row["dag_id"]: _facts(row) for row in _SOME.records(tx, batch)})
    return found


def read_dag_ids(tx: Tx) -> list[str]:
    """Answer the ids of all Dags in order, stale ones too."""
    return list(tx.execute(_IDS).scalars())


def read_paused_ids(tx: Tx) -> list[str]:
    """Answer the ids of the Dags that are paused, in order."""
    return list(_PAUSED.column(tx))


def no_dag(tx: Tx, dag_id: str) -> NotFoundError:
    """Answer the refusal for a Dag that is not there, with the nearest id there is."""
    return NotFoundError(
        "dag-not-found",
        f"There is no Dag '{dag_id}'.",
        did_you_mean(dag_id, read_dag_ids(tx)),
    )


def list_dags(
    tx: Tx,
    wanted: DagFilter = DagFilter(),  # noqa: B008 - frozen
    *,
    order_by: str = "dag_id",
    limit: int | None = None,
    offset: int = 0,
) -> DagPage:
    """Answer a page of Dags.

    Args:
        order_by: One of ``ORDERS``, after a ``-`` to turn it round. Ties go by id.

    Raises:
        UsageError: Dags cannot be sorted by that.
    """
    if not (wanted.id_pattern or wanted.tags or wanted.owners):
        # No row but those of the page need be looked into: clients page through all of them.
        total = tx.execute(_matching(select(func.count()).select_from(dag), wanted)).scalar_one()
        query = _matching(select(dag.c.dag_id), wanted).order_by(*_order(order_by))
        page = list(tx.execute(query.limit(limit).offset(offset)).scalars())
    else:
        query = _matching(select(dag.c.dag_id, dag.c.tags, dag.c.owners), wanted)
        rows = tx.execute(query.order_by(*_order(order_by))).all()
        ids = [row.dag_id for row in rows if _is_labelled(row, wanted)]
        page = ids[offset:] if limit is None else ids[offset : offset + limit]
        total = len(ids)
    found = read_dags(tx, page)
    return DagPage(total=total, dags=tuple(found[dag_id] for dag_id in page))


def set_paused(
    tx: Tx, dag_ids: Iterable[str], paused: bool, now: datetime, why: str = ""
) -> list[str]:
    """Pause Dags, or let them go on; a Dag that goes on is planned anew at once.

    Args:
        tx: The transaction.
        dag_ids: The Dags.
        paused: Whether they are to be paused.
        now: The present moment.
        why: Why, where it is not a person who wants it.

    Returns:
        Those that were not so before.
    """
    changed = []
    for dag_id in dag_ids:
        if _PAUSE.run(tx, {"b_id": dag_id, "b_paused": paused, "b_why": why or None}) == 0:
            continue
        changed.append(dag_id)
        if not paused:
            _LOOK.run(tx, {"b_id": dag_id, "b_now": now})
    return changed


def delete_dag(tx: Tx, dag_id: str) -> None:
    """Delete a Dag and all that is known of it. Its file brings it back when it is parsed again.

    Raises:
        NotFoundError: There is none of that id.
        ConflictError: A task of it runs now.
    """
    read_dag(tx, dag_id)
    live = _LIVE.value(tx, {"b_id": dag_id})
    if live:
        raise ConflictError(
            "dag-has-running-tasks",
            f"Dag '{dag_id}' cannot be deleted while {live} of its tasks run.",
            "Wait for them, or mark their runs as failed.",
        )
    for statement in _DELETE:
        tx.execute(statement, {"b_id": dag_id})


def read_due_dags(tx: Tx, now: datetime, limit: int) -> list[DagFacts]:
    """Answer Dags the planner must look at, longest due first: no paused, stale or broken ones."""
    return [_facts(row) for row in _DUE.records(tx, {"b_now": now, "b_limit": limit})]


def next_dag_due(tx: Tx) -> datetime | None:
    """Answer when the planner must look at the first Dag."""
    due: datetime | None = _NEXT_DUE.value(tx)
    return due


def set_next(tx: Tx, dag_id: str, marks: PlannerMarks) -> None:
    """Write all the planner's marks of a Dag."""
    values = {f"b_{name}": value for name, value in msgspec.structs.asdict(marks).items()}
    _SET_MARKS.run(tx, {"b_id": dag_id, **values})


def look_at(tx: Tx, dag_id: str, now: datetime) -> None:
    """Have the planner look at a Dag at once, and decide anew what comes next."""
    _LOOK.run(tx, {"b_id": dag_id, "b_now": now})


def wake_planned(tx: Tx, now: datetime) -> None:
    """Have the planner look at every Dag that it would look at some time: the clock was set."""
    _WAKE_PLANNED.run(tx, {"b_now": now})


def wake_held(tx: Tx, dag_ids: Collection[str], now: datetime) -> bool:
    """Have the planner look at those of these Dags whose due tick was held back by active runs.

    Returns:
        Whether there was one.
    """
    return _HELD_DAGS.run(tx, {"b_ids": sorted(dag_ids), "b_now": now}) > 0


def read_spec_of_version(tx: Tx, version_id: int) -> DagSpec:
    """Answer the spec of a Dag version.

    Raises:
        NotFoundError: There is no such version; its Dag was deleted.
    """
    return _SPEC.decode(read_version_bytes(tx, version_id))


def read_version_bytes(tx: Tx, version_id: int) -> bytes:
    """Answer the spec of a Dag version as stored: equal bytes, equal spec.

    Raises:
        NotFoundError: There is no such version; its Dag was deleted.
    """
    raw = _SPEC_OF.value(tx, {"b_id": version_id})
    if raw is None:
        raise NotFoundError("dag-version-not-found", f"There is no Dag version {version_id}.")
    return bytes(raw)


def read_version(tx: Tx, version_id: int) -> VersionFacts | None:
    """Answer a Dag version by its id."""
    row = _VERSION.record(tx, {"b_id": version_id})
    return None if row is None else VersionFacts(**row)


def read_source_digests(tx: Tx) -> set[str]:
    """Answer the digests of all Dag files that a version was parsed from."""
    return set(tx.execute(_SOURCES).scalars())


def list_versions(tx: Tx, dag_id: str) -> list[VersionFacts]:
    """Answer the versions of a Dag, the newest first."""
    return [VersionFacts(**row) for row in _VERSIONS.records(tx, {"b_id": dag_id})]


def _facts(row: Record) -> DagFacts:
    fields = dict(row)
    marks = PlannerMarks(
        next_run=msgspec.convert(fields.pop("next_run"), RunInfo | None),
        next_due_at=fields.pop("next_due_at"),
        declared_after=fields.pop("declared_after"),
        last_automated=msgspec.convert(fields.pop("last_automated"), RunInfo | None),
    )
    fields["owners"] = tuple(fields["owners"])
    fields["tags"] = tuple(fields["tags"])
    return DagFacts(marks=marks, spec_json=fields.pop("spec"), **fields)


def _matching(query: Select[Any], wanted: DagFilter) -> Select[Any]:
    equal = {
        dag.c.is_paused: wanted.is_paused,
        dag.c.is_stale: wanted.is_stale,
        dag.c.has_import_errors: wanted.has_import_errors,
        dag.c.bundle: wanted.bundle,
    }
    for column, value in equal.items():
        if value is not None:
            query = query.where(column == value)
    if wanted.dag_ids:
        query = query.where(dag.c.dag_id.in_(wanted.dag_ids))
    return query


def _is_labelled(row: Any, wanted: DagFilter) -> bool:
    """Tell whether id, tags and owners match: what databases compare each in a way of its own."""
    if wanted.id_pattern and not _is_like(row.dag_id, wanted.id_pattern):
        return False
    has = [tag in row.tags for tag in wanted.tags]
    if has and not (all(has) if wanted.all_tags else any(has)):
        return False
    return not wanted.owners or any(owner in row.owners for owner in wanted.owners)


def _is_like(dag_id: str, pattern: str) -> bool:
    glob = pattern.lower().replace("%", "*")
    if not set(glob) & set("*?"):
        return glob in dag_id.lower()
    return fnmatch.fnmatchcase(dag_id.lower(), glob.replace("[", "[[]"))


def _order(order_by: str) -> list[Any]:
    name = order_by.removeprefix("-")
    if name not in ORDERS:
        raise UsageError(
            "bad-order", f"Dags cannot be sorted by '{name}'.", did_you_mean(name, ORDERS)
        )
    column = dag.c[name]
    return [column.desc() if order_by.startswith("-") else column.asc(), dag.c.dag_id]
