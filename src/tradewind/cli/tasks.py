"""``tasks list | state | states-for-dag-run``: tasks and how they stand."""

from typing import Annotated

import typer

from tradewind.cli.client import open_api, segment
from tradewind.cli.options import Columns, DagId, DateOrRun, MapIndex, Output, TaskId
from tradewind.cli.output import Format, print_rows
from tradewind.cli.runs import find_run, instances_path


def list_tasks(
    dag_id: DagId,
    bundle: Annotated[
        list[str] | None,
        typer.Option("--bundle-name", "-B", help="Accepted; a Dag is of one bundle."),
    ] = None,
    output: Annotated[
        Format | None,
        typer.Option("--output", "-o", help="Print the tasks' fields, not their ids alone."),
    ] = None,
    columns: Columns = None,
) -> None:
    """Print the ids of a Dag's tasks, one a line, sorted."""
    del bundle
    with open_api("tasks") as api:
        found = api.get(f"/dags/{segment(dag_id)}/tasks")["tasks"]
    found.sort(key=lambda task: str(task["task_id"]))
    if output is None and columns is None:
        for task in found:
            print(task["task_id"])
        return
    print_rows(found, ("task_id", "operator_name", "trigger_rule"), output or Format.TABLE, columns)


def state(dag_id: DagId, task_id: TaskId, date_or_run: DateOrRun, map_index: MapIndex = -1) -> None:
    """Print the state of one task instance."""
    with open_api("runs", "instances") as api:
        run = find_run(api, dag_id, date_or_run)
        path = instances_path(dag_id, run["dag_run_id"])
        index = f"/{map_index}" if map_index >= 0 else ""
        facts = api.get(f"{path}/{segment(task_id)}{index}")
    print(facts["state"])


def states_for_dag_run(
    dag_id: DagId,
    date_or_run: DateOrRun,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """List the task instances of one run."""
    with open_api("runs", "instances") as api:
        run = find_run(api, dag_id, date_or_run)
        path = instances_path(dag_id, run["dag_run_id"])
        found = [
            {**each, "run_id": run["dag_run_id"]}
            for each in api.pages(path, "task_instances", order_by="start_date")
        ]
    shown = ["task_id", "state", "start_date", "end_date"]
    if any(each["map_index"] >= 0 for each in found):
        shown.insert(1, "map_index")
    print_rows(found, ("dag_id", "logical_date", *shown), output, columns)
