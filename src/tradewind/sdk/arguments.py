"""Reading what an operator's author passed: rules, spans of time, numbers, one or many."""

from datetime import timedelta
from typing import Any

from tradewind.errors import did_you_mean
from tradewind.sdk.enums import TriggerRule, WeightRule
from tradewind.sdk.exceptions import AirflowException


def as_trigger_rule(rule: Any, task_id: str) -> TriggerRule:
    """Answer the trigger rule of that name.

    Raises:
        AirflowException: There is none; the message names the nearest one.
    """
    name = "none_failed_min_one_success" if rule == "none_failed_or_skipped" else str(rule)
    name = "all_success" if name == "dummy" else name
    try:
        return TriggerRule(name)
    except ValueError:
        hint = did_you_mean(name, TriggerRule.all_triggers())
        raise AirflowException(
            f"Task '{task_id}' has an unknown trigger rule '{rule}'. {hint}".rstrip()
        ) from None


def as_weight_rule(rule: Any, task_id: str) -> Any:
    """Answer the weight rule of that name, or the strategy of its author's own.

    Raises:
        AirflowException: There is none of that name.
    """
    if isinstance(rule, type) and hasattr(rule, "get_weight"):
        rule = rule()
    if hasattr(rule, "get_weight"):
        return rule
    try:
        return WeightRule(rule)
    except ValueError:
        hint = did_you_mean(str(rule), WeightRule.all_weight_rules())
        raise AirflowException(
            f"Task '{task_id}' has an unknown weight rule '{rule}'. {hint}".rstrip()
        ) from None


def as_list(value: Any) -> list[Any]:
    """Answer one or many as a list; None is none."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple | set | frozenset) else [value]


def as_span(what: str, value: Any) -> timedelta | None:
    """Answer a span given as timedelta or in seconds.

    Raises:
        TypeError: It is neither.
    """
    if value is None or isinstance(value, timedelta):
        return value
    try:
        return timedelta(seconds=float(value))
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a timedelta or seconds, not {value!r}") from None


def as_whole(what: str, value: Any, least: int | None = None) -> int:
    """Answer a whole number, at least ``least``.

    Raises:
        AirflowException: It is no number.
        ValueError: It is too small.
    """
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise AirflowException(f"{what} must be a whole number, not {value!r}") from None
    if least is not None and number < least:
        raise ValueError(f"{what} must be at least {least}, not {number}")
    return number
