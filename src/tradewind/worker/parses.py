"""The Dag files this worker parses: each in a process that may hang, end or eat memory."""

import signal
from collections import deque
from functools import partial
from typing import Protocol

import msgspec

from tradewind.protocol.child import MASK, Ask, FromTask, LogRecord, Parsed, Told
from tradewind.protocol.exchange import Call
from tradewind.protocol.masking import Masker, secrets_of
from tradewind.protocol.orders import ParseOrder
from tradewind.protocol.reports import ImportFault, ParseReport
from tradewind.runtime.kernel import signal_group
from tradewind.worker.attempts import describe_status
from tradewind.worker.link import Link
from tradewind.worker.loop import Loop
from tradewind.worker.pool import Pool
from tradewind.worker.questions import Questions, told
from tradewind.worker.timers import Timer

_BACKSTOP_SECONDS = 10.0
_HOLD_SECONDS = 0.5
_MAX_STARTS = 3
_TAIL_BYTES = 4000


class ParseLedger(Protocol):
    """Where reports go."""

    def add_parsed(self, report: ParseReport) -> None:
        """Owe what a file holds."""


class _Parse:
    def __init__(self, order: ParseOrder) -> None:
        self.order = order
        self.link: Link | None = None
        self.pid = 0
        self.starts = 0
        self.started = 0.0
        self.tail = b""
        self.backstop: Timer | None = None


class Parses:
    """Parses a few files at once; the others wait their turn."""

    def __init__(
        self,
        loop: Loop,
        pool: Pool,
        ledger: ParseLedger,
        masker: Masker,
        questions: Questions,
        slots: int,
    ) -> None:
        """Parse nothing yet."""
        self._loop = loop
        self._pool = pool
        self._ledger = ledger
        self._masker = masker
        self._questions = questions
        self._slots = slots
        self._waiting: deque[_Parse] = deque()
        self._held_back: list[_Parse] = []
        self._live: dict[int, _Parse] = {}

    @property
    def held(self) -> tuple[int, ...]:
        """Job ids that are not reported yet."""
        idle = (*self._waiting, *self._held_back)
        return (*self._live, *(parse.order.job_id for parse in idle))

    def take(self, order: ParseOrder) -> None:
        """Parse a file as soon as there is room."""
        if order.job_id not in self.held:
            self._waiting.append(_Parse(order))
            self._start_some()

    def drop_all(self) -> None:
        """End all: somebody else will be asked."""
        self._waiting.clear()
        self._held_back.clear()
        for parse in tuple(self._live.values()):
            self._kill(parse)
            self._close(parse)

    def on_forked(self, job_id: int, pid: int) -> None:
        """Note the process of a parse."""
        parse = self._live.get(job_id)
        if parse is not None:
            parse.pid = pid

    def on_exited(self, job_id: int, pid: int, status: int) -> None:
        """Report a fault for a file whose process said nothing before it ended."""
        parse = self._live.get(job_id)
        if parse is None:
            return
        if parse.link is not None:
            parse.link.drain()
        if job_id not in self._live:
            return
        if pid == 0:
            self._hold(parse)
        else:
            self._report_fault(parse, self._why_silent(parse, status))

    def on_zygote_lost(self, job_id: int) -> None:
        """Parse again what went down with the base zygote, or had no process of it yet."""
        parse = self._live.get(job_id)
        if parse is None:
            return
        parse.starts += parse.pid > 0
        if parse.starts >= _MAX_STARTS:
            why = f"The process that imported {parse.order.file} ended with the one it came from"
            self._report_fault(parse, f"{why}, {parse.starts} times")
        else:
            self._hold(parse)

    def _start_some(self) -> None:
        while self._waiting and len(self._live) < self._slots:
            parse = self._waiting.popleft()
            try:
                parse.link = Link(
                    self._loop,
                    partial(self._on_message, parse),
                    partial(self._on_output, parse),
                )
            except OSError:
                # No descriptors now; the next parse that ends makes room.
                self._waiting.appendleft(parse)
                return
            parse.started = self._loop.clock.monotonic()
            parse.tail = b""
            self._live[parse.order.job_id] = parse
            limit = parse.started + parse.order.timeout_seconds + _BACKSTOP_SECONDS
            parse.backstop = self._loop.timers.at(limit, partial(self._kill, parse))
            self._pool.parse(parse.order, parse.link.child_fds)

    def _on_message(self, parse: _Parse, message: FromTask) -> None:
        if isinstance(message, Parsed):
            self._report(parse, message.report)
        elif isinstance(message, LogRecord):
            self._on_output(parse, f"{message.event}\n{message.error_detail}".encode())
        elif isinstance(message, Ask) and parse.link is not None:
            self._ask(parse.order, message, parse.link)

    def _on_output(self, parse: _Parse, data: bytes) -> None:
        parse.tail = (parse.tail + data)[-_TAIL_BYTES:]

    def _ask(self, order: ParseOrder, ask: Ask, link: Link) -> None:
        if ask.verb == MASK:
            self._masker.lend(-order.job_id, secrets_of(ask))
            link.tell(Told(number=ask.number))
            return
        call = Call(verb=ask.verb, args=ask.args, job_id=order.job_id, epoch=order.epoch)
        self._questions.ask(
            call, lambda: link.is_open, lambda reply: link.tell(told(ask, reply, self._masker))
        )

    def _report(self, parse: _Parse, report: ParseReport) -> None:
        hide = self._masker.hide
        faults = tuple(
            msgspec.structs.replace(
                fault, message=hide(fault.message), traceback=hide(fault.traceback)
            )
            for fault in report.faults
        )
        self._ledger.add_parsed(msgspec.structs.replace(report, faults=faults))
        self._close(parse)
        self._start_some()

    def _report_fault(self, parse: _Parse, message: str) -> None:
        tail = parse.tail.decode(errors="replace")
        fault = ImportFault(file=parse.order.file, message=message, traceback=tail)
        order = parse.order
        seconds = self._loop.clock.monotonic() - parse.started
        self._report(
            parse,
            ParseReport(
                job_id=order.job_id,
                epoch=order.epoch,
                file=order.file,
                faults=(fault,),
                seconds=seconds,
            ),
        )

    def _why_silent(self, parse: _Parse, status: int) -> str:
        order = parse.order
        lasted = self._loop.clock.monotonic() - parse.started
        if lasted >= order.timeout_seconds:
            return f"{order.file} takes longer than {order.timeout_seconds:g} s to import"
        return f"The process that imported {order.file} {describe_status(status)}"

    def _hold(self, parse: _Parse) -> None:
        """Let a file wait until there can be a process for it; that there is none says nothing."""
        self._close(parse)
        self._held_back.append(parse)
        moment = self._loop.clock.monotonic() + _HOLD_SECONDS
        self._loop.timers.at(moment, self._let_go)

    def _let_go(self) -> None:
        self._waiting.extend(self._held_back)
        self._held_back.clear()
        self._start_some()

    def _close(self, parse: _Parse) -> None:
        self._live.pop(parse.order.job_id, None)
        parse.pid = 0
        self._masker.take_back(-parse.order.job_id)
        if parse.backstop is not None:
            parse.backstop.cancel()
        if parse.link is not None:
            parse.link.close()

    def _kill(self, parse: _Parse) -> None:
        if parse.pid:
            signal_group(parse.pid, signal.SIGKILL)
            parse.pid = 0
