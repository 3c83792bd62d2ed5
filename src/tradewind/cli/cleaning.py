"""``db clean | export-archived | drop-archived``: a database that does not grow for ever."""

import csv
from pathlib import Path
from typing import Annotated, Any

import typer

from tradewind.cli.client import Api, Json, open_api, segment
from tradewind.cli.options import Yes, confirm, iso, parse_date
from tradewind.cli.output import say
from tradewind.errors import RefusedError, UsageError

_PATH = "/api/own/cleaning"
_ARCHIVES = "/api/own/archives"
_OWN_ROWS = {"dag_run": "run"}

Tables = Annotated[
    str | None,
    typer.Option("--tables", "-t", help="Only these, separated by commas.", show_default=False),
]


def clean(
    clean_before_timestamp: Annotated[
        str,
        typer.Option(
            "--clean-before-timestamp", help="What ended before is old.", show_default=False
        ),
    ],
    tables: Tables = None,
    dag_ids: Annotated[
        str | None,
        typer.Option("--dag-ids", help="Only of these Dags, by commas.", show_default=False),
    ] = None,
    exclude_dag_ids: Annotated[
        str | None,
        typer.Option("--exclude-dag-ids", help="Not of these Dags.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how much there is, and delete nothing.")
    ] = False,
    skip_archive: Annotated[
        bool, typer.Option("--skip-archive", help="Keep no copy of what is deleted.")
    ] = False,
    batch_size: Annotated[
        int,
        typer.Option("--batch-size", min=1, help="Runs in one transaction, at most."),
    ] = 400,
    error_on_cleanup_failure: Annotated[
        bool,
        typer.Option("--error-on-cleanup-failure", help="Accepted: a failure always is one."),
    ] = False,
    yes: Yes = False,
) -> None:
    """Delete runs that ended long ago, with all that belongs to them, and what else is old.

    Works beside a running server. What is needed still stays.
    """
    del error_on_cleanup_failure
    body: Json = {
        "before": iso(parse_date(clean_before_timestamp)),
        "tables": _names(tables),
        "dag_ids": _names(dag_ids),
        "exclude_dag_ids": _names(exclude_dag_ids),
        "skip_archive": skip_archive,
        "batch_size": batch_size,
    }
    with open_api("cleaning", reads_files=False) as api:
        if dry_run:
            _print_counts(api.post(_PATH, {**body, "dry_run": True}), "Would delete")
            return
        kept = "without a copy" if skip_archive else "keeping copies in archive tables"
        confirm(f"Delete what ended before {body['before']}, {kept}?", yes)
        _print_counts(_clean(api, body), "Deleted")


def _clean(api: Api, body: Json) -> Json:
    """Call until all is done; answers the sum."""
    total: dict[str, int] = {}
    told = 0
    while True:
        done = api.post(_PATH, body)
        for name, rows in done["removed"].items():
            total[name] = total.get(name, 0) + rows
        if done["place"] is None:
            return {**done, "removed": total}
        if total.get("run", 0) > told:
            told = total["run"]
            say(f"{told} runs so far")
        body = {**body, "place": done["place"], "stamp": done["stamp"]}


def _print_counts(done: Json, verb: str) -> None:
    for name in done["absent"]:
        say(f"'{name}' is a table of Airflow's; here it holds nothing that grows old.")
    found = {name: rows for name, rows in done["removed"].items() if rows}
    if not found:
        print("Nothing is old enough, or everything that is old is needed still.")
        return
    for name, rows in found.items():
        what = _WORDS.get(name, f"rows of {name}")
        print(f"{verb} {rows} {what}.")
    if verb == "Deleted" and done["stamp"]:
        print(f"Copies are in tables that end with __{done['stamp']}: 'db export-archived'.")


_WORDS = {
    "dag_run": "runs, with all that belongs to them",
    "run": "runs",
    "task_instance": "task instances",
    "attempt": "attempts",
    "event": "events of runs",
    "xcom": "XComs",
    "asset_event": "asset events",
    "backfill": "backfills",
    "dag_version": "Dag versions",
    "worker": "workers that are gone",
    "logs": "folders of logs",
}


def export_archived(
    output_path: Annotated[
        Path, typer.Option("--output-path", help="The folder to write to.", show_default=False)
    ],
    export_format: Annotated[
        str, typer.Option("--export-format", help="The form of the files: csv.")
    ] = "csv",
    tables: Tables = None,
    drop_archives: Annotated[
        bool, typer.Option("--drop-archives", help="Delete each archive once it is written.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Write the archive tables to files, one each."""
    if export_format != "csv":
        raise UsageError("bad-export-format", f"There is no format '{export_format}'.", "Use csv.")
    if not output_path.is_dir():
        raise RefusedError(
            "no-such-folder", f"There is no folder {output_path}.", "Make it, or name another."
        )
    if drop_archives:
        confirm("Delete the archives once they are written?", yes)
    with open_api("cleaning", reads_files=False) as api:
        found = _chosen(api, tables)
        for one in found:
            file = output_path / f"{one['name']}.csv"
            print(f"{file}: {_write(api, one['name'], file)} rows")
            if drop_archives:
                api.delete(f"{_ARCHIVES}/{segment(one['name'])}")
    if not found:
        print("There is no archive.")


def drop_archived(tables: Tables = None, yes: Yes = False) -> None:
    """Delete the archive tables."""
    with open_api("cleaning", reads_files=False) as api:
        found = _chosen(api, tables)
        if not found:
            print("There is no archive.")
            return
        rows = sum(one["rows"] for one in found)
        confirm(f"Delete {len(found)} archives with {rows} rows?", yes)
        for one in found:
            api.delete(f"{_ARCHIVES}/{segment(one['name'])}")
        print(f"Deleted {len(found)} archives.")


def _chosen(api: Api, tables: str | None) -> list[Json]:
    wanted = {_OWN_ROWS.get(name, name) for name in _names(tables)}
    found: list[Json] = api.get(_ARCHIVES)["archives"]
    return [one for one in found if not wanted or one["table"] in wanted]


def _write(api: Api, name: str, file: Path) -> int:
    after = total = 0
    try:
        with file.open("w", newline="", encoding="utf-8") as out:
            writer: Any = None
            while rows := (page := api.get(f"{_ARCHIVES}/{segment(name)}", after=after))["rows"]:
                if writer is None:
                    writer = csv.DictWriter(out, list(rows[0]))
                    writer.writeheader()
                writer.writerows(rows)
                after, total = page["after"], total + len(rows)
    except OSError as error:
        raise RefusedError(
            "not-written", f"{file} cannot be written: {error.strerror}.", "Name another folder."
        ) from error
    return total


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]
