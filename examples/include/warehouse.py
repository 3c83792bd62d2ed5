"""The warehouse: sales lines, rejected rows and daily totals in one SQLite file.

Everything is keyed by the day of the export. A day is replaced as a whole in one transaction, so
loading it again changes nothing and a reader never sees half of it.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from include.sales import BrokenRow, SalesLine

# Long enough for a whole backfill to queue for the one writer SQLite allows.
BUSY_TIMEOUT_SECONDS = 60

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS sales (
        sales_date TEXT NOT NULL, order_id TEXT NOT NULL, sku TEXT NOT NULL, sold_at TEXT NOT NULL,
        store TEXT NOT NULL, quantity INTEGER NOT NULL CHECK (quantity > 0),
        unit_price_cents INTEGER NOT NULL, amount_cents INTEGER NOT NULL, currency TEXT NOT NULL,
        customer TEXT NOT NULL, PRIMARY KEY (sales_date, order_id, sku)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS rejected (
        sales_date TEXT NOT NULL, line INTEGER NOT NULL, reason TEXT NOT NULL, fields TEXT NOT NULL,
        PRIMARY KEY (sales_date, line)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS daily_totals (
        sales_date TEXT NOT NULL, store TEXT NOT NULL, sku TEXT NOT NULL, currency TEXT NOT NULL,
        lines INTEGER NOT NULL, quantity INTEGER NOT NULL, amount_cents INTEGER NOT NULL,
        PRIMARY KEY (sales_date, store, sku, currency)
    ) WITHOUT ROWID
    """,
)


@dataclass(frozen=True, slots=True)
class DayLoaded:
    """What loading a day did."""

    replaced: int
    loaded: int
    rejected: int


@dataclass(frozen=True, slots=True)
class StoreTotal:
    """What one store sold on one day."""

    sales_date: date
    store: str
    currency: str
    quantity: int
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How much of a range of days the warehouse holds; ``rejected`` by reason."""

    days: int
    lines: int
    rejected: dict[str, int]


def load_day(
    path: Path, day: date, lines: Iterable[SalesLine], broken: Iterable[BrokenRow]
) -> DayLoaded:
    """Put the lines and the rejected rows of a day in place of what the warehouse held of it."""
    key = day.isoformat()
    with _transaction(path) as connection:
        replaced = connection.execute("DELETE FROM sales WHERE sales_date = ?", (key,)).rowcount
        connection.execute("DELETE FROM rejected WHERE sales_date = ?", (key,))
        loaded = connection.executemany(
            "INSERT INTO sales VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (_sales_record(key, line) for line in lines),
        ).rowcount
        rejected = connection.executemany(
            "INSERT INTO rejected VALUES (?, ?, ?, ?)",
            ((key, b.row.line, b.reason, json.dumps(b.row.fields)) for b in broken),
        ).rowcount
    return DayLoaded(replaced=replaced, loaded=max(loaded, 0), rejected=max(rejected, 0))


def aggregate_day(path: Path, day: date) -> int:
    """Work out the totals of a day by store and product anew, and count them."""
    key = day.isoformat()
    with _transaction(path) as connection:
        connection.execute("DELETE FROM daily_totals WHERE sales_date = ?", (key,))
        return connection.execute(
            """
            INSERT INTO daily_totals
            SELECT sales_date, store, sku, currency, count(*), sum(quantity), sum(amount_cents)
            FROM sales WHERE sales_date = ? GROUP BY sales_date, store, sku, currency
            """,
            (key,),
        ).rowcount


def read_store_totals(path: Path, first: date, last: date) -> list[StoreTotal]:
    """Read what each store sold on each day from first to last, oldest day first."""
    rows = _read(
        path,
        """
        SELECT sales_date, store, currency, sum(quantity), sum(amount_cents) FROM daily_totals
        WHERE sales_date BETWEEN ? AND ? GROUP BY sales_date, store, currency
        ORDER BY sales_date, store, currency
        """,
        first,
        last,
    )
    return [
        StoreTotal(date.fromisoformat(day), store, currency, quantity, cents)
        for day, store, currency, quantity, cents in rows
    ]


def read_figures(path: Path, first: date, last: date) -> Figures:
    """Count the days, lines and rejected rows the warehouse holds from first to last."""
    ((days, lines),) = _read(
        path,
        "SELECT count(DISTINCT sales_date), count(*) FROM sales WHERE sales_date BETWEEN ? AND ?",
        first,
        last,
    ) or [(0, 0)]
    rejected = _read(
        path,
        """
        SELECT reason, count(*) FROM rejected WHERE sales_date BETWEEN ? AND ?
        GROUP BY reason ORDER BY count(*) DESC, reason
        """,
        first,
        last,
    )
    return Figures(days=days, lines=lines, rejected=dict(rejected))


def _sales_record(key: str, line: SalesLine) -> tuple[str | int, ...]:
    return (
        key,
        line.order_id,
        line.sku,
        line.sold_at.isoformat(),
        line.store,
        line.quantity,
        line.unit_price_cents,
        line.amount_cents,
        line.currency,
        line.customer,
    )


@contextmanager
def _transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the warehouse for writing; all is committed at the end, or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(_connect(f"{path.as_uri()}?mode=rwc")) as connection:
        # Taking the write lock at once makes concurrent days wait for each other; a transaction
        # that starts by reading would fail on its first write instead.
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            connection.execute(statement)
        yield connection
        # Closing without this line rolls back.
        connection.execute("COMMIT")


def _read(path: Path, query: str, first: date, last: date) -> list[Any]:
    if not path.is_file():
        return []
    with closing(_connect(f"{path.as_uri()}?mode=ro")) as connection:
        return connection.execute(query, (first.isoformat(), last.isoformat())).fetchall()


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
