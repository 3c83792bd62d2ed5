"""The engine's tables, with the keys that make the invariants hold.

Times are stored as integer microseconds since the epoch, UTC (``Moment``); JSON as bytes written by
msgspec (``Json``). Partial indexes hold only what is alive, so that no query of the engine grows
with history. Their conditions are given here for SQLite alone: naming another database would import
its driver into every command. The revisions, which make the tables, give them for PostgreSQL too.

Ids of runs, instances, attempts, callbacks and events are never given twice
(``sqlite_autoincrement``): a late worker, a page or a script may still speak of a row that was
deleted.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from tradewind.store.columns import Id, Json, Moment

metadata = MetaData()


lease = Table(
    "lease",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("until", Moment, nullable=False),
)

worker = Table(
    "worker",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(250), nullable=False),
    Column("host", String(250), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("parse_slots", Integer, nullable=False),
    Column("queues", Json, nullable=False),
    Column("state", String(10), nullable=False),
    Column("draining", Boolean, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("renewed_at", Moment, nullable=False),
    Column("lease_until", Moment, nullable=False),
)
Index(
    "ix_worker_live",
    worker.c.lease_until,
    sqlite_where=worker.c.state == "live",
)

dag = Table(
    "dag",
    metadata,
    Column("dag_id", String(250), primary_key=True),
    Column("bundle", String(250), nullable=False),
    Column("file", String(2000), nullable=False),
    Column("digest", String(64), nullable=False, server_default=""),
    Column("is_paused", Boolean, nullable=False),
    Column("pause_reason", Text),
    Column("is_stale", Boolean, nullable=False, server_default=false()),
    Column("has_import_errors", Boolean, nullable=False, server_default=false()),
    Column("version_id", BigInteger, nullable=False),
    Column("spec", LargeBinary, nullable=False),
    Column("max_active_runs", Integer, nullable=False),
    Column("max_active_tasks", Integer, nullable=False),
    Column("timetable_summary", Text),
    Column("owners", Json, nullable=False),
    Column("tags", Json, nullable=False),
    Column("last_automated", Json),
    Column("next_run", Json),
    Column("next_due_at", Moment),
    Column("declared_after", Moment),
    Column("created_at", Moment, nullable=False),
    Column("parsed_at", Moment, nullable=False),
)
Index("ix_dag_file", dag.c.bundle, dag.c.file)
Index(
    "ix_dag_due",
    dag.c.next_due_at,
    sqlite_where=dag.c.next_due_at.is_not(None),
)

dag_version = Table(
    "dag_version",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("dag_id", String(250), nullable=False),
    Column("number", Integer, nullable=False),
    Column("structure_hash", String(64), nullable=False),
    Column("spec", LargeBinary, nullable=False),
    Column("bundle", String(250), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("source_digest", String(64), nullable=False, server_default=""),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("dag_id", "number"),
)

run = Table(
    "run",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("dag_id", String(250), nullable=False),
    Column("run_id", String(250), nullable=False),
    Column("run_type", String(30), nullable=False),
    Column("state", String(10), nullable=False),
    Column("logical_date", Moment),
    Column("data_interval_start", Moment),
    Column("data_interval_end", Moment),
    Column("run_after", Moment, nullable=False),
    Column("due_at", Moment),
    Column("queued_at", Moment),
    Column("start_date", Moment),
    Column("end_date", Moment),
    Column("conf", Json, nullable=False),
    Column("note", Text),
    Column("triggered_by", String(20)),
    Column("triggering_user_name", String(250)),
    Column("partition_key", String(250)),
    Column("version_id", BigInteger, nullable=False),
    Column("bundle", String(250), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("backfill_id", BigInteger),
    Column("place", Integer),
    Column("clear_number", Integer, nullable=False, server_default=text("0")),
    Column("seq", BigInteger, nullable=False, server_default=text("0")),
    Column("owner", String(64)),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    Column("timeout_at", Moment),
    Column("group_retries", Json),
    Column("pinned_file", String(2000), nullable=False, server_default=""),
    Column("doom", Text),
    UniqueConstraint("dag_id", "run_id"),
    sqlite_autoincrement=True,
)
Index(
    "uq_run_logical_date",
    run.c.dag_id,
    run.c.logical_date,
    unique=True,
    sqlite_where=run.c.logical_date.is_not(None),
)
Index("ix_run_dag_after", run.c.dag_id, run.c.run_after)
# One condition each: SQLite takes an index whose condition a query repeats word by word.
_QUEUED_RUN = run.c.state == "queued"
_RUNNING_RUN = run.c.state == "running"
Index(
    "ix_run_queued",
    run.c.dag_id,
    run.c.backfill_id,
    run.c.place,
    run.c.run_after,
    sqlite_where=_QUEUED_RUN,
)
Index("ix_run_queued_due", run.c.due_at, sqlite_where=_QUEUED_RUN)
Index(
    "ix_run_running",
    run.c.dag_id,
    run.c.backfill_id,
    sqlite_where=_RUNNING_RUN,
)
_BACKFILL_RUN = run.c.backfill_id.is_not(None)
Index(
    "ix_run_backfill",
    run.c.backfill_id,
    run.c.state,
    sqlite_where=_BACKFILL_RUN,
)
Index(
    "ix_run_pinned",
    run.c.bundle,
    run.c.digest,
    sqlite_where=run.c.pinned_file != "",
)
Index(
    "ix_run_timeout",
    run.c.timeout_at,
    sqlite_where=run.c.timeout_at.is_not(None),
)

task_instance = Table(
    "task_instance",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("run_pk", BigInteger, ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("dag_id", String(250), nullable=False),
    Column("task_id", String(250), nullable=False),
    Column("map_path", String(100), nullable=False),
    Column("map_index", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("try_number", Integer, nullable=False),
    Column("max_tries", Integer, nullable=False),
    Column("leg", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    Column("pool", String(250), nullable=False),
    Column("pool_slots", Integer, nullable=False),
    Column("queue", String(250), nullable=False),
    Column("priority_weight", Integer, nullable=False),
    Column("operator", String(250), nullable=False),
    Column("wake_at", Moment),
    Column("scheduled_at", Moment),
    Column("queued_at", Moment),
    Column("start_date", Moment),
    Column("end_date", Moment),
    Column("hostname", String(250)),
    Column("pid", Integer),
    Column("skips", Json),
    Column("map_label", String(250)),
    UniqueConstraint("run_pk", "task_id", "map_path"),
    sqlite_autoincrement=True,
)
rendered_fields = Table(
    "rendered_fields",
    metadata,
    Column("ti_id", Id, ForeignKey("task_instance.id", ondelete="CASCADE"), primary_key=True),
    Column("try_number", Integer, primary_key=True),
    Column("dag_id", String(250), nullable=False),
    Column("run_pk", BigInteger, nullable=False),
    Column("fields", LargeBinary, nullable=False),
    Column("links", Json),
    sqlite_with_rowid=False,
)
Index("ix_rendered_fields_run", rendered_fields.c.dag_id, rendered_fields.c.run_pk)
_HELD = ["scheduled", "queued", "running", "restarting"]
Index(
    "ix_ti_alive",
    task_instance.c.state,
    sqlite_where=task_instance.c.state.in_(_HELD),
)
Index(
    "ix_ti_wake",
    task_instance.c.wake_at,
    sqlite_where=task_instance.c.wake_at.is_not(None),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ti_id", BigInteger, ForeignKey("task_instance.id", ondelete="CASCADE"), nullable=False),
    Column("try_number", Integer, nullable=False),
    Column("leg", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("worker_id", String(32), nullable=False),
    Column("claim_seq", BigInteger, nullable=False),
    Column("state", String(20), nullable=False),
    Column("token_hash", LargeBinary(32)),
    Column("claimed_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("error", Text),
    Column("log_path", Text, nullable=False),
    Column("cancel_reason", Text),
    UniqueConstraint("ti_id", "try_number", "leg"),
    sqlite_autoincrement=True,
)
_TERMINAL_LEG = ["success", "failed", "skipped", "killed", "lost"]
Index(
    "uq_attempt_outcome",
    attempt.c.ti_id,
    attempt.c.try_number,
    unique=True,
    sqlite_where=attempt.c.state.in_(_TERMINAL_LEG),
)
Index(
    "uq_attempt_live",
    attempt.c.ti_id,
    unique=True,
    sqlite_where=attempt.c.state == "running",
)
Index(
    "ix_attempt_worker",
    attempt.c.worker_id,
    sqlite_where=attempt.c.state == "running",
)

callback = Table(
    "callback",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("callback_id", String(40), nullable=False, unique=True),
    Column("run_pk", BigInteger, ForeignKey("run.id", ondelete="CASCADE")),
    Column("dag_id", String(250)),
    Column("kind", String(20), nullable=False),
    Column("event", String(20), nullable=False),
    Column("task_id", String(250)),
    Column("map_path", String(100)),
    Column("try_number", Integer),
    Column("deadline_id", BigInteger),
    Column("reason", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("state", String(10), nullable=False),
    Column("due_at", Moment),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("done", Json, nullable=False),
    Column("said", Text, nullable=False),
    Column("question", LargeBinary),
    Column("answer", LargeBinary),
    Column("claimed_by", String(32)),
    Column("claim_seq", BigInteger),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    Column("created_at", Moment, nullable=False),
    Column("ended_at", Moment),
    sqlite_autoincrement=True,
)
Index("ix_callback_run", callback.c.run_pk)
Index(
    "ix_callback_dag",
    callback.c.dag_id,
    sqlite_where=callback.c.dag_id.is_not(None),
    postgresql_where=callback.c.dag_id.is_not(None),
)
Index(
    "ix_callback_due",
    callback.c.due_at,
    sqlite_where=callback.c.due_at.is_not(None),
)
Index(
    "ix_callback_claimed",
    callback.c.claimed_by,
    sqlite_where=callback.c.claimed_by.is_not(None),
)

deadline = Table(
    "deadline",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("run_pk", BigInteger, ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("dag_id", String(250), nullable=False),
    Column("scope", String(10), nullable=False),
    Column("owner", String(250), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(250), nullable=False),
    Column("reference", String(60), nullable=False),
    Column("state", String(10), nullable=False),
    Column("due_at", Moment),
    Column("missed_at", Moment),
    Column("note", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("run_pk", "scope", "owner", "position"),
)
Index(
    "ix_deadline_due",
    deadline.c.due_at,
    sqlite_where=deadline.c.state == "pending",
)
Index("ix_deadline_missed", deadline.c.missed_at, sqlite_where=deadline.c.missed_at.is_not(None))

deferral = Table(
    "deferral",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ti_id", BigInteger, ForeignKey("task_instance.id", ondelete="CASCADE"), nullable=False),
    Column("run_pk", BigInteger, nullable=False),
    Column("try_number", Integer, nullable=False),
    Column("attempt_id", BigInteger, nullable=False),
    Column("queue", String(250), nullable=False),
    Column("classpath", Text, nullable=False),
    Column("kwargs", LargeBinary, nullable=False),
    Column("method_name", String(250), nullable=False),
    Column("method_kwargs", LargeBinary, nullable=False),
    Column("timeout_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("claimed_by", String(32)),
    Column("claim_seq", BigInteger),
    Column("claimed_at", Moment),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    Column("token_hash", LargeBinary(32)),
    Column("blocked", Text),
    Column("fired_at", Moment),
    Column("event", LargeBinary),
    Column("failure", String(20)),
    Column("detail", LargeBinary),
    UniqueConstraint("ti_id"),
    sqlite_autoincrement=True,
)
Index(
    "ix_deferral_free",
    deferral.c.queue,
    sqlite_where=deferral.c.claimed_by.is_(None) & deferral.c.fired_at.is_(None),
)
Index(
    "ix_deferral_claimed",
    deferral.c.claimed_by,
    sqlite_where=deferral.c.claimed_by.is_not(None),
)

human_input = Table(
    "human_input",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ti_id", BigInteger, ForeignKey("task_instance.id", ondelete="CASCADE"), nullable=False),
    Column("run_pk", BigInteger, nullable=False),
    Column("try_number", Integer, nullable=False),
    Column("leg", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("options", Json, nullable=False),
    Column("defaults", Json),
    Column("multiple", Boolean, nullable=False),
    Column("params", Json, nullable=False),
    Column("assigned_users", Json, nullable=False),
    Column("method_name", String(250), nullable=False),
    Column("method_kwargs", LargeBinary, nullable=False),
    Column("timeout_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Column("responded_by", String(250)),
    Column("chosen_options", Json),
    Column("params_input", Json),
    Column("failure", String(20)),
    UniqueConstraint("ti_id", "try_number", "leg"),
)
Index(
    "ix_human_input_open",
    human_input.c.created_at,
    sqlite_where=human_input.c.closed_at.is_(None),
)

event = Table(
    "event",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("run_pk", BigInteger, nullable=False),
    Column("run_seq", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
Index("uq_event_seq", event.c.run_pk, event.c.run_seq, unique=True)

xcom = Table(
    "xcom",
    metadata,
    Column("run_pk", BigInteger, ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("task_id", String(250), primary_key=True),
    Column("map_path", String(100), primary_key=True),
    Column("key", String(512), primary_key=True),
    Column("map_index", Integer, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("length", Integer),
    Column("at", Moment, nullable=False),
    sqlite_with_rowid=False,
)

backfill = Table(
    "backfill",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("dag_id", String(250), nullable=False),
    Column("from_date", Moment, nullable=False),
    Column("to_date", Moment, nullable=False),
    Column("max_active_runs", Integer, nullable=False),
    Column("reprocess_behavior", String(20), nullable=False),
    Column("run_backwards", Boolean, nullable=False),
    Column("conf", Json, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("code", String(20), nullable=False, server_default="latest"),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment),
    Column("completed_at", Moment),
)
_ACTIVE_BACKFILL = backfill.c.completed_at.is_(None)
Index(
    "ix_backfill_active",
    backfill.c.dag_id,
    sqlite_where=_ACTIVE_BACKFILL,
)

backfill_date = Table(
    "backfill_date",
    metadata,
    Column(
        "backfill_id", BigInteger, ForeignKey("backfill.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("position", Integer, primary_key=True),
    Column("logical_date", Moment, nullable=False),
    Column("decision", String(20), nullable=False),
    Column("reason", Text),
    Column("run_pk", BigInteger),
)

pool = Table(
    "pool",
    metadata,
    Column("name", String(250), primary_key=True),
    Column("slots", Integer, nullable=False),
    Column("description", Text),
    Column("include_deferred", Boolean, nullable=False, server_default=false()),
)

variable = Table(
    "variable",
    metadata,
    Column("key", String(250), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("description", Text),
)

connection = Table(
    "connection",
    metadata,
    Column("conn_id", String(250), primary_key=True),
    Column("conn_type", String(250), nullable=False),
    Column("description", Text),
    Column("host", Text),
    Column("schema", Text),
    Column("login", Text),
    Column("password", LargeBinary),
    Column("port", Integer),
    Column("extra", LargeBinary),
)
