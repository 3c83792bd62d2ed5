"""The server process: API on an event loop, one writer thread, the scheduler's clock, the watcher.

Started by the launcher; runs no user code.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import secrets
import signal
import socket
import sys
import time

import uvicorn

from tradewind.api.app import build_app
from tradewind.api.bell import Bell
from tradewind.api.services import Services
from tradewind.codestore.bundle import Bundle, Scan
from tradewind.codestore.refresher import Refresher
from tradewind.codestore.watcher import Watcher
from tradewind.config import Settings, read_settings
from tradewind.errors import ConflictError, RefusedError, TradewindError
from tradewind.protocol.clock import Clock, SystemClock
from tradewind.protocol.lifeline import die_with_parent
from tradewind.protocol.ports import ConnectionValue
from tradewind.scheduler.cleaning import Cleaning
from tradewind.server.bundles import Bundles
from tradewind.server.collector import Collector
from tradewind.server.home import Home, write_server_file
from tradewind.server.keeper import Keeper
from tradewind.server.launcher import REFUSED
from tradewind.server.pacer import Pacer
from tradewind.store import bundles, connections
from tradewind.store.database import Tx, Writer
from tradewind.worker.process_log import start_process_log

log = logging.getLogger(__name__)

_PORTS_TRIED = 20
_TICK_SECONDS = 1.0
_LOCK_SECONDS = 5.0
_LOCK_LOOK_SECONDS = 0.05
_KEEP_ALIVE_SECONDS = 600
"""Workers' connections idle between calls; closing one would cost a claim its answer."""


class Server:
    """All parts of one server, from start to stop."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Open the home folder and wire the parts; nothing runs yet.

        Raises:
            TradewindError: The home is in use, or a setting cannot be obeyed.
        """
        self._settings = settings
        self._clock = clock
        self._socket = _listen(settings.host, settings.port)
        self._home = _open_home(settings, clock)
        self._bell, self._run_bell = Bell(), Bell()
        self._writer = Writer(
            self._home.database, on_undo=self._home.engine.forget, on_commit=self._ring
        )
        self._pacer = Pacer(self._home.engine, self._writer, clock)
        self._keeper = Keeper(
            settings,
            Cleaning(
                self._home.database, self._writer, self._home.engine, clock, settings.log_root
            ),
            clock,
        )
        token = secrets.token_urlsafe(32)
        app = build_app(
            Services(
                database=self._home.database,
                writer=self._writer,
                engine=self._home.engine,
                clock=clock,
                settings=settings,
                vault=self._home.vault,
                token=token,
                bell=self._bell,
                run_bell=self._run_bell,
            )
        )
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=5,
            )
        )
        self._token = token
        self._bundles = Bundles(settings, self._find_connection)
        self._watcher = Watcher(self._bundles.watched, self._on_change, self._on_fault)
        self._refresher = Refresher(self._bundles.refreshed, self._on_change, self._on_fault)
        self._collector = Collector(
            self._bundles.trees, self._home.database, self._writer.write, clock
        )

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then write down what is under way and close."""
        self._writer.start()
        self._pacer.start()
        self._keeper.start()
        self._writer.write(self._bundles.drop_others)
        self._bundles.trees.clean_up()
        self._watcher.start()
        self._refresher.start()
        self._collector.start()
        try:
            asyncio.run(self._serve())
        finally:
            self._settings.server_file.unlink(missing_ok=True)
            self._refresher.stop()
            self._collector.stop()
            self._watcher.stop()
            self._keeper.stop()
            self._pacer.stop()
            self._writer.stop()
            self._home.close()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        host, port = self._socket.getsockname()[:2]
        url = f"http://{host}:{port}"
        write_server_file(self._settings, url, self._token)
        self._announce(url, port)
        # What was imported stays: no collection need look at it again.
        gc.freeze()
        await self._uvicorn.serve(sockets=[self._socket])

    def _stop(self) -> None:
        self._uvicorn.stop()
        self._bell.close()
        self._run_bell.close()

    def _ring(self) -> None:
        rings = self._home.engine.take_rings()
        if rings is None or rings:
            self._bell.ring(rings)
        self._run_bell.ring(self._home.engine.take_moved_runs())
        self._pacer.look(self._home.engine.take_wake())

    def _find_connection(self, conn_id: str) -> ConnectionValue | None:
        with self._home.database.read() as tx:
            return connections.read_connection(tx, self._home.vault, conn_id)

    def _on_fault(self, bundle: Bundle, fault: str) -> None:
        def unit(tx: Tx) -> None:
            if fault:
                bundles.note_fault(tx, bundle.name, bundle.kind, fault, self._clock.now())
            else:
                bundles.note_healed(tx, bundle.name)

        self._writer.write(unit)

    def _on_change(self, bundle: Bundle, scan: Scan) -> None:
        self._bundles.keep_sources(scan)

        def unit(tx: Tx) -> None:
            self._bundles.apply_scan(tx, bundle, scan, self._clock)
            self._home.engine.ring_all()

        self._writer.write(unit)

    def _announce(self, url: str, port: int) -> None:
        settings = self._settings
        if settings.port not in (0, port):
            _say(f"Port {settings.port} is taken; using {port}.")
        _say(
            f"Tradewind is running: {url}\n"
            f"  Dags      {settings.dags_folder}\n"
            f"  data      {settings.home}\n"
            f"  logs      {settings.log_root}\n"
            f"Stop it with Ctrl-C."
        )


def _open_home(settings: Settings, clock: Clock) -> Home:
    """Open the home folder; a command that works in it without a server is waited for.

    Raises:
        ConflictError: It is still in use after a while.
    """
    until = clock.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return Home(settings, clock)
        except ConflictError as error:
            if error.code != "home-in-use" or clock.monotonic() > until:
                raise
        time.sleep(_LOCK_LOOK_SECONDS)


class _Uvicorn(uvicorn.Server):
    """Leaves signals to ``Server``, which must wake parked calls before the loop can end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def stop(self) -> None:
        """End at once; on the event loop only."""
        self.should_exit = True
        self._told.set()

    async def main_loop(self) -> None:
        """Renew the date header each second; an idle server is woken for nothing more."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _TICK_SECONDS)

    def capture_signals(self) -> "_NoCapture":  # type: ignore[override]
        """Capture none."""
        return _NoCapture()


class _NoCapture:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _listen(host: str, port: int) -> socket.socket:
    """Bind the port, or the next free one.

    Raises:
        RefusedError: The address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    tried = [*range(port, port + _PORTS_TRIED), 0] if port else [0]
    for number in tried:
        # asyncio turns off Nagle's delay only where a socket names its protocol: without it each
        # answer waits 40 ms for an acknowledgement that is itself delayed.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, number))
            bound.listen(512)
        except (OSError, OverflowError) as error:
            bound.close()
            if isinstance(error, OSError) and error.errno not in _TAKEN:
                raise RefusedError(
                    "address-not-usable",
                    f"The server cannot listen on {host} port {number}: {error.strerror}.",
                    "Change [api] host or port.",
                ) from error
        else:
            return bound
    raise RefusedError("no-free-port", f"No port is free on {host}.")


_TAKEN = frozenset({98, 48, 13})
"""EADDRINUSE on Linux and macOS, EACCES: the next port may do."""


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Start a server on the home of the environment; the launcher's entry."""
    parser = argparse.ArgumentParser(prog="tradewind.server.main")
    parser.add_argument("--parent", type=int, default=0)
    parent = parser.parse_args().parent
    if parent:
        die_with_parent(parent)
    try:
        settings = read_settings()
        start_process_log(settings.log_root, "server")
        server = Server(settings, SystemClock())
    except TradewindError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
