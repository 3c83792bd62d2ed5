"""Hooks: what talks to another system by way of a connection."""

from typing import Any

from tradewind.sdk.connection import Connection
from tradewind.sdk.log import LoggingMixin


class BaseHook(LoggingMixin):
    """The root of all hooks; finds connections."""

    conn_name_attr: str = ""
    default_conn_name: str = ""
    conn_type: str = ""
    hook_name: str = ""

    def __init__(self, logger_name: str | None = None) -> None:
        super().__init__()
        if logger_name is not None:
            self.logger_name = logger_name

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        """Answer the connection of that id.

        Raises:
            AirflowNotFoundException: There is none.
        """
        return Connection.get(conn_id)

    @classmethod
    async def aget_connection(cls, conn_id: str) -> Connection:
        """Do as ``get_connection``, and let other coroutines run meanwhile."""
        return await Connection.async_get(conn_id)

    @classmethod
    async def aget_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> Any:
        """Do as ``get_hook``, and let other coroutines run meanwhile."""
        return (await cls.aget_connection(conn_id)).get_hook(hook_params=hook_params)

    @classmethod
    def get_hook(cls, conn_id: str, hook_params: dict[str, Any] | None = None) -> Any:
        """Answer the hook that serves this connection.

        Raises:
            AirflowException: No hook is known for its type.
        """
        return cls.get_connection(conn_id).get_hook(hook_params=hook_params)

    def get_conn(self) -> Any:
        """Answer the open connection; each hook says how.

        Raises:
            NotImplementedError: The subclass does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement get_conn()")

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Answer the extra fields of this hook's connection form."""
        return {}

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Answer how this hook's connection form differs from the plain one."""
        return {}
