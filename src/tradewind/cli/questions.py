"""``tasks questions | answer``: what tasks ask people, and answering it."""

import json
from typing import Annotated, Any

import typer

from tradewind.cli.client import open_api, segment
from tradewind.cli.options import Columns, DagId, DateOrRun, MapIndex, Output, TaskId
from tradewind.cli.output import Format, print_rows
from tradewind.cli.runs import find_run, instances_path
from tradewind.errors import UsageError


def questions(
    dag_id: Annotated[
        str | None, typer.Argument(metavar="[DAG_ID]", help="Only of this Dag.", show_default=False)
    ] = None,
    all_of_them: Annotated[
        bool, typer.Option("--all", help="Those that are answered too.", show_default=False)
    ] = False,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """List the questions that tasks wait with for a person's answer."""
    where = segment(dag_id) if dag_id else "~"
    wanted: dict[str, Any] = {} if all_of_them else {"response_received": "false"}
    with open_api("human_inputs") as api:
        path = f"/dags/{where}/dagRuns/~/hitlDetails"
        found = [_row(each) for each in api.pages(path, "hitl_details", **wanted)]
    shown = ("dag_id", "run_id", "task_id", "map_index", "subject", "options", "chosen")
    print_rows(found, shown, output, columns)


def answer(
    dag_id: DagId,
    task_id: TaskId,
    date_or_run: DateOrRun,
    options: Annotated[
        list[str], typer.Argument(metavar="OPTION...", help="What you choose.", show_default=False)
    ],
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param", "-p", help="NAME=VALUE; a JSON value, or text.", show_default=False
        ),
    ] = None,
    map_index: MapIndex = -1,
) -> None:
    """Answer the question of a task; it goes on with the answer."""
    with open_api("runs", "instances", "human_inputs") as api:
        run = find_run(api, dag_id, date_or_run)
        path = f"{instances_path(dag_id, run['dag_run_id'])}/{segment(task_id)}/{map_index}"
        body = {"chosen_options": options, "params_input": dict(_param(one) for one in param or ())}
        said = api.patch(f"{path}/hitlDetails", body)
    print(f"Answered: {', '.join(said['chosen_options'])}")


def _param(text: str) -> tuple[str, Any]:
    name, found, value = text.partition("=")
    if not found:
        raise UsageError("bad-param", f"'{text}' is no NAME=VALUE.", "Write it as --param day=3.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _row(each: dict[str, Any]) -> dict[str, Any]:
    instance = each["task_instance"]
    return {
        **{name: value for name, value in each.items() if name != "task_instance"},
        "dag_id": instance["dag_id"],
        "run_id": instance["dag_run_id"],
        "task_id": instance["task_id"],
        "map_index": instance["map_index"],
        "options": ", ".join(each["options"]),
        "chosen": ", ".join(each["chosen_options"] or ()),
    }
