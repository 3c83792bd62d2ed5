"""Logs of attempts: files of JSON lines under the log root, read by the path their attempt has."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query
from starlette.responses import Response, StreamingResponse

from tradewind.api.public.fields import ServicesDep
from tradewind.api.public.found import find_instance
from tradewind.api.work.logs import confined
from tradewind.core.states import LegState, TaskState
from tradewind.errors import NotFoundError, RefusedError
from tradewind.scheduler.facts import log_path_of
from tradewind.store import attempts
from tradewind.store.tasks import TaskInstance

router = APIRouter(tags=["Task Instance"])

_BETWEEN_LEGS = frozenset(
    {TaskState.UP_FOR_RESCHEDULE, TaskState.DEFERRED, TaskState.AWAITING_INPUT}
)

NDJSON = "application/x-ndjson"

_PIECE_BYTES = 1024 * 1024
"""What one JSON answer holds at most, to the end of its last line."""


@router.get(
    "/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/logs/{try_number}",
    response_class=Response,
)
def get_log(  # noqa: PLR0913 - one argument a part of the path
    dag_id: str,
    dag_run_id: str,
    task_id: str,
    try_number: int,
    services: ServicesDep,
    map_index: int = -1,
    full_content: bool = False,
    token: Annotated[str | None, Query(description="Where the last answer ended.")] = None,
    accept: Annotated[str, Header()] = "application/json",
) -> Response:
    """Read the log of one try, whole as JSON lines, or piece by piece as JSON.

    A piece ends with a ``continuation_token`` as long as there is more, or may come to be more.
    """
    with services.database.read() as tx:
        index = None if map_index < 0 else map_index
        _, row = find_instance(tx, dag_id, dag_run_id, task_id, index)
        legs = [
            one for one in attempts.read_attempts_of(tx, row.id) if one.try_number == try_number
        ]
    if not legs and not _begins_with_trigger(row, try_number):
        raise NotFoundError(
            "try-not-found",
            f"Task '{task_id}' of run '{dag_run_id}' has no try {try_number}.",
            f"Its last one is {row.try_number}." if row.try_number else "It has not started yet.",
        )
    log_path = legs[-1].log_path if legs else log_path_of(dag_run_id, row, try_number)
    path = confined(services.settings.log_root, log_path)
    if NDJSON in accept:
        return StreamingResponse(_lines(path), media_type=NDJSON)
    events, end = _piece(path, _offset(token), None if full_content else _PIECE_BYTES)
    is_live = any(one.state is LegState.RUNNING for one in legs) or _goes_on(row, try_number)
    more = is_live or (path.exists() and end < path.stat().st_size)
    body = {"content": events, "continuation_token": str(end) if more else None}
    return Response(msgspec.json.encode(body), media_type="application/json")


def _begins_with_trigger(row: TaskInstance, try_number: int) -> bool:
    return row.state is TaskState.DEFERRED and row.try_number == try_number


def _goes_on(row: TaskInstance, try_number: int) -> bool:
    """Tell whether a try has another leg to come."""
    return row.try_number == try_number and row.state in _BETWEEN_LEGS


def _offset(token: str | None) -> int:
    if not token:
        return 0
    if not token.isdecimal():
        raise RefusedError("bad-token", "This continuation token is not one of ours.")
    return int(token)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while part := file.read(_PIECE_BYTES):
                yield part
    except FileNotFoundError:
        yield msgspec.json.encode(_missing()) + b"\n"


def _piece(path: Path, offset: int, size: int | None) -> tuple[list[Any], int]:
    """Answer the events from an offset on, and the offset behind the last whole line."""
    try:
        with path.open("rb") as file:
            file.seek(offset, os.SEEK_SET)
            data = file.read() if size is None else file.read(size)
            if size is not None and not data.endswith(b"\n"):
                # A line may be longer than a piece; it is never cut.
                data += file.readline()
    except FileNotFoundError:
        return [_missing()], offset
    whole = data[: data.rfind(b"\n") + 1]
    return [_event(line) for line in whole.splitlines()], offset + len(whole)


def _event(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        return {"event": line.decode(errors="replace")}


def _missing() -> dict[str, str]:
    return {"level": "warning", "event": "This server has no log of this try: nothing was written."}
