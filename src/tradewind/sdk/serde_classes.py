"""Values that are instances of classes, as data: the class's name, its version, what it holds.

A class says how itself (``serialize()`` and ``deserialize(data, version)``), or is a dataclass, an
attrs class or a pydantic model; the types of a few libraries are known here. Making an instance
again runs code of its class, so the class must be allowed by name.
"""

import base64
import dataclasses
import enum
import re
import sys
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

from tradewind.sdk.configuration import conf
from tradewind.sdk.exceptions import AirflowException

_VERSION_ATTRIBUTE = "__version__"
_SECRET = re.compile(r"pass|secret|token|key|credential|sas", re.IGNORECASE)

Taken = tuple[str, Any]
"""A tag, and what stands under it, still to be made plain."""


def take_apart(value: Any) -> Taken | None:
    """Answer tag and content of an instance of a class that is known; None of any other."""
    cls = type(value)
    library = cls.__module__.partition(".")[0]
    taker = _LIBRARIES.get(library)
    taken = taker(value) if taker is not None else None
    return taken or _of_class(value)


def _of_class(value: Any) -> Taken | None:
    content = _content(value)
    if content is None:
        return None
    cls = type(value)
    version = getattr(cls, _VERSION_ATTRIBUTE, 0 if hasattr(cls, "serialize") else 1)
    return "object", {"class": name_of(cls), "version": version, "data": content[0]}


def _content(value: Any) -> tuple[Any] | None:
    if isinstance(value, type):
        return None
    if hasattr(value, "serialize") and hasattr(type(value), "deserialize"):
        return (value.serialize(),)
    if isinstance(value, enum.Enum):
        return (value.value,)
    if _is_pydantic(type(value)):
        return (value.model_dump(),)
    if dataclasses.is_dataclass(value):
        return ({f.name: getattr(value, f.name) for f in dataclasses.fields(value)},)
    if hasattr(type(value), "__attrs_attrs__"):
        return ({f.name: getattr(value, f.name) for f in type(value).__attrs_attrs__},)
    return None


def put_together(content: Mapping[str, Any]) -> Any:
    """Answer the instance, made by its class.

    Raises:
        AirflowException: The class is not allowed, is not there, or cannot read what was kept.
    """
    name, version, data = content["class"], int(content.get("version", 0)), content["data"]
    cls = find_class(name)
    newest = getattr(cls, _VERSION_ATTRIBUTE, 1)
    if isinstance(newest, int) and version > newest:
        raise AirflowException(
            f"A value was written by version {version} of {name}; this is version {newest}"
        )
    if hasattr(cls, "serialize") and hasattr(cls, "deserialize"):
        return cls.deserialize(data, version)
    if isinstance(cls, type) and issubclass(cls, enum.Enum):
        return cls(data)
    if _is_pydantic(cls):
        return cls.model_validate(data)
    return _with_fields(cls, data)


def _with_fields(cls: Any, data: Mapping[str, Any]) -> Any:
    if dataclasses.is_dataclass(cls):
        given = {f.name: f.name for f in dataclasses.fields(cls) if f.init}
    elif hasattr(cls, "__attrs_attrs__"):
        given = {f.name: f.alias for f in cls.__attrs_attrs__ if f.init}
    elif cls.__module__.startswith("kubernetes"):
        return cls(**data)
    else:
        raise AirflowException(f"{name_of(cls)} no longer says how it is made from data")
    made = cls(**{given[name]: value for name, value in data.items() if name in given})
    for name, value in data.items():
        if name not in given:
            object.__setattr__(made, name, value)
    return made


def find_class(name: str) -> Any:
    """Answer the class of that dotted name, if values may be made into it.

    Raises:
        AirflowException: It is not allowed, or there is none.
    """
    if not is_allowed(name):
        raise AirflowException(
            f"{name} was not found in allow list for deserialization imports. To allow it, add it "
            "to the setting [core] allowed_deserialization_classes"
        )
    module, _, qualified = name.rpartition(".")
    while module:
        try:
            found: Any = sys.modules.get(module) or import_module(module)
            for part in qualified.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError):
            module, _, part = module.rpartition(".")
            qualified = f"{part}.{qualified}"
        else:
            return found
    raise AirflowException(f"There is no class {name}, which a value was written as")


def is_allowed(name: str) -> bool:
    """Say whether a value may be made into this class.

    Example:
        >>> is_allowed("tradewind.sdk.assets.Asset"), is_allowed("os.system")
        (True, False)
    """
    if name.startswith(_KNOWN_LIBRARIES):
        return True
    patterns = conf.get("core", "allowed_deserialization_classes").split()
    if any(fnmatchcase(name, pattern) for pattern in patterns):
        return True
    expressions = conf.get("core", "allowed_deserialization_classes_regexp", "").split()
    return any(re.match(expression, name) for expression in expressions)


def name_of(cls: type) -> str:
    """Answer the dotted name of a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _is_pydantic(cls: Any) -> bool:
    return hasattr(cls, "model_validate") and hasattr(cls, "__pydantic_fields__")


def _take_numpy(value: Any) -> Taken | None:
    shape = getattr(value, "shape", None)
    if shape is None:
        return None
    kind = value.dtype
    if kind.hasobject:
        return "ndarray", {"dtype": "object", "shape": list(shape), "items": value.ravel().tolist()}
    raw = base64.b64encode(value.tobytes()).decode()
    if shape == () and type(value).__name__ != "ndarray":
        return "numpy", {"dtype": kind.str, "raw": raw}
    return "ndarray", {"dtype": kind.str, "shape": list(shape), "raw": raw}


def read_numpy(content: Mapping[str, Any]) -> Any:
    """Answer a numpy scalar."""
    np = import_module("numpy")

    return np.frombuffer(base64.b64decode(content["raw"]), np.dtype(content["dtype"]))[0]


def read_ndarray(content: Mapping[str, Any]) -> Any:
    """Answer a numpy array of its own memory."""
    np = import_module("numpy")

    shape = tuple(content["shape"])
    if "raw" in content:
        flat = np.frombuffer(base64.b64decode(content["raw"]), np.dtype(content["dtype"]))
        return flat.reshape(shape).copy()
    made = np.empty(len(content["items"]), dtype=object)
    for place, item in enumerate(content["items"]):
        made[place] = item
    return made.reshape(shape)


def _take_pandas(value: Any) -> Taken | None:
    kind = type(value).__name__
    if kind == "DataFrame":
        columns = [_column(value.iloc[:, place]) for place in range(value.shape[1])]
        labels, index = _labels(value.columns), _labels(value.index)
        return "dataframe", {"columns": columns, "labels": labels, "index": index}
    if kind == "Series":
        return "series", {**_column(value), "name": value.name, "index": _labels(value.index)}
    return None


def _column(series: Any) -> dict[str, Any]:
    kind = str(series.dtype)
    if kind.startswith(("int", "uint", "float", "bool", "complex")):
        return {"dtype": kind, "items": series.to_numpy()}
    if kind == "category":
        return {"dtype": kind, "items": series.astype(object).tolist()}
    return {"dtype": kind, "items": [None if _is_missing(x) else x for x in series.tolist()]}


def _is_missing(item: Any) -> bool:
    return item is None or type(item).__name__ in ("NAType", "NaTType") or item != item


def _labels(index: Any) -> dict[str, Any]:
    if type(index).__name__ == "RangeIndex":
        return {"range": [index.start, index.stop, index.step], "names": list(index.names)}
    found = {"items": index.tolist(), "names": list(index.names)}
    if index.nlevels == 1:
        found["dtype"] = str(index.dtype)
    return found


def read_series(content: Mapping[str, Any]) -> Any:
    """Answer a pandas Series."""
    pd = import_module("pandas")

    index = _read_labels(pd, content["index"])
    return pd.Series(content["items"], index, dtype=content["dtype"], name=content["name"])


def read_dataframe(content: Mapping[str, Any]) -> Any:
    """Answer a pandas DataFrame."""
    pd = import_module("pandas")

    index = _read_labels(pd, content["index"])
    columns = [pd.Series(c["items"], index, dtype=c["dtype"]) for c in content["columns"]]
    made = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=index)
    made.columns = _read_labels(pd, content["labels"])
    return made


def _read_labels(pandas: Any, content: Mapping[str, Any]) -> Any:
    names = content["names"]
    if "range" in content:
        return pandas.RangeIndex(*content["range"], name=names[0])
    if "dtype" not in content:
        return pandas.MultiIndex.from_tuples(content["items"], names=names)
    return pandas.Index(content["items"], dtype=content["dtype"], name=names[0])


def _take_kubernetes(value: Any) -> Taken | None:
    fields = getattr(value, "openapi_types", None)
    if fields is None:
        return None
    set_ones = {name: getattr(value, name) for name in fields if getattr(value, name) is not None}
    return "object", {"class": name_of(type(value)), "version": 1, "data": set_ones}


def _take_iceberg(value: Any) -> Taken | None:
    if type(value).__name__ != "Table" or not hasattr(value, "catalog"):
        return None
    catalog = value.catalog
    return "iceberg", {
        "catalog": catalog.name,
        "properties": _without_secrets(catalog.properties),
        "identifier": list(value.name()),
    }


def read_iceberg(content: Mapping[str, Any]) -> Any:
    """Answer a table of an Iceberg catalog; secrets come from the catalog's own settings."""
    catalogs = import_module("pyiceberg.catalog")
    catalog = catalogs.load_catalog(content["catalog"], **content["properties"])
    return catalog.load_table(tuple(content["identifier"]))


def _take_delta(value: Any) -> Taken | None:
    if type(value).__name__ != "DeltaTable":
        return None
    options = getattr(value, "_storage_options", None) or {}
    return "deltalake", {
        "uri": value.table_uri,
        "version": value.version(),
        "options": _without_secrets(options),
    }


def read_delta(content: Mapping[str, Any]) -> Any:
    """Answer a Delta Lake table at the version it had; secrets come from the environment."""
    deltalake = import_module("deltalake")
    options = content["options"] or None
    return deltalake.DeltaTable(content["uri"], version=content["version"], storage_options=options)


def _without_secrets(properties: Mapping[str, Any]) -> dict[str, str]:
    # An XCom can be read by whoever may look at the run.
    return {key: str(value) for key, value in properties.items() if not _SECRET.search(key)}


_LIBRARIES: Mapping[str, Callable[[Any], Taken | None]] = {
    "numpy": _take_numpy,
    "pandas": _take_pandas,
    "kubernetes": _take_kubernetes,
    "kubernetes_asyncio": _take_kubernetes,
    "pyiceberg": _take_iceberg,
    "deltalake": _take_delta,
}
_KNOWN_LIBRARIES = ("kubernetes.client.models.", "kubernetes_asyncio.client.models.")

READERS: Mapping[str, Callable[[Any], Any]] = {
    "object": put_together,
    "numpy": read_numpy,
    "ndarray": read_ndarray,
    "series": read_series,
    "dataframe": read_dataframe,
    "iceberg": read_iceberg,
    "deltalake": read_delta,
}
"""How what stands under a tag of this module becomes a value again."""
