"""``dags test``, ``tasks test | render``, ``run``: a person's own code, in this very process."""

import json
import logging
import os
import runpy
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tradewind.cli.client import open_api, segment
from tradewind.cli.options import DagId, MapIndex, TaskId, parse_date, parse_object
from tradewind.cli.output import say
from tradewind.codestore.local import find_root
from tradewind.compat.finder import install
from tradewind.config import read_settings
from tradewind.core.runs import RunType, run_id_of, run_type_of
from tradewind.core.states import LegState
from tradewind.core.timetables import manual_run
from tradewind.errors import NotFoundError, RefusedError, UsageError, did_you_mean
from tradewind.protocol.orders import BundleRef, RunFacts, TaskOrder
from tradewind.protocol.ports import bound_port
from tradewind.runtime.clock import SystemClock
from tradewind.runtime.context import TaskContext, build_context
from tradewind.runtime.execute import run_task
from tradewind.runtime.faults import user_traceback
from tradewind.runtime.loading import load_file
from tradewind.runtime.local import run_dag
from tradewind.runtime.memory import MemoryPort
from tradewind.runtime.serialize import serialize_dag
from tradewind.sdk.context import set_current_context
from tradewind.sdk.dags import DAG
from tradewind.sdk.exceptions import AirflowException

OptionalDate = Annotated[
    str | None,
    typer.Argument(metavar="[LOGICAL_DATE]", help="Its date; now if left out.", show_default=False),
]
DagFile = Annotated[
    Path | None,
    typer.Option("--dagfile-path", "-f", help="The Dag's file.", show_default=False),
]


def run_dag_here(
    dag_id: DagId,
    logical_date: OptionalDate = None,
    conf: Annotated[
        str | None,
        typer.Option("--conf", "-c", help="A JSON object the tasks can read.", show_default=False),
    ] = None,
    dagfile_path: DagFile = None,
    mark_success_pattern: Annotated[
        str | None,
        typer.Option(
            "--mark-success-pattern",
            help="Tasks whose ids match are not run but taken as successful.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Run a Dag once in this process, task after task; nothing of it is kept.

    The exit code is 1 when the run failed.
    """
    moment = parse_date(logical_date) if logical_date else None
    given = parse_object(conf, "--conf")
    dag = _load_dag(dag_id, dagfile_path)
    named: dict[str, Any] = {} if moment is None else {"logical_date": moment}
    try:
        run = run_dag(dag, conf=given, mark_success_pattern=mark_success_pattern, **named)
    except AirflowException as error:
        raise RefusedError("cannot-run", f"Dag '{dag_id}' cannot be run: {error}") from None
    for instance in run.get_task_instances():
        index = f"[{instance.map_index}]" if instance.map_index >= 0 else ""
        print(f"{instance.task_id}{index}  {instance.state or 'none'}")
    print(f"Run of '{dag_id}': {run.state.value}")
    return 0 if run.state == "success" else 1


def run_task_here(
    dag_id: DagId,
    task_id: TaskId,
    logical_date: OptionalDate = None,
    task_params: Annotated[
        str | None,
        typer.Option("--task-params", "-t", help="A JSON object of params.", show_default=False),
    ] = None,
    env_vars: Annotated[
        str | None,
        typer.Option("--env-vars", help="A JSON object for the environment.", show_default=False),
    ] = None,
    map_index: MapIndex = -1,
    dagfile_path: DagFile = None,
) -> int:
    """Run one task in this process, whatever stands before it; nothing of it is kept."""
    params = parse_object(task_params, "--task-params")
    os.environ.update({k: str(v) for k, v in parse_object(env_vars, "--env-vars").items()})
    dag, order = _order(dag_id, task_id, logical_date, params, map_index, dagfile_path)
    _log_to_stderr()
    port = MemoryPort()
    port.begin(dag_id, order.run.run_id, task_id, map_index)
    token = bound_port.set(port)
    try:
        done = run_task(order, {dag_id: dag}, port, SystemClock())
    finally:
        bound_port.reset(token)
    for xcom in done.xcoms:
        print(f"{xcom.key}: {xcom.value.decode()}")
    say(f"Task '{task_id}': {done.outcome}{f' ({done.error})' if done.error else ''}")
    return 0 if done.outcome in (LegState.SUCCESS, LegState.SKIPPED) else 1


def render_task(
    dag_id: DagId,
    task_id: TaskId,
    logical_date: OptionalDate = None,
    map_index: MapIndex = -1,
    dagfile_path: DagFile = None,
) -> int:
    """Print each template field of a task as it would be for that date."""
    dag, order = _order(dag_id, task_id, logical_date, {}, map_index, dagfile_path)
    port = MemoryPort()
    token = bound_port.set(port)
    try:
        task = _rendered(dag, order, port)
    except Exception as error:  # noqa: BLE001 a template may raise anything; it is told and ends this
        sys.stderr.write(user_traceback(error))
        return 1
    finally:
        bound_port.reset(token)
    for field in task.template_fields:
        print(f"# ----- {field}")
        value = getattr(task, field, None)
        print(value if isinstance(value, str) else json.dumps(value, default=str))
    return 0


def run_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGUMENT]...", show_default=False)
    ] = None,
) -> int:
    """Run a Dag file as a program: what stands below its ``if __name__ == "__main__"``.

    Imports from ``airflow`` are served by Tradewind, as they are when its Dags run.
    """
    if not file.is_file():
        raise NotFoundError("file-not-found", f"There is no file {file}.")
    path = file.absolute()
    bundle = _bundle_of(path)
    install()
    sys.argv = [str(file), *(arguments or [])]
    sys.path[:0] = [str(path.parent), bundle.dags_folder, bundle.root]
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit:
        raise
    except Exception as error:  # noqa: BLE001 the person's own error, shown as Python shows it
        sys.stderr.write(user_traceback(error))
        return 1
    return 0


def _rendered(dag: DAG, order: TaskOrder, port: MemoryPort) -> Any:
    task: Any = dag.get_task(order.task_id)
    context: TaskContext = build_context(order, task, port)
    with set_current_context(context):
        seen: set[int] = set()
        if task.is_mapped:
            task, seen = task.unmap_at(context, max(order.map_index, 0))
        else:
            task = task.prepare_for_execution()
        context["task"] = task
        context["ti"].bind(task, context)
        task.resolve_template_files()
        task.render_template_fields(context, None, seen)
    return task


def _order(
    dag_id: str,
    task_id: str,
    date_or_run: str | None,
    params: dict[str, Any],
    map_index: int,
    file: Path | None,
) -> tuple[DAG, TaskOrder]:
    """Answer the Dag, and an order for one attempt of the task that no server gave."""
    now = SystemClock().now()
    moment = _date_of(date_or_run) or now
    dag = _load_dag(dag_id, file)
    known = [task.task_id for task in dag.tasks]
    if task_id not in known:
        raise NotFoundError(
            "task-not-found",
            f"Dag '{dag_id}' has no task '{task_id}'.",
            did_you_mean(task_id, known),
        )
    path = Path(dag.fileloc)
    spec = serialize_dag(dag, path.name)
    dates = manual_run(spec.timetable, logical_date=moment, run_after=moment)
    run = RunFacts(
        dag_id=dag_id,
        run_id=run_id_of(RunType.MANUAL, dates.run_after, dates.logical_date),
        run_type=RunType.MANUAL.value,
        run_after=dates.run_after,
        logical_date=dates.logical_date,
        data_interval_start=dates.data_interval_start,
        data_interval_end=dates.data_interval_end,
        start_date=now,
        conf=params,
        triggered_by="test",
    )
    return dag, TaskOrder(
        attempt_id=1,
        epoch=1,
        token="",
        ti_id=1,
        task_id=task_id,
        map_path=str(map_index) if map_index >= 0 else "",
        map_index=map_index,
        run=run,
        bundle=_bundle_of(path),
        file=path.name,
        first_started_at=now,
    )


def _date_of(date_or_run: str | None) -> datetime | None:
    """Answer the logical date named, by itself or by a run id that carries it."""
    if date_or_run is None:
        return None
    is_id = run_type_of(date_or_run) is not None
    return parse_date(date_or_run.partition("__")[2] if is_id else date_or_run)


def _load_dag(dag_id: str, file: Path | None) -> DAG:
    """Import the Dag's file here.

    Raises:
        NotFoundError: No file has such a Dag.
        UsageError: The file cannot be imported.
    """
    path = file.absolute() if file else _find_file(dag_id)
    if not path.is_file():
        raise NotFoundError("file-not-found", f"There is no file {path}.")
    bundle = _bundle_of(path)
    try:
        dags = load_file(bundle, os.path.relpath(path, bundle.root))
    except Exception as error:
        sys.stderr.write(user_traceback(error))
        raise UsageError("import-error", f"{path} cannot be imported.") from error
    if dag_id not in dags:
        raise NotFoundError(
            "dag-not-found", f"{path} has no Dag '{dag_id}'.", did_you_mean(dag_id, dags)
        )
    return dags[dag_id]


def _find_file(dag_id: str) -> Path:
    with open_api("dags") as api:
        return Path(api.get(f"/dags/{segment(dag_id)}")["fileloc"])


def _bundle_of(path: Path) -> BundleRef:
    settings = read_settings()
    folder = settings.dags_folder if path.is_relative_to(settings.dags_folder) else path.parent
    root = find_root(folder)
    return BundleRef(name="local", root=str(root), dags_folder=str(folder))


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(message)s"
    )
