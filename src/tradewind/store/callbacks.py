"""Callback rows: what user code is owed, who runs it, and whether it succeeded.

A row is written with what caused it, given out by ``claim_callbacks``, and comes back by
``apply_report``, or by ``return_callbacks`` where its worker will not report. Once it succeeded it
is never given out again.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update

from tradewind.protocol.callbacks import CallbackReport
from tradewind.store.database import Tx
from tradewind.store.prepared import Prepared, Record
from tradewind.store.tables import callback


class CallbackPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often and how long a callback is tried."""

    slots: int = 4
    """How many one worker runs at a time."""
    tries: int = 5
    first_pause: timedelta = timedelta(seconds=5)
    longest_pause: timedelta = timedelta(minutes=10)
    timeout_seconds: float = 300.0


class NewCallback(msgspec.Struct, frozen=True, kw_only=True):
    """A callback to be written."""

    callback_id: str
    run_pk: int | None = None
    """None where it is about a Dag: what its timetable is asked."""
    dag_id: str | None = None
    kind: str
    event: str = ""
    task_id: str | None = None
    map_path: str | None = None
    try_number: int | None = None
    deadline_id: int | None = None
    reason: str = ""
    error: str = ""
    question: bytes | None = None


class Callback(NewCallback, frozen=True, kw_only=True):
    """A callback as its row tells it."""

    id: int
    state: str
    """``pending``, ``running``, ``success`` or ``failed``: tried as often as is allowed."""
    due_at: datetime | None
    tries: int
    done: tuple[int, ...]
    said: str
    """What the last try that failed said."""
    answer: bytes | None
    claimed_by: str | None
    claim_seq: int | None
    epoch: int
    created_at: datetime
    ended_at: datetime | None


_INSERT = Prepared(
    insert(callback),
    [*NewCallback.__struct_fields__, "state", "due_at", "done", "said", "created_at"],
)
_COLUMNS = select(*(callback.c[name] for name in Callback.__struct_fields__))
_KNOWN = Prepared(select(callback.c.id).where(callback.c.callback_id == bindparam("b_key")))
_BY_ID = Prepared(_COLUMNS.where(callback.c.id == bindparam("b_id")))
_OF_RUN = Prepared(_COLUMNS.where(callback.c.run_pk == bindparam("b_run")).order_by(callback.c.id))
_DUE = Prepared(
    _COLUMNS.where(callback.c.due_at <= bindparam("b_now"))
    .order_by(callback.c.due_at, callback.c.id)
    .limit(bindparam("b_limit"))
    .with_for_update(skip_locked=True)
)
_CLAIM = Prepared(
    update(callback)
    .where(callback.c.id == bindparam("b_id"))
    .values(
        state="running",
        claimed_by=bindparam("b_worker"),
        claim_seq=bindparam("b_seq"),
        epoch=callback.c.epoch + 1,
        tries=callback.c.tries + 1,
        due_at=None,
    )
)
_LET_GO = Prepared(
    update(callback)
    .where(callback.c.id == bindparam("b_id"))
    .values(
        state=bindparam("b_state"),
        claimed_by=None,
        claim_seq=None,
        tries=bindparam("b_tries"),
        due_at=bindparam("b_due"),
        done=bindparam("b_done"),
        said=bindparam("b_said"),
        ended_at=bindparam("b_ended"),
    )
)
_ANSWER = Prepared(
    update(callback).where(callback.c.id == bindparam("b_id")).values(answer=bindparam("b_answer"))
)
_BY_KEY = Prepared(_COLUMNS.where(callback.c.callback_id == bindparam("b_key")))
_DELETE = Prepared(delete(callback).where(callback.c.id == bindparam("b_id")))
_FORGET = Prepared(
    delete(callback).where(
        callback.c.dag_id == bindparam("b_dag"),
        callback.c.created_at < bindparam("b_before"),
        callback.c.state != "running",
        callback.c.due_at.is_(None),
    )
)
_HELD = Prepared(_COLUMNS.where(callback.c.claimed_by == bindparam("b_worker")))
_COUNT_HELD = Prepared(select(func.count()).where(callback.c.claimed_by == bindparam("b_worker")))
_NEXT_DUE = Prepared(select(func.min(callback.c.due_at)).where(callback.c.due_at.is_not(None)))


def add_callback(tx: Tx, new: NewCallback, now: datetime) -> bool:
    """Owe a callback from now on; False when the very same one is owed, or was run, already."""
    if _KNOWN.value(tx, {"b_key": new.callback_id}) is not None:
        return False
    values = msgspec.structs.asdict(new)
    _INSERT.run(
        tx, {**values, "state": "pending", "due_at": now, "done": (), "said": "", "created_at": now}
    )
    return True


def claim_callbacks(
    tx: Tx, worker_id: str, claim_seq: int, limit: int, now: datetime
) -> list[Callback]:
    """Take callbacks that are due for a worker, each under a new epoch; they are as claimed."""
    taken = []
    for record in _DUE.records(tx, {"b_now": now, "b_limit": limit}):
        one = _callback(record)
        _CLAIM.run(tx, {"b_id": one.id, "b_worker": worker_id, "b_seq": claim_seq})
        taken.append(msgspec.structs.replace(one, epoch=one.epoch + 1, tries=one.tries + 1))
    return taken


def apply_report(
    tx: Tx, report: CallbackReport, now: datetime, policy: CallbackPolicy
) -> Callback | None:
    """Write how a callback ended; answer it as it was, or None where the claim is over.

    One that failed is due again after a pause that doubles each time, until it was tried as often
    as is allowed.
    """
    one = read_callback(tx, report.job_id)
    if one is None or one.claimed_by is None or one.epoch != report.epoch:
        return None
    if report.answer:
        _ANSWER.run(tx, {"b_id": one.id, "b_answer": report.answer})
    if report.is_done:
        _let_go(tx, one, "success", now, done=report.done, ended_at=now)
    else:
        _fail(tx, one, report.error, now, policy, done=report.done)
    return one


def return_callbacks(
    tx: Tx,
    worker_id: str,
    keep: Collection[int],
    now: datetime,
    policy: CallbackPolicy,
    *,
    open_seqs: Collection[int] = (),
    before_seq: int | None = None,
    lost: bool = False,
) -> int:
    """Give back the callbacks this worker will not report on; answers how many.

    Args:
        tx: The transaction.
        worker_id: The worker.
        keep: Job ids it still holds.
        now: The moment.
        policy: How often a callback is tried.
        open_seqs: Requests whose answers it has not read yet: what these claimed stays with it.
        before_seq: What this request or a later one claimed stays with it too.
        lost: The worker died: it may have begun, so the try counts. Otherwise it does not.
    """
    returned = 0
    for record in _HELD.records(tx, {"b_worker": worker_id}):
        one = _callback(record)
        seq = one.claim_seq or 0
        if one.id in keep or seq in open_seqs or (before_seq is not None and seq >= before_seq):
            continue
        if lost:
            _fail(tx, one, "Its worker was lost.", now, policy)
        else:
            _let_go(tx, one, "pending", now, tries=one.tries - 1)
        returned += 1
    return returned


def count_claimed(tx: Tx, worker_id: str) -> int:
    """Answer how many callbacks a worker runs now."""
    return int(_COUNT_HELD.value(tx, {"b_worker": worker_id}))


def is_claimed(tx: Tx, job_id: int, epoch: int) -> bool:
    """Tell whether this claim of a callback stands."""
    one = read_callback(tx, job_id)
    return one is not None and one.claimed_by is not None and one.epoch == epoch


def next_callback_due(tx: Tx) -> datetime | None:
    """Answer when the first of the callbacks nobody runs now is due."""
    due: datetime | None = _NEXT_DUE.value(tx)
    return due


def read_callback(tx: Tx, job_id: int) -> Callback | None:
    """Answer the callback of that key."""
    record = _BY_ID.record(tx, {"b_id": job_id})
    return None if record is None else _callback(record)


def find_callback(tx: Tx, callback_id: str) -> Callback | None:
    """Answer the callback that is known by that id."""
    record = _BY_KEY.record(tx, {"b_key": callback_id})
    return None if record is None else _callback(record)


def delete_callback(tx: Tx, job_id: int) -> None:
    """Forget a callback; a report on it changes nothing any more."""
    _DELETE.run(tx, {"b_id": job_id})


def forget_questions(tx: Tx, dag_id: str, before: datetime) -> None:
    """Forget answers of a Dag's timetable that nobody came back for."""
    _FORGET.run(tx, {"b_dag": dag_id, "b_before": before})


def list_callbacks(tx: Tx, run_pk: int) -> list[Callback]:
    """Answer the callbacks of a run, the oldest first."""
    return [_callback(record) for record in _OF_RUN.records(tx, {"b_run": run_pk})]


def _callback(record: Record) -> Callback:
    return Callback(**{**record, "done": tuple(record["done"])})


def _fail(
    tx: Tx,
    one: Callback,
    said: str,
    now: datetime,
    policy: CallbackPolicy,
    *,
    done: tuple[int, ...] | None = None,
) -> None:
    if one.tries >= policy.tries:
        _let_go(tx, one, "failed", now, done=done, said=said, ended_at=now)
        return
    pause = min(policy.first_pause * (1 << min(one.tries - 1, 20)), policy.longest_pause)
    _let_go(tx, one, "pending", now + pause, done=done, said=said)


def _let_go(
    tx: Tx,
    one: Callback,
    state: str,
    due_at: datetime,
    *,
    tries: int | None = None,
    done: tuple[int, ...] | None = None,
    said: str = "",
    ended_at: datetime | None = None,
) -> None:
    _LET_GO.run(
        tx,
        {
            "b_id": one.id,
            "b_state": state,
            "b_tries": one.tries if tries is None else tries,
            "b_due": due_at if ended_at is None else None,
            "b_done": one.done if done is None else done,
            "b_said": said or one.said,
            "b_ended": ended_at,
        },
    )
