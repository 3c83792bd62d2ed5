"""The workers' calls, and how they park."""

import asyncio
import sqlite3
from typing import Any

import msgspec

from tests.conformance.api.conftest import TOKEN, Stack
from tradewind.api.inprocess import Reply, acall_app
from tradewind.api.work.routes import Goodbye
from tradewind.core.runs import Run
from tradewind.protocol.exchange import Answer, Call, CallReply, Exchange, Register
from tradewind.protocol.reports import LogChunk
from tradewind.scheduler.wishes import Trigger
from tradewind.store.database import Tx

HEADERS = {"authorization": f"Bearer {TOKEN}"}


async def send(stack: Stack, path: str, message: Any, gone: asyncio.Event | None = None) -> Reply:
    body = msgspec.msgpack.encode(message)
    return await acall_app(stack.app, "POST", path, headers=HEADERS, body=body, gone=gone)


def answer_of(reply: Reply) -> Answer:
    assert reply.status == 200, reply.body
    return msgspec.msgpack.decode(reply.body, type=Answer)


async def parked(stack: Stack, seq: int, worker: str, gone: asyncio.Event | None = None) -> Any:
    """Start a call that waits, and let it come to rest."""
    call = asyncio.create_task(
        send(stack, "/work/exchange", Exchange(worker_id=worker, seq=seq, wait=True), gone)
    )
    while not any(line.is_parked for lines in stack.bell._lines.values() for line in lines):
        await asyncio.wrap_future(stack.writer.submit(lambda _tx: None))
    return call


def test_a_parked_call_is_answered_as_soon_as_there_is_work(stack: Stack, worker: str) -> None:
    async def play() -> Answer:
        call = await parked(stack, 100, worker)
        await asyncio.to_thread(stack.writer.write, lambda tx: trigger(stack, tx))
        async with asyncio.timeout(4):
            return answer_of(await call)

    (claim,) = asyncio.run(play()).claims
    assert claim.run.run_id == "mine"


def trigger(stack: Stack, tx: Tx) -> Run:
    wish = Trigger(dag_id="daily_sales", run_id="mine")
    return stack.engine.trigger(tx, wish, stack.clock.now())


def test_a_call_whose_caller_is_gone_takes_no_work(stack: Stack, worker: str) -> None:
    async def play() -> Reply:
        gone = asyncio.Event()
        call = await parked(stack, 100, worker, gone)
        gone.set()
        async with asyncio.timeout(4):
            return await call

    reply: Reply = asyncio.run(play())
    assert reply.status == 0
    stack.trigger(dag_run_id="mine")
    assert [one.run.run_id for one in stack.exchange(worker).claims] == ["mine"]


def test_a_server_that_stops_answers_parked_calls_at_once(stack: Stack, worker: str) -> None:
    async def play() -> Answer:
        call = await parked(stack, 100, worker)
        stack.bell.close()
        async with asyncio.timeout(4):
            return answer_of(await call)

    assert asyncio.run(play()) == Answer()


def test_a_call_that_does_not_wait_is_answered_at_once(stack: Stack, worker: str) -> None:
    assert stack.exchange(worker) == Answer()


def test_an_unknown_worker_is_told_so(stack: Stack) -> None:
    assert stack.exchange("nobody", wait=True).known is False


def test_a_worker_that_leaves_is_known_no_longer(stack: Stack, worker: str) -> None:
    stack.work("/work/goodbye", Goodbye(worker_id=worker))
    assert stack.exchange(worker).known is False


def test_a_question_of_user_code_is_answered(stack: Stack, worker: str) -> None:
    stack.ask("POST", "/api/v2/variables", {"key": "region", "value": "eu"}, status=201)
    stack.trigger(dag_run_id="mine")
    (order,) = stack.exchange(worker).claims
    call = Call(
        verb="variable.get",
        args={"key": "region"},
        attempt_id=order.attempt_id,
        epoch=order.epoch,
        token=order.token,
    )
    reply = msgspec.msgpack.decode(stack.work("/work/call", call), type=CallReply)
    assert reply.value == "eu"
    wrong = msgspec.structs.replace(call, token="guess")
    reply = msgspec.msgpack.decode(stack.work("/work/call", wrong), type=CallReply)
    assert reply.error == "not-your-attempt"


def test_another_protocol_and_other_bytes_are_refused(stack: Stack) -> None:
    stack.work(
        "/work/register", Register(version=99, name="w", host="h", pid=1, slots=1), status=422
    )
    body = stack.work("/work/exchange", _Nonsense(), status=422)
    assert msgspec.msgpack.decode(body)["code"] == "bad-message"
    stack.work("/work/nothing", _Nonsense(), status=404)


class _Nonsense(msgspec.Struct):
    colour: str = "red"


def test_a_database_that_is_held_is_told_by_its_code(stack: Stack, worker: str) -> None:
    stack.writer.write(lambda tx: tx.exec_driver_sql("PRAGMA busy_timeout=1").close())
    other = sqlite3.connect(stack.settings.database_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    body = stack.work("/work/exchange", Exchange(worker_id=worker, seq=100), status=503)
    assert msgspec.msgpack.decode(body)["code"] == "database-unavailable"
    health = stack.get("/api/v2/monitor/health")
    assert health["metadatabase"]["status"] == "unhealthy"
    other.execute("ROLLBACK")
    other.close()
    assert stack.exchange(worker).known is True


def test_logs_that_travel_are_written_at_their_place_and_once(stack: Stack, worker: str) -> None:
    first = LogChunk(attempt_id=1, log_path="a/b.log", offset=0, data=b"one\n")
    second = LogChunk(attempt_id=1, log_path="a/b.log", offset=4, data=b"two\n")
    stack.exchange(worker, logs=(second, first))
    stack.exchange(worker, logs=(first,))
    assert (stack.settings.log_root / "a/b.log").read_bytes() == b"one\ntwo\n"


def test_logs_never_leave_their_folder(stack: Stack, worker: str) -> None:
    for path in ("../x.log", "/tmp/x.log", "", "a/../../x.log"):
        chunk = LogChunk(attempt_id=1, log_path=path, offset=0, data=b"x")
        message = Exchange(worker_id=worker, seq=100, logs=(chunk,))
        stack.work("/work/exchange", message, status=400)
    stack.settings.log_root.mkdir(exist_ok=True)
    (stack.settings.log_root / "link").symlink_to(stack.settings.home)
    chunk = LogChunk(attempt_id=1, log_path="link/x.log", offset=0, data=b"x")
    stack.work("/work/exchange", Exchange(worker_id=worker, seq=1, logs=(chunk,)), status=400)
