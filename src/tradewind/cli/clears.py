"""``tasks clear``, ``dags clear``, ``partitions clear``: task instances and runs start over."""

import re
from typing import Annotated

import typer

from tradewind.cli.client import Api, Json, open_api, segment
from tradewind.cli.options import DagId, Yes, confirm, iso, parse_date
from tradewind.cli.output import Format, print_rows, say
from tradewind.errors import NotFoundError, RefusedError, UsageError, did_you_mean

_SHOWN = ("dag_id", "run_id", "task_id", "map_index", "state")
_MOST_SHOWN = 100

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
RunId = Annotated[
    str | None, typer.Option("--run-id", help="Only in this run.", show_default=False)
]
Start = Annotated[
    str | None, typer.Option("--start-date", "-s", help="First logical date.", show_default=False)
]
End = Annotated[
    str | None, typer.Option("--end-date", "-e", help="Last logical date.", show_default=False)
]
OnlyFailed = Annotated[
    bool, typer.Option("--only-failed", "-f", help="Only what failed, or could not run for it.")
]
OnlyRunning = Annotated[bool, typer.Option("--only-running", "-r", help="Only what runs now.")]
Latest = Annotated[
    bool | None,
    typer.Option(
        "--run-on-latest-version/--no-run-on-latest-version",
        help="Run the newest version of the Dag, or the one the run has.",
        show_default=False,
    ),
]


def clear_tasks(
    dag_id: DagId,
    task_regex: Annotated[
        str | None,
        typer.Option("--task-regex", "-t", help="Tasks whose id it matches.", show_default=False),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option("--task-group", help="The tasks of this group.", show_default=False),
    ] = None,
    start_date: Start = None,
    end_date: End = None,
    run_id: RunId = None,
    upstream: Annotated[
        bool, typer.Option("--upstream", "-u", help="Also all tasks above these.")
    ] = False,
    downstream: Annotated[
        bool, typer.Option("--downstream", "-d", help="Also all tasks below these.")
    ] = False,
    only_failed: OnlyFailed = False,
    only_running: OnlyRunning = False,
    dag_regex: Annotated[
        bool, typer.Option("--dag-regex", "-R", help="DAG_ID is a pattern for Dag ids.")
    ] = False,
    prevent_running_task: Annotated[
        bool, typer.Option("--prevent-running-task", help="Refuse it where one of them runs.")
    ] = False,
    run_on_latest_version: Latest = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    bundle: Annotated[
        list[str] | None,
        typer.Option("--bundle-name", "-B", help="Accepted; a Dag is of one bundle."),
    ] = None,
) -> None:
    """Let task instances run again: all of a Dag, or those that are chosen."""
    del bundle
    body: Json = {
        "dag_run_id": run_id,
        **_window(start_date, end_date),
        "task_group_id": group,
        "only_failed": only_failed,
        "only_running": only_running,
        "include_upstream": upstream,
        "include_downstream": downstream,
        "prevent_running_task": prevent_running_task,
        "run_on_latest_version": run_on_latest_version,
    }
    with open_api("dags", "tasks", "clears") as api:
        wanted = _dags_like(api, dag_id) if dag_regex else [dag_id]
        asked = []
        for each in wanted:
            ids = _tasks_like(api, each, task_regex, must=not dag_regex) if task_regex else None
            if ids != []:
                path = f"/dags/{segment(each)}/clearTaskInstances"
                asked.append((path, {**body, "task_ids": ids}))
        _clear(api, asked, yes=yes, dry_run=dry_run, nothing="No matching task instances found.")


def clear_dag(
    dag_id: DagId,
    run_id: RunId = None,
    partition_key: Annotated[
        str | None,
        typer.Option("--partition-key", help="Runs of this partition.", show_default=False),
    ] = None,
    partition_date_start: Annotated[
        str | None,
        typer.Option("--partition-date-start", help="First partition date.", show_default=False),
    ] = None,
    partition_date_end: Annotated[
        str | None,
        typer.Option("--partition-date-end", help="Last partition date.", show_default=False),
    ] = None,
    start_date: Start = None,
    end_date: End = None,
    only_failed: OnlyFailed = False,
    only_running: OnlyRunning = False,
    run_on_latest_version: Latest = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Let whole runs of a Dag run again: one, those of a partition, or those of some dates."""
    ways = {
        "--run-id": run_id,
        "--partition-key": partition_key,
        "--partition-date-start/-end": partition_date_start or partition_date_end,
        "--start-date/--end-date": start_date or end_date,
    }
    if sum(value is not None for value in ways.values()) != 1:
        raise UsageError("bad-usage", f"'dags clear' needs exactly one of {', '.join(ways)}.", "")
    body: Json = {
        "dag_run_ids": None if run_id is None else [run_id],
        "partition_key": partition_key,
        "partition_date_start": _date(partition_date_start),
        "partition_date_end": _date(partition_date_end, is_end=True),
        **_window(start_date, end_date),
        "only_failed": only_failed,
        "only_running": only_running,
        "run_on_latest_version": run_on_latest_version,
    }
    with open_api("dags", "clears") as api:
        path = f"/dags/{segment(dag_id)}/clearDagRuns"
        _clear(api, [(path, body)], yes=yes, dry_run=dry_run, nothing="No matching Dag runs found.")


def clear_partitions(
    dag_id: Annotated[str, typer.Option("--dag-id", "-d", help="The Dag.", show_default=False)],
    partition_key: Annotated[
        str | None,
        typer.Option("--partition-key", "-k", help="The partition.", show_default=False),
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run-id", "-r", help="The run.", show_default=False)
    ] = None,
    start_date: Start = None,
    end_date: End = None,
    date: Annotated[
        str | None,
        typer.Option("--date", help="Both dates as one: FIRST~LAST.", show_default=False),
    ] = None,
    clear_task_instances: Annotated[
        bool, typer.Option("--clear-task-instances", help="Let these runs run again, too.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Have runs forget their partition, so that another run may be made for it."""
    if date is not None:
        if start_date or end_date or "~" not in date:
            raise UsageError("bad-usage", "--date is FIRST~LAST, in place of the other dates.")
        start_date, _, end_date = date.partition("~")
    body: Json = {
        "dag_run_id": run_id,
        "partition_key": partition_key,
        **_window(start_date, end_date),
        "clear_task_instances": clear_task_instances,
    }
    with open_api("dags", "runs", "clears") as api:
        path = f"/dags/{segment(dag_id)}/clearPartitions"
        would = api.post(path, {**body, "dry_run": True})
        count = would["total_entries"]
        if not count:
            print("No matching Dag runs found.")
            return
        rows = [{**one, "run_id": one["dag_run_id"]} for one in would["dag_runs"]]
        if dry_run or not yes:
            print_rows(
                rows[:_MOST_SHOWN], ("dag_id", "run_id", "partition_key"), Format.TABLE, None
            )
        if dry_run:
            return
        confirm(f"Have {count} Dag run(s) forget their partition?", yes)
        api.post(path, {**body, "dry_run": False})
    print(f"{count} Dag run(s) have no partition any more.")


def _clear(
    api: Api, asked: list[tuple[str, Json]], *, yes: bool, dry_run: bool, nothing: str
) -> None:
    """Show what each request would clear, ask, and do it."""
    found = []
    for path, body in asked:
        would = api.post(path, {**body, "dry_run": True})
        found += would["task_instances"]
        for warning in would["warnings"]:
            say(warning)
    if not found:
        print(nothing)
        return
    runs = {(one["dag_id"], one["dag_run_id"]) for one in found}
    counted = f"{len(found)} task instance(s) across {len(runs)} Dag run(s)"
    if dry_run or not yes:
        rows = [{**one, "run_id": one["dag_run_id"]} for one in found]
        print_rows(rows[:_MOST_SHOWN], _SHOWN, Format.TABLE, None)
        if len(rows) > _MOST_SHOWN:
            say(f"... and {len(rows) - _MOST_SHOWN} more.")
    if dry_run:
        say(f"This would clear {counted}.")
        return
    confirm(f"Clear {counted}?", yes)
    for path, body in asked:
        api.post(path, {**body, "dry_run": False})
    print(f"Cleared {counted}.")
    if not api.is_served:
        say("No server runs: they run when 'standalone' does.")


def _window(start: str | None, end: str | None) -> Json:
    return {"start_date": _date(start), "end_date": _date(end, is_end=True)}


def _date(text: str | None, *, is_end: bool = False) -> str | None:
    return iso(parse_date(text, is_end=is_end)) if text else None


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise RefusedError(
            "bad-pattern", f"'{text}' is not a regular expression: {error}.", "Mend it."
        ) from None


def _tasks_like(api: Api, dag_id: str, pattern: str, *, must: bool) -> list[str]:
    wanted = _pattern(pattern)
    known = [str(one["task_id"]) for one in api.get(f"/dags/{segment(dag_id)}/tasks")["tasks"]]
    found = [task_id for task_id in known if wanted.search(task_id)]
    if not found and must:
        raise NotFoundError(
            "task-not-found",
            f"Dag '{dag_id}' has no task that matches '{pattern}'.",
            did_you_mean(pattern, known),
        )
    return found


def _dags_like(api: Api, pattern: str) -> list[str]:
    wanted = _pattern(pattern)
    known = [str(one["dag_id"]) for one in api.pages("/dags", "dags")]
    found = [dag_id for dag_id in known if wanted.search(dag_id)]
    if not found:
        raise NotFoundError(
            "dag-not-found",
            f"There is no Dag whose id matches '{pattern}'.",
            did_you_mean(pattern, known),
        )
    return found
