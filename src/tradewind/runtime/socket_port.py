"""The TaskPort of user code that runs under a worker: questions over its socket."""

import threading
from typing import Any, TypeVar

import msgspec

from tradewind.errors import TradewindError, UnavailableError
from tradewind.protocol.child import MASK, Ask, Push, Told
from tradewind.protocol.exchange import BEFORE_ALL
from tradewind.protocol.frames import FrameReader, told_reader
from tradewind.protocol.orders import TaskOrder
from tradewind.protocol.ports import ConnectionValue
from tradewind.protocol.questions import BUILTIN_TYPES, Question, fields_of
from tradewind.protocol.reports import XComPush
from tradewind.runtime.channel import Channel

T = TypeVar("T")


class SocketPort:
    """Answers what user code may ask by asking the worker, which asks the server.

    One question at a time: threads of a task take turns.
    """

    def __init__(self, channel: Channel, order: TaskOrder | None = None) -> None:
        """Ask over this channel; without an order (at import) nothing can be pushed."""
        self._channel = channel
        self._order = order
        self._reader: FrameReader[Told] | None = None
        self._turn = threading.RLock()
        self._number = 0
        self._pushed: dict[str, bytes] = {}
        self._masked: set[str] = set()

    def get_variable(self, key: str) -> str | None:
        """Answer the stored text, or None where there is no such variable."""
        return self._ask(str | None, "variable.get", key=key)  # type: ignore[arg-type]

    def set_variable(self, key: str, value: str, description: str | None) -> None:
        """Write a variable; visible to every later read."""
        self._ask(object, "variable.set", key=key, value=value, description=description)

    def delete_variable(self, key: str) -> bool:
        """Remove a variable; False where there was none."""
        return self._ask(bool, "variable.delete", key=key)

    def variable_keys(self, prefix: str | None) -> list[str]:
        """Answer the keys stored, in order, those with the prefix if one is given."""
        return self._ask(list[str], "variable.keys", prefix=prefix)

    def get_connection(self, conn_id: str) -> ConnectionValue | None:
        """Answer the connection, or None where there is no such id."""
        kind = ConnectionValue | None
        return self._ask(kind, "connection.get", conn_id=conn_id)  # type: ignore[arg-type]

    def get_xcom(
        self, dag_id: str, run_id: str, task_id: str, key: str, map_index: int
    ) -> bytes | None:
        """Answer one XCom's JSON, or None.

        What this task pushed itself is answered here: its push may still be on its way.
        """
        if key in self._pushed and self._is_own(dag_id, run_id, task_id, map_index):
            return self._pushed[key]
        return self._ask(
            bytes | None,  # type: ignore[arg-type]
            "xcom.get",
            dag_id=dag_id,
            run_id=run_id,
            task_id=task_id,
            key=key,
            map_index=map_index,
        )

    def get_xcoms(
        self, dag_id: str, run_id: str, task_id: str, key: str
    ) -> list[tuple[int, bytes]]:
        """Answer (map index, JSON) of every instance of a task that pushed this key, by index."""
        found: list[tuple[int, bytes]] = []
        after = BEFORE_ALL
        while True:
            rows = self._ask(
                list[tuple[int, bytes | None]],
                "xcom.get_many",
                dag_id=dag_id,
                run_id=run_id,
                task_id=task_id,
                key=key,
                after=after,
            )
            found += [(index, value) for index, value in rows if value is not None]
            if not rows or rows[-1][1] is not None:
                return found
            after = rows[-1][0]

    def push_xcom(self, key: str, value: bytes, length: int | None) -> None:
        """Push for the task instance that runs now; the last push of a key wins.

        Raises:
            TradewindError: No task runs here: the file is being imported.
        """
        order = self._order
        if order is None:
            raise TradewindError("no-task", "An XCom can be pushed by a running task only.")
        self._pushed[key] = value
        xcom = XComPush(
            attempt_id=order.attempt_id, epoch=order.epoch, key=key, value=value, length=length
        )
        self._channel.send(Push(xcom=xcom))

    def mask(self, *secrets: str) -> None:
        """Have these values hidden in all that is logged from here on."""
        new = [secret for secret in secrets if secret and secret not in self._masked]
        if new:
            self._ask(object, MASK, secrets=new)
            self._masked.update(new)

    def ask(self, question: Question) -> Any:
        """Answer a question, as the type its ``ANSWER`` says."""
        return self._ask(question.ANSWER, question.verb(), **fields_of(question))

    def _is_own(self, dag_id: str, run_id: str, task_id: str, map_index: int) -> bool:
        order = self._order
        if order is None:
            return False
        own = (order.run.dag_id, order.run.run_id, order.task_id, order.map_index)
        return own == (dag_id, run_id, task_id, map_index)

    def _ask(self, kind: type[T], verb: str, **args: object) -> T:
        told = self._told(verb, args)
        if told.error:
            raise TradewindError(told.error, told.message or f"The server refused {verb}.")
        return msgspec.convert(told.value, kind, builtin_types=BUILTIN_TYPES)

    def _told(self, verb: str, args: dict[str, object]) -> Told:
        with self._turn:
            self._number += 1
            number = self._number
            self._channel.send(Ask(number=number, verb=verb, args=args))
            return self._wait_for(number)

    def _wait_for(self, number: int) -> Told:
        reader = self._reader = self._reader or told_reader()
        while chunk := self._channel.receive():
            for told in reader.feed(chunk):
                # An older number is the answer to a question that a signal cut off.
                if told.number == number:
                    return told
        raise UnavailableError("worker-gone", "The worker of this task is gone.")
