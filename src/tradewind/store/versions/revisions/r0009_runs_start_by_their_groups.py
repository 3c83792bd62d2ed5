"""Runs start by their groups; a Dag has several backfills, each with a choice of code."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_QUEUED = sa.text("state = 'queued'")
_RUNNING = sa.text("state = 'running'")
_OF_BACKFILL = sa.text("backfill_id IS NOT NULL")
_NOT_COMPLETED = sa.text("completed_at IS NULL")
_UNFINISHED = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    """Apply this revision."""
    _change_backfill()
    _change_run()
    _index_run()


def _change_backfill() -> None:
    op.add_column(
        "backfill",
        sa.Column("code", sa.String(length=20), server_default="latest", nullable=False),
    )
    op.add_column("backfill", sa.Column("updated_at", sa.BigInteger(), nullable=True))
    op.drop_index("uq_backfill_active", table_name="backfill")
    op.create_index(
        "ix_backfill_active",
        "backfill",
        ["dag_id"],
        unique=False,
        sqlite_where=_NOT_COMPLETED,
        postgresql_where=_NOT_COMPLETED,
    )


def _change_run() -> None:
    op.add_column("run", sa.Column("place", sa.Integer(), nullable=True))
    op.add_column("run", sa.Column("due_at", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE run SET due_at = CASE WHEN logical_date > run_after THEN logical_date "
        "ELSE run_after END"
    )
    op.execute("UPDATE run SET place = id WHERE backfill_id IS NOT NULL AND state = 'queued'")


def _index_run() -> None:
    op.drop_index("ix_run_active", table_name="run")
    op.drop_index("ix_run_active_dag", table_name="run")
    op.drop_index("ix_run_backfill", table_name="run")
    op.create_index(
        "ix_run_backfill",
        "run",
        ["backfill_id", "state"],
        unique=False,
        sqlite_where=_OF_BACKFILL,
        postgresql_where=_OF_BACKFILL,
    )
    op.create_index(
        "ix_run_queued",
        "run",
        ["dag_id", "backfill_id", "place", "run_after"],
        unique=False,
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )
    op.create_index(
        "ix_run_queued_due",
        "run",
        ["due_at"],
        unique=False,
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    )
    op.create_index(
        "ix_run_running",
        "run",
        ["dag_id", "backfill_id"],
        unique=False,
        sqlite_where=_RUNNING,
        postgresql_where=_RUNNING,
    )


def downgrade() -> None:
    """Take this revision back. Of the active backfills of a Dag the oldest one stays so."""
    for name in ("ix_run_running", "ix_run_queued_due", "ix_run_queued", "ix_run_backfill"):
        op.drop_index(name, table_name="run")
    op.drop_index("ix_backfill_active", table_name="backfill")
    op.drop_column("run", "due_at")
    op.drop_column("run", "place")
    op.drop_column("backfill", "updated_at")
    op.drop_column("backfill", "code")
    op.execute(
        "UPDATE backfill SET completed_at = created_at WHERE completed_at IS NULL AND id NOT IN "
        "(SELECT MIN(id) FROM backfill WHERE completed_at IS NULL GROUP BY dag_id)"
    )
    _index_as_before("uq_backfill_active", "backfill", ["dag_id"], _NOT_COMPLETED, unique=True)
    _index_as_before("ix_run_active", "run", ["state", "run_after"], _UNFINISHED)
    _index_as_before("ix_run_active_dag", "run", ["dag_id"], _UNFINISHED)
    _index_as_before("ix_run_backfill", "run", ["backfill_id"], _OF_BACKFILL)


def _index_as_before(
    name: str, table: str, columns: list[str], where: sa.TextClause, *, unique: bool = False
) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
