"""Bundles that are pinned."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    _change_bundle_tree()
    _change_bundle()
    _change_dag()
    _change_dag_version()
    _change_run()


def _change_bundle_tree() -> None:
    op.create_table(
        "bundle_tree",
        sa.Column("bundle", sa.String(length=250), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=250), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("dags_folder", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bundle", "digest"),
    )


def _change_bundle() -> None:
    op.add_column(
        "bundle", sa.Column("kind", sa.String(length=20), server_default="local", nullable=False)
    )
    op.add_column(
        "bundle", sa.Column("version", sa.String(length=250), server_default="", nullable=False)
    )
    op.add_column(
        "bundle", sa.Column("is_pinned", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("bundle", sa.Column("fault", sa.Text(), server_default="", nullable=False))
    op.add_column("bundle", sa.Column("fault_at", sa.BigInteger(), nullable=True))


def _change_dag() -> None:
    op.add_column(
        "dag", sa.Column("digest", sa.String(length=64), server_default="", nullable=False)
    )


def _change_dag_version() -> None:
    op.add_column(
        "dag_version",
        sa.Column("source_digest", sa.String(length=64), server_default="", nullable=False),
    )


def _change_run() -> None:
    op.add_column(
        "run", sa.Column("pinned_file", sa.String(length=2000), server_default="", nullable=False)
    )
    op.create_index(
        "ix_run_pinned",
        "run",
        ["bundle", "digest"],
        unique=False,
        sqlite_where=sa.text("pinned_file != ''"),
        postgresql_where=sa.text("pinned_file != ''"),
    )
