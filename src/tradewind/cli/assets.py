"""``assets list | details | materialize | queued``."""

from typing import Annotated

import typer

from tradewind.cli.client import Api, Json, open_api, segment
from tradewind.cli.options import Columns, Output
from tradewind.cli.output import Format, print_rows
from tradewind.errors import NotFoundError, UsageError, did_you_mean

_SHOWN = ("name", "uri", "group", "extra")
_SHOWN_ALIASES = ("name", "group")
_SHOWN_RUN = ("dag_id", "dag_run_id", "run_type", "state", "run_after")
_SHOWN_QUEUED = ("dag_id", "asset", "created_at")

Name = Annotated[str, typer.Option(help="The asset's name.", show_default=False)]
Uri = Annotated[str, typer.Option(help="Or its URI.", show_default=False)]
Alias = Annotated[bool, typer.Option("--alias", help="Aliases instead of assets.")]


def list_assets(
    alias: Alias = False, output: Output = Format.TABLE, columns: Columns = None
) -> None:
    """List the assets, or the aliases, that Dags describe."""
    with open_api("assets") as api:
        found = _all(api, alias)
    print_rows(found, _SHOWN_ALIASES if alias else _SHOWN, output, columns)


def details(
    name: Name = "", uri: Uri = "", alias: Alias = False, output: Output = Format.TABLE
) -> None:
    """Show everything about an asset, or an alias."""
    if alias and uri:
        raise UsageError("name-or-uri", "An alias has no URI.", "Give its --name.")
    with open_api("assets") as api:
        found = _find(api, name, uri, alias=alias)
    rows: list[Json] = [{"property_name": key, "property_value": found[key]} for key in found]
    shown = [found] if output in (Format.JSON, Format.YAML) else rows
    print_rows(shown, tuple(shown[0]), output, None)


def materialize(name: Name = "", uri: Uri = "", output: Output = Format.TABLE) -> None:
    """Run the Dag that makes an asset."""
    with open_api("assets", "asset_events") as api:
        found = _find(api, name, uri)
        run = api.post(f"/assets/{found['id']}/materialize", {})
    print_rows([run], _SHOWN_RUN, output, None)


def queued(
    dag_id: Annotated[str, typer.Option(help="The Dag they wait for.", show_default=False)],
    output: Output = Format.TABLE,
) -> None:
    """List the assets that have changed while others a Dag needs have not."""
    with open_api("assets", "asset_events") as api:
        found = api.get(f"/dags/{segment(dag_id)}/assets/queuedEvents")["queued_events"]
        names = {one["id"]: one["name"] for one in _all(api)}
    rows = [{**one, "asset": names[one["asset_id"]]} for one in found]
    print_rows(rows, _SHOWN_QUEUED, output, None)


def _all(api: Api, alias: bool = False) -> list[Json]:
    if alias:
        return list(api.pages("/assets/aliases", "asset_aliases"))
    return list(api.pages("/assets", "assets"))


def _find(api: Api, name: str, uri: str, *, alias: bool = False) -> Json:
    if bool(name) is bool(uri):
        raise UsageError("name-or-uri", "Say which asset.", "Give --name or --uri.")
    field, value = ("name", name) if name else ("uri", uri)
    known = _all(api, alias)
    for one in known:
        if one[field] == value:
            return one
    near = did_you_mean(value, [one[field] for one in known])
    if alias:
        raise NotFoundError("asset-alias-not-found", f"There is no asset alias '{value}'.", near)
    raise NotFoundError("asset-not-found", f"There is no asset '{value}'.", near)
