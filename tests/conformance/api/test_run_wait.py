"""Waiting for a run over the API: told of each move, and of the results at the end."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from tests.conformance.api.conftest import TOKEN, Stack
from tradewind.api.inprocess import Reply, acall_app
from tradewind.api.public.found import find_run
from tradewind.api.public.run_wait import told_of_run
from tradewind.core.states import LegState

RUN = "/api/v2/dags/daily_sales/dagRuns/r"
HEADERS = {"authorization": f"Bearer {TOKEN}"}


def play(stack: Stack, worker: str, *values: bytes) -> None:
    """Let the tasks of the run succeed, one after the other, each returning one of these."""
    answer = stack.exchange(worker)
    for value in values:
        (order,) = [one for one in answer.claims if one.run.run_id == "r"]
        answer = stack.finish(worker, order, LegState.SUCCESS, value)


def lines(reply: Reply) -> list[Any]:
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in reply.body.splitlines()]


async def waits(stack: Stack, query: str = "") -> "asyncio.Task[Reply]":
    """Start to wait, and answer when the first line was said and it listens."""
    call = asyncio.create_task(acall_app(stack.app, "GET", f"{RUN}/wait{query}", headers=HEADERS))
    await until(lambda: parked(stack))
    return call


def parked(stack: Stack) -> bool:
    return any(line.is_parked for found in stack.run_bell._lines.values() for line in found)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.to_thread(stack_turn)


def stack_turn() -> None:
    """Let other threads have their turn."""


@pytest.mark.parametrize(
    ("query", "results"),
    [
        ("", None),
        ("?result=load", {"load": [1]}),
        ("?result=load&result=extract", {"load": [1], "extract": {"rows": 3}}),
    ],
)
def test_a_run_that_ends_is_told_at_once_with_what_its_tasks_returned(
    stack: Stack, worker: str, query: str, results: Any
) -> None:
    stack.trigger(dag_run_id="r")

    async def scene() -> Reply:
        call = await waits(stack, query)
        await asyncio.to_thread(play_in_thread)
        async with asyncio.timeout(5):
            return await call

    def play_in_thread() -> None:
        play(stack, worker, b'{"rows":3}', b"[1]")

    first, *_, last = lines(asyncio.run(scene()))
    assert first == {"state": "running"}
    assert last == {"state": "success"} | ({} if results is None else {"results": results})


def test_while_nothing_happens_the_database_is_left_alone(stack: Stack, worker: str) -> None:
    stack.trigger(dag_run_id="r")
    with stack.database.read() as tx:
        pk = find_run(tx, "daily_sales", "r").pk
    read: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, _p: Any, _x: Any, _many: Any) -> None:
        read.append(statement)

    async def scene() -> list[bytes]:
        told = told_of_run(stack.services, pk, (), 0.01)
        said = [await anext(told)]
        event.listen(stack.database.engine, "before_cursor_execute", note)
        said += [await anext(told) for _ in range(5)]
        event.remove(stack.database.engine, "before_cursor_execute", note)
        stack.run_bell.close()
        return [*said, *[line async for line in told]]

    assert asyncio.run(scene()) == [b'{"state":"running"}\n'] * 6
    assert read == []


def test_one_that_has_ended_is_told_and_done_with(stack: Stack, worker: str) -> None:
    stack.trigger(dag_run_id="r")
    play(stack, worker, b"1", b"2")
    reply = stack.call("GET", f"{RUN}/wait?result=extract")
    assert lines(reply) == [{"state": "success", "results": {"extract": 1}}]


def test_one_that_is_deleted_is_told_too(stack: Stack, worker: str) -> None:
    stack.ask("PATCH", "/api/v2/dags/daily_sales", {"is_paused": True})
    stack.trigger(dag_run_id="r")

    async def scene() -> Reply:
        call = await waits(stack)
        await asyncio.to_thread(stack.call, "DELETE", RUN)
        async with asyncio.timeout(5):
            return await call

    assert lines(asyncio.run(scene()))[-1] == {"state": None}


def test_what_cannot_be_waited_for_is_refused(stack: Stack, worker: str) -> None:
    assert stack.get(f"{RUN}/wait", status=404)["code"] == "run-not-found"
    stack.trigger(dag_run_id="r")
    problem = stack.get(f"{RUN}/wait?result=extrct", status=404)
    assert (problem["code"], "extract" in problem["hint"]) == ("task-not-found", True)
    stack.get(f"{RUN}/wait?interval=0", status=422)
