"""Connections of type ``fs``: a folder that paths are read from."""

from pathlib import Path
from typing import Any

from tradewind.sdk.exceptions import AirflowNotFoundException
from tradewind.sdk.hook import BaseHook


class FSHook(BaseHook):
    """Answers the folder of a connection whose extra has a ``path``.

    Without a connection ``fs_default``, that name stands for no folder: paths are taken as they
    are. Any other name must be there.

    Args:
        fs_conn_id: The connection.

    Raises:
        AirflowNotFoundException: There is no such connection.
    """

    conn_name_attr = "fs_conn_id"
    default_conn_name = "fs_default"
    conn_type = "fs"
    hook_name = "File (path)"

    def __init__(self, fs_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        try:
            self.conn: Any = self.get_connection(fs_conn_id)
        except AirflowNotFoundException:
            if fs_conn_id != self.default_conn_name:
                raise
            self.conn = None
        extra = {} if self.conn is None else self.conn.extra_dejson
        self.basepath = str(extra.get("path", ""))

    def get_conn(self) -> None:
        """Do nothing: there is nothing to open."""

    def get_path(self) -> str:
        """Answer the folder; empty where the connection names none."""
        return self.basepath

    def test_connection(self) -> tuple[bool, str]:
        """Say whether the folder is there, in a sentence."""
        if not self.basepath:
            return False, "The connection's extra has no 'path'."
        if not Path(self.basepath).exists():
            return False, f"There is no folder {self.basepath}."
        return True, f"{self.basepath} is there."

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Hide what such a connection has no use for."""
        hidden = ["host", "schema", "port", "login", "password", "extra"]
        return {"hidden_fields": hidden, "relabeling": {}, "placeholders": {}}
