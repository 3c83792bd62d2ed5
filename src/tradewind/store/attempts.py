"""Attempt rows: one leg of one try, held by one worker under one epoch."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, insert, select, update

from tradewind.core.states import LegState
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared, Record
from tradewind.store.tables import attempt, task_instance


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt as its row tells it, with what its task instance says of it."""

    id: int
    ti_id: int
    run_pk: int
    task_id: str
    map_path: str
    map_index: int
    try_number: int
    leg: int
    epoch: int
    worker_id: str
    claim_seq: int
    state: LegState
    token_hash: bytes | None
    log_path: str
    claimed_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None
    cancel_reason: str | None


class NewAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """A claim to be written."""

    ti_id: int
    try_number: int
    leg: int
    epoch: int
    worker_id: str
    claim_seq: int
    token: str
    log_path: str


class LegEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a live leg ends."""

    attempt_id: int
    state: LegState
    ended_at: datetime
    started_at: datetime | None = None
    error: str = ""


def hash_token(token: str) -> bytes:
    """Answer what is stored of an attempt's secret."""
    return hashlib.sha256(token.encode()).digest()


_SELECT = select(
    attempt,
    task_instance.c.run_pk,
    task_instance.c.task_id,
    task_instance.c.map_path,
    task_instance.c.map_index,
).join(task_instance, task_instance.c.id == attempt.c.ti_id)
_BY_IDS = Prepared(_SELECT.where(attempt.c.id.in_(bindparam("b_ids", expanding=True))))
_LIVE_OF_WORKER = Prepared(
    _SELECT.where(attempt.c.worker_id == bindparam("b_worker"), attempt.c.state == "running")
)
_LIVE_OF_TIS = Prepared(
    _SELECT.where(
        attempt.c.ti_id.in_(bindparam("b_tis", expanding=True)), attempt.c.state == "running"
    )
)
_OF_TI = Prepared(_SELECT.where(attempt.c.ti_id == bindparam("b_ti")).order_by(attempt.c.id))
_COUNT_LIVE = Prepared(
    select(func.count()).where(
        attempt.c.worker_id == bindparam("b_worker"), attempt.c.state == "running"
    )
)
_RUNS_WITH_LIVE = Prepared(
    select(task_instance.c.run_pk)
    .distinct()
    .join(attempt, attempt.c.ti_id == task_instance.c.id)
    .where(attempt.c.state == "running", task_instance.c.dag_id == bindparam("b_dag"))
)
_ENDING = Prepared(
    select(attempt.c.ti_id)
    .join(task_instance, task_instance.c.id == attempt.c.ti_id)
    .where(attempt.c.state == "running", task_instance.c.state.not_in(["running", "restarting"]))
)
_COUNT_LIVE_OF_RUN = Prepared(
    select(func.count())
    .select_from(attempt)
    .join(task_instance, task_instance.c.id == attempt.c.ti_id)
    .where(attempt.c.state == "running", task_instance.c.run_pk == bindparam("b_run"))
)
_RESCHEDULES = Prepared(
    select(attempt.c.ti_id, attempt.c.try_number, func.count().label("number"))
    .where(
        attempt.c.ti_id.in_(bindparam("b_tis", expanding=True)), attempt.c.state == "rescheduled"
    )
    .group_by(attempt.c.ti_id, attempt.c.try_number)
)
_END = Prepared(
    update(attempt)
    .where(attempt.c.id == bindparam("b_id"), attempt.c.state == "running")
    .values(
        state=bindparam("b_state"),
        started_at=bindparam("b_started"),
        ended_at=bindparam("b_ended"),
        error=bindparam("b_error"),
        token_hash=None,
    )
)
_CANCEL = Prepared(
    update(attempt)
    .where(attempt.c.id == bindparam("b_id"), attempt.c.state == "running")
    .values(cancel_reason=bindparam("b_reason"))
)
_INSERT = Prepared(
    insert(attempt).returning(attempt.c.id),
    [*NewAttempt.__struct_fields__[:-2], "state", "token_hash", "log_path", "claimed_at"],
)


def _attempt(row: Record) -> Attempt:
    row["state"] = LegState(row["state"])
    return Attempt(**row)


def read_attempts(tx: Tx, ids: Sequence[int]) -> dict[int, Attempt]:
    """Answer the attempts of these ids that exist."""
    rows = _BY_IDS.records(tx, {"b_ids": list(ids)})
    return {row["id"]: _attempt(row) for row in rows}


def read_live_attempts(tx: Tx, worker_id: str) -> list[Attempt]:
    """Answer the attempts a worker holds, as far as the rows know."""
    return [_attempt(row) for row in _LIVE_OF_WORKER.records(tx, {"b_worker": worker_id})]


def read_live_attempts_of(tx: Tx, ti_ids: Sequence[int]) -> list[Attempt]:
    """Answer the live attempts of these task instances."""
    return [_attempt(row) for row in _LIVE_OF_TIS.records(tx, {"b_tis": list(ti_ids)})]


def count_live_attempts(tx: Tx, worker_id: str) -> int:
    """Answer how many attempts a worker holds."""
    return int(_COUNT_LIVE.value(tx, {"b_worker": worker_id}))


def read_runs_with_live_attempts(tx: Tx, dag_id: str) -> set[int]:
    """Answer keys of a Dag's runs that have live attempts, those being ended too."""
    return set(_RUNS_WITH_LIVE.column(tx, {"b_dag": dag_id}))


def read_ending(tx: Tx) -> list[int]:
    """Answer the instances that have moved on while an attempt of them is still being ended."""
    return list(_ENDING.column(tx))


def count_live_attempts_of_run(tx: Tx, run_pk: int) -> int:
    """Answer how many attempts of a run's instances live."""
    return int(_COUNT_LIVE_OF_RUN.value(tx, {"b_run": run_pk}))


def read_attempts_of(tx: Tx, ti_id: int) -> list[Attempt]:
    """Answer all attempts of a task instance, the oldest first."""
    return [_attempt(row) for row in _OF_TI.records(tx, {"b_ti": ti_id})]


def count_reschedules(tx: Tx, tries: Mapping[int, int]) -> dict[int, int]:
    """Answer how often the present try of each of these instances was rescheduled.

    Args:
        tries: Task instance -> its present try.
    """
    found: dict[int, int] = {}
    for row in _RESCHEDULES.rows(tx, {"b_tis": list(tries)}):
        if row.try_number == tries[row.ti_id]:
            found[row.ti_id] = row.number
    return found


def insert_attempts(tx: Tx, new: Sequence[NewAttempt], now: datetime) -> list[int]:
    """Write claims; answer their ids in the same order.

    Raises:
        IntegrityError: A task instance has a live attempt already (``uq_attempt_live``), or this
            leg was given before: the caller decided on stale rows.
    """
    rows: list[dict[str, Any]] = [
        {
            "ti_id": one.ti_id,
            "try_number": one.try_number,
            "leg": one.leg,
            "epoch": one.epoch,
            "worker_id": one.worker_id,
            "claim_seq": one.claim_seq,
            "state": "running",
            "token_hash": hash_token(one.token),
            "log_path": one.log_path,
            "claimed_at": now,
        }
        for one in new
    ]
    return [_INSERT.value(tx, row) for row in rows]


def end_legs(tx: Tx, ends: Iterable[LegEnd]) -> None:
    """Close live legs for good; a leg that is closed already stays as it is."""
    rows = [
        {
            "b_id": end.attempt_id,
            "b_state": end.state.value,
            "b_started": end.started_at,
            "b_ended": end.ended_at,
            "b_error": end.error or None,
        }
        for end in ends
    ]
    if rows:
        _END.run_many(tx, rows)


def apply_cancels(tx: Tx, reasons: dict[int, str]) -> None:
    """Note on live attempts that they are to be ended, and why; their worker is told of it."""
    if reasons:
        _CANCEL.run_many(tx, [{"b_id": k, "b_reason": why} for k, why in reasons.items()])
