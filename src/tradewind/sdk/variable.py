"""Variables: small values that Dags share and people may change without touching a file."""

import json
from typing import Any

from tradewind.protocol.ports import TaskPort, bound_port
from tradewind.sdk.calling import aside
from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException
from tradewind.sdk.secrets import read_variable
from tradewind.sdk.sentinels import NOTSET, is_arg_set


class Variable:
    """A named value; read from the environment (``AIRFLOW_VAR_KEY``) first, then from Tradewind.

    Example:
        >>> Variable.get("no_such_variable", default="eu")
        'eu'
    """

    def __init__(
        self, key: str, value: str | None = None, val: Any = NOTSET, description: str | None = None
    ) -> None:
        self.key = key
        self.value = val if is_arg_set(val) else value
        self.description = description

    @property
    def val(self) -> str | None:
        """Answer the value, under its older name."""
        return self.value

    @classmethod
    def get(
        cls,
        key: str,
        default: Any = NOTSET,
        deserialize_json: bool = False,
        *,
        default_var: Any = NOTSET,
    ) -> Any:
        """Answer the variable's value, or the default.

        Raises:
            AirflowNotFoundException: There is no such variable and no default.
            AirflowException: The value is not JSON though it should be.
        """
        text = read_variable(key)
        if text is None:
            for fallback in (default, default_var):
                if is_arg_set(fallback):
                    return fallback
            raise AirflowNotFoundException(
                f"There is no variable '{key}'. Set it with: tradewind variables set {key} VALUE"
            )
        if not deserialize_json:
            return text
        try:
            return json.loads(text)
        except ValueError as error:
            raise AirflowException(f"Variable '{key}' is not JSON: {error}") from None

    @classmethod
    def set(
        cls,
        key: str,
        value: Any,
        description: str | None = None,
        serialize_json: bool = False,
    ) -> None:
        """Write the variable.

        Raises:
            AirflowException: This code runs outside Tradewind, where nothing is kept.
        """
        text = json.dumps(value, indent=2) if serialize_json else str(value)
        _port("set", key).set_variable(key, text, description)

    @classmethod
    def delete(cls, key: str) -> int:
        """Remove the variable; answer how many were removed.

        Raises:
            AirflowException: This code runs outside Tradewind.
        """
        return int(_port("delete", key).delete_variable(key))

    @classmethod
    def keys(cls, prefix: str | None = None) -> list[str]:
        """Answer the names of the variables kept, those with the prefix if one is given."""
        port = bound_port.get()
        return port.variable_keys(prefix) if port is not None else []

    @classmethod
    def setdefault(
        cls, key: str, default: Any, description: str | None = None, deserialize_json: bool = False
    ) -> Any:
        """Answer the variable's value; write the default where there is none."""
        found = cls.get(
            key, default=NOTSET if default is None else None, deserialize_json=deserialize_json
        )
        if found is not None:
            return found
        cls.set(key, default, description, serialize_json=deserialize_json)
        return default

    @classmethod
    async def async_get(
        cls, key: str, default: Any = NOTSET, deserialize_json: bool = False
    ) -> Any:
        """Do as ``get``, and let other coroutines run meanwhile."""
        return await aside(cls.get, key, default, deserialize_json)

    @classmethod
    async def async_set(
        cls, key: str, value: Any, description: str | None = None, serialize_json: bool = False
    ) -> None:
        """Do as ``set``, and let other coroutines run meanwhile."""
        await aside(cls.set, key, value, description, serialize_json)

    @classmethod
    async def async_delete(cls, key: str) -> int:
        """Do as ``delete``, and let other coroutines run meanwhile."""
        return await aside(cls.delete, key)

    @classmethod
    async def async_keys(cls, prefix: str | None = None) -> list[str]:
        """Do as ``keys``, and let other coroutines run meanwhile."""
        return await aside(cls.keys, prefix)

    def __repr__(self) -> str:
        return f"<Variable: {self.key}>"


def _port(verb: str, key: str) -> TaskPort:
    port = bound_port.get()
    if port is None:
        raise AirflowException(
            f"Variable '{key}' cannot be {verb} here: outside Tradewind nothing is kept. Set the "
            f"environment variable AIRFLOW_VAR_{key.upper()} instead."
        )
    return port
