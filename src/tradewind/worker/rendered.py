"""What is kept of a try's template fields: without secrets, and cut to a length people read."""

from typing import Any

import msgspec

from tradewind.core.sensitive import is_sensitive
from tradewind.protocol.masking import MASK, Masker

MAX_FIELD_LENGTH = 4096


def hide_fields(raw: bytes, masker: Masker) -> bytes:
    """Answer template fields (a JSON object) as they may be kept; empty where there are none."""
    if not raw:
        return b""
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.MsgspecError:
        return b""
    return msgspec.json.encode({name: _kept(name, value, masker) for name, value in fields.items()})


def _kept(name: str, value: Any, masker: Masker) -> Any:
    hidden = _hide(name, value, masker)
    text = hidden if isinstance(hidden, str) else msgspec.json.encode(hidden).decode()
    if len(text) <= MAX_FIELD_LENGTH:
        return hidden
    return f"{text[: MAX_FIELD_LENGTH - 1]}…"


def _hide(name: str, value: Any, masker: Masker) -> Any:
    """Hide what is secret by its name or by its value, however deep it lies."""
    if isinstance(value, dict):
        return {masker.hide(key): _hide(key, inner, masker) for key, inner in value.items()}
    if isinstance(value, list):
        return [_hide(name, inner, masker) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    if is_sensitive(name):
        return MASK
    if isinstance(value, str):
        return masker.hide(value)
    return MASK if MASK in masker.hide(str(value)) else value
