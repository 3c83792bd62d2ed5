"""The seam through which the sdk reaches what is above it while user code runs.

Whoever hosts user code (a task process, a parse child, a local run) binds a TaskPort; without one
the sdk looks in the environment and in secrets backends only.
"""

from contextvars import ContextVar
from typing import Any, Protocol

import msgspec

from tradewind.protocol.questions import Question


class ConnectionValue(msgspec.Struct, frozen=True, kw_only=True):
    """A connection as stored: what ``Connection`` is made from."""

    conn_id: str
    conn_type: str = ""
    host: str | None = None
    login: str | None = None
    password: str | None = None
    schema_: str | None = msgspec.field(default=None, name="schema")
    port: int | None = None
    extra: str | None = None
    description: str | None = None


class TaskPort(Protocol):
    """What user code may ask of its host. Values of XComs are JSON bytes."""

    def get_variable(self, key: str) -> str | None:
        """Answer the stored text, or None where there is no such variable."""

    def set_variable(self, key: str, value: str, description: str | None) -> None:
        """Write a variable; visible to every later read."""

    def delete_variable(self, key: str) -> bool:
        """Remove a variable; False where there was none."""

    def variable_keys(self, prefix: str | None) -> list[str]:
        """Answer the keys stored, in order, those with the prefix if one is given."""

    def get_connection(self, conn_id: str) -> ConnectionValue | None:
        """Answer the connection, or None where there is no such id."""

    def get_xcom(
        self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int
    ) -> bytes | None:
        """Answer one XCom's JSON, or None."""

    def get_xcoms(
        self, dag_id: str, run_id: str, task_id: str, key: str
    ) -> list[tuple[int, bytes]]:
        """Answer (map index, JSON) of every instance of a task that pushed this key, by index."""

    def push_xcom(self, key: str, value: bytes, length: int | None) -> None:
        """Push for the task instance that runs now; the last push of a key wins."""

    def mask(self, *secrets: str) -> None:
        """Have these values hidden in all that is logged from here on.

        Once it returns they are: what is printed afterwards never shows them.
        """

    def ask(self, question: Question) -> Any:
        """Answer a question, as the type its ``ANSWER`` says.

        Raises:
            TradewindError: The host refuses, or knows no answer to this kind of question.
        """


bound_port: ContextVar[TaskPort | None] = ContextVar("bound_port", default=None)
"""The host of the user code that runs now; None outside any host."""
