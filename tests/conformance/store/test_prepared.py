"""Statements handed to the driver as they are say what they say through SQLAlchemy."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import bindparam, delete, event, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from tradewind.errors import UnavailableError
from tradewind.store.database import Database
from tradewind.store.prepared import Prepared, execute_text
from tradewind.store.tables import lease, worker

NOW = datetime(2026, 4, 20, 8, tzinfo=UTC)
_NAMES = select(lease.c.name, lease.c.until).order_by(lease.c.name)
_INSERT = Prepared(insert(lease), ["name", "holder", "epoch", "until"])


def rows(*names: str) -> list[dict]:
    return [
        {"name": name, "holder": "me", "epoch": place, "until": NOW + timedelta(seconds=place)}
        for place, name in enumerate(names)
    ]


def test_values_have_the_types_of_their_columns_both_ways(database: Database) -> None:
    columns = [column.name for column in worker.c]
    values = {
        "id": "w",
        "name": "one",
        "host": "here",
        "pid": 7,
        "slots": 2,
        "parse_slots": 1,
        "queues": ["default", "gpu"],
        "state": "live",
        "draining": True,
        "started_at": NOW,
        "renewed_at": NOW + timedelta(microseconds=1),
        "lease_until": NOW,
    }
    with database.begin() as tx:
        assert Prepared(insert(worker), columns).run(tx, values) == 1
        assert Prepared(select(worker)).record(tx) == values
        assert dict(tx.execute(select(worker)).mappings().one()) == values


def test_a_row_is_a_tuple_with_names(database: Database) -> None:
    with database.begin() as tx:
        _INSERT.run_many(tx, rows("a", "b"))
        found = Prepared(_NAMES).rows(tx)
        assert found == [("a", NOW), ("b", NOW + timedelta(seconds=1))]
        assert [row.until for row in found] == [NOW, NOW + timedelta(seconds=1)]


def test_what_is_not_there_is_none(database: Database) -> None:
    with database.begin() as tx:
        asked = Prepared(_NAMES)
        assert (asked.row(tx), asked.record(tx), asked.value(tx)) == (None, None, None)
        assert (asked.rows(tx), asked.column(tx)) == ([], [])


@pytest.mark.parametrize(
    ("names", "found"), [((), []), (("a",), ["a"]), (("c", "a"), ["a", "c"]), (("x",), [])]
)
def test_a_list_may_have_any_length(
    database: Database, names: tuple[str, ...], found: list[str]
) -> None:
    some = Prepared(_NAMES.where(lease.c.name.in_(bindparam("b_names", expanding=True))))
    others = Prepared(_NAMES.where(lease.c.name.not_in(bindparam("b_names", expanding=True))))
    with database.begin() as tx:
        _INSERT.run_many(tx, rows("a", "b", "c"))
        assert some.column(tx, {"b_names": names}) == found
        rest = sorted({"a", "b", "c"} - set(found))
        assert others.column(tx, {"b_names": names}) == rest


def test_values_that_stand_are_written_into_the_text(database: Database) -> None:
    texts: list[str] = []
    asked = Prepared(
        _NAMES.where(lease.c.holder == "it's me", lease.c.name.in_(["a", "b"])).where(
            lease.c.epoch >= bindparam("b_epoch")
        )
    )

    def keep(_c, _cursor, statement, _p, _x, _many):
        texts.append(statement)

    with database.begin() as tx:
        _INSERT.run_many(tx, [{**row, "holder": "it's me"} for row in rows("a", "b", "c")])
        event.listen(database.engine, "before_cursor_execute", keep)
        assert asked.column(tx, {"b_epoch": 1}) == ["b"]
        event.remove(database.engine, "before_cursor_execute", keep)
    assert "'it''s me'" in texts[0]
    assert texts[0].count("?") == 1


def test_writing_tells_how_many_rows_it_concerned(database: Database) -> None:
    prolong = Prepared(
        update(lease).where(lease.c.name == bindparam("b_name")).values(until=bindparam("b_until"))
    )
    with database.begin() as tx:
        assert _INSERT.run_many(tx, rows("a", "b", "c")) == 3
        wishes = [{"b_name": name, "b_until": NOW} for name in ("a", "c", "x")]
        assert prolong.run_many(tx, wishes) == 2
        assert Prepared(delete(lease)).run(tx) == 3


def test_errors_are_those_of_sqlalchemy(database: Database) -> None:
    with pytest.raises(IntegrityError), database.begin() as tx:
        _INSERT.run_many(tx, [*rows("a"), *rows("a")])
    with database.begin() as tx:
        assert Prepared(_NAMES).rows(tx) == []
        with pytest.raises(OperationalError, match="no such table: nope"):
            execute_text(tx, "SELECT * FROM nope")


def test_a_database_that_refuses_is_unavailable(database: Database) -> None:
    with (
        pytest.raises(UnavailableError, match="no such table: nope"),
        database.begin() as tx,
    ):
        execute_text(tx, "SELECT * FROM nope")
