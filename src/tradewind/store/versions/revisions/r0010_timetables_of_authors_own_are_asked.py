"""Timetables of authors' own are asked."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    _create_forecast()
    _change_callback()


def _create_forecast() -> None:
    op.create_table(
        "forecast",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("ticks", sa.LargeBinary(), nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("closure", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dag_id"),
    )


def _change_callback() -> None:
    op.add_column("callback", sa.Column("dag_id", sa.String(length=250), nullable=True))
    op.add_column("callback", sa.Column("question", sa.LargeBinary(), nullable=True))
    op.add_column("callback", sa.Column("answer", sa.LargeBinary(), nullable=True))
    # In a batch: SQLite makes the table anew, as it cannot let a column be null afterwards.
    with op.batch_alter_table("callback", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.alter_column("run_pk", existing_type=sa.BigInteger(), nullable=True)
    op.create_index(
        "ix_callback_dag",
        "callback",
        ["dag_id"],
        unique=False,
        sqlite_where=sa.text("dag_id IS NOT NULL"),
        postgresql_where=sa.text("dag_id IS NOT NULL"),
    )


def downgrade() -> None:
    """Take this revision back; questions to timetables are asked anew later."""
    op.drop_table("forecast")
    op.drop_index("ix_callback_dag", "callback")
    op.execute(sa.text("DELETE FROM callback WHERE run_pk IS NULL"))
    with op.batch_alter_table("callback", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.alter_column("run_pk", existing_type=sa.BigInteger(), nullable=False)
        batch.drop_column("answer")
        batch.drop_column("question")
        batch.drop_column("dag_id")
