"""Which ids a Dag, a task and a group may have."""

import re
from typing import Any

_KEY = re.compile(r"[\w.-]+")
_GROUP_KEY = re.compile(r"[\w-]+")


def check_key(what: str, key: Any, *, longest: int = 250) -> str:
    """Answer the id of a Dag or task if it may be one.

    Raises:
        TypeError: The id is no string.
        ValueError: It is empty, too long, or has characters that no URL and file name can carry.

    Example:
        >>> check_key("task_id", "load_sales")
        'load_sales'
    """
    return _check(what, key, _KEY, longest, "letters, digits, dashes, dots and underscores")


def check_group_key(what: str, key: Any) -> str:
    """Answer the id of a task group if it may be one; like a task's, without dots.

    Raises:
        TypeError: The id is no string.
        ValueError: It is empty, too long, or has other characters.
    """
    return _check(what, key, _GROUP_KEY, 200, "letters, digits, dashes and underscores")


def _check(what: str, key: Any, pattern: re.Pattern[str], longest: int, allowed: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"The {what} must be a string, not {type(key).__name__} ({key!r})")
    if len(key) > longest:
        raise ValueError(f"The {what} '{key}' is {len(key)} characters long; {longest} are allowed")
    if not pattern.fullmatch(key):
        raise ValueError(f"The {what} '{key}' may only have {allowed}")
    return key
