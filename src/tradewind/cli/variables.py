"""``variables list | get | set | delete``."""

import json
import os
from typing import Annotated

import typer

from tradewind.cli.client import SECRETS, Api, Json, open_api, segment
from tradewind.cli.options import Columns, Output
from tradewind.cli.output import Format, print_rows
from tradewind.errors import NotFoundError, RefusedError

Key = Annotated[str, typer.Argument(metavar="KEY", help="Its name.", show_default=False)]


def list_variables(
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show the values too.")
    ] = False,
    hide_sensitive: Annotated[
        bool, typer.Option("--hide-sensitive", help="With --show-values: not the secret ones.")
    ] = False,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """List variables, by default without their values."""
    routers = ("variables", "secrets") if show_values and not hide_sensitive else ("variables",)
    with open_api(*routers) as api:
        found = list(api.pages("/variables", "variables"))
        if not show_values:
            found = [{"key": row["key"], "description": row["description"]} for row in found]
        elif not hide_sensitive:
            found = [{**row, "value": _read(api, row["key"])["value"]} for row in found]
    shown = ("key", "value") if show_values else ("key",)
    print_rows(found, shown, output, columns)


def get(
    key: Key,
    default: Annotated[
        str | None,
        typer.Option("--default", "-d", help="Printed where there is none.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", "-j", help="The value is JSON.")] = False,
) -> None:
    """Print the value of a variable."""
    value = os.environ.get(f"AIRFLOW_VAR_{key.upper()}")
    if value is None:
        with open_api("secrets") as api:
            try:
                value = str(_read(api, key)["value"])
            except NotFoundError:
                if default is None:
                    raise
                value = default
    print(json.dumps(_decode(value, key), indent=2) if as_json else value)


def set_variable(
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Its text.", show_default=False)],
    description: Annotated[
        str | None, typer.Option("--description", help="What it is for.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", "-j", help="The value is JSON.")] = False,
) -> None:
    """Write a variable, new or not."""
    if as_json:
        _decode(value, key)
    with open_api("variables") as api:
        is_new = write_variable(api, key, value, description)
    print(f"Variable {key} {'created' if is_new else 'updated'}")


def delete(key: Key) -> None:
    """Delete a variable."""
    with open_api("variables") as api:
        try:
            api.delete(f"/variables/{segment(key)}")
        except NotFoundError as error:
            raise _not_there(key, error) from None
    print(f"Variable {key} deleted")


def write_variable(api: Api, key: str, value: str, description: str | None) -> bool:
    """Write a variable; True when it is new. Without a description, one that is there stays."""
    body: Json = {"key": key, "value": value}
    if description is not None:
        body["description"] = description
    try:
        api.patch(f"/variables/{segment(key)}", body)
    except NotFoundError:
        api.post("/variables", body)
        return True
    return False


def _read(api: Api, key: str) -> Json:
    try:
        return api.get(f"{SECRETS}/variables/{segment(key)}")
    except NotFoundError as error:
        raise _not_there(key, error) from None


def _not_there(key: str, error: NotFoundError) -> NotFoundError:
    return NotFoundError(error.code, f"Variable {key} does not exist.", error.hint)


def _decode(value: str, key: str) -> object:
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise RefusedError(
            "bad-json",
            f"The value of '{key}' is not JSON: {error.msg} at character {error.pos + 1}.",
        ) from None
