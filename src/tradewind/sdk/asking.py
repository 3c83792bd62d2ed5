"""Asking a person: the task gives its place back and goes on with the answer."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NoReturn, TypedDict

from tradewind.protocol.leaving import InputRequest
from tradewind.sdk.clock import utcnow
from tradewind.sdk.exceptions import TaskAwaitingInput
from tradewind.sdk.serde import encode


class HITLUser(TypedDict):
    """Somebody who may answer, or has."""

    id: str
    name: str


def ask_person(
    *,
    subject: str,
    options: Sequence[str],
    method_name: str = "execute_complete",
    kwargs: Mapping[str, Any] | None = None,
    body: str = "",
    defaults: Sequence[str] | None = None,
    multiple: bool = False,
    params: Mapping[str, Any] | None = None,
    assigned_users: Sequence[str] = (),
    timeout: timedelta | None = None,
) -> NoReturn:
    """Give the place back until a person has chosen; the operator's ``method_name`` goes on then.

    It is called with the context, ``event`` and what ``kwargs`` holds. The event is a dict with
    ``chosen_options``, ``params_input``, ``responded_at``, ``responded_by_user`` (``id`` and
    ``name``, or None where the defaults were taken) and ``timedout``.

    Args:
        subject: The question, in a line.
        options: What may be chosen.
        method_name: Goes on with the answer.
        kwargs: More for that method.
        body: More about the question, as Markdown.
        defaults: Chosen when the time is over; without them the task fails then.
        multiple: Whether several options may be chosen.
        params: Fields to fill in: name -> ``value``, ``description``, ``schema``.
        assigned_users: Names of those who may answer; empty for everybody who may edit the task.
        timeout: How long to wait; None for as long as it takes.

    Raises:
        TaskAwaitingInput: Always; let it pass.
        ValueError: The options make no sense.
    """
    if not options:
        raise ValueError("A question needs at least one option")
    if len(set(options)) != len(options):
        raise ValueError(f"Options must differ: {', '.join(options)}")
    strange = [one for one in defaults or () if one not in options]
    if strange:
        raise ValueError(f"Defaults must be options; {', '.join(strange)} is none")
    if defaults is not None and len(defaults) > 1 and not multiple:
        raise ValueError("Several defaults need multiple=True")
    raise TaskAwaitingInput(
        InputRequest(
            subject=subject,
            options=tuple(options),
            body=body,
            defaults=None if defaults is None else tuple(defaults),
            multiple=multiple,
            params=dict(params or {}),
            assigned_users=tuple(assigned_users),
            method_name=method_name,
            method_kwargs=encode(dict(kwargs or {})),
            timeout_at=None if timeout is None else utcnow() + timeout,
        )
    )
