"""The four calls of a worker. The exchange is the hot path: decode, one transaction, encode."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tradewind.api.bell import Line
from tradewind.api.services import Services
from tradewind.api.work.logs import write_chunks
from tradewind.errors import TradewindError, UsageError
from tradewind.protocol.exchange import Answer, Call, CallReply, Exchange, Register, Registered
from tradewind.scheduler.policy import LeasePolicy
from tradewind.store.database import Tx

T = TypeVar("T")

LOG = logging.getLogger(__name__)

MSGPACK = "application/msgpack"
PATHS = ("/work/register", "/work/exchange", "/work/call", "/work/goodbye")

_encode = msgspec.msgpack.Encoder().encode
_EXCHANGE = msgspec.msgpack.Decoder(Exchange)
_REGISTER = msgspec.msgpack.Decoder(Register)
_CALL = msgspec.msgpack.Decoder(Call)


class Goodbye(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that leaves."""

    worker_id: str


_GOODBYE = msgspec.msgpack.Decoder(Goodbye)

Endpoint = Callable[[Request], Awaitable[msgspec.Struct]]


class WorkApp:
    """An ASGI application of four routes."""

    def __init__(self, services: Services) -> None:
        """Bind what the calls stand on."""
        self._services = services
        # An answer renews the lease, so an idle worker must get one in time.
        policy = LeasePolicy.of_lease(services.settings.worker_lease_seconds)
        self._park_seconds = policy.renew.total_seconds()
        self._endpoints: dict[str, Endpoint] = dict(
            zip(PATHS, (self._register, self._exchange, self._call, self._goodbye), strict=True)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever goes wrong."""
        try:
            response = await self._respond(scope, receive)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        endpoint = self._endpoints.get(scope["path"])
        if endpoint is None or scope["method"] != "POST":
            return _refusal(
                404 if endpoint is None else 405, "no-such-call", "There is no such call."
            )
        try:
            return Response(_encode(await endpoint(Request(scope, receive))), media_type=MSGPACK)
        except TradewindError as error:
            return _refusal(error.status, error.code, str(error))
        except ClientDisconnect:
            raise
        except OSError as error:
            LOG.warning("A worker's logs could not be written: %s", error)
            return _refusal(503, "logs-unavailable", "The server cannot write logs now.")
        except Exception:
            LOG.exception("A worker's call %s failed", scope["path"])
            return _refusal(500, "internal-error", "The server failed; its log says how.")

    async def _register(self, request: Request) -> Registered:
        message = _decode(_REGISTER, await request.body())
        return await self._write(lambda tx, now: self._services.engine.register(tx, message, now))

    async def _call(self, request: Request) -> CallReply:
        message = _decode(_CALL, await request.body())
        return await self._write(lambda tx, now: self._services.engine.call(tx, message, now))

    async def _goodbye(self, request: Request) -> Goodbye:
        message = _decode(_GOODBYE, await request.body())
        await self._write(lambda tx, now: self._services.engine.goodbye(tx, message.worker_id, now))
        return message

    async def _exchange(self, request: Request) -> Answer:
        message = _decode(_EXCHANGE, await request.body())
        services = self._services
        if message.logs:
            # Before the answer: what it acknowledges must be readable later.
            await asyncio.to_thread(write_chunks, services.settings.log_root, message.logs)
        with services.bell.listen(message.worker_id) as line:
            answer = await self._ask(message)
            if not message.wait or _says_something(answer):
                return answer
            return await self._park(message, line, request)

    async def _park(self, message: Exchange, line: Line, request: Request) -> Answer:
        """Wait for something to say. What was reported is committed; it is not sent in again."""
        again = Exchange(
            worker_id=message.worker_id,
            seq=message.seq,
            draining=message.draining,
            trigger_room=message.trigger_room,
            open=message.open,
            abandoned=message.abandoned,
        )
        bell, loop = self._services.bell, asyncio.get_running_loop()
        until = loop.time() + self._park_seconds
        watcher = asyncio.create_task(_cut_on_disconnect(request.receive, line))
        try:
            while (left := until - loop.time()) > 0 and not bell.is_closed:
                if not await line.wait(left):
                    break
                if line.is_cut:
                    # Claims must not be given to an answer that nobody reads.
                    raise ClientDisconnect
                answer = await self._ask(again)
                if _says_something(answer):
                    return answer
        finally:
            watcher.cancel()
        return Answer()

    async def _ask(self, message: Exchange) -> Answer:
        return await self._write(lambda tx, now: self._services.engine.exchange(tx, message, now))

    async def _write(self, work: Callable[[Tx, datetime], T]) -> T:
        clock = self._services.clock
        # The time is read where the unit runs, so that times of units grow as they are committed.
        unit = self._services.writer.submit(lambda tx: work(tx, clock.now()))
        # Shielded: a call that is cancelled must not cancel a unit that is being committed.
        return await asyncio.shield(asyncio.wrap_future(unit))


def _says_something(answer: Answer) -> bool:
    return bool(
        answer.claims
        or answer.parses
        or answer.callbacks
        or answer.cancels
        or answer.triggers
        or answer.trigger_cancels
        or answer.fired_recorded
        or answer.recorded
        or answer.refused
        or not answer.known
    )


def _decode(decoder: msgspec.msgpack.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise UsageError(
            "bad-message",
            f"The message is not of this protocol: {error}.",
            "Run the same version of Tradewind on worker and server.",
        ) from error


def _refusal(status: int, code: str, message: str) -> Response:
    return Response(_encode({"code": code, "message": message}), status, media_type=MSGPACK)


async def _cut_on_disconnect(receive: Receive, line: Line) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    line.cut()
