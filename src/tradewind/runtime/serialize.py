"""From a Dag as its author wrote it to a DagSpec: plain data, checked, nothing left out."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from tradewind.core.spec import (
    DagSpec,
    GroupSpec,
    MapAxis,
    MapSpec,
    ParamSpec,
    RetrySpec,
    StartTrigger,
    TaskSpec,
)
from tradewind.core.timetables import Jitter
from tradewind.runtime.promises import (
    dag_events,
    deadline_specs,
    task_events,
)
from tradewind.runtime.serialize_assets import serialize_assets, warn_of_assets, warn_of_schedule
from tradewind.sdk.branching import BranchMixIn
from tradewind.sdk.dags import DAG
from tradewind.sdk.enums import TriggerRule, WeightRule
from tradewind.sdk.exceptions import (
    AirflowException,
    FailFastDagInvalidTriggerRule,
    ParamValidationError,
    UnsupportedArgument,
)
from tradewind.sdk.mapped import MapInput
from tradewind.sdk.operators.empty import EmptyOperator
from tradewind.sdk.params import ParamsDict
from tradewind.sdk.references import CombinedOutput, MappedOutput, Reference, XComArg
from tradewind.sdk.serde import encode
from tradewind.sdk.skipping import SkipMixin
from tradewind.sdk.timetables import schedule_text
from tradewind.sdk.timezone import convert_to_utc, zone_name
from tradewind.sdk.weights import weight_of

_LARGEST_WEIGHT = 2**31 - 1
_LONGEST_FIELD = 4096
_CALLBACKS = ("execute", "failure", "success", "retry", "skipped")


_ALSO_EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"
"""The same operator, where the real provider package is installed."""
_MARKER = "ExternalTaskMarker"
"""By name: it may be the real provider package's, and few processes need ours."""


def serialize_dag(dag: DAG, file: str) -> DagSpec:
    """Answer the Dag as data.

    Args:
        dag: The Dag.
        file: Its file, relative to the root of its bundle.

    Raises:
        AirflowException: The Dag cannot run: a circle, a rule that forbids another, something
            mapped over that gives no length.
    """
    order = dag.topological_sort()
    weights = _weights(order)
    dag.timetable.validate()
    tasks = tuple(_serialize_task(task, weights[task.task_id]) for task in order)
    _check(dag, order)
    return DagSpec(
        dag_id=dag.dag_id,
        file=file,
        tasks=tasks,
        timetable=dag.timetable.core,
        jitter=_jitter(dag),
        timezone=zone_name(dag.timezone),
        schedule_text=schedule_text(dag.schedule),
        start_date=convert_to_utc(dag.start_date),
        end_date=convert_to_utc(dag.end_date),
        catchup=bool(dag.catchup),
        max_active_runs=_runs_limit(dag),
        max_active_tasks=int(dag.max_active_tasks),
        max_consecutive_failed_dag_runs=int(dag.max_consecutive_failed_dag_runs),
        dagrun_timeout_seconds=_seconds(dag.dagrun_timeout),
        fail_fast=bool(dag.fail_fast),
        is_paused_upon_creation=dag.is_paused_upon_creation,
        allowed_run_types=_run_types(dag),
        params=_serialize_params(dag.params),
        tags=tuple(sorted(dag.tags)),
        description=dag.description,
        doc_md=dag.doc_md,
        display_name=dag.dag_display_name if dag.dag_display_name != dag.dag_id else None,
        owners=tuple(sorted({task.owner for task in order})),
        owner_links=dag.owner_links,
        groups=_serialize_groups(dag),
        rerun_with_latest_version=dag.rerun_with_latest_version,
        run_retry=_whole_retry(dag.run_retries, dag.run_retry_delay),
        results=tuple((one.operator.task_id, one.key) for one in dag.results),
        callbacks=dag_events(dag),
        deadlines=deadline_specs(dag.deadline),
        render_template_as_native_obj=bool(dag.render_template_as_native_obj),
        runs_latest_code=bool(dag.disable_bundle_versioning),
        assets=serialize_assets(dag.timetable.condition.parts() if dag.timetable.condition else ()),
        asset_expression=dag.timetable.condition and dag.timetable.condition.as_expression(),
        on_pause=dag.on_pause,
        warnings=tuple(_warnings(dag, order)),
    )


def _serialize_task(task: Any, weight: int) -> TaskSpec:
    cls = task.operator_class if task.is_mapped else type(task)
    return TaskSpec(
        task_id=task.task_id,
        operator=f"{cls.__module__}.{cls.__qualname__}",
        operator_name=task.operator_name,
        upstream=tuple(sorted(task.upstream_task_ids)),
        group=_group_of(task),
        trigger_rule=str(task.trigger_rule),
        retry=_serialize_retry(task),
        pool=task.pool,
        pool_slots=task.pool_slots,
        queue=task.queue,
        priority_weight=weight,
        execution_timeout_seconds=_seconds(task.execution_timeout),
        max_active_tis_per_dag=task.max_active_tis_per_dag,
        max_active_tis_per_dagrun=task.max_active_tis_per_dagrun,
        depends_on_past=bool(task.depends_on_past),
        wait_for_downstream=bool(task.wait_for_downstream),
        ignore_first_depends_on_past=bool(task.ignore_first_depends_on_past),
        wait_for_past_depends_before_skipping=bool(task.wait_for_past_depends_before_skipping),
        can_skip=_reach_of_skips(cls),
        start_date=convert_to_utc(task.start_date),
        end_date=convert_to_utc(task.end_date),
        is_empty=_is_empty(task, cls),
        is_setup=task.is_setup,
        is_teardown=task.is_teardown,
        on_failure_fail_dagrun=task.on_failure_fail_dagrun,
        mapping=serialize_mapping(task.task_id, task.map_input) if task.is_mapped else None,
        start_trigger=_serialize_start_trigger(task),
        map_index_template=task.map_index_template,
        owner=task.owner,
        doc_md=_documentation(task),
        display_name=task.task_display_name if task.task_display_name != task.task_id else None,
        callbacks=task_events(task),
        deadlines=deadline_specs(task.deadline, of_task=True),
        inlets=serialize_assets(task.inlets),
        outlets=serialize_assets(task.outlets),
        template_fields=_serialize_templates(task),
        recursion_depth=task.recursion_depth if cls.__name__ == _MARKER else 0,
    )


def _serialize_start_trigger(task: Any) -> StartTrigger | None:
    """Answer the trigger a task begins with; a mapped one is asked for it instance by instance."""
    args = None if task.is_mapped else task.start_trigger_args
    if not task.start_from_trigger or args is None or _is_template(task, args):
        return None
    return StartTrigger(
        classpath=args.trigger_cls,
        kwargs=encode(dict(args.trigger_kwargs or {})).decode(),
        next_method=args.next_method,
        next_kwargs=encode(dict(args.next_kwargs or {})).decode(),
        timeout_seconds=_seconds(args.timeout),
        queue=args.trigger_queue or "",
    )


def _reach_of_skips(cls: type) -> str:
    if issubclass(cls, BranchMixIn):
        return "next"
    return "below" if issubclass(cls, SkipMixin) else ""


def _is_template(task: Any, args: Any) -> bool:
    """Say whether what the trigger is made from must be rendered first, in the task's process."""
    kwargs = args.trigger_kwargs or {}
    return any(
        name in task.template_fields and isinstance(value, str) and "{" in value
        for name, value in kwargs.items()
    )


def _serialize_retry(task: Any) -> RetrySpec:
    return RetrySpec(
        retries=task.retries,
        delay_seconds=task.retry_delay.total_seconds(),
        backoff=task.retry_exponential_backoff,
        max_delay_seconds=_seconds(task.max_retry_delay),
    )


def _is_empty(task: Any, cls: type) -> bool:
    # Exactly this class: a subclass may do something.
    hooks = [getattr(task, f"on_{event}_callback") for event in _CALLBACKS]
    hooks += [task._pre_execute_hook, task._post_execute_hook]  # noqa: SLF001 - same wing
    is_empty = cls is EmptyOperator or f"{cls.__module__}.{cls.__name__}" == _ALSO_EMPTY
    return is_empty and not any(hooks) and not task.outlets


def serialize_mapping(task_id: str, map_input: MapInput) -> MapSpec:
    """Answer over what a task is mapped: each factor's length, or the task that will tell it.

    Raises:
        UnsupportedArgument: A factor is a reference whose length no single task tells.
    """
    factors = map_input.factors().items()
    return MapSpec(axes=tuple(_axis(task_id, name, value) for name, value in factors))


def _axis(mapped: str, name: str, value: Any) -> MapAxis:
    if isinstance(value, MappedOutput):
        return _axis(mapped, name, value.source)
    if isinstance(value, CombinedOutput):
        parts = tuple(_axis(mapped, "", part) for part in value.parts)
        return MapAxis(name=name, combine=value.kind, parts=parts)
    if isinstance(value, XComArg):
        return MapAxis(name=name, task_id=value.operator.task_id, key=value.key)
    if isinstance(value, Reference):
        raise UnsupportedArgument(
            f"'{mapped}' cannot be mapped over {type(value).__name__} ('{name}'); "
            "a list, a dict or the output of a task can be"
        )
    return MapAxis(name=name, length=len(value))


def _weights(order: Iterable[Any]) -> dict[str, int]:
    tasks = {task.task_id: task for task in order}
    rules = {task.weight_rule for task in tasks.values() if isinstance(task.weight_rule, str)}
    reach = {
        rule: _reach(list(tasks.values())[:: 1 if up else -1], upstream=up)
        for rule, up in ((WeightRule.UPSTREAM, True), (WeightRule.DOWNSTREAM, False))
        if rule in rules
    }
    of_weight: dict[int, int] = {}
    for place, task in enumerate(tasks.values()):
        of_weight[task.priority_weight] = of_weight.get(task.priority_weight, 0) | 1 << place
    weights: dict[str, int] = {}
    for name, task in tasks.items():
        total = task.priority_weight
        if hasattr(task.weight_rule, "get_weight"):
            total = weight_of(task.weight_rule, task)
        elif task.weight_rule in reach:
            bits = reach[task.weight_rule][name]
            total += sum(own * (bits & of).bit_count() for own, of in of_weight.items())
        weights[name] = max(-_LARGEST_WEIGHT - 1, min(_LARGEST_WEIGHT, total))
    return weights


def _reach(order: list[Any], *, upstream: bool) -> dict[str, int]:
    """Answer for each task all tasks above or below it, as a bit set; fast for thousands."""
    first = order if upstream else order[::-1]
    bit = {task.task_id: 1 << number for number, task in enumerate(first)}
    reach: dict[str, int] = {}
    for task in order:
        bits = 0
        for near in task.get_direct_relative_ids(upstream):
            bits |= reach[near] | bit[near]
        reach[task.task_id] = bits
    return reach


def _check(dag: DAG, order: Iterable[Any]) -> None:
    if dag.timetable.can_be_scheduled:
        _check_params(dag)
    for task in order:
        if dag.fail_fast and not task.is_teardown and task.trigger_rule != TriggerRule.ALL_SUCCESS:
            raise FailFastDagInvalidTriggerRule(
                f"Dag '{dag.dag_id}' is fail_fast, so every task needs the trigger rule "
                f"all_success; '{task.task_id}' has {task.trigger_rule}"
            )
        if task.is_setup:
            _check_setup(task)
    for group in dag.task_group.iter_groups():
        if group.retries:
            _check_retried(group)


def _check_params(dag: DAG) -> None:
    try:
        dag.params.validate()
    except ParamValidationError as error:
        raise AirflowException(
            f"Dag '{dag.dag_id}' is scheduled, so each of its Params needs a default that fits: "
            f"{error}"
        ) from None


def _check_retried(group: Any) -> None:
    """Refuse a way out of a group and back in: each side would wait for the other's end."""
    inside = {task.task_id for task in group.iter_tasks()}
    outside = {
        below.task_id: below
        for task in group.iter_tasks()
        for below in task.downstream_list
        if below.task_id not in inside
    }
    look = list(outside.values())
    while look:
        task = look.pop()
        for below in task.downstream_list:
            if below.task_id in inside:
                raise AirflowException(
                    f"Task group '{group.group_id}' is tried again as a whole, so nothing outside "
                    f"may run between its tasks; '{task.task_id}' does"
                )
            if below.task_id not in outside:
                outside[below.task_id] = below
                look.append(below)


def _check_setup(setup: Any) -> None:
    for below in setup.downstream_list:
        if not below.is_teardown and below.trigger_rule != TriggerRule.ALL_SUCCESS:
            raise AirflowException(
                f"Task '{below.task_id}' follows the setup '{setup.task_id}', so its trigger rule "
                f"must be all_success, not {below.trigger_rule}"
            )


def _group_of(task: Any) -> str:
    return task.task_group.group_id if task.task_group is not None else ""


def _serialize_groups(dag: DAG) -> dict[str, GroupSpec]:
    groups: dict[str, GroupSpec] = {}
    for group in dag.task_group.iter_groups():
        if group.is_root:
            continue
        groups[group.group_id] = GroupSpec(
            parent=group.parent_group.group_id if group.parent_group else "",
            label=group.label,
            tooltip=group.tooltip,
            doc_md=group.doc_md,
            ui_color=group.ui_color,
            ui_fgcolor=group.ui_fgcolor,
            deadlines=deadline_specs(group.deadline, of_task=True),
            mapping=serialize_mapping(group.group_id, group.map_input) if group.map_input else None,
            retry=_whole_retry(group.retries, group.retry_delay),
        )
    return groups


def _serialize_params(params: ParamsDict) -> dict[str, ParamSpec]:
    found: dict[str, ParamSpec] = {}
    for name in params:
        param = params.get_param(name)
        found[name] = ParamSpec(
            default=_whole(param.value) if param.has_value else None,
            has_default=param.has_value,
            description=param.description,
            source=param.source,
            json_schema=_whole(param.schema),
        )
    return found


def _whole(value: Any) -> Any:
    """Answer JSON as it is, never shortened: what a server checks by must be what was written."""
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        return jsonable(value)


def _whole_retry(retries: int, delay: timedelta | None) -> RetrySpec | None:
    seconds = delay.total_seconds() if delay else 0.0
    return RetrySpec(retries=retries, delay_seconds=seconds) if retries else None


def _runs_limit(dag: DAG) -> int:
    limit = dag.timetable.active_runs_limit
    return int(dag.max_active_runs) if limit is None else min(limit, int(dag.max_active_runs))


def _jitter(dag: DAG) -> Jitter | None:
    given = dag.schedule_jitter
    if given is None or not given.up_to:
        return None
    return Jitter(up_to_seconds=given.up_to.total_seconds(), seed=given.seed)


def _run_types(dag: DAG) -> tuple[str, ...] | None:
    return tuple(str(run_type) for run_type in dag.allowed_run_types or ()) or None


def _warnings(dag: DAG, order: Iterable[Any]) -> Iterable[str]:
    yield from dag.warnings
    yield from warn_of_schedule(dag.timetable)
    for task in order:
        for warning in dict.fromkeys([*task.warnings, *warn_of_assets(task)]):
            yield f"Task '{task.task_id}': {warning}"


def _documentation(task: Any) -> str | None:
    if task.doc_md:
        return str(task.doc_md)
    if task.doc:
        return str(task.doc)
    for kind in ("json", "yaml", "rst"):
        text = getattr(task, f"doc_{kind}")
        if text:
            return f"```{kind}\n{text}\n```"
    return None


def _serialize_templates(task: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    source = task.partial_kwargs if task.is_mapped else task.__dict__
    for field in task.template_fields:
        value = source.get(field)
        if value not in (None, (), [], {}):
            values[field] = jsonable(value)
    return values


def jsonable(value: Any) -> Any:
    """Answer a value for display as JSON: references as templates, the rest as text."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_FIELD else f"{value[:_LONGEST_FIELD]}..."
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((jsonable(item) for item in value), key=str)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return _display(value)
    return value


def _display(value: Any) -> str:
    if callable(value):
        # Not repr(): it holds an address, which differs at every parse.
        return f"<callable {getattr(value, '__qualname__', type(value).__qualname__)}>"
    if isinstance(value, Reference) and hasattr(value, "value"):
        return str(jsonable(value.value))
    text = str(value)
    return text if " at 0x" not in text else f"<{type(value).__qualname__}>"


def _seconds(span: Any) -> float | None:
    return None if span is None else float(span.total_seconds())
