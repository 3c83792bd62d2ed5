"""assets and states."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    _change_asset()
    _index_asset()
    _change_asset_event()
    _index_asset_event()
    _change_asset_state()
    _index_asset_state()
    _change_asset_use()
    _index_asset_use()
    _change_task_state()
    _index_task_state()


def _change_asset() -> None:
    op.create_table(
        "asset",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=1500), nullable=False),
        sa.Column("uri", sa.String(length=1500), nullable=False),
        sa.Column("asset_group", sa.String(length=1500), nullable=False),
        sa.Column("extra", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "uri"),
    )


def _index_asset() -> None:
    op.create_index("ix_asset_uri", "asset", ["uri"], unique=False)


def _change_asset_event() -> None:
    op.create_table(
        "asset_event",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("asset_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("extra", sa.LargeBinary(), nullable=False),
        sa.Column("partition_key", sa.String(length=250), nullable=True),
        sa.Column("alias", sa.String(length=1500), nullable=True),
        sa.Column("source_dag_id", sa.String(length=250), nullable=True),
        sa.Column("source_run_id", sa.String(length=250), nullable=True),
        sa.Column("source_task_id", sa.String(length=250), nullable=True),
        sa.Column("source_map_index", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )


def _index_asset_event() -> None:
    op.create_index(
        "ix_asset_event_alias",
        "asset_event",
        ["alias"],
        unique=False,
        sqlite_where=sa.text("alias IS NOT NULL"),
        postgresql_where=sa.text("alias IS NOT NULL"),
    )
    op.create_index("ix_asset_event_asset", "asset_event", ["asset_id", "at"], unique=False)


def _change_asset_state() -> None:
    op.create_table(
        "asset_state",
        sa.Column("asset_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("writer", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("asset_id", "key"),
        sqlite_with_rowid=False,
    )


def _index_asset_state() -> None:
    op.create_index(
        "ix_asset_state_expiry",
        "asset_state",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )


def _change_asset_use() -> None:
    op.create_table(
        "asset_use",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("asset_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("dag_id", "role", "task_id", "asset_id"),
    )


def _index_asset_use() -> None:
    op.create_index("ix_asset_use_asset", "asset_use", ["asset_id"], unique=False)


def _change_task_state() -> None:
    op.create_table(
        "task_state",
        sa.Column("run_pk", sa.BigInteger(), nullable=False),
        sa.Column("task_id", sa.String(length=250), nullable=False),
        sa.Column("map_path", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=512), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_pk"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_pk", "task_id", "map_path", "key"),
        sqlite_with_rowid=False,
    )


def _index_task_state() -> None:
    op.create_index(
        "ix_task_state_expiry",
        "task_state",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
