"""``connections list | get | add | delete``."""

from typing import Annotated, Any

import typer

from tradewind.cli.client import SECRETS, Api, Json, open_api, segment
from tradewind.cli.options import Columns, Output, parse_object
from tradewind.cli.output import Format, print_rows
from tradewind.errors import NotFoundError, UsageError
from tradewind.sdk.connection import Connection
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.secrets import read_connection_text

ConnId = Annotated[str, typer.Argument(metavar="CONN_ID", help="Its id.", show_default=False)]
Field = Annotated[str | None, typer.Option(show_default=False)]

_SHOWN = ("conn_id", "conn_type", "description", "host", "schema", "login", "password", "port")
_ADDED = ("conn_id", "conn_type", "host", "login", "port", "extra")


def list_connections(
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show all fields, secrets too.")
    ] = False,
    hide_sensitive: Annotated[
        bool, typer.Option("--hide-sensitive", help="With --show-values: not the secrets.")
    ] = False,
    conn_id: Annotated[
        str | None, typer.Option("--conn-id", help="Only this one.", show_default=False)
    ] = None,
    output: Output = Format.TABLE,
    columns: Columns = None,
) -> None:
    """List connections, by default without what they hold."""
    in_clear = show_values and not hide_sensitive
    with open_api("connections", *(["secrets"] if in_clear else [])) as api:
        found = [
            each
            for each in api.pages("/connections", "connections")
            if conn_id in (None, each["connection_id"])
        ]
        if in_clear:
            found = [_read(api, each["connection_id"]) for each in found]
    rows = [_row(_stored(each), show_secrets=in_clear) for each in found]
    if not show_values:
        rows = [{"conn_id": row["conn_id"], "conn_type": row["conn_type"]} for row in rows]
    print_rows(rows, _SHOWN if show_values else ("conn_id", "conn_type"), output, columns)


def get(conn_id: ConnId, output: Output = Format.TABLE, columns: Columns = None) -> None:
    """Show one connection, secrets too."""
    text = read_connection_text(conn_id)
    if text is None:
        with open_api("secrets") as api:
            found = _stored(_read(api, conn_id))
    else:
        found = _made(lambda: Connection.from_text(text, conn_id))
    print_rows(
        [_row(found, show_secrets=True)], (*_SHOWN, "extra_dejson", "get_uri"), output, columns
    )


def add(
    conn_id: ConnId,
    conn_uri: Field = None,
    conn_json: Field = None,
    conn_type: Field = None,
    conn_host: Field = None,
    conn_login: Field = None,
    conn_password: Field = None,
    conn_schema: Field = None,
    conn_port: Annotated[int | None, typer.Option(show_default=False)] = None,
    conn_extra: Field = None,
    conn_description: Field = None,
) -> None:
    """Add a connection: by --conn-uri, by --conn-json, or by --conn-type and fields."""
    fields = {
        "host": conn_host,
        "login": conn_login,
        "password": conn_password,
        "schema": conn_schema,
        "port": conn_port,
        "extra": conn_extra,
    }
    ways = [way for way in (conn_uri, conn_json, conn_type) if way is not None]
    if len(ways) != 1 or (conn_type is None and any(v is not None for v in fields.values())):
        raise UsageError(
            "bad-connection",
            "A connection is made from one of --conn-uri, --conn-json and --conn-type.",
            "Fields such as --conn-host go with --conn-type.",
        )
    if conn_uri is not None:
        made = _made(lambda: Connection(conn_id, uri=conn_uri))
    elif conn_json is not None:
        made = _made(
            lambda: Connection.from_fields(parse_object(conn_json, "--conn-json"), conn_id)
        )
    else:
        made = Connection(conn_id, conn_type=conn_type, **fields)  # type: ignore[arg-type]
    if conn_description is not None:
        made.description = conn_description
    with open_api("connections") as api:
        api.post("/connections", _body(made))
    print(f"Successfully added '{conn_id}':")
    print_rows([_row(made, show_secrets=False)], _ADDED)


def delete(conn_id: ConnId) -> None:
    """Delete a connection."""
    with open_api("connections") as api:
        try:
            api.delete(f"/connections/{segment(conn_id)}")
        except NotFoundError as error:
            raise _not_there(conn_id, error) from None
    print(f"Connection {conn_id} deleted")


def _read(api: Api, conn_id: str) -> Json:
    try:
        return api.get(f"{SECRETS}/connections/{segment(conn_id)}")
    except NotFoundError as error:
        raise _not_there(conn_id, error) from None


def _not_there(conn_id: str, error: NotFoundError) -> NotFoundError:
    return NotFoundError(error.code, f"Connection '{conn_id}' not found.", error.hint)


def _made(make: Any) -> Connection:
    try:
        made: Connection = make()
    except AirflowException as error:
        raise UsageError("bad-connection", f"{error}.") from None
    if not made.conn_type:
        raise UsageError(
            "bad-connection", "The connection has no type.", "A URI begins with it: postgres://…"
        )
    return made


def _stored(facts: Json) -> Connection:
    return Connection(
        facts["connection_id"],
        conn_type=facts["conn_type"],
        description=facts.get("description"),
        host=facts.get("host"),
        login=facts.get("login"),
        password=facts.get("password"),
        schema=facts.get("schema"),
        port=facts.get("port"),
        extra=facts.get("extra"),
    )


def _body(made: Connection) -> Json:
    body = {
        "connection_id": made.conn_id,
        "conn_type": made.conn_type,
        "description": made.description,
        "host": made.host,
        "login": made.login,
        "password": made.password,
        "schema": made.schema,
        "port": made.port,
        "extra": made.extra,
    }
    return {name: value for name, value in body.items() if value is not None}


def _row(made: Connection, *, show_secrets: bool) -> Json:
    row: Json = {"conn_id": made.conn_id, **_body(made)}
    row.pop("connection_id")
    if not show_secrets and made.password:
        row["password"] = "***"  # noqa: S105 it is what stands for one
    if show_secrets:
        row["extra_dejson"] = made.extra_dejson
        row["get_uri"] = made.get_uri()
    return row
