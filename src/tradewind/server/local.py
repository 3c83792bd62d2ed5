"""The API in the process of a command, over the home's own store, where no server runs.

The same routes as a server's, called without sockets, under the same lock. Nothing runs here: runs
that are asked for wait for a server.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote

from tradewind.api.app import build_app
from tradewind.api.bell import Bell
from tradewind.api.services import InlineWriter, Services
from tradewind.config import Settings
from tradewind.errors import ConflictError
from tradewind.protocol.clock import SystemClock
from tradewind.server.home import Home

_TOKEN = "in-process"  # noqa: S105 opens nothing: the app is called by this process alone


class LocalApp:
    """Routes over an opened home; answers as a server would.

    Attributes:
        home: The home folder, opened and locked.
        services: What the routes stand on.
    """

    def __init__(self, home: Home, settings: Settings, routers: Collection[str]) -> None:
        """Build the routes of some nouns only: each costs time at a command's start."""
        self.home = home
        self.services = Services(
            database=home.database,
            writer=InlineWriter(home.database, on_undo=home.engine.forget),
            engine=home.engine,
            clock=SystemClock(),
            settings=settings,
            vault=home.vault,
            token=_TOKEN,
            bell=Bell(),
        )
        self._app = build_app(self.services, only=routers)
        self._runner = asyncio.Runner()

    def send(self, method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        """Answer status and body of one request."""
        return self._runner.run(self._call(method, target, body or b""))

    def close(self) -> None:
        """Close the store and let go of the lock."""
        self._runner.close()
        self.home.close()

    async def _call(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        status, content = 500, bytearray()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                content.extend(message.get("body", b""))

        await self._app(_scope(method, target), receive, send)
        return status, bytes(content)


def open_local(settings: Settings, routers: Collection[str]) -> LocalApp | None:
    """Open the home in this process; None where another process holds it.

    Raises:
        TradewindError: The home or its database cannot be used.
    """
    try:
        home = Home(settings, SystemClock())
    except ConflictError as error:
        if error.code == "home-in-use":
            return None
        raise
    return LocalApp(home, settings, routers)


def _scope(method: str, target: str) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (b"host", b"localhost"),
            (b"authorization", f"Bearer {_TOKEN}".encode()),
            (b"content-type", b"application/json"),
            (b"user-agent", b"tradewind-cli"),
        ],
        "client": None,
        "server": ("localhost", None),
    }
