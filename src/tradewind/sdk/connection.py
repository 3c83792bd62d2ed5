"""Connections: where another system is reached and as whom, as a URI, JSON or fields."""

import json
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from tradewind.protocol.ports import ConnectionValue
from tradewind.sdk.calling import aside
from tradewind.sdk.configuration import import_string
from tradewind.sdk.exceptions import AirflowException, AirflowNotFoundException
from tradewind.sdk.providers import hook_classes
from tradewind.sdk.secrets import (
    mask_connection,
    read_backend_connection,
    read_connection_text,
    read_stored_connection,
)

_TYPE_OF_SCHEME = {"postgresql": "postgres"}
_FIELDS = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")


class Connection:
    """One connection; made from fields, or from ``uri``.

    Example:
        >>> shop = Connection("shop", uri="postgres://me:s%40crets@db:5432/shop?sslmode=require")
        >>> shop.host, shop.port, shop.password, shop.extra_dejson
        ('db', 5432, 's@crets', {'sslmode': 'require'})
        >>> shop.get_uri()
        'postgres://me:s%40crets@db:5432/shop?sslmode=require'
    """

    EXTRA_KEY = "__extra__"

    def __init__(
        self,
        conn_id: str | None = None,
        conn_type: str | None = None,
        description: str | None = None,
        host: str | None = None,
        login: str | None = None,
        password: str | None = None,
        schema: str | None = None,
        port: int | None = None,
        extra: str | dict[str, Any] | None = None,
        uri: str | None = None,
    ) -> None:
        fields = (conn_type, host, login, password, schema, port, extra)
        if uri is not None and any(field is not None for field in fields):
            raise AirflowException("A connection is made from a uri or from fields, not from both")
        self.conn_id = conn_id or ""
        self.conn_type = conn_type or ""
        self.description = description
        self.host = host
        self.login = login
        self.password = password
        self.schema = schema
        self.port = int(port) if port else None
        self.extra = json.dumps(extra) if isinstance(extra, dict) else extra
        if uri is not None:
            self._take_uri(uri)

    def _take_uri(self, uri: str) -> None:
        parts = urlsplit(uri)
        scheme = parts.scheme
        kind = _TYPE_OF_SCHEME.get(scheme, scheme)
        self.conn_type = kind if "-" not in kind else kind.replace("-", "_")
        netloc = parts.netloc.rpartition("@")[2]
        try:
            self.port = parts.port
        except ValueError:
            raise AirflowException(
                f"The port in a connection's URI is no number: {netloc}"
            ) from None
        is_ipv6 = netloc.startswith("[")
        host = netloc.partition("]")[0] + "]" if is_ipv6 else netloc.partition(":")[0]
        self.host = unquote(host) or None
        self.login = unquote(parts.username) if parts.username else parts.username
        self.password = unquote(parts.password) if parts.password else parts.password
        self.schema = unquote(parts.path[1:]) if parts.path[1:] else None
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if query:
            self.extra = query.get(self.EXTRA_KEY) or json.dumps(query)

    @classmethod
    def from_json(cls, value: str, conn_id: str | None = None) -> "Connection":
        """Make one from a JSON object of its fields.

        Raises:
            AirflowException: It is no JSON object, or has fields that no connection has.
        """
        try:
            fields = json.loads(value)
        except ValueError as error:
            raise AirflowException(f"Connection '{conn_id}' is not JSON: {error}") from None
        return cls.from_fields(fields, conn_id)

    @classmethod
    def from_fields(cls, fields: Any, conn_id: str | None = None) -> "Connection":
        """Make one from a dict of its fields, or from a URI.

        Raises:
            AirflowException: There are fields that no connection has.
        """
        if isinstance(fields, str):
            return cls(conn_id, uri=fields)
        if not isinstance(fields, dict):
            raise AirflowException(f"Connection '{conn_id}' must be an object of its fields")
        fields = {**fields}
        fields.pop("conn_id", None)
        kind = fields.pop("conn-type", None)
        if kind is not None:
            fields.setdefault("conn_type", kind)
        unknown = sorted(fields.keys() - set(_FIELDS) - {"uri"})
        if unknown:
            raise AirflowException(f"Connection '{conn_id}' has unknown fields: {unknown}")
        return cls(conn_id, **fields)

    @classmethod
    def from_text(cls, text: str, conn_id: str) -> "Connection":
        """Make one from a JSON object or a URI."""
        return (
            cls.from_json(text, conn_id)
            if text.lstrip().startswith("{")
            else cls(conn_id, uri=text)
        )

    @classmethod
    def get(cls, conn_id: str) -> "Connection":
        """Answer the connection of that id: ``AIRFLOW_CONN_<ID>`` first, then Tradewind's.

        Raises:
            AirflowNotFoundException: There is none.
        """
        found = read_backend_connection(conn_id)
        if found is not None:
            whole: Connection = cls.from_text(found, conn_id) if isinstance(found, str) else found
            mask_connection(whole.password, whole.extra)
            return whole
        text = read_connection_text(conn_id)
        if text is not None:
            found = cls.from_text(text, conn_id)
            mask_connection(found.password, found.extra)
            return found
        stored = read_stored_connection(conn_id)
        if stored is None:
            raise AirflowNotFoundException(
                f"There is no connection '{conn_id}'. Add it with: tradewind connections add "
                f"{conn_id} --conn-uri URI, or set AIRFLOW_CONN_{conn_id.upper()}"
            )
        return cls._of_value(stored)

    get_connection_from_secrets = get

    @classmethod
    def _of_value(cls, value: ConnectionValue) -> "Connection":
        return cls(
            conn_id=value.conn_id,
            conn_type=value.conn_type,
            description=value.description,
            host=value.host,
            login=value.login,
            password=value.password,
            schema=value.schema_,
            port=value.port,
            extra=value.extra,
        )

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """Answer the extra fields; {} where there are none or they are not JSON."""
        return self.get_extra_dejson()

    def get_extra_dejson(self, nested: bool = False) -> dict[str, Any]:
        """Answer the extra fields; with ``nested``, text in them that is JSON is read too."""
        try:
            found = json.loads(self.extra) if self.extra else {}
        except ValueError:
            return {}
        if not isinstance(found, dict):
            return {}
        return {key: _unnested(value) for key, value in found.items()} if nested else found

    def get_uri(self) -> str:
        """Answer the connection as a URI."""
        uri = f"{(self.conn_type or '').replace('_', '-')}://"
        if self.login is not None or self.password is not None:
            uri += quote(self.login or "", safe="")
            uri += f":{quote(self.password, safe='')}" if self.password is not None else ""
            uri += "@"
        host = self.host or ""
        uri += host if host.startswith("[") else quote(host, safe="")
        uri += f":{self.port}" if self.port is not None else ""
        if self.schema or self.extra_dejson:
            uri += f"/{quote(self.schema or '', safe='')}"
        return uri + self._query()

    def _query(self) -> str:
        extra = self.extra_dejson
        if not extra:
            return ""
        flat = all(isinstance(value, str) for value in extra.values())
        return "?" + urlencode(extra if flat else {self.EXTRA_KEY: self.extra})

    def as_json(self) -> str:
        """Answer the connection as a JSON object, its extra fields as an object inside."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS}
        fields["extra"] = self.extra_dejson or self.extra
        return json.dumps(
            {name: value for name, value in fields.items() if value not in (None, "")}
        )

    def get_hook(self, *, hook_params: dict[str, Any] | None = None) -> Any:
        """Answer the hook of the provider package that serves this type of connection.

        Raises:
            AirflowException: No installed package serves it.
        """
        info = hook_classes().get(self.conn_type)
        if info is None:
            raise AirflowException(
                f'Unknown hook type "{self.conn_type}": no installed provider package serves it. '
                f"Install the one that does, or make the hook itself: SomeHook('{self.conn_id}')"
            )
        hook_class = import_string(info.hook_class_name)
        named = {hook_class.conn_name_attr: self.conn_id}
        return hook_class(**named, **(hook_params or {}))

    def test_connection(self) -> tuple[bool, str]:
        """Say whether what this connection names answers, and what it says; never raises."""
        try:
            hook = self.get_hook()
            if not hasattr(hook, "test_connection"):
                return False, f"{type(hook).__name__} does not implement test_connection()"
            works, message = hook.test_connection()
        except Exception as error:  # noqa: BLE001 - whatever it raises is the answer
            return False, str(error)
        return bool(works), str(message)

    @classmethod
    async def async_get(cls, conn_id: str) -> "Connection":
        """Do as ``get``, and let other coroutines run meanwhile."""
        return await aside(cls.get, conn_id)

    def __repr__(self) -> str:
        return f"<Connection: {self.conn_id}>"


def _unnested(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
