"""What a driver's error means for who works with the database file."""

import sqlite3
from pathlib import Path

from tradewind.errors import RefusedError, TradewindError, UnavailableError


def explain(path: Path | None, error: BaseException | None) -> TradewindError:
    """Answer what the driver's error means for who works with this database."""
    code = _primary_code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return UnavailableError(
            "database-locked",
            f"Another program keeps {path} locked.",
            "End it, or its transaction, and try again.",
        )
    if code == sqlite3.SQLITE_READONLY:
        return read_only(path)
    if code == sqlite3.SQLITE_CORRUPT:
        return damaged(path, str(error))
    return RefusedError(
        "database-not-usable",
        f"{path} cannot be opened: {error}.",
        "Put a good copy in its place, or set TRADEWIND_HOME to another folder.",
    )


def is_damage(error: BaseException | None) -> bool:
    """Tell whether the driver met a file that is not whole."""
    return _primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _primary_code(error: BaseException | None) -> int:
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def damaged(path: Path | None, what: str) -> RefusedError:
    """Answer that a file is not whole."""
    return RefusedError(
        "database-damaged",
        f"{path} is damaged: {what}.",
        "Stop Tradewind and put a good copy in its place; 'sqlite3 FILE .recover' saves what can "
        "be read.",
    )


def read_only(place: Path | None) -> RefusedError:
    """Answer that a file or folder cannot be written."""
    return RefusedError(
        "database-read-only",
        f"{place} cannot be written.",
        "Give this user the right to write it, or set TRADEWIND_HOME to another folder.",
    )
