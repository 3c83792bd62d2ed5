"""``pools list | get | set | delete``."""

from typing import Annotated

import typer

from tradewind.cli.client import Api, Json, open_api, segment
from tradewind.cli.options import Columns, Output
from tradewind.cli.output import Format, print_rows
from tradewind.errors import NotFoundError, did_you_mean

Name = Annotated[str, typer.Argument(metavar="NAME", help="The pool.", show_default=False)]

_SHOWN = ("pool", "slots", "description", "include_deferred")


def list_pools(output: Output = Format.TABLE, columns: Columns = None) -> None:
    """List pools and their slots."""
    with open_api("pools") as api:
        found = [_row(pool) for pool in api.pages("/pools", "pools")]
    print_rows(found, _SHOWN, output, columns)


def get(name: Name, output: Output = Format.TABLE, columns: Columns = None) -> None:
    """Show one pool."""
    with open_api("pools") as api:
        found = _read(api, name)
    print_rows([_row(found)], _SHOWN, output, columns)


def set_pool(
    name: Name,
    slots: Annotated[int, typer.Argument(metavar="SLOTS", help="How many, -1: no limit.")],
    description: Annotated[str, typer.Argument(metavar="DESCRIPTION", help="What it is for.")] = "",
    include_deferred: Annotated[
        bool, typer.Option("--include-deferred", help="Deferred tasks hold slots too.")
    ] = False,
) -> None:
    """Add a pool, or change one."""
    body: Json = {
        "name": name,
        "slots": slots,
        "description": description,
        "include_deferred": include_deferred,
    }
    with open_api("pools") as api:
        try:
            api.get(f"/pools/{segment(name)}")
        except NotFoundError:
            api.post("/pools", body)
            verb = "created"
        else:
            # Only the slots of default_pool can be changed.
            mask = {"pool": name, "slots": slots, "include_deferred": include_deferred}
            if description:
                mask["description"] = description
            api.patch(f"/pools/{segment(name)}", mask)
            verb = "updated"
    print(f"Pool {name} {verb}")


def delete(name: Name) -> None:
    """Delete a pool."""
    with open_api("pools") as api:
        _read(api, name)
        api.delete(f"/pools/{segment(name)}")
    print(f"Pool {name} deleted")


def _read(api: Api, name: str) -> Json:
    try:
        return api.get(f"/pools/{segment(name)}")
    except NotFoundError:
        known = [pool["name"] for pool in api.pages("/pools", "pools")]
    raise NotFoundError("pool-not-found", f"Pool {name} does not exist.", did_you_mean(name, known))


def _row(pool: Json) -> Json:
    return {"pool": pool["name"], **pool}
