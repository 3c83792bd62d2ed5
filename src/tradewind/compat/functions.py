"""Small functions that provider packages and older Dag files import from the field's modules."""

import functools
import getpass
import hashlib
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import ModuleInfo, iter_modules
from types import ModuleType
from typing import Any, TypeVar
from urllib.parse import quote

from tradewind.sdk.configuration import conf
from tradewind.sdk.exceptions import AirflowConfigException
from tradewind.sdk.naming import check_key

_F = TypeVar("_F", bound=Callable[..., Any])


def import_string(dotted_path: str) -> Any:
    """Answer what stands at a dotted path.

    Raises:
        ImportError: Nothing does.

    Example:
        >>> import_string("json.dumps")([1])
        '[1]'
    """
    module, _, name = dotted_path.rpartition(".")
    if not module:
        raise ImportError(f"{dotted_path} is no path of a module and a name in it")
    try:
        return getattr(import_module(module), name)
    except AttributeError:
        raise ImportError(f"Module '{module}' has no '{name}'") from None


def merge_dicts(dict1: Mapping[Any, Any], dict2: Mapping[Any, Any]) -> dict[Any, Any]:
    """Answer the second mapping over the first, key by key inside mappings.

    Example:
        >>> merge_dicts({"a": {"x": 1}, "b": 2}, {"a": {"y": 3}})
        {'a': {'x': 1, 'y': 3}, 'b': 2}
    """
    merged = dict(dict1)
    for key, value in dict2.items():
        both = isinstance(merged.get(key), Mapping) and isinstance(value, Mapping)
        merged[key] = merge_dicts(merged[key], value) if both else value
    return merged


def prune_dict(val: Any, mode: str = "strict") -> Any:
    """Answer a value without what is None inside (``strict``), or what counts as nothing.

    Example:
        >>> prune_dict({"a": None, "b": {"c": ""}, "d": [0, None]})
        {'b': {'c': ''}, 'd': [0]}
        >>> prune_dict({"a": None, "b": {"c": ""}}, mode="truthy")
        {}
    """

    def is_nothing(value: Any) -> bool:
        return value is None if mode == "strict" else not value

    if isinstance(val, Mapping):
        pruned = {key: prune_dict(value, mode) for key, value in val.items() if value is not None}
        return {key: value for key, value in pruned.items() if not is_nothing(value)}
    if isinstance(val, list):
        return [value for value in (prune_dict(one, mode) for one in val) if not is_nothing(value)]
    return val


def exactly_one(*args: object) -> bool:
    """Say whether just one of the values counts as true.

    Raises:
        ValueError: It was given a list instead of values.

    Example:
        >>> exactly_one(0, "a"), exactly_one("a", "b")
        (True, False)
    """
    if len(args) == 1 and isinstance(args[0], Iterable) and not isinstance(args[0], str):
        raise ValueError("exactly_one() takes values, not a list of them")
    return sum(map(bool, args)) == 1


def at_most_one(*args: object) -> bool:
    """Say whether no more than one of the values counts as true."""
    return sum(map(bool, args)) <= 1


def to_boolean(astring: str | None) -> bool:
    """Say whether a text means yes.

    Example:
        >>> to_boolean("Yes"), to_boolean("0"), to_boolean(None)
        (True, False, False)
    """
    return (astring or "").lower() in ("1", "true", "t", "yes", "y", "on")


def md5(data: bytes = b"", *, usedforsecurity: bool = False) -> Any:
    """Answer the MD5 hash of some bytes, for naming things and not for security."""
    return hashlib.md5(data, usedforsecurity=usedforsecurity)  # noqa: S324 - as its name says


def get_hostname() -> str:
    """Answer this machine's name."""
    return socket.getfqdn()


def apply_defaults(func: _F) -> _F:
    """Answer the function: what it once did, every operator does by itself."""

    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return call  # type: ignore[return-value]


def qualname(o: Any) -> str:
    """Answer the dotted path of a class, a function or an object's class.

    Example:
        >>> import json
        >>> qualname(json.dumps), qualname(3)
        ('json.dumps', 'builtins.int')
    """
    named = o if hasattr(o, "__qualname__") else type(o)
    return f"{named.__module__}.{named.__qualname__}"


def iter_namespace(ns: ModuleType) -> Iterator[ModuleInfo]:
    """Yield the modules right below a package, by their full names."""
    return iter_modules(ns.__path__, f"{ns.__name__}.")


def add_deprecated_classes(
    module_imports: Mapping[str, Mapping[str, str]],
    package: str,
    override_deprecated_classes: Mapping[str, Mapping[str, str]] | None = None,
    extra_message: str | None = None,
) -> None:
    """Have modules of a package lead to where their names are now; for provider packages.

    Args:
        module_imports: Module: {name: dotted path of what it is now}.
        package: The package that the modules are in.
        override_deprecated_classes: As ``module_imports``; what a warning would have named.
        extra_message: What a warning would have said besides.
    """
    for module, names in module_imports.items():
        full = package if module == "__init__" else f"{package}.{module}"
        found = sys.modules.setdefault(full, ModuleType(full))
        found.__getattr__ = partial(_moved, full, names)  # type: ignore[method-assign]


def _moved(module: str, names: Mapping[str, str], name: str) -> Any:
    if name not in names:
        raise AttributeError(f"module '{module}' has no attribute '{name}'")
    return import_string(names[name])


def get_unique_dag_module_name(file_path: str) -> str:
    """Answer a module name for a Dag file that no other file has.

    Example:
        >>> get_unique_dag_module_name("/dags/sales.py").endswith("_sales")
        True
    """
    path = Path(file_path)
    digest = hashlib.sha1(str(path).encode(), usedforsecurity=False).hexdigest()
    return f"unusual_prefix_{digest}_{path.stem.replace('-', '_').replace('.', '_')}"


def validate_key(k: str, max_length: int = 250) -> None:
    """Refuse an id that no Dag or task may have.

    Raises:
        ValueError: It is too long, or has other characters than those allowed.
    """
    check_key("key", k, longest=max_length)


def correct_maybe_zipped(fileloc: str | None) -> str | None:
    """Answer the archive that a path leads into, or the path itself.

    Example:
        >>> correct_maybe_zipped("/dags/all.zip/sales.py"), correct_maybe_zipped("/dags/a.py")
        ('/dags/all.zip', '/dags/a.py')
    """
    if not fileloc:
        return fileloc
    archive, ending, _ = fileloc.partition(".zip/")
    return f"{archive}.zip" if ending else fileloc


def build_airflow_dagrun_url(dag_id: str, run_id: str) -> str:
    """Answer where a run is shown, below ``[api] base_url``.

    Example:
        >>> build_airflow_dagrun_url("sales", "manual__1").partition("/dags")[1:]
        ('/dags', '/sales/runs/manual__1')
    """
    base = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def chunks(items: list[Any], chunk_size: int) -> Iterator[list[Any]]:
    """Yield a list in pieces of some length.

    Raises:
        ValueError: The length is no positive number.

    Example:
        >>> list(chunks([1, 2, 3], 2))
        [[1, 2], [3]]
    """
    if chunk_size <= 0:
        raise ValueError("Chunk size must be a positive integer")
    for start in range(0, len(items), chunk_size):
        yield items[start : start + chunk_size]


def getuser() -> str:
    """Answer the name of the user that this process belongs to.

    Raises:
        AirflowConfigException: It has none.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise AirflowConfigException(
            "The user of this process has no name; set one in the environment variable USER"
        ) from None
