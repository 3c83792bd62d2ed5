"""Task instance rows: one per task, run and map path."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import bindparam, func, insert, select, update

from tradewind.core.states import TaskState
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared, Record
from tradewind.store.tables import run, task_instance


class TaskInstance(msgspec.Struct, kw_only=True):
    """A task instance as its row tells it.

    Its owner changes it in memory while it decides and writes it back at the end of the
    transaction; what its task says (pool, queue, priority) stays as it was when the run was made.
    """

    id: int = 0
    run_pk: int
    dag_id: str
    task_id: str
    map_path: str
    map_index: int
    pool: str
    pool_slots: int
    queue: str
    priority_weight: int
    operator: str
    state: TaskState = TaskState.NONE
    try_number: int = 0
    max_tries: int = 0
    leg: int = 0
    """Legs given in this try."""
    epoch: int = 0
    """Grows with every claim."""
    wake_at: datetime | None = None
    scheduled_at: datetime | None = None
    queued_at: datetime | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    hostname: str | None = None
    pid: int | None = None
    map_label: str | None = None
    """What it is shown by, in place of its index."""
    skips: tuple[str, ...] | None = None
    """Tasks that this branch chose to skip."""


_CHANGING = (
    "map_path",
    "map_index",
    "state",
    "try_number",
    "max_tries",
    "leg",
    "epoch",
    "wake_at",
    "scheduled_at",
    "queued_at",
    "start_date",
    "end_date",
    "hostname",
    "pid",
    "skips",
    "map_label",
)
_SELECT = select(task_instance)
_OF_RUN = Prepared(
    _SELECT.where(task_instance.c.run_pk == bindparam("b_run")).order_by(task_instance.c.id)
)
_GIVEN = [name for name in TaskInstance.__struct_fields__ if name != "id"]
_INSERT = Prepared(insert(task_instance).returning(task_instance.c.id), _GIVEN)
_INSERT_MANY = Prepared(insert(task_instance), _GIVEN)
_OF_RUNNING = Prepared(
    _SELECT.where(
        task_instance.c.run_pk.in_(select(run.c.id).where(run.c.state == "running"))
    ).order_by(task_instance.c.run_pk, task_instance.c.id)
)
_UPDATE = Prepared(
    update(task_instance)
    .where(task_instance.c.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}") for name in _CHANGING})
)
_ALIVE_RUNS = Prepared(
    select(task_instance.c.run_pk)
    .distinct()
    .where(task_instance.c.state.in_(["scheduled", "queued", "running", "restarting"]))
)
_DUE = Prepared(
    select(task_instance.c.run_pk, task_instance.c.task_id, task_instance.c.map_path).where(
        task_instance.c.wake_at.is_not(None), task_instance.c.wake_at <= bindparam("b_now")
    )
)
_ONE = Prepared(
    _SELECT.join(run, run.c.id == task_instance.c.run_pk)
    .where(
        run.c.dag_id == bindparam("b_dag"),
        run.c.run_id == bindparam("b_run"),
        task_instance.c.task_id == bindparam("b_task"),
    )
    .order_by(task_instance.c.map_index)
)


_AT = Prepared(
    _SELECT.where(
        task_instance.c.run_pk == bindparam("b_run"),
        task_instance.c.task_id == bindparam("b_task"),
        task_instance.c.map_path.in_([bindparam("b_path"), "0"]),
    ).order_by(task_instance.c.map_path == "0")
)


def _instance(row: Record) -> TaskInstance:
    row["state"] = TaskState(row["state"])
    return TaskInstance(**row)


def insert_instances(tx: Tx, new: Sequence[TaskInstance]) -> None:
    """Write new instances and tell each its id."""
    for one in new:
        one.id = _INSERT.value(tx, msgspec.structs.asdict(one))


def insert_many(tx: Tx, new: Sequence[TaskInstance]) -> None:
    """Write new instances that nobody holds in memory: they are not told their ids."""
    if new:
        _INSERT_MANY.run_many(tx, [msgspec.structs.asdict(one) for one in new])


def apply_changes(tx: Tx, changed: Iterable[TaskInstance]) -> None:
    """Write what became of instances."""
    rows = [
        {"b_id": one.id, **{f"b_{name}": getattr(one, name) for name in _CHANGING}}
        for one in changed
    ]
    if rows:
        _UPDATE.run_many(tx, rows)


def read_instances(tx: Tx, run_pk: int) -> list[TaskInstance]:
    """Answer all instances of a run, in the order they came to be."""
    return [_instance(row) for row in _OF_RUN.records(tx, {"b_run": run_pk})]


def read_instances_of_running(tx: Tx) -> dict[int, list[TaskInstance]]:
    """Answer all instances of each run that runs, in the order they came to be."""
    found: dict[int, list[TaskInstance]] = {}
    for row in _OF_RUNNING.records(tx):
        found.setdefault(row["run_pk"], []).append(_instance(row))
    return found


def read_instance(tx: Tx, run_pk: int, task_id: str, map_path: str) -> TaskInstance | None:
    """Answer an instance of a run; of a task that was mapped since, the first."""
    found = _AT.records(tx, {"b_run": run_pk, "b_task": task_id, "b_path": map_path})
    return _instance(found[0]) if found else None


def read_instances_of_task(tx: Tx, dag_id: str, run_id: str, task_id: str) -> list[TaskInstance]:
    """Answer the instances of one task of a run, by map index."""
    rows = _ONE.records(tx, {"b_dag": dag_id, "b_run": run_id, "b_task": task_id})
    return [_instance(row) for row in rows]


def list_instances(
    tx: Tx,
    *,
    dag_id: str | None = None,
    run_id: str | None = None,
    states: Sequence[str] = (),
    limit: int = 100,
    offset: int = 0,
) -> tuple[list[tuple[str, TaskInstance]], int]:
    """Answer (run id, instance) of those that pass the filters, in order, and their number."""
    query = select(run.c.run_id, task_instance).join(run, run.c.id == task_instance.c.run_pk)
    query = query.where(run.c.dag_id != "")
    if dag_id is not None:
        query = query.where(task_instance.c.dag_id == dag_id)
    if run_id is not None:
        query = query.where(run.c.run_id == run_id)
    if states:
        query = query.where(task_instance.c.state.in_(states))
    total = int(tx.execute(select(func.count()).select_from(query.subquery())).scalar_one())
    page = query.order_by(task_instance.c.run_pk.desc(), task_instance.c.id)
    rows = tx.execute(page.limit(limit).offset(offset)).mappings()
    found = []
    for row in rows:
        values = {**row}
        of_run = values.pop("run_id")
        found.append((of_run, _instance(values)))
    return found, total


def read_runs_with_life(tx: Tx) -> list[int]:
    """Answer keys of the runs that have instances waiting for admission or holding slots."""
    return list(_ALIVE_RUNS.column(tx))


def read_due(tx: Tx, now: datetime) -> list[tuple[int, str, str]]:
    """Answer (run, task id, map path) of the instances whose ``wake_at`` has come."""
    return [(row[0], row[1], row[2]) for row in _DUE.rows(tx, {"b_now": now})]
