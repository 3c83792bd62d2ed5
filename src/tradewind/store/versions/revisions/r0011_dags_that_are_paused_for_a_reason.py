"""Dags that are paused for a reason."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    _change_dag()


def _change_dag() -> None:
    op.add_column("dag", sa.Column("pause_reason", sa.Text(), nullable=True))
