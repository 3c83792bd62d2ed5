"""Asking a timetable of an author's own, in a process of its Dag's file.

What it answers is checked here, where its author's mistakes can be told in their words, and leaves
as plain data.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from tradewind.core.timetables import manual_run, needs_worker, values
from tradewind.core.timetables.values import RunInfo
from tradewind.protocol.timetables import (
    ManualDates,
    NextTicks,
    TicksBetween,
    TimetableAnswer,
    TimetableQuestion,
)
from tradewind.sdk.dags import DAG
from tradewind.sdk.enums import DagRunType
from tradewind.sdk.exceptions import AirflowTimetableInvalid
from tradewind.sdk.instants import to_pendulum
from tradewind.sdk.timetable import (
    DataInterval,
    TimeRestriction,
    Timetable,
    as_instant_of,
    info_of,
    run_of,
)

_LONGEST_SECONDS = 5.0
"""A forecast may be shorter than was asked for: there is no hurry to know what is far away."""

_question: Any = TimetableQuestion
_decoder = msgspec.json.Decoder(_question)


def answer_of(dag: DAG, question: bytes) -> bytes:
    """Answer what the Dag's timetable says to a question, both as JSON.

    Raises:
        AirflowTimetableInvalid: What it says is no answer.
    """
    timetable = dag.timetable
    asked = _decoder.decode(question)
    if isinstance(asked, ManualDates):
        return msgspec.json.encode(_manual(timetable, asked))
    found = _next(timetable, asked) if isinstance(asked, NextTicks) else _between(timetable, asked)
    return msgspec.json.encode(found)


def dates_by_hand(
    dag: DAG, rule: values.Timetable, *, logical_date: datetime | None, run_after: datetime
) -> values.ManualRun:
    """Answer the dates of a run that is made here, in the process that has the Dag."""
    dates = manual_run(rule, logical_date=logical_date, run_after=run_after)
    if logical_date is None or not needs_worker(rule):
        return dates
    told = _manual(
        dag.timetable,
        ManualDates(run_type="manual", run_after=run_after, logical_date=logical_date),
    )
    return msgspec.structs.replace(
        dates,
        data_interval_start=told.start or dates.data_interval_start,
        data_interval_end=told.end or dates.data_interval_end,
    )


def _next(timetable: Timetable, asked: NextTicks) -> TimetableAnswer:
    ticks: list[RunInfo] = []
    restriction = TimeRestriction(
        to_pendulum(asked.earliest), to_pendulum(asked.latest), asked.catchup
    )
    # Where runs may not overlap the next one depends on when this one ends.
    most = 1 if timetable.active_runs_limit is not None else asked.most
    until = time.monotonic() + _LONGEST_SECONDS
    for tick in _chain(timetable, asked.last, restriction):
        if tick is None:
            return TimetableAnswer(ticks=tuple(ticks), is_final=True)
        ticks.append(tick)
        if len(ticks) >= most or time.monotonic() > until:
            break
    return TimetableAnswer(ticks=tuple(ticks))


def _between(timetable: Timetable, asked: TicksBetween) -> TimetableAnswer:
    earliest = max(asked.start, asked.earliest or asked.start)
    restriction = TimeRestriction(to_pendulum(earliest), None, catchup=True)
    ticks: list[RunInfo] = []
    for tick in _chain(timetable, None, restriction):
        if tick is None:
            break
        date = tick.partition_date or tick.logical_date
        if date > asked.end or len(ticks) >= asked.most:
            break
        if date >= asked.start:
            ticks.append(tick)
    return TimetableAnswer(ticks=tuple(ticks), is_final=True)


def _chain(
    timetable: Timetable, last: RunInfo | None, restriction: TimeRestriction
) -> Iterator[RunInfo | None]:
    """Answer run after run, None after the last; it ends where the timetable does not go on."""
    while True:
        info = timetable.next_dagrun_info_v2(
            last_dagrun_info=None if last is None else info_of(last), restriction=restriction
        )
        if info is None:
            yield None
            return
        found = run_of(info)
        if last is not None and not _is_after(found, last):
            if restriction.catchup:
                raise AirflowTimetableInvalid(
                    f"after the run of {last.logical_date.isoformat()} it asks for the one of "
                    f"{found.logical_date.isoformat()}, which does not come later"
                )
            return
        yield _named(timetable, found)
        last = found


def _is_after(run: RunInfo, last: RunInfo) -> bool:
    dates = (run.logical_date, run.run_after, run.partition_key or "")
    return dates != (last.logical_date, last.run_after, last.partition_key or "") and (
        run.logical_date >= last.logical_date
    )


def _named(timetable: Timetable, run: RunInfo) -> RunInfo:
    if type(timetable).generate_run_id is Timetable.generate_run_id:
        return run
    info = info_of(run)
    run_id = _run_id(
        timetable, DagRunType.SCHEDULED, run.run_after, info.data_interval, run.partition_key
    )
    return msgspec.structs.replace(run, run_id=run_id)


def _manual(timetable: Timetable, asked: ManualDates) -> TimetableAnswer:
    interval: DataInterval | None = None
    if asked.logical_date is not None:
        interval = timetable.infer_manual_data_interval(run_after=to_pendulum(asked.logical_date))
    run_id = None
    if type(timetable).generate_run_id is not Timetable.generate_run_id:
        kind = DagRunType(asked.run_type)
        run_id = _run_id(timetable, kind, asked.run_after, interval, asked.partition_key)
    if interval is None:
        return TimetableAnswer(run_id=run_id)
    start, end = interval
    return TimetableAnswer(
        start=as_instant_of("the data interval's start", start),
        end=as_instant_of("the data interval's end", end),
        run_id=run_id,
    )


def _run_id(
    timetable: Timetable,
    kind: DagRunType,
    run_after: datetime,
    interval: DataInterval | None,
    partition_key: str | None,
) -> str:
    extra = {} if partition_key is None else {"partition_key": partition_key}
    found = timetable.generate_run_id(
        run_type=kind, run_after=to_pendulum(run_after), data_interval=interval, **extra
    )
    given: Any = found
    if not isinstance(given, str) or not 0 < len(given) <= 250:
        raise AirflowTimetableInvalid(f"generate_run_id must answer a text, not {given!r}")
    return given
