"""Who may import whom: runs the import contracts of ``pyproject.toml``, and checks the contracts.

import-linter does the work. This module adds the two things it cannot say: that the contracts
name exactly the rooms there are (``src/tradewind/<room>``), and that a package and what lives
in it do not import each other in a circle.
"""

import configparser
import io
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import grimp
from importlinter import cli as import_linter


def read_contracts(pyproject: Path) -> dict[str, Any]:
    """Read the ``[tool.importlinter]`` table of a ``pyproject.toml``."""
    table: dict[str, Any] = tomllib.loads(pyproject.read_text())["tool"]["importlinter"]
    return table


def package_of(contracts: dict[str, Any]) -> str:
    """Name the package whose rooms the contracts speak of."""
    return str(contracts["root_packages"][0])


def rooms_on_disk(source: Path) -> set[str]:
    """List the rooms a package has: the modules and packages directly inside its folder."""
    modules = {path.stem for path in source.glob("*.py")} - {"__init__", "__main__"}
    return modules | {path.parent.name for path in source.glob("*/__init__.py")}


def rooms_named(contracts: dict[str, Any]) -> set[str]:
    """List the rooms the contracts name."""
    package, rooms = package_of(contracts), set()
    for contract in contracts["contracts"]:
        for layer in contract.get("layers", []):
            rooms.update(_rooms_of_layer(layer))
        for key in ("source_modules", "forbidden_modules"):
            rooms.update(_room_of_module(name, package) for name in contract.get(key, []))
    return rooms - {""}


def without_rooms(contracts: dict[str, Any], missing: set[str]) -> dict[str, Any]:
    """Take rooms out of the contracts, so that what does exist can still be checked.

    A contract that has nothing left to check is left out.
    """
    package, kept = package_of(contracts), []
    for contract in contracts["contracts"]:
        smaller = dict(contract)
        if "layers" in contract:
            layers = [_rooms_of_layer(layer) for layer in contract["layers"]]
            present = [[room for room in rooms if room not in missing] for rooms in layers]
            smaller["layers"] = [" | ".join(rooms) for rooms in present if rooms]
        for key in {"source_modules", "forbidden_modules"} & contract.keys():
            names = contract[key]
            smaller[key] = [name for name in names if _room_of_module(name, package) not in missing]
        if all(smaller.get(key, True) for key in ("layers", "source_modules", "forbidden_modules")):
            kept.append(smaller)
    return {**contracts, "contracts": kept}


def as_ini(contracts: dict[str, Any]) -> str:
    """Write contracts down in the form import-linter reads from a file of its own."""
    parser = configparser.ConfigParser(interpolation=None)
    options = {key: value for key, value in contracts.items() if key != "contracts"}
    parser["importlinter"] = {key: _ini_value(value) for key, value in options.items()}
    for contract in contracts["contracts"]:
        section = f"importlinter:contract:{contract['id']}"
        parser[section] = {k: _ini_value(v) for k, v in contract.items() if k != "id"}
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def find_package_circles(graph: grimp.ImportGraph) -> list[str]:
    """Find modules that import a package above them which in turn reaches back to them.

    Together with import-linter's check of siblings this leaves no cycle: a cycle either goes
    through two siblings, or through a package and a module inside it.
    """
    circles = []
    for module in sorted(graph.modules):
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            inside = module.startswith(imported + ".")
            if inside and graph.chain_exists(importer=imported, imported=module):
                circles.append(f"{module} imports {imported}, which imports it")
    return circles


def main(root: Path) -> int:
    """Check the import rules of a checkout; returns the exit code.

    Contracts are kept only if every room they name exists. What does exist is checked all the
    same, so that the answer is useful while a new room is being built.
    """
    contracts = read_contracts(root / "pyproject.toml")
    package = package_of(contracts)
    missing = rooms_named(contracts) - rooms_on_disk(root / "src" / package)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "contracts.ini"
        config.write_text(as_ini(without_rooms(contracts, missing)))
        failed = import_linter.lint_imports(config_filename=str(config), no_cache=True) != 0
    for circle in find_package_circles(grimp.build_graph(package, cache_dir=None)):
        failed = True
        print(f"import cycle: {circle}")
    if missing:
        failed = True
        print(
            f"pyproject.toml: contracts name rooms that do not exist: {', '.join(sorted(missing))}"
        )
    return int(failed)


def _rooms_of_layer(layer: str) -> list[str]:
    return [room.strip(" ()") for room in layer.replace(":", "|").split("|")]


def _room_of_module(name: str, package: str) -> str:
    outer, _, inner = name.partition(".")
    room = inner.partition(".")[0]
    return room if outer == package and room.isidentifier() else ""


def _ini_value(value: Any) -> str:
    return "\n" + "\n".join(value) if isinstance(value, list) else str(value)


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
