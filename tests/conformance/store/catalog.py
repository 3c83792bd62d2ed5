"""What the tests of the catalog share: a bundle that is discovered and parsed in one line."""

from datetime import datetime, timedelta
from typing import Any

from tests.conformance.store.conftest import NOW
from tradewind.core.manifest import Manifest, manifest_digest
from tradewind.core.spec import DagSpec, TaskSpec
from tradewind.protocol.orders import ParseOrder
from tradewind.protocol.reports import Closure, ParseReport
from tradewind.store.database import Database
from tradewind.store.files import (
    Discovery,
    ParsePolicy,
    apply_discovery,
    apply_parse_report,
    claim_parse_jobs,
)

POLICY = ParsePolicy(reparse_seconds=300)


def manifest(files: dict[str, str], *more: str) -> Manifest:
    """All files but those named after them are Dag files."""
    return Manifest(
        files=files, dag_files=frozenset(files) - set(more), digest=manifest_digest(files)
    )


def discover(
    database: Database, files: dict[str, str], *more: str, at: datetime = NOW, bundle: str = "main"
) -> Discovery:
    with database.begin() as tx:
        return apply_discovery(tx, bundle, manifest(files, *more), at)


def claim(
    database: Database, at: datetime = NOW, limit: int = 50, *, worker: str = "w1", seq: int = 1
) -> list[ParseOrder]:
    with database.begin() as tx:
        return claim_parse_jobs(tx, worker, seq, limit, at, POLICY)


def report_on(order: ParseOrder, *dags: DagSpec, **fields: Any) -> ParseReport:
    fields.setdefault("closure", Closure(files=(order.file,)))
    return ParseReport(job_id=order.job_id, epoch=order.epoch, file=order.file, dags=dags, **fields)


def apply(
    database: Database, report: ParseReport, at: datetime = NOW, policy: ParsePolicy = POLICY
) -> list[str]:
    with database.begin() as tx:
        return apply_parse_report(tx, report, at, policy)


def parse(
    database: Database, file: str, *dags: DagSpec, at: datetime = NOW, **fields: Any
) -> list[str]:
    """Claim what is due, and report these Dags on one file and give the others back untouched."""
    order = next(order for order in claim(database, at) if order.file == file)
    return apply(database, report_on(order, *dags, **fields), at)


def later(**delta: float) -> datetime:
    return NOW + timedelta(**delta)


def spec(dag_id: str = "sales", file: str = "dags/sales.py", **fields: Any) -> DagSpec:
    fields.setdefault("tasks", (TaskSpec(task_id="load", operator="x.Op"),))
    return DagSpec(dag_id=dag_id, file=file, **fields)
