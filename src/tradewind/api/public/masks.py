"""What of variables and connections is never shown, by the names of the things."""

from typing import Any

import msgspec

from tradewind.core.sensitive import is_sensitive

MASK = "***"


def mask_extra(text: str | None) -> str | None:
    """Hide the secrets of a connection's extra; one that is no JSON is hidden whole.

    Example:
        >>> mask_extra('{"region":"eu","token":"abc"}')
        '{"region":"eu","token":"***"}'
    """
    if not text:
        return text
    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return MASK
    return msgspec.json.encode(_masked(value)).decode()


def unmask_extra(sent: str | None, stored: str | None) -> str | None:
    """Put back the secrets of an extra that was read masked and is sent back changed.

    Example:
        >>> unmask_extra('{"region":"us","token":"***"}', '{"region":"eu","token":"abc"}')
        '{"region":"us","token":"abc"}'
    """
    if sent is None or stored is None or MASK not in sent:
        return sent
    if sent == MASK:
        return stored
    try:
        new, old = msgspec.json.decode(sent), msgspec.json.decode(stored)
    except msgspec.DecodeError:
        return sent
    return msgspec.json.encode(_restored(new, old)).decode()


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: MASK if is_sensitive(str(key)) and inner not in (None, "") else _masked(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_masked(inner) for inner in value]
    return value


def _restored(new: Any, old: Any) -> Any:
    if new == MASK:
        return old
    if isinstance(new, dict) and isinstance(old, dict):
        return {
            key: _restored(inner, old[key]) if key in old else inner for key, inner in new.items()
        }
    return new
