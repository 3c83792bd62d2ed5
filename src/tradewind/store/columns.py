"""How values are kept in columns: moments as microseconds, JSON as bytes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Answer microseconds since the epoch; exact, unlike a float timestamp."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """Answer the aware UTC datetime of these microseconds."""
    return _EPOCH + timedelta(microseconds=value)


def _to_micros_or_null(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def _from_micros_or_null(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as integer microseconds: it sorts and never loses a zone."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Turn an aware datetime into microseconds."""
        return None if value is None else to_micros(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        """Answer the function itself: it is called for each value of each row."""
        return _to_micros_or_null

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[int | None], datetime | None]:
        """Answer the function itself: it is called for each value of each row."""
        return _from_micros_or_null

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Turn microseconds into an aware datetime."""
        return None if value is None else from_micros(value)


class Json(TypeDecorator[Any]):
    """A JSON value, written by msgspec."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        """Encode anything msgspec can, None as SQL null."""
        return None if value is None else msgspec.json.encode(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Decode to builtins."""
        return None if value is None else msgspec.json.decode(value)


Id = BigInteger().with_variant(Integer, "sqlite")
"""A key that the database gives."""
