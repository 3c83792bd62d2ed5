"""Connections. Passwords are never shown, nor what an extra's names tell to be secret."""

from fastapi import APIRouter
from pydantic import Field

from tradewind.api.public.clear import find_connection
from tradewind.api.public.fields import (
    Body,
    OrderBy,
    PagingDep,
    ServicesDep,
    Shape,
    UpdateMask,
    check_mask,
    chosen_order,
)
from tradewind.api.public.masks import MASK, mask_extra, unmask_extra
from tradewind.errors import RefusedError
from tradewind.protocol.ports import ConnectionValue
from tradewind.store import connections
from tradewind.store.database import Tx

router = APIRouter(tags=["Connection"])


class ConnectionShape(Shape):
    """One connection, its secrets hidden."""

    connection_id: str
    conn_type: str
    description: str | None
    host: str | None
    login: str | None
    schema_: str | None = Field(serialization_alias="schema")
    port: int | None
    password: str | None
    extra: str | None
    team_name: str | None = None


class ConnectionList(Shape):
    """A page of connections."""

    connections: list[ConnectionShape]
    total_entries: int


class ConnectionBody(Body):
    """A connection to be written."""

    connection_id: str = Field(pattern=r"^[\w.\-]+$", max_length=250)
    conn_type: str
    description: str | None = None
    host: str | None = None
    login: str | None = None
    schema_: str | None = Field(default=None, alias="schema")
    port: int | None = None
    password: str | None = None
    extra: str | None = None
    team_name: str | None = None

    def to_value(self) -> ConnectionValue:
        """Answer it as the store takes it."""
        return ConnectionValue(
            conn_id=self.connection_id,
            conn_type=self.conn_type,
            description=self.description,
            host=self.host,
            login=self.login,
            schema_=self.schema_,
            port=self.port,
            password=self.password,
            extra=self.extra,
        )


@router.get("/connections")
def get_connections(
    services: ServicesDep, page: PagingDep, order_by: OrderBy = None
) -> ConnectionList:
    """List connections by id."""
    chosen_order(order_by, {"connection_id": "conn_id", "conn_id": "conn_id", "id": "conn_id"}, [])
    with services.database.read() as tx:
        found = connections.list_connections(tx, services.vault, page.limit, page.offset)
        return ConnectionList(
            connections=[_shape(one) for one in found],
            total_entries=connections.count_connections(tx),
        )


@router.post("/connections", status_code=201)
def post_connection(body: ConnectionBody, services: ServicesDep) -> ConnectionShape:
    """Make a connection."""
    value = body.to_value()
    services.writer.write(
        lambda tx: connections.add_connection(tx, services.vault, value, services.clock.now())
    )
    return _shape(value)


@router.get("/connections/{connection_id}")
def get_connection(connection_id: str, services: ServicesDep) -> ConnectionShape:
    """Read one connection."""
    with services.database.read() as tx:
        return _shape(find_connection(tx, services.vault, connection_id))


@router.patch("/connections/{connection_id}")
def patch_connection(
    connection_id: str, body: ConnectionBody, services: ServicesDep, update_mask: UpdateMask = None
) -> ConnectionShape:
    """Change a connection; what is not sent stays, and so do secrets sent back hidden."""
    if body.connection_id != connection_id:
        raise RefusedError(
            "bad-connection",
            f"The body is about connection '{body.connection_id}', the path about "
            f"'{connection_id}'.",
        )
    sent = {"schema" if name == "schema_" else name for name in body.model_fields_set}
    fields = check_mask(update_mask, sent)

    def change(tx: Tx) -> ConnectionValue:
        value = _merged(find_connection(tx, services.vault, connection_id), body.to_value(), fields)
        connections.update_connection(tx, services.vault, value, services.clock.now())
        return value

    return _shape(services.writer.write(change))


@router.delete("/connections/{connection_id}", status_code=204)
def delete_connection(connection_id: str, services: ServicesDep) -> None:
    """Delete a connection."""
    services.writer.write(
        lambda tx: connections.delete_connection(tx, connection_id, services.clock.now())
    )


def _merged(old: ConnectionValue, new: ConnectionValue, fields: set[str]) -> ConnectionValue:
    def pick(name: str) -> str | None:
        attribute = "schema_" if name == "schema" else name
        chosen: str | None = getattr(new if name in fields else old, attribute)
        return chosen

    hidden = new.password == MASK
    return ConnectionValue(
        conn_id=old.conn_id,
        conn_type=new.conn_type if "conn_type" in fields else old.conn_type,
        description=pick("description"),
        host=pick("host"),
        login=pick("login"),
        schema_=pick("schema"),
        port=new.port if "port" in fields else old.port,
        password=old.password if hidden else pick("password"),
        extra=unmask_extra(pick("extra"), old.extra),
    )


def _shape(value: ConnectionValue) -> ConnectionShape:
    return ConnectionShape(
        connection_id=value.conn_id,
        conn_type=value.conn_type,
        description=value.description,
        host=value.host,
        login=value.login,
        schema_=value.schema_,
        port=value.port,
        password=MASK if value.password else None,
        extra=mask_extra(value.extra),
    )
