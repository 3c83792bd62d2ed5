"""``why``: what a Dag, a run or a task waits for, or how it came to its state."""

from typing import Annotated

import typer

from tradewind.cli.client import open_api
from tradewind.cli.options import DagId
from tradewind.cli.runs import find_run


def why(
    dag_id: DagId,
    date_or_run: Annotated[
        str | None,
        typer.Argument(
            metavar="[LOGICAL_DATE_OR_RUN_ID]",
            help="A run; without one: what the Dag waits for.",
            show_default=False,
        ),
    ] = None,
    task_id: Annotated[
        str | None, typer.Argument(metavar="[TASK_ID]", help="One task.", show_default=False)
    ] = None,
) -> None:
    """Say why a run, or one of its tasks, is where it is, or what a Dag waits for."""
    with open_api("runs", "why") as api:
        run = None if date_or_run is None else find_run(api, dag_id, date_or_run)["dag_run_id"]
        told = api.get("/api/own/why", dag_id=dag_id, run_id=run, task_id=task_id)
    for line in told["lines"]:
        print(line)
