"""Deciding about a failed try by what went wrong: policies that a task names as ``retry_policy``.

A policy is asked in the task's own process, with the exception still at hand. It may have the next
try wait longer or shorter, or fail the task now; it cannot give more tries than ``retries`` allow.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

LONGEST_REASON = 500
"""Of what a policy says, in characters; the rest is cut off."""

log = logging.getLogger("tradewind.task")


class RetryAction(StrEnum):
    """What is to follow a failed try."""

    RETRY = "retry"
    """Another try, after the delay that the policy says."""
    FAIL = "fail"
    """Nothing: the task has failed."""
    DEFAULT = "default"
    """What the task's own ``retries`` and ``retry_delay`` say."""


@dataclass(frozen=True)
class RetryDecision:
    """What a policy decided, and why."""

    action: RetryAction = RetryAction.DEFAULT
    retry_delay: timedelta | None = None
    """For RETRY: how long the next try waits; None leaves it to the task."""
    reason: str | None = None

    @classmethod
    def retry(cls, delay: timedelta | None = None, reason: str | None = None) -> "RetryDecision":
        """Decide for another try."""
        return cls(RetryAction.RETRY, delay, reason)

    @classmethod
    def fail(cls, reason: str | None = None) -> "RetryDecision":
        """Decide that the task has failed."""
        return cls(RetryAction.FAIL, None, reason)

    @classmethod
    def default(cls) -> "RetryDecision":
        """Leave it to the task's own settings."""
        return cls()


class RetryPolicy(ABC):
    """The root of retry policies: subclass it and implement ``evaluate``.

    Example:
        >>> from datetime import timedelta
        >>> from tradewind import RetryDecision, RetryPolicy
        >>> class Patient(RetryPolicy):
        ...     def evaluate(self, exception, try_number, max_tries, context=None):
        ...         return RetryDecision.retry(timedelta(minutes=try_number), "give it time")
        >>> Patient().evaluate(TimeoutError(), 2, 3).retry_delay
        datetime.timedelta(seconds=120)
    """

    @abstractmethod
    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Mapping[str, Any] | None = None,
    ) -> RetryDecision:
        """Answer what is to follow.

        Args:
            exception: What the try ended with.
            try_number: The try that failed, from 1.
            max_tries: Tries allowed beyond the first.
            context: The context of the task.
        """


@dataclass(frozen=True)
class RetryRule:
    """What is to follow if a try ends with one of these exceptions.

    ``exception`` is a class, a dotted path (so that a Dag file need not import a heavy package), or
    several of them. With ``match_subclasses`` (the default) their subclasses count too.
    """

    exception: type[BaseException] | str | Sequence[type[BaseException] | str]
    action: RetryAction | str = RetryAction.RETRY
    retry_delay: timedelta | None = None
    reason: str | None = None
    match_subclasses: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "action", RetryAction(self.action))
        for one in self.exceptions:
            is_class = isinstance(one, type) and issubclass(one, BaseException)
            if not is_class and not (isinstance(one, str) and one):
                raise TypeError(
                    f"A RetryRule is about exception classes or their dotted paths, not {one!r}"
                )

    @property
    def exceptions(self) -> tuple[type[BaseException] | str, ...]:
        """Answer the exceptions, one or more, as a tuple."""
        given = self.exception
        if isinstance(given, str) or not isinstance(given, Sequence):
            return (given,)
        return tuple(given)

    def matches(self, exception: BaseException) -> bool:
        """Say whether the rule is about this exception."""
        kinds = type(exception).__mro__ if self.match_subclasses else (type(exception),)
        names = {name for kind in kinds for name in _names_of(kind)}
        return any(one in (names if isinstance(one, str) else kinds) for one in self.exceptions)


class ExceptionRetryPolicy(RetryPolicy):
    """Rules by exception; the first that matches decides, ``default`` where none does.

    Example:
        >>> from datetime import timedelta
        >>> from tradewind import ExceptionRetryPolicy, RetryAction, RetryRule
        >>> policy = ExceptionRetryPolicy(
        ...     rules=[
        ...         RetryRule(ConnectionError, retry_delay=timedelta(minutes=5), reason="net down"),
        ...         RetryRule("PermissionError", RetryAction.FAIL, reason="ask for access"),
        ...     ]
        ... )
        >>> policy.evaluate(ConnectionResetError(), 1, 3).reason
        'net down'
        >>> policy.evaluate(PermissionError(), 1, 3).action
        <RetryAction.FAIL: 'fail'>
    """

    def __init__(
        self, rules: Sequence[RetryRule], default: RetryAction | str = RetryAction.DEFAULT
    ) -> None:
        self.rules = list(rules)
        self.default = RetryAction(default)

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Mapping[str, Any] | None = None,
    ) -> RetryDecision:
        """Answer what the first rule that matches says."""
        for rule in self.rules:
            if rule.matches(exception):
                return RetryDecision(RetryAction(rule.action), rule.retry_delay, rule.reason)
        return RetryDecision(self.default)


def judge(
    policy: Any, exception: BaseException, try_number: int, max_tries: int, context: Any
) -> RetryDecision:
    """Ask a policy; one that fails itself is logged, and the task's own settings hold."""
    try:
        decision = policy.evaluate(exception, try_number, max_tries, context)
        found = decision if decision is not None else RetryDecision()
        reason = None if found.reason is None else str(found.reason)[:LONGEST_REASON]
        decided = RetryDecision(RetryAction(found.action), found.retry_delay, reason)
    except Exception:
        log.exception("The retry policy failed; the task's own retries hold")
        return RetryDecision()
    if decided.action is not RetryAction.DEFAULT:
        log.info("The retry policy says: %s%s", decided.action, f", {reason}" if reason else "")
    return decided


def _names_of(kind: type) -> tuple[str, ...]:
    dotted = f"{kind.__module__}.{kind.__qualname__}"
    return (dotted, kind.__qualname__) if kind.__module__ == "builtins" else (dotted,)
