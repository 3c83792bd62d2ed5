"""``tasks mark``, ``runs mark``, ``runs cancel``: people say how things ended, or end them."""

from enum import StrEnum
from typing import Annotated

import typer

from tradewind.cli.clears import DryRun
from tradewind.cli.client import open_api, segment
from tradewind.cli.options import DagId, DateOrRun, TaskId, Yes, confirm
from tradewind.cli.output import Format, print_rows, say
from tradewind.cli.runs import find_run, instances_path, runs_path

_SHOWN = ("dag_id", "run_id", "task_id", "map_index", "state")
_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


class TaskMark(StrEnum):
    """States that may be set for a task instance."""

    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


class RunMark(StrEnum):
    """States that may be set for a run."""

    SUCCESS = "success"
    FAILED = "failed"
    QUEUED = "queued"


def mark_task(
    dag_id: DagId,
    task_id: TaskId,
    date_or_run: DateOrRun,
    state: Annotated[TaskMark, typer.Option("--state", help="The state.", show_default=False)],
    map_index: Annotated[
        int | None,
        typer.Option("--map-index", help="Of a mapped task: one instance.", show_default=False),
    ] = None,
    upstream: Annotated[
        bool, typer.Option("--upstream", "-u", help="Also all tasks above it.")
    ] = False,
    downstream: Annotated[
        bool, typer.Option("--downstream", "-d", help="Also all tasks below it.")
    ] = False,
    past: Annotated[bool, typer.Option("--past", help="Also in all earlier runs.")] = False,
    future: Annotated[bool, typer.Option("--future", help="Also in all later runs.")] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Set how a task ended in a run; if it runs, it is told to end."""
    body = {
        "new_state": state.value,
        "include_upstream": upstream,
        "include_downstream": downstream,
        "include_past": past,
        "include_future": future,
    }
    with open_api("dags", "runs", "marks") as api:
        run = find_run(api, dag_id, date_or_run)
        path = f"{instances_path(dag_id, run['dag_run_id'])}/{segment(task_id)}"
        if map_index is not None:
            path += f"/{map_index}"
        found = api.patch(f"{path}/dry_run", body)["task_instances"]
        if not found:
            print(f"It is {state.value} already.")
            return
        if dry_run or not yes:
            rows = [{**one, "run_id": one["dag_run_id"]} for one in found]
            print_rows(rows, _SHOWN, Format.TABLE, None)
        if dry_run:
            say(f"This would mark {len(found)} task instance(s) {state.value}.")
            return
        confirm(f"Mark {len(found)} task instance(s) {state.value}?", yes)
        done = api.patch(path, body)
    print(f"Marked {done['total_entries']} task instance(s) {state.value}.")


def mark_run(
    dag_id: DagId,
    date_or_run: DateOrRun,
    state: Annotated[RunMark, typer.Option("--state", help="The state.", show_default=False)],
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Set how a run ended, and its tasks with it; or let an ended run go on."""
    with open_api("dags", "runs", "instances", "marks") as api:
        run = find_run(api, dag_id, date_or_run)
        said = f"run {run['dag_run_id']} of Dag {dag_id} {state.value}"
        if dry_run:
            say(f"This would mark {said}; it is {run['state']} now.")
            return
        confirm(f"Mark {said}?", yes)
        done = api.patch(
            f"{runs_path(dag_id)}/{segment(run['dag_run_id'])}", {"state": state.value}
        )
    print(f"Run {done['dag_run_id']} of Dag {dag_id} is {done['state']}.")


def cancel_run(
    dag_id: DagId, date_or_run: DateOrRun, yes: Yes = False, dry_run: DryRun = False
) -> None:
    """End a run: tasks are told to end, teardowns clean up, and the run fails."""
    with open_api("dags", "runs", "instances", "run_cancels") as api:
        run = find_run(api, dag_id, date_or_run)
        run_id = run["dag_run_id"]
        if dry_run:
            found = [
                {**one, "run_id": run_id}
                for one in api.pages(instances_path(dag_id, run_id), "task_instances")
                if one["state"] not in _ENDED
            ]
            print_rows(found, _SHOWN, Format.TABLE, None)
            return
        confirm(f"Cancel run {run_id} of Dag {dag_id}?", yes)
        path = f"/api/own/dags/{segment(dag_id)}/dagRuns/{segment(run_id)}/cancel"
        done = api.post(path, {})
    print(f"Run {run_id} of Dag {dag_id} is cancelled; it is {done['state']}.")
    if done["state"] == "running":
        say("Teardowns clean up after it; then it fails.")
