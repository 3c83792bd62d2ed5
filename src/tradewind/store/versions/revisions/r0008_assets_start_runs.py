"""assets start runs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    _change_asset_alias()
    _change_asset_schedule()
    _change_asset_wish()
    _index_asset_wish()
    _change_asset_alias_link()
    _index_asset_alias_link()
    _change_asset_wait()
    _index_asset_wait()
    _change_asset_delivery()
    _index_asset_delivery()
    _index_asset()


def _change_asset_alias() -> None:
    op.create_table(
        "asset_alias",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=1500), nullable=False),
        sa.Column("asset_group", sa.String(length=1500), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )


def _change_asset_schedule() -> None:
    op.create_table(
        "asset_schedule",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("dag_id"),
    )


def _change_asset_wish() -> None:
    op.create_table(
        "asset_wish",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=1500), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "part"),
    )


def _index_asset_wish() -> None:
    op.create_index("ix_asset_wish_key", "asset_wish", ["kind", "key"], unique=False)


def _change_asset_alias_link() -> None:
    op.create_table(
        "asset_alias_link",
        sa.Column("alias", sa.String(length=1500), nullable=False),
        sa.Column("asset_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("alias", "asset_id"),
    )


def _index_asset_alias_link() -> None:
    op.create_index("ix_asset_alias_link_asset", "asset_alias_link", ["asset_id"], unique=False)


def _change_asset_wait() -> None:
    op.create_table(
        "asset_wait",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("asset_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("dag_id", "part", "asset_id"),
    )


def _index_asset_wait() -> None:
    op.create_index("ix_asset_wait_asset", "asset_wait", ["asset_id"], unique=False)


def _change_asset_delivery() -> None:
    op.create_table(
        "asset_delivery",
        sa.Column("dag_id", sa.String(length=250), nullable=False),
        sa.Column("partition_key", sa.String(length=250), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("asset_id", sa.BigInteger(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("run_pk", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["asset_event.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_pk"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("dag_id", "partition_key", "event_id"),
        sqlite_with_rowid=False,
    )


def _index_asset_delivery() -> None:
    op.create_index("ix_asset_delivery_event", "asset_delivery", ["event_id"], unique=False)
    op.create_index(
        "ix_asset_delivery_queued",
        "asset_delivery",
        ["dag_id", "partition_key", "asset_id"],
        unique=False,
        sqlite_where=sa.text("run_pk IS NULL"),
        postgresql_where=sa.text("run_pk IS NULL"),
    )
    op.create_index(
        "ix_asset_delivery_run",
        "asset_delivery",
        ["run_pk"],
        unique=False,
        sqlite_where=sa.text("run_pk IS NOT NULL"),
        postgresql_where=sa.text("run_pk IS NOT NULL"),
    )


def _index_asset() -> None:
    op.add_column(
        "asset", sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
