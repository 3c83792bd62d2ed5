"""What timetables of authors' own are asked, and what becomes of nonsense they answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tradewind.core.spec import structure_hash
from tradewind.core.timetables import CustomTimetable
from tradewind.protocol.timetables import (
    ManualDates,
    NextTicks,
    TicksBetween,
    TimetableAnswer,
    TimetableQuestion,
)
from tradewind.runtime.serialize import serialize_dag
from tradewind.runtime.timetables import answer_of
from tradewind.sdk.assets import Asset
from tradewind.sdk.calendars import CalendarTimetable
from tradewind.sdk.dags import DAG
from tradewind.sdk.exceptions import AirflowTimetableInvalid
from tradewind.sdk.partition_timetables import AssetOrTimeSchedule
from tradewind.sdk.timetable import DagRunInfo, DataInterval, Timetable
from tradewind.sdk.timetables import CronTriggerTimetable, DeltaDataIntervalTimetable

DAY = timedelta(days=1)
START = datetime(2026, 4, 20, tzinfo=UTC)


class Daily(Timetable):
    """Each day from the start date on, until told to stop."""

    def __init__(self, days: int = 1_000, said: Any = None) -> None:
        self.days = days
        self.said = said

    def serialize(self) -> dict[str, Any]:
        return {"days": self.days}

    def infer_manual_data_interval(self, *, run_after: Any) -> DataInterval:
        return DataInterval(run_after - DAY, run_after)

    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        if self.said is not None:
            return self.said
        last = last_automated_data_interval
        start = restriction.earliest if last is None else last.end
        if start - restriction.earliest >= self.days * DAY:
            return None
        return DagRunInfo.interval(start, start + DAY)


class Parts(Timetable):
    """A partition for each day."""

    partitioned = True

    def next_dagrun_info_v2(self, *, last_dagrun_info, restriction):
        after = restriction.earliest
        if last_dagrun_info is not None:
            after = last_dagrun_info.run_after + DAY
        return DagRunInfo(after, None, after - DAY, f"{after - DAY:%Y-%m-%d}")


def ask(timetable: Timetable, question: TimetableQuestion) -> TimetableAnswer:
    raw = answer_of(DAG("d", schedule=timetable), msgspec.json.encode(question))
    return msgspec.json.decode(raw, type=TimetableAnswer)


def test_it_is_asked_run_after_run() -> None:
    told = ask(Daily(), NextTicks(earliest=START, catchup=True, most=3))
    assert [tick.logical_date for tick in told.ticks] == [START, START + DAY, START + 2 * DAY]
    assert not told.is_final
    later = ask(Daily(), NextTicks(last=told.ticks[-1], earliest=START, catchup=True, most=1))
    assert later.ticks[0].logical_date == START + 3 * DAY


def test_it_may_end() -> None:
    told = ask(Daily(2), NextTicks(earliest=START, catchup=True))
    assert (len(told.ticks), told.is_final) == (2, True)


def test_a_range_has_the_ticks_whose_dates_lie_in_it() -> None:
    told = ask(Daily(), TicksBetween(start=START + 5 * DAY, end=START + 7 * DAY, earliest=START))
    assert [tick.logical_date.day for tick in told.ticks] == [25, 26, 27]


def test_partitions_are_told() -> None:
    told = ask(Parts(), NextTicks(earliest=START, catchup=True, most=2))
    assert [tick.partition_key for tick in told.ticks] == ["2026-04-19", "2026-04-20"]
    assert told.ticks[0].partition_date == START - DAY


def test_a_run_by_hand_has_the_interval_it_says() -> None:
    told = ask(Daily(), ManualDates(run_type="manual", run_after=START, logical_date=START))
    assert (told.start, told.end, told.run_id) == (START - DAY, START, None)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (DagRunInfo.exact(START.replace(tzinfo=None)), "has no time zone"),
        (DagRunInfo.exact("2026-04-20"), "must be a datetime"),
        ("tomorrow", "must be a datetime"),
        (DagRunInfo(START, None), "data_interval"),
        (DagRunInfo.exact(START), "does not come later"),
    ],
)
def test_nonsense_is_told_in_a_sentence(said: Any, why: str) -> None:
    question = NextTicks(
        last=ask(Daily(), NextTicks(earliest=START, catchup=True, most=1)).ticks[0],
        earliest=START,
        catchup=True,
    )
    with pytest.raises(AirflowTimetableInvalid, match=why):
        ask(Daily(said=said), question)


def test_one_that_lacks_a_method_says_so() -> None:
    with pytest.raises(NotImplementedError, match="next_dagrun_info"):
        ask(Timetable(), NextTicks())
    with pytest.raises(NotImplementedError, match="infer_manual_data_interval"):
        ask(Parts(), ManualDates(run_type="manual", run_after=START, logical_date=START))


def test_calendars_and_assets_go_around_it() -> None:
    around = AssetOrTimeSchedule(
        timetable=CalendarTimetable(Daily(), weekdays=["mon", "tue"]), assets=[Asset("a")]
    )
    told = ask(around, NextTicks(earliest=START, catchup=True, most=4))
    assert [f"{tick.run_after:%a}" for tick in told.ticks] == ["Tue", "Mon", "Tue", "Mon"]


class Loud(CronTriggerTimetable):
    def generate_run_id(self, *, run_type: Any, run_after: Any, **extra: Any) -> str:
        return f"{run_type.value}__{run_after:%H}"


class Shifted(DeltaDataIntervalTimetable):
    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        start = self._get_next(restriction.earliest)
        return DagRunInfo.interval(start, self._get_next(start))


def test_subclasses_of_what_comes_along_have_their_say() -> None:
    told = ask(Loud("0 */6 * * *"), NextTicks(earliest=START, catchup=True, most=2))
    assert [tick.run_id for tick in told.ticks] == ["scheduled__00", "scheduled__06"]
    told = ask(Shifted(DAY), NextTicks(earliest=START, catchup=True, most=1))
    assert told.ticks[0].logical_date == START + DAY


def test_the_server_knows_it_by_what_it_says_of_itself() -> None:
    spec = serialize_dag(DAG("d", schedule=Daily(7)), "d.py")
    timetable = spec.timetable
    assert isinstance(timetable, CustomTimetable)
    assert timetable.classpath.endswith("test_timetables.Daily")
    assert (timetable.data, timetable.summary) == ({"days": 7}, "Daily")
    renamed = msgspec.structs.replace(timetable, description="Now in other words")
    assert structure_hash(spec) == structure_hash(msgspec.structs.replace(spec, timetable=renamed))


def test_one_that_finds_itself_wrong_is_refused_when_its_file_is_read() -> None:
    class Never(Daily):
        def validate(self) -> None:
            raise AirflowTimetableInvalid("this cannot be")

    class Odd(Daily):
        def serialize(self) -> dict[str, Any]:
            return {"days": object()}

    with pytest.raises(AirflowTimetableInvalid, match="this cannot be"):
        serialize_dag(DAG("d", schedule=Never()), "d.py")
    with pytest.raises(AirflowTimetableInvalid, match="must answer JSON"):
        serialize_dag(DAG("d", schedule=Odd()), "d.py")
