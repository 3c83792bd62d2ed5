"""The schema a database gets by revisions is the one the code's tables say."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from tradewind.errors import RefusedError
from tradewind.store.database import Database
from tradewind.store.migrations import HEAD, SCRIPTS, create_schema, migrate, read_revision
from tradewind.store.pools import read_pools


def schema_of(database: Database) -> dict[str, list[str]]:
    """Every table and index by the clauses of the statement that made it, in no order."""
    query = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    with database.read() as tx:
        return {name: _clauses(sql) for name, sql in tx.execute(query)}


def _clauses(sql: str) -> list[str]:
    """Split at the commas between columns: a column that was added stands on no line of its own."""
    # A table that SQLite had to make anew has its name in quotes.
    head, _, body = " ".join(sql.replace('"', "").split()).partition("(")
    clauses, depth = [""], 0
    for letter in body:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            clauses.append("")
        else:
            clauses[-1] += letter
    return [head, *sorted(clause.strip(" )") for clause in clauses)]


def test_revisions_make_the_tables_of_the_code(tmp_path: Path) -> None:
    migrated, created = Database(tmp_path / "a.db"), Database(None)
    assert migrate(migrated)
    create_schema(created)

    wanted, found = schema_of(created), schema_of(migrated)

    differ = {name for name in wanted | found if wanted.get(name) != found.get(name)}
    assert not differ, "write a revision: python -m tools.revision 'what changes'"
    migrated.close()
    created.close()


def test_a_database_at_the_newest_revision_is_left_alone(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db")
    assert migrate(database, default_pool_slots=3)
    assert not migrate(database, default_pool_slots=9)
    with database.read() as tx:
        assert read_revision(tx) == HEAD
        assert read_pools(tx)["default_pool"].slots == 3
    database.close()


def test_it_is_left_alone_without_loading_alembic(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db")
    migrate(database)
    database.close()
    code = (
        "import sys; from pathlib import Path\n"
        "from tradewind.store.database import Database\n"
        "from tradewind.store.migrations import migrate\n"
        "migrate(Database(Path(sys.argv[1])))\n"
        "sys.exit('alembic' in sys.modules or 'cryptography' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.db")], check=False)
    assert done.returncode == 0


def test_a_database_in_memory_is_migrated_too() -> None:
    database = Database(None)
    assert migrate(database)
    assert not migrate(database)
    database.close()


def test_a_created_schema_counts_as_migrated() -> None:
    database = Database(None)
    create_schema(database)
    assert not migrate(database)
    database.close()


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db")
    migrate(database)
    with database.begin() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RefusedError, match="revision 9999"):
        migrate(database)
    with database.read() as tx:
        assert read_revision(tx) == "9999"
    database.close()


def test_the_newest_revision_is_the_one_named() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("version_locations", str(SCRIPTS / "revisions"))
    config.set_main_option("path_separator", "newline")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


@pytest.mark.parametrize("make", [create_schema, migrate])
def test_what_is_spoken_of_elsewhere_never_gets_the_id_of_a_deleted_row(
    make: Callable[[Database], object],
) -> None:
    database = Database(None)
    make(database)
    add = text("INSERT INTO event (run_pk, run_seq, at, body) VALUES (1, 1, 0, 'x') RETURNING id")
    with database.begin() as tx:
        first = tx.execute(add).scalar_one()
        tx.execute(text("DELETE FROM event"))
        assert tx.execute(add).scalar_one() > first
    schema = schema_of(database)
    for name in ("run", "task_instance", "attempt", "event"):
        assert any("AUTOINCREMENT" in clause for clause in schema[name]), name
    database.close()
