"""watchers of assets."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    _change_asset_watcher()
    _index_asset_watcher()
    _change_asset_watch()
    _index_asset_watch()


def _change_asset_watcher() -> None:
    op.create_table(
        "asset_watcher",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("classpath", sa.Text(), nullable=False),
        sa.Column("kwargs", sa.LargeBinary(), nullable=False),
        sa.Column("queue", sa.String(length=250), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("claimed_by", sa.String(length=32), nullable=True),
        sa.Column("claim_seq", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("fired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        sqlite_autoincrement=True,
    )


def _index_asset_watcher() -> None:
    op.create_index(
        "ix_asset_watcher_claimed",
        "asset_watcher",
        ["claimed_by"],
        unique=False,
        sqlite_where=sa.text("claimed_by IS NOT NULL"),
        postgresql_where=sa.text("claimed_by IS NOT NULL"),
    )


def _change_asset_watch() -> None:
    op.create_table(
        "asset_watch",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("asset_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("watcher_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["watcher_id"], ["asset_watcher.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("dag_id", "asset_id", "name"),
    )


def _index_asset_watch() -> None:
    op.create_index("ix_asset_watch_asset", "asset_watch", ["asset_id"], unique=False)
    op.create_index("ix_asset_watch_watcher", "asset_watch", ["watcher_id"], unique=False)
