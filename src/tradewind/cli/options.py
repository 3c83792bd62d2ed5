"""Options that several commands share, and how their values are read."""

import json
import re
from datetime import UTC, datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from tradewind.cli.output import Format
from tradewind.config import read_settings
from tradewind.errors import RefusedError

DagId = Annotated[str, typer.Argument(metavar="DAG_ID", help="The Dag.", show_default=False)]
TaskId = Annotated[str, typer.Argument(metavar="TASK_ID", help="The task.", show_default=False)]
DateOrRun = Annotated[
    str,
    typer.Argument(
        metavar="LOGICAL_DATE_OR_RUN_ID",
        help="The run: its logical date, or its id.",
        show_default=False,
    ),
]
Output = Annotated[
    Format, typer.Option("--output", "-o", help="The form of the answer.", show_default=True)
]
Columns = Annotated[
    str | None,
    typer.Option("--columns", help="Fields to show, separated by commas.", show_default=False),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", show_default=False)]
_DAY = re.compile(r"\d{4}-?\d\d-?\d\d$")

MapIndex = Annotated[int, typer.Option("--map-index", help="Of a mapped task: which instance.")]


def parse_date(text: str, *, is_end: bool = False) -> datetime:
    """Read a date as people type it: ``YYYY-MM-DD`` or ISO; without an offset, in our time zone.

    Args:
        text: As typed.
        is_end: It ends a range, so that a day by itself means its last moment, not its first.

    Raises:
        RefusedError: It is not a date.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if is_end and _DAY.match(text.strip()):
            moment = datetime.combine(moment, time.max)
    except ValueError as error:
        day = "there is no such day" if "day is out of range" in str(error) else "it is no date"
        raise RefusedError(
            "bad-date",
            f"'{text}' is not understood: {day}.",
            "Write it as 2026-04-20 or 2026-04-20T06:30:00+00:00.",
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(read_settings().default_timezone))
    return moment.astimezone(UTC)


def iso(moment: datetime) -> str:
    """Answer a moment as the API takes it."""
    return moment.isoformat()


def parse_object(text: str | None, what: str) -> dict[str, Any]:
    """Read a JSON object given on the command line; nothing given is an empty one.

    Raises:
        RefusedError: It is not JSON, or not an object.
    """
    if text is None or not text.strip():
        return {}
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise RefusedError(
            "bad-json",
            f"{what} is not JSON: {error.msg} at character {error.pos + 1}.",
            'Write it as \'{"key": "value"}\'.',
        ) from None
    if not isinstance(value, dict):
        raise RefusedError(
            "bad-json", f"{what} must be a JSON object.", 'Write it as \'{"key": "value"}\'.'
        )
    return value


def confirm(question: str, yes: bool) -> None:
    """Ask before something cannot be undone.

    Raises:
        Abort: The answer was no.
    """
    if not yes:
        typer.confirm(question, abort=True)
