"""Template fields as rendered."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    _change_rendered_fields()
    _index_rendered_fields()


def _change_rendered_fields() -> None:
    op.create_table(
        "rendered_fields",
        sa.Column("ti_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("run_pk", sa.BigInteger(), nullable=False),
        sa.Column("fields", sa.LargeBinary(), nullable=False),
        sa.Column("links", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["ti_id"], ["task_instance.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ti_id", "try_number"),
        sqlite_with_rowid=False,
    )


def _index_rendered_fields() -> None:
    op.create_index("ix_rendered_fields_run", "rendered_fields", ["dag_id", "run_pk"], unique=False)
