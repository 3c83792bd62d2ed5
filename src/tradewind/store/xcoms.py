"""XComs: JSON that tasks leave for tasks, written with a finish or while the task runs."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, tuple_

from tradewind.core.runs import Run
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared, Record
from tradewind.store.tables import run, xcom


class XCom(msgspec.Struct, frozen=True, kw_only=True):
    """One XCom of one task instance."""

    run_pk: int
    task_id: str
    map_path: str
    map_index: int
    key: str
    value: bytes
    length: int | None
    at: datetime


_KEY = (xcom.c.run_pk, xcom.c.task_id, xcom.c.map_path, xcom.c.key)
_DROP = Prepared(
    delete(xcom).where(
        xcom.c.run_pk == bindparam("b_run"),
        xcom.c.task_id == bindparam("b_task"),
        xcom.c.map_path == bindparam("b_path"),
    )
)
_INSERT = Prepared(insert(xcom).prefix_with("OR REPLACE", dialect="sqlite"), XCom.__struct_fields__)
_ONE = Prepared(
    select(xcom.c.value)
    .join(run, run.c.id == xcom.c.run_pk)
    .where(
        run.c.dag_id == bindparam("b_dag"),
        run.c.run_id == bindparam("b_run"),
        xcom.c.task_id == bindparam("b_task"),
        xcom.c.key == bindparam("b_key"),
        xcom.c.map_index == bindparam("b_index"),
    )
)
_OF_KEY = (
    run.c.dag_id == bindparam("b_dag"),
    run.c.run_id == bindparam("b_run"),
    xcom.c.task_id == bindparam("b_task"),
    xcom.c.key == bindparam("b_key"),
    xcom.c.map_index > bindparam("b_after"),
)
_SIZES = Prepared(
    select(xcom.c.map_index, func.length(xcom.c.value))
    .join(run, run.c.id == xcom.c.run_pk)
    .where(*_OF_KEY)
    .order_by(xcom.c.map_index)
)
_MANY = Prepared(
    select(xcom.c.map_index, xcom.c.value)
    .join(run, run.c.id == xcom.c.run_pk)
    .where(*_OF_KEY, xcom.c.map_index <= bindparam("b_last"))
    .order_by(xcom.c.map_index)
)
_OF_TASK = Prepared(
    select(xcom)
    .where(
        xcom.c.run_pk == bindparam("b_run"),
        xcom.c.task_id == bindparam("b_task"),
        xcom.c.map_path == bindparam("b_path"),
    )
    .order_by(xcom.c.key)
)
_AT_ALL = Prepared(
    select(xcom.c.map_path, xcom.c.value).where(
        xcom.c.run_pk == bindparam("b_run"),
        xcom.c.task_id == bindparam("b_task"),
        xcom.c.key == bindparam("b_key"),
    )
)
_WITHIN = Prepared(
    select(xcom.c.map_path, xcom.c.value).where(
        xcom.c.run_pk == bindparam("b_run"),
        xcom.c.task_id == bindparam("b_task"),
        xcom.c.key == bindparam("b_key"),
        or_(
            xcom.c.map_path == bindparam("b_path"),
            and_(xcom.c.map_path > bindparam("b_from"), xcom.c.map_path < bindparam("b_to")),
        ),
    )
)
_LENGTHS = Prepared(
    select(xcom.c.task_id, xcom.c.map_path, xcom.c.key, xcom.c.length).where(
        xcom.c.run_pk == bindparam("b_run")
    )
)

_LENGTHS_OF_RUNNING = Prepared(
    select(xcom.c.run_pk, xcom.c.task_id, xcom.c.map_path, xcom.c.key, xcom.c.length).where(
        xcom.c.run_pk.in_(select(run.c.id).where(run.c.state == "running")),
    )
)


def apply_xcoms(tx: Tx, pushed: Iterable[XCom]) -> None:
    """Write XComs; of one key the last push stands."""
    last = {(one.run_pk, one.task_id, one.map_path, one.key): one for one in pushed}
    if not last:
        return
    if tx.dialect.name != "sqlite":
        tx.execute(delete(xcom).where(tuple_(*_KEY).in_(list(last))))
    _INSERT.run_many(tx, [msgspec.structs.asdict(one) for one in last.values()])


def drop_xcoms(tx: Tx, instances: Sequence[tuple[int, str, str]]) -> None:
    """Remove all XComs of these (run, task id, map path): they are about to run again."""
    if instances:
        _DROP.run_many(tx, [{"b_run": r, "b_task": t, "b_path": p} for r, t, p in instances])


def read_xcom(
    tx: Tx, dag_id: str, run_id: str, task_id: str, key: str, map_index: int
) -> bytes | None:
    """Answer one XCom's JSON, or None."""
    found = _ONE.value(
        tx,
        {"b_dag": dag_id, "b_run": run_id, "b_task": task_id, "b_key": key, "b_index": map_index},
    )
    return None if found is None else bytes(found)


def read_xcoms_of_key(
    tx: Tx, dag_id: str, run_id: str, task_id: str, key: str, *, after: int, most_bytes: int
) -> tuple[list[tuple[int, bytes]], bool]:
    """Answer (map index, JSON) of instances of a task that pushed this key, by index.

    Those after an index, as many as fit into a message, at least one; and whether there are more.
    """
    wanted = {"b_dag": dag_id, "b_run": run_id, "b_task": task_id, "b_key": key, "b_after": after}
    last, room, has_more = after, most_bytes, False
    for index, size in _SIZES.rows(tx, wanted):
        if size > room and last != after:
            has_more = True
            break
        last, room = index, room - size
    rows = _MANY.rows(tx, {**wanted, "b_last": last}) if last != after else []
    return [(row[0], bytes(row[1])) for row in rows], has_more


def read_xcoms_within(
    tx: Tx, run_pk: int, task_id: str, key: str, path: str
) -> list[tuple[str, bytes]]:
    """Answer (map path, JSON) of the instances of a task at or below a path, in no order."""
    values = {"b_run": run_pk, "b_task": task_id, "b_key": key}
    if not path:
        rows = _AT_ALL.rows(tx, values)
    else:
        # The digits of a path and its dots lie between these two.
        bounds = {"b_path": path, "b_from": f"{path}.", "b_to": f"{path}/"}
        rows = _WITHIN.rows(tx, {**values, **bounds})
    return [(row[0], bytes(row[1])) for row in rows]


def _xcom(row: Record) -> XCom:
    return XCom(**row)


def read_xcoms(tx: Tx, run_pk: int, task_id: str, map_path: str) -> list[XCom]:
    """Answer all XComs of one task instance, by key."""
    rows = _OF_TASK.records(tx, {"b_run": run_pk, "b_task": task_id, "b_path": map_path})
    return [_xcom(row) for row in rows]


def read_lengths_of_running(tx: Tx) -> dict[int, list[tuple[str, str, str, int | None]]]:
    """Answer what ``read_lengths`` does, for each run that runs."""
    found: dict[int, list[tuple[str, str, str, int | None]]] = {}
    for run_pk, *length in _LENGTHS_OF_RUNNING.rows(tx):
        found.setdefault(run_pk, []).append((length[0], length[1], length[2], length[3]))
    return found


def read_lengths(tx: Tx, run_pk: int) -> list[tuple[str, str, str, int | None]]:
    """Answer (task id, map path, key, items) of all XComs of a run: what a task may map over."""
    return [(r[0], r[1], r[2], r[3]) for r in _LENGTHS.rows(tx, {"b_run": run_pk})]


def read_prior_xcoms(
    tx: Tx, before: Run, task_id: str, key: str, map_index: int | None
) -> list[tuple[int, bytes]]:
    """Answer (map index, kept bytes) of the newest of the Dag's runs up to this that has any.

    Runs are in the order of their logical dates; without one, of ``run_after``.
    """
    order = func.coalesce(run.c.logical_date, run.c.run_after)
    wanted = [
        run.c.dag_id == before.dag_id,
        order <= (before.logical_date or before.run_after),
        xcom.c.task_id == task_id,
        xcom.c.key == key,
    ]
    if map_index is not None:
        wanted.append(xcom.c.map_index == map_index)
    joined = select(xcom.c.run_pk).join(run, run.c.id == xcom.c.run_pk).where(*wanted)
    # The run itself first: another of the same date must not hide what it has.
    newest = joined.order_by((run.c.id == before.pk).desc(), order.desc(), run.c.id.desc()).limit(1)
    rows = tx.execute(
        select(xcom.c.map_index, xcom.c.value)
        .join(run, run.c.id == xcom.c.run_pk)
        .where(xcom.c.run_pk == newest.scalar_subquery(), *wanted)
        .order_by(xcom.c.map_index)
    )
    return [(row[0], bytes(row[1])) for row in rows]


def delete_xcom(tx: Tx, run_pk: int, task_id: str, map_index: int, key: str) -> bool:
    """Remove one XCom; False where there was none."""
    done = tx.execute(
        delete(xcom).where(
            xcom.c.run_pk == run_pk,
            xcom.c.task_id == task_id,
            xcom.c.map_index == map_index,
            xcom.c.key == key,
        )
    )
    return bool(done.rowcount)
