"""One engine over SQLite in memory, a clock that a test moves, and workers that do as told."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from cryptography.fernet import Fernet

from tradewind.core.manifest import Manifest, manifest_digest
from tradewind.core.runs import Run
from tradewind.core.spec import DagSpec, TaskSpec
from tradewind.core.states import LegState
from tradewind.protocol.exchange import Answer, Exchange, Register
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.reports import Closure, Finish, ParseReport
from tradewind.scheduler.engine import Engine
from tradewind.scheduler.wishes import BackfillWish, Trigger
from tradewind.store import runs, tasks
from tradewind.store.bundles import upsert_bundle
from tradewind.store.database import Database, Tx
from tradewind.store.files import apply_discovery
from tradewind.store.migrations import create_schema
from tradewind.store.secrets import Vault

NOW = datetime(2026, 4, 20, 8, tzinfo=UTC)
VAULT = Vault(Fernet.generate_key().decode())
NOTHING: Mapping[str, Any] = {}
T = TypeVar("T")


def a_dag(dag_id: str = "d", *tasks: TaskSpec, **fields: Any) -> DagSpec:
    found = tasks or (TaskSpec(task_id="t", operator="x.Op"),)
    fields.setdefault("is_paused_upon_creation", False)
    return DagSpec(dag_id=dag_id, file=f"dags/{dag_id}.py", tasks=found, **fields)


def empty(task_id: str = "t", **fields: Any) -> TaskSpec:
    return TaskSpec(task_id=task_id, operator="x.Empty", is_empty=True, **fields)


class AWorker:
    """Holds what it is given until it is told how that ended."""

    def __init__(self, place: "Place", slots: int) -> None:
        self.place = place
        message = Register(name="w", host="here", pid=1, slots=slots, parse_slots=50)
        self.id = place.do(lambda e, tx: e.register(tx, message, place.now)).worker_id
        self.held: dict[int, TaskOrder] = {}
        self._seq = count(1)

    def exchange(self, **fields: Any) -> Answer:
        """Say what is held and whatever else; keep what is given."""
        message = Exchange(
            worker_id=self.id, seq=next(self._seq), held=tuple(self.held), parsing=(), **fields
        )
        answer = self.place.do(lambda e, tx: e.exchange(tx, message, self.place.now))
        self.held |= {order.attempt_id: order for order in answer.claims}
        return answer

    def ask(self) -> list[TaskOrder]:
        """Answer all that is held after asking for more."""
        self.exchange()
        return list(self.held.values())

    def end(
        self,
        order: TaskOrder,
        outcome: LegState = LegState.SUCCESS,
        said: Mapping[str, Any] = NOTHING,
        **fields: Any,
    ) -> Answer:
        """Tell how an attempt ended, and what else is ``said`` in the same request."""
        del self.held[order.attempt_id]
        done = Finish(
            attempt_id=order.attempt_id,
            epoch=order.epoch,
            token=order.token,
            outcome=outcome,
            started_at=self.place.now,
            ended_at=self.place.now,
            **fields,
        )
        return self.exchange(finishes=(done,), **said)

    def leave(self) -> None:
        self.place.do(lambda e, tx: e.goodbye(tx, self.id, self.place.now))


class Place:
    """The installation; each of its doings is one transaction."""

    def __init__(self) -> None:
        self.now = NOW
        self.database = Database(None)
        create_schema(self.database, default_pool_slots=8)
        self.specs: dict[str, DagSpec] = {}
        self.restart()
        with self.database.begin() as tx:
            upsert_bundle(tx, "main", "/srv", "/srv/dags")

    def close(self) -> None:
        self.database.close()

    def do(self, work: Callable[[Engine, Tx], T]) -> T:
        try:
            with self.database.begin() as tx:
                return work(self.engine, tx)
        except BaseException:
            self.engine.forget()
            raise

    def read(self, work: Callable[[Tx], T]) -> T:
        with self.database.read() as tx:
            return work(tx)

    def restart(self) -> None:
        """End the server process, and start another one now."""
        self.engine = Engine(VAULT)
        self.do(lambda e, tx: e.open(tx, self.now))

    def worker(self, slots: int = 8) -> AWorker:
        return AWorker(self, slots)

    def save(self, *specs: DagSpec) -> None:
        """Save each Dag in a file of its own, and have them parsed."""
        self.specs |= {spec.file: spec for spec in specs}
        files = {name: str(hash(repr(spec))) for name, spec in self.specs.items()}
        manifest = Manifest(files=files, dag_files=frozenset(files), digest=manifest_digest(files))
        self.do(lambda e, tx: apply_discovery(tx, "main", manifest, self.now))
        self.do(lambda e, tx: e.ring_all())
        parser = self.worker(slots=0)
        reports = tuple(
            ParseReport(
                job_id=order.job_id,
                epoch=order.epoch,
                file=order.file,
                dags=(self.specs[order.file],),
                closure=Closure(files=(order.file,)),
            )
            for order in parser.exchange().parses
        )
        parser.exchange(parsed=reports)
        parser.leave()

    def tick(self, **later: float) -> datetime | None:
        """Let time pass and have the engine look; answer when it wants to look again."""
        self.now += timedelta(**later)
        return self.do(lambda e, tx: e.tick(tx, self.now))

    def tick_until(self, until: datetime, most: int = 1000) -> int:
        """Look whenever the engine wants to; answer how many looks that took."""
        for looks in range(1, most + 1):
            due = self.tick()
            if due is None or due > until:
                return looks
            self.now = max(self.now, due)
        raise AssertionError(f"It looked {most} times and wants to look again")

    def recover(self) -> None:
        """Tell the engine that the clock jumped."""
        self.do(lambda e, tx: e.recover(tx, self.now))

    def trigger(self, dag_id: str = "d", **fields: Any) -> Run:
        wish = Trigger(dag_id=dag_id, **fields)
        return self.do(lambda e, tx: e.trigger(tx, wish, self.now))

    def backfill(self, dag_id: str, first: datetime, last: datetime, **fields: Any) -> None:
        wish = BackfillWish(dag_id=dag_id, from_date=first, to_date=last, **fields)
        self.do(lambda e, tx: e.create_backfill(tx, wish, self.now))

    def pause(self, dag_id: str = "d", paused: bool = True) -> None:
        self.do(lambda e, tx: e.set_paused(tx, [dag_id], paused, self.now))

    def runs(self, dag_id: str = "d") -> list[Run]:
        """Answer the runs of a Dag, the first made first."""
        wish = runs.RunFilter(dag_id=dag_id)
        found = self.read(lambda tx: runs.list_runs(tx, wish, limit=1000))
        return sorted(found, key=lambda run: run.pk)

    def states(self, run: Run) -> dict[str, str]:
        found = self.read(lambda tx: tasks.read_instances(tx, run.pk))
        return {one.task_id + one.map_path: one.state.value for one in found}
