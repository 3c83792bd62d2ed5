"""How a Dag looks in responses."""

from datetime import timedelta
from typing import Any

import msgspec

from tradewind.api.public.fields import Moment, Shape
from tradewind.api.public.labels import DagVersionShape, Labels
from tradewind.core.runs import RunType
from tradewind.core.timetables import NullTimetable, description, has_partitions, is_periodic
from tradewind.store import bundles
from tradewind.store.bundles import BundleFacts
from tradewind.store.dags import DagFacts
from tradewind.store.database import Tx


class DagTag(Shape):
    """One tag of one Dag."""

    name: str
    dag_id: str
    dag_display_name: str


class DagShape(Shape):
    """A Dag in a list."""

    dag_id: str
    dag_display_name: str
    is_paused: bool
    is_stale: bool
    last_parsed_time: Moment | None
    last_parse_duration: float | None
    last_expired: Moment | None
    bundle_name: str | None
    bundle_version: str | None
    relative_fileloc: str | None
    fileloc: str
    description: str | None
    timetable_summary: str | None
    timetable_description: str | None
    timetable_partitioned: bool
    timetable_periodic: bool
    tags: list[DagTag]
    max_active_tasks: int
    max_active_runs: int | None
    max_consecutive_failed_dag_runs: int
    has_task_concurrency_limits: bool
    has_import_errors: bool
    next_dagrun_logical_date: Moment | None
    next_dagrun_data_interval_start: Moment | None
    next_dagrun_data_interval_end: Moment | None
    next_dagrun_run_after: Moment | None
    allowed_run_types: list[RunType] | None
    owners: list[str]
    is_backfillable: bool
    file_token: str


class DagDetails(DagShape):
    """A Dag with all that its file says of it."""

    active_runs_count: int
    asset_expression: dict[str, Any] | None = None
    catchup: bool
    concurrency: int
    dag_run_timeout: timedelta | None
    default_args: dict[str, Any] | None = None
    doc_md: str | None
    end_date: Moment | None
    is_favorite: bool = False
    is_paused_upon_creation: bool | None
    pause_reason: str | None
    """Why it is paused, where no person wanted it."""
    last_parsed: Moment | None
    latest_dag_version: DagVersionShape | None
    owner_links: dict[str, str] | None
    params: dict[str, Any] | None
    render_template_as_native_obj: bool
    start_date: Moment | None
    template_search_path: list[str] | None = None
    timezone: str | None
    warnings: list[str]
    """What was accepted without effect or looks like a mistake; ours alone."""


class DagList(Shape):
    """A page of Dags."""

    dags: list[DagShape]
    total_entries: int


class _TaskLimits(msgspec.Struct):
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None


class _Limited(msgspec.Struct):
    """The one thing of a spec's tasks that lists show; the rest of them is skipped."""

    tasks: list[_TaskLimits] = []


_LIMITED = msgspec.json.Decoder(_Limited)


class DagShapes:
    """Makes shapes of Dags within one transaction."""

    def __init__(self, tx: Tx) -> None:
        """Read where the bundles lie."""
        self.labels = Labels(tx)
        self._bundles: dict[str, BundleFacts] = {one.name: one for one in bundles.read_bundles(tx)}

    def dag(self, facts: DagFacts) -> DagShape:
        """Answer the shape of a Dag."""
        head = facts.decode_head()
        name = head.display_name or facts.dag_id
        timetable = head.timetable or NullTimetable()
        coming = facts.marks.next_run
        bundle = self._bundles.get(facts.bundle)
        allowed = head.allowed_run_types
        periodic = is_periodic(timetable)
        return DagShape(
            dag_id=facts.dag_id,
            dag_display_name=name,
            is_paused=facts.is_paused,
            is_stale=facts.is_stale,
            last_parsed_time=facts.parsed_at,
            last_parse_duration=None,
            last_expired=None,
            bundle_name=facts.bundle,
            bundle_version=_version(facts, bundle),
            relative_fileloc=facts.file,
            fileloc=f"{bundle.root}/{facts.file}" if bundle else facts.file,
            description=head.description,
            timetable_summary=facts.timetable_summary,
            timetable_description=description(timetable),
            timetable_partitioned=has_partitions(timetable),
            timetable_periodic=periodic,
            tags=[DagTag(name=t, dag_id=facts.dag_id, dag_display_name=name) for t in facts.tags],
            max_active_tasks=facts.max_active_tasks,
            max_active_runs=facts.max_active_runs,
            max_consecutive_failed_dag_runs=head.max_consecutive_failed_dag_runs,
            has_task_concurrency_limits=_is_limited(facts.spec_json),
            has_import_errors=facts.has_import_errors,
            next_dagrun_logical_date=coming.logical_date if coming else None,
            next_dagrun_data_interval_start=coming.data_interval_start if coming else None,
            next_dagrun_data_interval_end=coming.data_interval_end if coming else None,
            next_dagrun_run_after=coming.run_after if coming else None,
            allowed_run_types=None if allowed is None else [RunType(one) for one in allowed],
            owners=list(facts.owners),
            is_backfillable=periodic and (allowed is None or "backfill" in allowed),
            file_token=f"{facts.bundle}/{facts.file}",
        )


def _is_limited(spec_json: bytes) -> bool:
    return any(
        task.max_active_tis_per_dag is not None or task.max_active_tis_per_dagrun is not None
        for task in _LIMITED.decode(spec_json).tasks
    )


def _version(facts: DagFacts, bundle: BundleFacts | None) -> str | None:
    """Answer in which bytes of its bundle a Dag was last parsed: those its next run is to run."""
    if bundle is not None and bundle.is_pinned:
        return facts.digest or None
    return (bundle.digest if bundle else "") or None
