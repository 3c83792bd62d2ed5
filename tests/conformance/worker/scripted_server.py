"""A server for workers, in this process: the work API as a script decides it.

It keeps the rules of ``protocol.exchange`` over a few dicts, so that any worker can be driven by it
over real HTTP: claims are given up to the worker's slots, lost answers' claims are given again,
finishes are recorded once.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from tradewind.protocol.callbacks import CallbackOrder, CallbackReport
from tradewind.protocol.exchange import (
    Answer,
    Call,
    CallReply,
    Exchange,
    Goodbye,
    Register,
    Registered,
)
from tradewind.protocol.orders import Cancel, ParseOrder, TaskOrder
from tradewind.protocol.reports import Finish, ParseReport, XComPush
from tradewind.protocol.triggers import Fired, TriggerCancel, TriggerOrder

TOKEN = "opens-the-work-api"
WAIT_SECONDS = 30.0

_encode = msgspec.msgpack.Encoder().encode

# Made here, by one thread: what a type is made of is found out at its first use, and two threads
# that do so at once crash the interpreter.
_REGISTER = msgspec.msgpack.Decoder(Register)
_EXCHANGE = msgspec.msgpack.Decoder(Exchange)
_CALL = msgspec.msgpack.Decoder(Call)
_GOODBYE = msgspec.msgpack.Decoder(Goodbye)


class RefusalError(Exception):
    """Answer with this status and body instead."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class HangUpError(Exception):
    """Close the connection without an answer."""


DATABASE_DOWN = RefusalError(503, b'{"code": "database-unavailable"}')


class ScriptedServer:
    """Queues of work, records of what came back, and switches for what goes wrong."""

    def __init__(self) -> None:
        self.terms: dict[str, Any] = {"renew_seconds": 0.5, "fence_seconds": 20.0}
        self.log_root: str | None = None
        self.masks: tuple[str, ...] = ()
        self.variables: dict[str, str] = {}
        self.connections: dict[str, dict[str, Any]] = {}
        self.stored_xcoms: dict[tuple[str, str], bytes] = {}
        self.secret_values: set[str] = set()
        self.before: Callable[[Exchange], None] = lambda request: None
        """Called with each exchange before it is looked at; may raise one of the two above."""
        self.after: Callable[[Exchange, Answer], None] = lambda request, answer: None
        """Called once it has had its effect; may raise HangUpError: the answer is lost."""
        self._speaks = threading.Event()
        self._speaks.set()
        self.calls: list[Call] = []
        self.exchanges: list[Exchange] = []
        self.finishes: dict[int, list[Finish]] = {}
        self.recorded: dict[int, Finish] = {}
        self.refuse: set[int] = set()
        self.xcoms: list[XComPush] = []
        self.reports: list[ParseReport] = []
        self.called: list[CallbackReport] = []
        self.fired: dict[int, list[Fired]] = {}
        self.blocked: dict[int, str | None] = {}
        self.watched: tuple[int, ...] = ()
        self.logs: dict[int, bytearray] = {}
        self.registered: list[Register] = []
        self.goodbyes: list[Goodbye] = []
        self.given: list[int] = []
        self.lost: list[int] = []
        self._queue_nothing()
        self._changed = threading.Condition()
        self._http = _HttpServer(("127.0.0.1", 0), _Handler)
        self._http.script = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()

    def _queue_nothing(self) -> None:
        self._live: dict[int, tuple[TaskOrder, int]] = {}
        self._parsing: dict[int, ParseOrder] = {}
        self._ready: deque[TaskOrder] = deque()
        self._parses: deque[ParseOrder] = deque()
        self._owed: deque[CallbackOrder] = deque()
        self._cancels: deque[Cancel] = deque()
        self._triggers: deque[TriggerOrder] = deque()
        self._unwatched: deque[TriggerCancel] = deque()
        self._slots = 0
        self._parse_slots = 0
        self._known = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def is_silent(self) -> bool:
        """Whether requests are taken and not answered."""
        return not self._speaks.is_set()

    @is_silent.setter
    def is_silent(self, value: bool) -> None:
        if value:
            self._speaks.clear()
        else:
            self._speaks.set()

    def close(self) -> None:
        self.is_silent = False
        self._http.is_closing = True
        with self._changed:
            self._changed.notify_all()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    # what a test does

    def give(self, *orders: TaskOrder) -> None:
        with self._changed:
            self._ready.extend(orders)
            self._changed.notify_all()

    def give_parse(self, *orders: ParseOrder) -> None:
        with self._changed:
            self._parses.extend(orders)
            self._changed.notify_all()

    def give_callback(self, *orders: CallbackOrder) -> None:
        with self._changed:
            self._owed.extend(orders)
            self._changed.notify_all()

    def give_trigger(self, *orders: TriggerOrder) -> None:
        with self._changed:
            self._triggers.extend(orders)
            self._changed.notify_all()

    def end_trigger(self, order: TriggerOrder, *, kill: bool) -> None:
        with self._changed:
            self._unwatched.append(
                TriggerCancel(
                    trigger_id=order.trigger_id, epoch=order.epoch, reason="cleared", is_kill=kill
                )
            )
            self._changed.notify_all()

    def wait_fired(self, order: TriggerOrder, seconds: float = WAIT_SECONDS) -> Fired:
        fired: list[Fired] = self.wait_for(lambda: self.fired.get(order.trigger_id), seconds)
        return fired[-1]

    def give_twice(self, order: TaskOrder) -> None:
        """Give a claim that was given already, as a server that answers twice would."""
        with self._changed:
            self._ready.append(order)
            self._changed.notify_all()

    def cancel(self, order: TaskOrder, reason: str = "cleared by a person") -> None:
        with self._changed:
            self._cancels.append(
                Cancel(attempt_id=order.attempt_id, epoch=order.epoch, reason=reason)
            )
            self._changed.notify_all()

    def forget_worker(self) -> None:
        """Let the lease be over, as after it ran out."""
        with self._changed:
            self._known = ""
            self._changed.notify_all()

    def wait_for(self, what: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
        """Wait until ``what`` answers something true; anything the worker says wakes us."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not (answer := what()):
                left = deadline - time.monotonic()
                assert left > 0, f"Nothing came of it in {seconds} s"
                self._changed.wait(min(left, 0.05))
            return answer

    def wait_recorded(self, order: TaskOrder, seconds: float = WAIT_SECONDS) -> Finish:
        return self.wait_for(lambda: self.recorded.get(order.attempt_id), seconds)

    # what a worker does

    def serve(self, path: str, body: bytes) -> msgspec.Struct | None:
        if path == "/work/register":
            return self._register(_REGISTER.decode(body))
        if path == "/work/exchange":
            return self._exchange(_EXCHANGE.decode(body))
        if path == "/work/call":
            return self._call(_CALL.decode(body))
        with self._changed:
            self.goodbyes.append(_GOODBYE.decode(body))
            self._changed.notify_all()
        return None

    def _register(self, register: Register) -> Registered:
        with self._changed:
            self.registered.append(register)
            self._slots, self._parse_slots = register.slots, register.parse_slots
            self._known = f"worker-{len(self.registered)}"
            self._live.clear()
            self._parsing.clear()
            self._changed.notify_all()
            return Registered(
                worker_id=self._known, log_root=self.log_root, masks=self.masks, **self.terms
            )

    def _exchange(self, request: Exchange) -> Answer:
        self._speaks.wait()
        self.before(request)
        with self._changed:
            self.exchanges.append(request)
            if request.worker_id != self._known:
                return Answer(known=False)
            recorded, refused = self._take(request)
            if request.wait and not (recorded or refused):
                deadline = time.monotonic() + self.terms["renew_seconds"]
                while not self._has_news(request) and (left := deadline - time.monotonic()) > 0:
                    self._changed.wait(left)
            if request.worker_id != self._known:
                return Answer(known=False)
            answer = self._answer(request, recorded, refused)
            self._changed.notify_all()
        self.after(request, answer)
        return answer

    def _take(self, request: Exchange) -> tuple[list[int], list[int]]:
        recorded: list[int] = []
        refused: list[int] = []
        for finish in request.finishes:
            self.finishes.setdefault(finish.attempt_id, []).append(finish)
            if finish.attempt_id in self.refuse:
                refused.append(finish.attempt_id)
            else:
                self.recorded.setdefault(finish.attempt_id, finish)
                recorded.append(finish.attempt_id)
            self._live.pop(finish.attempt_id, None)
        self.xcoms += request.xcoms
        for report in request.parsed:
            if self._parsing.pop(report.job_id, None) is not None:
                self.reports.append(report)
        self.called += request.called
        for fired in request.fired:
            self.fired.setdefault(fired.trigger_id, []).append(fired)
        self.blocked |= request.blocked or {}
        if request.triggers_held is not None:
            self.watched = request.triggers_held
        for chunk in request.logs:
            data = self.logs.setdefault(chunk.attempt_id, bytearray())
            data[chunk.offset : chunk.offset + len(chunk.data)] = chunk.data
        self._find_lost(request, recorded + refused)
        return recorded, refused

    def _find_lost(self, request: Exchange, finished: list[int]) -> None:
        for attempt, (order, seq) in tuple(self._live.items()):
            if seq in request.abandoned:
                del self._live[attempt]
                self._ready.appendleft(order)
            elif (
                request.held is not None
                and seq < request.seq
                and attempt not in request.held
                and attempt not in finished
                and seq not in request.open
            ):
                del self._live[attempt]
                self.lost.append(attempt)

    def _has_news(self, request: Exchange) -> bool:
        if self._http.is_closing or request.worker_id != self._known or self._cancels:
            return True
        if request.draining:
            return False
        if self._owed or self._triggers or self._unwatched:
            return True
        has_task = bool(self._ready) and len(self._live) < self._slots
        return has_task or (bool(self._parses) and len(self._parsing) < self._parse_slots)

    def _answer(self, request: Exchange, recorded: list[int], refused: list[int]) -> Answer:
        claims: list[TaskOrder] = []
        parses: list[ParseOrder] = []
        if not request.draining:
            while self._ready and len(self._live) < self._slots:
                order = self._ready.popleft()
                self._live[order.attempt_id] = (order, request.seq)
                self.given.append(order.attempt_id)
                claims.append(order)
            while self._parses and len(self._parsing) < self._parse_slots:
                parse = self._parses.popleft()
                self._parsing[parse.job_id] = parse
                parses.append(parse)
        owed = tuple(self._owed) if not request.draining else ()
        self._owed.clear()
        cancels = tuple(self._cancels)
        self._cancels.clear()
        triggers = tuple(self._triggers) if request.trigger_room else ()
        unwatched = tuple(self._unwatched)
        if request.trigger_room:
            self._triggers.clear()
        self._unwatched.clear()
        return Answer(
            claims=tuple(claims),
            parses=tuple(parses),
            callbacks=owed,
            cancels=cancels,
            recorded=tuple(recorded),
            refused=tuple(refused),
            triggers=triggers,
            trigger_cancels=unwatched,
            fired_recorded=tuple((one.trigger_id, one.epoch) for one in request.fired),
        )

    def _call(self, call: Call) -> CallReply:
        self._speaks.wait()
        with self._changed:
            self.calls.append(call)
            value: object = None
            args = call.args
            if call.verb == "variable.get":
                value = self.variables.get(str(args["key"]))
            elif call.verb == "variable.set":
                self.variables[str(args["key"])] = str(args["value"])
            elif call.verb == "connection.get":
                value = self.connections.get(str(args["conn_id"]))
            elif call.verb == "xcom.get":
                value = self.stored_xcoms.get((str(args["task_id"]), str(args["key"])))
            elif call.verb == "xcom.get_many":
                value = []
            masks = (value,) if isinstance(value, str) and value in self.secret_values else ()
            return CallReply(value=value, masks=masks)


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    script: ScriptedServer
    is_closing = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _HttpServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._send(401, b"")
            return
        try:
            answer = self.server.script.serve(self.path, body)
        except RefusalError as refusal:
            self._send(refusal.status, refusal.body)
        except HangUpError:
            self.close_connection = True
        else:
            self._send(200, _encode(answer) if answer is not None else b"")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
