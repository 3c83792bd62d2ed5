"""Classes that Variables and Connections may come from: the root of those that users write.

The setting ``[secrets] backend`` names one, with ``backend_kwargs`` as JSON; it is asked before the
environment and before Tradewind itself.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tradewind.sdk.connection import Connection
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.secrets import read_connection_text, read_environment_variable


class BaseSecretsBackend:
    """The root of secrets backends: override what it can answer; None: it knows nothing of it."""

    @staticmethod
    def build_path(path_prefix: str, secret_id: str, sep: str = "/") -> str:
        """Answer where a secret lies below a prefix."""
        return f"{path_prefix}{sep}{secret_id}"

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """Answer a connection as a URI or JSON, or None.

        Raises:
            NotImplementedError: The subclass knows no connections, or makes them whole.
        """
        raise NotImplementedError

    def deserialize_connection(self, conn_id: str, value: str) -> Connection:
        """Answer the connection of this text."""
        return Connection.from_text(value, conn_id)

    def get_connection(self, conn_id: str, team_name: str | None = None) -> Connection | None:
        """Answer a connection, or None."""
        value = self.get_conn_value(conn_id)
        return self.deserialize_connection(conn_id, value) if value else None

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """Answer a variable's text, or None.

        Raises:
            NotImplementedError: The subclass knows no variables.
        """
        raise NotImplementedError

    def get_config(self, key: str) -> str | None:
        """Answer a setting, or None."""
        return None


class EnvironmentVariablesBackend(BaseSecretsBackend):
    """The environment: ``AIRFLOW_CONN_...`` and ``AIRFLOW_VAR_...``."""

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """Answer the connection that the environment defines, or None."""
        return read_connection_text(conn_id)

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """Answer the variable that the environment defines, or None."""
        return read_environment_variable(key)


class LocalFilesystemBackend(BaseSecretsBackend):
    """Files: JSON, YAML, or lines of ``KEY=VALUE`` (``.env``)."""

    def __init__(
        self, variables_file_path: str | None = None, connections_file_path: str | None = None
    ) -> None:
        self.variables_file = variables_file_path
        self.connections_file = connections_file_path

    @cached_property
    def _variables(self) -> dict[str, str]:
        found = _read(self.variables_file)
        return {k: v if isinstance(v, str) else json.dumps(v) for k, v in found.items()}

    @cached_property
    def _connections(self) -> dict[str, Any]:
        return _read(self.connections_file)

    def get_connection(self, conn_id: str, team_name: str | None = None) -> Connection | None:
        """Answer the connection of that name in the file, or None."""
        found = self._connections.get(conn_id)
        return None if found is None else Connection.from_fields(found, conn_id)

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """Answer the variable of that name in the file, or None."""
        return self._variables.get(key)


def _read(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        text = Path(path).read_text(encoding="utf-8")
        if path.endswith(".env"):
            lines = [line.strip() for line in text.splitlines()]
            pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
            return {key.strip(): value.strip() for key, _, value in pairs}
        found = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise AirflowException(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise AirflowException(f"{path} must hold an object with a name for each entry")
    return found
