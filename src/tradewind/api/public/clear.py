"""Reads variables and connections in clear, or refuses with the nearest right answer."""

from tradewind.errors import NotFoundError, did_you_mean
from tradewind.protocol.ports import ConnectionValue
from tradewind.store import connections, variables
from tradewind.store.database import Tx
from tradewind.store.secrets import Vault
from tradewind.store.variables import VariableFacts

_NEAR = 200


def find_variable(tx: Tx, vault: Vault, key: str) -> VariableFacts:
    """Answer a variable in clear.

    Raises:
        NotFoundError: There is none of that key.
    """
    found = variables.read_variable(tx, vault, key)
    if found is None:
        raise no_variable(tx, key)
    return found


def no_variable(tx: Tx, key: str) -> NotFoundError:
    """Answer the refusal for a variable that is not there."""
    return NotFoundError(
        "variable-not-found",
        f"The Variable with key: `{key}` was not found",
        did_you_mean(key, variables.read_variable_keys(tx)),
    )


def find_connection(tx: Tx, vault: Vault, conn_id: str) -> ConnectionValue:
    """Answer a connection in clear.

    Raises:
        NotFoundError: There is none of that id.
    """
    found = connections.read_connection(tx, vault, conn_id)
    if found is None:
        known = [one.conn_id for one in connections.list_connections(tx, vault, _NEAR)]
        raise NotFoundError(
            "connection-not-found",
            f"The Connection with connection_id: `{conn_id}` was not found",
            did_you_mean(conn_id, known),
        )
    return found
