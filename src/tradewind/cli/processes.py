"""``standalone | worker | scheduler | api-server``: the processes that stay."""

import os
import sys
from typing import Annotated, NoReturn

import typer

from tradewind.cli.client import connect, read_server_file
from tradewind.config import Settings, read_settings
from tradewind.errors import ConflictError, RefusedError

Host = Annotated[
    str | None,
    typer.Option("--host", "-H", help="Address to listen on.", show_default=False),
]
Port = Annotated[
    int | None, typer.Option("--port", "-p", help="Port to listen on.", show_default=False)
]


def standalone(host: Host = None, port: Port = None) -> NoReturn:
    """Run Tradewind here, a server and a worker, until Ctrl-C."""
    if host is not None:
        os.environ["TRADEWIND__API__HOST"] = host
    if port is not None:
        os.environ["TRADEWIND__API__PORT"] = str(port)
    settings = read_settings()
    _refuse_second(settings)
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.dags_folder.mkdir(parents=True, exist_ok=True)
    _become(settings, "tradewind.server.launcher", str(settings.drain_seconds))


def worker(
    name: Annotated[
        str | None,
        typer.Option("--name", help="Its name; the host's if left out.", show_default=False),
    ] = None,
    queues: Annotated[
        str | None,
        typer.Option(
            "--queues", "-q", help="Queues it serves, separated by commas.", show_default=False
        ),
    ] = None,
) -> NoReturn:
    """Run a worker for the server of this home, until Ctrl-C."""
    if queues is not None:
        os.environ["TRADEWIND__WORKER__QUEUES"] = queues
    settings = read_settings()
    _become(settings, "tradewind.worker", *(["--name", name] if name else []))


def scheduler() -> NoReturn:
    """Refuse: on SQLite the scheduler is part of the server."""
    raise _needs_postgresql("scheduler")


def api_server() -> NoReturn:
    """Refuse: on SQLite the API is part of the server."""
    raise _needs_postgresql("api-server")


def _needs_postgresql(name: str) -> RefusedError:
    return RefusedError(
        "needs-postgresql",
        f"'{name}' as a process of its own needs PostgreSQL, and this home uses SQLite.",
        "'standalone' runs everything in one place.",
    )


def _refuse_second(settings: Settings) -> None:
    served = connect(settings)
    if served is None:
        return
    served.close()
    info = read_server_file(settings)
    where = f" at {info.url} (process {info.pid})" if info else ""
    raise ConflictError("already-running", f"Tradewind runs in {settings.home} already{where}.")


def _become(settings: Settings, module: str, *arguments: str) -> NoReturn:
    """Replace this process, so that a signal to it reaches what it started."""
    # Absolute, as children may work elsewhere.
    os.environ["TRADEWIND_HOME"] = str(settings.home)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606
