"""Triggers on their way: from the server to a worker, and between a worker and its trigger host.

A trigger is claimed like an attempt: by one worker, under an epoch, for as long as its lease lasts.
What it says counts once: the first event of the present epoch.
"""

from datetime import datetime

import msgspec

from tradewind.core.states import TaskState
from tradewind.protocol.child import Ask, GoodUntil, LogRecord, Told
from tradewind.protocol.orders import BundleRef, RunFacts

WATCHERS_FROM = 1 << 48
"""Ids of watchers of assets among those of triggers begin here."""


def is_watcher(trigger_id: int) -> bool:
    """Tell whether a trigger watches an asset, and no task waits for it."""
    return trigger_id >= WATCHERS_FROM


class TriggerOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One trigger to run until it says something."""

    trigger_id: int
    epoch: int
    token: str
    """Secret of this claim; opens the questions its code may ask."""
    classpath: str
    kwargs: bytes
    ti_id: int
    task_id: str
    map_path: str = ""
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 0
    run: RunFacts
    bundle: BundleRef
    file: str
    queue: str = "default"
    pool: str = "default_pool"
    log_path: str
    attempt_id: int = 0
    """The leg that deferred; 0 when the task began with its trigger."""
    timeout_at: datetime | None = None
    is_watcher: bool = False
    """It watches an asset: no task waits for it."""
    pause_seconds: float = 0
    """To wait before it is run."""


class TriggerCancel(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody waits for this trigger any more."""

    trigger_id: int
    epoch: int
    reason: str = ""
    is_kill: bool = False
    """Its task was cleared, marked, or its run ended: what it started elsewhere is to be ended."""


class Fired(msgspec.Struct, frozen=True, kw_only=True):
    """What a trigger said: an event, or how it failed. Sent again until answered."""

    trigger_id: int
    epoch: int
    event: bytes | None = None
    """Serde JSON; None when it failed."""
    error: str = ""
    detail: str = ""
    ends: TaskState | None = None
    """The event ends the task in this state, without another leg."""
    xcoms: tuple[tuple[str, bytes, int | None], ...] = ()
    """Key, serde JSON and length of what the task pushes when the event ends it."""


class Watch(msgspec.Struct, frozen=True, kw_only=True, tag="watch"):
    """To a trigger host: run this."""

    order: TriggerOrder


class Unwatch(msgspec.Struct, frozen=True, kw_only=True, tag="unwatch"):
    """To a trigger host: end this, with its ``on_kill`` where that is due."""

    cancel: TriggerCancel


class Stop(msgspec.Struct, frozen=True, kw_only=True, tag="stop"):
    """To a trigger host: clean all up and end."""


class TriggerTold(msgspec.Struct, frozen=True, kw_only=True, tag="trigger_told"):
    """To a trigger host: the answer to a question of one trigger."""

    told: Told


ToHost = Watch | Unwatch | Stop | TriggerTold | GoodUntil


class TriggerSaid(msgspec.Struct, frozen=True, kw_only=True, tag="trigger_said"):
    """From a trigger host: a trigger's last word."""

    fired: Fired


class TriggerLogged(msgspec.Struct, frozen=True, kw_only=True, tag="trigger_logged"):
    """From a trigger host: a line for the log of one trigger's task; 0: the host's own."""

    trigger_id: int
    record: LogRecord


class TriggerAsked(msgspec.Struct, frozen=True, kw_only=True, tag="trigger_asked"):
    """From a trigger host: a question of one trigger's code."""

    trigger_id: int
    ask: Ask


class Blocked(msgspec.Struct, frozen=True, kw_only=True, tag="blocked"):
    """From a trigger host: this trigger holds up the loop that all of them share."""

    trigger_id: int
    seconds: float
    where: str
    """Its stack, innermost last."""


FromHost = TriggerSaid | TriggerLogged | TriggerAsked | Blocked
