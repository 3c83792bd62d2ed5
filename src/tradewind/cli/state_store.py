"""``state-store clean``."""

from typing import Annotated

import typer

from tradewind.cli.client import open_api


def clean(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many there are, and remove none.")
    ] = False,
) -> None:
    """Remove values of state stores whose time is over."""
    with open_api("state_stores") as api:
        found = api.post("/api/own/state-stores/clean", {"dry_run": dry_run})
    total = found["task_states"] + found["asset_states"]
    verb = "Would remove" if dry_run else "Removed"
    print(
        f"{verb} {total} expired values: {found['task_states']} of tasks, "
        f"{found['asset_states']} of assets."
    )
