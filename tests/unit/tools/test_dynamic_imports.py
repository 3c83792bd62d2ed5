"""Modules that are named in tables and imported when used: each is there, and in a room below.

import-linter cannot see through these tables, so the layers are held to here as well.
"""

import sys
from importlib import import_module

import pytest

from tradewind.api.app import ROUTERS
from tradewind.cli.registry import COMMANDS
from tradewind.compat.tables import LEGACY, SDK, STANDARD, WHOLE
from tradewind.sdk import EXPORTS, MODULES

_BELOW_SDK = {"sdk", "protocol", "core", "config", "errors"}


def room_of(module: str) -> str:
    """Answer the room a module of ours is in."""
    package, _, rest = module.partition(".")
    assert package == "tradewind"
    return rest.partition(".")[0]


@pytest.mark.parametrize(("name", "module"), [*EXPORTS.items(), *MODULES.items()])
def test_a_name_of_the_sdk_is_where_its_table_says(name: str, module: str) -> None:
    found = import_module(module)
    assert name in MODULES or hasattr(found, name)
    assert room_of(module) == "sdk"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_is_where_the_registry_says(command: str) -> None:
    module, _, function = COMMANDS[command].target.partition(":")
    assert callable(getattr(import_module(module), function))
    assert room_of(module) == "cli"


@pytest.mark.parametrize("router", sorted(ROUTERS))
def test_a_router_is_where_the_application_says(router: str) -> None:
    _, module = ROUTERS[router]
    assert import_module(module).router.routes
    assert room_of(module) == "api"


def test_names_served_to_existing_dag_files_come_from_rooms_below() -> None:
    targets = {
        target.partition(":")[0]
        for table in (SDK, LEGACY, STANDARD)
        for names in table.values()
        for target in names.values()
    }
    targets |= set(WHOLE.values())
    ours = {module for module in targets if module.startswith("tradewind")}
    assert {room_of(module) for module in ours} <= _BELOW_SDK | {"compat"}
    # PyYAML is a dependency that is declared.
    assert targets - ours <= sys.stdlib_module_names | {"yaml"}
