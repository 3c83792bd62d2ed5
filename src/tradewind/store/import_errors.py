"""Import errors: why a Dag file gave no Dags, or why one of its Dags was refused.

They are written and cleared with the parse report of their file (``files``).
"""

from datetime import datetime

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select

from tradewind.store.dags import DagFacts
from tradewind.store.database import Tx
from tradewind.store.file_tables import dag_file, import_error


class ImportErrorFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One import error, with the user's own traceback."""

    id: int
    bundle: str
    file: str
    """Relative to the bundle's root."""
    dag_id: str | None
    """The Dag that was refused because another file holds it; None otherwise."""
    line: int | None
    message: str
    stacktrace: str
    at: datetime
    """When the file was parsed that way last."""


_FACTS = select(
    import_error.c.id,
    import_error.c.bundle,
    import_error.c.file,
    import_error.c.dag_id,
    import_error.c.line,
    import_error.c.message,
    import_error.c.stacktrace,
    import_error.c.at,
)
_LIST = _FACTS.order_by(import_error.c.bundle, import_error.c.file, import_error.c.id)
_OF_FILE = select(import_error.c.id).where(
    import_error.c.bundle == bindparam("b_bundle"), import_error.c.file == bindparam("b_file")
)
_READ = _FACTS.where(import_error.c.id == bindparam("b_id"))


_FILE = select(dag_file.c.id).where(
    dag_file.c.bundle == bindparam("b_bundle"), dag_file.c.path == bindparam("b_file")
)
_TIMETABLE = "The timetable of Dag "
"""How it is told that a timetable of an author's own could not answer."""
_CLEAR_TIMETABLE = delete(import_error).where(
    import_error.c.dag_id == bindparam("b_dag"), import_error.c.message.startswith(_TIMETABLE)
)


def set_timetable_error(tx: Tx, facts: DagFacts, said: str, now: datetime) -> None:
    """Say beside the import errors of its file why a Dag's timetable could not answer."""
    clear_timetable_error(tx, facts.dag_id)
    file_id = tx.execute(_FILE, {"b_bundle": facts.bundle, "b_file": facts.file}).scalar()
    if file_id is None:
        return
    tx.execute(
        insert(import_error),
        {
            "file_id": file_id,
            "dag_id": facts.dag_id,
            "bundle": facts.bundle,
            "file": facts.file,
            "line": None,
            "message": f"{_TIMETABLE}'{facts.dag_id}' does not answer: {said}",
            "stacktrace": "",
            "at": now,
        },
    )


def clear_timetable_error(tx: Tx, dag_id: str) -> None:
    """Take back what was said of a Dag's timetable."""
    tx.execute(_CLEAR_TIMETABLE, {"b_dag": dag_id})


def list_import_errors(tx: Tx, limit: int | None = None, offset: int = 0) -> list[ImportErrorFacts]:
    """Answer import errors by bundle and file."""
    rows = tx.execute(_LIST.limit(limit).offset(offset)).mappings()
    return [ImportErrorFacts(**row) for row in rows]


def count_import_errors(tx: Tx) -> int:
    """Answer how many import errors there are."""
    return int(tx.execute(select(func.count()).select_from(import_error)).scalar_one())


def read_import_error(tx: Tx, error_id: int) -> ImportErrorFacts | None:
    """Answer the import error of that id."""
    row = tx.execute(_READ, {"b_id": error_id}).mappings().one_or_none()
    return None if row is None else ImportErrorFacts(**row)


def has_import_error(tx: Tx, bundle: str, file: str) -> bool:
    """Tell whether an import error of this file is shown."""
    values = {"b_bundle": bundle, "b_file": file}
    return tx.execute(_OF_FILE, values).first() is not None
