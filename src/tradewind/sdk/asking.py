"""Asking a person: the task gives its place back and goes on with the answer."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, NoReturn, TypedDict

from tradewind.protocol.leaving import InputRequest
from tradewind.sdk.exceptions import AirflowException, TaskAwaitingInput


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
    request = _request(
        subject=subject,
        options=options,
        body=body,
        defaults=defaults,
        multiple=multiple,
        params=params,
        assigned_users=assigned_users,
    )
    raise TaskAwaitingInput(request, method_name=method_name, kwargs=kwargs, timeout=timeout)


def upsert_hitl_detail(
    ti_id: Any,
    options: Sequence[str],
    subject: str,
    body: str | None = None,
    defaults: Sequence[str] | None = None,
    multiple: bool = False,
    params: Mapping[str, Any] | None = None,
    assigned_users: Sequence[Any] | None = None,
) -> None:
    """Write down a question of the task that runs here; the TaskAwaitingInput it raises asks it.

    Operators of provider packages do it in these two steps; ``ask_person`` does both.

    Raises:
        ValueError: The options make no sense.
    """
    names = [user if isinstance(user, str) else user["name"] for user in assigned_users or ()]
    request = _request(
        subject=subject,
        options=options,
        body=body or "",
        defaults=defaults,
        multiple=multiple,
        params=params,
        assigned_users=names,
    )
    _written.set(request)


def get_hitl_detail_content_detail(ti_id: Any) -> NoReturn:
    """Refuse to look an answer up by a task instance's id.

    Raises:
        AirflowException: Always; a HITLTrigger of Tradewind's own asks about its task.
    """
    raise AirflowException(_BY_ID)


def update_hitl_detail_response(
    ti_id: Any, chosen_options: Sequence[str], params_input: Mapping[str, Any]
) -> NoReturn:
    """Refuse to answer for a task instance by its id.

    Raises:
        AirflowException: Always; a HITLTrigger of Tradewind's own asks about its task.
    """
    raise AirflowException(_BY_ID)


_BY_ID = (
    "Questions to people are not looked up by a task instance's id: raise a TaskAwaitingInput, and "
    "the task goes on with the answer"
)


def take_written() -> InputRequest | None:
    """Answer the question that was written down, and forget it."""
    request = _written.get()
    _written.set(None)
    return request


_written: ContextVar[InputRequest | None] = ContextVar("written question", default=None)


def _request(
    *,
    subject: str,
    options: Sequence[str],
    body: str,
    defaults: Sequence[str] | None,
    multiple: bool,
    params: Mapping[str, Any] | None,
    assigned_users: Sequence[str],
) -> InputRequest:
    if not options:
        raise ValueError("A question needs at least one option")
    if len(set(options)) != len(options):
        raise ValueError(f"Options must differ: {', '.join(options)}")
    strange = [one for one in defaults or () if one not in options]
    if strange:
        raise ValueError(f"Defaults must be options; {', '.join(strange)} is none")
    if defaults is not None and len(defaults) > 1 and not multiple:
        raise ValueError("Several defaults need multiple=True")
    return InputRequest(
        subject=subject,
        options=tuple(options),
        body=body,
        defaults=None if defaults is None else tuple(defaults),
        multiple=multiple,
        params=dict(params or {}),
        assigned_users=tuple(assigned_users),
    )
