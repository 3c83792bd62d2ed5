"""Where variables and connections come from: the environment first, then the host of this code."""

import os

from tradewind.protocol.ports import ConnectionValue, bound_port

VARIABLE_PREFIXES = ("TRADEWIND_VAR_", "AIRFLOW_VAR_")
CONNECTION_PREFIXES = ("TRADEWIND_CONN_", "AIRFLOW_CONN_")


def read_variable(key: str) -> str | None:
    """Answer a variable's stored text, or None."""
    found = _from_environment(VARIABLE_PREFIXES, key)
    if found is not None:
        return found
    port = bound_port.get()
    return port.get_variable(key) if port is not None else None


def read_connection_text(conn_id: str) -> str | None:
    """Answer the URI or JSON of a connection that the environment defines, or None."""
    return _from_environment(CONNECTION_PREFIXES, conn_id)


def read_stored_connection(conn_id: str) -> ConnectionValue | None:
    """Answer the connection that the host of this code knows, or None."""
    port = bound_port.get()
    return port.get_connection(conn_id) if port is not None else None


def _from_environment(prefixes: tuple[str, ...], key: str) -> str | None:
    for prefix in prefixes:
        found = os.environ.get(prefix + key.upper())
        if found is not None:
            return found
    return None
