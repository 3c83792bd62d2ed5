"""How a task gives its place back and goes on later: to a trigger, or to a person's answer.

Arguments and events are JSON of the sdk's (``serde``): a server carries them, encrypted at rest,
and never decodes them.
"""

from datetime import datetime
from typing import Any

import msgspec

TIMED_OUT = "timeout"
"""``Resume.failure`` of a wait that took longer than it may."""
TRIGGER_FAILED = "failure"
"""``Resume.failure`` of a trigger that raised, or ended without an event."""


class Deferral(msgspec.Struct, frozen=True, kw_only=True):
    """What a deferred task waits for, and how it goes on."""

    classpath: str
    """Dotted path of the trigger's class; imported where triggers run, never by a server."""
    kwargs: bytes = b"{}"
    """Serde JSON of what the class is made from."""
    method_name: str
    """Method of the operator that goes on."""
    method_kwargs: bytes = b"{}"
    timeout_at: datetime | None = None
    queue: str = ""
    """Whose workers run the trigger; those of the task's own queue when empty."""


class InputRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is asked, and how the task goes on with the answer."""

    subject: str
    options: tuple[str, ...]
    body: str = ""
    defaults: tuple[str, ...] | None = None
    """Chosen when nobody has answered by ``timeout_at``; without them the task fails then."""
    multiple: bool = False
    params: dict[str, Any] = {}
    """Of each param its serialised form: ``value``, ``description``, ``schema``; JSON."""
    assigned_users: tuple[str, ...] = ()
    """Names of those who may answer; empty: everybody who may edit task instances."""
    method_name: str = "execute_complete"
    method_kwargs: bytes = b"{}"
    timeout_at: datetime | None = None


class Resume(msgspec.Struct, frozen=True, kw_only=True):
    """How the next leg of a try goes on."""

    method: str
    kwargs: bytes = b"{}"
    """Serde JSON of the keyword arguments given when it left."""
    event: bytes | None = None
    """Serde JSON of what it waited for, given as ``event``; None together with a ``failure``."""
    failure: str = ""
    """``timeout`` or ``failure``: it goes on only to fail, or to handle that."""
    is_answer: bool = False
    """Whether it waited for a person, not for a trigger."""
    detail: str = ""
    """The trigger's own traceback."""
