"""A whole server without a socket: real database file, writer thread, engine and application."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tradewind.api.app import build_app
from tradewind.api.bell import Bell
from tradewind.api.inprocess import Reply, call_app
from tradewind.api.services import Services
from tradewind.config import read_settings
from tradewind.core.manifest import Manifest, manifest_digest
from tradewind.core.spec import DagSpec, RetrySpec, TaskSpec
from tradewind.core.states import LegState
from tradewind.core.timetables import CronTrigger
from tradewind.protocol.exchange import Answer, Exchange, Register, Registered
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.reports import Closure, Finish, ImportFault, ParseReport, XComPush
from tradewind.scheduler.engine import Engine
from tradewind.store.bundles import upsert_bundle
from tradewind.store.database import Database, Tx, Writer
from tradewind.store.files import apply_discovery
from tradewind.store.migrations import migrate
from tradewind.store.secrets import Vault

NOW = datetime(2026, 4, 20, 8, tzinfo=UTC)
TOKEN = "correct-horse"
START = datetime(2026, 4, 1, tzinfo=UTC)
FILES = {"dags/sales.py": "1", "dags/other.py": "2", "dags/broken.py": "3"}

SALES = DagSpec(
    dag_id="daily_sales",
    file="dags/sales.py",
    timetable=CronTrigger(cron="0 0 * * *"),
    schedule_text="@daily",
    start_date=START,
    tags=("sales", "daily"),
    owners=("ann",),
    description="Loads the day's sales.",
    is_paused_upon_creation=False,
    tasks=(
        TaskSpec(task_id="extract", operator="shop.ops.Fetch", retry=RetrySpec(retries=1)),
        TaskSpec(
            task_id="load",
            operator="shop.ops.Load",
            upstream=("extract",),
            max_active_tis_per_dag=2,
            execution_timeout_seconds=90_000.5,
        ),
    ),
)
OTHER = DagSpec(
    dag_id="weekly_report",
    file="dags/other.py",
    is_paused_upon_creation=True,
    tasks=(TaskSpec(task_id="report", operator="x.Op"),),
)


class StandingClock:
    """Time as a test sets it."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def boottime(self) -> float:
        return self.at.timestamp()


class Stack:
    """The parts, and the ways a test speaks to them."""

    def __init__(self, home: Path) -> None:
        self.settings = read_settings({"TRADEWIND_HOME": str(home)}, home)
        self.clock = StandingClock()
        self.database = Database(self.settings.database_path)
        migrate(self.database)
        vault = Vault("", home / "secret.key")
        self.engine = Engine(vault, log_root=str(self.settings.log_root))
        self.bell, self.run_bell = Bell(), Bell()
        self.writer = Writer(
            self.database,
            on_undo=self.engine.forget,
            on_commit=self.ring,
        )
        self.writer.start()
        self.writer.write(lambda tx: self.engine.open(tx, NOW))
        self.services = Services(
            database=self.database,
            writer=self.writer,
            engine=self.engine,
            clock=self.clock,
            settings=self.settings,
            vault=vault,
            token=TOKEN,
            bell=self.bell,
            run_bell=self.run_bell,
        )
        self.app = build_app(self.services)
        self._seq = 0

    def close(self) -> None:
        self.writer.stop()
        self.database.close()

    def ring(self) -> None:
        self.bell.ring(self.engine.take_rings())
        self.run_bell.ring(self.engine.take_moved_runs())

    def tick(self) -> None:
        self.writer.write(lambda tx: self.engine.tick(tx, self.clock.now()))

    def call(
        self,
        method: str,
        target: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        given = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        data = b"" if body is None else json.dumps(body).encode()
        return call_app(self.app, method, target, headers=given | (headers or {}), body=data)

    def get(self, target: str, status: int = 200) -> Any:
        return self.ask("GET", target, status=status)

    def ask(self, method: str, target: str, body: Any = None, *, status: int = 200) -> Any:
        reply = self.call(method, target, body)
        assert reply.status == status, reply.body
        return reply.json()

    def work(self, path: str, message: msgspec.Struct, status: int = 200) -> bytes:
        headers = {"authorization": f"Bearer {TOKEN}"}
        body = msgspec.msgpack.encode(message)
        reply = call_app(self.app, "POST", path, headers=headers, body=body)
        assert reply.status == status, reply.body
        return reply.body

    def register(self, **fields: Any) -> str:
        values: dict[str, Any] = {"name": "w", "host": "here", "pid": 1, "slots": 8}
        values |= {"parse_slots": 8} | fields
        body = self.work("/work/register", Register(**values))
        return msgspec.msgpack.decode(body, type=Registered).worker_id

    def exchange(self, worker_id: str, **fields: Any) -> Answer:
        self._seq += 1
        message = Exchange(worker_id=worker_id, seq=self._seq, **fields)
        return msgspec.msgpack.decode(self.work("/work/exchange", message), type=Answer)

    def discover(self, root: Path) -> None:
        def unit(tx: Tx) -> None:
            upsert_bundle(tx, "main", str(root), str(root / "dags"))
            manifest = Manifest(
                files=FILES, dag_files=frozenset(FILES), digest=manifest_digest(FILES)
            )
            apply_discovery(tx, "main", manifest, NOW)

        self.writer.write(unit)

    def parse(self, worker_id: str) -> None:
        """Do what a worker does with the files it is given."""
        held: dict[str, tuple[DagSpec, ...]] = {
            "dags/sales.py": (SALES,),
            "dags/other.py": (OTHER,),
        }
        orders = self.exchange(worker_id).parses
        reports = []
        for order in orders:
            fault = ImportFault(file=order.file, message="NameError: x", line=3, traceback="Trace")
            reports.append(
                ParseReport(
                    job_id=order.job_id,
                    epoch=order.epoch,
                    file=order.file,
                    dags=held.get(order.file, ()),
                    faults=() if order.file in held else (fault,),
                    closure=Closure(files=(order.file,)),
                )
            )
        self.exchange(worker_id, parsed=tuple(reports))

    def finish(
        self, worker_id: str, order: TaskOrder, outcome: LegState, value: bytes | None = None
    ) -> Answer:
        pushes: tuple[XComPush, ...] = ()
        if value is not None:
            pushes = (
                XComPush(
                    attempt_id=order.attempt_id,
                    epoch=order.epoch,
                    key="return_value",
                    value=value,
                ),
            )
        done = Finish(
            attempt_id=order.attempt_id,
            epoch=order.epoch,
            token=order.token,
            outcome=outcome,
            started_at=self.clock.now(),
            ended_at=self.clock.now(),
            xcoms=pushes,
        )
        return self.exchange(worker_id, finishes=(done,))

    def trigger(self, dag_id: str = "daily_sales", **fields: Any) -> Any:
        body = {"logical_date": None} | fields
        return self.ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path)
    yield made
    made.close()


@pytest.fixture
def worker(stack: Stack, tmp_path: Path) -> str:
    """A worker that has parsed the Dag files of the stack."""
    stack.discover(tmp_path / "project")
    worker_id = stack.register()
    stack.parse(worker_id)
    return worker_id
