"""Assets: the data that tasks make and need, by name and URI, and conditions over them."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tradewind.sdk.configuration import import_string
from tradewind.sdk.providers import provider_infos

log = logging.getLogger("tradewind.assets")

_LONGEST = 1500


class BaseAsset:
    """What a Dag may be scheduled on: an asset, an alias, a reference, or a condition of these.

    Example:
        >>> (Asset("sales") & (Asset("rates") | Asset("fees"))).as_expression()["all"][0]
        {'asset': {'uri': 'sales', 'name': 'sales', 'group': 'asset'}}
    """

    def __and__(self, other: "BaseAsset") -> "AssetAll":
        return AssetAll(self, other)

    def __or__(self, other: "BaseAsset") -> "AssetAny":
        return AssetAny(self, other)

    def as_expression(self) -> Any:
        """Answer the condition as JSON, in the form the API shows."""
        raise NotImplementedError

    def parts(self) -> Iterator["BaseAsset"]:
        """Answer the assets, aliases and references in it, in order."""
        yield self

    def iter_assets(self) -> Iterator[tuple["AssetUniqueKey", "Asset"]]:
        """Answer the assets in it, each with its key."""
        return ((AssetUniqueKey(a.name, a.uri), a) for a in self.parts() if isinstance(a, Asset))

    def iter_asset_aliases(self) -> Iterator[tuple[str, "AssetAlias"]]:
        """Answer the aliases in it, by name."""
        return ((a.name, a) for a in self.parts() if isinstance(a, AssetAlias))


@dataclass(frozen=True)
class AssetUniqueKey:
    """What tells one asset from another."""

    name: str
    uri: str


@dataclass(frozen=True)
class AssetWatcher:
    """Has a trigger watch for changes of an asset made elsewhere."""

    name: str
    trigger: Any


@dataclass(frozen=True)
class AssetAccessControl:
    """Which teams may change an asset and be started by it."""

    producer_teams: Sequence[str] = ()
    consumer_teams: Sequence[str] = ()
    allow_global: bool = True


class Asset(BaseAsset):
    """One piece of data; a name or a URI is enough, the other is then the same.

    The URI is normalised, so that two ways to write it name one asset.

    Example:
        >>> Asset(uri="S3://lake/sales/?b=2&a=1").uri
        's3://lake/sales?a=1&b=2'
    """

    __version__: ClassVar[int] = 1
    asset_type: ClassVar[str] = "asset"

    def __init__(
        self,
        name: str | None = None,
        uri: Any = None,
        *,
        group: str | None = None,
        extra: Mapping[str, Any] | None = None,
        watchers: Sequence[AssetWatcher] | None = None,
        access_control: AssetAccessControl | None = None,
    ) -> None:
        if name is None and uri is None:
            raise TypeError("Asset() needs a name or a uri")
        given = str(uri) if uri is not None else str(name)
        self.name = check_name("Asset name", given if name is None else name)
        self.uri = normalize_uri(given)
        self.group = check_name("Asset group", group) if group else self.asset_type
        self.extra = dict(extra or {})
        self.watchers = list(watchers or ())
        self.access_control = access_control

    @staticmethod
    def ref(*, name: str | None = None, uri: str | None = None) -> "AssetRef":
        """Answer a reference to an asset that is described elsewhere.

        Raises:
            TypeError: Neither a name nor a uri is given, or both.
        """
        return AssetRef(name=name, uri=uri)

    @property
    def normalized_uri(self) -> str:
        """Answer the URI."""
        return self.uri

    def as_expression(self) -> Any:
        """Answer it as JSON."""
        return {"asset": {"uri": self.uri, "name": self.name, "group": self.group}}

    def serialize(self) -> dict[str, Any]:
        """Answer it as data, for XComs."""
        return {"name": self.name, "uri": self.uri, "group": self.group, "extra": self.extra}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any], version: int) -> "Asset":
        """Answer the asset of this data."""
        return cls(**data)

    def __fspath__(self) -> str:
        return self.uri

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asset) and (self.name, self.uri) == (other.name, other.uri)

    def __hash__(self) -> int:
        return hash((self.name, self.uri))

    def __repr__(self) -> str:
        return f"Asset(name={self.name!r}, uri={self.uri!r})"


class Dataset(Asset):
    """An asset under its older name."""

    asset_type = "dataset"


class Model(Asset):
    """An asset that is a model."""

    asset_type = "model"


class AssetRef(BaseAsset):
    """An asset by name or by URI, described elsewhere."""

    def __init__(self, *, name: str | None = None, uri: str | None = None) -> None:
        if (name is None) is (uri is None):
            raise TypeError("Asset reference expects exactly one of name and uri")
        self.name = name
        self.uri = normalize_uri(uri) if uri is not None else None

    def as_expression(self) -> Any:
        """Answer it as JSON."""
        named = {"name": self.name} if self.name is not None else {"uri": self.uri}
        return {"asset_ref": named}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetRef) and (self.name, self.uri) == (other.name, other.uri)

    def __hash__(self) -> int:
        return hash((self.name, self.uri))

    def __repr__(self) -> str:
        return f"AssetRef(name={self.name!r}, uri={self.uri!r})"


class AssetAlias(BaseAsset):
    """A name for assets that a task finds only while it runs."""

    __version__: ClassVar[int] = 1

    def __init__(self, name: str, group: str = "asset") -> None:
        self.name = check_name("Asset alias name", name)
        self.group = group

    def as_expression(self) -> Any:
        """Answer it as JSON."""
        return {"alias": {"name": self.name, "group": self.group}}

    def serialize(self) -> dict[str, Any]:
        """Answer it as data, for XComs."""
        return {"name": self.name, "group": self.group}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any], version: int) -> "AssetAlias":
        """Answer the alias of this data."""
        return cls(**data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetAlias) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"AssetAlias(name={self.name!r})"


class AssetBooleanCondition(BaseAsset):
    """The root of AssetAll and AssetAny."""

    word: ClassVar[str]
    agg_func: ClassVar[Callable[..., bool]]

    def __init__(self, *assets: Any) -> None:
        wrong = [one for one in assets if not isinstance(one, BaseAsset)]
        if wrong:
            raise TypeError(f"expect asset expressions in condition, not {wrong[0]!r}")
        self.objects = [inner for one in assets for inner in self._flat(one)]

    def _flat(self, one: BaseAsset) -> list[BaseAsset]:
        return one.objects if type(one) is type(self) else [one]

    def parts(self) -> Iterator[BaseAsset]:
        """Answer the assets, aliases and references in it, in order, each once."""
        yield from dict.fromkeys(part for one in self.objects for part in one.parts())

    def as_expression(self) -> Any:
        """Answer the condition as JSON."""
        return {self.word: [one.as_expression() for one in self.objects]}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.objects == self.objects

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.objects))})"


class AssetAll(AssetBooleanCondition):
    """True once every one of them has changed."""

    word = "all"
    agg_func = all


class AssetAny(AssetBooleanCondition):
    """True as soon as one of them has changed."""

    word = "any"
    agg_func = any


@dataclass(frozen=True)
class Metadata:
    """Said by a task of an asset it made: ``yield Metadata(asset, {"rows": 3})``."""

    asset: Any
    extra: Mapping[str, Any] = field(default_factory=dict)
    alias: AssetAlias | None = None


def condition_of(schedule: Any) -> BaseAsset | None:
    """Answer what a schedule says of assets; a list means all of them; None where it says nothing.

    Raises:
        TypeError: A list mixes assets with other things.

    Example:
        >>> condition_of([Asset("a"), Asset("b")])
        AssetAll(Asset(name='a', uri='a'), Asset(name='b', uri='b'))
    """
    if isinstance(schedule, BaseAsset):
        return schedule
    if not isinstance(schedule, list | tuple) or not schedule:
        return None
    return schedule[0] if len(schedule) == 1 and _is_asset(schedule[0]) else AssetAll(*schedule)


def _is_asset(value: Any) -> bool:
    return isinstance(value, BaseAsset)


def check_name(what: str, name: Any) -> str:
    """Answer a name that may be an asset's.

    Raises:
        ValueError: It is empty, longer than 1500 characters, or not ASCII.
        TypeError: It is no text.
    """
    if not isinstance(name, str):
        raise TypeError(f"{what} must be text, not {type(name).__name__}")
    if not name or name.isspace():
        raise ValueError(f"{what} cannot be empty or just whitespace")
    if len(name) > _LONGEST:
        raise ValueError(f"{what} cannot exceed {_LONGEST} characters")
    if not name.isascii():
        raise ValueError(f"{what} must only consist of ASCII characters")
    return name


def normalize_uri(uri: str) -> str:
    """Answer a URI in its one form: scheme in small letters, query sorted, no trailing slash.

    A user and password are left out, with a warning: an asset is named, not opened.

    Raises:
        ValueError: It is empty, too long, not ASCII, or of the reserved scheme ``airflow``.

    Example:
        >>> normalize_uri("postgres://me:secret@db/shop/sales/")
        'postgres://db/shop/sales'
        >>> normalize_uri("just a name")
        'just a name'
    """
    uri = check_name("Asset URI", uri)
    parsed = urlsplit(uri)
    scheme = parsed.scheme.lower()
    if scheme == "airflow":
        raise ValueError("Asset scheme 'airflow' is reserved")
    if not scheme and not parsed.netloc:
        return uri
    if not re.fullmatch(r"[a-z][a-z0-9+.\-]*", scheme):
        return uri
    _, at, netloc = parsed.netloc.rpartition("@")
    if at:
        log.warning("An asset's URI should not hold a user or password: %s://%s", scheme, netloc)
    parsed = parsed._replace(
        scheme=scheme,
        netloc=netloc,
        path=parsed.path.rstrip("/") or "",
        query=urlencode(sorted(parse_qsl(parsed.query))),
        fragment="",
    )
    handler = _uri_handlers().get(scheme)
    if handler is not None:
        parsed = handler(parsed)
    return urlunsplit(parsed)


@cache
def _uri_handlers() -> dict[str, Callable[[Any], Any]]:
    found: dict[str, Callable[[Any], Any]] = {}
    for info in provider_infos().values():
        for row in info.get("asset-uris", ()):
            if row.get("handler"):
                handler = import_string(row["handler"])
                found.update(dict.fromkeys(row["schemes"], handler))
    return found
