"""Work on the database file itself, for which no server may run: migrate, downgrade, reset.

Each takes the lock of the home first, so that nobody starts meanwhile. Looking needs no lock.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from tradewind.config import Settings
from tradewind.server.home import lock_home, make_home
from tradewind.store import migrations
from tradewind.store.database import Database
from tradewind.store.integrity import Examined
from tradewind.store.integrity import examine as examine_file


def examine(settings: Settings, *, whole: bool) -> Examined:
    """Look at the database, beside a server or without one. See ``store.integrity``."""
    return examine_file(settings.database_path, whole=whole)


def migrate(settings: Settings) -> tuple[str | None, str]:
    """Bring the database to the newest revision; answer the one it was at, and that one.

    Raises:
        TradewindError: A server runs, or the database cannot be worked with.
    """
    with _alone(settings) as database:
        before = _revision(database)
        migrations.migrate(database, settings.default_pool_slots)
    return before, migrations.HEAD


def downgrade(settings: Settings, revision: str) -> str:
    """Bring the database back to an older revision; answer the one it was at.

    Raises:
        TradewindError: A server runs, there is no such revision, or it is a later one.
    """
    with _alone(settings) as database:
        return migrations.downgrade(database, revision)


def statements_of(settings: Settings, revision: str | None) -> list[str]:
    """Answer the SQL that a migration, or a downgrade to ``revision``, would run; change nothing.

    Raises:
        TradewindError: It would be refused.
    """
    with _alone(settings) as database:
        return migrations.statements_of(database, revision, settings.default_pool_slots)


def reset(settings: Settings, *, init: bool) -> None:
    """Delete the database with the logs of its runs, whatever state it is in; make an empty one.

    The key of secrets stays. What a worker still had to say of attempts goes too.

    Raises:
        TradewindError: A server runs, or the home cannot be written.
    """
    make_home(settings.home)
    with lock_home(settings.home):
        for suffix in ("", "-wal", "-shm", "-journal"):
            path = settings.database_path
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        for folder in (*settings.log_root.glob("dag_id=*"), settings.home / "spool"):
            shutil.rmtree(folder, ignore_errors=True)
        if init:
            database = Database(settings.database_path)
            migrations.migrate(database, settings.default_pool_slots)
            database.close()


@contextmanager
def _alone(settings: Settings) -> Iterator[Database]:
    make_home(settings.home)
    with lock_home(settings.home):
        database = Database(settings.database_path)
        try:
            yield database
        finally:
            database.close()


def _revision(database: Database) -> str | None:
    with database.read() as tx:
        return migrations.read_revision(tx)
