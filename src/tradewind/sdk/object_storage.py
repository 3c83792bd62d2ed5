"""ObjectStoragePath: files and folders of any store, as paths.

``ObjectStoragePath("s3://conn_id@bucket/key")`` is a path like those of ``pathlib``; the user part
of the URL, or ``conn_id=``, names the connection that opens the store. Which stores there are says
fsspec; provider packages say how a connection opens theirs.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from fsspec import AbstractFileSystem
from fsspec.registry import get_filesystem_class, register_implementation
from upath import UPath
from upath.extensions import ProxyUPath
from upath.registry import available_implementations
from upath.registry import register_implementation as register_path

from tradewind.sdk.connection import Connection
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.providers import filesystem_modules

_CHUNK_BYTES = 1024 * 1024
_LOGIN_NAMES: Mapping[str, tuple[str, str]] = {
    "s3": ("key", "secret"),
    "s3a": ("key", "secret"),
    "abfs": ("account_name", "account_key"),
    "abfss": ("account_name", "account_key"),
}
"""What fsspec calls login and password; ``username`` and ``password`` elsewhere."""

_attached: dict[tuple[str, str | None], AbstractFileSystem] = {}


def attach(
    protocol: str | None = None,
    conn_id: str | None = None,
    encryption_type: str | None = None,
    fs: AbstractFileSystem | None = None,
) -> AbstractFileSystem:
    """Open a store, or take an open one, and answer it: paths of this protocol are in it.

    Raises:
        ValueError: Neither a protocol nor a filesystem is given, or fsspec knows no such protocol.
    """
    name = protocol or (fs is not None and str(_first(fs.protocol))) or ""
    if not name:
        raise ValueError("No filesystem provided and no protocol specified")
    if fs is not None:
        register_implementation(name, type(fs), clobber=True)
        if name not in available_implementations():
            register_path(name, UPath)
        _attached[name, conn_id] = fs
        return fs
    found = _attached.get((name, conn_id))
    if found is None:
        found = _attached[name, conn_id] = _open(name, conn_id)
    return found


def _open(protocol: str, conn_id: str | None) -> AbstractFileSystem:
    opener = _openers().get(protocol)
    if opener is not None:
        return opener(conn_id, {})
    kind = get_filesystem_class(protocol)
    return kind(**(_options_of(protocol, Connection.get(conn_id)) if conn_id else {}))


@cache
def _openers() -> Mapping[str, Callable[..., AbstractFileSystem]]:
    found: dict[str, Callable[..., AbstractFileSystem]] = {}
    for path in filesystem_modules():
        module = import_module(path)
        found.update(dict.fromkeys(module.schemes, module.get_fs))
    return found


def _options_of(protocol: str, conn: Connection) -> dict[str, Any]:
    login, password = _LOGIN_NAMES.get(protocol, ("username", "password"))
    named = {login: conn.login, password: conn.password, "host": conn.host, "port": conn.port}
    if protocol in _LOGIN_NAMES:
        del named["host"], named["port"]
    return {name: value for name, value in named.items() if value is not None} | conn.extra_dejson


def _first(protocol: Any) -> str:
    return protocol if isinstance(protocol, str) else protocol[0]


class _Kin:
    """Has paths that are made of a path know its connection."""

    def __get__(self, path: Any, owner: Any) -> Callable[[UPath], Any]:
        conn_id = None if path is None else path.conn_id

        def make(wrapped: UPath) -> Any:
            if isinstance(wrapped, owner):
                return wrapped
            made = object.__new__(owner)
            made.__wrapped__ = wrapped
            made._conn_id = conn_id
            return made

        return make


class ObjectStoragePath(ProxyUPath):
    """A file or folder of any store.

    Example:
        >>> path = ObjectStoragePath("memory://shop/sales.csv")
        >>> path.write_text("a,b")
        3
        >>> [p.name for p in path.parent.iterdir()], path.with_suffix(".txt").key
        (['sales.csv'], 'sales.txt')
    """

    __version__: ClassVar[int] = 1
    __slots__ = ("_conn_id",)
    _from_upath = _Kin()

    sep: ClassVar[str] = "/"
    root_marker: ClassVar[str] = "/"

    def __init__(
        self,
        *args: Any,
        protocol: str | None = None,
        conn_id: str | None = None,
        **storage_options: Any,
    ) -> None:
        first = args[0] if args else ""
        if isinstance(first, ObjectStoragePath):
            conn_id = conn_id or first.conn_id
            storage_options = {**first.storage_options, **storage_options}
            args = (first.__wrapped__, *args[1:])
        elif isinstance(first, str):
            text, protocol, conn_id = _taken_apart(first, protocol, conn_id)
            args = (text, *args[1:])
            if protocol and (conn_id or (protocol, None) in _attached):
                opened = attach(protocol, conn_id)
                storage_options = {**opened.storage_options, **storage_options}
        self._conn_id = conn_id
        super().__init__(*args, protocol=protocol, **storage_options)

    @property
    def conn_id(self) -> str | None:
        """Answer the connection that opens the store; None where none is needed."""
        return self._conn_id

    @property
    def container(self) -> str:
        """Answer the bucket."""
        return self.bucket

    @property
    def bucket(self) -> str:
        """Answer the first part of the path, where stores have their buckets."""
        return self.path.lstrip(self.sep).split(self.sep, 1)[0]

    @property
    def key(self) -> str:
        """Answer the path below the bucket."""
        return self.path.lstrip(self.sep).partition(self.sep)[2]

    @property
    def namespace(self) -> str:
        """Answer protocol and bucket."""
        return f"{self.protocol}://{self.bucket}" if self.bucket else str(self.protocol)

    def samestore(self, other: Any) -> bool:
        """Say whether another path is in the same store."""
        return (
            isinstance(other, ObjectStoragePath)
            and self.protocol == other.protocol
            and self.conn_id == other.conn_id
            and self.fs == other.fs
        )

    def size(self) -> int:
        """Answer how many bytes the file has."""
        return int(self.fs.size(self.path))

    def checksum(self) -> Any:
        """Answer a value that changes with the file's content, as the store makes it."""
        return self.fs.checksum(self.path)

    def ukey(self) -> Any:
        """Answer a value that changes with the file, as the store makes it."""
        return self.fs.ukey(self.path)

    def read_block(self, offset: int, length: int, delimiter: bytes | None = None) -> bytes:
        """Answer a part of the file; with a delimiter, from one to the next."""
        return bytes(self.fs.read_block(self.path, offset, length, delimiter=delimiter))

    def copy(self, dst: Any, recursive: bool = True, **kwargs: Any) -> "ObjectStoragePath":  # type: ignore[override]
        """Copy the file, or the folder with all in it, to a path of any store; answer that.

        A file copied to a folder that is there lands in it under its name.

        Raises:
            FileNotFoundError: There is nothing at this path.
            ValueError: A folder was to be copied to a file.
        """
        target = _as_path(dst)
        if not self.exists():
            raise FileNotFoundError(f"{self} does not exist")
        if self.is_dir():
            if target.is_file():
                raise ValueError(f"A folder cannot be copied to a file: {target}")
            if not recursive:
                raise ValueError(f"{self} is a folder; say recursive=True")
            for file, inner in self.files():
                _copy_file(file, target / inner, **kwargs)
            return target
        if target.is_dir():
            target = target / self.name
        _copy_file(self, target, **kwargs)
        return target

    def move(self, path: Any, recursive: bool = True, **kwargs: Any) -> "ObjectStoragePath":  # type: ignore[override]
        """Copy to a path of any store, then remove what was here; answer the new path."""
        target = self.copy(path, recursive=recursive, **kwargs)
        self.fs.rm(self.path, recursive=self.is_dir())
        return target

    def replace(self, target: Any) -> "ObjectStoragePath":
        """Move a file to a path of any store, over what is there; answer the new path."""
        return self.move(target)

    def sync(self, dst: Any, *, delete: bool = False) -> list["ObjectStoragePath"]:
        """Make a folder of any store like this one; answer the files that were copied.

        A file is copied where it is missing, of another size, or older there. With ``delete``,
        files that are not here are removed there.
        """
        target = _as_path(dst)
        copied: list[ObjectStoragePath] = []
        wanted = set()
        for file, inner in self.files():
            wanted.add(inner)
            there = target / inner
            if _differs(file, there):
                _copy_file(file, there)
                copied.append(there)
        if delete and target.exists():
            for file, inner in target.files():
                if inner not in wanted:
                    file.unlink()
        return copied

    def files(self) -> Iterator[tuple["ObjectStoragePath", str]]:
        """Answer all files below this folder, each with its path inside it."""
        for found in sorted(self.fs.find(self.path)):
            inner = found.lstrip(self.sep).removeprefix(self.path.strip(self.sep))
            inner = inner.lstrip(self.sep)
            yield (self / inner, inner)

    def serialize(self) -> dict[str, Any]:
        """Answer the path as data, for XComs: with the connection's id, never its secrets."""
        return {"path": str(self), "conn_id": self.conn_id}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any], version: int) -> "ObjectStoragePath":
        """Answer the path of this data."""
        return cls(data["path"], conn_id=data["conn_id"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectStoragePath) and (
            (str(self), self.conn_id) == (str(other), other.conn_id)
        )

    def __hash__(self) -> int:
        return hash((str(self), self.conn_id))


def _taken_apart(
    text: str, protocol: str | None, conn_id: str | None
) -> tuple[str, str | None, str | None]:
    """Answer path, protocol and connection of a URL that may name the latter as its user."""
    parts = urlsplit(text)
    if "://" not in text:
        return text, protocol, conn_id
    named, at, host = parts.netloc.rpartition("@")
    if at:
        if conn_id and conn_id != named:
            raise AirflowException(f"Two connections are named for {text}: {named} and {conn_id}")
        text = urlunsplit(parts._replace(netloc=host))
        conn_id = named
    return text, protocol or parts.scheme, conn_id


def _as_path(path: Any) -> ObjectStoragePath:
    return path if isinstance(path, ObjectStoragePath) else ObjectStoragePath(str(path))


def _copy_file(source: ObjectStoragePath, target: ObjectStoragePath, **kwargs: Any) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.samestore(target):
        source.fs.copy(source.path, target.path, **kwargs)
        return
    with source.open("rb") as read, target.open("wb") as write:
        shutil.copyfileobj(read, write, _CHUNK_BYTES)


def _differs(source: ObjectStoragePath, target: ObjectStoragePath) -> bool:
    if not target.exists() or source.size() != target.size():
        return True
    try:
        return bool(source.fs.modified(source.path) > target.fs.modified(target.path))
    except NotImplementedError:
        return False
