"""A real ``tradewind standalone`` on a home of its own, and the HTTP it is spoken to with."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from benchmarks.processes import find_orphans

T = TypeVar("T")

Json = dict[str, Any]

TRADEWIND = Path(sys.executable).with_name("tradewind")
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.02
"""How often an answer is asked for: the most by which a figure can be too large."""

_PAGE = 100


class Api:
    """One kept-alive connection to the API of a running server."""

    def __init__(self, url: str, token: str) -> None:
        """Connect on the first call."""
        address = urlsplit(url)
        self._http = http.client.HTTPConnection(
            address.hostname or "127.0.0.1", address.port, timeout=60
        )
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Json | None = None, **params: Any) -> Json:
        """Make one call to a path below ``/api/v2``.

        Raises:
            RuntimeError: The server refused it.
        """
        target = f"/api/v2{path}" + (f"?{urlencode(params)}" if params else "")
        raw = None if body is None else json.dumps(body).encode()
        self._http.request(method, target, raw, self._headers)
        answer = self._http.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {target}: {answer.status} {content.decode()[:500]}")
        found: Json = json.loads(content) if content else {}
        return found

    def get(self, path: str, **params: Any) -> Json:
        """Read one thing."""
        return self.call("GET", path, **params)

    def post(self, path: str, body: Json) -> Json:
        """Create one thing."""
        return self.call("POST", path, body)

    def pages(self, path: str, key: str, **params: Any) -> Iterator[Json]:
        """Read a list to its end."""
        offset = 0
        while True:
            page = self.get(path, limit=_PAGE, offset=offset, **params)
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= page["total_entries"]:
                return

    def trigger(self, dag_id: str, logical_date: str | None = None) -> str:
        """Start a run; answer its id."""
        run = self.post(f"/dags/{quote(dag_id)}/dagRuns", {"logical_date": logical_date})
        return str(run["dag_run_id"])

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float = 300.0) -> Json:
        """Wait until a run has ended well; answer it.

        Raises:
            RuntimeError: It failed, or did not end.
        """
        path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"
        run = wait_until(
            lambda: self.get(path), lambda it: it["state"] in ("success", "failed"), seconds, run_id
        )
        if run["state"] != "success":
            raise RuntimeError(f"Run {run_id} of {dag_id} failed.")
        return run

    def instances(self, dag_id: str, run_id: str) -> list[Json]:
        """Answer all task instances of a run."""
        path = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}/taskInstances"
        return list(self.pages(path, "task_instances"))

    def log_of(self, dag_id: str, run_id: str, task_id: str) -> str:
        """Answer the log of a task's first try, as the server gives it."""
        run = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"
        return json.dumps(self.get(f"{run}/taskInstances/{task_id}/logs/1"))

    def xcom_of(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """Answer what a task returned, as the server gives it."""
        run = f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"
        return self.get(f"{run}/taskInstances/{task_id}/xcomEntries/return_value")["value"]

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


class Standalone:
    """One installation in a folder: ``home`` and ``dags``, started and stopped at will."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """Start nothing yet.

        Args:
            folder: Where ``home`` and ``dags`` are made.
            settings: Environment variables beside the home's; all other settings are as shipped.
        """
        self.home = folder / "home"
        self.dags = folder / "dags"
        self.dags.mkdir(parents=True, exist_ok=True)
        self.output = folder / "standalone.log"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TRADEWIND", "AIRFLOW"))},
            "TRADEWIND_HOME": str(self.home),
            "TRADEWIND__CORE__DAGS_FOLDER": str(self.dags),
            # Any free port: others may run their Tradewind on this machine.
            "TRADEWIND__API__PORT": "0",
            **(settings or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._api: Api | None = None

    @property
    def pid(self) -> int:
        """The launcher's pid."""
        assert self._process is not None, "not started"  # noqa: S101
        return self._process.pid

    @property
    def api(self) -> Api:
        """The connection to it."""
        assert self._api is not None, "not started"  # noqa: S101
        return self._api

    def start(self) -> float:
        """Start it; answer the seconds until all its parts are healthy.

        Raises:
            RuntimeError: It ended, or was not healthy in time.
        """
        started = time.monotonic()
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [TRADEWIND, "standalone"],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        wait_until(self._health, _is_healthy, _START_SECONDS, f"health ({self.output})")
        return time.monotonic() - started

    def _health(self) -> Json:
        if self._process is not None and self._process.poll() is not None:
            tail = self.output.read_text(encoding="utf-8")[-2000:]
            raise RuntimeError(f"standalone ended with {self._process.returncode}:\n{tail}")
        try:
            if self._api is None:
                told = json.loads((self.home / "server.json").read_text(encoding="utf-8"))
                self._api = Api(told["url"], told["token"])
            return self._api.get("/monitor/health")
        except (OSError, ValueError, http.client.HTTPException):
            self._api = None
            return {}

    def stop(self) -> None:
        """Stop it as Ctrl-C does.

        Raises:
            RuntimeError: It left a process behind.
        """
        if self._api is not None:
            self._api.close()
            self._api = None
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_STOP_SECONDS)
        finally:
            self._process.kill()
            self._process = None
        if orphans := find_orphans(self.home):
            raise RuntimeError(f"standalone left processes behind: {orphans}")

    @contextmanager
    def running(self) -> Iterator[Api]:
        """Start it for the length of a block."""
        try:
            self.start()
            yield self.api
        finally:
            self.stop()

    def wait_for_dags(self, count: int, seconds: float = 120.0) -> None:
        """Wait until so many Dags are visible."""
        wait_until(
            lambda: int(self.api.get("/dags", limit=1)["total_entries"]),
            lambda found: found >= count,
            seconds,
            f"{count} Dags",
        )


def wait_until(read: Callable[[], T], is_good: Callable[[T], bool], seconds: float, what: str) -> T:
    """Ask again and again until the answer is good.

    Raises:
        RuntimeError: It was not in time; says the last answer.
    """
    deadline = time.monotonic() + seconds
    while not is_good(found := read()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not in {seconds:.0f} s; last answer: {str(found)[:500]}")
        time.sleep(_POLL_SECONDS)
    return found


def _is_healthy(health: Json) -> bool:
    parts = ("metadatabase", "scheduler", "dag_processor")
    return bool(health) and all(health[part]["status"] == "healthy" for part in parts)
