"""Provider packages that are installed, and what each says of itself.

A package says it in ``get_provider_info`` (entry-point group ``apache_airflow_provider``): which
connection types its hooks serve, which settings it has, which filesystems it opens. It is asked
when somebody needs to know, and once.
"""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

log = logging.getLogger("tradewind.providers")

GROUP = "apache_airflow_provider"


class HookInfo(NamedTuple):
    """The hook that serves a type of connection."""

    hook_class_name: str
    package_name: str
    connection_id_attribute_name: str = ""
    hook_name: str = ""
    connection_type: str = ""
    connection_testable: bool = False


@cache
def provider_infos() -> Mapping[str, Mapping[str, Any]]:
    """Answer what each installed provider package says of itself, by package name."""
    # 15 ms and as many modules, which few tasks need.
    from importlib.metadata import entry_points  # noqa: PLC0415

    found: dict[str, Mapping[str, Any]] = {}
    for entry in entry_points(group=GROUP):
        try:
            info = entry.load()()
        except Exception as error:  # noqa: BLE001 - one broken package must not hide the others
            log.warning("Provider '%s' cannot be read: %s", entry.name, error)
            continue
        found[info.get("package-name", entry.name)] = info
    return found


@cache
def hook_classes() -> Mapping[str, HookInfo]:
    """Answer the class of the hook for each type of connection."""
    found: dict[str, HookInfo] = {}
    for package, info in provider_infos().items():
        for row in info.get("connection-types", ()):
            kind, path = row["connection-type"], row["hook-class-name"]
            found.setdefault(kind, HookInfo(path, package, connection_type=kind))
    return found


@cache
def config_defaults() -> Mapping[str, Mapping[str, str]]:
    """Answer the settings that provider packages have, with their defaults as text."""
    found: dict[str, dict[str, str]] = {}
    for info in provider_infos().values():
        for section, body in (info.get("config") or {}).items():
            options = found.setdefault(section.lower(), {})
            for key, row in (body.get("options") or {}).items():
                default = row.get("default")
                if default is not None:
                    options[key.lower()] = str(default)
    return found


@cache
def filesystem_modules() -> tuple[str, ...]:
    """Answer the modules of provider packages that open filesystems with a connection."""
    return tuple(
        module for info in provider_infos().values() for module in info.get("filesystems", ())
    )


class DialectInfo(NamedTuple):
    """The class that knows how a database's SQL differs."""

    name: str
    dialect_class_name: str
    provider_name: str


@cache
def dialects() -> Mapping[str, DialectInfo]:
    """Answer the dialects of SQL that provider packages know, by name."""
    return {
        row["dialect-type"]: DialectInfo(row["dialect-type"], row["dialect-class-name"], package)
        for package, info in provider_infos().items()
        for row in info.get("dialects", ())
    }


class ProviderInfo(NamedTuple):
    """One provider package."""

    version: str
    data: Mapping[str, Any]


class ProvidersManager:
    """What provider packages ask of each other; every one made answers the same."""

    @property
    def providers(self) -> dict[str, ProviderInfo]:
        """Answer the installed packages by name."""
        return {
            name: ProviderInfo((info.get("versions") or [""])[0], info)
            for name, info in provider_infos().items()
        }

    @property
    def hooks(self) -> Mapping[str, HookInfo]:
        """Answer the hook for each type of connection."""
        return hook_classes()

    @property
    def dialects(self) -> Mapping[str, DialectInfo]:
        """Answer the dialects of SQL, by name."""
        return dialects()

    @property
    def filesystem_module_names(self) -> list[str]:
        """Answer the modules that open filesystems with a connection."""
        return list(filesystem_modules())

    @property
    def provider_configs(self) -> list[tuple[str, dict[str, Any]]]:
        """Answer the settings of each package that has any."""
        found = ((name, info.get("config") or {}) for name, info in provider_infos().items())
        return [(name, config) for name, config in found if config]
