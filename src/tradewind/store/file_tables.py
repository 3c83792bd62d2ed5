"""Tables of where Dag files come from: bundles, what is kept of them, files, what imports read."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from tradewind.store.columns import Id, Moment
from tradewind.store.tables import metadata as metadata

bundle = Table(
    "bundle",
    metadata,
    Column("name", String(250), primary_key=True),
    Column("root", Text, nullable=False),
    Column("dags_folder", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("refreshed_at", Moment),
    Column("kind", String(20), nullable=False, server_default="local"),
    Column("version", String(250), nullable=False, server_default=""),
    Column("is_pinned", Boolean, nullable=False, server_default=false()),
    Column("fault", Text, nullable=False, server_default=""),
    Column("fault_at", Moment),
)

bundle_tree = Table(
    "bundle_tree",
    metadata,
    Column("bundle", String(250), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("version", String(250), nullable=False),
    Column("root", Text, nullable=False),
    Column("dags_folder", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

bundle_file = Table(
    "bundle_file",
    metadata,
    Column("bundle", String(250), primary_key=True),
    Column("path", String(2000), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("changed_at", Moment, nullable=False),
    sqlite_with_rowid=False,
)

dag_file = Table(
    "dag_file",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("bundle", String(250), nullable=False),
    Column("path", String(2000), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("closure_digest", String(64)),
    Column("generation", Integer, nullable=False, server_default=text("0")),
    Column("fork_unsafe", Text),
    Column("due_at", Moment),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("claimed_by", String(32)),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    Column("claim_seq", BigInteger),
    Column("claimed_at", Moment),
    Column("losses", Integer, nullable=False, server_default=text("0")),
    Column("parsed_at", Moment),
    Column("seconds", Float),
    UniqueConstraint("bundle", "path"),
)
Index("ix_dag_file_due", dag_file.c.due_at)
Index(
    "ix_dag_file_claimed",
    dag_file.c.claimed_by,
    sqlite_where=dag_file.c.claimed_by.is_not(None),
)

closure_entry = Table(
    "closure_entry",
    metadata,
    Column("file_id", Id, ForeignKey("dag_file.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(10), primary_key=True),
    Column("name", String(2000), primary_key=True),
    sqlite_with_rowid=False,
)
Index("ix_closure_entry_name", closure_entry.c.kind, closure_entry.c.name)

import_error = Table(
    "import_error",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("file_id", Id, ForeignKey("dag_file.id", ondelete="CASCADE"), nullable=False),
    Column("dag_id", String(250)),
    Column("bundle", String(250), nullable=False),
    Column("file", String(2000), nullable=False),
    Column("line", Integer),
    Column("message", Text, nullable=False),
    Column("stacktrace", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
Index("ix_import_error_file", import_error.c.file_id)
