"""``dags test``, ``tasks test | render``, ``run``: a person's own code, in this very process."""

import json
import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from tradewind.cli.client import Json, open_api, segment
from tradewind.cli.options import DagId, MapIndex, TaskId, parse_date, parse_object
from tradewind.cli.output import say
from tradewind.cli.post_mortem import debug
from tradewind.cli.run_picture import draw_run, save_picture
from tradewind.cli.runs import find_run
from tradewind.cli.stored import RenderPort, StoredPort
from tradewind.codestore.local import find_root
from tradewind.compat.finder import install
from tradewind.config import read_settings
from tradewind.core.runs import RunType, run_id_of, run_type_of
from tradewind.core.states import LegState
from tradewind.errors import NotFoundError, RefusedError, did_you_mean
from tradewind.protocol.clock import SystemClock
from tradewind.protocol.orders import BundleRef, RunFacts, TaskOrder
from tradewind.protocol.ports import bound_port
from tradewind.runtime.context import TaskContext, build_context
from tradewind.runtime.execute import run_task
from tradewind.runtime.faults import user_traceback
from tradewind.runtime.loading import load_file
from tradewind.runtime.local import run_dag_in
from tradewind.runtime.local_log import readable_log, say_no_deadlines, say_who_runs
from tradewind.runtime.local_masks import hiding
from tradewind.runtime.local_waits import run_legs
from tradewind.runtime.memory import MemoryPort
from tradewind.runtime.serialize import serialize_dag
from tradewind.runtime.timetables import dates_by_hand
from tradewind.sdk.context import importing_for, set_current_context
from tradewind.sdk.dags import DAG
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.sentinels import SET_DURING_EXECUTION

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
    use_executor: Annotated[
        bool, typer.Option("--use-executor", help="Refused: for workers there is dags trigger.")
    ] = False,
    save_dagrun: Annotated[
        Path | None,
        typer.Option(
            "--save-dagrun",
            metavar="FILE",
            help="Draw the run into this file: .dot, or .png and others by Graphviz.",
            show_default=False,
        ),
    ] = None,
    show_dagrun: Annotated[
        bool, typer.Option("--show-dagrun", help="Print the run in Graphviz's language.")
    ] = False,
    imgcat_dagrun: Annotated[
        bool, typer.Option("--imgcat-dagrun", help="Refused: use --save-dagrun run.png.")
    ] = False,
    bundle_name: Annotated[
        list[str] | None,
        typer.Option("--bundle-name", "-B", help="Accepted; a Dag is of one bundle."),
    ] = None,
) -> int:
    """Run a Dag once in this process, task after task; nothing of it is kept.

    The exit code is 1 when the run failed.
    """
    _refuse(dag_id, use_executor=use_executor, imgcat_dagrun=imgcat_dagrun)
    moment = parse_date(logical_date) if logical_date else None
    given = parse_object(conf, "--conf")
    named: dict[str, Any] = {} if moment is None else {"logical_date": moment}
    path, _ = _find(dag_id, None, dagfile_path)
    with _asking_store() as port:
        dag = _load_dag(dag_id, path)
        try:
            run = run_dag_in(
                port, dag, conf=given, mark_success_pattern=mark_success_pattern, **named
            )
        except AirflowException as error:
            raise RefusedError("cannot-run", f"Dag '{dag_id}' cannot be run: {error}") from None
    for instance in run.get_task_instances():
        index = f"[{instance.map_index}]" if instance.map_index >= 0 else ""
        print(f"{instance.task_id}{index}  {instance.state or 'none'}")
    print(f"Run of '{dag_id}': {run.state.value}")
    if save_dagrun is not None or show_dagrun:
        picture = draw_run(dag, [(one.task_id, one.state) for one in run.get_task_instances()])
        if show_dagrun:
            print(picture, end="")
        if save_dagrun is not None:
            save_picture(picture, save_dagrun)
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
    post_mortem: Annotated[
        bool,
        typer.Option("--post-mortem", "-m", help="Open a debugger where the task fails."),
    ] = False,
    dagfile_path: DagFile = None,
) -> int:
    """Run one task in this process, whatever stands before it; nothing of it is kept."""
    params = parse_object(task_params, "--task-params")
    os.environ.update({k: str(v) for k, v in parse_object(env_vars, "--env-vars").items()})
    path, stored = _find(dag_id, logical_date, dagfile_path)
    with _asking_store(StoredPort(reads_xcoms=True)) as port:
        with importing_for(dag_id, task_id):
            dag = _load_dag(dag_id, path)
        order = _order(dag, task_id, _facts(dag, stored, logical_date, params), map_index)
        port.begin(dag_id, order.run.run_id, task_id, map_index)
        clock = SystemClock()
        run_leg = partial(
            run_task,
            dags={dag_id: dag},
            port=port,
            clock=clock,
            test_mode=True,
            on_failure=debug if post_mortem else None,
        )
        with readable_log(port.masker):
            say_no_deadlines([task_id] if dag.get_task(task_id).deadline else [])
            say_who_runs([dag.get_task(task_id)])
            done = run_legs(order, port, clock, run_leg)
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
    path, stored = _find(dag_id, logical_date, dagfile_path)
    with _asking_store(RenderPort()) as port:
        with importing_for(dag_id, task_id):
            dag = _load_dag(dag_id, path)
        order = _order(dag, task_id, _facts(dag, stored, logical_date, {}), map_index)
        try:
            task = _rendered(dag, order, port)
        except Exception as error:  # noqa: BLE001 a template may raise anything; it is told
            sys.stderr.write(user_traceback(error))
            return 1
        for field in task.template_fields:
            print(f"# ----- {field}")
            value = getattr(task, field, None)
            if value is SET_DURING_EXECUTION:
                value = "(known when the task runs)"
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


def _refuse(dag_id: str, *, use_executor: bool, imgcat_dagrun: bool) -> None:
    if use_executor:
        raise RefusedError(
            "cannot-run",
            "A run in this process has no workers.",
            f"For a run by workers: tradewind dags trigger {dag_id}",
        )
    if imgcat_dagrun:
        raise RefusedError(
            "cannot-run", "Pictures are not shown in the terminal.", "Use --save-dagrun run.png."
        )


@contextmanager
def _asking_store(port: StoredPort | None = None) -> Iterator[StoredPort]:
    """Let the code that runs in the block, Dag files as well, see what is stored.

    Secrets are hidden in what it prints and logs.
    """
    port = port or StoredPort()
    token = bound_port.set(port)
    try:
        with hiding(port.masker):
            yield port
    finally:
        bound_port.reset(token)


def _find(dag_id: str, date_or_run: str | None, file: Path | None) -> tuple[Path, Json | None]:
    """Answer the Dag's file, and the run that is named, if there is such a one."""
    if file is not None and date_or_run is None:
        return file.absolute(), None
    run: Json | None = None
    with open_api("dags", "runs", reads_files=file is None) as api:
        if file is None:
            file = Path(api.get(f"/dags/{segment(dag_id)}")["fileloc"])
        if date_or_run is not None:
            with suppress(NotFoundError):
                run = find_run(api, dag_id, date_or_run)
    return file.absolute(), run


def _facts(
    dag: DAG, stored: Json | None, date_or_run: str | None, params: dict[str, Any]
) -> RunFacts:
    """Answer the run that is stored, or one that there might be for that date or for now."""
    if stored is not None:
        conf = {**(stored["conf"] or {}), **params}
        return msgspec.convert({**stored, "run_id": stored["dag_run_id"], "conf": conf}, RunFacts)
    now = SystemClock().now()
    moment = _date_of(date_or_run) or now
    timetable = serialize_dag(dag, Path(dag.fileloc).name).timetable
    dates = dates_by_hand(dag, timetable, logical_date=moment, run_after=moment)
    return RunFacts(
        dag_id=dag.dag_id,
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


def _order(dag: DAG, task_id: str, run: RunFacts, map_index: int) -> TaskOrder:
    """Answer an order for one attempt of a task that no server gave.

    Raises:
        NotFoundError: The Dag has no such task.
    """
    known = [task.task_id for task in dag.tasks]
    if task_id not in known:
        raise NotFoundError(
            "task-not-found",
            f"Dag '{dag.dag_id}' has no task '{task_id}'.",
            did_you_mean(task_id, known),
        )
    path = Path(dag.fileloc)
    return TaskOrder(
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
        first_started_at=SystemClock().now(),
    )


def _date_of(date_or_run: str | None) -> datetime | None:
    """Answer the logical date named, by itself or by a run id that carries it."""
    if date_or_run is None:
        return None
    is_id = run_type_of(date_or_run) is not None
    return parse_date(date_or_run.partition("__")[2] if is_id else date_or_run)


def _load_dag(dag_id: str, path: Path) -> DAG:
    """Import the Dag's file here.

    Raises:
        NotFoundError: There is no such file, or it has no such Dag.
        RefusedError: The file cannot be imported.
    """
    if not path.is_file():
        raise NotFoundError("file-not-found", f"There is no file {path}.")
    bundle = _bundle_of(path)
    try:
        dags = load_file(bundle, os.path.relpath(path, bundle.root))
    except Exception as error:
        sys.stderr.write(user_traceback(error))
        raise RefusedError("import-error", f"{path} cannot be imported.") from error
    if dag_id not in dags:
        raise NotFoundError(
            "dag-not-found", f"{path} has no Dag '{dag_id}'.", did_you_mean(dag_id, dags)
        )
    return dags[dag_id]


def _bundle_of(path: Path) -> BundleRef:
    settings = read_settings()
    folder = settings.dags_folder if path.is_relative_to(settings.dags_folder) else path.parent
    root = find_root(folder)
    return BundleRef(name="local", root=str(root), dags_folder=str(folder))
