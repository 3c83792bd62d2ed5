"""A Dag as frozen data: what the parser hands over and everything after it reads.

JSON all the way (msgspec), no user object inside. ``structure_hash`` is the identity of a Dag
version: ids, edges, groups, operator classes, rules, mapping shape and schedule count; dates, docs,
tags, owners, template values and Param defaults do not, and are updated in place.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import msgspec

from tradewind.core.deadlines import DeadlineSpec
from tradewind.core.timetables import Jitter, NullTimetable, Timetable


class RetrySpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How often and when a failed try is given again (rows RET-1 and RET-2)."""

    retries: int = 0
    delay_seconds: float = 300.0
    backoff: float = 0.0
    """Multiplier; 0 and 1 mean a constant delay."""
    max_delay_seconds: float | None = None


class MapSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Over what a mapped task is expanded.

    Each axis is either a known length or the task whose XCom gives it; the axes of ``expand`` are
    multiplied in order, ``expand_kwargs`` has one axis.
    """

    axes: tuple["MapAxis", ...]


class MapAxis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One factor of a mapping: a literal length, the upstream task and key that give it, or parts.

    ``zip`` is as long as its shortest part, ``zip_longest`` as its longest, ``concat`` as all of
    them together.
    """

    name: str = ""
    length: int | None = None
    task_id: str | None = None
    key: str = "return_value"
    combine: str = ""
    """``zip``, ``zip_longest`` or ``concat``; empty for a factor without parts."""
    parts: tuple["MapAxis", ...] = ()

    def sources(self) -> "frozenset[tuple[str, str]]":
        """Answer (task id, key) of each output that its length depends on."""
        if self.parts:
            return frozenset().union(*(part.sources() for part in self.parts))
        return frozenset() if self.task_id is None else frozenset({(self.task_id, self.key)})


class GroupSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task group of a Dag, as data."""

    parent: str = ""
    """Id of the group around it; empty where that is the Dag itself."""
    label: str = ""
    tooltip: str = ""
    doc_md: str | None = None
    ui_color: str = "CornflowerBlue"
    ui_fgcolor: str = "#000"
    mapping: MapSpec | None = None
    """Over what the group as a whole is expanded."""
    retry: RetrySpec | None = None
    """How often the group as a whole is tried again after it failed."""
    deadlines: tuple[DeadlineSpec, ...] = ()


class StartTrigger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The trigger a task begins with, and how it goes on after it. Arguments are serde JSON."""

    classpath: str
    kwargs: str = "{}"
    next_method: str
    next_kwargs: str = "{}"
    timeout_seconds: float | None = None
    queue: str = ""
    """Whose workers run the trigger; those of the task's own queue when empty."""

    @property
    def timeout(self) -> timedelta | None:
        """How long it may take; None for as long as it likes."""
        return None if self.timeout_seconds is None else timedelta(seconds=self.timeout_seconds)


class WatcherSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A trigger that tells of changes of an asset made elsewhere. Arguments are serde JSON."""

    name: str
    classpath: str
    kwargs: str = "{}"
    queue: str = "default"


class AssetSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An asset, an alias, or a reference to an asset by name or uri."""

    kind: str = "asset"
    name: str | None = None
    uri: str | None = None
    group: str = "asset"
    extra: dict[str, Any] = {}
    watchers: tuple[WatcherSpec, ...] = ()


class TaskSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task of a Dag, as data."""

    task_id: str
    operator: str
    """Dotted path of the class, for people and for the version hash; never imported by a server."""
    operator_name: str = ""
    upstream: tuple[str, ...] = ()
    """Direct upstream task ids, sorted."""
    group: str = ""
    trigger_rule: str = "all_success"
    retry: RetrySpec = RetrySpec()
    pool: str = "default_pool"
    pool_slots: int = 1
    queue: str = "default"
    priority_weight: int = 1
    """Already weighted by the weight rule and clamped to int32."""
    execution_timeout_seconds: float | None = None
    max_active_tis_per_dag: int | None = None
    max_active_tis_per_dagrun: int | None = None
    depends_on_past: bool = False
    wait_for_downstream: bool = False
    ignore_first_depends_on_past: bool = False
    start_date: datetime | None = None
    end_date: datetime | None = None
    is_empty: bool = False
    """Nothing to run, no callbacks, no outlets: finished by the scheduler itself (SCH-37)."""
    is_setup: bool = False
    is_teardown: bool = False
    on_failure_fail_dagrun: bool = False
    mapping: MapSpec | None = None
    start_trigger: StartTrigger | None = None
    """The trigger it begins with, without a worker; None: it begins with its code."""
    map_index_template: str | None = None
    wait_for_past_depends_before_skipping: bool = False
    can_skip: str = ""
    """``next`` where it may choose to skip tasks right below, ``below`` where any further down:
    none of them starts before it ended."""
    owner: str = "airflow"
    doc_md: str | None = None
    display_name: str | None = None
    callbacks: tuple[str, ...] = ()
    """Ends of a try that somebody is told of, by callbacks or e-mail: ``failure``, ``retry`` ..."""
    deadlines: tuple[DeadlineSpec, ...] = ()
    inlets: tuple[AssetSpec, ...] = ()
    outlets: tuple[AssetSpec, ...] = ()
    template_fields: dict[str, Any] = {}
    """Unrendered template values, for display; secrets never live here."""
    recursion_depth: int = 0
    """Of a mark of a task in another Dag: how many marks in a row a clear may follow."""


class ParamSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One Param: its default and its JSON schema (draft 2020-12)."""

    default: Any = None
    has_default: bool = False
    description: str | None = None
    source: str | None = None
    """``dag`` or ``task``, where its author says so."""
    json_schema: dict[str, Any] = {}


class DagSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One Dag of a file, as data: what runs are planned and decided from."""

    dag_id: str
    file: str
    """Path of the Dag file, relative to its bundle's root, with forward slashes."""
    tasks: tuple[TaskSpec, ...] = ()
    """In topological order, ties by id."""
    timetable: Timetable = NullTimetable()
    jitter: Jitter | None = None
    """By how much its scheduled runs may start after their ticks."""
    timezone: str = "UTC"
    schedule_text: str | None = None
    """The schedule as its author wrote it."""
    start_date: datetime | None = None
    end_date: datetime | None = None
    catchup: bool = False
    max_active_runs: int = 16
    max_active_tasks: int = 16
    max_consecutive_failed_dag_runs: int = 0
    dagrun_timeout_seconds: float | None = None
    fail_fast: bool = False
    is_paused_upon_creation: bool | None = None
    allowed_run_types: tuple[str, ...] | None = None
    params: dict[str, ParamSpec] = {}
    tags: tuple[str, ...] = ()
    description: str | None = None
    doc_md: str | None = None
    display_name: str | None = None
    owners: tuple[str, ...] = ()
    owner_links: dict[str, str] = {}
    groups: dict[str, GroupSpec] = {}
    rerun_with_latest_version: bool | None = None
    """Whether a run that is cleared moves to the newest version; None: as the settings say."""
    run_retry: RetrySpec | None = None
    """How often a run as a whole is tried again after it failed."""
    callbacks: tuple[str, ...] = ()
    """Ends of a run that somebody is told of: ``success``, ``failure``, ``listen_running`` ..."""
    deadlines: tuple[DeadlineSpec, ...] = ()
    """Of each run."""
    render_template_as_native_obj: bool = False
    runs_latest_code: bool = False
    """Its runs run what the bundle holds at that moment, even where others keep their bytes."""
    results: tuple[tuple[str, str], ...] = ()
    """(task, XCom key) of each output that its author named a result of the whole Dag."""
    assets: tuple[AssetSpec, ...] = ()
    """What its schedule waits for."""
    asset_expression: Any = None
    """The same as a condition, in the form the API shows."""
    on_pause: str = "keep"
    """What becomes of events of its assets while it is paused: ``keep`` or ``drop``."""
    warnings: tuple[str, ...] = ()
    """What was accepted without effect or looks like a mistake; shown in CLI, UI and lint."""

    def task(self, task_id: str) -> TaskSpec:
        """Answer the task of that id.

        Raises:
            KeyError: This Dag has no such task.
        """
        for task in self.tasks:
            if task.task_id == task_id:
                return task
        raise KeyError(task_id)


_STRUCTURAL = (
    "task_id",
    "operator",
    "upstream",
    "group",
    "trigger_rule",
    "mapping",
    "is_setup",
    "is_teardown",
    "on_failure_fail_dagrun",
    "depends_on_past",
    "wait_for_downstream",
)


def _rule_of(timetable: Timetable) -> Any:
    """Answer a timetable as data, without what one of an author's own only says of itself."""
    return _without_words(msgspec.to_builtins(timetable))


def _without_words(rule: dict[str, Any]) -> dict[str, Any]:
    if rule["kind"] == "custom":
        return {name: rule[name] for name in ("kind", "classpath", "data") if name in rule}
    inner = rule.get("timetable")
    return {**rule, "timetable": _without_words(inner)} if isinstance(inner, dict) else rule


def structure_hash(spec: DagSpec) -> str:
    """Answer the identity of this Dag's version: sha256 over its canonical structure, in hex.

    The same structure gives the same hash whatever the order tasks were written in; what may
    change without a new version (dates, docs, tags, owners, template values, Param defaults) does
    not count.

    Example:
        >>> one = DagSpec(dag_id="a", file="a.py", tags=("x",))
        >>> structure_hash(one) == structure_hash(DagSpec(dag_id="a", file="a.py"))
        True
    """
    tasks = sorted(
        ([msgspec.to_builtins(getattr(task, name)) for name in _STRUCTURAL] for task in spec.tasks),
        key=lambda row: str(row[0]),
    )
    body = [
        spec.dag_id,
        _rule_of(spec.timetable),
        spec.catchup,
        [
            [name, group.parent, msgspec.to_builtins(group.mapping)]
            for name, group in sorted(spec.groups.items())
        ],
        sorted(spec.params),
        tasks,
    ]
    if spec.asset_expression is not None:
        body.append(spec.asset_expression)
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()
