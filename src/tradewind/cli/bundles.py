"""``bundles list``, ``dags versions | source``: where Dags come from, and what they were."""

from typing import Annotated

import typer

from tradewind.cli.client import open_api, segment
from tradewind.cli.options import Columns, DagId, Output
from tradewind.cli.output import Format, print_rows, say


def list_bundles(output: Output = Format.TABLE, columns: Columns = None) -> int:
    """List bundles; exit code 1 when one cannot be refreshed."""
    with open_api("bundles", look=True) as api:
        found = api.get("/api/own/bundles")["bundles"]
    shown = [{**one, "version": (one["version"] or "")[:_SHOWN]} for one in found]
    rows = shown if output is Format.TABLE and columns is None else found
    print_rows(rows, ("name", "kind", "version", "is_pinned", "refreshed_at"), output, columns)
    faults = [one["fault"] for one in found if one["fault"]]
    for fault in faults:
        say(fault)
    return 1 if faults else 0


_SHOWN = 12
"""Characters of a version in a table: what people tell commits apart by."""


def versions(dag_id: DagId, output: Output = Format.TABLE, columns: Columns = None) -> None:
    """List the versions of a Dag, the newest first."""
    with open_api("versions") as api:
        found = list(api.pages(f"/dags/{segment(dag_id)}/dagVersions", "dag_versions"))
    print_rows(
        found, ("version_number", "created_at", "bundle_name", "bundle_version"), output, columns
    )


def source(
    dag_id: DagId,
    version: Annotated[
        int | None,
        typer.Option("--version", help="Its number; the newest by default.", show_default=False),
    ] = None,
) -> None:
    """Print the file of a Dag, as a version of it was last parsed."""
    with open_api("sources") as api:
        wanted = {} if version is None else {"version_number": version}
        found = api.get(f"/dagSources/{segment(dag_id)}", **wanted)
    print(found["content"], end="")
