"""What is old goes with all that belongs to it; what anything needs stays."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import inspect

from tests.unit.scheduler.place import NOW, Place, a_dag, empty
from tradewind.core.runs import Run
from tradewind.core.spec import TaskSpec
from tradewind.core.states import LegState
from tradewind.core.timetables import CronTrigger
from tradewind.errors import UsageError
from tradewind.protocol.clock import SystemClock
from tradewind.scheduler import cleaning
from tradewind.scheduler.cleaning import Cleaning, choose_tables
from tradewind.scheduler.cleaning import Place as At
from tradewind.store import archives, retention
from tradewind.store.data_tables import metadata
from tradewind.store.database import Tx
from tradewind.store.retention import Wish

T = TypeVar("T")
LATER = timedelta(days=60)
NOT_RUNS = {"dag", "dag_file", "dag_version", "bundle", "bundle_file", "lease", "pool", "worker"}


class _Writer:
    def __init__(self, place: Place) -> None:
        self._place = place

    def write(self, work: Callable[[Tx], T]) -> T:
        return self._place.do(lambda _engine, tx: work(tx))


def clean(
    place: Place,
    tmp_path: Path,
    before: datetime | None = None,
    *,
    tables: tuple[str, ...] = (),
    archive: str | None = None,
    **wish: Any,
) -> dict[str, int]:
    """Clean to the end, each transaction in a call of its own."""
    cleaner = Cleaning(place.database, _Writer(place), place.engine, SystemClock(), tmp_path)
    chosen, _ = choose_tables(tables)
    wanted = Wish(before=before or place.now, **wish)
    total: dict[str, int] = {}
    at: At | None = At()
    while at is not None:
        done = cleaner.clean(wanted, chosen, archive=archive, place=at, seconds=0)
        for name, rows in done.removed.items():
            total[name] = total.get(name, 0) + rows
        at = done.place
    return {name: rows for name, rows in total.items() if rows}


def finish_all(place: Place, outcome: LegState = LegState.SUCCESS) -> None:
    # One of now: the lease of another may be over.
    now = place.worker()
    while orders := now.ask():
        for order in orders:
            now.end(order, outcome)
    now.leave()
    place.tick()


def a_run(place: Place, dag_id: str = "d", **fields: Any) -> Run:
    outcome = fields.pop("outcome", LegState.SUCCESS)
    run = place.trigger(dag_id, **fields)
    finish_all(place, outcome)
    place.now += timedelta(hours=1)
    return run


def pks(place: Place, dag_id: str = "d") -> list[int]:
    return [run.pk for run in place.runs(dag_id)]


def rows_left(place: Place) -> dict[str, int]:
    def count(tx: Tx) -> dict[str, int]:
        names = [name for name in metadata.tables if name not in NOT_RUNS]
        query = "SELECT count(*) FROM {}"
        found = {name: tx.exec_driver_sql(query.format(name)).scalar() for name in names}
        return {name: rows for name, rows in found.items() if rows}

    return place.read(count)


def test_old_runs_go_and_the_latest_stays(place: Place, tmp_path: Path) -> None:
    place.save(a_dag())
    made = [a_run(place) for _ in range(5)]
    kept_from = place.now
    fresh = [a_run(place) for _ in range(2)]

    removed = clean(place, tmp_path, kept_from - timedelta(minutes=1))
    assert removed["run"] == removed["task_instance"] == removed["attempt"] == 5
    assert pks(place) == [run.pk for run in fresh]

    place.now += LATER
    clean(place, tmp_path)
    assert pks(place) == [fresh[-1].pk], f"of {len(made)} long ago the latest stays"
    assert rows_left(place)["task_instance"] == 1


def test_nothing_of_a_run_is_left_behind(place: Place, tmp_path: Path) -> None:
    place.save(a_dag())
    a_run(place)
    before = rows_left(place)
    a_run(place)
    clean(place, tmp_path)
    assert rows_left(place) == before


def test_the_latest_success_and_the_latest_scheduled_run_stay(place: Place, tmp_path: Path) -> None:
    place.save(a_dag(timetable=CronTrigger(cron="0 9 * * *"), start_date=NOW, catchup=True))
    place.tick(hours=2)
    finish_all(place)
    success = place.runs()[0]
    a_run(place, outcome=LegState.FAILED)
    last = a_run(place, outcome=LegState.FAILED)
    place.now += LATER
    clean(place, tmp_path)
    assert pks(place) == [success.pk, last.pk]


def test_what_has_not_ended_stays_and_the_run_before_it(place: Place, tmp_path: Path) -> None:
    task = TaskSpec(task_id="t", operator="x.Op", depends_on_past=True)
    fields = {"timetable": CronTrigger(cron="0 * * * *"), "start_date": NOW, "catchup": True}
    place.save(a_dag("d", task, **fields))
    for _ in range(4):
        place.tick(hours=1)
        finish_all(place)
    place.tick(hours=1)
    worker = place.worker()
    (order,) = worker.ask()
    ids = pks(place)
    running = next(run.pk for run in place.runs() if run.state == "running")
    place.pause()
    place.now += timedelta(minutes=10)

    clean(place, tmp_path)
    assert pks(place) == [pk for pk in ids if pk >= running - 1]

    worker.end(order)
    place.tick()
    place.now += timedelta(minutes=10)
    clean(place, tmp_path)
    assert pks(place) == [running]


def test_a_backfill_keeps_its_runs_until_it_is_complete(place: Place, tmp_path: Path) -> None:
    fields: dict[str, Any] = {
        "timetable": CronTrigger(cron="0 0 * * *"),
        "start_date": NOW - LATER,
    }
    place.save(a_dag(is_paused_upon_creation=True, **fields))
    place.backfill("d", NOW - timedelta(days=9), NOW - timedelta(days=2), max_active_runs=1)
    place.tick()
    worker = place.worker()
    for _ in range(3):
        worker.end(worker.ask()[0])
        place.tick()
    total = len(pks(place))
    place.now += timedelta(hours=1)
    clean(place, tmp_path)
    assert len(pks(place)) == total

    worker.leave()
    finish_all(place)
    place.now += timedelta(hours=1)
    removed = clean(place, tmp_path)
    assert removed["run"] == total - 1
    assert "backfill" not in removed, "its last run is there"


def test_a_run_that_owes_a_callback_stays(place: Place, tmp_path: Path) -> None:
    place.save(a_dag(callbacks=("success",)))
    first = a_run(place)
    place.save(a_dag())
    place.now += timedelta(hours=1)
    a_run(place)
    place.now += LATER
    clean(place, tmp_path)
    assert first.pk in pks(place)


def test_a_large_run_goes_a_piece_at_a_time_and_is_nobodys_meanwhile(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_LARGE", 50)
    monkeypatch.setattr(retention, "_PIECE", 12)
    place.save(a_dag("d", *(empty(f"t{number}") for number in range(60))))
    place.trigger(logical_date=NOW, run_id="big")
    place.tick()
    place.now += timedelta(hours=1)
    place.trigger(run_id="last")
    place.tick()
    before = rows_left(place)
    place.now += timedelta(hours=1)

    cleaner = Cleaning(place.database, _Writer(place), place.engine, SystemClock(), tmp_path)
    wish = Wish(before=place.now)
    at: At | None = At()
    done = cleaner.clean(wish, ["dag_run"], archive="s", place=At(), seconds=-1)
    assert done.removed == {"run": 1}
    assert [run.run_id for run in place.runs()] == ["last"]
    assert rows_left(place)["run"] == before["run"]
    again = place.trigger(logical_date=NOW, run_id="big")
    assert again.state != "failed", "the name and the date are free"

    # What another cleaning left half done is ended, whatever that one wanted.
    clean(place, tmp_path, NOW - LATER, archive="s")
    assert rows_left(place) == before
    assert at is not None
    kept = place.read(archives.list_archives)
    assert {one.table: one.rows for one in kept} == {"run": 1, "task_instance": 60, "event": 62}


def test_what_is_deleted_is_archived_and_read_back(place: Place, tmp_path: Path) -> None:
    place.save(a_dag())
    first = a_run(place, conf={"a": 1}, run_id="mine")
    a_run(place)
    removed = clean(place, tmp_path, archive="20260420080000")
    kept = place.read(archives.list_archives)
    assert {one.table: one.rows for one in kept} == removed
    name = "_tradewind_deleted__run__20260420080000"
    rows, last = place.read(lambda tx: archives.read_archived(tx, name, 0, 10))
    assert [(row["id"], row["run_id"], row["conf"]) for row in rows] == [
        (first.pk, "mine", '{"a":1}')
    ]
    assert rows[0]["run_after"] == NOW.isoformat()
    assert place.read(lambda tx: archives.read_archived(tx, name, last, 10)) == ([], last)
    for one in kept:
        with place.database.begin() as tx:
            archives.drop_archive(tx, one.name)
    assert place.read(archives.list_archives) == []
    assert not place.read(
        lambda tx: [n for n in inspect(tx).get_table_names() if n.startswith("_")]
    )


def test_only_the_dags_named_are_cleaned(place: Place, tmp_path: Path) -> None:
    place.save(*(a_dag(name) for name in ("a", "b", "c")))
    for name in ("a", "b", "c"):
        a_run(place, name)
        a_run(place, name)
    clean(place, tmp_path, dag_ids=("a", "b"), exclude_dag_ids=("b",))
    assert [len(pks(place, name)) for name in ("a", "b", "c")] == [1, 2, 2]


def test_logs_go_with_their_runs_and_not_with_a_new_one_of_the_name(
    place: Place, tmp_path: Path
) -> None:
    place.save(a_dag())
    for name in ("old", "new", "orphan"):
        if name != "orphan":
            a_run(place, run_id=name)
        file = tmp_path / "dag_id=d" / f"run_id={name}" / "task_id=t" / "attempt=1.log"
        file.parent.mkdir(parents=True)
        file.write_text("{}")
    removed = clean(place, tmp_path)
    assert removed["logs"] == 2
    assert [path.name for path in tmp_path.glob("*/*")] == ["run_id=new"]


def test_versions_and_workers_that_nobody_needs_go(place: Place, tmp_path: Path) -> None:
    for number in range(3):
        place.save(
            a_dag("d", *(TaskSpec(task_id=f"t{n}", operator="x.O") for n in range(number + 1)))
        )
        a_run(place)
    place.now += LATER
    removed = clean(place, tmp_path)
    assert removed["dag_version"] == 2
    assert removed["worker"] == 6, "those that parsed or worked, and left"
    assert len(pks(place)) == 1
    a_run(place)


def test_xcoms_alone_go_when_they_are_named(place: Place, tmp_path: Path) -> None:
    place.save(a_dag())
    a_run(place)
    a_run(place)
    place.do(
        lambda _e, tx: tx.exec_driver_sql(
            "INSERT INTO xcom (run_pk, task_id, map_path, key, map_index, value, at) "
            "SELECT id, 't', '', 'k', -1, 'x', 0 FROM run"
        )
    )
    assert clean(place, tmp_path, tables=("xcom",)) == {"xcom": 1}
    assert len(pks(place)) == 2


def test_a_dry_run_says_what_would_go(place: Place, tmp_path: Path) -> None:
    place.save(a_dag())
    for _ in range(3):
        a_run(place)
    cleaner = Cleaning(place.database, _Writer(place), place.engine, SystemClock(), tmp_path)
    counts = cleaner.count(Wish(before=place.now), choose_tables(())[0])
    assert counts["dag_run"] == 2
    assert len(pks(place)) == 3


@pytest.mark.parametrize("took", [0.001, 0.007, 0.5])
def test_transactions_are_made_to_take_some_milliseconds(took: float) -> None:
    size = 64
    for _ in range(20):
        size = cleaning._next_size(size, took)
    assert size == {0.001: 400, 0.007: 64, 0.5: 1}[took]


def test_a_table_there_is_not_is_no_table() -> None:
    with pytest.raises(UsageError, match="Did you mean 'dag_run'"):
        choose_tables(("dag_runs",))
