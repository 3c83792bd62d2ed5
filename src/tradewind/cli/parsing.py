"""Parses Dag files where no server runs: for the first command on a new home.

The worker's own parts, with the engine in this process instead of a server behind HTTP. Each file
is still imported by a process of its own, under the same limits.
"""

import os
import socket
from collections.abc import Callable

from tradewind.codestore.bundle import BundleError
from tradewind.config import Settings
from tradewind.protocol.callbacks import CallbackOrder
from tradewind.protocol.child import Ask, Told
from tradewind.protocol.clock import Clock
from tradewind.protocol.exchange import Answer, Call, CallReply, Exchange, Register
from tradewind.protocol.masking import Masker
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.ports import ConnectionValue
from tradewind.protocol.reports import ParseReport
from tradewind.server.bundles import Bundles
from tradewind.server.home import Home
from tradewind.store import bundles, connections
from tradewind.worker.loop import Loop
from tradewind.worker.parses import Parses
from tradewind.worker.pool import Pool
from tradewind.worker.questions import Questions

_GOOD_FOR_SECONDS = 24 * 3600.0
"""The fence guards against a lost server; here the server is this process."""

_LOOK_SECONDS = 0.5

Say = Callable[[str], None]


def parse_due_files(home: Home, settings: Settings, clock: Clock, say: Say) -> int:
    """Look at all Dag folders, parse what is new or changed, and answer how many files that was.

    Args:
        home: Opened by this process.
        settings: This process's.
        clock: What time it is.
        say: Told how it goes on.
    """
    due = 0

    def find(conn_id: str) -> ConnectionValue | None:
        with home.database.read() as tx:
            return connections.read_connection(tx, home.vault, conn_id)

    known = Bundles(settings, find)
    for bundle in known.all:
        try:
            scan = bundle.scan()
        except BundleError as error:
            say(str(error))
            with home.database.begin() as tx:
                bundles.note_fault(tx, bundle.name, bundle.kind, str(error), clock.now())
            continue
        if scan.is_missing:
            say(f"There is no folder {bundle.source}.")
            continue
        due += len(scan.manifest.dag_files)
        known.keep_sources(scan)
        with home.database.begin() as tx:
            known.apply_scan(tx, bundle, scan, clock)
    return _Parsing(home, settings, clock, say).run(due) if due else 0


class _Parsing:
    """A worker that only parses, and whose server is the engine beside it."""

    def __init__(self, home: Home, settings: Settings, clock: Clock, say: Say) -> None:
        self._home = home
        self._clock = clock
        self._say = say
        self._slots = max(settings.parse_slots, os.cpu_count() or 1)
        self._loop = Loop(clock)
        self._pool = Pool(self._loop, self)
        questions = _Questions(self._answer)
        self._parses = Parses(self._loop, self._pool, self, Masker(), questions, self._slots)
        self._reports: list[ParseReport] = []
        self._worker_id = ""
        self._seq = 0

    def run(self, most: int) -> int:
        self._register()
        self._pool.good_until(self._clock.boottime() + _GOOD_FOR_SECONDS)
        self._pool.start()
        done = 0
        try:
            while self._exchange().parses or self._parses.held:
                if not done:
                    self._say(f"Reading Dag files ({most}) ...")
                while not self._reports:
                    self._pool.flush()
                    self._loop.run_once(_LOOK_SECONDS)
                done += len(self._reports)
        finally:
            self._parses.drop_all()
            self._pool.close()
            with self._home.database.begin() as tx:
                self._home.engine.goodbye(tx, self._worker_id, self._clock.now())
        return done

    def _register(self) -> None:
        message = Register(
            name="command",
            host=socket.gethostname(),
            pid=os.getpid(),
            slots=0,
            parse_slots=self._slots,
            queues=(),
        )
        with self._home.database.begin() as tx:
            registered = self._home.engine.register(tx, message, self._clock.now())
        self._worker_id = registered.worker_id

    def _exchange(self) -> Answer:
        self._seq += 1
        reports, self._reports = tuple(self._reports), []
        message = Exchange(
            worker_id=self._worker_id,
            seq=self._seq,
            parsed=reports,
            held=(),
            parsing=self._parses.held,
        )
        with self._home.database.begin() as tx:
            answer = self._home.engine.exchange(tx, message, self._clock.now())
        for order in answer.parses:
            self._parses.take(order)
        return answer

    def _answer(self, call: Call) -> CallReply:
        with self._home.database.begin() as tx:
            return self._home.engine.call(tx, call, self._clock.now())

    # What ``Parses`` and ``Pool`` tell.

    def add_parsed(self, report: ParseReport) -> None:
        self._reports.append(report)

    def on_forked(self, key: int, pid: int) -> None:
        self._parses.on_forked(-key, pid)

    def on_exited(self, key: int, pid: int, status: int) -> None:
        self._parses.on_exited(-key, pid, status)

    def on_zygote_lost(self, key: int, *, was_sent: bool) -> None:
        del was_sent
        self._parses.on_zygote_lost(-key)

    def on_import_ask(
        self, ask: Ask, order: TaskOrder | CallbackOrder, tell: Callable[[Told], None]
    ) -> None:
        """No attempt runs here."""

    def note(self, order: TaskOrder | CallbackOrder, text: str) -> None:
        """No attempt runs here."""


class _Questions(Questions):
    """Answers at once, in the thread that asks."""

    def __init__(self, answer: Callable[[Call], CallReply]) -> None:
        self._answer = answer

    def ask(
        self, call: Call, is_wanted: Callable[[], bool], answer: Callable[[CallReply], None]
    ) -> None:
        del is_wanted
        answer(self._answer(call))
