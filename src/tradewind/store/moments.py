"""When something is due next: one question for all that time alone sets going."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, bindparam, func, or_, select

from tradewind.store.dags import PLANNED
from tradewind.store.database import Tx
from tradewind.store.file_tables import dag_file
from tradewind.store.prepared import Prepared
from tradewind.store.tables import (
    attempt,
    callback,
    dag,
    deadline,
    run,
    task_instance,
    worker,
)


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """The earliest moment of each kind there is, whether it has come or not; None for none."""

    dag_due: datetime | None
    """A Dag is to be planned."""
    wake_at: datetime | None
    """An instance that waits for a moment may go on."""
    timeout_at: datetime | None
    """A run that runs is over its ``dagrun_timeout``."""
    lease_end: datetime | None
    """The lease of a live worker ends."""
    parse_due: datetime | None
    """A file nobody parses now is to be parsed."""
    callback_due: datetime | None
    """A callback nobody runs now is to be run."""
    deadline_due: datetime | None
    """A deadline is missed by what has not ended then."""
    queued_at: datetime | None
    """A queued run that was not due when this was asked comes due."""


def _earliest(moment: ColumnElement[datetime], *conditions: ColumnElement[bool]) -> Any:
    return select(func.min(moment)).where(*conditions).scalar_subquery()


_READ = Prepared(
    select(
        _earliest(dag.c.next_due_at, *PLANNED).label("dag_due"),
        _earliest(task_instance.c.wake_at, task_instance.c.wake_at.is_not(None)).label("wake_at"),
        _earliest(run.c.timeout_at, run.c.timeout_at.is_not(None)).label("timeout_at"),
        _earliest(worker.c.lease_until, worker.c.state == "live").label("lease_end"),
        _earliest(dag_file.c.due_at, dag_file.c.claimed_by.is_(None)).label("parse_due"),
        _earliest(callback.c.due_at, callback.c.due_at.is_not(None)).label("callback_due"),
        _earliest(deadline.c.due_at, deadline.c.state == "pending").label("deadline_due"),
        select(run.c.due_at)
        .join(dag, dag.c.dag_id == run.c.dag_id)
        .where(
            run.c.state == "queued",
            run.c.due_at > bindparam("b_now", type_=run.c.due_at.type),
            or_(~dag.c.is_paused, run.c.backfill_id.is_not(None)),
        )
        .order_by(run.c.due_at)
        .limit(1)
        .scalar_subquery()
        .label("queued_at"),
    )
)


_AHEAD = Prepared(
    select(task_instance.c.run_pk, task_instance.c.task_id, task_instance.c.map_path).where(
        task_instance.c.wake_at > bindparam("b_now", type_=task_instance.c.wake_at.type),
        select(attempt.c.id)
        .where(
            attempt.c.ti_id == task_instance.c.id,
            attempt.c.ended_at > bindparam("b_now", type_=attempt.c.ended_at.type),
        )
        .exists(),
    )
)


def read_waits_ahead(tx: Tx, now: datetime) -> list[tuple[int, str, str]]:
    """Answer (run, task id, map path) of the instances that began to wait after ``now``.

    That is so when the clock was set back: they would wait longer than they were to.
    """
    return [(row[0], row[1], row[2]) for row in _AHEAD.rows(tx, {"b_now": now})]


def read_moments(tx: Tx, now: datetime) -> Moments:
    """Answer the earliest moment of each kind; one look at an index for each."""
    return Moments(**_READ.records(tx, {"b_now": now})[0])
