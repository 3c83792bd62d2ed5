"""Connections: how user code reaches other systems; password and extra are encrypted at rest."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from tradewind.errors import ConflictError, NotFoundError, did_you_mean
from tradewind.protocol.ports import ConnectionValue
from tradewind.store.closures import touch_readers
from tradewind.store.database import Tx
from tradewind.store.secrets import Vault
from tradewind.store.tables import connection

_READ = select(connection).where(connection.c.conn_id == bindparam("b_id"))
_UPDATE = (
    update(connection)
    .where(connection.c.conn_id == bindparam("b_id"))
    .values(
        conn_type=bindparam("b_type"),
        description=bindparam("b_description"),
        host=bindparam("b_host"),
        schema=bindparam("b_schema"),
        login=bindparam("b_login"),
        password=bindparam("b_password"),
        port=bindparam("b_port"),
        extra=bindparam("b_extra"),
    )
)
_DELETE = delete(connection).where(connection.c.conn_id == bindparam("b_id"))
_LIST = select(connection).order_by(connection.c.conn_id)
_IDS = select(connection.c.conn_id).order_by(connection.c.conn_id)


def read_connection(tx: Tx, vault: Vault, conn_id: str) -> ConnectionValue | None:
    """Answer the connection of that id, in clear.

    Raises:
        RefusedError: It was encrypted under a key that is not known here.
    """
    row = tx.execute(_READ, {"b_id": conn_id}).one_or_none()
    return None if row is None else _value(row, vault)


def add_connection(tx: Tx, vault: Vault, value: ConnectionValue, now: datetime) -> None:
    """Write a new connection. Dag files that look for it are parsed again.

    Raises:
        ConflictError: There is one of that id.
    """
    if tx.execute(_READ, {"b_id": value.conn_id}).one_or_none() is not None:
        raise ConflictError(
            "connection-exists",
            f"There is a connection '{value.conn_id}' already.",
            "Delete or update it.",
        )
    tx.execute(insert(connection), {"conn_id": value.conn_id, **_columns(value, vault)})
    touch_readers(tx, "connection", [value.conn_id], now)


def update_connection(tx: Tx, vault: Vault, value: ConnectionValue, now: datetime) -> None:
    """Write every field of a connection anew. Dag files that read it are parsed again.

    Raises:
        NotFoundError: There is none of that id.
    """
    columns = {f"b_{name}": field for name, field in _columns(value, vault).items()}
    columns["b_type"] = columns.pop("b_conn_type")
    if tx.execute(_UPDATE, {"b_id": value.conn_id, **columns}).rowcount == 0:
        raise _no_connection(tx, value.conn_id)
    touch_readers(tx, "connection", [value.conn_id], now)


def delete_connection(tx: Tx, conn_id: str, now: datetime) -> None:
    """Remove a connection. Dag files that read it are parsed again.

    Raises:
        NotFoundError: There is none of that id.
    """
    if tx.execute(_DELETE, {"b_id": conn_id}).rowcount == 0:
        raise _no_connection(tx, conn_id)
    touch_readers(tx, "connection", [conn_id], now)


def list_connections(
    tx: Tx, vault: Vault, limit: int | None = None, offset: int = 0
) -> list[ConnectionValue]:
    """Answer connections by id, in clear.

    Raises:
        RefusedError: One was encrypted under a key that is not known here.
    """
    return [_value(row, vault) for row in tx.execute(_LIST.limit(limit).offset(offset))]


def count_connections(tx: Tx) -> int:
    """Answer how many connections there are."""
    return int(tx.execute(select(func.count()).select_from(connection)).scalar_one())


def _value(row: Row[*tuple[Any, ...]], vault: Vault) -> ConnectionValue:
    return ConnectionValue(
        conn_id=row.conn_id,
        conn_type=row.conn_type,
        host=row.host,
        login=row.login,
        password=None if row.password is None else vault.decrypt(row.password),
        schema_=row.schema,
        port=row.port,
        extra=None if row.extra is None else vault.decrypt(row.extra),
        description=row.description,
    )


def _columns(value: ConnectionValue, vault: Vault) -> dict[str, Any]:
    return {
        "conn_type": value.conn_type,
        "description": value.description,
        "host": value.host,
        "schema": value.schema_,
        "login": value.login,
        "password": None if value.password is None else vault.encrypt(value.password),
        "port": value.port,
        "extra": None if value.extra is None else vault.encrypt(value.extra),
    }


def _no_connection(tx: Tx, conn_id: str) -> NotFoundError:
    return NotFoundError(
        "connection-not-found",
        f"There is no connection '{conn_id}'.",
        did_you_mean(conn_id, tx.execute(_IDS).scalars()),
    )
