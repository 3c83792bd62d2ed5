"""What a run may be told: its conf over a Dag's Params, checked against their JSON schemas."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import cache
from typing import Any

from tradewind.core.spec import ParamSpec
from tradewind.errors import RefusedError

FOR_PEOPLE = frozenset({"title", "section", "description_md", "values_display", "examples"})
"""Keywords of a schema that are for the form and check nothing."""

_DURATION = re.compile(
    r"P(?=.)(\d+(\.\d+)?Y)?(\d+(\.\d+)?M)?(\d+(\.\d+)?W)?(\d+(\.\d+)?D)?"
    r"(T(?=.)(\d+(\.\d+)?H)?(\d+(\.\d+)?M)?(\d+(\.\d+)?S)?)?"
)
_SHOWN = 3


def find_problem(value: Any, schema: Mapping[str, Any]) -> str:
    """Answer what is wrong with a value by a schema of draft 2020-12; nothing if it fits.

    Example:
        >>> find_problem(0, {"type": "integer", "minimum": 1})
        '0 is less than the minimum of 1'
        >>> find_problem("2026-04-20T06:00:00+02:00", {"type": "string", "format": "date-time"})
        ''
    """
    if not schema.keys() - FOR_PEOPLE:
        return ""
    # jsonschema costs 50 ms to import; most Dags have no Params with rules.
    import jsonschema  # noqa: PLC0415

    try:
        checker = jsonschema.Draft202012Validator(schema, format_checker=_formats())
        errors = list(checker.iter_errors(value))
    except jsonschema.SchemaError as error:
        return f"its schema is wrong: {error.message}"
    except jsonschema.exceptions.UnknownType as error:
        return f"its schema is wrong: there is no type {error.type!r}"
    return "; ".join(error.message for error in errors[:_SHOWN])


def merge_conf(base: Any, over: Mapping[str, Any]) -> dict[str, Any]:
    """Answer an object with another over it, key by key inside objects.

    Example:
        >>> merge_conf({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"y": 3}, "c": 4})
        {'a': {'x': 1, 'y': 3}, 'b': 1, 'c': 4}
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = merge_conf(below, value) if both else value
    return merged


def check_conf(
    dag_id: str, params: Mapping[str, ParamSpec], conf: Mapping[str, Any], *, overrides: bool = True
) -> None:
    """Refuse a conf that does not fit a Dag's Params.

    Args:
        dag_id: The Dag, for the sentence.
        params: What it may be told.
        conf: What it is told; names that are no Params are left to the tasks.
        overrides: Whether conf goes over the Params at all (``dag_run_conf_overrides_params``).

    Raises:
        RefusedError: A value does not fit, or one that is needed is missing.
    """
    defaults = {name: one.default for name, one in params.items() if one.has_default}
    told = merge_conf(defaults, conf) if overrides else defaults
    for name, param in params.items():
        if name not in told:
            raise RefusedError(
                "conf-does-not-fit",
                f"Dag '{dag_id}' needs the param '{name}', which has no default.",
                f'Give it in the conf: {{"{name}": ...}}.',
            )
        problem = find_problem(told[name], param.json_schema)
        if problem:
            raise RefusedError(
                "conf-does-not-fit",
                f"Invalid input for param '{name}' of Dag '{dag_id}': {problem}.",
                param.description or "",
            )


@cache
def _formats() -> Any:
    import jsonschema  # noqa: PLC0415 - as above

    checker = jsonschema.FormatChecker()
    for name, check in _CHECKS.items():
        checker.checks(name, raises=ValueError)(check)
    return checker


def _is_date(value: Any) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


def _is_time(value: Any) -> bool:
    return not isinstance(value, str) or time.fromisoformat(value) is not None


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str):
        return True
    return "T" in value.upper() and datetime.fromisoformat(value).tzinfo is not None


def _is_duration(value: Any) -> bool:
    return not isinstance(value, str) or _DURATION.fullmatch(value) is not None


_CHECKS = {
    "date": _is_date,
    "time": _is_time,
    "date-time": _is_moment,
    "duration": _is_duration,
}
"""Formats that the library leaves unchecked, or checks only where other packages are there."""
