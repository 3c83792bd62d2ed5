"""A Dag's own commands, for files that end in ``dag.cli()``."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from tradewind.sdk.sentinels import NOTSET
from tradewind.sdk.timezone import parse


def run_cli(dag: Any, args: Sequence[str] | None) -> None:
    """Do what the words after the file's name say.

    Raises:
        SystemExit: The run did not succeed, or the words are not understood.
    """
    # argparse costs 10 ms to import, and few files are called like this.
    import argparse  # noqa: PLC0415

    parser = argparse.ArgumentParser(description=f"Dag '{dag.dag_id}'")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("tasks", help="list the tasks, each after those it depends on")
    test = commands.add_parser("test", help="run the whole Dag once, here and now")
    test.add_argument("logical_date", nargs="?", help="the date the run is for")
    test.add_argument("--conf", "-c", help="the run's conf, a JSON object")
    asked = parser.parse_args(args)
    if asked.command == "tasks":
        for task in dag.topological_sort():
            sys.stdout.write(f"{task.task_id}\n")
        return
    date = NOTSET if asked.logical_date is None else parse(asked.logical_date)
    run = dag.test(logical_date=date, run_conf=json.loads(asked.conf) if asked.conf else None)
    if run.state != "success":
        raise SystemExit(1)
