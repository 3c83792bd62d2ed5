"""Questions of tasks to people, and their answers; kept when they are answered."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, insert, select, update

from tradewind.protocol.leaving import InputRequest, Resume
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared
from tradewind.store.secrets import Vault
from tradewind.store.tables import human_input, run, task_instance


class HumanInput(msgspec.Struct, frozen=True, kw_only=True):
    """One question, as its row tells it."""

    id: int
    ti_id: int
    run_pk: int
    dag_id: str
    run_id: str
    task_id: str
    map_path: str
    map_index: int
    try_number: int
    subject: str
    body: str
    options: list[str]
    defaults: list[str] | None
    multiple: bool
    params: dict[str, Any]
    assigned_users: list[str]
    timeout_at: datetime | None
    created_at: datetime
    closed_at: datetime | None
    """When it was answered, timed out, or was no longer waited for."""
    responded_by: str | None
    """Who answered; None where nobody has."""
    chosen_options: list[str] | None
    params_input: dict[str, Any] | None
    failure: str | None
    """``timeout`` where nobody answered in time, ``dropped`` where the task was ended."""


_OWN = [n for n in HumanInput.__struct_fields__ if n in human_input.c]
_SELECT = (
    select(
        *(human_input.c[name] for name in _OWN),
        task_instance.c.dag_id,
        task_instance.c.task_id,
        task_instance.c.map_path,
        task_instance.c.map_index,
        run.c.run_id,
    )
    .join(task_instance, task_instance.c.id == human_input.c.ti_id)
    .join(run, run.c.id == human_input.c.run_pk)
)
_OPEN_OF_TIS = Prepared(
    _SELECT.where(
        human_input.c.ti_id.in_(bindparam("b_tis", expanding=True)),
        human_input.c.closed_at.is_(None),
    )
)
_CLOSE = Prepared(
    update(human_input)
    .where(human_input.c.id == bindparam("b_id"), human_input.c.closed_at.is_(None))
    .values(
        closed_at=bindparam("b_now"),
        responded_by=bindparam("b_user"),
        chosen_options=bindparam("b_chosen"),
        params_input=bindparam("b_params"),
        failure=bindparam("b_failure"),
    )
)
_RESUMES = Prepared(
    select(human_input)
    .where(
        human_input.c.ti_id.in_(bindparam("b_tis", expanding=True)),
        human_input.c.closed_at.is_not(None),
        human_input.c.method_name != "",
    )
    .order_by(human_input.c.id)
)
_CONSUME = Prepared(
    update(human_input)
    .where(human_input.c.ti_id.in_(bindparam("b_tis", expanding=True)))
    .values(method_name="")
)


def insert_input(
    tx: Tx,
    vault: Vault,
    place: tuple[int, int, int, int],
    asked: InputRequest,
    now: datetime,
) -> None:
    """Write a question.

    Args:
        place: Task instance, run, try and leg.
    """
    ti_id, run_pk, try_number, leg = place
    values = msgspec.structs.asdict(asked)
    values["method_kwargs"] = vault.encrypt(asked.method_kwargs.decode())
    values |= {"ti_id": ti_id, "run_pk": run_pk, "try_number": try_number, "leg": leg}
    tx.execute(insert(human_input), {**values, "created_at": now})


def read_open_inputs(tx: Tx, ti_ids: Collection[int]) -> list[HumanInput]:
    """Answer the questions of these instances that nobody has answered."""
    rows = _OPEN_OF_TIS.records(tx, {"b_tis": list(ti_ids)}) if ti_ids else []
    return [HumanInput(**row) for row in rows]


class InputFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which questions are asked for; None leaves a field open."""

    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int | None = None
    try_number: int | None = None
    is_open: bool | None = None
    """Whether an answer is still waited for."""


def list_inputs(
    tx: Tx, wish: InputFilter, *, limit: int = 100, offset: int = 0
) -> tuple[list[HumanInput], int]:
    """Answer questions that pass the filter, the newest first, and their number."""
    query = _SELECT
    for column, value in (
        (task_instance.c.dag_id, wish.dag_id),
        (run.c.run_id, wish.run_id),
        (task_instance.c.task_id, wish.task_id),
        (task_instance.c.map_index, wish.map_index),
        (human_input.c.try_number, wish.try_number),
    ):
        if value is not None:
            query = query.where(column == value)
    if wish.is_open is not None:
        closed = human_input.c.closed_at
        query = query.where(closed.is_(None) if wish.is_open else closed.is_not(None))
    total = int(tx.execute(select(func.count()).select_from(query.subquery())).scalar_one())
    page = query.order_by(human_input.c.id.desc()).limit(limit).offset(offset)
    return [HumanInput(**row) for row in tx.execute(page).mappings()], total


def close_input(
    tx: Tx,
    input_id: int,
    now: datetime,
    *,
    chosen: Sequence[str] | None = None,
    params: dict[str, Any] | None = None,
    user: str | None = None,
    failure: str | None = None,
) -> bool:
    """Write an answer, or that there will be none; False when it is closed already."""
    values = {"b_id": input_id, "b_now": now, "b_user": user, "b_params": params}
    chosen_list = None if chosen is None else list(chosen)
    return _CLOSE.run(tx, {**values, "b_chosen": chosen_list, "b_failure": failure}) == 1


def read_answers(tx: Tx, vault: Vault, tries: dict[int, int]) -> dict[int, Resume]:
    """Answer how these instances go on, by instance: those whose last question is closed.

    Args:
        tries: Task instance -> its present try.
    """
    found: dict[int, Resume] = {}
    for row in _RESUMES.rows(tx, {"b_tis": list(tries)}):
        if row.try_number == tries[row.ti_id]:
            found[row.ti_id] = Resume(
                method=row.method_name,
                is_answer=True,
                kwargs=vault.decrypt(row.method_kwargs).encode(),
                event=None if row.chosen_options is None else _event(row),
                failure=row.failure or "" if row.chosen_options is None else "",
            )
    return found


def forget_answers(tx: Tx, ti_ids: Collection[int]) -> None:
    """Note that these instances have gone on with their answers, or never will."""
    if ti_ids:
        _CONSUME.run(tx, {"b_tis": list(ti_ids)})


def _event(row: Any) -> bytes:
    name = row.responded_by
    user = None if name is None else {"id": name, "name": name}
    return msgspec.json.encode(
        {
            "chosen_options": row.chosen_options,
            "params_input": row.params_input or {},
            "responded_by_user": user,
            "responded_at": row.closed_at.isoformat(),
            "timedout": row.failure == "timeout",
        }
    )
