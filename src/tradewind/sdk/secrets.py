"""Where variables and connections come from.

The secrets backend that the settings name, then the environment, then the host of this code.
"""

import logging
import os
from collections.abc import Iterable
from typing import Any

from tradewind.core.sensitive import (
    is_sensitive,
    secrets_in,
    secrets_of_backend,
    secrets_of_connection,
    secrets_of_variable,
)
from tradewind.protocol.ports import ConnectionValue, bound_port
from tradewind.sdk.configuration import backends_of, conf

log = logging.getLogger("tradewind.secrets")

VARIABLE_PREFIXES = ("TRADEWIND_VAR_", "AIRFLOW_VAR_")
_HIDDEN = "***"
CONNECTION_PREFIXES = ("TRADEWIND_CONN_", "AIRFLOW_CONN_")


def read_variable(key: str) -> str | None:
    """Answer a variable's stored text, or None."""
    kept = _ask_backends("get_variable", key)
    if kept:
        _mask(secrets_of_backend(kept))
        return str(kept)
    found = read_environment_variable(key)
    if found is not None:
        _mask(secrets_of_variable(key, found))
        return found
    port = bound_port.get()
    return port.get_variable(key) if port is not None else None


def mask_secret(secret: str | dict[str, Any] | Iterable[Any], name: str | None = None) -> None:
    """Hide a value in the logs of this task from here on: a text, or each text of a list.

    Of a dict, and of a value that is given a ``name``, only what is named like a secret is hidden.

    Example:
        >>> mask_secret("s3cret-of-today")
        >>> mask_secret({"host": "db", "password": "s3cret"}, "settings")
    """
    is_whole = isinstance(secret, str | dict | list | tuple | set | frozenset)
    _mask(secrets_in(secret if is_whole else list(secret), name))


def redact(value: Any, name: str | None = None, max_depth: int | None = None) -> Any:
    """Answer a value fit to be shown: what is named like a secret in it is hidden.

    Example:
        >>> redact({"host": "db", "password": "s3cret", "more": [{"token": "t"}]})
        {'host': 'db', 'password': '***', 'more': [{'token': '***'}]}
    """
    if name is not None and value and is_sensitive(name):
        return _HIDDEN
    if max_depth is not None and max_depth <= 0:
        return value
    deeper = None if max_depth is None else max_depth - 1
    if isinstance(value, dict):
        return {key: redact(one, str(key), deeper) for key, one in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(redact(one, None, deeper) for one in value)
    return value


def mask_connection(password: str | None, extra: str | None) -> None:
    """Hide what is secret in a connection that the environment defines."""
    _mask(secrets_of_connection(password, extra))


def read_environment_variable(key: str) -> str | None:
    """Answer the variable that the environment defines, or None."""
    return _from_environment(VARIABLE_PREFIXES, key)


def read_backend_connection(conn_id: str) -> Any | None:
    """Answer the connection that a secrets backend knows, as text or whole, or None."""
    found = _ask_backends("get_conn_value", conn_id)
    if found:
        _mask([str(found)])
        return found
    return _ask_backends("get_connection", conn_id)


_backends: dict[tuple[str, ...], list[Any]] = {}


def _ask_backends(question: str, name: str) -> Any | None:
    """Ask the backends in turn; one that fails is passed over, and the log says so."""
    key = tuple(str(conf.get(*setting, fallback="")) for setting in _SETTINGS)
    if not any(key):
        return None
    if key not in _backends:
        _backends[key] = backends_of(conf)
    for backend in _backends[key]:
        try:
            found = getattr(backend, question)(name)
        except NotImplementedError:
            continue
        except Exception:
            log.exception("Secrets backend %s failed", type(backend).__name__)
            continue
        if found is not None:
            return found
    return None


_SETTINGS = (
    ("workers", "secrets_backend"),
    ("workers", "secrets_backend_kwargs"),
    ("secrets", "backend"),
    ("secrets", "backend_kwargs"),
)


def read_connection_text(conn_id: str) -> str | None:
    """Answer the URI or JSON of a connection that the environment defines, or None."""
    return _from_environment(CONNECTION_PREFIXES, conn_id)


def read_stored_connection(conn_id: str) -> ConnectionValue | None:
    """Answer the connection that the host of this code knows, or None."""
    port = bound_port.get()
    return port.get_connection(conn_id) if port is not None else None


def secrets_without_host() -> frozenset[str]:
    """Answer what was to be hidden while nobody hosted this code: who hosts it now hides it."""
    return frozenset(_without_host)


_without_host: set[str] = set()


def _mask(secrets: Iterable[str]) -> None:
    found = tuple(secrets)
    port = bound_port.get()
    if port is None:
        _without_host.update(found)
    elif found:
        port.mask(*found)


def _from_environment(prefixes: tuple[str, ...], key: str) -> str | None:
    for prefix in prefixes:
        found = os.environ.get(prefix + key.upper())
        if found is not None:
            return found
    return None
