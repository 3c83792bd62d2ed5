"""The Dag: tasks, their order, and when they run."""

import functools
import inspect
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from tradewind.errors import did_you_mean
from tradewind.sdk import scope
from tradewind.sdk.arguments import as_list, as_span
from tradewind.sdk.calendars import Jitter
from tradewind.sdk.dag_cli import run_cli
from tradewind.sdk.deadlines import DeadlineAlert, as_alerts
from tradewind.sdk.decorators import task as task_decorators
from tradewind.sdk.enums import DagRunType
from tradewind.sdk.exceptions import AirflowException, DuplicateTaskIdFound, TaskNotFound
from tradewind.sdk.group import TaskGroup
from tradewind.sdk.installed import installed
from tradewind.sdk.naming import check_key
from tradewind.sdk.order import topological_order
from tradewind.sdk.params import Param, ParamsDict
from tradewind.sdk.references import DagParam, XComArg
from tradewind.sdk.removed import DAG_IGNORED, DAG_RENAMED, refuse_unknown, take_removed
from tradewind.sdk.sentinels import NOTSET
from tradewind.sdk.subset import subset_of
from tradewind.sdk.templating import make_environment
from tradewind.sdk.timetable import Timetable
from tradewind.sdk.timetables import timetable_of
from tradewind.sdk.timezone import as_instant, utc

DEFAULT_MAX_ACTIVE_TASKS = 16
DEFAULT_MAX_ACTIVE_RUNS = 16

_LIMITS: Mapping[str, int] = {
    "max_active_tasks": DEFAULT_MAX_ACTIVE_TASKS,
    "max_active_runs": DEFAULT_MAX_ACTIVE_RUNS,
    "max_consecutive_failed_dag_runs": 0,
}
"""Argument: what None stands for."""

_ON_PAUSE = ("keep", "drop")
"""What may become of events of the Dag's assets while it is paused."""

_WITHOUT_EFFECT: Mapping[str, tuple[Any, str]] = {
    "access_control": (None, "roles are not bound to Dags"),
}


class DAG:
    """Tasks, their order, and when they run; open it with ``with`` to write tasks into it.

    Example:
        >>> from datetime import datetime
        >>> from tradewind import DAG, EmptyOperator
        >>> with DAG("sales", start_date=datetime(2026, 4, 1), schedule="@daily") as dag:
        ...     _ = EmptyOperator(task_id="extract") >> EmptyOperator(task_id="load")
        >>> dag.task_ids
        ['extract', 'load']
    """

    description: str | None
    schedule: Any
    template_searchpath: list[str]
    template_undefined: Any
    user_defined_macros: Mapping[str, Any] | None
    user_defined_filters: Mapping[str, Any] | None
    max_active_tasks: int
    max_active_runs: int
    max_consecutive_failed_dag_runs: int
    dagrun_timeout: timedelta | None
    catchup: bool
    on_success_callback: list[Callable[[Any], Any]]
    on_failure_callback: list[Callable[[Any], Any]]
    deadline: list[DeadlineAlert]
    is_paused_upon_creation: bool | None
    jinja_environment_kwargs: Mapping[str, Any] | None
    render_template_as_native_obj: bool
    tags: set[str]
    owner_links: dict[str, str]
    auto_register: bool
    disable_bundle_versioning: bool | None
    rerun_with_latest_version: bool | None
    fail_fast: bool
    run_retries: int
    run_retry_delay: timedelta
    schedule_jitter: Jitter | None
    on_pause: str
    allowed_run_types: list[Any] | None
    dag_display_name: str
    warnings: list[str]

    def __init__(
        self,
        dag_id: str,
        description: str | None = None,
        default_args: Mapping[str, Any] | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        schedule: Any = None,
        template_searchpath: str | Iterable[str] | None = None,
        template_undefined: Any = None,
        user_defined_macros: Mapping[str, Any] | None = None,
        user_defined_filters: Mapping[str, Any] | None = None,
        max_active_tasks: int = DEFAULT_MAX_ACTIVE_TASKS,
        max_active_runs: int = DEFAULT_MAX_ACTIVE_RUNS,
        max_consecutive_failed_dag_runs: int = 0,
        dagrun_timeout: timedelta | None = None,
        deadline: Any = None,
        catchup: bool = False,
        on_success_callback: Any = None,
        on_failure_callback: Any = None,
        doc_md: str | None = None,
        params: Mapping[str, Any] | None = None,
        access_control: Any = None,
        is_paused_upon_creation: bool | None = None,
        jinja_environment_kwargs: Mapping[str, Any] | None = None,
        render_template_as_native_obj: bool = False,
        tags: Collection[str] | None = None,
        owner_links: Mapping[str, str] | None = None,
        auto_register: bool = True,
        fail_fast: bool = False,
        allowed_run_types: Any = None,
        dag_display_name: str | None = None,
        disable_bundle_versioning: bool | None = None,
        rerun_with_latest_version: bool | None = None,
        run_retries: int = 0,
        run_retry_delay: timedelta | float = timedelta(minutes=5),
        schedule_jitter: timedelta | Jitter | None = None,
        on_pause: str = "keep",
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        for name in ("self", "kwargs", "__class__"):
            given.pop(name, None)
        renamed, self.warnings = take_removed(kwargs, DAG_RENAMED, DAG_IGNORED)
        refuse_unknown(f"Dag '{dag_id}'", kwargs, set(given))
        given.update(renamed)
        self._settle(given)

    def _settle(self, given: dict[str, Any]) -> None:
        self.dag_id: str = check_key("dag_id", given.pop("dag_id"))
        for name, (nothing, reason) in _WITHOUT_EFFECT.items():
            if given[name] != nothing:
                self.warnings.append(f"'{name}' has no effect: {reason}")
        self.default_args: dict[str, Any] = dict(given.pop("default_args") or {})
        given["on_success_callback"] = as_list(given["on_success_callback"])
        given["on_failure_callback"] = as_list(given["on_failure_callback"])
        given["deadline"] = as_alerts(given["deadline"])
        given["tags"] = _tags(self.dag_id, given["tags"])
        given["owner_links"] = _owner_links(self.dag_id, given["owner_links"])
        given["template_searchpath"] = as_list(given["template_searchpath"])
        for name, default in _LIMITS.items():
            given[name] = default if given[name] is None else int(given[name])
        given["allowed_run_types"] = _run_types(self.dag_id, given["allowed_run_types"])
        if given["on_pause"] not in _ON_PAUSE:
            raise ValueError(f"Dag '{self.dag_id}': on_pause is 'keep' or 'drop'")
        given["run_retry_delay"] = as_span("run_retry_delay", given["run_retry_delay"])
        given["dag_display_name"] = given["dag_display_name"] or self.dag_id
        own = {**self.default_args.get("params", {}), **(given.pop("params") or {})}
        self.params = ParamsDict(own)
        self._set_times(given)
        for name, value in given.items():
            setattr(self, name, value)
        self.task_dict: dict[str, Any] = {}
        self.results: list[XComArg] = []
        self.edge_info: dict[str, dict[str, Any]] = {}
        self._environments: dict[tuple[bool, str], Any] = {}
        self.fileloc: str = scope.loading_file() or os.path.abspath(_caller_file())
        self.doc_md = _doc_text(given["doc_md"], self.folder)
        self.task_group = TaskGroup(None, dag=self)

    def _set_times(self, given: dict[str, Any]) -> None:
        start = given["start_date"] or self.default_args.get("start_date")
        self.start_date: datetime | None = as_instant("start_date", start)
        self.timezone: tzinfo = (self.start_date and self.start_date.tzinfo) or utc
        end = given["end_date"] or self.default_args.get("end_date")
        self.end_date: datetime | None = as_instant("end_date", end, self.timezone)
        given["start_date"], given["end_date"] = self.start_date, self.end_date
        timeout = given["dagrun_timeout"]
        if timeout is not None and not isinstance(timeout, timedelta):
            raise TypeError(f"dagrun_timeout must be a timedelta, not {type(timeout).__name__}")
        self.timetable: Timetable = timetable_of(given["schedule"], self.timezone)
        given["schedule_jitter"] = Jitter.of(given["schedule_jitter"])

    def __enter__(self) -> "DAG":
        scope.push_dag(self)
        return self

    def __exit__(self, *exc: object) -> None:
        scope.pop_dag()

    @property
    def folder(self) -> str:
        """Answer the folder of the Dag's file."""
        return str(Path(self.fileloc).parent) if self.fileloc else ""

    @property
    def filepath(self) -> str:
        """Answer the path of the Dag's file."""
        return self.fileloc

    @property
    def tasks(self) -> list[Any]:
        """Answer the tasks, in the order they were made."""
        return list(self.task_dict.values())

    @property
    def task_ids(self) -> list[str]:
        """Answer the tasks' ids, in the order they were made."""
        return list(self.task_dict)

    @property
    def roots(self) -> list[Any]:
        """Answer the tasks that nothing comes before."""
        return [task for task in self.tasks if not task.upstream_task_ids]

    @property
    def leaves(self) -> list[Any]:
        """Answer the tasks that nothing comes after."""
        return [task for task in self.tasks if not task.downstream_task_ids]

    @property
    def owner(self) -> str:
        """Answer the owners of the tasks, in one line."""
        return ", ".join(sorted({task.owner for task in self.tasks}))

    @property
    def task_group_dict(self) -> dict[str | None, TaskGroup]:
        """Answer the task groups by id; the Dag's own is None."""
        return self.task_group.get_task_group_dict()

    @property
    def safe_dag_id(self) -> str:
        """Answer the id with its dots replaced, for names of files."""
        return self.dag_id.replace(".", "__dot__")

    @property
    def task(self) -> Any:
        """Answer the ``@task`` decorator for tasks of this Dag: ``@dag.task``."""
        return functools.partial(task_decorators, dag=self)

    def has_task_group(self, task_group_id: str) -> bool:
        """Say whether there is a task group of that id."""
        return task_group_id in self.task_group_dict

    def has_task(self, task_id: str) -> bool:
        """Say whether there is a task of that id."""
        return task_id in self.task_dict

    def get_task(self, task_id: str) -> Any:
        """Answer the task of that id.

        Raises:
            TaskNotFound: There is none; the message names the nearest one.
        """
        if task_id not in self.task_dict:
            hint = did_you_mean(task_id, self.task_dict)
            raise TaskNotFound(f"Dag '{self.dag_id}' has no task '{task_id}'. {hint}".rstrip())
        return self.task_dict[task_id]

    def add_task(self, task: Any) -> None:
        """Take in a task.

        Raises:
            DuplicateTaskIdFound: There is another of that id.
        """
        known = self.task_dict.get(task.task_id)
        if known is not None and known is not task:
            raise DuplicateTaskIdFound(f"Dag '{self.dag_id}' has a task '{task.task_id}' already")
        if task.task_group is None:
            task.task_group = self.task_group
            self.task_group.add(task)
        self.task_dict[task.task_id] = task
        task._dag = self  # noqa: SLF001 - the setter calls this

    def add_tasks(self, tasks: Iterable[Any]) -> None:
        """Take in several tasks."""
        for task in tasks:
            self.add_task(task)

    def get_edge_info(self, upstream_task_id: str, downstream_task_id: str) -> dict[str, Any]:
        """Answer what is written on the line between two tasks."""
        found: dict[str, Any] = self.edge_info.get(upstream_task_id, {}).get(downstream_task_id, {})
        return found

    def set_edge_info(
        self, upstream_task_id: str, downstream_task_id: str, info: dict[str, Any]
    ) -> None:
        """Write on the line between two tasks."""
        self.edge_info.setdefault(upstream_task_id, {})[downstream_task_id] = info

    def set_dependency(self, upstream_task_id: str, downstream_task_id: str) -> None:
        """Put one task before another, both by their ids."""
        self.get_task(upstream_task_id).set_downstream(self.get_task(downstream_task_id))

    def add_result(self, output: XComArg) -> None:
        """Name the output of a task as a result of the whole Dag, for those who wait for a run.

        Raises:
            TypeError: It is no task's output.
            AirflowException: The task is in another Dag.
        """
        if not isinstance(output, XComArg):
            raise TypeError(f"A result is the output of a task, not {type(output).__name__}")
        if output.operator.get_dag() is not self:
            raise AirflowException(
                f"Task '{output.operator.task_id}' is not in Dag '{self.dag_id}', so it gives it "
                "no result"
            )
        if output not in self.results:
            self.results.append(output)

    def partial_subset(
        self,
        task_ids: str | re.Pattern[str] | Iterable[str],
        include_downstream: bool = False,
        include_upstream: bool = True,
        include_direct_upstream: bool = False,
        exclude_original: bool = False,
    ) -> "DAG":
        """Answer a copy with some tasks only: those named, or whose id matches the expression.

        Example:
            >>> from tradewind import DAG, EmptyOperator, chain
            >>> with DAG("abc") as dag:
            ...     chain(*(EmptyOperator(task_id=name) for name in "abc"))
            >>> dag.partial_subset("b").task_ids
            ['a', 'b']
        """
        made: DAG = subset_of(
            self,
            task_ids,
            include_downstream=include_downstream,
            include_upstream=include_upstream,
            include_direct_upstream=include_direct_upstream,
            exclude_original=exclude_original,
        )
        return made

    def topological_sort(self) -> tuple[Any, ...]:
        """Answer the tasks so that each comes after those it depends on, ties by id.

        Raises:
            AirflowDagCycleException: They depend on each other in a circle.
        """
        return tuple(self.task_dict[name] for name in topological_order(self))

    def param(self, name: str, default: Any = NOTSET) -> DagParam:
        """Answer a reference to one of the run's parameters."""
        return DagParam(self, name, default)

    def get_template_env(self, *, force_native: bool | None = None) -> Any:
        """Answer the Jinja environment the tasks' templates are rendered in; made once."""
        native = self.render_template_as_native_obj if force_native is None else force_native
        kind = (bool(native), self.fileloc)
        if kind not in self._environments:
            self._environments[kind] = self._make_environment(native=kind[0])
        return self._environments[kind]

    def _make_environment(self, *, native: bool) -> Any:
        return make_environment(
            [self.folder, *self.template_searchpath],
            native=native,
            undefined=self.template_undefined,
            macros=self.user_defined_macros,
            filters=self.user_defined_filters,
            options=self.jinja_environment_kwargs,
        )

    def test(
        self,
        run_after: datetime | None = None,
        logical_date: Any = NOTSET,
        run_conf: dict[str, Any] | None = None,
        conn_file_path: str | None = None,
        variable_file_path: str | None = None,
        use_executor: bool = False,
        mark_success_pattern: str | None = None,
    ) -> Any:
        """Run the whole Dag once, here and now, and answer the run.

        Nothing is scheduled or kept: no server, no database, no file. Tasks run one after the
        other in this process, retries without their delay, so a debugger's breakpoints hold.

        Args:
            run_after: The moment the run pretends to start at.
            logical_date: The date the run is for; as ``run_after`` if not given, None for none.
            run_conf: The run's conf, put over the Dag's Params.
            conn_file_path: JSON or YAML file of connections for this run.
            variable_file_path: JSON or YAML file of variables for this run.
            use_executor: Not possible here: a run by workers needs a server.
            mark_success_pattern: Tasks whose ids match this expression succeed without running.

        Raises:
            AirflowException: A run by workers was asked for, or no runner is installed.
        """
        if use_executor:
            raise AirflowException(
                "dag.test() runs tasks in this process; for a run by workers start Tradewind and "
                f"type: tradewind dags trigger {self.dag_id}"
            )
        for entry_point in installed("tradewind.local_runner"):
            return entry_point.load()(
                self,
                run_after=run_after,
                logical_date=logical_date,
                conf=run_conf,
                conn_file_path=conn_file_path,
                variable_file_path=variable_file_path,
                mark_success_pattern=mark_success_pattern,
            )
        raise AirflowException("dag.test() needs the whole of Tradewind: pip install tradewind")

    def cli(self, args: Sequence[str] | None = None) -> None:
        """Do what the command line says: ``python FILE test 2026-04-20``, or ``tasks``.

        Args:
            args: The words, if not those of this program.

        Raises:
            SystemExit: The run did not succeed, or the words are not understood.
        """
        run_cli(self, args)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.task_dict)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<DAG: {self.dag_id}>"


def dag(dag_id: Any = "", **dag_kwargs: Any) -> Any:
    """Turn a function into a Dag: calling it makes the Dag, its parameters become Params.

    Example:
        >>> from tradewind import dag, task
        >>> @dag(schedule=None)
        ... def sales(region: str = "eu"):
        ...     @task
        ...     def extract(which): ...
        ...
        ...     extract(region)
        >>> made = sales()
        >>> made.dag_id, made.task_ids, dict(made.params)
        ('sales', ['extract'], {'region': 'eu'})
    """
    if callable(dag_id):
        return dag("")(dag_id)

    def decorate(function: Callable[..., Any]) -> Callable[..., DAG]:
        @functools.wraps(function)
        def make(*args: Any, **kwargs: Any) -> DAG:
            bound = inspect.signature(function).bind(*args, **kwargs)
            bound.apply_defaults()
            own = {"doc_md": inspect.getdoc(function), **dag_kwargs}
            made = DAG(dag_id or function.__name__, **own)
            source = inspect.getsourcefile(function)
            made.fileloc = scope.loading_file() or os.path.abspath(source or made.fileloc)
            with made:
                function(**_dag_params(made, function, bound.arguments))
            return made

        return make

    return decorate


def _dag_params(
    made: DAG, function: Callable[..., Any], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    references: dict[str, Any] = {}
    for name in inspect.signature(function).parameters:
        value = arguments[name]
        made.params[name] = value if isinstance(value, Param) else Param(value)
        references[name] = made.param(name)
    return references


def _tags(dag_id: str, tags: Collection[str] | None) -> set[str]:
    found = {tags} if isinstance(tags, str) else set(tags or ())
    for tag in found:
        if len(tag) > 100:
            raise AirflowException(f"Dag '{dag_id}' has a tag of more than 100 characters: {tag}")
    return found


def _owner_links(dag_id: str, links: Mapping[str, str] | None) -> dict[str, str]:
    for owner, link in (links or {}).items():
        if not re.match(r"(https?://\S+|mailto:\S+@\S+)$", str(link)):
            raise AirflowException(
                f"Dag '{dag_id}' has a link for owner '{owner}' that is neither an address "
                f"(https://...) nor mailto: {link!r}"
            )
    return dict(links or {})


def _run_types(dag_id: str, given: Any) -> list[str] | None:
    names = [str(one) for one in as_list(given)]
    for name in names:
        if name not in set(DagRunType):
            raise AirflowException(
                f"Dag '{dag_id}' allows the run type '{name}', which there is not. "
                f"{did_you_mean(name, list(DagRunType))}".rstrip()
            )
    return names or None


def _doc_text(doc_md: str | None, folder: str) -> str | None:
    if doc_md is None or not doc_md.endswith(".md"):
        return inspect.cleandoc(doc_md) if doc_md else doc_md
    path = Path(folder) / doc_md
    return path.read_text(encoding="utf-8") if path.is_file() else doc_md


def _caller_file() -> str:
    frame = sys._getframe(1)  # noqa: SLF001 - the only way to learn who calls
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return frame.f_code.co_filename


def _is_ours(name: str) -> bool:
    return name == "functools" or name.startswith("tradewind.")
