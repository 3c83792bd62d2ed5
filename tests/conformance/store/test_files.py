"""Dag files: when each is due, who parses it, and that a report counts once."""

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
from tradewind.protocol.reports import Closure, ImportFault
from tradewind.store.bundles import drop_bundle, read_bundle, upsert_bundle
from tradewind.store.dags import read_dag
from tradewind.store.database import Database
from tradewind.store.files import (
    list_files,
    next_parse_due,
    read_file,
    return_parse_jobs,
    touch_file,
)
from tradewind.store.import_errors import count_import_errors, list_import_errors, read_import_error
from tradewind.store.secrets import Vault
from tradewind.store.variables import VariableFacts, delete_variable, set_variable

A, B, LIB = "dags/a.py", "dags/b.py", "include/lib.py"


def test_new_files_are_due_at_once_and_others_when_they_change(database: Database) -> None:
    assert discover(database, {A: "1", B: "1", LIB: "1"}, LIB).due == 2
    orders = claim(database)
    assert [order.file for order in orders] == [A, B]
    assert orders[0].bundle.digest == read_of(database, "main")
    for order in orders:
        apply(database, report_on(order))
    assert claim(database) == []

    assert discover(database, {A: "2", B: "1", LIB: "1"}, LIB).due == 1
    assert [order.file for order in claim(database)] == [A]


def read_of(database: Database, name: str) -> str:
    with database.read() as tx:
        found = read_bundle(tx, name)
    assert found is not None
    return found.digest


def test_a_file_is_parsed_again_after_the_interval(database: Database) -> None:
    discover(database, {A: "1"})
    parse(database, A)
    with database.read() as tx:
        assert next_parse_due(tx) == later(seconds=300)
    assert claim(database, later(seconds=299)) == []
    assert len(claim(database, later(seconds=300))) == 1


def test_a_file_is_claimed_by_one_worker_at_a_time(database: Database) -> None:
    discover(database, {A: "1"})
    assert len(claim(database, worker="w1")) == 1
    assert claim(database, worker="w2") == []


def test_no_more_is_claimed_than_asked_for_and_what_somebody_waits_for_first(
    database: Database,
) -> None:
    discover(database, {A: "1", B: "1"})
    with database.begin() as tx:
        assert touch_file(tx, "main", B, NOW)
        assert not touch_file(tx, "main", "dags/none.py", NOW)
    assert [order.file for order in claim(database, limit=1)] == [B]


def test_a_report_counts_once_and_not_after_the_claim_is_over(database: Database) -> None:
    discover(database, {A: "1"})
    (order,) = claim(database)
    with database.begin() as tx:
        assert return_parse_jobs(tx, "w1", (), NOW) == 1
    assert apply(database, report_on(order, spec(file=A))) == []
    (again,) = claim(database)
    assert again.epoch == order.epoch + 1
    assert apply(database, report_on(again, spec(file=A))) == ["sales"]
    assert apply(database, report_on(again, spec(dag_id="other", file=A))) == []


def test_a_report_of_a_file_that_is_gone_changes_nothing(database: Database) -> None:
    discover(database, {A: "1"})
    (order,) = claim(database)
    discover(database, {})
    assert apply(database, report_on(order, spec(file=A))) == []


def test_held_jobs_and_those_of_unread_answers_stay_with_their_worker(database: Database) -> None:
    discover(database, {A: "1"})
    (first,) = claim(database, seq=1)
    discover(database, {A: "1", B: "1"})
    claim(database, seq=2)
    with database.begin() as tx:
        assert return_parse_jobs(tx, "w1", {first.job_id}, NOW, open_seqs={2}) == 0
        assert return_parse_jobs(tx, "w1", {first.job_id}, NOW) == 1
    assert [order.file for order in claim(database)] == [B]


def test_a_file_whose_workers_are_lost_waits_longer_each_time_and_tells(
    database: Database,
) -> None:
    discover(database, {A: "1"})
    waits = []
    at = NOW
    for _ in range(4):
        claim(database, at)
        with database.begin() as tx:
            return_parse_jobs(tx, "w1", (), at, lost=True)
            due = next_parse_due(tx)
        assert due is not None
        waits.append((due - at).total_seconds())
        at = due
    assert waits == [0, 5, 10, 20]
    with database.read() as tx:
        (error,) = list_import_errors(tx)
    assert error.message == "4 workers in a row were lost while they imported this file."

    # A change of the file is a new chance.
    discover(database, {A: "2"}, at=at)
    parse(database, A, at=at)
    with database.read() as tx:
        assert count_import_errors(tx) == 0
        assert [file.losses for file in list_files(tx)] == [0]


def test_a_change_while_a_file_is_parsed_has_it_parsed_again(database: Database) -> None:
    discover(database, {A: "1"})
    (order,) = claim(database)
    discover(database, {A: "2"}, at=later(seconds=1))
    apply(database, report_on(order), later(seconds=2))
    assert len(claim(database, later(seconds=2))) == 1


def test_a_change_of_an_import_while_a_file_is_parsed_first_has_it_parsed_again(
    database: Database,
) -> None:
    discover(database, {A: "1", LIB: "1"}, LIB)
    (order,) = claim(database, later(seconds=1))
    # Nobody knows yet that the file imports it.
    discover(database, {A: "1", LIB: "2"}, LIB, at=later(seconds=2))
    apply(database, report_on(order, closure=Closure(files=(A, LIB))), later(seconds=3))
    assert len(claim(database, later(seconds=3))) == 1


def test_a_change_of_an_imported_file_has_its_importers_parsed_and_their_key_changed(
    database: Database,
) -> None:
    discover(database, {A: "1", B: "1", LIB: "1"}, LIB)
    first, second = claim(database, later(seconds=1))
    apply(database, report_on(first, closure=Closure(files=(A, LIB))), later(seconds=1))
    apply(database, report_on(second), later(seconds=1))
    before = keys(database)

    discover(database, {A: "1", B: "1", LIB: "2"}, LIB, at=later(seconds=2))

    assert [order.file for order in claim(database, later(seconds=2))] == [A]
    after = keys(database)
    assert after[A] != before[A]
    assert after[B] == before[B]


def keys(database: Database) -> dict[str, str | None]:
    with database.read() as tx:
        return {file.path: file.closure_digest for file in list_files(tx)}


def test_a_change_of_a_variable_has_its_readers_parsed_after_a_pause(
    database: Database, vault: Vault
) -> None:
    discover(database, {A: "1", B: "1"})
    first, second = claim(database)
    apply(database, report_on(first, closure=Closure(files=(A,), variables=("region",))))
    apply(database, report_on(second))
    before = keys(database)

    with database.begin() as tx:
        set_variable(tx, vault, VariableFacts(key="region", value="eu"), later(seconds=1))
    assert claim(database, later(seconds=4)) == []
    (order,) = claim(database, later(seconds=5))
    assert order.file == A
    assert keys(database)[A] != before[A]

    apply(database, report_on(order, closure=first_closure()), later(seconds=5))
    with database.begin() as tx:
        set_variable(tx, vault, VariableFacts(key="region", value="eu"), later(seconds=60))
    assert claim(database, later(seconds=61)) == []
    with database.begin() as tx:
        delete_variable(tx, "region", later(seconds=62))
    assert len(claim(database, later(seconds=62))) == 1


def first_closure() -> Closure:
    return Closure(files=(A,), variables=("region",))


def test_import_errors_are_kept_until_the_file_is_fixed(database: Database) -> None:
    discover(database, {A: "1"})
    fault = ImportFault(file=A, message="SyntaxError: bad", line=3, traceback="Traceback ...")
    parse(database, A, faults=(fault,))
    with database.read() as tx:
        (error,) = list_import_errors(tx)
        assert (error.file, error.line, error.stacktrace) == (A, 3, "Traceback ...")
        assert read_import_error(tx, error.id) == error
        assert read_import_error(tx, error.id + 1) is None

    discover(database, {A: "2"}, at=later(seconds=1))
    parse(database, A, spec(file=A), at=later(seconds=1))
    with database.read() as tx:
        assert count_import_errors(tx) == 0


def test_a_broken_file_is_parsed_again_when_anything_in_its_bundle_changes(
    database: Database,
) -> None:
    discover(database, {A: "1"})
    parse(database, A, faults=(ImportFault(file=A, message="No module named 'include.lib'"),))
    discover(database, {A: "1", LIB: "1"}, LIB, at=later(seconds=1))
    assert [order.file for order in claim(database, later(seconds=1))] == [A]


def test_errors_and_dags_of_a_file_that_is_gone_do_not_stay(database: Database) -> None:
    discover(database, {A: "1", B: "1"})
    first, second = claim(database)
    apply(database, report_on(first, spec(file=A)))
    apply(database, report_on(second, faults=(ImportFault(file=B, message="boom"),)))

    assert discover(database, {}).stale == ("sales",)

    with database.read() as tx:
        assert count_import_errors(tx) == 0
        assert read_dag(tx, "sales").is_stale
        assert list_files(tx) == []


def test_a_dropped_bundle_leaves_stale_dags(database: Database) -> None:
    with database.begin() as tx:
        upsert_bundle(tx, "examples", "/opt/examples", "/opt/examples")
    discover(database, {"a.py": "1"}, bundle="examples")
    parse(database, "a.py", spec(file="a.py"))
    with database.begin() as tx:
        drop_bundle(tx, "examples")
        assert read_bundle(tx, "examples") is None
        assert read_dag(tx, "sales").is_stale
        assert list_files(tx) == []


def test_what_a_file_row_tells(database: Database) -> None:
    discover(database, {A: "1"})
    parse(database, A, seconds=0.25, fork_unsafe="polars keeps threads")
    with database.read() as tx:
        file = read_file(tx, "main", A)
        assert read_file(tx, "main", B) is None
    assert file is not None
    assert (file.seconds, file.fork_unsafe, file.parsed_at) == (0.25, "polars keeps threads", NOW)
