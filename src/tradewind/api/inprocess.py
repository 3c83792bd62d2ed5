"""Calls an application in this process, as an HTTP client would: for commands without a server."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.types import ASGIApp


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. Names of headers are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Answer the body as JSON, None where there is none."""
        return msgspec.json.decode(self.body) if self.body else None


def call_app(
    app: ASGIApp,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Reply:
    """Send one request and wait for its answer.

    Args:
        app: Any ASGI application.
        method: Upper case.
        target: Path and query, quoted as in a request line.
        headers: ``Host`` is localhost where none is given.
        body: Whole.
    """
    return asyncio.run(acall_app(app, method, target, headers=headers, body=body))


async def acall_app(
    app: ASGIApp,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    gone: asyncio.Event | None = None,
) -> Reply:
    """Do the same on a running loop; ``gone`` is set to hang up before the answer is there."""
    exchange = _Conversation(body, gone)
    path, _, query = target.partition("?")
    given = {"host": "localhost", "content-length": str(len(body))}
    given.update({name.lower(): value for name, value in (headers or {}).items()})
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    await app(scope, exchange.receive, exchange.send)
    return exchange.reply()


class _Conversation:
    """The two ends of one request: what the application may read, and what it said."""

    def __init__(self, body: bytes, gone: asyncio.Event | None) -> None:
        self._body: bytes | None = body
        self._gone = gone or asyncio.Event()
        self._status = 0
        self._headers: Iterable[tuple[bytes, bytes]] = ()
        self._parts: list[bytes] = []

    async def receive(self) -> dict[str, Any]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], message["headers"]
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))

    def reply(self) -> Reply:
        headers = {name.decode().lower(): value.decode() for name, value in self._headers}
        return Reply(status=self._status, headers=headers, body=b"".join(self._parts))
