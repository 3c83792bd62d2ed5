"""Tables of data that tasks make known: assets and their events, state that outlives a try."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)

from tradewind.store.columns import Id, Json, Moment
from tradewind.store.file_tables import metadata as metadata

asset = Table(
    "asset",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("name", String(1500), nullable=False),
    Column("uri", String(1500), nullable=False),
    Column("asset_group", String(1500), nullable=False),
    Column("extra", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    UniqueConstraint("name", "uri"),
)
Index("ix_asset_uri", asset.c.uri)

asset_use = Table(
    "asset_use",
    metadata,
    Column("dag_id", String(250), primary_key=True),
    Column("role", String(10), primary_key=True),
    Column("task_id", String(250), primary_key=True),
    Column("asset_id", BigInteger, ForeignKey("asset.id", ondelete="CASCADE"), primary_key=True),
    Column("created_at", Moment, nullable=False),
)
Index("ix_asset_use_asset", asset_use.c.asset_id)

asset_alias = Table(
    "asset_alias",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("name", String(1500), nullable=False, unique=True),
    Column("asset_group", String(1500), nullable=False),
)

asset_alias_link = Table(
    "asset_alias_link",
    metadata,
    Column("alias", String(1500), primary_key=True),
    Column("asset_id", BigInteger, ForeignKey("asset.id", ondelete="CASCADE"), primary_key=True),
)
Index("ix_asset_alias_link_asset", asset_alias_link.c.asset_id)

asset_schedule = Table(
    "asset_schedule",
    metadata,
    Column("dag_id", String(250), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

asset_wish = Table(
    "asset_wish",
    metadata,
    Column("dag_id", String(250), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("key", String(1500), nullable=False),
)
Index("ix_asset_wish_key", asset_wish.c.kind, asset_wish.c.key)

asset_wait = Table(
    "asset_wait",
    metadata,
    Column("dag_id", String(250), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("asset_id", BigInteger, ForeignKey("asset.id", ondelete="CASCADE"), primary_key=True),
)
Index("ix_asset_wait_asset", asset_wait.c.asset_id)

asset_watcher = Table(
    "asset_watcher",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("classpath", Text, nullable=False),
    Column("kwargs", LargeBinary, nullable=False),
    Column("queue", String(250), nullable=False),
    Column("dag_id", String(250), nullable=False),
    Column("claimed_by", String(32)),
    Column("claim_seq", BigInteger),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    Column("token_hash", LargeBinary(32)),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("error", Text, nullable=False, server_default=text("''")),
    Column("created_at", Moment, nullable=False),
    Column("fired_at", Moment),
    sqlite_autoincrement=True,
)
Index(
    "ix_asset_watcher_claimed",
    asset_watcher.c.claimed_by,
    sqlite_where=asset_watcher.c.claimed_by.is_not(None),
)

asset_watch = Table(
    "asset_watch",
    metadata,
    Column("dag_id", String(250), primary_key=True),
    Column("asset_id", BigInteger, ForeignKey("asset.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(250), primary_key=True),
    Column(
        "watcher_id",
        BigInteger,
        ForeignKey("asset_watcher.id", ondelete="CASCADE"),
        nullable=False,
    ),
)
Index("ix_asset_watch_watcher", asset_watch.c.watcher_id)
Index("ix_asset_watch_asset", asset_watch.c.asset_id)

asset_event = Table(
    "asset_event",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("asset_id", BigInteger, ForeignKey("asset.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("extra", Json, nullable=False),
    Column("partition_key", String(250)),
    Column("alias", String(1500)),
    Column("source_dag_id", String(250)),
    Column("source_run_id", String(250)),
    Column("source_task_id", String(250)),
    Column("source_map_index", Integer, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_asset_event_asset", asset_event.c.asset_id, asset_event.c.at)
Index("ix_asset_event_alias", asset_event.c.alias, sqlite_where=asset_event.c.alias.is_not(None))

asset_delivery = Table(
    "asset_delivery",
    metadata,
    Column("dag_id", String(250), primary_key=True),
    Column("partition_key", String(250), primary_key=True),
    Column(
        "event_id", BigInteger, ForeignKey("asset_event.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("asset_id", BigInteger, nullable=False),
    Column("queued_at", Moment, nullable=False),
    Column("run_pk", BigInteger, ForeignKey("run.id", ondelete="CASCADE")),
    sqlite_with_rowid=False,
)
Index("ix_asset_delivery_event", asset_delivery.c.event_id)
Index(
    "ix_asset_delivery_queued",
    asset_delivery.c.dag_id,
    asset_delivery.c.partition_key,
    asset_delivery.c.asset_id,
    sqlite_where=asset_delivery.c.run_pk.is_(None),
)
Index(
    "ix_asset_delivery_run",
    asset_delivery.c.run_pk,
    sqlite_where=asset_delivery.c.run_pk.is_not(None),
)

task_state = Table(
    "task_state",
    metadata,
    Column("run_pk", BigInteger, ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("task_id", String(250), primary_key=True),
    Column("map_path", String(100), primary_key=True),
    Column("key", String(512), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("expires_at", Moment),
    Column("updated_at", Moment, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "ix_task_state_expiry",
    task_state.c.expires_at,
    sqlite_where=task_state.c.expires_at.is_not(None),
)

asset_state = Table(
    "asset_state",
    metadata,
    Column("asset_id", BigInteger, ForeignKey("asset.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(512), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("expires_at", Moment),
    Column("updated_at", Moment, nullable=False),
    Column("writer", Json, nullable=False),
    sqlite_with_rowid=False,
)
Index(
    "ix_asset_state_expiry",
    asset_state.c.expires_at,
    sqlite_where=asset_state.c.expires_at.is_not(None),
)

forecast = Table(
    "forecast",
    metadata,
    Column("dag_id", String(250), primary_key=True),
    Column("ticks", LargeBinary, nullable=False),
    Column("is_final", Boolean, nullable=False),
    Column("closure", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("message", Text, nullable=False),
)
