"""Does the lock file hold what ``pyproject.toml`` asks for?

The lock is written by ``./dev lock``; this only reads it, needs no network, and so can be part
of every check.
"""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCK = Path("requirements/dev.lock")
PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)
MACHINE_SPECIFIC = re.compile(r"--(?:extra-)?index-url|--find-links|file:|^/", re.MULTILINE)


def wanted(pyproject: str) -> list[Requirement]:
    """List what a ``pyproject.toml`` depends on, to run and to be worked on."""
    table = tomllib.loads(pyproject)
    names = [*table["project"]["dependencies"], *table["dependency-groups"]["dev"]]
    return [Requirement(name) for name in names]


def find_faults(pyproject: str, lock: str) -> list[str]:
    """Say what keeps a lock file from standing for a ``pyproject.toml``; nothing if it does."""
    pins = {canonicalize_name(pin["name"]): pin["version"] for pin in PINNED.finditer(lock)}
    faults = []
    for requirement in wanted(pyproject):
        version = pins.get(canonicalize_name(requirement.name))
        if version is None:
            faults.append(f"{requirement.name} is not in the lock")
        elif not requirement.specifier.contains(version, prereleases=True):
            faults.append(f"{requirement} is asked for, the lock has {version}")
    if MACHINE_SPECIFIC.search(lock):
        faults.append("the lock names an index or a path, which another machine does not have")
    return faults


def main(root: Path) -> int:
    """Check the lock of a checkout; returns the exit code."""
    faults = find_faults((root / "pyproject.toml").read_text(), (root / LOCK).read_text())
    for fault in faults:
        print(f"{LOCK}:1: {fault}; run ./dev lock")
    if not faults:
        print(f"{LOCK} holds what pyproject.toml asks for.")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
