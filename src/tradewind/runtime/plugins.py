"""Plugins: found in the plugins folder and among entry points, loaded where user code runs.

Each process of user code loads them once, before the first Dag file. One that cannot be loaded is a
fault that is told beside the Dags, and changes nothing else.
"""

import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.protocol.orders import BundleRef
from tradewind.protocol.reports import ImportFault
from tradewind.runtime import listening
from tradewind.runtime.faults import line_in, one_line, user_traceback
from tradewind.sdk import macros
from tradewind.sdk.deadlines import DeadlineReference
from tradewind.sdk.installed import installed
from tradewind.sdk.operator import BaseOperator
from tradewind.sdk.plugins import AirflowPlugin

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FOLDER = "plugins"
"""Of a bundle: beside its Dags folder."""

_GROUP = "airflow.plugins"

EFFECTIVE = (
    "macros",
    "operator_extra_links",
    "global_operator_extra_links",
    "timetables",
    "deadline_references",
    "listeners",
)
"""Attributes of a plugin that have their effect."""

_IDLE = tuple(
    name
    for name, value in vars(AirflowPlugin).items()
    if isinstance(value, list) and name not in EFFECTIVE
)


class LoadedPlugin(msgspec.Struct, frozen=True, kw_only=True):
    """One plugin, as it was loaded."""

    name: str
    source: str
    """Its file, or its entry point."""
    adds: dict[str, list[str]]
    """What it adds, by attribute: names."""
    without_effect: tuple[str, ...] = ()
    """Attributes it has that do nothing here."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """All plugins of an installation, and what is wrong with others."""

    plugins: tuple[LoadedPlugin, ...] = ()
    faults: tuple[ImportFault, ...] = ()


_loaded: dict[tuple[str, ...], Loaded] = {}


def load_plugins(bundle: BundleRef) -> Loaded:
    """Load what there is, once in a process; answer it."""
    folders = tuple(str(folder) for folder in plugin_folders(bundle))
    found = _loaded.get(folders)
    if found is None:
        found = _loaded[folders] = _load(bundle, folders)
    return found


def plugin_folders(bundle: BundleRef) -> list[Path]:
    """Answer the folders that plugins lie in: the bundle's own, and the one the settings name."""
    named = os.environ.get("AIRFLOW__CORE__PLUGINS_FOLDER", "")
    given = [Path(bundle.root, FOLDER), *([Path(named)] if named else [])]
    return [folder for folder in dict.fromkeys(given) if folder.is_dir()]


def _load(bundle: BundleRef, folders: tuple[str, ...]) -> Loaded:
    plugins: list[LoadedPlugin] = []
    faults: list[ImportFault] = []
    for source, load in _sources(folders):
        file = _shown(bundle, source)
        try:
            plugins.extend(_put_to_use(plugin, file) for plugin in load())
        except (Exception, SystemExit) as error:  # noqa: BLE001 - what it raises is its fault
            fault = ImportFault(
                file=file,
                message=f"This plugin cannot be loaded: {one_line(error)}",
                line=line_in(error, source),
                traceback=user_traceback(error),
            )
            faults.append(fault)
    return Loaded(plugins=tuple(plugins), faults=tuple(faults))


def _sources(folders: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for folder in folders:
        if folder not in sys.path:
            sys.path.append(folder)
        for path in sorted(Path(folder).rglob("*.py")):
            inside = path.relative_to(folder).parts
            if path.name != "__init__.py" and not any(p.startswith((".", "__")) for p in inside):
                yield str(path), partial(_in_file, path, folder)
    for point in installed(_GROUP):
        yield f"{point.name} = {point.value}", partial(_of_entry_point, point)


def _of_entry_point(point: "EntryPoint") -> list[Any]:
    return [point.load()]


def _in_file(path: Path, folder: str) -> list[Any]:
    if "AirflowPlugin" not in path.read_text(errors="replace"):
        # Something that plugins or Dags import: it is loaded when they do.
        return []
    module = _import(path, ".".join(path.relative_to(folder).with_suffix("").parts))
    return [value for value in list(vars(module).values()) if _is_plugin(value, module)]


def _import(path: Path, name: str) -> ModuleType:
    """Import a plugin under the name that other files import it by."""
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - it is a .py file
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _is_plugin(value: Any, module: ModuleType) -> bool:
    is_class = inspect.isclass(value) and issubclass(value, AirflowPlugin)
    return is_class and value is not AirflowPlugin and value.__module__ == module.__name__


def _put_to_use(plugin: Any, source: str) -> LoadedPlugin:
    plugin.validate()
    name = str(plugin.name)
    own = {macro.__name__: macro for macro in plugin.macros}
    if own:
        setattr(macros, name, SimpleNamespace(**own))
    for reference in plugin.deadline_references:
        setattr(DeadlineReference, reference.__name__, reference)
    _add_links(plugin)
    for listener in plugin.listeners:
        listening.register(listener)
    plugin.on_load()
    return LoadedPlugin(
        name=name,
        source=source,
        adds={each: names for each in EFFECTIVE if (names := _names(getattr(plugin, each)))},
        without_effect=tuple(each for each in _IDLE if getattr(plugin, each, None)),
    )


def _add_links(plugin: Any) -> None:
    for link in plugin.operator_extra_links:
        for operator in getattr(link, "operators", ()):
            operator.operator_extra_links = (*operator.operator_extra_links, link)
    for link in plugin.global_operator_extra_links:
        BaseOperator.operator_extra_links = (*BaseOperator.operator_extra_links, link)


def _names(values: Any) -> list[str]:
    return [str(getattr(value, "__name__", None) or type(value).__name__) for value in values]


def _shown(bundle: BundleRef, source: str) -> str:
    return source.removeprefix(f"{bundle.root}/")
