"""The API in the process of a command, over the home's own store, where no server runs.

The same routes as a server's, called without sockets, under the same lock. Nothing runs here: runs
that are asked for wait for a server.
"""

import asyncio
from collections.abc import Collection

from tradewind.api.app import build_app
from tradewind.api.bell import Bell
from tradewind.api.inprocess import acall_app
from tradewind.api.services import InlineWriter, Services
from tradewind.config import Settings
from tradewind.errors import ConflictError
from tradewind.protocol.clock import SystemClock
from tradewind.server.home import Home
from tradewind.store import files

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
        self._app = build_app(self.services, only=frozenset(routers))
        self._runner = asyncio.Runner()

    def send(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        """Answer status and body of one request."""
        given = {**headers, "Authorization": f"Bearer {_TOKEN}"}
        call = acall_app(self._app, method, target, headers=given, body=body or b"")
        reply = self._runner.run(call)
        return reply.status, reply.body

    def has_parsed(self) -> bool:
        """Whether any Dag file of this home was ever parsed."""
        with self.home.database.read() as tx:
            return files.last_parsed_at(tx) is not None

    def close(self) -> None:
        """Close the store and let go of the lock."""
        self._runner.close()
        self.home.close()


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
