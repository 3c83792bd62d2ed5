"""The scheduler's engine, over its database, ends random Dags as the slow interpreter says."""

from datetime import timedelta
from pathlib import Path
from random import Random

import msgspec

from tests.conformance.store.catalog import manifest, report_on
from tests.property.interpreter import fate_of, interpret
from tests.property.random_runs import Fate, random_dag
from tests.property.test_runs_end_as_interpreted import START, differences
from tradewind.core.spec import DagSpec
from tradewind.core.states import TERMINAL_RUN, LegState, TaskState
from tradewind.protocol.exchange import Answer, Exchange, Register
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.reports import Finish, XComPush
from tradewind.scheduler.engine import Engine
from tradewind.scheduler.wishes import Trigger
from tradewind.store.bundles import upsert_bundle
from tradewind.store.database import Database
from tradewind.store.files import apply_discovery
from tradewind.store.migrations import create_schema
from tradewind.store.runs import read_run
from tradewind.store.secrets import Vault
from tradewind.store.tasks import read_instances

DAGS = 150
OUTCOME = {"s": LegState.SUCCESS, "f": LegState.FAILED, "k": LegState.SKIPPED}


class Server:
    """An engine, and a worker that ends each task as its fate says."""

    def __init__(
        self, specs: list[DagSpec], fates: dict[str, Fate], rng: Random, home: Path
    ) -> None:
        self.fates = fates
        self.rng = rng
        self.now = START
        self.seq = 0
        self.database = Database(None)
        create_schema(self.database)
        self.engine = Engine(Vault("", home / "key"))
        with self.database.begin() as tx:
            self.engine.open(tx, self.now)
            upsert_bundle(tx, "main", "/nowhere", "dags")
            apply_discovery(tx, "main", manifest({"dags/all.py": "1"}), self.now)
        self.worker = self.register()
        (order,) = self.exchange().parses
        self.exchange(parsed=(report_on(order, *specs),))

    def register(self) -> str:
        with self.database.begin() as tx:
            message = Register(
                version=1, name="w", host="h", pid=1, slots=8, parse_slots=1, queues=("default",)
            )
            return self.engine.register(tx, message, self.now).worker_id

    def exchange(self, **said: object) -> Answer:
        self.seq += 1
        with self.database.begin() as tx:
            message = Exchange(worker_id=self.worker, seq=self.seq, **said)  # type: ignore[arg-type]
            return self.engine.exchange(tx, message, self.now)

    def finish(self, order: TaskOrder) -> Finish:
        fate, place = self.fates[order.run.dag_id], (order.task_id, order.map_path)
        end = fate.end(*place, order.try_number)
        good = end == "s"
        pushed = fate.pushes(*place, order.try_number) if good else {}
        return Finish(
            attempt_id=order.attempt_id,
            epoch=order.epoch,
            token=order.token,
            outcome=OUTCOME[end],
            xcoms=tuple(
                XComPush(
                    attempt_id=order.attempt_id,
                    epoch=order.epoch,
                    key=key,
                    value=b"[]",
                    length=length,
                )
                for key, length in pushed.items()
            ),
            skips=fate.skips(*place, order.try_number) if good else (),
        )

    def run(self, dag_id: str) -> int:
        with self.database.begin() as tx:
            pk = self.engine.trigger(tx, Trigger(dag_id=dag_id, run_id="r"), self.now).pk
        held: list[TaskOrder] = []
        for _ in range(5_000):
            done = held.pop(self.rng.randrange(len(held))) if held else None
            answer = self.exchange(
                finishes=() if done is None else (self.finish(done),),
                held=tuple(one.attempt_id for one in held),
            )
            held += answer.claims
            with self.database.read() as tx:
                if read_run(tx, dag_id, "r").state in TERMINAL_RUN:  # type: ignore[union-attr]
                    return pk
            if not held:
                self.now += timedelta(seconds=1)
                with self.database.begin() as tx:
                    self.engine.tick(tx, self.now)
            if self.rng.random() < 0.05:
                self.engine.forget()
        raise AssertionError("the run does not end")


def test_the_engine_ends_runs_as_interpreted(tmp_path: Path) -> None:
    specs, fates = [], {}
    for seed in range(DAGS):
        name = f"d{seed}"
        specs.append(
            msgspec.structs.replace(
                random_dag(Random(seed)),
                dag_id=name,
                file="dags/all.py",
                is_paused_upon_creation=False,
            )
        )
        fates[name] = fate_of(specs[-1], seed)
    server = Server(specs, fates, Random(1), tmp_path)
    for seed, spec in enumerate(specs):
        due, fails = interpret(spec, seed)
        pk = server.run(spec.dag_id)
        with server.database.read() as tx:
            rows = read_instances(tx, pk)
            state = read_run(tx, spec.dag_id, "r").state  # type: ignore[union-attr]
        found = {(row.task_id, row.map_path): row.state for row in rows}
        wrong = differences(found, due)
        assert not wrong, f"seed {seed}: (instance, ought, is) {wrong}"
        assert (state == "failed") == fails
        indices = [(row.task_id, row.map_index) for row in rows]
        assert len(set(indices)) == len(indices)
        assert all(row.state is not TaskState.NONE for row in rows)
    server.database.close()
