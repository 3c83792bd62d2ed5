"""Serves the tables as modules: asked first for every ``airflow.*`` in processes of user code."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from tradewind.compat.paths import AUTHORING, MOVED, NO_DATABASE, OLDER, UNREACHABLE
from tradewind.compat.standard import WAITING
from tradewind.compat.tables import CONSTANTS, LEGACY, SDK, STANDARD, WHOLE
from tradewind.errors import did_you_mean

_ROOT = "airflow"
_PROVIDERS = "airflow.providers"
_FAMILIES = frozenset({"apache", "atlassian", "cncf", "common", "dbt", "facebook", "microsoft"})
"""Providers whose packages are named by two words."""


def _merged(*tables: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    merged: dict[str, dict[str, str]] = {}
    for table in tables:
        for module, names in table.items():
            merged.setdefault(module, {}).update(names)
    return merged


TABLE: Mapping[str, Mapping[str, str]] = _merged(SDK, LEGACY, STANDARD, AUTHORING, OLDER, WAITING)


def _with_parents(names: set[str]) -> frozenset[str]:
    found = set(names)
    for name in names:
        parts = name.split(".")
        found.update(".".join(parts[:count]) for count in range(1, len(parts)))
    return frozenset(found)


MODULES = _with_parents({*TABLE, *WHOLE, *MOVED})
"""Every module that is served, packages without names of their own included."""


class CompatFinder:
    """Finds and makes the modules of the tables; real provider packages come before ours.

    A finder and loader by what it does: ``importlib.abc`` would bring 30 modules into every task.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer how to make this module, or None where it is none of ours.

        Raises:
            ModuleNotFoundError: It is one of the field's modules that is not served.
        """
        if fullname != _ROOT and not fullname.startswith(f"{_ROOT}."):
            return None
        if _is_provider(fullname) and PathFinder.find_spec(fullname, path) is not None:
            return None
        if fullname in MODULES:
            spec = ModuleSpec(fullname, cast(Any, self), origin="tradewind", is_package=True)
            spec.submodule_search_locations = _real_folders() if fullname == _ROOT else []
            return spec
        raise ModuleNotFoundError(_no_module(fullname), name=fullname)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Make the empty module."""
        return ServedModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Put in the constants; all else is looked up when it is used."""
        vars(module).update(CONSTANTS.get(module.__name__, {}))


class ServedModule(ModuleType):
    """A module of the tables; each name is loaded when it is first used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        child = f"{self.__name__}.{name}"
        names = TABLE.get(self.__name__, {})
        if name in names:
            found = resolve(names[name])
        elif name in MOVED.get(self.__name__, {}):
            found = resolve(MOVED[self.__name__][name])
        elif child in MODULES:
            found = importlib.import_module(child)
        else:
            found = self._from_whole(name)
        setattr(self, name, found)
        return found

    def _from_whole(self, name: str) -> Any:
        whole = WHOLE.get(self.__name__)
        if whole is not None:
            module = importlib.import_module(whole)
            if hasattr(module, name):
                return getattr(module, name)
        if sys._getframe(2).f_code.co_name == "_handle_fromlist":  # noqa: SLF001 - of Python
            raise ImportError(_no_name(self.__name__, name), name=self.__name__)
        # hasattr(), or getattr() with a default: whoever asks so takes "no" for an answer.
        raise AttributeError(_no_name(self.__name__, name))

    def __dir__(self) -> list[str]:
        start = f"{self.__name__}."
        children = {name.removeprefix(start) for name in MODULES if name.startswith(start)}
        names = TABLE.get(self.__name__, {})
        return sorted({*names, *(c for c in children if "." not in c)})


def resolve(target: str) -> Any:
    """Answer the object that a row of the tables names.

    Example:
        >>> resolve("tradewind.sdk.enums:TriggerRule").ALL_DONE.value
        'all_done'
    """
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def install() -> None:
    """Serve ``airflow.*`` in this process from now on; a second call changes nothing."""
    if not any(isinstance(finder, CompatFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, CompatFinder())


def uninstall() -> None:
    """Stop serving, and forget the modules that were served."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, CompatFinder)]
    for name, module in list(sys.modules.items()):
        if isinstance(module, ServedModule):
            del sys.modules[name]


def _is_provider(fullname: str) -> bool:
    return fullname == _PROVIDERS or fullname.startswith(f"{_PROVIDERS}.")


def _real_folders() -> list[str]:
    folders = (Path(entry or ".") / _ROOT for entry in sys.path)
    return [str(folder) for folder in folders if folder.is_dir()]


def _no_module(fullname: str) -> str:
    if _is_provider(fullname):
        package = _package_of(fullname)
        return f"There is no module '{fullname}': no provider package that has it is installed" + (
            f" (apache-airflow-providers-{package})" if package else ""
        )
    hint = _why_not(fullname) or did_you_mean(fullname, MODULES)
    return f"Tradewind has no module '{fullname}'. {hint}".rstrip()


def _why_not(path: str) -> str:
    """Answer why something is missing on purpose; empty where there is no such reason."""
    parts = path.split(".")
    starts = {".".join(parts[:count]) for count in range(2, len(parts) + 1)}
    return NO_DATABASE if starts & UNREACHABLE else ""


def _package_of(fullname: str) -> str:
    parts = fullname.split(".")[2:]
    wide = parts[:1] and parts[0] in _FAMILIES
    return "-".join(parts[: 2 if wide else 1])


def _no_name(module: str, name: str) -> str:
    near = _why_not(f"{module}.{name}") or did_you_mean(name, TABLE.get(module, {}))
    if not near:
        homes = [home for home, names in TABLE.items() if name in names]
        near = f"It is in '{homes[0]}'." if homes else ""
    return f"Tradewind has no '{name}' in '{module}'. {near}".rstrip()
