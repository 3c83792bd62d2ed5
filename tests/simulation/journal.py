"""A journal of every row that changes: temporary triggers write it, whoever checks reads it.

The engine does not know of it. What an undone transaction wrote is undone in the journal too.
"""

from typing import Any

from tradewind.store.database import Database

Entry = tuple[Any, ...]
"""Kind, then the columns of that kind."""

_TABLE = """CREATE TEMP TABLE journal (
    place INTEGER PRIMARY KEY, kind TEXT,
    a, b, c, d, e, f, g, h, i, j
)"""

_KINDS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "run+": (
        "INSERT",
        "run",
        (
            "NEW.id",
            "NEW.dag_id",
            "NEW.run_id",
            "NEW.run_type",
            "NEW.state",
            "NEW.logical_date",
            "NEW.run_after",
            "NEW.version_id",
            "NEW.backfill_id",
            "NEW.place",
        ),
    ),
    "run": (
        "UPDATE",
        "run",
        (
            "NEW.id",
            "NEW.state",
            "NEW.seq",
            "OLD.epoch",
            "NEW.epoch",
            "NEW.version_id",
            "NEW.backfill_id",
            "NEW.timeout_at",
            "NEW.run_type",
            "NEW.place",
        ),
    ),
    "run-": ("DELETE", "run", ("OLD.id",)),
    "ti+": (
        "INSERT",
        "task_instance",
        (
            "NEW.id",
            "NEW.run_pk",
            "NEW.task_id",
            "NEW.map_path",
            "NEW.state",
            "NEW.try_number",
            "NEW.pool",
            "NEW.pool_slots",
            "NEW.epoch",
            "NEW.queue",
        ),
    ),
    "ti": (
        "UPDATE",
        "task_instance",
        (
            "NEW.id",
            "NEW.map_path",
            "NEW.state",
            "NEW.try_number",
            "OLD.epoch",
            "NEW.epoch",
            "NEW.leg",
            "NEW.wake_at",
        ),
    ),
    "attempt+": (
        "INSERT",
        "attempt",
        (
            "NEW.id",
            "NEW.ti_id",
            "NEW.try_number",
            "NEW.leg",
            "NEW.epoch",
            "NEW.worker_id",
            "NEW.state",
        ),
    ),
    "attempt": ("UPDATE", "attempt", ("NEW.id", "OLD.state", "NEW.state")),
    "attempt-": ("DELETE", "attempt", ("OLD.id",)),
    "event+": ("INSERT", "event", ("NEW.run_pk", "NEW.run_seq", "NEW.body")),
    "event": ("UPDATE", "event", ("NEW.run_pk",)),
    "dag+": (
        "INSERT",
        "dag",
        (
            "NEW.dag_id",
            "NEW.is_paused",
            "NEW.is_stale",
            "NEW.has_import_errors",
            "NEW.max_active_runs",
            "NEW.last_automated",
            "NEW.next_due_at",
            "NEW.spec",
        ),
    ),
    "dag": (
        "UPDATE",
        "dag",
        (
            "NEW.dag_id",
            "NEW.is_paused",
            "NEW.is_stale",
            "NEW.has_import_errors",
            "NEW.max_active_runs",
            "NEW.last_automated",
            "NEW.next_due_at",
            "CASE WHEN NEW.spec IS NOT OLD.spec THEN NEW.spec END",
        ),
    ),
    "version+": ("INSERT", "dag_version", ("NEW.id", "NEW.spec")),
    "version": ("UPDATE", "dag_version", ("NEW.id", "NEW.spec")),
    "worker+": ("INSERT", "worker", ("NEW.id", "NEW.state", "NEW.lease_until", "NEW.slots")),
    "worker": ("UPDATE", "worker", ("NEW.id", "NEW.state", "NEW.lease_until", "NEW.slots")),
    "lease": ("UPDATE", "lease", ("NEW.name", "OLD.epoch", "NEW.epoch")),
    "file+": ("INSERT", "dag_file", ("NEW.id", "NEW.epoch", "NEW.epoch", "NEW.due_at", "0")),
    "file": (
        "UPDATE",
        "dag_file",
        ("NEW.id", "OLD.epoch", "NEW.epoch", "NEW.due_at", "NEW.claimed_by IS NOT NULL"),
    ),
    "pool+": ("INSERT", "pool", ("NEW.name", "NEW.slots", "NEW.include_deferred")),
    "pool": ("UPDATE", "pool", ("NEW.name", "NEW.slots", "NEW.include_deferred")),
    "callback+": (
        "INSERT",
        "callback",
        (
            "NEW.id",
            "NEW.callback_id",
            "NEW.run_pk",
            "NEW.kind",
            "NEW.event",
            "NEW.task_id",
            "NEW.map_path",
            "NEW.try_number",
            "NEW.state",
            "NEW.due_at",
        ),
    ),
    "callback": (
        "UPDATE",
        "callback",
        (
            "NEW.id",
            "OLD.state",
            "NEW.state",
            "OLD.epoch",
            "NEW.epoch",
            "NEW.tries",
            "NEW.due_at",
        ),
    ),
    "backfill+": (
        "INSERT",
        "backfill",
        ("NEW.id", "NEW.max_active_runs", "NEW.is_paused", "NEW.completed_at"),
    ),
    "backfill": (
        "UPDATE",
        "backfill",
        ("NEW.id", "NEW.max_active_runs", "NEW.is_paused", "NEW.completed_at"),
    ),
}


class Journal:
    """The journal of one database in memory."""

    def __init__(self, database: Database) -> None:
        with database.begin() as tx:
            self._raw = tx.connection.driver_connection
        assert self._raw is not None
        self._raw.execute(_TABLE)
        for kind, (verb, table, columns) in _KINDS.items():
            names = ", ".join("abcdefghij"[: len(columns)])
            trigger = f"{table}_{verb}"
            self._raw.execute(
                f"CREATE TEMP TRIGGER {trigger} AFTER {verb} ON main.{table} BEGIN "
                f"INSERT INTO journal (kind, {names}) VALUES ('{kind}', {', '.join(columns)}); END"
            )

    def take(self) -> list[Entry]:
        """Answer what has changed since this was last asked."""
        assert self._raw is not None
        found: list[Entry] = self._raw.execute(
            "SELECT kind, a, b, c, d, e, f, g, h, i, j FROM journal ORDER BY place"
        ).fetchall()
        if found:
            self._raw.execute("DELETE FROM journal")
        return found

    def query(self, sql: str) -> list[Entry]:
        """Answer the rows as they stand, read past the engine."""
        assert self._raw is not None
        found: list[Entry] = self._raw.execute(sql).fetchall()
        return found
