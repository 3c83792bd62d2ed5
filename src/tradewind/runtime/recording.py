"""A TaskPort that remembers which variables and connections were read through it."""

from typing import Any

from tradewind.errors import TradewindError
from tradewind.protocol.ports import ConnectionValue, TaskPort
from tradewind.protocol.questions import Question


class RecordingPort:
    """Passes every question on to the host of this code, if there is one, and remembers it."""

    def __init__(self, below: TaskPort | None) -> None:
        self._below = below
        self.variables: set[str] = set()
        self.connections: set[str] = set()

    def get_variable(self, key: str) -> str | None:
        """Answer the stored text, or None."""
        self.variables.add(key)
        return self._below.get_variable(key) if self._below is not None else None

    def set_variable(self, key: str, value: str, description: str | None) -> None:
        """Write a variable, where there is a host to keep it."""
        if self._below is not None:
            self._below.set_variable(key, value, description)

    def delete_variable(self, key: str) -> bool:
        """Remove a variable."""
        return self._below.delete_variable(key) if self._below is not None else False

    def variable_keys(self, prefix: str | None) -> list[str]:
        """Answer the keys stored."""
        return self._below.variable_keys(prefix) if self._below is not None else []

    def get_connection(self, conn_id: str) -> ConnectionValue | None:
        """Answer the connection, or None."""
        self.connections.add(conn_id)
        return self._below.get_connection(conn_id) if self._below is not None else None

    def mask(self, *secrets: str) -> None:
        """Have values hidden, where there is a host that writes a log."""
        if self._below is not None:
            self._below.mask(*secrets)

    def get_xcom(
        self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int
    ) -> bytes | None:
        """Answer one XCom's JSON, or None."""
        below = self._below
        return below.get_xcom(dag_id, run_id, task_id, key, map_index) if below else None

    def get_xcoms(
        self, dag_id: str, run_id: str, task_id: str, key: str
    ) -> list[tuple[int, bytes]]:
        """Answer (map index, JSON) of every instance that pushed this key."""
        return self._below.get_xcoms(dag_id, run_id, task_id, key) if self._below else []

    def push_xcom(self, key: str, value: bytes, length: int | None) -> None:
        """Push, where there is a host."""
        if self._below is not None:
            self._below.push_xcom(key, value, length)

    def ask(self, question: Question) -> Any:
        """Pass a question on.

        Raises:
            TradewindError: There is no host to answer it.
        """
        if self._below is None:
            raise TradewindError(
                "no-host", f"Nobody is here to answer '{question.verb()}': no task runs."
            )
        return self._below.ask(question)
