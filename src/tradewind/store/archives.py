"""Tables of archived rows: what was deleted for its age, kept aside until somebody drops it.

One for each table and cleaning, ``_tradewind_deleted__<table>__<stamp>``. They have the columns of
their table as it was then, and no part in anything else.
"""

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, MetaData, Table, func, insert, inspect, select
from sqlalchemy.schema import CreateTable, DropTable

from tradewind.errors import NotFoundError, did_you_mean
from tradewind.store.columns import Id, Json, Moment
from tradewind.store.data_tables import metadata
from tradewind.store.database import Tx

_PREFIX = "_tradewind_deleted__"
_PLACE = "archive_place"


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """One table of archived rows."""

    name: str
    table: str
    """Where its rows came from."""
    rows: int


class Archive:
    """The tables of one cleaning; made when something is put into them."""

    def __init__(self, stamp: str) -> None:
        """Name them after the moment the cleaning began."""
        self.stamp = stamp
        self._tables: dict[str, Table] = {}

    def keep(self, tx: Tx, table: Table, which: ColumnElement[bool]) -> None:
        """Copy rows of a table that are about to be deleted."""
        if not tx.execute(select(select(table).where(which).exists())).scalar():
            return
        target = self._tables.get(table.name)
        if target is None:
            target = _target(table, f"{_PREFIX}{table.name}__{self.stamp}")
            self._tables[table.name] = target
        # Asked each time: the transaction that made it may have been undone.
        tx.execute(CreateTable(target, if_not_exists=True))
        names = [column.name for column in table.columns]
        tx.execute(insert(target).from_select(names, select(table).where(which)))


def _target(table: Table, name: str) -> Table:
    columns = [Column(column.name, column.type) for column in table.columns]
    place = Column(_PLACE, Id, primary_key=True, autoincrement=True)
    return Table(name, MetaData(), place, *columns)


def list_archives(tx: Tx) -> list[Archived]:
    """Answer the tables of archived rows, by name."""
    found = []
    for name in sorted(inspect(tx).get_table_names()):
        if name.startswith(_PREFIX):
            count = tx.execute(select(func.count()).select_from(_reflected(tx, name))).scalar_one()
            table = name.removeprefix(_PREFIX).rpartition("__")[0]
            found.append(Archived(name=name, table=table, rows=count))
    return found


def read_archived(tx: Tx, name: str, after: int, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Answer rows of an archive as people read them, and the place of the last.

    Moments are in ISO form, JSON as text, other bytes in base64.

    Raises:
        NotFoundError: There is no such archive.
    """
    table = _find(tx, name)
    query = select(table).where(table.c[_PLACE] > after).order_by(table.c[_PLACE]).limit(limit)
    rows = [dict(row) for row in tx.execute(query).mappings()]
    last = rows[-1][_PLACE] if rows else after
    return [dict(_readable(table, row)) for row in rows], last


def drop_archive(tx: Tx, name: str) -> None:
    """Delete a table of archived rows.

    Raises:
        NotFoundError: There is no such archive.
    """
    tx.execute(DropTable(_find(tx, name)))


def _find(tx: Tx, name: str) -> Table:
    known = [one for one in inspect(tx).get_table_names() if one.startswith(_PREFIX)]
    if name not in known:
        raise NotFoundError(
            "archive-not-found", f"There is no archive '{name}'.", did_you_mean(name, known)
        )
    return _reflected(tx, name)


def _reflected(tx: Tx, name: str) -> Table:
    """Answer the table with the types its columns have where they came from, if there still."""
    source = metadata.tables.get(name.removeprefix(_PREFIX).rpartition("__")[0])
    columns = []
    for told in inspect(tx).get_columns(name):
        of = None if source is None else source.columns.get(told["name"])
        columns.append(Column(told["name"], told["type"] if of is None else of.type))
    return Table(name, MetaData(), *columns)


def _readable(table: Table, row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for column in table.columns:
        value = row[column.name]
        if column.name == _PLACE:
            continue
        if isinstance(column.type, Moment) and isinstance(value, datetime):
            value = value.isoformat()
        elif isinstance(column.type, Json) and value is not None:
            value = msgspec.json.encode(value).decode()
        elif isinstance(value, bytes):
            value = _text(value)
        yield column.name, value


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
