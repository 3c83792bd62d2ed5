"""A local folder of which each state is kept: runs go on in the bytes they were made with."""

import functools
import hashlib
import os
import shutil
import stat
from pathlib import Path

from tradewind.codestore.archives import archive_of, is_member, read_file
from tradewind.codestore.bundle import BundleError, Scan
from tradewind.codestore.local import LocalFolder
from tradewind.codestore.trees import Trees

_TRIES = 5
_NEVER = frozenset({"__pycache__", ".git", ".venv", "venv", "node_modules"})


class Snapshots:
    """A local folder with ``pin = on``: what counts in it is copied at every change.

    What does not count (data, large files) is reached through links to where it lies, so a Dag file
    still finds its data beside it.
    """

    kind = "local"
    is_pinned = True
    refresh_seconds = None

    def __init__(self, folder: LocalFolder, trees: Trees) -> None:
        """Keep the states of this folder there."""
        self._folder = folder
        self._trees = trees
        self.name = folder.name
        self.source = folder.source

    def scan(self) -> Scan:
        """Look at the folder, and keep its state unless it is kept.

        Raises:
            BundleError: It changes faster than it can be copied, or cannot be kept.
        """
        for _ in range(_TRIES):
            found = self._folder.scan()
            if found.is_missing:
                return found
            try:
                fill = functools.partial(self._copy, found)
                tree = self._trees.build(self.name, found.manifest.digest, fill)
            except _ChangedError:
                continue
            inside = _below(found)
            return Scan(
                root=tree,
                dags_folder=tree / inside,
                manifest=found.manifest,
                places=found.places,
            )
        raise BundleError(
            "bundle-not-kept",
            f"Bundle '{self.name}' changes faster than it can be copied from {self.source}.",
        )

    def _copy(self, found: Scan, into: Path) -> None:
        folders = {_below(found)}
        for path, digest in found.manifest.files.items():
            folders.update(parent for parent in Path(path).parents if parent.suffix != ".zip")
            if not is_member(found.root, path):
                if _take(self._trees, found.root / path, into / path, digest):
                    continue
                _copy_file(found.root / path, into / path)
            elif not (into / archive_of(path)).exists():
                _copy_file(found.root / archive_of(path), into / archive_of(path))
            # What was copied is what was seen, or it changed between the two.
            if hashlib.sha256(read_file(into, path)).hexdigest() != digest:
                raise _ChangedError
        for folder in sorted(folders):
            if (found.root / folder).is_dir():
                (into / folder).mkdir(parents=True, exist_ok=True)
                self._link_rest(found.root / folder, into / folder)

    def _link_rest(self, source: Path, target: Path) -> None:
        """Link to what lies beside the copies and does not count."""
        with os.scandir(source) as entries:
            for entry in entries:
                beside = target / entry.name
                is_other = entry.name in _NEVER or self._folder.is_excluded(entry.path)
                if not is_other and not beside.exists() and not beside.is_symlink():
                    beside.symlink_to(os.path.abspath(entry.path))


class _ChangedError(Exception):
    """A file is not what it was a moment ago."""


def _below(found: Scan) -> Path:
    inside = found.dags_folder.is_relative_to(found.root)
    return found.dags_folder.relative_to(found.root) if inside else Path()


def _take(trees: Trees, source: Path, target: Path, digest: str) -> bool:
    """Have a copy of what is kept already, if it is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        runs = bool(source.stat().st_mode & stat.S_IXUSR)
    except FileNotFoundError:
        raise _ChangedError from None
    return trees.take(digest, target, runs=runs)


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, target)
        target.chmod(0o755 if source.stat().st_mode & stat.S_IXUSR else 0o644)
    except FileNotFoundError:
        raise _ChangedError from None
