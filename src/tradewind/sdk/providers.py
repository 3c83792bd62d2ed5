"""Provider packages that are installed, and what each says of itself.

A package says it in ``get_provider_info`` (entry-point group ``apache_airflow_provider``): which
connection types its hooks serve, which settings it has, which filesystems it opens. It is asked
when somebody needs to know, and once.
"""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from tradewind.sdk.installed import installed

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
    found: dict[str, Mapping[str, Any]] = {}
    for entry in installed(GROUP):
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
