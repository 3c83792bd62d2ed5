"""Questions of user code (Variables, Connections, XComs), carried to the server.

A few threads, started when there is something to ask. A question is asked again while the server
is out of reach: user code waits, as it would for a slow answer.
"""

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec

from tradewind.protocol.child import Ask, Told
from tradewind.protocol.exchange import Call, CallReply
from tradewind.protocol.masking import Masker
from tradewind.worker.line import Connection, Endpoint, Reply
from tradewind.worker.loop import Loop

MAX_THREADS = 4

_ANSWER_SECONDS = 10.0
_PAUSE_SECONDS = 0.5
_SERVER_ERROR = 500
_encode = msgspec.msgpack.Encoder().encode
_REPLY = msgspec.msgpack.Decoder(CallReply)


class _Question(NamedTuple):
    call: Call
    is_wanted: Callable[[], bool]
    answer: Callable[[CallReply], None]


class Questions:
    """Asks; answers come back on the loop's thread."""

    def __init__(self, endpoint: Endpoint, loop: Loop) -> None:
        """Start no thread yet."""
        self._endpoint = endpoint
        self._loop = loop
        self._asked: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self._threads = 0
        self._pending = 0

    def ask(
        self, call: Call, is_wanted: Callable[[], bool], answer: Callable[[CallReply], None]
    ) -> None:
        """Ask until there is an answer, or nobody wants it any more."""
        self._asked.put(_Question(call, is_wanted, answer))
        self._pending += 1
        if self._pending > self._threads and self._threads < MAX_THREADS:
            self._threads += 1
            name = f"questions-{self._threads}"
            threading.Thread(target=self._serve, name=name, daemon=True).start()

    def _serve(self) -> None:
        connection = Connection(self._endpoint)
        # Waited on, never set: a pause that is no busy loop.
        pause = threading.Event()
        while True:
            question = self._asked.get()
            body = _encode(question.call)
            reply = connection.post("/work/call", body, _ANSWER_SECONDS)
            while _may_change(reply) and question.is_wanted():
                pause.wait(_PAUSE_SECONDS)
                reply = connection.post("/work/call", body, _ANSWER_SECONDS)
            self._loop.post(partial(self._deliver, question, _read(reply)))

    def _deliver(self, question: _Question, reply: CallReply) -> None:
        self._pending -= 1
        question.answer(reply)


def told(ask: Ask, reply: CallReply, masker: Masker) -> Told:
    """Answer what who asked is told; what is secret in it is hidden from here on."""
    masker.add(reply.masks)
    return Told(number=ask.number, value=reply.value, error=reply.error, message=reply.message)


def _may_change(reply: Reply) -> bool:
    return reply.status == 0 or reply.status >= _SERVER_ERROR or reply.status == 401


def _read(reply: Reply) -> CallReply:
    if not reply.is_answer:
        what = reply.reason or f"HTTP {reply.status}"
        return CallReply(error="call-refused", message=f"The server gave no answer: {what}")
    try:
        return _REPLY.decode(reply.body)
    except msgspec.MsgspecError as error:
        return CallReply(error="bad-answer", message=f"The server's answer is unreadable: {error}")
