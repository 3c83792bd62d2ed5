"""Operators called inside operators: noticed, since a task instance is one operator at work."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tradewind.sdk.exceptions import AirflowException

_at_work: ContextVar[Any] = ContextVar("operator_at_work", default=None)


@contextmanager
def at_work(operator: Any) -> Iterator[None]:
    """Say that this operator's ``execute`` is what the task runs now."""
    token = _at_work.set(operator)
    try:
        yield
    finally:
        _at_work.reset(token)


def watch_execute(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Answer an ``execute`` that notices when it is called from inside another operator's."""

    @functools.wraps(execute)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        outer = _at_work.get()
        if outer is None or outer is self:
            return execute(self, *args, **kwargs)
        _notice(self, outer)
        with at_work(self):
            return execute(self, *args, **kwargs)

    return call


def _notice(inner: Any, outer: Any) -> None:
    said = (
        f"{type(inner).__name__}.execute is called from inside task '{outer.task_id}': it has no "
        "state, retries, callbacks or output of its own"
    )
    if not inner.allow_nested_operators:
        raise AirflowException(f"{said}. Make it a task, or allow it by allow_nested_operators.")
    inner.log.warning("%s", said)
