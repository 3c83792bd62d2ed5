"""XComs as JSON: what a task pushes comes back as it was, whatever process reads it.

Plain JSON stays plain, so that people and the API can read it. What JSON lacks is an object with
``__type__`` and ``__value__``. A type that is not known here or in ``serde_classes`` is refused by
name, never guessed, and nothing is pickled unless the task asked for that (``xcom_pickle``).
"""

import base64
import datetime as dt
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.serde_classes import READERS as _CLASS_READERS
from tradewind.sdk.serde_classes import take_apart
from tradewind.sdk.timezone import zone_name

_pickles: ContextVar[bool] = ContextVar("xcom_pickle", default=False)
_LARGEST_INT = 2**63
"""JSON readers elsewhere lose digits of what is larger."""

_CONSTANTS = {None: b"null", True: b"true", False: b"false"}
_AS_IT_IS = (int, bool, type(None))
"""Written without an encoder: most tasks answer nothing, or a count."""

_TYPE = "__type__"
_VALUE = "__value__"


def encode(value: Any) -> bytes:
    """Answer a value as JSON.

    Raises:
        AirflowException: It holds something that cannot be kept; the message says what and where.

    Example:
        >>> encode({"rows": 3, "day": dt.date(2026, 4, 20)})
        b'{"rows":3,"day":{"__type__":"date","__value__":"2026-04-20"}}'
        >>> decode(encode((1, Decimal("2.50"))))
        (1, Decimal('2.50'))
    """
    if type(value) in _AS_IT_IS:
        return repr(value).encode() if type(value) is int else _CONSTANTS[value]
    tree = _plain(value, "the value", ())
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def decode(raw: bytes) -> Any:
    """Answer the value that was encoded.

    Raises:
        AirflowException: It was written by a newer version that knows more types.
    """
    return json.loads(raw, object_hook=_read)


def serialize(value: Any) -> Any:
    """Answer a value as data that JSON can hold, as ``encode`` writes it.

    Raises:
        AirflowException: It holds something that cannot be kept.

    Example:
        >>> deserialize(serialize({"at": dt.time(6, 30)}))
        {'at': datetime.time(6, 30)}
    """
    return _plain(value, "the value", ())


def deserialize(tree: Any) -> Any:
    """Answer the value that ``serialize`` made this of.

    Raises:
        AirflowException: It holds a class that is not allowed, or is of a newer version.
    """
    if isinstance(tree, Mapping):
        return _read({key: deserialize(item) for key, item in tree.items()})
    if isinstance(tree, list | tuple):
        return [deserialize(item) for item in tree]
    return tree


@contextmanager
def pickling(*, allowed: bool) -> Iterator[None]:
    """Let values of unknown types be pickled, and pickles be read, or not."""
    token = _pickles.set(allowed)
    try:
        yield
    finally:
        _pickles.reset(token)


def length_of(value: Any) -> int | None:
    """Answer how many instances a task mapped over this value has, or None where it cannot be.

    Example:
        >>> length_of([1, 2]), length_of("ab")
        (2, None)
    """
    if isinstance(value, list | tuple | Mapping):
        return len(value)
    return None


def _plain(value: Any, path: str, around: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < _LARGEST_INT else _tagged("int", str(int(value)))
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else _tagged("float", repr(float(value)))
    return _plain_object(value, path, around)


def _plain_object(value: Any, path: str, around: tuple[int, ...]) -> Any:
    if id(value) in around:
        raise AirflowException(f"An XCom cannot hold itself ({path})")
    inside = (*around, id(value))
    if isinstance(value, Mapping):
        return _plain_mapping(value, path, inside)
    if isinstance(value, list):
        return [_plain(item, f"{path}[{i}]", inside) for i, item in enumerate(value)]
    if isinstance(value, tuple | set | frozenset):
        return _plain_collection(value, path, inside)
    for kind, (tag, write) in _WRITERS.items():
        if isinstance(value, kind):
            return _tagged(tag, write(value))
    if hasattr(type(value), "__lazy_sequence__"):
        return [_plain(item, f"{path}[{i}]", inside) for i, item in enumerate(value)]
    taken = take_apart(value)
    if taken is not None:
        return _tagged(taken[0], _plain(taken[1], path, inside))
    if _pickles.get():
        import pickle  # noqa: PLC0415 - only tasks that asked for it

        return _tagged("pickle", base64.b64encode(pickle.dumps(value)).decode())
    raise AirflowException(_refusal(value, path))


def _plain_collection(value: Any, path: str, inside: tuple[int, ...]) -> Any:
    items = [_plain(item, f"{path}[{i}]", inside) for i, item in enumerate(_ordered(value))]
    return _tagged(type(value).__name__ if type(value) in (set, frozenset) else "tuple", items)


def _ordered(value: Any) -> Any:
    return value if isinstance(value, tuple) else sorted(value, key=repr)


def _plain_mapping(value: Mapping[Any, Any], path: str, inside: tuple[int, ...]) -> Any:
    if all(isinstance(key, str) for key in value) and _TYPE not in value:
        return {str(key): _plain(item, f"{path}[{key!r}]", inside) for key, item in value.items()}
    pairs = [
        [_plain(key, f"a key of {path}", inside), _plain(item, f"{path}[{key!r}]", inside)]
        for key, item in value.items()
    ]
    return _tagged("dict", pairs)


def _tagged(tag: str, value: Any) -> dict[str, Any]:
    return {_TYPE: tag, _VALUE: value}


def _refusal(value: Any, path: str) -> str:
    cls = type(value)
    name = f"{cls.__module__}.{cls.__qualname__}".removeprefix("builtins.")
    return (
        f"{path[:1].upper()}{path[1:]} is of type {name}, which cannot be kept as an XCom. Return "
        "JSON values, dates, Decimals, UUIDs, bytes, tuples, sets, dataclasses, pydantic or attrs "
        "models, or give the class serialize() and deserialize(); xcom_pickle=True on the task "
        "lets it be pickled."
    )


def _write_instant(value: dt.datetime) -> Any:
    name = zone_name(value.tzinfo) if value.tzinfo is not None else None
    return [value.replace(tzinfo=None).isoformat(), name, value.fold, _offset_seconds(value)]


def _offset_seconds(value: dt.datetime) -> float | None:
    offset = value.utcoffset()
    return offset.total_seconds() if offset is not None else None


def _write_zone(zone: dt.tzinfo) -> Any:
    offset = zone.utcoffset(None)
    return [zone_name(zone), offset.total_seconds() if offset is not None else 0.0]


def _read_pickle(text: str) -> Any:
    if not _pickles.get():
        raise AirflowException(
            "This XCom is a pickle, and reading one runs code that came with it. Only a task with "
            "xcom_pickle=True reads it"
        )
    import pickle  # noqa: PLC0415 - only tasks that asked for it

    return pickle.loads(base64.b64decode(text))  # noqa: S301 - this task's author asked for it


def _write_datetime(value: dt.datetime) -> Any:
    # Recognised without importing pendulum: whoever has one has imported it already.
    is_pendulum = type(value).__module__.startswith("pendulum")
    return [*_write_instant(value), is_pendulum]


def _read_datetime(parts: list[Any]) -> dt.datetime:
    text, zone, fold, offset, is_pendulum = parts
    naive = dt.datetime.fromisoformat(text).replace(fold=fold)
    value = naive if offset is None else naive.replace(tzinfo=_zone(zone, offset))
    if not is_pendulum:
        return value
    # pendulum costs 60 ms to import; only tasks that push its dates read them.
    import pendulum  # noqa: PLC0415

    return (
        pendulum.instance(value, tz=None)
        if offset is not None
        else pendulum.naive(
            naive.year,
            naive.month,
            naive.day,
            naive.hour,
            naive.minute,
            naive.second,
            naive.microsecond,
        )
    )


def _zone(name: str, offset: float) -> dt.tzinfo:
    if name == "UTC":
        return dt.UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return dt.timezone(dt.timedelta(seconds=offset))


_WRITERS: Mapping[type, tuple[str, Callable[[Any], Any]]] = {
    dt.datetime: ("datetime", _write_datetime),
    dt.date: ("date", dt.date.isoformat),
    dt.time: ("time", dt.time.isoformat),
    dt.timedelta: ("timedelta", lambda span: [span.days, span.seconds, span.microseconds]),
    Decimal: ("decimal", str),
    UUID: ("uuid", str),
    bytes: ("bytes", lambda raw: base64.b64encode(raw).decode()),
    bytearray: ("bytes", lambda raw: base64.b64encode(raw).decode()),
    ZoneInfo: ("zone", _write_zone),
    dt.timezone: ("zone", _write_zone),
}

_READERS: Mapping[str, Callable[[Any], Any]] = {
    "datetime": _read_datetime,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "timedelta": lambda parts: dt.timedelta(*parts),
    "decimal": Decimal,
    "uuid": UUID,
    "bytes": base64.b64decode,
    "float": float,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
    "int": int,
    "zone": lambda parts: _zone(*parts),
    "pickle": _read_pickle,
    **_CLASS_READERS,
}


def _read(node: dict[str, Any]) -> Any:
    if _TYPE not in node:
        return node
    reader = _READERS.get(node[_TYPE])
    if reader is None:
        raise AirflowException(f"An XCom has a '{node[_TYPE]}', which this version cannot read")
    return reader(node[_VALUE])
