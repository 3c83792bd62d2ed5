"""The callbacks this worker runs for the server: each in a process of its file's zygote."""

import signal
from collections.abc import Callable
from functools import partial
from typing import Protocol

from tradewind.protocol.callbacks import CallbackOrder, CallbackReport, Called, callback_key
from tradewind.protocol.child import MASK, Ask, FromTask, LogRecord, Told
from tradewind.protocol.exchange import Call
from tradewind.protocol.masking import Masker, secrets_of
from tradewind.protocol.reports import LogChunk
from tradewind.protocol.timetables import KIND
from tradewind.runtime.kernel import signal_group
from tradewind.worker.attempts import describe_status
from tradewind.worker.link import Link
from tradewind.worker.logs import AttemptLog, open_log
from tradewind.worker.loop import Loop
from tradewind.worker.pool import Pool
from tradewind.worker.questions import Questions, told
from tradewind.worker.timers import Timer

_BACKSTOP_SECONDS = 10.0


class CallbackLedger(Protocol):
    """Where reports and logs go."""

    def add_called(self, report: CallbackReport) -> None:
        """Owe how a callback ended."""

    def add_log(self, chunk: LogChunk) -> None:
        """Owe a piece of a log."""


class _Callback:
    def __init__(self, order: CallbackOrder, log: AttemptLog) -> None:
        self.order = order
        self.log = log
        self.link: Link | None = None
        self.pid = 0
        self.backstop: Timer | None = None


class Callbacks:
    """Runs callbacks, and reports how each ended, once for each claim."""

    def __init__(
        self,
        loop: Loop,
        pool: Pool,
        ledger: CallbackLedger,
        masker: Masker,
        questions: Questions,
        name: str,
    ) -> None:
        """Run nothing yet."""
        self._loop = loop
        self._pool = pool
        self._ledger = ledger
        self._masker = masker
        self._questions = questions
        self._name = name
        self._live: dict[int, _Callback] = {}
        self.log_root: str | None = None

    @property
    def held(self) -> tuple[int, ...]:
        """Job ids that are not reported yet."""
        return tuple(self._live)

    def take(self, order: CallbackOrder) -> None:
        """Have a callback forked."""
        if order.job_id in self._live:
            return
        one = _Callback(order, self._open_log(order))
        try:
            one.link = Link(
                self._loop, partial(self._on_message, one), partial(self._on_output, one)
            )
        except OSError as error:
            self._say(one, f"No process can be started for it: {error}")
            return
        one.log.say("info", self._header(order))
        self._live[order.job_id] = one
        limit = self._loop.clock.monotonic() + order.timeout_seconds + _BACKSTOP_SECONDS
        one.backstop = self._loop.timers.at(limit, partial(self._kill, one))
        self._pool.fork(order, one.link.child_fds)

    def drop_all(self) -> None:
        """End all: somebody else will be asked."""
        for one in tuple(self._live.values()):
            if not self._pool.withdraw(callback_key(one.order.job_id)):
                self._kill(one)
            self._close(one)

    def note(self, order: CallbackOrder, text: str) -> None:
        """Say something in a callback's log."""
        one = self._live.get(order.job_id)
        if one is not None:
            one.log.say("warning", text)

    def on_forked(self, job_id: int, pid: int) -> None:
        """Note the process of a callback."""
        one = self._live.get(job_id)
        if one is not None:
            one.pid = pid

    def on_exited(self, job_id: int, pid: int, status: int) -> None:
        """Report a callback whose process said nothing before it ended."""
        one = self._live.get(job_id)
        if one is None:
            return
        if one.link is not None:
            one.link.drain()
        if job_id in self._live:
            how = describe_status(status) if pid else "could not be started"
            self._say(one, f"Its process {how}")

    def on_zygote_lost(self, job_id: int) -> None:
        """Report a callback that went down with its zygote, unless it had said its last word."""
        one = self._live.get(job_id)
        if one is None:
            return
        if one.link is not None:
            one.link.drain()
        if job_id in self._live:
            self._kill(one)
            self._say(one, "The process it was forked from ended, and it with it")

    def carry(self, order: CallbackOrder, ask: Ask, tell: Callable[[Told], None]) -> None:
        """Carry a question asked on behalf of a callback to the server, and its answer back."""
        if ask.verb == MASK:
            self._masker.add(secrets_of(ask))
            tell(Told(number=ask.number))
            return
        call = Call(verb=ask.verb, args=ask.args, callback_job=order.job_id, epoch=order.epoch)
        self._questions.ask(call, lambda: True, lambda reply: tell(told(ask, reply, self._masker)))

    def _on_message(self, one: _Callback, message: FromTask) -> None:
        if one.order.job_id not in self._live:
            return
        if isinstance(message, Called):
            if one.link is not None:
                one.link.drain_output()
            self._report(one, message)
        elif isinstance(message, LogRecord):
            one.log.record(message)
            one.log.flush()
        elif isinstance(message, Ask):
            self._ask(one, message)

    def _on_output(self, one: _Callback, data: bytes) -> None:
        if one.order.job_id in self._live:
            one.log.output(data)
            one.log.flush()

    def _ask(self, one: _Callback, ask: Ask) -> None:
        if one.link is not None:
            self.carry(one.order, ask, one.link.tell)

    def _say(self, one: _Callback, error: str) -> None:
        one.log.say("error", error)
        self._report(one, Called(is_done=False, error=error, done=one.order.done))

    def _report(self, one: _Callback, called: Called) -> None:
        order = one.order
        self._ledger.add_called(
            CallbackReport(
                job_id=order.job_id,
                epoch=order.epoch,
                is_done=called.is_done,
                error=self._masker.hide(called.error),
                done=called.done,
                moment=called.moment,
                answer=called.answer,
            )
        )
        self._close(one)

    def _close(self, one: _Callback) -> None:
        self._live.pop(one.order.job_id, None)
        if one.backstop is not None:
            one.backstop.cancel()
        one.log.close()
        if one.link is not None:
            one.link.close()

    def _kill(self, one: _Callback) -> None:
        if one.pid:
            signal_group(one.pid, signal.SIGKILL)
            one.pid = 0

    def _header(self, order: CallbackOrder) -> str:
        if order.kind == KIND:
            return f"The timetable of '{order.run.dag_id}' is asked on worker '{self._name}'"
        what = f"on_{order.event}_callback" if order.event else order.kind
        whose = order.run.dag_id if order.task is None else order.task.task_id
        run = order.run.run_id
        tried = f"try {order.try_number}, callback_id {order.callback_id}"
        return f"{what} of '{whose}' in {run} on worker '{self._name}' ({tried})"

    def _open_log(self, order: CallbackOrder) -> AttemptLog:
        return open_log(
            self.log_root,
            callback_key(order.job_id),
            order.log_path,
            self._ledger.add_log,
            self._masker,
            self._loop.clock,
        )
