"""Whether a database file can be worked with: opened, read, written, and whole.

Looks at the file as it lies there, beside a server that has it open or without one, and changes
nothing in it.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tradewind.errors import NotFoundError
from tradewind.store.faults import damaged, explain, read_only
from tradewind.store.migrations import HEAD, refuse_unknown

_LOCK_SECONDS = 1.0
_READ_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a database that is sound."""

    revision: str
    is_current: bool
    """Whether that is the newest revision this version knows."""
    bytes: int
    free_bytes: int
    """Of these: what deleted rows left, to be used by new ones."""


def examine(path: Path, *, whole: bool = True) -> Examined:
    """Look at a database file; with ``whole``, at every page of it.

    Raises:
        NotFoundError: There is no file.
        RefusedError: It is damaged, cannot be written, or is not of this Tradewind.
        UnavailableError: Another program keeps it locked.
    """
    if not path.exists():
        raise NotFoundError(
            "database-not-found",
            f"There is no database at {path}.",
            "'db migrate' makes it, and so does 'standalone'.",
        )
    _refuse_unwritable(path)
    with _opened(path) as db:
        tables = {name for (name,) in db.execute(_READ_TABLES)}
        revision = None
        if "alembic_version" in tables:
            revision = next(iter(db.execute("SELECT version_num FROM alembic_version")), (None,))[0]
        refuse_unknown(revision, has_tables=bool(tables))
        # Taken and given back: whether somebody else may write, not only read.
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")
        if whole:
            _refuse_damaged(path, db)
        size, pages, free = (
            next(iter(db.execute(f"PRAGMA {name}")))[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
    return Examined(
        revision=revision or "none",
        is_current=revision == HEAD,
        bytes=size * pages,
        free_bytes=size * free,
    )


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
    try:
        yield db
    except sqlite3.DatabaseError as error:
        raise explain(path, error) from error
    finally:
        db.close()


def _refuse_unwritable(path: Path) -> None:
    # The folder too: what is being written lies beside the file for a while.
    for place in (path, path.parent):
        if not os.access(place, os.W_OK):
            raise read_only(place)


def _refuse_damaged(path: Path, db: sqlite3.Connection) -> None:
    found = [text for (text,) in db.execute("PRAGMA quick_check(1)")]
    if found != ["ok"]:
        raise damaged(path, " ".join(found[0].split()))
