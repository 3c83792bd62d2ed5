"""The attempts this worker runs: from claim to finish."""

import os
import signal
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from tradewind.core.states import LegState
from tradewind.protocol.child import MASK, Ask, Done, FromTask, LogRecord, Push, Told
from tradewind.protocol.exchange import Call
from tradewind.protocol.masking import Masker, secrets_of
from tradewind.protocol.orders import Cancel, TaskOrder
from tradewind.protocol.reports import Finish, LogChunk, XComPush
from tradewind.runtime.kernel import signal_group
from tradewind.runtime.strays import end_strays, mark_of
from tradewind.worker.link import Link
from tradewind.worker.logs import AttemptLog, open_log
from tradewind.worker.loop import Loop
from tradewind.worker.pool import Pool
from tradewind.worker.questions import Questions, told
from tradewind.worker.rendered import hide_fields
from tradewind.worker.timers import Timer

KILL_AFTER_SECONDS = 5.0
"""From TERM to KILL: the time ``on_kill`` has."""

BACKSTOP_SECONDS = 30.0
"""How much longer than its execution_timeout a task may run before it is ended from outside: it
ends itself, unless it is stuck in code that lets no signal through."""

_REMEMBERED = 4096


class Ledger(Protocol):
    """Where ends and XComs of attempts go."""

    def add_finish(self, finish: Finish) -> None:
        """Owe the end of an attempt."""

    def add_xcom(self, xcom: XComPush) -> None:
        """Owe an XCom."""

    def add_log(self, chunk: LogChunk) -> None:
        """Owe a piece of a log."""


class Ending(NamedTuple):
    """How and why an attempt is being ended from outside."""

    outcome: LegState
    reason: str


class Attempt:
    """One attempt that runs, or whose process is about to go."""

    def __init__(self, order: TaskOrder, log: AttemptLog) -> None:
        """No process yet."""
        self.order = order
        self.log = log
        self.link: Link | None = None
        self.pid = 0
        self.ending: Ending | None = None
        self.is_finished = False
        self.timers: list[Timer] = []


class Attempts:
    """Takes claims, watches their processes, reports how they ended: each exactly once."""

    def __init__(
        self,
        loop: Loop,
        pool: Pool,
        ledger: Ledger,
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
        self._live: dict[int, Attempt] = {}
        self._seen: set[tuple[int, int]] = set()
        self._seen_order: deque[tuple[int, int]] = deque()
        self.log_root: str | None = None
        self.watch_lease: Callable[[], None] = lambda: None
        """Ends all that runs here if the lease is over: a zygote may have noticed that first."""

    @property
    def running(self) -> tuple[int, ...]:
        """Ids of attempts that have not finished."""
        return tuple(key for key, one in self._live.items() if not one.is_finished)

    @property
    def is_empty(self) -> bool:
        """Whether no process is left, not even one that has said its last word."""
        return not self._live

    def take(self, order: TaskOrder) -> None:
        """Have a claim forked. One that was seen before is not run again."""
        if not self._is_new(order):
            return
        attempt = Attempt(order, self._open_log(order))
        try:
            attempt.link = Link(
                self._loop,
                lambda message: self._on_message(attempt, message),
                lambda data: self._on_output(attempt, data),
            )
        except OSError:
            self.give_back(order)
            return
        attempt.log.header(order, self._name)
        self._live[order.attempt_id] = attempt
        if order.execution_timeout_seconds is not None:
            limit = order.execution_timeout_seconds + BACKSTOP_SECONDS
            reason = "It ran longer than its execution_timeout and did not end by itself"
            self._later(attempt, limit, lambda: self._end(attempt, Ending(LegState.FAILED, reason)))
        self._pool.fork(order, attempt.link.child_fds)

    def give_back(self, order: TaskOrder) -> None:
        """Return a claim that was never forked: the try is given again at no cost."""
        self._report(order, LegState.RETURNED)

    def cancel(self, cancel: Cancel) -> None:
        """End an attempt: TERM, then KILL. Said again, it changes nothing."""
        attempt = self._live.get(cancel.attempt_id)
        if attempt is not None and attempt.order.epoch == cancel.epoch:
            self._end(attempt, Ending(LegState.KILLED, cancel.reason))

    def end_all(self, outcome: LegState, reason: str) -> None:
        """End everything that runs: TERM, then KILL."""
        for attempt in tuple(self._live.values()):
            self._end(attempt, Ending(outcome, reason))

    def note(self, order: TaskOrder, text: str) -> None:
        """Say something in an attempt's log."""
        attempt = self._live.get(order.attempt_id)
        if attempt is not None:
            attempt.log.say("warning", text)

    # ------------------------------------------------------------------ what zygotes report

    def on_forked(self, key: int, pid: int) -> None:
        """Note the process; if its end was wished before it was born, it comes now."""
        attempt = self._live.get(key)
        if attempt is not None:
            attempt.pid = pid
            if attempt.ending is not None:
                self._terminate(attempt)

    def on_exited(self, key: int, pid: int, status: int) -> None:
        """Take leave of a process; one that said no last word has failed."""
        attempt = self._live.get(key)
        if attempt is None:
            return
        if pid == 0:
            self._finish(attempt, LegState.RETURNED)
        else:
            self.watch_lease()
            self._finish_unheard(
                attempt, Ending(LegState.FAILED, f"Its process {describe_status(status)}")
            )
        self._forget(attempt)

    def on_zygote_lost(self, key: int, *, was_sent: bool) -> None:
        """End what outlived its zygote; it dies of that anyway, its own processes may not."""
        attempt = self._live.get(key)
        if attempt is None:
            return
        if attempt.pid:
            signal_group(attempt.pid, signal.SIGKILL)
            end_strays([mark_of(attempt.order)])
        if was_sent:
            reason = "The process it was forked from ended, and it with it"
            self._finish_unheard(attempt, Ending(LegState.LOST, reason))
        else:
            self._finish(attempt, LegState.RETURNED)
        self._forget(attempt)

    # ------------------------------------------------------------------ what tasks say

    def _on_message(self, attempt: Attempt, message: FromTask) -> None:
        if attempt.is_finished:
            return
        if isinstance(message, LogRecord):
            attempt.log.record(message)
            attempt.log.flush()
        elif isinstance(message, Done):
            self._on_done(attempt, message)
        elif isinstance(message, Push):
            self._ledger.add_xcom(message.xcom)
        elif isinstance(message, Ask):
            self._ask(attempt, message)

    def _on_output(self, attempt: Attempt, data: bytes) -> None:
        if not attempt.is_finished:
            attempt.log.output(data)
            attempt.log.flush()

    def _on_done(self, attempt: Attempt, done: Done) -> None:
        """The last word counts at once: its process has only to go, and need not be waited for."""
        if attempt.link is not None:
            attempt.link.drain_output()
        outcome = LegState(done.outcome)
        if outcome is LegState.KILLED:
            self.watch_lease()
        if attempt.ending is not None and outcome is not LegState.SUCCESS:
            self._finish(attempt, attempt.ending.outcome, attempt.ending.reason, done)
        else:
            self._finish(attempt, outcome, done.error, done)
        self._later(attempt, KILL_AFTER_SECONDS, lambda: self._kill(attempt))

    def _ask(self, attempt: Attempt, ask: Ask) -> None:
        order, link = attempt.order, attempt.link
        if link is not None:
            if ask.verb == MASK:
                self._masker.lend(order.attempt_id, secrets_of(ask))
                link.tell(Told(number=ask.number))
            else:
                self.carry(order, ask, link.tell, lambda: link.is_open)

    def carry(
        self,
        order: TaskOrder,
        ask: Ask,
        tell: Callable[[Told], None],
        is_wanted: Callable[[], bool],
    ) -> None:
        """Carry a question asked on behalf of an attempt to the server, and its answer back.

        What an import has hidden stays so: every task forked from it holds the value.
        """
        if ask.verb == MASK:
            self._masker.add(secrets_of(ask))
            tell(Told(number=ask.number))
            return
        call = Call(
            verb=ask.verb,
            args=ask.args,
            attempt_id=order.attempt_id,
            epoch=order.epoch,
            token=order.token,
        )
        self._questions.ask(call, is_wanted, lambda reply: tell(told(ask, reply, self._masker)))

    # ------------------------------------------------------------------ ending

    def _end(self, attempt: Attempt, ending: Ending) -> None:
        if attempt.is_finished or attempt.ending is not None:
            return
        attempt.ending = ending
        attempt.log.say("warning", f"This attempt is being ended: {ending.reason}")
        attempt.log.flush()
        if attempt.pid:
            self._terminate(attempt)
        elif self._pool.withdraw(attempt.order.attempt_id):
            self._finish(attempt, ending.outcome, ending.reason)
            self._forget(attempt)

    def _terminate(self, attempt: Attempt) -> None:
        signal_group(attempt.pid, signal.SIGTERM)
        # A stopped process would sleep on its TERM for ever.
        signal_group(attempt.pid, signal.SIGCONT)
        self._later(attempt, KILL_AFTER_SECONDS, lambda: self._kill(attempt))

    def _kill(self, attempt: Attempt) -> None:
        if attempt.order.attempt_id in self._live:
            signal_group(attempt.pid, signal.SIGKILL)

    def _finish_unheard(self, attempt: Attempt, ending: Ending) -> None:
        """Finish an attempt whose process is gone, by its last word if that is still to be read."""
        if attempt.link is not None:
            attempt.link.drain()
        if not attempt.is_finished:
            outcome, reason = attempt.ending or ending
            self._finish(attempt, outcome, reason)

    def _finish(
        self, attempt: Attempt, outcome: LegState, error: str = "", done: Done | None = None
    ) -> None:
        if attempt.is_finished:
            return
        attempt.is_finished = True
        if error and done is None:
            attempt.log.say("error", error)
        attempt.log.close()
        if attempt.link is not None:
            attempt.link.close()
        self._report(attempt.order, outcome, error, done, attempt.pid)

    def _report(
        self,
        order: TaskOrder,
        outcome: LegState,
        error: str = "",
        done: Done | None = None,
        pid: int = 0,
    ) -> None:
        self._ledger.add_finish(
            Finish(
                attempt_id=order.attempt_id,
                epoch=order.epoch,
                token=order.token,
                outcome=outcome,
                started_at=_moment(done.started_at) if done else None,
                ended_at=_moment(done.ended_at) if done else self._loop.clock.now(),
                pid=pid or (done.pid if done else 0) or None,
                xcoms=done.xcoms if done else (),
                called=done.called if done else "",
                retry=done.retry if done else True,
                error=self._masker.hide(error),
                wake_at=_moment(done.wake_at) if done and done.wake_at is not None else None,
                skips=done.skips if done else (),
                asset_events=done.asset_events if done else (),
                clears_state=done.clears_state if done else False,
                retry_delay_seconds=done.retry_delay_seconds if done else None,
                retry_reason=done.retry_reason if done else "",
                deferral=done.deferral if done else None,
                input_request=done.input_request if done else None,
                rendered=hide_fields(done.rendered, self._masker) if done else b"",
                map_label=self._masker.hide(done.map_label) if done else "",
                links=_hidden(done.links, self._masker) if done else {},
            )
        )

    def _forget(self, attempt: Attempt) -> None:
        for timer in attempt.timers:
            timer.cancel()
        self._live.pop(attempt.order.attempt_id, None)
        self._masker.take_back(attempt.order.attempt_id)

    def _later(self, attempt: Attempt, seconds: float, action: Callable[[], None]) -> None:
        moment = self._loop.clock.monotonic() + seconds
        attempt.timers.append(self._loop.timers.at(moment, action))

    def _is_new(self, order: TaskOrder) -> bool:
        key = (order.attempt_id, order.epoch)
        if key in self._seen:
            return False
        self._seen.add(key)
        self._seen_order.append(key)
        if len(self._seen_order) > _REMEMBERED:
            self._seen.discard(self._seen_order.popleft())
        return True

    def _open_log(self, order: TaskOrder) -> AttemptLog:
        return open_log(
            self.log_root,
            order.attempt_id,
            order.log_path,
            self._ledger.add_log,
            self._masker,
            self._loop.clock,
        )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def describe_status(status: int) -> str:
    """Say in a few words how a process ended that said no last word.

    Example:
        >>> describe_status(9)
        'was killed by signal 9 (out of memory?)'
        >>> describe_status(256)
        'exited with code 1'
    """
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hint = " (out of memory?)" if number == signal.SIGKILL else ""
        return f"was killed by signal {number}{hint}"
    return f"exited with code {os.WEXITSTATUS(status)}"


def _hidden(links: dict[str, str], masker: Masker) -> dict[str, str]:
    return {masker.hide(name): masker.hide(address) for name, address in links.items()}
