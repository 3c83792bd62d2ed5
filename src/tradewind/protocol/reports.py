"""What a worker reports back: how attempts ended, what they pushed, what files hold."""

from datetime import datetime
from typing import Any

import msgspec

from tradewind.core.spec import DagSpec
from tradewind.core.states import LegState
from tradewind.protocol.leaving import Deferral, InputRequest


class XComPush(msgspec.Struct, frozen=True, kw_only=True):
    """One XCom of an attempt. ``value`` is JSON of the sdk's; a server never decodes it."""

    attempt_id: int
    epoch: int
    key: str
    value: bytes
    length: int | None = None
    """Number of items when the value is a list or dict that a task may be mapped over."""


class AssetEventPush(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of an asset, made by a task's success; a name or a uri of a reference is None."""

    name: str | None = None
    uri: str | None = None
    group: str = "asset"
    asset_extra: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    partition_key: str | None = None
    alias: str | None = None


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """How a leg ended. Sent again until answered; recorded once per (attempt, epoch)."""

    attempt_id: int
    epoch: int
    token: str
    outcome: LegState
    started_at: datetime | None = None
    ended_at: datetime | None = None
    pid: int | None = None
    xcoms: tuple[XComPush, ...] = ()
    retry: bool = True
    """False when the task said that trying again is of no use (AirflowFailException)."""
    error: str = ""
    """One line: the exception and its message, or how the process died. Already masked."""
    wake_at: datetime | None = None
    """For ``rescheduled``: when the next leg is due."""
    asset_events: tuple[AssetEventPush, ...] = ()
    """On success: what the task says of its outlets."""
    clears_state: bool = False
    """On success: the state store of the task instance is to be emptied."""
    skips: tuple[str, ...] = ()
    """On success of a branch or short circuit: the tasks below that it chose to skip."""
    retry_delay_seconds: float | None = None
    """What the task's retry policy says the next try waits; None leaves it to the task's spec."""
    retry_reason: str = ""
    """Why the policy decided so, at most 500 characters."""
    deferral: Deferral | None = None
    """For ``deferred``: the trigger it waits for."""
    input_request: InputRequest | None = None
    """For ``awaiting_input``: what a person is asked."""
    rendered: bytes = b""
    """Template fields as rendered, a JSON object; already masked. Empty where all are empty."""
    map_label: str = ""
    """Of a mapped instance: its ``map_index_template`` rendered."""
    links: dict[str, str] = {}
    """What the operator links to, by name."""
    called: str = ""
    """Which callbacks the task process has run: ``success``, ``failure``, ``retry``, ``skipped``.

    Where others go with what the server makes of the instance, it sees to these."""


class Closure(msgspec.Struct, frozen=True, kw_only=True):
    """What a file's import read: when any of it changes, the file is parsed again."""

    files: tuple[str, ...] = ()
    """Bundle files imported or read through the sdk, relative to the root; itself first."""
    variables: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()


class ImportFault(msgspec.Struct, frozen=True, kw_only=True):
    """Why a file gave no Dags, or why one of its Dags was refused."""

    file: str
    message: str
    line: int | None = None
    traceback: str = ""
    """The user's own, our frames folded."""


class ParseReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one Dag file holds."""

    job_id: int
    epoch: int
    file: str
    dags: tuple[DagSpec, ...] = ()
    faults: tuple[ImportFault, ...] = ()
    closure: Closure = Closure()
    seconds: float = 0.0
    fork_unsafe: str = ""
    """Why attempts of this file need a fresh process each; empty when a warm zygote is safe."""
    digest: str = ""
    """Of the bundle, as the order named it."""


class LogChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Masked log bytes of an attempt, from ``offset``; only where no disk is shared."""

    attempt_id: int
    """Whose bytes they are; minus the id of a trigger for what a trigger says."""
    log_path: str
    offset: int
    data: bytes
