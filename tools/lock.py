"""Do the lock files hold what ``pyproject.toml`` asks for?

They are written by ``./dev lock``; this only reads them, needs no network, and so can be part of
every check.
"""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

GROUPS = ("dev", "providers", "far-providers")
"""Each has a lock of its name; that of the first holds what Tradewind itself needs, too."""

PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)
MACHINE_SPECIFIC = re.compile(r"--(?:extra-)?index-url|--find-links|file:|^/", re.MULTILINE)


def lock_of(group: str) -> Path:
    """Answer the lock file of a group, from the root of a checkout."""
    return Path(f"requirements/{group}.lock")


def wanted(pyproject: str, group: str) -> list[Requirement]:
    """List what a group of a ``pyproject.toml`` depends on."""
    table = tomllib.loads(pyproject)
    names = list(table["dependency-groups"][group])
    if group == GROUPS[0]:
        names += table["project"]["dependencies"]
    return [Requirement(name) for name in names]


def find_faults(pyproject: str, lock: str, group: str = GROUPS[0]) -> list[str]:
    """Say what keeps a lock file from standing for a group; nothing if it does."""
    pins = {canonicalize_name(pin["name"]): pin["version"] for pin in PINNED.finditer(lock)}
    faults = []
    for requirement in wanted(pyproject, group):
        version = pins.get(canonicalize_name(requirement.name))
        if version is None:
            faults.append(f"{requirement.name} is not in the lock")
        elif not requirement.specifier.contains(version, prereleases=True):
            faults.append(f"{requirement} is asked for, the lock has {version}")
    if MACHINE_SPECIFIC.search(lock):
        faults.append("the lock names an index or a path, which another machine does not have")
    return faults


def main(root: Path) -> int:
    """Check the locks of a checkout; returns the exit code."""
    pyproject = (root / "pyproject.toml").read_text()
    faults = [
        f"{lock_of(group)}:1: {fault}; run ./dev lock"
        for group in GROUPS
        for fault in find_faults(pyproject, (root / lock_of(group)).read_text(), group)
    ]
    print("\n".join(faults) or "The locks hold what pyproject.toml asks for.")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(Path.cwd()))
