"""Leaving a task's process for a trigger or a person, and going on from there in the next leg."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from tradewind.protocol.leaving import TIMED_OUT, Deferral, InputRequest, Resume
from tradewind.protocol.orders import TaskOrder
from tradewind.sdk.asking import take_written
from tradewind.sdk.deferring import Described
from tradewind.sdk.exceptions import (
    AirflowException,
    HITLTimeoutError,
    TaskAwaitingInput,
    TaskDeferred,
)
from tradewind.sdk.operator import FAIL_METHOD, TRIGGER_TIMEOUT
from tradewind.sdk.serde import decode, encode
from tradewind.sdk.timezone import parse

seen_classes: dict[str, type] = {}
"""Classes of triggers that tasks of this process have deferred to, by their paths."""

log = logging.getLogger("tradewind.task")


def begin(task: Any, order: TaskOrder, context: Mapping[str, Any]) -> Any:
    """Call what this leg is about: ``execute``, or the method that goes on after a wait.

    Raises:
        TaskDeferred: The task begins with its trigger.
        HITLTimeoutError: It asked a person, and nobody answered in time.
        BaseException: Whatever the task raises.
    """
    resume = order.resume
    if resume is not None:
        return _go_on(task, resume, context)
    if task.start_from_trigger and task.start_trigger_args is not None:
        raise start_deferral(task, context)
    return task.execute(context)


def _go_on(task: Any, resume: Resume, context: Mapping[str, Any]) -> Any:
    if resume.is_answer and resume.event is None:
        raise HITLTimeoutError("Nobody answered in time, and there are no defaults to go on with")
    if resume.event is None:
        is_late = resume.failure == TIMED_OUT
        error = TRIGGER_TIMEOUT if is_late else "Trigger failure"
        given = {"error": error, "traceback": [resume.detail] if resume.detail else None}
        return task.resume_execution(FAIL_METHOD, given, context)
    event = decode(resume.event)
    if resume.is_answer:
        event["responded_at"] = parse(event["responded_at"])
    kwargs = {**decode(resume.kwargs), "event": event}
    return task.resume_execution(resume.method, kwargs, context)


def start_deferral(task: Any, context: Mapping[str, Any]) -> TaskDeferred:
    """Answer the deferral that a task begins with which has ``start_from_trigger``.

    What the trigger is made from is rendered, where it is named like a template field.
    """
    args = task.start_trigger_args
    kwargs = {
        name: task.render_template(value, context) if name in task.template_fields else value
        for name, value in (args.trigger_kwargs or {}).items()
    }
    return TaskDeferred(
        trigger=Described(args.trigger_cls, kwargs),
        method_name=args.next_method,
        kwargs=args.next_kwargs,
        timeout=args.timeout,
        queue=args.trigger_queue,
    )


def deferral_of(raised: TaskDeferred, limit: datetime | None, now: datetime) -> Deferral:
    """Answer what the server keeps of a deferral.

    Args:
        raised: What the task raised.
        limit: When its ``execution_timeout`` is over, if it has one.
        now: The present moment.

    Raises:
        AirflowException: The trigger or what goes on with it cannot be kept; the message says why.
    """
    said = raised.trigger.serialize()
    if not isinstance(said, tuple | list) or len(said) < 2:
        raise AirflowException(
            f"{type(raised.trigger).__name__}.serialize() must answer a class path and arguments"
        )
    classpath, kwargs = said[0], said[1]
    cls = type(raised.trigger)
    if classpath == f"{cls.__module__}.{cls.__qualname__}":
        seen_classes[classpath] = cls
    moments = [limit] if limit is not None else []
    if raised.timeout is not None:
        moments.append(now + raised.timeout)
    return Deferral(
        classpath=str(classpath),
        kwargs=encode(dict(kwargs)),
        method_name=raised.method_name,
        method_kwargs=encode(dict(raised.kwargs or {})),
        timeout_at=min(moments, default=None),
        queue=raised.queue or "",
    )


def request_of(raised: TaskAwaitingInput, now: datetime) -> InputRequest:
    """Answer what the server keeps of a question.

    Raises:
        AirflowException: Nothing was asked, or it cannot be kept.
    """
    request = take_written() if raised.request is None else raised.request
    if not isinstance(request, InputRequest):
        raise AirflowException(
            "A TaskAwaitingInput asks what ask_person() was told, and it was told nothing"
        )
    return msgspec.structs.replace(
        request,
        method_name=raised.method_name,
        method_kwargs=encode(dict(raised.kwargs or {})),
        timeout_at=None if raised.timeout is None else now + raised.timeout,
    )


def written_question() -> InputRequest | None:
    """Answer the question that a task wrote down before it deferred: its trigger waits for people.

    The task goes on with what the trigger says, not with the answer.
    """
    request = take_written()
    return None if request is None else msgspec.structs.replace(request, method_name="")


def execution_limit(task: Any, order: TaskOrder) -> datetime | None:
    """Answer when the ``execution_timeout`` is over: it spans the deferrals of a try."""
    span: timedelta | None = task.execution_timeout if task is not None else None
    if span is None or order.first_started_at is None:
        return None
    return order.first_started_at + span


def time_left(task: Any, order: TaskOrder, now: datetime) -> timedelta | None:
    """Answer how long this leg may run: all of its ``execution_timeout``, or what a wait left."""
    span: timedelta | None = task.execution_timeout
    limit = execution_limit(task, order)
    if span is None or order.resume is None or limit is None:
        return span
    return limit - now
