"""How a command reaches the API: over HTTP where a server runs, else in this process.

``server.json`` in the home folder tells where the server is. The file of a server that died is
recognised and passed over. Without a server the same routes are called over the local store,
under the lock that a server would hold.
"""

import functools
import getpass
import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote, urlencode, urlsplit

from tradewind.cli.output import say
from tradewind.cli.registry import PARTS, load, make
from tradewind.config import Settings, read_settings
from tradewind.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    TradewindError,
    UnauthorizedError,
    UnavailableError,
    UsageError,
)

if TYPE_CHECKING:
    from tradewind.server.local import LocalApp

_PAGE = 100
_TIMEOUT_SECONDS = 60.0
_STARTING_SECONDS = 10.0
_POLL_SECONDS = 0.05
_DAG_ROUTERS = {"dags", "runs", "tasks", "instances", "backfills", "import_errors"}
"""What these answer comes from Dag files."""
_ERRORS: dict[int, type[TradewindError]] = {
    400: RefusedError,
    401: UnauthorizedError,
    403: UnauthorizedError,
    404: NotFoundError,
    409: ConflictError,
    422: UsageError,
    503: UnavailableError,
}

Json = dict[str, Any]

SECRETS = "/api/own/secrets"
"""Where variables and connections are read in clear; router ``secrets``."""


class ServerInfo(NamedTuple):
    """What a running server says of itself."""

    url: str
    token: str
    pid: int


class Transport(Protocol):
    """Carries one request."""

    def send(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        """Answer status and body.

        Raises:
            OSError: Nobody answers there.
        """

    def close(self) -> None:
        """Let go of what it holds."""


class HttpTransport:
    """One kept-alive connection to a server."""

    def __init__(self, info: ServerInfo) -> None:
        """Connect on the first request."""
        address = urlsplit(info.url)
        self._bearer = f"Bearer {info.token}"
        self._http = http.client.HTTPConnection(
            address.hostname or "127.0.0.1", address.port, timeout=_TIMEOUT_SECONDS
        )

    def connect(self) -> None:
        """Connect now.

        Raises:
            OSError: Nobody listens there.
        """
        self._http.connect()

    def send(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        """Answer status and body of one request."""
        self._http.request(method, target, body, {**headers, "Authorization": self._bearer})
        answer = self._http.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


class Api:
    """The API as commands see it: paths below ``/api/v2`` (or ``/api/own``), JSON in and out."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        *,
        is_served: bool,
        look_again: Callable[[], int] | None = None,
    ) -> None:
        """Bind what carries requests.

        Args:
            settings: This process's.
            transport: Carries them.
            is_served: Whether a server answers, so that what is asked for is also done.
            look_again: Called once when a Dag is not found: its file may be new.
        """
        self._look_again = look_again
        self.settings = settings
        self.is_served = is_served
        self._transport = transport

    def get(self, path: str, **params: Any) -> Json:
        """Read one thing; parameters that are None are left out."""
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Json) -> Json:
        """Create something."""
        return self.call("POST", path, body=body)

    def patch(self, path: str, body: Json) -> Json:
        """Change something."""
        return self.call("PATCH", path, body=body)

    def delete(self, path: str) -> None:
        """Delete something."""
        self.call("DELETE", path)

    def pages(self, path: str, key: str, **params: Any) -> Iterator[Json]:
        """Read a list to its end, page by page."""
        offset = 0
        while True:
            page = self.get(path, limit=_PAGE, offset=offset, **params)
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= page["total_entries"]:
                return

    def call(
        self, method: str, path: str, *, params: Json | None = None, body: Json | None = None
    ) -> Json:
        """Make one request.

        Raises:
            TradewindError: The server's refusal, as it came.
            UnavailableError: The server went away.
        """
        given = {name: value for name, value in (params or {}).items() if value is not None}
        target = (path if path.startswith("/api/") else f"/api/v2{path}") + (
            f"?{urlencode(given, doseq=True)}" if given else ""
        )
        raw = None if body is None else json.dumps(body).encode()
        try:
            status, content = self._transport.send(method, target, _headers(), raw)
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(
                "server-away", f"The server does not answer any more: {error}."
            ) from error
        if status >= 400:
            refusal = _refusal(status, content)
            if refusal.code == "dag-not-found" and self._may_be_new():
                return self.call(method, path, params=params, body=body)
            raise refusal
        answer: Json = json.loads(content) if content else {}
        return answer

    def _may_be_new(self) -> bool:
        look, self._look_again = self._look_again, None
        return look is not None and look() > 0


@contextmanager
def open_api(*routers: str, look: bool = False, reads_files: bool = True) -> Iterator[Api]:
    """Reach the API of this home.

    Args:
        routers: The nouns whose routes the command needs; without a server only these are loaded.
        look: Without a server: look at the Dag files first, not only where that was never done.
        reads_files: Without a server: False never looks at the Dag files.

    Raises:
        UnavailableError: Another process holds the home and does not answer.
    """
    settings = read_settings()
    reached: LocalApp | HttpTransport | None = connect(settings)
    if reached is None:
        reached = _reach(settings, routers, time.monotonic() + _STARTING_SECONDS)
    look_again = None
    try:
        knows_files = not reads_files or _DAG_ROUTERS.isdisjoint(routers)
        if not isinstance(reached, HttpTransport) and not knows_files:
            look_again = functools.partial(parse_here, reached)
            if look or not reached.has_parsed():
                look_again()
                look_again = None
        is_served = isinstance(reached, HttpTransport)
        yield Api(settings, reached, is_served=is_served, look_again=look_again)
    finally:
        reached.close()


def segment(name: str) -> str:
    """Answer a name as one segment of a path."""
    return quote(name, safe="")


def read_server_file(settings: Settings) -> ServerInfo | None:
    """Answer what the home's server file says; None where there is none of a living process."""
    try:
        told = json.loads(settings.server_file.read_text(encoding="utf-8"))
        info = ServerInfo(told["url"], told["token"], int(told["pid"]))
    except FileNotFoundError:
        return None
    except PermissionError:
        raise UnauthorizedError(
            "not-your-server", f"{settings.server_file} belongs to another user."
        ) from None
    except (ValueError, KeyError, TypeError):
        return None
    try:
        os.kill(info.pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return info


def connect(settings: Settings) -> HttpTransport | None:
    """Connect to the home's server; None where none runs."""
    info = read_server_file(settings)
    if info is None:
        return None
    transport = HttpTransport(info)
    try:
        transport.connect()
    except OSError:
        return None
    return transport


def open_local(
    settings: Settings, routers: tuple[str, ...], patience: float = _STARTING_SECONDS
) -> "LocalApp":
    """Open the store in this process; wait so many seconds for another process that holds it.

    Raises:
        UnavailableError: Another process holds the home and does not answer.
    """
    opened = _reach(settings, routers, time.monotonic() + patience)
    if isinstance(opened, HttpTransport):
        opened.close()
        raise ConflictError("server-runs", f"A server runs in {settings.home} now.")
    return opened


def _reach(
    settings: Settings, routers: tuple[str, ...], deadline: float
) -> "LocalApp | HttpTransport":
    """Open the store in this process, or reach the server that is just starting."""
    while True:
        local: LocalApp | None = make(PARTS["local"], settings, routers)
        if local is not None:
            return local
        served = connect(settings)
        if served is not None:
            return served
        if time.monotonic() > deadline:
            raise UnavailableError(
                "home-held",
                f"Another Tradewind process holds {settings.home} and does not answer.",
                "Stop it, or try again when it is done.",
            )
        time.sleep(_POLL_SECONDS)


def parse_here(local: "LocalApp") -> int:
    """Parse what is new in the Dag folders of an opened home; answers how many files."""
    parsed = load(PARTS["parse"])(local.home, local.services.settings, local.services.clock, say)
    return int(parsed)


def _headers() -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Tradewind-Client": "cli"}
    try:
        return {**headers, "Tradewind-User": getpass.getuser()}
    except (KeyError, OSError):
        # Whoever runs this has no entry among the system's users.
        return headers


def _refusal(status: int, content: bytes) -> TradewindError:
    kind = _ERRORS.get(status, RefusedError if status < 500 else TradewindError)
    try:
        body = json.loads(content)
    except ValueError:
        body = {}
    detail = body.get("detail") if isinstance(body, dict) else None
    if isinstance(detail, list):
        detail = "; ".join(_fault(item) for item in detail)
    text = detail if isinstance(detail, str) else f"The server answered with status {status}"
    hint = str(body.get("hint") or "") if isinstance(body, dict) else ""
    code = str(body.get("code") or "refused") if isinstance(body, dict) else "refused"
    message = text.removesuffix(hint).rstrip()
    return kind(code, message if message.endswith((".", "?", "!")) else f"{message}.", hint)


def _fault(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    place = [str(part) for part in item.get("loc", ()) if part not in ("body", "query", "path")]
    return f"{'.'.join(place)}: {item.get('msg', '')}".removeprefix(": ")
