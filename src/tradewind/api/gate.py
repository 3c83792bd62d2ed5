"""The outermost layer of the server: who may come in, and which application answers."""

from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from tradewind.api.problems import no_such_route, problem
from tradewind.auth.hosts import allowed_hosts, is_allowed_host
from tradewind.auth.tokens import is_bearer

OPEN_PATHS = frozenset(
    {
        "/",
        "/api/v2/monitor/health",
        "/api/v2/version",
        "/openapi.json",
        "/docs",
        "/redoc",
    }
)
"""What needs no token: it tells whether and what the server is, nothing that is in it."""


class Gate:
    """Checks host and token, forgives a trailing slash, hands the request on.

    The token is asked for here, before any route is looked up, so that a route cannot be left
    open by forgetting it.

    Attributes:
        work: The application of workers' calls, None where it is not mounted.
        people: The application of all else, None where it is not mounted.
    """

    def __init__(
        self, token: str, host: str, *, work: ASGIApp | None, people: ASGIApp | None
    ) -> None:
        """Bind the two applications, and what a request needs to reach them."""
        self.work = work
        self.people = people
        self._token = token
        self._hosts = allowed_hosts(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        host = authorization = ""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1")
            elif name == b"authorization":
                authorization = value.decode("latin-1")
        if not is_allowed_host(host, self._hosts):
            refusal = problem(
                400,
                "unknown-host",
                f"This server does not answer to the name {host!r}.",
                "Use localhost, its address, or the name in setting [api] host.",
            )
            await refusal(scope, receive, send)
            return
        if len(path) > 1 and path.endswith("/"):
            path = path.rstrip("/") or "/"
            scope = {**scope, "path": path, "raw_path": quote(path).encode()}
        if path not in OPEN_PATHS and not is_bearer(authorization, self._token):
            await _unauthorized(bool(authorization))(scope, receive, send)
            return
        app = self.work if path.startswith("/work/") else self.people
        await (app or no_such_route(path))(scope, receive, send)


def _unauthorized(is_wrong: bool) -> ASGIApp:
    detail = "Invalid credentials" if is_wrong else "Not authenticated"
    hint = "Send 'Authorization: Bearer <token>' with the token in <home>/server.json."
    return problem(401, "unauthorized", detail, hint)


async def _live(receive: Receive, send: Send) -> None:
    """Acknowledge start and end; the parts are started and ended by whoever made them."""
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            return
