"""``backfill create | list | show | pause | unpause | cancel | update``: ranges of past dates."""

import time
from enum import StrEnum
from typing import Annotated

import typer

from tradewind.cli.client import Api, Json, open_api, segment
from tradewind.cli.options import Columns, Output, iso, parse_date, parse_object
from tradewind.cli.output import Format, as_written, print_properties, print_rows, say
from tradewind.errors import RefusedError, UsageError

_POLL_SECONDS = 0.5
_COLUMNS = ("id", "dag_id", "state", "progress", "from_date", "to_date", "expected_end")
Number = Annotated[int, typer.Argument(metavar="ID", help="The backfill.", show_default=False)]


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
        bool | None,
        typer.Option(
            "--run-on-latest-version/--no-run-on-latest-version",
            help="Whether runs that there are go on to the newest version, or keep theirs; as the "
            "Dag says, else they go on.",
            show_default=False,
        ),
    ] = None,
    dag_version: Annotated[
        int | None,
        typer.Option(
            "--dag-version",
            help="Run this version of the Dag for all dates; see 'dags details'.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all its runs ended.")] = False,
) -> int:
    """Run a Dag for every date of its schedule from one day to another, both included."""
    _check_limit(max_active_runs)
    if dag_version is not None and run_on_latest_version is False:
        raise UsageError("bad-usage", "Give --dag-version or --no-run-on-latest-version, not both.")
    body: Json = {
        "dag_id": dag_id,
        "from_date": iso(parse_date(from_date)),
        "to_date": iso(parse_date(to_date, is_end=True)),
        "max_active_runs": max_active_runs,
        "reprocess_behavior": reprocess_behavior.value,
        "run_backwards": run_backwards,
        "dag_run_conf": parse_object(dag_run_conf, "--dag-run-conf"),
        "run_on_latest_version": run_on_latest_version,
        "dag_version": dag_version,
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
        number = api.post("/backfills", body)["id"]
        dates = api.get(f"/api/own/backfills/{number}/dates")["dates"]
        _print_plan(body, dates, is_dry=False)
        say(f"It is backfill {number}: see 'backfill show {number}'.")
        _say_what_it_waits_for(api, dag_id)
        return _follow(api, number) if wait else 0


def list_backfills(
    dag_id: Annotated[
        str | None, typer.Option("--dag-id", help="Only those of this Dag.", show_default=False)
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """List backfills, the newest first."""
    with open_api("dags", "backfills", "backfill_dates") as api:
        if dag_id is not None:
            api.get(f"/dags/{segment(dag_id)}")
        found = [
            api.get(_progress(one["id"]))
            for one in api.pages("/backfills", "backfills", dag_id=dag_id)
            if all_ or one["completed_at"] is None
        ]
    print_rows([_told(one) for one in found], _COLUMNS, output, columns)


def show(
    number: Number,
    dates: Annotated[bool, typer.Option("--dates", help="Each date, too.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Tell how far a backfill is, and when it may be done."""
    with open_api("backfills", "backfill_dates") as api:
        told = _told(api.get(_progress(number)))
        found = api.get(f"/api/own/backfills/{number}/dates")["dates"] if dates else []
    if dates and output in (Format.JSON, Format.YAML):
        print_properties({**told, "dates": found}, output)
        return
    print_properties(told, output)
    if dates:
        print_rows(found, ("logical_date", "decision", "run_id", "state", "reason"), output)


def pause(number: Number) -> None:
    """Start no further runs of a backfill; those that run go on."""
    _put(number, "pause", "is paused; its runs that run go on.")


def unpause(number: Number) -> None:
    """Let a backfill go on."""
    _put(number, "unpause", "goes on.")


def cancel(number: Number) -> None:
    """End a backfill: runs that have not started fail, those that run go on."""
    _put(number, "cancel", "is cancelled; its runs that run go on.")


def update(
    number: Number,
    max_active_runs: Annotated[
        int,
        typer.Option(
            "--max-active-runs", help="Runs at work at the same time, at most.", show_default=False
        ),
    ],
) -> None:
    """Change how many runs of a backfill run at once, from now on."""
    _check_limit(max_active_runs)
    with open_api("backfills", "backfill_dates") as api:
        api.patch(f"/api/own/backfills/{number}", {"max_active_runs": max_active_runs})
    print(f"Backfill {number} has at most {max_active_runs} runs at work from now on.")


def _put(number: int, verb: str, said: str) -> None:
    with open_api("backfills") as api:
        one = api.call("PUT", f"/backfills/{number}/{verb}")
    print(f"Backfill {number} of '{one['dag_id']}' {said}")


def _progress(number: int) -> str:
    return f"/api/own/backfills/{number}/progress"


def _told(one: Json) -> Json:
    ended = one["success"] + one["failed"]
    return {
        "id": one["id"],
        "dag_id": one["dag_id"],
        "state": one["state"],
        "progress": f"{ended}/{one['runs']}",
        **{name: value for name, value in one.items() if name not in ("id", "dag_id", "state")},
    }


def _check_limit(max_active_runs: int) -> None:
    if max_active_runs < 1:
        raise UsageError(
            "bad-max-active-runs",
            "--max-active-runs must be at least 1.",
            "To hold a backfill, use 'backfill pause'.",
        )


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


def _follow(api: Api, number: int) -> int:
    """Say how the runs go on until all have ended; answers the exit code."""
    told: tuple[int, ...] = ()
    while True:
        one = api.get(_progress(number))
        ended = one["success"] + one["failed"]
        now = (ended, one["running"], one["failed"])
        if now != told:
            told = now
            failed = f", {one['failed']} of them failed" if one["failed"] else ""
            when = f", done at about {_clock(one)}" if one["expected_end"] else ""
            say(f"{ended} of {one['runs']} runs ended{failed}, {one['running']} running{when}")
        if ended == one["runs"]:
            return 1 if one["failed"] else 0
        time.sleep(_POLL_SECONDS)


def _clock(one: Json) -> str:
    return (as_written(one["expected_end"]) or "")[:19]
