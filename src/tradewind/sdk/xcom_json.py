"""XComs for ``json.dump`` and ``json.load``: ``cls=XComEncoder``, ``cls=XComDecoder``."""

import json
from collections.abc import Iterator
from typing import Any

from tradewind.sdk.serde import deserialize, serialize


class XComEncoder(json.JSONEncoder):
    """Writes whatever an XCom may hold.

    Example:
        >>> json.dumps({"a": (1, 2)}, cls=XComEncoder)
        '{"a": {"__type__": "tuple", "__value__": [1, 2]}}'
    """

    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:
        """Answer a value as pieces of JSON."""
        return super().iterencode(serialize(o), _one_shot)


class XComDecoder(json.JSONDecoder):
    """Reads what ``XComEncoder`` wrote.

    Example:
        >>> json.loads('[{"__type__": "tuple", "__value__": [1, 2]}]', cls=XComDecoder)
        [(1, 2)]
    """

    def decode(self, s: str, _w: Any = None) -> Any:
        """Answer the value of this JSON."""
        return deserialize(super().decode(s))
