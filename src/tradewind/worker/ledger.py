"""What the worker owes the server, and which requests it will never read an answer to.

Pure bookkeeping of one registration; see ``protocol.exchange`` for the rules it keeps.
"""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from tradewind.protocol.callbacks import CallbackReport
from tradewind.protocol.exchange import Answer, Exchange
from tradewind.protocol.reports import Finish, LogChunk, ParseReport, XComPush

MAX_XCOM_BYTES = 32 * 1024 * 1024
"""XComs in one request; what is more follows in the next ones."""

MAX_LOG_BYTES = 4 * 1024 * 1024
"""Log bytes in one request: more would hold up finishes behind a slow network."""

Ids = tuple[int, ...]


class Holding(NamedTuple):
    """All that a worker holds."""

    held: Ids
    """Attempts."""
    parsing: Ids
    """Parse jobs."""
    calling: Ids = ()
    """Callbacks."""


class Ledger:
    """Things to say, in order, until the server is known to have heard them.

    Only pushes carry them, one at a time, so that nothing overtakes: an XCom is never later than
    the finish of its attempt. Pulls carry nothing but what is held.
    """

    def __init__(self) -> None:
        """Owe nothing."""
        self._seq = 0
        self._open: set[int] = set()
        self._abandoned: set[int] = set()
        self._finishes: dict[int, Finish] = {}
        self._unsaid: set[int] = set()
        self._xcoms: deque[XComPush] = deque()
        self._parsed: deque[ParseReport] = deque()
        self._logs: deque[LogChunk] = deque()
        self._carried: tuple[ParseReport, ...] = ()
        self._called: deque[CallbackReport] = deque()
        self._carried_calls: tuple[CallbackReport, ...] = ()
        self._is_abandoning = False

    @property
    def has_news(self) -> bool:
        """Whether there is something the server has not been told since it last answered."""
        said = self._unsaid or self._xcoms or self._parsed or self._called or self._logs
        return bool(said or self._is_abandoning)

    @property
    def owed(self) -> tuple[Finish, ...]:
        """Finishes that are not yet acknowledged."""
        return tuple(self._finishes.values())

    @property
    def unacknowledged(self) -> frozenset[int]:
        """Attempts that ended but whose end the server may not know: they count as held."""
        return frozenset(self._finishes)

    @property
    def unreported(self) -> Ids:
        """Parse jobs done but not yet reported: they count as held too."""
        return tuple(report.job_id for report in (*self._carried, *self._parsed))

    @property
    def uncalled(self) -> Ids:
        """Callbacks run but not yet reported: they count as held too."""
        return tuple(report.job_id for report in (*self._carried_calls, *self._called))

    def add_finish(self, finish: Finish) -> None:
        """Owe the end of an attempt until it is recorded or refused."""
        self._finishes[finish.attempt_id] = finish
        self._unsaid.add(finish.attempt_id)

    def add_xcom(self, xcom: XComPush) -> None:
        """Owe an XCom of a running task."""
        self._xcoms.append(xcom)

    def add_parsed(self, report: ParseReport) -> None:
        """Owe what a file holds."""
        self._parsed.append(report)

    def add_called(self, report: CallbackReport) -> None:
        """Owe how a callback ended."""
        self._called.append(report)

    def add_log(self, chunk: LogChunk) -> None:
        """Owe a piece of a log."""
        self._logs.append(chunk)

    def pull(self, worker_id: str, holding: Holding, *, draining: bool) -> Exchange:
        """Make a request that waits at the server for work."""
        return self._request(
            Exchange(
                worker_id=worker_id,
                seq=self._seq + 1,
                wait=True,
                draining=draining,
                held=holding.held,
                parsing=holding.parsing,
                calling=holding.calling,
                open=tuple(self._open),
                abandoned=tuple(self._abandoned),
            )
        )

    def push(self, worker_id: str, holding: Holding | None, *, draining: bool) -> Exchange:
        """Make a request that says what there is to say. No other push may be open.

        XComs beyond ``MAX_XCOM_BYTES`` wait for the next one, and with them the finishes of their
        attempts.
        """
        # All that is owed, also what an answer passed over, whenever the lease is renewed.
        said = [*self._unsaid, *(self._finishes.keys() - self._unsaid if holding else ())]
        pushed = self._take_xcoms()
        ends = self._ends_among(said, MAX_XCOM_BYTES - sum(len(one.value) for one in pushed))
        request = Exchange(
            worker_id=worker_id,
            seq=self._seq + 1,
            draining=draining,
            finishes=ends,
            xcoms=pushed,
            parsed=tuple(self._parsed),
            called=tuple(self._called),
            logs=self._take_logs(),
            held=None if holding is None else holding.held,
            parsing=None if holding is None else holding.parsing,
            calling=None if holding is None else holding.calling,
            open=tuple(self._open),
            abandoned=tuple(self._abandoned),
        )
        self._carried, self._carried_calls = request.parsed, request.called
        self._unsaid.difference_update(end.attempt_id for end in ends)
        self._parsed.clear()
        self._called.clear()
        return self._request(request)

    def settle(self, request: Exchange, answer: Answer) -> None:
        """Take an answer into account."""
        self._close(request)
        self._abandoned.difference_update(request.abandoned)
        for attempt in answer.recorded + answer.refused:
            self._finishes.pop(attempt, None)
            self._unsaid.discard(attempt)

    def give_up(self, request: Exchange, *, was_seen: bool) -> None:
        """Note that an answer will never be read; what the request said is to be said again."""
        self._close(request)
        if was_seen:
            self._abandoned.add(request.seq)
            # Claims may wait for nothing else than to hear of it.
            self._is_abandoning = True
        self._unsaid.update(
            one.attempt_id for one in request.finishes if one.attempt_id in self._finishes
        )
        self._xcoms.extendleft(reversed(request.xcoms))
        self._parsed.extendleft(reversed(request.parsed))
        self._called.extendleft(reversed(request.called))
        self._logs.extendleft(reversed(request.logs))

    def start_over(self) -> None:
        """Begin a new registration: only how attempts ended is still worth saying."""
        self._seq = 0
        self._is_abandoning = False
        self._carried, self._carried_calls = (), ()
        self._open.clear()
        self._abandoned.clear()
        self._xcoms.clear()
        self._parsed.clear()
        self._called.clear()
        self._logs.clear()
        self._unsaid = set(self._finishes)

    def _request(self, request: Exchange) -> Exchange:
        self._seq = request.seq
        self._is_abandoning = False
        self._open.add(request.seq)
        return request

    def _close(self, request: Exchange) -> None:
        self._open.discard(request.seq)
        if not request.wait:
            self._carried, self._carried_calls = (), ()

    def _take_xcoms(self) -> tuple[XComPush, ...]:
        taken: list[XComPush] = []
        room = MAX_XCOM_BYTES
        while self._xcoms and (room >= len(self._xcoms[0].value) or not taken):
            taken.append(self._xcoms.popleft())
            room -= len(taken[-1].value)
        return tuple(taken)

    def _ends_among(self, said: Iterable[int], room: int) -> tuple[Finish, ...]:
        waits = {one.attempt_id for one in self._xcoms}
        ends: list[Finish] = []
        for attempt in said:
            end = self._finishes[attempt]
            size = sum(len(one.value) for one in end.xcoms)
            # One that is larger than all the room goes alone, or it would never go.
            is_alone = not ends and room == MAX_XCOM_BYTES
            if attempt not in waits and (size <= room or is_alone):
                ends.append(end)
                room -= size
        return tuple(ends)

    def _take_logs(self) -> tuple[LogChunk, ...]:
        taken: list[LogChunk] = []
        room = MAX_LOG_BYTES
        while self._logs and room > 0:
            chunk = self._logs.popleft()
            room -= len(chunk.data)
            taken.append(chunk)
        return tuple(taken)
