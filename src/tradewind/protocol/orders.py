"""What a worker is given to do: attempts of tasks, and files to parse."""

from datetime import datetime
from typing import Any

import msgspec

from tradewind.protocol.leaving import Resume

MARK_NAME = "TRADEWIND_ATTEMPT"
"""The environment variable that tells, of each program a task started, which attempt it was."""


class BundleRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which bytes to run: a bundle at one digest, and where its root lies for this worker."""

    name: str
    root: str
    dags_folder: str
    """Absolute; where Dag files lie, at or below ``root``."""
    digest: str = ""


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The run an attempt belongs to, as its context will show it. Datetimes are aware UTC."""

    dag_id: str
    run_id: str
    run_type: str
    run_after: datetime
    logical_date: datetime | None = None
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None
    start_date: datetime | None = None
    conf: dict[str, Any] = {}
    partition_key: str | None = None
    triggered_by: str | None = None
    clear_number: int = 0


class TaskOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One leg of one try of one task instance, claimed for one worker. Claim is start."""

    attempt_id: int
    epoch: int
    token: str
    """Secret of this attempt, dead when it ends; opens the calls of its TaskPort."""
    ti_id: int
    task_id: str
    map_path: str = ""
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    leg: int = 1
    run: RunFacts
    bundle: BundleRef
    file: str
    """Dag file, relative to the bundle's root."""
    closure: str = ""
    """Digest of the file and of all it imported from its bundle: the key of its zygote."""
    queue: str = "default"
    pool: str = "default_pool"
    log_path: str = ""
    """Relative to the log root; unique per (task instance, try)."""
    execution_timeout_seconds: float | None = None
    first_started_at: datetime | None = None
    """When the first leg of this try was claimed."""
    resume: Resume | None = None
    """Set when this leg goes on after a deferral or a person's answer."""
    reschedules: int = 0
    """How often this try was rescheduled."""


class ParseOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One Dag file to import in a child process and describe."""

    job_id: int
    epoch: int
    bundle: BundleRef
    file: str
    timeout_seconds: float = 30.0
    memory_mb: int = 2048
    had_fault: bool = False
    """Whether it had an import error when it was parsed last."""


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """End this attempt: TERM with its ``on_kill``, then KILL."""

    attempt_id: int
    epoch: int
    reason: str
