"""Aware datetimes from whatever an author writes."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from tradewind.sdk.clock import utcnow as utcnow

utc = dt.UTC


def is_localized(value: dt.datetime) -> bool:
    """Say whether a datetime knows its time zone."""
    return value.utcoffset() is not None


def is_naive(value: dt.datetime) -> bool:
    """Say whether a datetime knows no time zone."""
    return value.utcoffset() is None


def datetime(*args: Any, **kwargs: Any) -> dt.datetime:
    """Answer a datetime, in UTC unless ``tzinfo`` says otherwise.

    Example:
        >>> datetime(2026, 4, 20).isoformat()
        '2026-04-20T00:00:00+00:00'
    """
    return dt.datetime(*args, **{"tzinfo": utc, **kwargs})  # noqa: DTZ001 - it has one


def make_aware(value: dt.datetime, timezone: dt.tzinfo | None = None) -> dt.datetime:
    """Answer a naive datetime's reading on that zone's wall clock, UTC without one.

    Raises:
        ValueError: It has a time zone already.
    """
    if is_localized(value):
        raise ValueError(f"{value.isoformat()} has a time zone already")
    return value.replace(tzinfo=timezone or utc)


def make_naive(value: dt.datetime, timezone: dt.tzinfo | None = None) -> dt.datetime:
    """Answer what that zone's wall clock (UTC's without one) shows at this instant."""
    return value.astimezone(timezone or utc).replace(tzinfo=None)


def convert_to_utc(value: dt.datetime | None) -> dt.datetime | None:
    """Answer the instant in UTC; a naive one is read as UTC.

    Always a plain ``datetime``: what is made of it travels as data, and subclasses do not.
    """
    if value is None:
        return None
    moment = value if is_naive(value) else value.astimezone(utc)
    return dt.datetime.combine(moment.date(), moment.time(), utc)


def coerce_datetime(v: dt.datetime | None, tz: dt.tzinfo | None = None) -> dt.datetime | None:
    """Answer an aware datetime: a naive one is read as UTC, or moved into ``tz`` where given."""
    if v is None:
        return None
    moment = v.replace(tzinfo=utc) if is_naive(v) else v
    return moment if tz is None else moment.astimezone(tz)


def parse(string: str, timezone: dt.tzinfo | None = None) -> dt.datetime:
    """Answer the datetime written in ISO form; one without offset is read in the zone given.

    Example:
        >>> parse("2026-04-20").isoformat()
        '2026-04-20T00:00:00+00:00'
    """
    value = dt.datetime.fromisoformat(string)
    return value if is_localized(value) else value.replace(tzinfo=timezone or utc)


def parse_timezone(name: str | int) -> dt.tzinfo:
    """Answer the time zone of an IANA name, or of an offset in seconds."""
    if isinstance(name, int):
        return dt.timezone(dt.timedelta(seconds=name))
    return utc if name.upper() == "UTC" else ZoneInfo(name)


def as_instant(what: str, value: Any, zone: dt.tzinfo | None = None) -> dt.datetime | None:
    """Answer a start or end date as an aware datetime; text is read as ISO, naive in the zone.

    Raises:
        TypeError: It is no date.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return parse(value, zone)
    if isinstance(value, dt.datetime):
        return value if is_localized(value) else value.replace(tzinfo=zone or utc)
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=zone or utc)
    raise TypeError(f"{what} must be a datetime, not {type(value).__name__} ({value!r})")


def zone_name(zone: dt.tzinfo | None) -> str:
    """Answer how a time zone is written down: its IANA name, or its offset as ``+02:00``.

    Example:
        >>> zone_name(ZoneInfo("Europe/Berlin")), zone_name(dt.timezone(dt.timedelta(hours=2)))
        ('Europe/Berlin', '+02:00')
    """
    if zone is None:
        return "UTC"
    name = getattr(zone, "key", None) or getattr(zone, "name", None)
    if isinstance(name, str) and name:
        return name
    offset = zone.utcoffset(None)
    if offset is None:
        # dateutil's zones know their offset only at an instant; their name is in their file's path.
        return str(getattr(zone, "_filename", "UTC"))
    return "UTC" if not offset else _offset(offset)


def _offset(offset: dt.timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
