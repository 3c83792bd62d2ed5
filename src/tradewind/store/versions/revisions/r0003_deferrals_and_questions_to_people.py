"""Deferrals and questions to people."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this revision."""
    _change_deferral()
    _index_deferral()
    _change_human_input()
    _index_human_input()


def _change_deferral() -> None:
    op.create_table(
        "deferral",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("ti_id", sa.BigInteger(), nullable=False),
        sa.Column("run_pk", sa.BigInteger(), nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.BigInteger(), nullable=False),
        sa.Column("queue", sa.String(length=250), nullable=False),
        sa.Column("classpath", sa.Text(), nullable=False),
        sa.Column("kwargs", sa.LargeBinary(), nullable=False),
        sa.Column("method_name", sa.String(length=250), nullable=False),
        sa.Column("method_kwargs", sa.LargeBinary(), nullable=False),
        sa.Column("timeout_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_by", sa.String(length=32), nullable=True),
        sa.Column("claim_seq", sa.BigInteger(), nullable=True),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("blocked", sa.Text(), nullable=True),
        sa.Column("fired_at", sa.BigInteger(), nullable=True),
        sa.Column("event", sa.LargeBinary(), nullable=True),
        sa.Column("failure", sa.String(length=20), nullable=True),
        sa.Column("detail", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["ti_id"], ["task_instance.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ti_id"),
        sqlite_autoincrement=True,
    )


def _index_deferral() -> None:
    op.create_index(
        "ix_deferral_claimed",
        "deferral",
        ["claimed_by"],
        unique=False,
        sqlite_where=sa.text("claimed_by IS NOT NULL"),
        postgresql_where=sa.text("claimed_by IS NOT NULL"),
    )
    op.create_index(
        "ix_deferral_free",
        "deferral",
        ["queue"],
        unique=False,
        sqlite_where=sa.text("claimed_by IS NULL AND fired_at IS NULL"),
        postgresql_where=sa.text("claimed_by IS NULL AND fired_at IS NULL"),
    )


def _change_human_input() -> None:
    op.create_table(
        "human_input",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("ti_id", sa.BigInteger(), nullable=False),
        sa.Column("run_pk", sa.BigInteger(), nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("leg", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("options", sa.LargeBinary(), nullable=False),
        sa.Column("defaults", sa.LargeBinary(), nullable=True),
        sa.Column("multiple", sa.Boolean(), nullable=False),
        sa.Column("params", sa.LargeBinary(), nullable=False),
        sa.Column("assigned_users", sa.LargeBinary(), nullable=False),
        sa.Column("method_name", sa.String(length=250), nullable=False),
        sa.Column("method_kwargs", sa.LargeBinary(), nullable=False),
        sa.Column("timeout_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("responded_by", sa.String(length=250), nullable=True),
        sa.Column("chosen_options", sa.LargeBinary(), nullable=True),
        sa.Column("params_input", sa.LargeBinary(), nullable=True),
        sa.Column("failure", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(["ti_id"], ["task_instance.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ti_id", "try_number", "leg"),
    )


def _index_human_input() -> None:
    op.create_index(
        "ix_human_input_open",
        "human_input",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
