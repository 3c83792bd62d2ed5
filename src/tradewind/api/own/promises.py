"""What runs owe those who watch them: deadlines, and callbacks with their logs."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query

from tradewind.api.public.fields import AskedMoment, Moment, ServicesDep, Shape
from tradewind.api.public.found import find_run
from tradewind.api.work.logs import confined
from tradewind.errors import NotFoundError
from tradewind.scheduler.callbacks import log_path
from tradewind.store import callbacks, deadlines
from tradewind.store.callbacks import Callback
from tradewind.store.deadlines import Deadline, DeadlineFilter

router = APIRouter(tags=["Own: deadlines and callbacks"])

_TAIL_BYTES = 1024 * 1024


class DeadlineShape(Shape):
    """One deadline of a run, or of a task or group in it."""

    id: int
    dag_id: str
    dag_run_id: str
    scope: str
    """``run``, ``task`` or ``group``."""
    owner: str
    """Id of the task or group; empty for the run."""
    alert_name: str
    reference: str
    """What it counts from."""
    state: str
    """``asked``, ``pending``, ``missed``, ``met``, ``over`` or ``none``."""
    missed: bool
    deadline_time: Moment | None
    missed_at: Moment | None
    created_at: Moment
    note: str
    """Why there is none, where that is so."""


class DeadlineList(Shape):
    """Deadlines, the one due first first."""

    deadlines: list[DeadlineShape]
    total_entries: int


class CallbackShape(Shape):
    """One callback that the server owes, or owed."""

    id: int
    callback_id: str
    kind: str
    """``dag``, ``task``, ``deadline``, ``listener`` or ``deadline_reference``."""
    event: str
    reason: str
    task_id: str | None
    try_number: int | None
    state: str
    """``pending``, ``running``, ``success`` or ``failed``."""
    tries: int
    error: str
    """What the last try that failed said."""
    created_at: Moment
    due_at: Moment | None
    ended_at: Moment | None


class CallbackLog(Shape):
    """What a callback wrote: one event a line."""

    content: list[dict[str, Any]]


class CallbackList(Shape):
    """The callbacks of a run, the oldest first."""

    callbacks: list[CallbackShape]
    total_entries: int


@router.get("/deadlines")
def get_deadlines(
    services: ServicesDep,
    dag_id: str | None = None,
    run_id: str | None = None,
    state: Annotated[list[str] | None, Query()] = None,
    deadline_time_gte: AskedMoment = None,
    deadline_time_lte: AskedMoment = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> DeadlineList:
    """List deadlines: of all runs, of a Dag's, or of one run."""
    with services.database.read() as tx:
        run_pk = find_run(tx, dag_id, run_id).pk if dag_id and run_id else None
        wish = DeadlineFilter(
            dag_id=dag_id,
            run_pk=run_pk,
            states=tuple(state or ()),
            due_gte=deadline_time_gte,
            due_lte=deadline_time_lte,
        )
        found = deadlines.list_deadlines(tx, wish, limit=limit, offset=offset)
        total = deadlines.count_deadlines(tx, wish)
    return DeadlineList(deadlines=[_deadline(one, run) for one, run in found], total_entries=total)


@router.get("/callbacks")
def get_callbacks(dag_id: str, run_id: str, services: ServicesDep) -> CallbackList:
    """List the callbacks that a run's ends and deadlines caused."""
    with services.database.read() as tx:
        found = callbacks.list_callbacks(tx, find_run(tx, dag_id, run_id).pk)
    shapes = [_callback(one) for one in found]
    return CallbackList(callbacks=shapes, total_entries=len(shapes))


@router.get("/callbacks/{callback_id}/log")
def get_callback_log(
    callback_id: str, dag_id: str, run_id: str, services: ServicesDep
) -> CallbackLog:
    """Read what a callback wrote in all its tries; of a long log, the end."""
    with services.database.read() as tx:
        run = find_run(tx, dag_id, run_id)
        known = [one.callback_id for one in callbacks.list_callbacks(tx, run.pk)]
    if callback_id not in known:
        raise NotFoundError(
            "callback-not-found",
            f"Run '{run_id}' of Dag '{dag_id}' has no callback '{callback_id}'.",
            f"It has: {', '.join(known)}." if known else "It has none.",
        )
    path = confined(services.settings.log_root, log_path(run, callback_id))
    return CallbackLog(content=_tail(path) if path.is_file() else [])


def _tail(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        size = path.stat().st_size
        file.seek(max(0, size - _TAIL_BYTES))
        lines = file.read().splitlines()
    return [msgspec.json.decode(line) for line in (lines if size <= _TAIL_BYTES else lines[1:])]


def _deadline(one: Deadline, run_id: str) -> DeadlineShape:
    return DeadlineShape(
        id=one.id,
        dag_id=one.dag_id,
        dag_run_id=run_id,
        scope=one.scope,
        owner=one.owner,
        alert_name=one.name,
        reference=one.reference,
        state=one.state,
        missed=one.state == "missed",
        deadline_time=one.due_at,
        missed_at=one.missed_at,
        created_at=one.created_at,
        note=one.note,
    )


def _callback(one: Callback) -> CallbackShape:
    return CallbackShape(
        id=one.id,
        callback_id=one.callback_id,
        kind=one.kind,
        event=one.event,
        reason=one.reason,
        task_id=one.task_id,
        try_number=one.try_number,
        state=one.state,
        tries=one.tries,
        error=one.said,
        created_at=one.created_at,
        due_at=one.due_at,
        ended_at=one.ended_at,
    )
