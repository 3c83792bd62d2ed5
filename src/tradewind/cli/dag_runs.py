"""``dags trigger | list-runs | state``: the runs of a Dag."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from tradewind.cli.client import Api, Json, open_api, segment
from tradewind.cli.options import Columns, DagId, DateOrRun, Output, iso, parse_date, parse_object
from tradewind.cli.output import Format, print_rows, say
from tradewind.cli.runs import as_run, find_run, runs_path
from tradewind.errors import UsageError


class RunStateChoice(StrEnum):
    """States a run can have."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


def trigger(
    dag_id: DagId,
    logical_date: Annotated[
        str | None,
        typer.Option(
            "--logical-date", "-l", help="The date the run processes.", show_default=False
        ),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run-id", "-r", help="The run's id.", show_default=False)
    ] = None,
    conf: Annotated[
        str | None,
        typer.Option("--conf", "-c", help="A JSON object the tasks can read.", show_default=False),
    ] = None,
    replace_microseconds: Annotated[
        bool,
        typer.Option(
            "--replace-microseconds/--no-replace-microseconds",
            help="Drop fractions of a second from the logical date.",
        ),
    ] = True,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """Start a run of a Dag, for a logical date or for none."""
    moment = parse_date(logical_date) if logical_date else None
    if moment is not None and replace_microseconds:
        moment = moment.replace(microsecond=0)
    body: Json = {
        "logical_date": iso(moment) if moment else None,
        "conf": parse_object(conf, "--conf"),
    }
    if run_id is not None:
        body["dag_run_id"] = run_id
    with open_api("dags", "runs") as api:
        run = as_run(api.post(runs_path(dag_id), body))
        print_rows([run], ("dag_id", "logical_date", "run_id"), output, columns)
        _say_what_it_waits_for(api, dag_id)


def _say_what_it_waits_for(api: Api, dag_id: str) -> None:
    dag = api.get(f"/dags/{segment(dag_id)}")
    if dag["is_paused"]:
        say(f"Dag '{dag_id}' is paused: the run waits until 'dags unpause {dag_id}'.")
    elif not api.is_served:
        say("No server runs: the run starts when 'standalone' does.")


def list_runs(
    dag_id: Annotated[
        str | None, typer.Argument(metavar="[DAG_ID]", help="The Dag.", show_default=False)
    ] = None,
    dag_id_option: Annotated[
        str | None, typer.Option("--dag-id", "-d", help="The Dag, named here.", show_default=False)
    ] = None,
    state: Annotated[
        RunStateChoice | None,
        typer.Option("--state", help="Only runs in this state.", show_default=False),
    ] = None,
    no_backfill: Annotated[
        bool, typer.Option("--no-backfill", help="Leave out runs of backfills.")
    ] = False,
    start_date: Annotated[
        str | None,
        typer.Option("--start-date", "-s", help="First logical date.", show_default=False),
    ] = None,
    end_date: Annotated[
        str | None, typer.Option("--end-date", "-e", help="Last logical date.", show_default=False)
    ] = None,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """List a Dag's runs, newest first."""
    wanted = dag_id or dag_id_option
    if wanted is None or (dag_id and dag_id_option and dag_id != dag_id_option):
        raise UsageError("bad-usage", "'dags list-runs' needs one DAG_ID.")
    filters: Json = {"order_by": "-run_after", "state": state.value if state else None}
    if start_date:
        filters["logical_date_gte"] = iso(parse_date(start_date))
    if end_date:
        filters["logical_date_lte"] = iso(parse_date(end_date))
    with open_api("runs") as api:
        found = [
            as_run(run)
            for run in api.pages(runs_path(wanted), "dag_runs", **filters)
            if not (no_backfill and run["run_type"] == "backfill")
        ]
    print_rows(found, ("run_id", "state", "logical_date"), output, columns)


def state(dag_id: DagId, date_or_run: DateOrRun) -> None:
    """Print the state of one run, and its conf if it has one."""
    with open_api("runs") as api:
        run = find_run(api, dag_id, date_or_run)
    print(f"{run['state']}, {json.dumps(run['conf'])}" if run.get("conf") else run["state"])
