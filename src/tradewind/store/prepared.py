"""Statements that are built and compiled once, then handed to the driver as they are.

Most of what a small statement costs through SQLAlchemy is the way to the driver, not the database.
Here that way is short: text, order of parameters and conversions of types are worked out at the
first use. What SQLAlchemy knows stays in force: the transaction under way, the types of columns,
its errors, and whoever listens to statements.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import BindParameter, Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import Select
from sqlalchemy.sql.visitors import cloned_traverse
from sqlalchemy.types import TypeEngine

Convert = Callable[[Any], Any]
Values = Mapping[str, Any]
Row = Any
"""A tuple, its columns known by name too."""
Record = dict[str, Any]
"""A row by the names of its columns."""

_NOTHING: dict[str, Any] = {}


class Prepared:
    """One statement; its parameters are given by the names of its ``bindparam``s.

    An ``expanding`` parameter takes a sequence, and the text is kept for each length of it.
    """

    def __init__(self, statement: "Select[Any] | UpdateBase", columns: Sequence[str] = ()) -> None:
        """Keep a statement; it is compiled when it is used first.

        Args:
            statement: What to run.
            columns: Of an insert: the columns that are given.
        """
        self._statement = cloned_traverse(statement, {}, {"bindparam": _write_out})
        self._columns = list(columns) or None
        self._compiled: _Compiled | None = None

    def rows(self, tx: Connection, values: Values = _NOTHING) -> list[Row]:
        """Answer all rows."""
        return self._fetch(tx, values)[1]

    def row(self, tx: Connection, values: Values = _NOTHING) -> Row | None:
        """Answer the only row, or None."""
        found = self._fetch(tx, values)[1]
        return found[0] if found else None

    def value(self, tx: Connection, values: Values = _NOTHING) -> Any:
        """Answer the first column of the only row, or None."""
        found = self._fetch(tx, values)[1]
        return found[0][0] if found else None

    def column(self, tx: Connection, values: Values = _NOTHING) -> list[Any]:
        """Answer the first column of all rows."""
        return [row[0] for row in self._fetch(tx, values)[1]]

    def records(self, tx: Connection, values: Values = _NOTHING) -> list[dict[str, Any]]:
        """Answer all rows by the names of their columns."""
        names, found = self._fetch(tx, values)
        return [dict(zip(names, row, strict=True)) for row in found]

    def record(self, tx: Connection, values: Values = _NOTHING) -> dict[str, Any] | None:
        """Answer the only row by the names of its columns, or None."""
        names, found = self._fetch(tx, values)
        return dict(zip(names, found[0], strict=True)) if found else None

    def run(self, tx: Connection, values: Values = _NOTHING) -> int:
        """Write; answer how many rows it concerned."""
        compiled = self._compiled_for(tx.dialect)
        text, bind = compiled.text_for(values)
        return cast(int, execute_text(tx, text, bind(values)).rowcount)

    def run_many(self, tx: Connection, many: Sequence[Values]) -> int:
        """Write once for each of these; answer how many rows they concerned."""
        if len(many) == 1:
            return self.run(tx, many[0])
        compiled = self._compiled_for(tx.dialect)
        text, bind = compiled.text_for(many[0])
        parameters = [bind(values) for values in many]
        return cast(int, execute_text(tx, text, parameters, many=True).rowcount)

    def _fetch(self, tx: Connection, values: Values) -> tuple[Sequence[str], list[Row]]:
        compiled = self._compiled_for(tx.dialect)
        text, bind = compiled.text_for(values)
        cursor = execute_text(tx, text, bind(values))
        found: list[Row] = cursor.fetchall()
        if found:
            found = compiled.convert(found, cursor.description)
        cursor.close()
        return compiled.names, found

    def _compiled_for(self, dialect: Dialect) -> "_Compiled":
        compiled = self._compiled
        if compiled is None or compiled.dialect is not dialect:
            compiled = self._compiled = _Compiled(self._statement, self._columns, dialect)
        return compiled


class _Compiled:
    """A statement as one dialect says it."""

    def __init__(
        self, statement: "Select[Any] | UpdateBase", columns: list[str] | None, dialect: Dialect
    ) -> None:
        self.dialect = dialect
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        self._compiled = compiled
        self._given = {name: one for name, one in compiled.binds.items() if one.required}
        self._lists = [name for name, one in self._given.items() if one.expanding]
        self._texts: dict[tuple[int, ...], tuple[str, Convert]] = {}
        results = [(one.key, one.type) for one in statement.exported_columns]
        self.names = [str(name) for name, _ in results]
        self._make = _maker(self.names)
        self._types: list[TypeEngine[Any]] = [kind for _, kind in results]
        self._converts: list[tuple[int, Convert]] | None = None

    def text_for(self, values: Values) -> tuple[str, Convert]:
        """Answer the text, and what makes the driver's parameters of the values given."""
        lengths = tuple([len(values[name]) for name in self._lists])
        found = self._texts.get(lengths)
        if found is None:
            found = self._texts[lengths] = self._expand(
                dict(zip(self._lists, lengths, strict=True))
            )
        return found

    def _expand(self, lengths: dict[str, int]) -> tuple[str, Convert]:
        compiled = self._compiled
        known = {name: one.effective_value for name, one in compiled.binds.items()}
        known.update({name: [None] * length for name, length in lengths.items()})
        state = compiled.construct_expanded_state(known)
        origins = {
            new: (name, place)
            for name, expanded in state.parameter_expansion.items()
            for place, new in enumerate(expanded)
        }
        order = list(state.parameters) if state.positiontup is None else list(state.positiontup)
        sources = []
        for name in order:
            origin, place = origins.get(name, (name, None))
            sources.append(self._source(compiled.binds[origin], origin, place))

        def bind(values: Values) -> Any:
            parameters = []
            for name, place, convert, fixed in sources:
                if name is None:
                    parameters.append(fixed)
                    continue
                value = values[name] if place is None else values[name][place]
                parameters.append(value if convert is None else convert(value))
            return parameters

        if state.positiontup is not None:
            return state.statement, bind
        return state.statement, lambda values: dict(zip(order, bind(values), strict=True))

    def _source(
        self, bind: BindParameter[Any], name: str, place: int | None
    ) -> tuple[str | None, int | None, Convert | None, Any]:
        """Answer whence a parameter comes: a name given, an item of it, or a value that stands."""
        convert = bind.type.dialect_impl(self.dialect).bind_processor(self.dialect)
        if name in self._given:
            return name, place, convert, None
        value: Any = bind.effective_value
        if place is not None:
            value = value[place]
        return None, None, None, value if convert is None else convert(value)

    def convert(self, found: list[Row], description: Sequence[Sequence[Any]]) -> list[Row]:
        """Turn what the driver gave into what the types of the columns say."""
        if self._converts is None:
            made = [
                kind.dialect_impl(self.dialect).result_processor(self.dialect, column[1])
                for kind, column in zip(self._types, description, strict=True)
            ]
            self._converts = [(at, one) for at, one in enumerate(made) if one is not None]
        make = self._make
        if not self._converts:
            return [make(raw) for raw in found]
        converted = []
        for raw in found:
            row = list(raw)
            for at, convert in self._converts:
                value = row[at]
                if value is not None:
                    row[at] = convert(value)
            converted.append(make(row))
        return converted


def _write_out(bind: BindParameter[Any]) -> None:
    """Have a value that stands written into the text.

    SQLite plans with it then. A parameter in the condition of a partial index would have it plan
    anew at each execution.
    """
    if not bind.required:
        bind.literal_execute = True


def _maker(names: Sequence[str]) -> Callable[[Sequence[Any]], Row]:
    build: Any = namedtuple
    make: Callable[[Sequence[Any]], Row] = build("Row", names, rename=True)._make
    return make


def execute_text(tx: Connection, text: str, parameters: Any = (), *, many: bool = False) -> Any:
    """Run a text on the connection of a transaction; answer the cursor.

    Raises:
        DBAPIError: One of its kinds, as SQLAlchemy says it.
    """
    pooled = tx.connection
    cursor = pooled.cursor()
    for listener in tx.dispatch.before_cursor_execute:
        listener(tx, cursor, text, parameters, None, many)
    try:
        if many:
            cursor.executemany(text, parameters)
        else:
            cursor.execute(text, parameters)
    except tx.dialect.loaded_dbapi.Error as error:
        gone = tx.dialect.is_disconnect(error, pooled.dbapi_connection, cursor)
        if gone:
            tx.invalidate(error)
        raise DBAPIError.instance(
            text,
            parameters,
            error,
            tx.dialect.loaded_dbapi.Error,
            connection_invalidated=gone,
            dialect=tx.dialect,
            ismulti=many,
        ) from error
    return cursor
