"""What templates find under ``macros``: modules and small functions for dates."""

import json as json
import time as time
import uuid as uuid
from datetime import date, timedelta
from datetime import datetime as datetime
from importlib import import_module
from random import random as random
from types import ModuleType

_LATER = ("dateutil", "yaml")
"""Modules that few templates use, and every task process would carry."""


def __getattr__(name: str) -> ModuleType:
    """Import a module of ``_LATER`` when it is first used."""
    if name in _LATER:
        return import_module(name)
    raise AttributeError(f"There is no macro '{name}'")


def ds_add(ds: str, days: int) -> str:
    """Answer a date some days later, or earlier.

    Example:
        >>> ds_add("2026-04-20", -1)
        '2026-04-19'
    """
    return (date.fromisoformat(str(ds)) + timedelta(days=days)).isoformat()


def ds_format(ds: str, input_format: str, output_format: str) -> str:
    """Answer a date written in another form.

    Example:
        >>> ds_format("2026-04-20", "%Y-%m-%d", "%d.%m.%Y")
        '20.04.2026'
    """
    read = datetime.strptime(str(ds), input_format)  # noqa: DTZ007 - a date, not an instant
    return read.strftime(output_format)


def ds_format_locale(
    ds: str, input_format: str, output_format: str, locale: str | None = None
) -> str:
    """Answer a date written in another form, in a language: "EEEE, d. MMMM" in "de".

    The form is one of Unicode's (CLDR), not of ``strftime``; without a locale, that of the
    process.

    Example:
        >>> ds_format_locale("2026-04-20", "%Y-%m-%d", "EEEE, d. MMMM y", "de_DE")
        'Montag, 20. April 2026'
    """
    # babel costs 30 ms to import, and few templates ask for this.
    from babel.dates import LC_TIME, format_datetime  # noqa: PLC0415

    read = datetime.strptime(str(ds), input_format)  # noqa: DTZ007 - a date, not an instant
    return str(format_datetime(read, format=output_format, locale=locale or LC_TIME))


def datetime_diff_for_humans(dt: datetime, since: datetime | None = None) -> str:
    """Answer the distance of two moments in words, as in "3 days ago"."""
    # pendulum costs 60 ms to import, and few templates ask for this.
    import pendulum  # noqa: PLC0415

    base = pendulum.instance(since) if since is not None else None
    return pendulum.instance(dt).diff_for_humans(base)
