"""Variables and connections in clear, for the holder of the local token.

``/api/v2`` hides what is secret, as clients of the field's API expect; but the commands of whoever
owns this home give their own values back. Nothing on the way may keep an answer.
"""

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from tradewind.api.public.clear import find_connection, find_variable
from tradewind.api.public.fields import ServicesDep, Shape


async def _keep_nothing(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


router = APIRouter(prefix="/secrets", tags=["Own: secrets"], dependencies=[Depends(_keep_nothing)])


class ClearVariable(Shape):
    """One variable, its value as it was written."""

    key: str
    value: str
    description: str | None


class ClearConnection(Shape):
    """One connection, with its secrets."""

    connection_id: str
    conn_type: str
    description: str | None
    host: str | None
    login: str | None
    schema_: str | None = Field(serialization_alias="schema")
    port: int | None
    password: str | None
    extra: str | None


@router.get("/variables/{key:path}")
def get_clear_variable(key: str, services: ServicesDep) -> ClearVariable:
    """Read a variable in clear; for the holder of the local token."""
    with services.database.read() as tx:
        found = find_variable(tx, services.vault, key)
    return ClearVariable(key=found.key, value=found.value, description=found.description)


@router.get("/connections/{conn_id:path}")
def get_clear_connection(conn_id: str, services: ServicesDep) -> ClearConnection:
    """Read a connection in clear; for the holder of the local token."""
    with services.database.read() as tx:
        found = find_connection(tx, services.vault, conn_id)
    return ClearConnection(
        connection_id=found.conn_id,
        conn_type=found.conn_type,
        description=found.description,
        host=found.host,
        login=found.login,
        schema_=found.schema_,
        port=found.port,
        password=found.password,
        extra=found.extra,
    )
