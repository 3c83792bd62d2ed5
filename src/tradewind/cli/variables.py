"""``variables list | get | set | delete``."""

import json
import os
from typing import Annotated

import typer

from tradewind.cli.client import Api, Json, open_api, segment
from tradewind.cli.options import Columns, Output
from tradewind.cli.output import Format, print_rows
from tradewind.errors import NotFoundError, UsageError, did_you_mean

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
    with open_api("variables") as api:
        found = list(api.pages("/variables", "variables"))
    if not show_values:
        found = [{"key": row["key"], "description": row.get("description")} for row in found]
    elif hide_sensitive:
        found = [
            {**row, "value": "***" if _is_sensitive(row["key"]) else row["value"]} for row in found
        ]
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
        with open_api("variables") as api:
            value = _read(api, key, default)
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
    body: Json = {"key": key, "value": value}
    if description is not None:
        body["description"] = description
    with open_api("variables") as api:
        try:
            api.patch(f"/variables/{segment(key)}", body)
            verb = "updated"
        except NotFoundError:
            api.post("/variables", body)
            verb = "created"
    print(f"Variable {key} {verb}")


def delete(key: Key) -> None:
    """Delete a variable."""
    with open_api("variables") as api:
        _read(api, key, None)
        api.delete(f"/variables/{segment(key)}")
    print(f"Variable {key} deleted")


def _read(api: Api, key: str, default: str | None) -> str:
    try:
        return str(api.get(f"/variables/{segment(key)}")["value"])
    except NotFoundError:
        if default is not None:
            return default
    known = [row["key"] for row in api.pages("/variables", "variables")]
    raise NotFoundError(
        "variable-not-found", f"Variable {key} does not exist.", did_you_mean(key, known)
    )


def _decode(value: str, key: str) -> object:
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise UsageError(
            "bad-json",
            f"The value of '{key}' is not JSON: {error.msg} at character {error.pos + 1}.",
        ) from None


_SENSITIVE = ("access_token", "api_key", "apikey", "passphrase", "passwd", "password")
_SENSITIVE_TOO = ("private_key", "secret", "token", "keyfile_dict", "service_account")


def _is_sensitive(key: str) -> bool:
    return any(word in key.lower() for word in (*_SENSITIVE, *_SENSITIVE_TOO))
