"""``dags deadlines | callbacks`` and ``plugins``: what watches runs, and what it was told."""

from pathlib import Path
from typing import Annotated

import typer

from tradewind.cli.client import Json, open_api, segment
from tradewind.cli.options import Columns, DagId, DateOrRun, Output
from tradewind.cli.output import Format, print_rows, say
from tradewind.cli.runs import find_run
from tradewind.codestore.local import find_root
from tradewind.compat.finder import install
from tradewind.config import read_settings
from tradewind.protocol.orders import BundleRef
from tradewind.runtime.plugins import EFFECTIVE, load_plugins


def deadlines(
    dag_id: Annotated[
        str | None, typer.Argument(metavar="[DAG_ID]", help="One Dag.", show_default=False)
    ] = None,
    date_or_run: Annotated[
        str | None,
        typer.Argument(metavar="[DATE_OR_RUN]", help="One run of it.", show_default=False),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state", help="Only those pending, missed, met or over.", show_default=False
        ),
    ] = None,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """List deadlines: when each is due, and what became of it."""
    wanted: Json = {"dag_id": dag_id, "state": state}
    with open_api("runs", "promises") as api:
        if dag_id and date_or_run:
            wanted["run_id"] = find_run(api, dag_id, date_or_run)["dag_run_id"]
        found = api.get("/api/own/deadlines", **wanted)["deadlines"]
    shown = ("dag_id", "dag_run_id", "owner", "alert_name", "deadline_time", "state")
    print_rows(found, shown, output, columns)


def callbacks(
    dag_id: DagId,
    date_or_run: DateOrRun,
    log: Annotated[
        str | None,
        typer.Option("--log", help="Print what this callback_id wrote.", show_default=False),
    ] = None,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """List what a run's callbacks were told, and whether they succeeded."""
    with open_api("runs", "promises") as api:
        run_id = find_run(api, dag_id, date_or_run)["dag_run_id"]
        if log is not None:
            path = f"/api/own/callbacks/{segment(log)}/log"
            for event in api.get(path, dag_id=dag_id, run_id=run_id)["content"]:
                print(f"{event['timestamp']} {event['level']} {event['event']}")
                if event.get("error_detail"):
                    print(event["error_detail"])
            return
        found = api.get("/api/own/callbacks", dag_id=dag_id, run_id=run_id)["callbacks"]
    print_rows(
        found, ("callback_id", "kind", "event", "task_id", "state", "tries"), output, columns
    )


def plugins(output: Output = Format.TABLE, columns: Columns = None) -> None:
    """List plugins, loaded here and now: what each adds, and what of it has no effect."""
    settings = read_settings()
    folder = Path(settings.dags_folder)
    install()
    loaded = load_plugins(
        BundleRef(name="dags-folder", root=str(find_root(folder)), dags_folder=str(folder))
    )
    rows = [
        {
            "name": one.name,
            "source": one.source,
            **{name: ", ".join(one.adds.get(name, ())) for name in EFFECTIVE},
            "adds": "; ".join(f"{name}: {', '.join(has)}" for name, has in one.adds.items()),
            "without_effect": ", ".join(one.without_effect),
        }
        for one in loaded.plugins
    ]
    print_rows(rows, ("name", "source", "adds", "without_effect"), output, columns)
    for one in loaded.plugins:
        for name in one.without_effect:
            say(f"Plugin '{one.name}': '{name}' has no effect in Tradewind.")
    for fault in loaded.faults:
        say(f"{fault.file}: {fault.message}")
