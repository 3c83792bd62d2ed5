"""Connections of type ``package_index``: where Python packages are fetched from."""

import urllib.error
import urllib.request
from base64 import b64encode
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tradewind.sdk.hook import BaseHook

_PATIENCE_SECONDS = 10


class PackageIndexHook(BaseHook):
    """Answers the URL of a package index, with the connection's login in it.

    Args:
        pi_conn_id: The connection; its host is the URL of the index.
    """

    conn_name_attr = "pi_conn_id"
    default_conn_name = "package_index_default"
    conn_type = "package_index"
    hook_name = "Package Index (Python)"

    def __init__(self, pi_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pi_conn_id = pi_conn_id
        self.conn = None

    def get_conn(self) -> str:
        """Answer the URL."""
        return self.get_connection_url()

    def get_connection_url(self) -> str:
        """Answer the URL of the index, with login and password where the connection has them.

        Raises:
            ValueError: The connection has no host.
        """
        conn = self.get_connection(self.pi_conn_id)
        if not conn.host:
            raise ValueError(
                f"Connection '{self.pi_conn_id}' needs the URL of a package index as its host"
            )
        parts = urlsplit(conn.host)
        place = parts.netloc.rpartition("@")[2]
        if conn.login:
            secret = f":{quote(conn.password, safe='')}" if conn.password else ""
            place = f"{quote(conn.login, safe='')}{secret}@{place}"
        return parts._replace(netloc=place).geturl()

    def test_connection(self) -> tuple[bool, str]:
        """Ask the index for its front page, and say in a sentence what came of it."""
        parts = urlsplit(self.get_connection_url())
        if parts.scheme not in ("http", "https"):
            return False, f"'{parts.scheme}' is no scheme of a package index; use https."
        who, _, place = parts.netloc.rpartition("@")
        request = urllib.request.Request(parts._replace(netloc=place).geturl())  # noqa: S310 - checked
        if who:
            request.add_header(
                "Authorization", f"Basic {b64encode(unquote(who).encode()).decode()}"
            )
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS):  # noqa: S310 - checked
                return True, f"{place} answers."
        except (OSError, urllib.error.URLError) as error:
            return False, f"{place} does not answer: {error}"

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Name the fields by what they are here."""
        return {
            "hidden_fields": ["schema", "port", "extra"],
            "relabeling": {"host": "Package Index URL"},
            "placeholders": {
                "host": "https://packages.example.com/simple",
                "login": "Name for the index",
                "password": "Password for the index; masked in logs",
            },
        }
