"""Dags: written by parse reports, read, paused, planned, deleted."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert, select

from tests.conformance.store.catalog import (
    apply,
    claim,
    discover,
    later,
    parse,
    report_on,
    spec,
)
from tests.conformance.store.conftest import NOW
from tradewind.core.runs import Run, RunType
from tradewind.core.spec import TaskSpec
from tradewind.core.timetables import CronTrigger
from tradewind.core.timetables.values import RunInfo
from tradewind.errors import ConflictError, NotFoundError, UsageError
from tradewind.protocol.reports import ImportFault
from tradewind.store.bundles import upsert_bundle
from tradewind.store.dags import (
    DagFacts,
    DagFilter,
    PlannerMarks,
    delete_dag,
    find_dag,
    list_dags,
    list_versions,
    next_dag_due,
    read_dag,
    read_due_dags,
    read_spec_of_version,
    read_version,
    set_next,
    set_paused,
)
from tradewind.store.database import Database
from tradewind.store.files import ParsePolicy
from tradewind.store.import_errors import list_import_errors
from tradewind.store.runs import insert_run
from tradewind.store.tables import attempt, dag_version, event, metadata, run, task_instance

FILE = "dags/sales.py"
TWO_TASKS = (
    TaskSpec(task_id="extract", operator="x.Op"),
    TaskSpec(task_id="load", operator="x.Op", upstream=("extract",)),
)


def reparse(database: Database, *dags: Any, at: datetime, **fields: Any) -> list[str]:
    discover(database, {FILE: str(at)}, at=at)
    return parse(database, FILE, *dags, at=at, **fields)


def dag_of(database: Database, dag_id: str = "sales") -> DagFacts:
    with database.read() as tx:
        return read_dag(tx, dag_id)


def test_a_new_dag_is_there_paused_as_settings_say_and_waits_for_the_planner(
    database: Database,
) -> None:
    assert reparse(database, spec(tags=("a",), owners=("me",)), at=NOW) == ["sales"]
    facts = dag_of(database)
    assert facts.is_paused
    assert (facts.bundle, facts.file) == ("main", FILE)
    assert (facts.tags, facts.owners) == (("a",), ("me",))
    assert facts.marks == PlannerMarks(next_due_at=NOW)
    assert facts.decode_spec() == spec(tags=("a",), owners=("me",))
    with database.read() as tx:
        version = read_version(tx, facts.version_id)
    assert version is not None
    assert version.number == 1


@pytest.mark.parametrize("says", [True, False])
def test_a_new_dag_that_says_whether_it_is_paused_is_heard(database: Database, says: bool) -> None:
    discover(database, {FILE: "1"})
    (order,) = claim(database)
    policy = ParsePolicy(paused_at_creation=not says)
    apply(database, report_on(order, spec(is_paused_upon_creation=says)), policy=policy)
    assert dag_of(database).is_paused is says


def test_the_same_again_changes_nothing_but_the_time(database: Database) -> None:
    reparse(database, spec(), at=NOW)
    assert reparse(database, spec(), at=later(seconds=9)) == []
    facts = dag_of(database)
    assert facts.parsed_at == later(seconds=9)
    assert facts.marks.next_due_at == NOW


def test_a_change_of_texts_is_made_in_place_and_one_of_structure_is_a_version(
    database: Database,
) -> None:
    reparse(database, spec(), at=NOW)
    first = dag_of(database).version_id

    assert reparse(database, spec(doc_md="new"), at=later(seconds=1)) == ["sales"]
    assert dag_of(database).version_id == first
    with database.read() as tx:
        assert read_spec_of_version(tx, first).doc_md == "new"

    with database.begin() as tx:
        facts = read_dag(tx, "sales")
        ran = Run(
            dag_id="sales",
            run_id="r",
            run_type=RunType.MANUAL,
            run_after=NOW,
            version_id=facts.version_id,
        )
        insert_run(tx, ran)
    assert reparse(database, spec(tasks=TWO_TASKS), at=later(seconds=2)) == ["sales"]
    second = dag_of(database).version_id
    with database.read() as tx:
        assert [version.number for version in list_versions(tx, "sales")] == [2, 1]
        assert read_spec_of_version(tx, second).tasks == TWO_TASKS
        assert len(read_spec_of_version(tx, first).tasks) == 1
    with database.read() as tx, pytest.raises(NotFoundError):
        read_spec_of_version(tx, 99)


def test_versions_that_nothing_ran_under_leave_no_trace(database: Database) -> None:
    reparse(database, spec(), at=NOW)
    reparse(database, spec(tasks=TWO_TASKS), at=later(seconds=1))

    with database.read() as tx:
        (only,) = list_versions(tx, "sales")
        assert only.number == 1
        assert read_spec_of_version(tx, only.id).tasks == TWO_TASKS


@pytest.mark.parametrize(
    ("changed", "is_due"),
    [
        ({"timetable": CronTrigger(cron="0 1 * * *")}, True),
        ({"catchup": True}, True),
        ({"start_date": datetime(2026, 1, 1, tzinfo=UTC)}, True),
        ({"end_date": datetime(2027, 1, 1, tzinfo=UTC)}, True),
        ({"description": "other"}, False),
        ({"tasks": TWO_TASKS}, False),
    ],
)
def test_the_planner_looks_again_when_the_schedule_changed_only(
    database: Database, changed: dict[str, Any], is_due: bool
) -> None:
    reparse(database, spec(), at=NOW)
    tick = RunInfo(
        run_after=later(days=1),
        logical_date=NOW,
        data_interval_start=NOW,
        data_interval_end=later(days=1),
    )
    marks = PlannerMarks(next_run=tick, next_due_at=later(days=1), declared_after=NOW)
    with database.begin() as tx:
        set_next(tx, "sales", marks)
    assert dag_of(database).marks == marks

    reparse(database, spec(**changed), at=later(seconds=5))

    # What was to come next under another schedule is forgotten; the planner works it out anew.
    planned_anew = PlannerMarks(next_due_at=later(seconds=5), declared_after=NOW)
    assert dag_of(database).marks == (planned_anew if is_due else marks)


def test_a_dag_that_left_its_file_is_stale_and_comes_back(database: Database) -> None:
    reparse(database, spec(), spec("other"), at=NOW)
    assert reparse(database, spec("other"), at=later(seconds=1)) == ["sales"]
    assert dag_of(database).is_stale
    assert reparse(database, spec(), spec("other"), at=later(seconds=2)) == ["sales"]
    assert not dag_of(database).is_stale
    assert dag_of(database).marks.next_due_at == later(seconds=2)


def test_dags_of_a_broken_file_are_kept_but_not_planned(database: Database) -> None:
    reparse(database, spec(is_paused_upon_creation=False), at=NOW)
    fault = ImportFault(file=FILE, message="boom")
    assert reparse(database, at=later(seconds=1), faults=(fault,)) == ["sales"]
    assert reparse(database, at=later(seconds=2), faults=(fault,)) == []
    facts = dag_of(database)
    assert (facts.is_stale, facts.has_import_errors) == (False, True)
    with database.read() as tx:
        assert read_due_dags(tx, later(days=1), 10) == []

    assert reparse(database, spec(), at=later(seconds=3)) == ["sales"]
    assert not dag_of(database).has_import_errors
    with database.read() as tx:
        assert len(read_due_dags(tx, later(seconds=3), 10)) == 1


def test_an_id_in_two_files_stays_with_the_first_until_it_leaves_it(database: Database) -> None:
    discover(database, {"dags/a.py": "1"})
    parse(database, "dags/a.py", spec(file="dags/a.py"))
    discover(database, {"dags/a.py": "1", "dags/b.py": "1"})
    changed = parse(database, "dags/b.py", spec(file="dags/b.py"), spec("mine", file="dags/b.py"))
    assert changed == ["mine"]
    with database.read() as tx:
        (error,) = list_import_errors(tx)
    assert (error.file, error.dag_id) == ("dags/b.py", "sales")
    assert error.message == (
        "Dag 'sales' is defined in dags/a.py already; the one in dags/b.py is ignored."
    )

    discover(database, {"dags/b.py": "1"}, at=later(seconds=1))
    both = (spec(file="dags/b.py"), spec("mine", file="dags/b.py"))
    assert parse(database, "dags/b.py", *both, at=later(seconds=1)) == ["sales"]
    assert dag_of(database).file == "dags/b.py"
    with database.read() as tx:
        assert list_import_errors(tx) == []


def test_an_id_in_two_bundles_stays_with_the_first_until_that_is_gone(database: Database) -> None:
    with database.begin() as tx:
        upsert_bundle(tx, "other", "/srv/other", "/srv/other")
    discover(database, {"dags/a.py": "1"})
    parse(database, "dags/a.py", spec(file="dags/a.py"))
    discover(database, {"b.py": "1"}, bundle="other")
    assert parse(database, "b.py", spec(file="b.py")) == []
    with database.read() as tx:
        (error,) = list_import_errors(tx)
    assert (error.bundle, error.file) == ("other", "b.py")
    assert error.message == (
        "Dag 'sales' is defined in dags/a.py of bundle 'main' already; "
        "the one in b.py of bundle 'other' is ignored."
    )

    discover(database, {}, at=later(seconds=1))
    assert parse(database, "b.py", spec(file="b.py"), at=later(seconds=1)) == ["sales"]
    assert (dag_of(database).bundle, dag_of(database).is_stale) == ("other", False)


def test_pausing_and_going_on(database: Database) -> None:
    reparse(database, spec(), spec("other"), at=NOW)
    with database.begin() as tx:
        assert read_due_dags(tx, NOW, 10) == []
        assert next_dag_due(tx) is None
        assert set_paused(tx, ["sales", "none"], False, later(seconds=7)) == ["sales"]
        assert set_paused(tx, ["sales"], False, later(seconds=8)) == []
        assert next_dag_due(tx) == later(seconds=7)
        assert [due.dag_id for due in read_due_dags(tx, later(seconds=7), 10)] == ["sales"]
        assert set_paused(tx, ["sales"], True, later(seconds=9)) == ["sales"]
        assert next_dag_due(tx) is None


def test_an_unknown_dag_is_refused_with_the_nearest_id(database: Database) -> None:
    reparse(database, spec("daily_sales_load"), at=NOW)
    with database.read() as tx, pytest.raises(NotFoundError, match="mean 'daily_sales_load'"):
        read_dag(tx, "daily_sale_load")


def test_lists_of_dags(database: Database) -> None:
    reparse(
        database,
        spec("alpha", tags=("x", "y"), owners=("ann",)),
        spec("beta", tags=("x",), owners=("bob",), is_paused_upon_creation=False),
        spec("gamma"),
        at=NOW,
    )

    def ids(order_by: str = "dag_id", limit: int | None = None, **wanted: Any) -> list[str]:
        with database.read() as tx:
            page = list_dags(tx, DagFilter(**wanted), order_by=order_by, limit=limit)
        return [facts.dag_id for facts in page.dags]

    assert ids() == ["alpha", "beta", "gamma"]
    assert ids(tags=("x", "y")) == ["alpha", "beta"]
    assert ids(tags=("x", "y"), all_tags=True) == ["alpha"]
    assert ids(owners=("bob",)) == ["beta"]
    assert ids(is_paused=False) == ["beta"]
    assert ids(id_pattern="ETA") == ["beta"]
    assert ids(id_pattern="%ta") == ["beta"]
    assert ids(id_pattern="g*") == ["gamma"]
    assert ids(dag_ids=("gamma", "none")) == ["gamma"]
    assert ids(order_by="-dag_id", limit=2) == ["gamma", "beta"]
    assert ids(is_stale=True) == []
    with database.read() as tx:
        assert list_dags(tx, limit=1, offset=1).total == 3
        with pytest.raises(UsageError, match="mean 'dag_id'"):
            list_dags(tx, order_by="dag")


def add_history(database: Database, leg_state: str) -> None:
    with database.begin() as tx:
        version_id = read_dag(tx, "sales").version_id
        values = dict.fromkeys(
            ("dag_id", "run_id", "run_type", "state", "bundle", "digest"), "sales"
        )
        run_pk = tx.execute(
            insert(run).returning(run.c.id),
            {**values, "run_after": NOW, "conf": {}, "version_id": version_id},
        ).scalar_one()
        tx.execute(insert(event), {"run_pk": run_pk, "run_seq": 1, "at": NOW, "body": b"{}"})
        ti: dict[str, Any] = {column.name: "x" for column in task_instance.c if not column.nullable}
        ti |= dict.fromkeys(
            ("map_index", "try_number", "max_tries", "leg", "pool_slots", "priority_weight"), 1
        )
        ti |= {"run_pk": run_pk, "dag_id": "sales", "id": 7, "epoch": 0}
        tx.execute(insert(task_instance), ti)
        leg: dict[str, Any] = {
            "ti_id": 7,
            "try_number": 1,
            "leg": 1,
            "epoch": 1,
            "worker_id": "w",
            "claim_seq": 1,
        }
        tx.execute(insert(attempt), {**leg, "state": leg_state, "claimed_at": NOW, "log_path": "x"})


def test_a_deleted_dag_leaves_nothing_and_comes_back_with_its_file(database: Database) -> None:
    reparse(database, spec(), at=NOW)
    add_history(database, "success")
    with database.begin() as tx:
        delete_dag(tx, "sales")
        assert find_dag(tx, "sales") is None
        for table in (run, task_instance, attempt, event, dag_version):
            assert tx.execute(select(metadata.tables[table.name])).all() == []
        with pytest.raises(NotFoundError):
            delete_dag(tx, "sales")
    assert reparse(database, spec(), at=later(seconds=1)) == ["sales"]


def test_a_dag_with_a_running_task_is_not_deleted(database: Database) -> None:
    reparse(database, spec(), at=NOW)
    add_history(database, "running")
    with database.begin() as tx, pytest.raises(ConflictError, match="1 of its tasks"):
        delete_dag(tx, "sales")
    assert dag_of(database).dag_id == "sales"
