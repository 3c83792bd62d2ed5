"""Forecasts: what timetables of authors' own say of the next runs, asked of workers ahead of time.

The server imports no such class. It keeps the ticks it was told, makes runs of them as they come
due, and asks again when they run low, when the Dag's file changed, or when it was late for so many
that the answer would be another one today.
"""

import hashlib
from datetime import datetime, timedelta

import msgspec

from tradewind.core.spec import DagSpec
from tradewind.core.timetables import RunInfo, Timetable, names_runs, needs_worker
from tradewind.errors import RefusedError
from tradewind.protocol.callbacks import CallbackReport
from tradewind.protocol.timetables import (
    KIND,
    ManualDates,
    NextTicks,
    TicksBetween,
    TimetableAnswer,
    TimetableQuestion,
)
from tradewind.scheduler.callbacks import Callbacks
from tradewind.scheduler.wishes import BackfillWish, Trigger
from tradewind.store import callbacks, dags, import_errors, places
from tradewind.store.callbacks import Callback, NewCallback
from tradewind.store.dags import DagFacts
from tradewind.store.database import Tx
from tradewind.store.forecasts import Forecast, read_forecast, write_forecast

LOW = 4
"""With fewer ticks left it is asked again."""
_FRESH = timedelta(minutes=5)
"""A forecast older than this is made anew when a run was made of it: what it was made from may
have changed, a calendar in a table for one."""
_PATIENCE = timedelta(minutes=1)
"""A timetable that asks for no run is not asked again before."""
_KEPT = timedelta(minutes=10)
"""Answers that nobody came back for are forgotten after this."""


class Forecasts:
    """Has timetables asked, and keeps what they answer.

    Attributes:
        has_due: Whether an answer came, so that a Dag may be due.
    """

    def __init__(self, owed: Callbacks) -> None:
        """Bind what has user code run."""
        self._owed = owed
        self._answered: set[str] = set()
        self.has_due = False
        owed.on_timetable = self._take

    def ticks(
        self, tx: Tx, facts: DagFacts, spec: DagSpec, now: datetime
    ) -> tuple[RunInfo, ...] | None:
        """Answer the next ticks of a Dag, None where they are asked for and not known yet."""
        last = facts.marks.last_automated
        known = read_forecast(tx, facts.dag_id)
        closure = _made_from(tx, facts.dag_id, spec)
        if known is None or known.message or known.closure != closure:
            self._ask_next(tx, facts.dag_id, spec, last, closure, now)
            return None
        left = ticks_after(known.ticks, last)
        if not left and now - known.made_at < _PATIENCE:
            return left
        if not left or (not spec.catchup and _is_overtaken(left, known.made_at, now)):
            self._ask_next(tx, facts.dag_id, spec, last, closure, now)
            return None
        return left

    def refill(
        self, tx: Tx, facts: DagFacts, spec: DagSpec, last: RunInfo | None, now: datetime
    ) -> None:
        """Ask for more ticks after runs were made, where few are left or all are old."""
        known = read_forecast(tx, facts.dag_id)
        if known is None:
            return
        left = ticks_after(known.ticks, last)
        is_low = len(left) < LOW and not known.is_final
        if is_low or now - known.made_at >= _FRESH:
            self._ask_next(tx, facts.dag_id, spec, last, known.closure, now)

    def ask(self, tx: Tx, dag_id: str, question: TimetableQuestion, now: datetime) -> str:
        """Have a Dag's timetable asked what a person waits for; answer what to listen for.

        Empty when the answer is there already, or the word that there is none.
        """
        callbacks.forget_questions(tx, dag_id, now - _KEPT)
        key = _key(dag_id, question)
        known = callbacks.find_callback(tx, key)
        if known is not None:
            return "" if known.said or known.state == "success" else key
        self._owe(tx, key, dag_id, question, now)
        return key

    def answer(self, tx: Tx, dag_id: str, question: TimetableQuestion) -> TimetableAnswer | None:
        """Answer what the timetable said to what it was asked; None if it was not, or not yet.

        Raises:
            RefusedError: It could not answer.
        """
        known = callbacks.find_callback(tx, _key(dag_id, question))
        if known is None:
            return None
        if known.answer is not None and known.state == "success":
            return msgspec.json.decode(known.answer, type=TimetableAnswer)
        if not known.said:
            return None
        raise RefusedError(
            "timetable-failed",
            f"The timetable of Dag '{dag_id}' could not answer: {known.said}",
            f"Mend it; its log is 'dag_id={dag_id}/timetable.log' below the log folder.",
        )

    def take_answered(self) -> set[str]:
        """Answer whom to tell that there is an answer."""
        answered, self._answered = self._answered, set()
        return answered

    def _ask_next(
        self,
        tx: Tx,
        dag_id: str,
        spec: DagSpec,
        last: RunInfo | None,
        closure: str,
        now: datetime,
    ) -> None:
        question = NextTicks(
            last=last,
            earliest=spec.start_date,
            latest=spec.end_date,
            catchup=spec.catchup,
            closure=closure,
        )
        # One a Dag: what was asked before and nobody answers yet is of no use any more.
        key = _key(dag_id, None)
        known = callbacks.find_callback(tx, key)
        if known is not None and known.state == "running":
            return
        if known is not None:
            callbacks.delete_callback(tx, known.id)
        self._owe(tx, key, dag_id, question, now)

    def _owe(
        self, tx: Tx, key: str, dag_id: str, question: TimetableQuestion, now: datetime
    ) -> None:
        raw = msgspec.json.encode(question)
        new = NewCallback(callback_id=key, dag_id=dag_id, kind=KIND, question=raw)
        self._owed.owe(tx, new, now)

    def _take(self, tx: Tx, one: Callback, report: CallbackReport, now: datetime) -> None:
        question: TimetableQuestion = _QUESTION.decode(one.question or b"")
        facts = dags.find_dag(tx, one.dag_id or "")
        if facts is None:
            return
        if isinstance(question, ManualDates | TicksBetween):
            self._answered.add(one.callback_id)
            return
        if report.is_done:
            answer = msgspec.json.decode(report.answer, type=TimetableAnswer)
            callbacks.delete_callback(tx, one.id)
            import_errors.clear_timetable_error(tx, facts.dag_id)
            new = Forecast(
                dag_id=facts.dag_id,
                ticks=answer.ticks,
                is_final=answer.is_final,
                closure=question.closure,
                made_at=now,
            )
        else:
            known = read_forecast(tx, facts.dag_id)
            message = f"The timetable of Dag '{facts.dag_id}' does not answer: {report.error}"
            import_errors.set_timetable_error(tx, facts, report.error, now)
            new = Forecast(
                dag_id=facts.dag_id,
                ticks=known.ticks if known else (),
                closure=question.closure,
                made_at=now,
                message=message,
            )
        write_forecast(tx, new)
        if report.is_done:
            dags.look_at(tx, facts.dag_id, now)
            self.has_due = True


def question_of_trigger(timetable: Timetable | None, wish: Trigger) -> ManualDates | None:
    """Answer what a timetable is to be asked before this run is made; None for nothing."""
    if timetable is None or not needs_worker(timetable) or wish.run_after is None:
        return None
    needs_interval = wish.logical_date is not None and wish.data_interval_start is None
    needs_name = wish.run_id is None and names_runs(timetable)
    if not needs_interval and not needs_name:
        return None
    return ManualDates(
        run_type=wish.run_type.value,
        run_after=wish.run_after,
        logical_date=wish.logical_date,
        partition_key=wish.partition_key,
    )


def question_of_backfill(
    timetable: Timetable | None, start_date: datetime | None, wish: BackfillWish
) -> TicksBetween | None:
    """Answer what a timetable is to be asked before a backfill is planned; None for nothing."""
    if timetable is None or not needs_worker(timetable):
        return None
    return TicksBetween(start=wish.from_date, end=wish.to_date, earliest=start_date)


def ticks_after(ticks: tuple[RunInfo, ...], last: RunInfo | None) -> tuple[RunInfo, ...]:
    """Answer those of some ticks that come after the last run there was."""
    if last is None:
        return ticks
    return tuple(tick for tick in ticks if tick.logical_date > last.logical_date)


def _is_overtaken(left: tuple[RunInfo, ...], made_at: datetime, now: datetime) -> bool:
    """Whether a second tick came due since the forecast: without catchup only one is to run."""
    return len(left) > 1 and made_at < left[1].run_after <= now


def _made_from(tx: Tx, dag_id: str, spec: DagSpec) -> str:
    """Answer a digest of all that an answer depends on and the server can see."""
    place = places.read_place_now(tx, dag_id)
    parts = [
        "" if place is None else place.closure_digest,
        spec.timetable,
        spec.start_date,
        spec.end_date,
        spec.catchup,
    ]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _key(dag_id: str, question: TimetableQuestion | None) -> str:
    raw = b"" if question is None else msgspec.json.encode(question)
    return hashlib.sha1(dag_id.encode() + b"\0" + raw, usedforsecurity=False).hexdigest()


_QUESTION: msgspec.json.Decoder[TimetableQuestion] = msgspec.json.Decoder(TimetableQuestion)
