"""How answers are printed: a table to read, or json, yaml and plain text to go on with.

A table shows the few columns people read; the other forms, and ``--columns``, give every field. A
table is never wrapped or cut: what a pipe reads must not depend on somebody's window.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from tradewind.errors import UsageError, did_you_mean


class Format(StrEnum):
    """The forms an answer can take."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    PLAIN = "plain"


Row = Mapping[str, Any]

_DATE = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?Z$")
_COLOURS = {
    "success": "32",
    "running": "36",
    "failed": "31",
    "upstream_failed": "33",
    "up_for_retry": "33",
    "queued": "90",
    "scheduled": "90",
    "skipped": "35",
}


def print_rows(
    rows: Iterable[Row],
    columns: Sequence[str],
    output: Format = Format.TABLE,
    chosen: str | None = None,
) -> None:
    """Print rows in the form asked for.

    Args:
        rows: What to print; they need not have the same fields.
        columns: What a table shows when nobody chose, and what plain text begins with.
        output: The form.
        chosen: ``--columns``: names separated by commas, instead of ``columns``.

    Raises:
        UsageError: A column chosen does not exist.
    """
    items = [_plain_dates(row) for row in rows]
    names = _choose(items, columns, chosen)
    if output is Format.JSON:
        picked = (
            items if chosen is None else [{name: row.get(name) for name in names} for row in items]
        )
        print(json.dumps(picked, ensure_ascii=False))
    elif output is Format.YAML:
        picked = (
            items if chosen is None else [{name: row.get(name) for name in names} for row in items]
        )
        print_yaml(picked)
    elif not items:
        print("No data found")
    elif output is Format.TABLE:
        print_table(items, names)
    else:
        rest = [] if chosen else [name for name in _fields(items) if name not in names]
        _print_plain(items, [*names, *rest])


def print_properties(facts: Row, output: Format = Format.TABLE) -> None:
    """Print one thing: a table of its properties, or the object."""
    item = _plain_dates(facts)
    if output is Format.JSON:
        print(json.dumps(item, ensure_ascii=False))
    elif output is Format.YAML:
        print_yaml(item)
    else:
        rows = [{"property_name": key, "property_value": item[key]} for key in item]
        print_rows(rows, ("property_name", "property_value"), output)


def print_yaml(value: object) -> None:
    """Print a value as YAML, keys sorted."""
    import yaml  # noqa: PLC0415 takes 30 ms that only this form needs

    print(
        yaml.safe_dump(value, sort_keys=True, allow_unicode=True, default_flow_style=False), end=""
    )


def print_table(rows: Sequence[Row], names: Sequence[str]) -> None:
    """Print an aligned table with its header underlined."""
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    print(" | ".join(map(str.ljust, names, widths)).rstrip())
    print("=+=".join("=" * width for width in widths))
    colour = is_coloured()
    for line in cells:
        padded = [
            _paint(name, cell.ljust(width)) if colour else cell.ljust(width)
            for name, cell, width in zip(names, line, widths, strict=True)
        ]
        print(" | ".join(padded).rstrip())


def is_coloured() -> bool:
    """Whether stdout is a terminal whose user has not forbidden colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def say(text: str) -> None:
    """Tell the person something that is not part of the answer."""
    sys.stdout.flush()
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def as_written(moment: str | None) -> str | None:
    """Answer an API date in the form run ids carry it: with the offset, no needless digits.

    Example:
        >>> as_written("2026-04-20T00:00:00Z")
        '2026-04-20T00:00:00+00:00'
    """
    match = _DATE.match(moment or "")
    if match is None:
        return moment
    fraction = (match[2] or "").ljust(6, "0") if int(match[2] or 0) else ""
    return match[1] + (f".{fraction}" if fraction else "") + "+00:00"


def _plain_dates(row: Row) -> dict[str, Any]:
    return {
        key: as_written(value) if isinstance(value, str) else value for key, value in row.items()
    }


def _fields(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _choose(rows: Sequence[Row], columns: Sequence[str], chosen: str | None) -> list[str]:
    if chosen is None:
        return list(columns)
    names = [name.strip() for name in chosen.split(",") if name.strip()]
    known = {*_fields(rows), *columns}
    for name in names:
        # Without rows nobody can tell which fields there would have been.
        if rows and name not in known:
            raise UsageError(
                "unknown-column",
                f"There is no column '{name}'.",
                did_you_mean(name, known) or f"There are: {', '.join(sorted(known))}.",
            )
    return names


def _print_plain(rows: Sequence[Row], names: Sequence[str]) -> None:
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    for line in (names, *cells):
        print("  ".join(map(str.ljust, line, widths)).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.replace("\n", "\\n")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, bool) else str(value)


def _paint(name: str, cell: str) -> str:
    code = _COLOURS.get(cell.strip()) if name == "state" else None
    return f"\033[{code}m{cell}\033[0m" if code else cell
