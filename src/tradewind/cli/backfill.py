"""``backfill create``: runs for a range of past dates."""

import time
from enum import StrEnum
from typing import Annotated

import typer

from tradewind.cli.client import Api, Json, open_api, segment
from tradewind.cli.options import iso, parse_date, parse_object
from tradewind.cli.output import as_written, say
from tradewind.errors import RefusedError, UsageError

_POLL_SECONDS = 0.5
_FINISHED = ("success", "failed")


class Reprocess(StrEnum):
    """Which dates that have a run already are run again."""

    NONE = "none"
    COMPLETED = "completed"
    FAILED = "failed"


def create(
    dag_id: Annotated[str, typer.Option("--dag-id", help="The Dag.", show_default=False)],
    from_date: Annotated[str, typer.Option("--from-date", help="First date.", show_default=False)],
    to_date: Annotated[
        str,
        typer.Option(
            "--to-date",
            help="Last date, included; a day without a time is included whole.",
            show_default=False,
        ),
    ],
    max_active_runs: Annotated[
        int, typer.Option("--max-active-runs", help="Runs at work at the same time, at most.")
    ] = 10,
    reprocess_behavior: Annotated[
        Reprocess, typer.Option("--reprocess-behavior", help="Dates to run again.")
    ] = Reprocess.NONE,
    run_backwards: Annotated[
        bool, typer.Option("--run-backwards", help="Newest date first.")
    ] = False,
    dag_run_conf: Annotated[
        str | None,
        typer.Option("--dag-run-conf", help="A JSON object for every run.", show_default=False),
    ] = None,
    run_on_latest_version: Annotated[
        bool,
        typer.Option(
            "--run-on-latest-version/--no-run-on-latest-version",
            help="Accepted: local files always run as they are.",
        ),
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all its runs ended.")] = False,
) -> int:
    """Run a Dag for every date of its schedule from one day to another, both included."""
    del run_on_latest_version
    if max_active_runs < 1:
        raise UsageError("bad-max-active-runs", "--max-active-runs must be at least 1.")
    body: Json = {
        "dag_id": dag_id,
        "from_date": iso(parse_date(from_date)),
        "to_date": iso(parse_date(to_date, is_end=True)),
        "max_active_runs": max_active_runs,
        "reprocess_behavior": reprocess_behavior.value,
        "run_backwards": run_backwards,
        "dag_run_conf": parse_object(dag_run_conf, "--dag-run-conf"),
    }
    with open_api("dags", "backfills", "backfill_dates", "runs") as api:
        if wait and not api.is_served:
            raise RefusedError(
                "no-server",
                "No Tradewind server runs here, so nothing would run while you wait.",
                "Start one with 'standalone', or leave out --wait.",
            )
        if dry_run:
            _print_plan(body, api.post("/api/own/backfills/plan", body)["dates"], is_dry=True)
            return 0
        path = f"/api/own/backfills/{api.post('/backfills', body)['id']}/dates"
        _print_plan(body, api.get(path)["dates"], is_dry=False)
        _say_what_it_waits_for(api, dag_id)
        return _follow(api, path) if wait else 0


def _print_plan(body: Json, dates: list[Json], *, is_dry: bool) -> None:
    wanted = [date for date in dates if date["decision"] != "skip"]
    runs = f"{len(wanted)} run{'' if len(wanted) == 1 else 's'}"
    verb = "would make" if is_dry else "makes"
    print(
        f"Backfill of '{body['dag_id']}' {verb} {runs}, "
        f"at most {body['max_active_runs']} at a time:"
    )
    for date in dates:
        print(f"  {as_written(date['logical_date'])}  {_what_becomes_of(date, is_dry)}")


def _what_becomes_of(date: Json, is_dry: bool) -> str:
    run = f" {date['run_id']}" if date.get("run_id") else ""
    if date["decision"] == "skip":
        return f"skipped: {date['reason']}{run and f' ({run.strip()})'}"
    if date["decision"] == "clear":
        return f"{'would run' if is_dry else 'runs'} again:{run} ({date['reason']})"
    return f"would be created{run}" if is_dry else f"created{run}"


def _say_what_it_waits_for(api: Api, dag_id: str) -> None:
    if api.get(f"/dags/{segment(dag_id)}")["is_paused"]:
        say(f"Dag '{dag_id}' is paused; the runs of this backfill go on all the same.")
    if not api.is_served:
        say("No server runs: the runs start when 'standalone' does.")


def _follow(api: Api, path: str) -> int:
    """Say how the runs go on until all have ended; answers the exit code."""
    told: tuple[int, ...] = ()
    while True:
        dates = api.get(path)["dates"]
        states = [date["state"] for date in dates if date["decision"] != "skip"]
        ended = sum(state in _FINISHED for state in states)
        now = (ended, states.count("running"), states.count("failed"))
        if now != told:
            told = now
            failed = f", {now[2]} of them failed" if now[2] else ""
            say(f"{ended} of {len(states)} runs ended{failed}, {now[1]} running")
        if ended == len(states):
            return 1 if "failed" in states else 0
        time.sleep(_POLL_SECONDS)
