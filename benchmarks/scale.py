"""What a task costs in a run of a thousand, of ten thousand: parsed, scheduled and finished.

The engine over SQLite in memory, with a worker that ends each task at once: what is measured is
what the server does, in seconds of its processor. No process is forked.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, spread
from benchmarks.machine import read_load
from benchmarks.options import Options
from tradewind import DAG, EmptyOperator
from tradewind.core.manifest import Manifest, manifest_digest
from tradewind.core.spec import DagSpec, GroupSpec, MapAxis, MapSpec, TaskSpec
from tradewind.core.states import TERMINAL_RUN, LegState
from tradewind.protocol.exchange import PROTOCOL_VERSION, Answer, Exchange, Register
from tradewind.protocol.reports import Closure, Finish, ParseReport, XComPush
from tradewind.runtime.serialize import serialize_dag
from tradewind.scheduler.engine import Engine
from tradewind.scheduler.wishes import Trigger
from tradewind.store.bundles import upsert_bundle
from tradewind.store.database import Database
from tradewind.store.files import apply_discovery
from tradewind.store.migrations import create_schema
from tradewind.store.runs import read_run
from tradewind.store.secrets import Vault

SMALL, LARGE = 1_000, 10_000
TARGET = 1.3
LEVELS, TASKS = 200, 5_000
_NOW = datetime(2026, 5, 1, tzinfo=UTC)
_FILE = "dags/scale.py"
_SLOTS = 64

log = logging.getLogger(__name__)


def measure(options: Options) -> list[Figure]:
    """Measure each shape at both sizes, in turns."""
    shapes: list[tuple[str, Callable[[int], DagSpec]]] = [
        ("mapped task", mapped),
        ("mapped group of 2 tasks", mapped_group),
        (f"Dag of {LEVELS} levels", deep),
    ]
    figures = [
        _compare(options, f"{name}: engine, per task", shape, options.folder)
        for name, shape in shapes
    ]
    figures.append(_compare_parse(options))
    return figures


def _compare(options: Options, name: str, shape: Callable[[int], DagSpec], folder: Path) -> Figure:
    load = read_load()
    sizes = (SMALL, TASKS) if shape is deep else (SMALL, LARGE)
    costs: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(options.rounds):
        for size in sizes:
            costs[size].append(run_cost(shape(size), folder))
    return _figure(options, name, costs, load)


def _compare_parse(options: Options) -> Figure:
    load = read_load()
    costs: dict[int, list[float]] = {SMALL: [], TASKS: []}
    for _ in range(options.rounds):
        for size in costs:
            costs[size].append(parse_cost(size))
    return _figure(options, f"Dag of {LEVELS} levels: parse, per task", costs, load)


def _figure(options: Options, name: str, costs: dict[int, list[float]], load: float) -> Figure:
    (small, few), (large, many) = costs.items()
    ratio = median(many) / median(few)
    told = "; ".join(
        f"{spread([cost * 1e6 for cost in of], 0, ' us')} at {size:,}" for size, of in costs.items()
    )
    return Figure(
        name=name,
        target=f"at {large:,} <= {TARGET} x that at {small:,}",
        measured=f"{ratio:.2f} x",
        passed=ratio <= TARGET,
        runs=options.rounds,
        load=load,
        note=told,
    )


def mapped(size: int) -> DagSpec:
    """Answer a Dag with one task over that many items, and one behind it."""
    over = MapSpec(axes=(MapAxis(name="x", task_id="list"),))
    tasks = (
        TaskSpec(task_id="list", operator="o"),
        TaskSpec(task_id="each", operator="o", upstream=("list",), mapping=over),
        TaskSpec(task_id="sum", operator="o", upstream=("each",)),
    )
    return _dag(tasks, size)


def mapped_group(size: int) -> DagSpec:
    """Answer a Dag with a group of two tasks, that many in all, mapped over items."""
    over = MapSpec(axes=(MapAxis(name="x", task_id="list"),))
    tasks = (
        TaskSpec(task_id="list", operator="o"),
        TaskSpec(task_id="g.read", operator="o", group="g", upstream=("list",)),
        TaskSpec(task_id="g.load", operator="o", group="g", upstream=("g.read",)),
        TaskSpec(task_id="sum", operator="o", upstream=("g.load",)),
    )
    return _dag(tasks, size // 2, groups={"g": GroupSpec(mapping=over)})


def deep(size: int) -> DagSpec:
    """Answer a Dag of that many tasks on as many levels as there are, each below two."""
    wide = size // LEVELS
    tasks = tuple(
        TaskSpec(
            task_id=f"t{number:05}",
            operator="o",
            upstream=tuple(
                f"t{(number // wide - 1) * wide + place:05}"
                for place in sorted({number % wide, (number + 1) % wide})
            )
            if number >= wide
            else (),
        )
        for number in range(size)
    )
    return _dag(tasks, 0)


def _dag(
    tasks: tuple[TaskSpec, ...], length: int, groups: dict[str, GroupSpec] | None = None
) -> DagSpec:
    return DagSpec(
        dag_id="scale",
        file=_FILE,
        tasks=tasks,
        groups=groups or {},
        max_active_tasks=100_000,
        is_paused_upon_creation=False,
        description=str(length),
    )


def parse_cost(size: int) -> float:
    """Answer what a task costs from its constructor to data, in seconds of the processor."""
    wide = size // LEVELS
    began = time.process_time()
    with DAG("scale") as dag:
        above: list[EmptyOperator] = []
        for level in range(LEVELS):
            row = [EmptyOperator(task_id=f"t{level}_{place}") for place in range(wide)]
            for place, task in enumerate(row if above else ()):
                task << [above[place], above[(place + 1) % wide]]
            above = row
    serialize_dag(dag, _FILE)
    return (time.process_time() - began) / size


def run_cost(spec: DagSpec, folder: Path) -> float:
    """Answer what a task of a run costs the engine, in seconds of the processor."""
    server = _Server(spec, folder)
    began = time.process_time()
    done = server.run()
    cost = (time.process_time() - began) / done
    server.database.close()
    return cost


class _Server:
    """An engine with one Dag, and a worker that ends each task at once."""

    def __init__(self, spec: DagSpec, folder: Path) -> None:
        self.seq = 0
        self.length = int(spec.description or 0)
        self.database = Database(None)
        create_schema(self.database, default_pool_slots=128)
        self.engine = Engine(Vault("", folder / "scale.key"))
        with self.database.begin() as tx:
            self.engine.open(tx, _NOW)
            upsert_bundle(tx, "main", "/nowhere", "dags")
            files = {_FILE: "1"}
            found = Manifest(files=files, dag_files=frozenset(files), digest=manifest_digest(files))
            apply_discovery(tx, "main", found, _NOW)
            hello = Register(
                version=PROTOCOL_VERSION,
                name="w",
                host="h",
                pid=1,
                slots=_SLOTS,
                parse_slots=1,
                queues=("default",),
            )
            self.worker = self.engine.register(tx, hello, _NOW).worker_id
        (order,) = self.exchange().parses
        report = ParseReport(
            job_id=order.job_id,
            epoch=order.epoch,
            file=_FILE,
            dags=(spec,),
            closure=Closure(files=(_FILE,)),
        )
        self.exchange(parsed=(report,))

    def exchange(self, **said: object) -> Answer:
        self.seq += 1
        with self.database.begin() as tx:
            message = Exchange(worker_id=self.worker, seq=self.seq, **said)  # type: ignore[arg-type]
            return self.engine.exchange(tx, message, _NOW)

    def run(self) -> int:
        """Run the Dag to its end; answer how many tasks it had."""
        with self.database.begin() as tx:
            self.engine.trigger(tx, Trigger(dag_id="scale", run_id="r"), _NOW)
        claims = self.exchange().claims
        done = 0
        while claims:
            done += len(claims)
            finishes = []
            for one in claims:
                length = self.length if one.task_id == "list" else None
                pushed = XComPush(
                    attempt_id=one.attempt_id,
                    epoch=one.epoch,
                    key="return_value",
                    value=b"[]",
                    length=length,
                )
                finishes.append(
                    Finish(
                        attempt_id=one.attempt_id,
                        epoch=one.epoch,
                        token=one.token,
                        outcome=LegState.SUCCESS,
                        xcoms=(pushed,),
                    )
                )
            claims = self.exchange(finishes=tuple(finishes)).claims
        with self.database.read() as tx:
            run = read_run(tx, "scale", "r")
        if run is None or run.state not in TERMINAL_RUN:
            raise RuntimeError(f"the run did not end: {run}")
        return done
