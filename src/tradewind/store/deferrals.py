"""Deferral rows: what deferred task instances wait for, who runs their trigger, what it said.

One row an instance, written with the end of the leg that deferred and gone with the end of the leg
that goes on. Arguments and events are encrypted at rest: triggers are often made from secrets.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update

from tradewind.protocol.leaving import Deferral, Resume
from tradewind.protocol.triggers import Fired
from tradewind.store.attempts import hash_token
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared, Record
from tradewind.store.secrets import Vault
from tradewind.store.tables import deferral, task_instance


class Waiter(msgspec.Struct, frozen=True, kw_only=True):
    """A task instance that defers now."""

    ti_id: int
    run_pk: int
    try_number: int
    queue: str
    attempt_id: int = 0
    """The leg that ended deferred; 0 when the task begins with its trigger."""


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """A deferral as its row tells it, its arguments left out."""

    id: int
    ti_id: int
    run_pk: int
    task_id: str
    map_path: str
    try_number: int
    attempt_id: int
    classpath: str
    queue: str
    timeout_at: datetime | None
    claimed_by: str | None
    claim_seq: int | None
    epoch: int
    token_hash: bytes | None
    blocked: str | None
    fired_at: datetime | None


_COLUMNS = [deferral.c[n] for n in Wait.__struct_fields__ if n not in ("task_id", "map_path")]
_SELECT = select(*_COLUMNS, task_instance.c.task_id, task_instance.c.map_path).join(
    task_instance, task_instance.c.id == deferral.c.ti_id
)
_BY_IDS = Prepared(_SELECT.where(deferral.c.id.in_(bindparam("b_ids", expanding=True))))
_OF_TIS = Prepared(_SELECT.where(deferral.c.ti_id.in_(bindparam("b_tis", expanding=True))))
_HELD = Prepared(
    select(deferral.c.id, deferral.c.claim_seq).where(
        deferral.c.claimed_by == bindparam("b_worker")
    )
)
_EXISTING = Prepared(
    select(deferral.c.id).where(deferral.c.id.in_(bindparam("b_ids", expanding=True)))
)
_FREE = Prepared(
    select(deferral.c.id, deferral.c.ti_id, deferral.c.epoch, deferral.c.kwargs)
    .where(
        deferral.c.claimed_by.is_(None),
        deferral.c.fired_at.is_(None),
        deferral.c.queue.in_(bindparam("b_queues", expanding=True)),
    )
    .order_by(deferral.c.id)
    .limit(bindparam("b_limit"))
    .with_for_update(of=deferral, skip_locked=True)
)
_IS_OPEN = (deferral.c.fired_at.is_(None),)
_CLAIM = Prepared(
    update(deferral)
    .where(deferral.c.id == bindparam("b_id"), deferral.c.claimed_by.is_(None), *_IS_OPEN)
    .values(
        claimed_by=bindparam("b_worker"),
        claim_seq=bindparam("b_seq"),
        claimed_at=bindparam("b_now"),
        token_hash=bindparam("b_token"),
        epoch=deferral.c.epoch + 1,
    )
)
_FREED = {"claimed_by": None, "claim_seq": None, "claimed_at": None, "token_hash": None}
_RETURN = Prepared(
    update(deferral)
    .where(deferral.c.id.in_(bindparam("b_ids", expanding=True)))
    .values(**_FREED, blocked=None)
)
_FIRE = Prepared(
    update(deferral)
    .where(
        deferral.c.id == bindparam("b_id"),
        deferral.c.epoch == bindparam("b_epoch"),
        deferral.c.claimed_by == bindparam("b_worker"),
        *_IS_OPEN,
    )
    .values(
        **_FREED,
        blocked=None,
        fired_at=bindparam("b_now"),
        event=bindparam("b_event"),
        failure=bindparam("b_failure"),
        detail=bindparam("b_detail"),
    )
)
_TIME_OUT = Prepared(
    update(deferral)
    .where(deferral.c.id == bindparam("b_id"), *_IS_OPEN)
    .values(**_FREED, blocked=None, fired_at=bindparam("b_now"), failure="timeout", event=None)
)
_BLOCK = Prepared(
    update(deferral)
    .where(deferral.c.id == bindparam("b_id"), deferral.c.claimed_by == bindparam("b_worker"))
    .values(blocked=bindparam("b_blocked"))
)
_RESUMES = Prepared(
    select(deferral).where(
        deferral.c.ti_id.in_(bindparam("b_tis", expanding=True)),
        deferral.c.fired_at.is_not(None),
    )
)
_DROP = Prepared(delete(deferral).where(deferral.c.ti_id.in_(bindparam("b_tis", expanding=True))))
_COUNT_FREE = Prepared(
    select(func.count()).where(deferral.c.claimed_by.is_(None), deferral.c.fired_at.is_(None))
)
_INSERT = insert(deferral)


def _wait(row: Record) -> Wait:
    return Wait(**row)


def insert_deferral(tx: Tx, vault: Vault, waiter: Waiter, wait: Deferral, now: datetime) -> None:
    """Write what an instance waits for; what it waited for before is gone."""
    _DROP.run(tx, {"b_tis": [waiter.ti_id]})
    tx.execute(
        _INSERT,
        {
            **msgspec.structs.asdict(waiter),
            "classpath": wait.classpath,
            "kwargs": vault.encrypt(wait.kwargs.decode()),
            "method_name": wait.method_name,
            "method_kwargs": vault.encrypt(wait.method_kwargs.decode()),
            "timeout_at": wait.timeout_at,
            "created_at": now,
        },
    )


def read_waits(tx: Tx, ids: Collection[int]) -> dict[int, Wait]:
    """Answer the deferrals of these ids that there are still."""
    if not ids:
        return {}
    return {row["id"]: _wait(row) for row in _BY_IDS.records(tx, {"b_ids": list(ids)})}


def read_waits_of(tx: Tx, ti_ids: Collection[int]) -> list[Wait]:
    """Answer the deferrals of these task instances."""
    return [_wait(row) for row in _OF_TIS.records(tx, {"b_tis": list(ti_ids)})] if ti_ids else []


def read_held_waits(tx: Tx, worker_id: str) -> dict[int, int]:
    """Answer the deferrals whose triggers a worker runs, with the request that claimed each."""
    return {row.id: row.claim_seq for row in _HELD.rows(tx, {"b_worker": worker_id})}


def read_existing_waits(tx: Tx, ids: Collection[int]) -> set[int]:
    """Answer which of these deferrals there are, whoever runs them."""
    return set(_EXISTING.column(tx, {"b_ids": list(ids)})) if ids else set()


def claim_waits(
    tx: Tx,
    vault: Vault,
    worker_id: str,
    seq: int,
    queues: Sequence[str],
    limit: int,
    now: datetime,
    tokens: Sequence[str],
) -> dict[int, tuple[str, bytes]]:
    """Take triggers that nobody runs, the oldest first; answer id -> (token, arguments)."""
    found = _FREE.rows(tx, {"b_queues": list(queues), "b_limit": limit})
    claimed: dict[int, tuple[str, bytes]] = {}
    for row, token in zip(found, tokens, strict=False):
        values = {"b_id": row.id, "b_worker": worker_id, "b_seq": seq, "b_now": now}
        if _CLAIM.run(tx, {**values, "b_token": hash_token(token)}):
            claimed[row.id] = token, vault.decrypt(row.kwargs).encode()
    return claimed


def return_waits(tx: Tx, ids: Collection[int]) -> None:
    """Give triggers back that their worker does not run: another may."""
    if ids:
        _RETURN.run(tx, {"b_ids": list(ids)})


def apply_fired(tx: Tx, vault: Vault, worker_id: str, fired: Fired, now: datetime) -> bool:
    """Write what a trigger said, once; False when somebody else has it, or it has spoken."""
    values: dict[str, Any] = {
        "b_id": fired.trigger_id,
        "b_epoch": fired.epoch,
        "b_worker": worker_id,
        "b_now": now,
        "b_event": None if fired.event is None else vault.encrypt(fired.event.decode()),
        "b_failure": None if fired.event is not None else "failure",
        "b_detail": vault.encrypt(fired.detail or fired.error) if fired.event is None else None,
    }
    return _FIRE.run(tx, values) == 1


def apply_timeout(tx: Tx, wait_id: int, now: datetime) -> bool:
    """Write that a trigger took too long; False when it has spoken."""
    return _TIME_OUT.run(tx, {"b_id": wait_id, "b_now": now}) == 1


def apply_blocked(tx: Tx, worker_id: str, blocked: dict[int, str | None]) -> None:
    """Note which triggers of a worker hold up the others, and where; None: it does no more."""
    for wait_id, where in blocked.items():
        _BLOCK.run(tx, {"b_id": wait_id, "b_worker": worker_id, "b_blocked": where})


def read_resumes(tx: Tx, vault: Vault, tries: Mapping[int, int]) -> dict[int, Resume]:
    """Answer how these instances go on, by instance: those whose trigger has spoken.

    Args:
        tries: Task instance -> its present try.
    """
    found = {}
    for row in _RESUMES.rows(tx, {"b_tis": list(tries)}):
        if row.try_number != tries[row.ti_id]:
            continue
        found[row.ti_id] = Resume(
            method=row.method_name,
            kwargs=vault.decrypt(row.method_kwargs).encode(),
            event=None if row.event is None else vault.decrypt(row.event).encode(),
            failure=row.failure or "",
            detail="" if row.detail is None else vault.decrypt(row.detail),
        )
    return found


def drop_waits(tx: Tx, ti_ids: Collection[int]) -> None:
    """Remove what these instances waited for."""
    if ti_ids:
        _DROP.run(tx, {"b_tis": list(ti_ids)})


def count_unclaimed_waits(tx: Tx) -> int:
    """Answer how many triggers nobody runs."""
    return int(_COUNT_FREE.value(tx))
