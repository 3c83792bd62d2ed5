"""The database's schema brought up to date by numbered revisions, at every start.

A database at the newest revision costs one small query; only an older or empty one loads Alembic.
"""

from pathlib import Path

from sqlalchemy import inspect, text

from tradewind.errors import RefusedError
from tradewind.store.data_tables import metadata
from tradewind.store.database import Database, Tx
from tradewind.store.pools import ensure_default_pool

HEAD = "0006"
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
    with database.begin() as tx:
        if read_revision(tx) == HEAD:
            return False
        _upgrade(tx)
        ensure_default_pool(tx, default_pool_slots)
    return True


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
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("version_locations", str(SCRIPTS / "revisions").replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = tx
    present = read_revision(tx)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if present is not None and present not in known:
        raise RefusedError(
            "database-newer",
            f"The database is at revision {present}, which this version does not know.",
            "Start the Tradewind that wrote it, or a newer one.",
        )
    command.upgrade(config, "head")
