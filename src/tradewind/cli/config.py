"""``config list | get-value``: the settings in force, and where each comes from."""

from typing import Annotated

import typer

from tradewind.cli.options import Columns, Output
from tradewind.cli.output import Format, print_rows
from tradewind.config import OPTIONS, Option, Settings, read_settings
from tradewind.errors import NotFoundError, did_you_mean

_SECRET = ("secrets",)


def list_settings(
    section: Annotated[
        str | None, typer.Option("--section", help="Only this section.", show_default=False)
    ] = None,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show secret values too.")
    ] = False,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """List the settings in force and where each comes from."""
    settings = read_settings()
    known = {option.section for option in OPTIONS}
    if section is not None and section not in known:
        raise NotFoundError(
            "unknown-setting", f"There is no section '{section}'.", did_you_mean(section, known)
        )
    rows = [
        {
            "section": option.section,
            "key": option.key,
            "value": _value(settings, option, show_values),
            "source": settings.sources[option.field],
            "description": option.doc,
        }
        for option in OPTIONS
        if section in (None, option.section)
    ]
    print_rows(rows, ("section", "key", "value", "source"), output, columns)


def get_value(
    section: Annotated[str, typer.Argument(metavar="SECTION", show_default=False)],
    key: Annotated[str, typer.Argument(metavar="KEY", show_default=False)],
) -> None:
    """Print one setting."""
    settings = read_settings()
    names = {f"{option.section} {option.key}": option for option in OPTIONS}
    option = names.get(f"{section} {key}")
    if option is None:
        raise NotFoundError(
            "unknown-setting",
            f"There is no setting '{section} {key}'.",
            did_you_mean(f"{section} {key}", names),
        )
    print(_value(settings, option, True))


def _value(settings: Settings, option: Option, show: bool) -> str:
    value = str(getattr(settings, option.field))
    return "***" if value and option.section in _SECRET and not show else value
