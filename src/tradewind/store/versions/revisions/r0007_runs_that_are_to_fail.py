"""Runs that are to fail once their teardowns have ended."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    _change_run()


def _change_run() -> None:
    op.add_column("run", sa.Column("doom", sa.Text(), nullable=True))
