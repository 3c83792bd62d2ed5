"""Large XComs as files in object storage, written and read piece by piece.

With ``[core] xcom_backend = tradewind.sdk.xcom_storage.ObjectStorageXCom`` a value that has at
least ``[xcom] storage_threshold`` bytes goes to a file below ``[xcom] storage_path``; what travels
through the database is where it lies. Text, bytes, arrays, lists and dicts are never held a second
time as a whole: their parts are encoded one after the other.

A file begins with a line of JSON that says its kind; then come the bytes, or a line of JSON a part.
"""

import codecs
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from itertools import islice
from typing import IO, Any
from uuid import uuid4

from tradewind.sdk.configuration import conf
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.object_storage import ObjectStoragePath
from tradewind.sdk.serde import decode, encode
from tradewind.sdk.xcom import BaseXCom, check_size

_PIECE = 1024 * 1024
_ITEMS_A_LINE = 256
_STORED = "__xcom_stored__"
_SUFFIXES = {"gzip": ".gz", "bz2": ".bz2", "xz": ".xz", "zstd": ".zst", "snappy": ".snappy"}


class ObjectStorageXCom(BaseXCom):
    """Keeps large XComs as files; small ones as ever."""

    @staticmethod
    def serialize_value(
        value: Any,
        *,
        key: str | None = None,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> Any:
        """Answer the value as JSON, or where it now lies.

        Raises:
            AirflowException: It is large, and ``[xcom] storage_path`` is not set.
        """
        threshold = conf.getint("xcom", "storage_threshold")
        pieces = write_pieces(value)
        begun: list[bytes] = []
        size = 0
        for piece in pieces:
            begun.append(piece)
            size += len(piece)
            if 0 <= threshold <= size:
                path = _new_path(dag_id, run_id, task_id, map_index, key)
                _write(path, begun, pieces)
                return json.dumps({_STORED: str(path), "conn_id": path.conn_id})
            if threshold < 0:
                check_size(size, key or "")
        return encode(value).decode()

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """Answer the value, from its file if it lies in one.

        Raises:
            AirflowException: Its file is gone.
        """
        path = _path_of(result.value)
        if path is None:
            return BaseXCom.deserialize_value(result)
        try:
            with path.open("rb", compression=_compression_of(path)) as file:
                return read_pieces(file)
        except FileNotFoundError:
            raise AirflowException(f"The file of XCom '{result.key}' is gone: {path}") from None

    @classmethod
    def orm_deserialize_value(cls, result: Any) -> Any:
        """Answer where a large value lies, any other as it is."""
        path = _path_of(result.value)
        return str(path) if path is not None else BaseXCom.deserialize_value(result)

    @classmethod
    def purge(cls, xcom: Any, *args: Any) -> None:
        """Remove the file of an XCom."""
        path = _path_of(xcom.value)
        if path is not None and path.exists():
            path.unlink()

    @classmethod
    def purge_instance(cls, dag_id: str, run_id: str, task_id: str, map_index: int) -> None:
        """Remove the files of a task instance that runs again."""
        if not conf.get("xcom", "storage_path"):
            return
        folder = _folder(dag_id, run_id, task_id, map_index)
        if folder.exists():
            folder.fs.rm(folder.path, recursive=True)


def _folder(dag_id: str, run_id: str, task_id: str, map_index: int | None) -> ObjectStoragePath:
    index = str(map_index) if map_index is not None and map_index >= 0 else "plain"
    return _root(conf.get("xcom", "storage_path")) / dag_id / _safe(run_id) / task_id / index


@cache
def _root(path: str) -> ObjectStoragePath:
    if not path:
        raise AirflowException("ObjectStorageXCom needs the setting [xcom] storage_path")
    return ObjectStoragePath(path)


def _safe(name: str) -> str:
    return name.replace(":", "_").replace("+", "_")


def _new_path(
    dag_id: str | None,
    run_id: str | None,
    task_id: str | None,
    map_index: int | None,
    key: str | None,
) -> ObjectStoragePath:
    suffix = _SUFFIXES.get(conf.get("xcom", "storage_compression"), "")
    folder = _folder(dag_id or "-", run_id or "-", task_id or "-", map_index)
    safe_key = "".join(c if c.isalnum() or c in "-_." else "_" for c in key or "")
    return folder / f"{safe_key}-{uuid4().hex}{suffix}"


def _write(path: ObjectStoragePath, begun: list[bytes], rest: Iterator[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb", compression=conf.get("xcom", "storage_compression") or None) as file:
        for piece in begun:
            file.write(piece)
        begun.clear()
        for piece in rest:
            file.write(piece)


def _compression_of(path: ObjectStoragePath) -> str | None:
    return next((name for name, end in _SUFFIXES.items() if path.name.endswith(end)), None)


def _path_of(kept: Any) -> ObjectStoragePath | None:
    text = kept if isinstance(kept, str) else ""
    if not text.startswith(f'{{"{_STORED}"'):
        return None
    found = json.loads(text)
    root = conf.get("xcom", "storage_path")
    path = ObjectStoragePath(found[_STORED], conn_id=found.get("conn_id"))
    # Whoever may write an XCom must not make a task read any other file.
    is_ours = bool(root) and path.is_relative_to(_root(root)) and ".." not in path.parts
    return path if is_ours else None


def write_pieces(value: Any) -> Iterator[bytes]:
    """Answer a value's bytes in pieces, never all at once where it can be cut.

    Raises:
        AirflowException: It holds something that cannot be kept.

    Example:
        >>> b"".join(write_pieces([1, 2])).splitlines()
        [b'{"kind":"list"}', b'[1,2]']
    """
    if type(value) is str:
        yield _head("str")
        for at in range(0, len(value), _PIECE):
            yield value[at : at + _PIECE].encode("utf-8", "surrogatepass")
    elif type(value) in (bytes, bytearray):
        yield _head("bytes", size=len(value))
        yield from _cut(memoryview(value))
    elif type(value) is list:
        yield _head("list")
        items = iter(value)
        while part := list(islice(items, _ITEMS_A_LINE)):
            yield encode(part) + b"\n"
    elif isinstance(value, Mapping) and type(value) is dict:
        yield _head("dict")
        pairs = iter(value.items())
        while some := list(islice(pairs, _ITEMS_A_LINE)):
            yield encode(some) + b"\n"
    elif _is_array(value):
        yield _head("ndarray", dtype=value.dtype.str, shape=list(value.shape))
        whole = value if value.flags.c_contiguous else value.copy()
        yield from _cut(memoryview(whole.reshape(-1).view("u1")))
    else:
        yield _head("json")
        yield encode(value)


def _head(kind: str, **more: Any) -> bytes:
    return json.dumps({"kind": kind, **more}, separators=(",", ":")).encode() + b"\n"


def _cut(view: memoryview) -> Iterator[bytes]:
    for at in range(0, len(view), _PIECE):
        yield bytes(view[at : at + _PIECE])


def _is_array(value: Any) -> bool:
    cls = type(value)
    return (cls.__module__, cls.__name__) == ("numpy", "ndarray") and value.dtype.kind in "biufc"


def read_pieces(file: IO[bytes]) -> Any:
    """Answer the value that was written in pieces.

    Raises:
        AirflowException: The file is of a kind that this version does not know.
    """
    head = json.loads(file.readline())
    match head["kind"]:
        case "str":
            return _read_text(file)
        case "bytes":
            return _read_bytes(file, head["size"])
        case "list":
            return [item for line in file for item in decode(line)]
        case "dict":
            return {key: item for line in file for key, item in decode(line)}
        case "ndarray":
            return _read_array(file, head)
        case "json":
            return decode(file.read())
    raise AirflowException(f"An XCom's file is of kind '{head['kind']}', which is not known here")


def _read_text(file: IO[bytes]) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
    text = ""
    while True:
        piece = file.read(_PIECE)
        more = decoder.decode(piece, final=not piece)
        # Grown in place, as nobody else holds it; joining pieces would need all of it twice. The
        # interpreter does so only where both sides are plain names.
        text += more
        if not piece:
            return text


def _read_bytes(file: IO[bytes], size: int) -> bytes:
    # Asked for at once, so that it is made at its final size.
    found = file.read(size)
    return bytes(found)


def _read_array(file: IO[bytes], head: Mapping[str, Any]) -> Any:
    made = import_module("numpy").empty(tuple(head["shape"]), dtype=head["dtype"])
    view = memoryview(made.reshape(-1).view("u1"))
    at = 0
    while at < len(view) and (piece := file.read(min(_PIECE, len(view) - at))):
        view[at : at + len(piece)] = piece
        at += len(piece)
    return made
