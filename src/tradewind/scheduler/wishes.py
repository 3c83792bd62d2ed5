"""What people ask of the scheduler, as values."""

from datetime import datetime
from typing import Any

import msgspec

from tradewind.core.clearing import Choice
from tradewind.core.runs import RunType
from tradewind.core.states import RunState, TaskState
from tradewind.store.chosen_runs import RunScope


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """A run somebody asks for."""

    dag_id: str
    run_type: RunType = RunType.MANUAL
    run_id: str | None = None
    logical_date: datetime | None = None
    run_after: datetime | None = None
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None
    conf: dict[str, Any] = {}
    note: str | None = None
    triggered_by: str = "rest_api"
    user_name: str | None = None
    partition_key: str | None = None


class AssetChange(msgspec.Struct, frozen=True, kw_only=True):
    """An event of an asset that somebody says there was."""

    asset_id: int
    extra: dict[str, Any] = {}
    partition_key: str | None = None
    user_name: str | None = None


class BackfillWish(msgspec.Struct, frozen=True, kw_only=True):
    """A range of dates somebody wants processed; both bounds inclusive."""

    dag_id: str
    from_date: datetime
    to_date: datetime
    max_active_runs: int = 10
    reprocess_behavior: str = "none"
    """``none``, ``failed`` or ``completed``: what to do with dates that have a run."""
    run_backwards: bool = False
    conf: dict[str, Any] = {}
    code: str = ""
    """What runs: ``latest``, ``pinned`` (a run that there is keeps its version), or the number of
    a version of the Dag; empty: as the Dag says, else the latest."""


class ClearWish(msgspec.Struct, frozen=True, kw_only=True):
    """Task instances somebody wants to start over."""

    dag_id: str
    scope: RunScope = RunScope()
    choice: Choice = Choice()
    only_new: bool = False
    """Nothing that there is: only tasks that the newest version has and the run has not."""
    reset_runs: bool = True
    """Let runs that have ended go on; else what is cleared in them waits for that."""
    prevent_running: bool = False
    """Refuse it where something that is meant runs."""
    on_latest: bool | None = None
    """Move the runs to the newest Dag version; None: as the Dag or the settings say."""
    follows: bool = True
    """Follow marks of tasks in other Dags."""
    note: str | None = None


class MarkWish(msgspec.Struct, frozen=True, kw_only=True):
    """Task instances whose state somebody sets."""

    dag_id: str
    state: TaskState
    scope: RunScope
    choice: Choice
    who: str = ""


class RunMark(msgspec.Struct, frozen=True, kw_only=True):
    """A run whose state somebody sets."""

    dag_id: str
    run_id: str
    state: RunState
    who: str = ""


class InputAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a person answers to a task's question."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    try_number: int | None = None
    """Of which try; None: of the present one."""
    chosen_options: tuple[str, ...]
    params_input: dict[str, Any] = {}
    user_name: str | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether due work moves."""

    is_moving: bool
    reason: str
    """Why it does not, in one sentence; empty when it does."""
    scheduler_at: datetime | None
    """When the scheduler last looked."""
    parsed_at: datetime | None
    """When a Dag file was last parsed."""
    workers: int
    """Live workers."""
