"""Revisions, back and forth, in a database that the product has filled."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import inspect

from tests.conformance.api.conftest import NOW, Stack
from tradewind.core.states import LegState
from tradewind.errors import RefusedError, TradewindError, UsageError
from tradewind.store.database import Database, Tx
from tradewind.store.migrations import (
    HEAD,
    alembic_config,
    downgrade,
    known_revisions,
    migrate,
    read_revision,
)

Rows = dict[str, list[dict[str, Any]]]

OLDER = known_revisions()[:-1]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a database with a bit of everything: ended, live and failed work, settings."""
    home = tmp_path_factory.mktemp("filled")
    stack = Stack(home)
    _fill(stack, home)
    stack.close()
    return (home / "tradewind.db").read_bytes()


def _fill(stack: Stack, home: Path) -> None:
    stack.discover(home / "project")
    worker = stack.register()
    stack.parse(worker)
    stack.ask("POST", "/api/v2/variables", {"key": "k", "value": "v"}, status=201)
    stack.ask("POST", "/api/v2/pools", {"name": "p", "slots": 3}, status=201)
    stack.ask(
        "POST", "/api/v2/connections", {"connection_id": "c", "conn_type": "http"}, status=201
    )
    backfill = {"dag_id": "daily_sales", "from_date": "2026-04-01T00:00:00Z"}
    stack.ask("POST", "/api/v2/backfills", backfill | {"to_date": "2026-04-03T00:00:00Z"})
    stack.tick()
    stack.trigger(note="by hand", conf={"region": "north"})
    ended = 0
    for outcome in (LegState.SUCCESS, LegState.FAILED, LegState.SUCCESS, LegState.SUCCESS):
        for order in stack.exchange(worker).claims:
            stack.finish(worker, order, outcome, b'{"rows": 3}')
            ended += 1
    assert ended >= 4


@pytest.fixture
def database(filled: bytes, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "tradewind.db"
    path.write_bytes(filled)
    opened = Database(path)
    yield opened
    opened.close()


def rows_of(tx: Tx) -> Rows:
    names = [name for name in inspect(tx).get_table_names() if not name.startswith("alembic")]
    found = {}
    for name in names:
        result = tx.exec_driver_sql(f'SELECT * FROM "{name}"')
        found[name] = [dict(row) for row in result.mappings()]
    return found


def shape_of(database: Database) -> dict[str, Any]:
    """Columns, keys and indexes of every table."""
    with database.read() as tx:
        seen = inspect(tx)
        return {
            name: (
                {c["name"]: (str(c["type"]), c["nullable"]) for c in seen.get_columns(name)},
                seen.get_pk_constraint(name)["constrained_columns"],
                sorted(map(str, seen.get_foreign_keys(name))),
                sorted(str(one["column_names"]) for one in seen.get_unique_constraints(name)),
                {i["name"]: _index(i) for i in seen.get_indexes(name)},
            )
            for name in seen.get_table_names()
        }


def _index(facts: Any) -> tuple[Any, ...]:
    condition = facts.get("dialect_options", {}).get("sqlite_where")
    return facts["column_names"], facts["unique"], str(condition)


def kept_rows(before: Rows, now: Rows) -> Rows:
    """What of the rows has a place in the tables and columns of ``now``."""
    kept = {}
    for name in before.keys() & now.keys():
        columns = set(now[name][0]) if now[name] else set()
        kept[name] = [{c: row[c] for c in row.keys() & columns} for row in before[name]]
    return kept


def test_what_is_filled_is_worth_it(database: Database) -> None:
    with database.read() as tx:
        empty = {name for name, rows in rows_of(tx).items() if not rows}
    assert not empty & {"run", "task_instance", "attempt", "event", "xcom", "dag", "backfill_date"}


@pytest.fixture(scope="module")
def shapes() -> dict[str, dict[str, Any]]:
    """What the revisions make of an empty database, one after the other."""
    fresh, found = Database(None), {}
    for revision in known_revisions():
        with fresh.begin() as tx:
            command.upgrade(alembic_config(tx), revision)
        found[revision] = shape_of(fresh)
    fresh.close()
    return found


def test_history_is_still_there_after_going_back_and_forth(
    database: Database, shapes: dict[str, dict[str, Any]]
) -> None:
    with database.read() as tx:
        before = rows_of(tx)
    for revision in reversed(OLDER):
        downgrade(database, revision)
        assert shape_of(database) == shapes[revision], revision
        with database.read() as tx:
            assert read_revision(tx) == revision
            back = rows_of(tx)
        for name, rows in kept_rows(before, back).items():
            assert back[name] == rows, (revision, name)
    assert migrate(database)

    with database.read() as tx:
        forth = rows_of(tx)
    for name in back:
        assert len(forth[name]) == len(before[name]), name
        for old, new in zip(back[name], forth[name], strict=True):
            assert old.items() <= new.items(), name
    assert shape_of(database) == shapes[HEAD]


def test_work_goes_on_after_going_back_and_forth(filled: bytes, tmp_path: Path) -> None:
    (tmp_path / "tradewind.db").write_bytes(filled)
    database = Database(tmp_path / "tradewind.db")
    downgrade(database, OLDER[0])
    database.close()
    stack = Stack(tmp_path)
    # What the worker of then held is lost, and tried again by another.
    for minutes in range(0, 30, 2):
        stack.clock.at = NOW + timedelta(minutes=minutes)
        worker = stack.register()
        stack.tick()
        for order in stack.exchange(worker).claims:
            stack.finish(worker, order, LegState.SUCCESS)
    runs = stack.get("/api/v2/dags/daily_sales/dagRuns")["dag_runs"]
    stack.close()
    assert {run["state"] for run in runs} <= {"success", "failed"}
    assert "success" in {run["state"] for run in runs}


@pytest.mark.parametrize(
    ("revision", "kind", "told"),
    [
        ("0", UsageError, "There is no revision '0'."),
        ("9999", UsageError, "There is no revision '9999'."),
    ],
)
def test_what_there_is_not_is_no_place_to_go(
    database: Database, revision: str, kind: type[TradewindError], told: str
) -> None:
    with pytest.raises(kind) as caught:
        downgrade(database, revision)
    assert told in str(caught.value)


def test_back_is_not_forth(database: Database) -> None:
    downgrade(database, OLDER[0])
    with pytest.raises(RefusedError, match="'db migrate' goes forward"):
        downgrade(database, HEAD)


def test_tables_of_another_program_are_left_alone() -> None:
    database = Database(None)
    with database.begin() as tx:
        tx.exec_driver_sql("CREATE TABLE theirs (x)")
    with pytest.raises(RefusedError, match="of another program"):
        migrate(database)
    with database.read() as tx:
        assert inspect(tx).get_table_names() == ["theirs"]
    database.close()
