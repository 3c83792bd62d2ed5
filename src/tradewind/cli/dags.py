"""``dags list | details | pause | unpause | delete | next-execution | …``: Dags as such."""

import re
from enum import StrEnum
from typing import Annotated

import typer

from tradewind.cli.client import (
    Api,
    Json,
    connect,
    open_api,
    open_local,
    parse_here,
    segment,
)
from tradewind.cli.options import Columns, DagId, Output, Yes, confirm
from tradewind.cli.output import Format, as_written, print_properties, print_rows, say
from tradewind.config import read_settings
from tradewind.errors import UsageError

Regex = Annotated[
    bool,
    typer.Option("--treat-dag-id-as-regex", help="Take DAG_ID as a pattern of whole ids."),
]


class NextField(StrEnum):
    """What ``next-execution`` can print of a coming run."""

    LOGICAL_DATE = "logical_date"
    INTERVAL_START = "data_interval.start"
    INTERVAL_END = "data_interval.end"
    RUN_AFTER = "run_after"


def list_dags(
    bundle: Annotated[
        list[str] | None,
        typer.Option("--bundle-name", "-B", help="Only of this bundle.", show_default=False),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", "-l", help="Accepted; files are always parsed apart.")
    ] = False,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """List all Dags."""
    del local
    with open_api("dags", "import_errors", look=True) as api:
        dags = [
            dag
            for dag in api.pages("/dags", "dags", order_by="dag_id")
            if not bundle or dag["bundle_name"] in bundle
        ]
        broken = api.get("/importErrors", limit=1)["total_entries"]
    print_rows(
        dags,
        ("dag_id", "fileloc", "owners", "is_paused"),
        output,
        columns,
    )
    if broken:
        some = "One Dag file" if broken == 1 else f"{broken} Dag files"
        say(f"{some} cannot be imported: 'dags list-import-errors' says why.")


def details(dag_id: DagId, output: Output = Format.TABLE) -> None:
    """Show everything about a Dag."""
    with open_api("dags") as api:
        facts = api.get(f"/dags/{segment(dag_id)}/details")
    print_properties(facts, output)


def pause(
    dag_id: DagId,
    treat_as_regex: Regex = False,
    yes: Yes = False,
    output: Output = Format.TABLE,
) -> None:
    """Pause a Dag: what runs goes on, nothing new is started."""
    _set_paused(dag_id, True, treat_as_regex, yes, output)


def unpause(
    dag_id: DagId,
    treat_as_regex: Regex = False,
    yes: Yes = False,
    output: Output = Format.TABLE,
) -> None:
    """Let a paused Dag go on."""
    _set_paused(dag_id, False, treat_as_regex, yes, output)


def _set_paused(dag_id: str, paused: bool, as_regex: bool, yes: bool, output: Format) -> None:
    with open_api("dags") as api:
        ids = _matching(api, dag_id) if as_regex else [dag_id]
        verb = "pause" if paused else "unpause"
        if as_regex and ids:
            confirm(f"{verb.capitalize()} {', '.join(ids)}?", yes)
        done = [api.patch(f"/dags/{segment(each)}", {"is_paused": paused}) for each in ids]
    print_rows(done, ("dag_id", "is_paused"), output, "dag_id,is_paused")


def _matching(api: Api, pattern: str) -> list[str]:
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise UsageError("bad-pattern", f"'{pattern}' is not a pattern: {error}.") from None
    return [dag["dag_id"] for dag in api.pages("/dags", "dags") if wanted.fullmatch(dag["dag_id"])]


def delete(dag_id: DagId, yes: Yes = False) -> None:
    """Delete a Dag's runs and history; it comes back, empty, while its file is there."""
    with open_api("dags") as api:
        api.get(f"/dags/{segment(dag_id)}")
        confirm(f"Delete everything known of Dag '{dag_id}'?", yes)
        api.delete(f"/dags/{segment(dag_id)}")
    print(f"Dag '{dag_id}' deleted.")


def next_execution(
    dag_id: DagId,
    number: Annotated[
        int, typer.Option("--num-executions", "-n", min=1, help="How many coming runs.")
    ] = 1,
    field: Annotated[
        NextField, typer.Option("--field", help="What to print of each.")
    ] = NextField.LOGICAL_DATE,
    table: Annotated[bool, typer.Option("--table", help="Print all fields as a table.")] = False,
) -> None:
    """Print when a Dag is due next."""
    with open_api("dags", "next_runs") as api:
        dag = api.get(f"/dags/{segment(dag_id)}")
        coming = _coming_runs(api, dag_id, number)
    if dag["is_paused"]:
        say(f"Dag '{dag_id}' is paused: nothing is started until 'dags unpause {dag_id}'.")
    if not coming:
        say(f"Dag '{dag_id}' has no further scheduled run.")
        print("None")
    elif table:
        print_rows(coming, tuple(each.value for each in NextField))
    else:
        for run in coming:
            print(as_written(run[field.value]))


def _coming_runs(api: Api, dag_id: str, number: int) -> list[Json]:
    found = api.get(f"/api/own/next-runs/{segment(dag_id)}", n=number)
    if found["message"]:
        say(found["message"])
    return [
        {
            "logical_date": run["logical_date"],
            "data_interval.start": run["data_interval_start"],
            "data_interval.end": run["data_interval_end"],
            "run_after": run["run_after"],
        }
        for run in found["next_runs"]
    ]


def list_import_errors(
    bundle: Annotated[
        list[str] | None,
        typer.Option("--bundle-name", "-B", help="Only of this bundle.", show_default=False),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", "-l", help="Accepted; files are always parsed apart.")
    ] = False,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> int:
    """List Dag files that cannot be imported; exit code 1 when there are any."""
    del local
    with open_api("import_errors", look=True) as api:
        found = [
            {
                **error,
                "filepath": error["filename"],
                "error": str(error["stack_trace"]).strip().rpartition("\n")[2],
            }
            for error in api.pages("/importErrors", "import_errors")
            if not bundle or error["bundle_name"] in bundle
        ]
    print_rows(found, ("bundle_name", "filepath", "error"), output, columns)
    return 1 if found else 0


def reserialize() -> int:
    """Parse the Dag files now, where no server does it by itself."""
    settings = read_settings()
    served = connect(settings)
    if served is not None:
        served.close()
        say("A server runs: it parses a Dag file as soon as it is saved.")
        return 0
    local = open_local(settings, ())
    try:
        done = parse_here(local)
    finally:
        local.close()
    print(f"{done} Dag file{'' if done == 1 else 's'} parsed.")
    return 0
