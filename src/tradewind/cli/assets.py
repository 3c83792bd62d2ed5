"""``assets list | details``."""

from typing import Annotated

import typer

from tradewind.cli.client import Api, Json, open_api
from tradewind.cli.options import Columns, Output
from tradewind.cli.output import Format, print_rows
from tradewind.errors import NotFoundError, UsageError, did_you_mean

_SHOWN = ("name", "uri", "group", "extra")


def list_assets(output: Output = Format.TABLE, columns: Columns = None) -> None:
    """List the assets that Dags describe."""
    with open_api("assets") as api:
        found = list(api.pages("/assets", "assets"))
    print_rows(found, _SHOWN, output, columns)


def details(
    name: Annotated[str, typer.Option(help="The asset's name.", show_default=False)] = "",
    uri: Annotated[str, typer.Option(help="Or its URI.", show_default=False)] = "",
    output: Output = Format.TABLE,
) -> None:
    """Show everything about an asset."""
    if bool(name) is bool(uri):
        raise UsageError("name-or-uri", "Say which asset.", "Give --name or --uri.")
    with open_api("assets") as api:
        found = _find(api, "name" if name else "uri", name or uri)
    rows: list[Json] = [{"property_name": key, "property_value": found[key]} for key in found]
    shown = [found] if output in (Format.JSON, Format.YAML) else rows
    print_rows(shown, tuple(shown[0]), output, None)


def _find(api: Api, field: str, value: str) -> Json:
    known = list(api.pages("/assets", "assets"))
    for one in known:
        if one[field] == value:
            return one
    near = did_you_mean(value, [one[field] for one in known])
    raise NotFoundError("asset-not-found", f"There is no asset '{value}'.", near)
