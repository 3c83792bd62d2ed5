"""The database's schema brought up to date by numbered revisions, at every start.

A database at the newest revision costs one small query; only an older or empty one loads Alembic.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, MetaData, event, inspect, text

from tradewind.errors import RefusedError, UsageError, did_you_mean
from tradewind.store.data_tables import metadata
from tradewind.store.database import Database, Tx
from tradewind.store.pools import ensure_default_pool

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.operations import Operations

HEAD = "0012"
"""The newest revision; a test holds it to the scripts in ``versions/revisions``."""

SCRIPTS = Path(__file__).parent / "versions"
"""Where Alembic finds its environment and the revisions."""

_VERSION = text("SELECT version_num FROM alembic_version")

_VERSION_TABLE = text(
    """CREATE TABLE alembic_version (
        version_num VARCHAR(32) NOT NULL,
        CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    )"""
)


def migrate(database: Database, default_pool_slots: int = 128) -> bool:
    """Bring the schema to the newest revision, whole or not at all; True when something was done.

    Two processes that start at once do it one after the other, the second finds it done.

    Args:
        database: Opened; empty, older or up to date.
        default_pool_slots: For the default pool, when the database is made.

    Raises:
        RefusedError: The database was written by a newer Tradewind.
    """
    with database.read() as tx:
        if read_revision(tx) == HEAD:
            return False
    with _rebuilding(database) as tx:
        if read_revision(tx) == HEAD:
            return False
        _upgrade(tx)
        ensure_default_pool(tx, default_pool_slots)
    return True


def downgrade(database: Database, revision: str) -> str:
    """Bring the schema back to an older revision, whole or not at all; answer the one it was at.

    What only later revisions have room for is lost: their tables and columns, with what is in them.

    Raises:
        UsageError: There is no such revision.
        RefusedError: The database is at an older one, was written by a newer Tradewind, or holds
            what the older schema forbids.
    """
    known = known_revisions()
    with _rebuilding(database) as tx:
        present = read_revision(tx)
        refuse_unknown(present, has_tables=bool(inspect(tx).get_table_names()))
        if revision not in known:
            hint = did_you_mean(revision, known) or f"There are {known[0]} to {known[-1]}."
            raise UsageError("unknown-revision", f"There is no revision '{revision}'.", hint)
        if present is None or present < revision:
            raise RefusedError(
                "revision-is-later",
                f"The database is at revision {present or 'none'}, which is before {revision}.",
                "'db migrate' goes forward.",
            )
        for step in reversed(known[known.index(revision) + 1 : known.index(present) + 1]):
            _undo(tx, step, known[known.index(step) - 1])
    return present


class _UndoneError(Exception):
    """Ends a transaction whose statements were only to be seen."""


def statements_of(database: Database, revision: str | None, default_pool_slots: int) -> list[str]:
    """Answer the SQL of a migration, or of a downgrade to ``revision``; nothing is changed.

    Raises:
        TradewindError: It would be refused.
    """
    found: list[str] = []

    def note(_tx: object, _cursor: object, said: str, *_more: object) -> None:
        if said.split(maxsplit=1)[0].upper() not in ("SELECT", "PRAGMA", "BEGIN"):
            found.append(said.strip())

    def undo(_tx: object) -> None:
        if found:
            raise _UndoneError

    event.listen(database.engine, "before_cursor_execute", note)
    event.listen(database.engine, "commit", undo)
    try:
        if revision is None:
            migrate(database, default_pool_slots)
        else:
            downgrade(database, revision)
    except _UndoneError:
        pass
    finally:
        event.remove(database.engine, "commit", undo)
        event.remove(database.engine, "before_cursor_execute", note)
    return found


def known_revisions() -> list[str]:
    """Answer all revisions this version knows, the oldest first."""
    return sorted(path.name[1:5] for path in (SCRIPTS / "revisions").glob("r[0-9]*.py"))


def refuse_unknown(present: str | None, *, has_tables: bool) -> None:
    """Hold that a database is one this version can work with or bring up to date.

    Raises:
        RefusedError: It is of a newer Tradewind, or of another program.
    """
    if present is None:
        if not has_tables:
            return
    elif present in known_revisions():
        return
    elif present.isdigit():
        raise RefusedError(
            "database-newer",
            f"The database is at revision {present}, which this version does not know.",
            "Start the Tradewind that wrote it, or a newer one.",
        )
    raise RefusedError(
        "database-foreign",
        "The database is that of another program: it holds tables that are not Tradewind's.",
        "Move the file away, or set TRADEWIND_HOME to another folder.",
    )


@contextmanager
def _rebuilding(database: Database) -> Iterator[Tx]:
    """Open a transaction in which tables may be made anew.

    A table is made anew by dropping the old one, and that would take along the rows that refer to
    it; so references are not followed meanwhile, and are checked at the end.
    """
    with database.without_references(), database.begin() as tx:
        yield tx
        broken = tx.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(1)
        if broken:
            raise RefusedError(
                "database-not-usable",
                f"A row of table '{broken[0][0]}' refers to one of '{broken[0][2]}' that is gone.",
                "Put a good copy of the database in its place.",
            )


def create_schema(database: Database, default_pool_slots: int = 128) -> None:
    """Make all tables of an empty database at once, as ``migrate`` would; for tests in memory."""
    with database.begin() as tx:
        metadata.create_all(tx)
        tx.execute(_VERSION_TABLE)
        tx.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        ensure_default_pool(tx, default_pool_slots)


def read_revision(tx: Tx) -> str | None:
    """Answer the revision a database is at, None for an empty one."""
    if not inspect(tx).has_table("alembic_version"):
        return None
    found: str | None = tx.execute(_VERSION).scalar_one_or_none()
    return found


def _upgrade(tx: Tx) -> None:
    # Late: it takes 200 ms to import, and a database is at the newest revision at most starts.
    from alembic import command  # noqa: PLC0415

    present = read_revision(tx)
    refuse_unknown(present, has_tables=bool(inspect(tx).get_table_names()))
    command.upgrade(alembic_config(tx), "head")


def alembic_config(tx: Tx) -> "Config":
    """Answer what Alembic needs to know to migrate in this transaction."""
    from alembic.config import Config  # noqa: PLC0415 - see _upgrade

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("version_locations", str(SCRIPTS / "revisions").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = tx
    return config


def _undo(tx: Tx, step: str, before: str) -> None:
    """Take one revision back: by its own ``downgrade``, else by dropping what it brought."""
    from alembic.operations import Operations  # noqa: PLC0415 - see _upgrade
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    script = ScriptDirectory.from_config(alembic_config(tx)).get_revision(step)
    context = MigrationContext.configure(tx, opts={"render_as_batch": True})
    with Operations.context(context) as operations:
        undo = getattr(script.module, "downgrade", None)
        if undo is not None:
            undo()
        else:
            _drop_what_is_new(tx, operations, _schema_at(before))
    tx.execute(text("UPDATE alembic_version SET version_num = :old"), {"old": before})


def _schema_at(revision: str) -> MetaData:
    """Answer the tables that an empty database has at a revision."""
    from alembic import command  # noqa: PLC0415 - see _upgrade

    scratch, schema = Database(None), MetaData()
    with scratch.begin() as tx:
        command.upgrade(alembic_config(tx), revision)
        schema.reflect(tx)
    scratch.close()
    return schema


def _drop_what_is_new(tx: Tx, operations: "Operations", wanted: MetaData) -> None:
    present = MetaData()
    present.reflect(tx)
    # Archived rows are no part of the schema.
    ours = [table for table in reversed(present.sorted_tables) if not table.name.startswith("_")]
    for table in ours:
        before = wanted.tables.get(table.name)
        if before is None:
            operations.drop_table(table.name)
            continue
        kept = {str(index.name) for index in before.indexes}
        for index in table.indexes:
            if str(index.name) not in kept:
                operations.drop_index(str(index.name), table.name)
        for column in table.columns:
            if column.name not in before.columns:
                operations.drop_column(table.name, column.name)
        _bring_back(operations, before, table)


def _bring_back(operations: "Operations", before: Any, table: Any) -> None:
    """Make the columns and indexes again that the revision took away."""
    for column in before.columns:
        if column.name not in table.columns:
            operations.add_column(
                table.name,
                Column(
                    column.name,
                    column.type,
                    nullable=column.nullable,
                    server_default=column.server_default,
                ),
            )
    there = {str(index.name) for index in table.indexes}
    for index in before.indexes:
        if str(index.name) not in there:
            index.create(operations.get_bind())
