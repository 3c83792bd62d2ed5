"""HTTP to the server: kept-alive connections, each on a thread of its own.

A line carries one call at a time and tells how it ended; it never tries again by itself, for only
the caller knows what may be said twice.
"""

import http.client
import json
import queue
import select
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tradewind.worker.loop import Loop

DATABASE_UNAVAILABLE = b"database-unavailable"
_OK = 200
_UNAVAILABLE = 503


class Reply(NamedTuple):
    """How a call ended."""

    status: int
    """0 when no answer was read."""
    body: bytes
    was_sent: bool
    """False when the server cannot have seen the request."""
    reason: str = ""

    @property
    def is_answer(self) -> bool:
        """Whether the server did what was asked."""
        return self.status == _OK

    @property
    def is_outage(self) -> bool:
        """Whether the server lives but its database does not."""
        return self.status == _UNAVAILABLE and DATABASE_UNAVAILABLE in self.body


class Endpoint:
    """Where the server is and what opens it; looked up anew for each connection.

    A local server writes both to ``server.json`` in its home, and new ones at each start.
    """

    def __init__(self, home: Path, url: str = "", token: str = "") -> None:
        """Use these, or what ``server.json`` says for those left empty."""
        self._file = home / "server.json"
        self._url = url
        self._token = token

    def look_up(self) -> tuple[str, str]:
        """Answer URL and token.

        Raises:
            OSError: There is no ``server.json``: no server runs here.
            ValueError: It is not readable, as while it is being written.
        """
        if self._url and self._token:
            return self._url, self._token
        found = json.loads(self._file.read_bytes())
        return self._url or str(found["url"]), self._token or str(found["token"])


class Connection:
    """One kept-alive connection."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Connect at the first call."""
        self._endpoint = endpoint
        self._http: http.client.HTTPConnection | None = None
        self._headers: dict[str, str] = {}
        self._base = ""

    def post(self, path: str, body: bytes, timeout: float) -> Reply:
        """Send one request and read its answer."""
        was_sent = False
        try:
            connection = self._connected(timeout)
            was_sent = True
            connection.request("POST", self._base + path, body, self._headers)
            response = connection.getresponse()
            reply = Reply(response.status, response.read(), was_sent)
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            self.close()
            return Reply(0, b"", was_sent, f"{type(error).__name__}: {error}")
        if not reply.is_answer:
            # Perhaps another server by now, with another token.
            self.close()
        return reply

    def close(self) -> None:
        """Hang up."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _connected(self, timeout: float) -> http.client.HTTPConnection:
        if self._http is not None and _is_stale(self._http):
            self.close()
        if self._http is None:
            url, token = self._endpoint.look_up()
            parts = urlsplit(url)
            kind = (
                http.client.HTTPSConnection
                if parts.scheme == "https"
                else http.client.HTTPConnection
            )
            self._base = parts.path.rstrip("/")
            self._headers = {
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/msgpack",
            }
            http_connection = kind(parts.hostname or "", parts.port, timeout=timeout)
            http_connection.connect()
            self._http = http_connection
        self._http.sock.settimeout(timeout)
        return self._http


def _is_stale(connection: http.client.HTTPConnection) -> bool:
    """Tell whether the server hung up while nothing was said, as it may."""
    if connection.sock is None:
        return True
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


class _Job(NamedTuple):
    path: str
    body: bytes
    timeout: float
    done: Callable[[Reply], None]


class Line:
    """A connection with a thread that waits on it; answers come back on the loop."""

    def __init__(self, name: str, endpoint: Endpoint, loop: Loop) -> None:
        """Start the thread at the first call."""
        self._name = name
        self._connection = Connection(endpoint)
        self._loop = loop
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self.is_busy = False

    def call(self, path: str, body: bytes, timeout: float, done: Callable[[Reply], None]) -> None:
        """Post; ``done`` gets the reply on the loop's thread. Only when not busy."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        self.is_busy = True
        self._jobs.put(_Job(path, body, timeout, done))

    def _serve(self) -> None:
        while True:
            job = self._jobs.get()
            reply = self._connection.post(job.path, job.body, job.timeout)
            self._loop.post(partial(self._deliver, job, reply))

    def _deliver(self, job: _Job, reply: Reply) -> None:
        self.is_busy = False
        job.done(reply)
