"""Looking at a tree that is kept: once for each, as it never changes."""

from pathlib import Path

import msgspec

from tradewind.codestore.bundle import BundleError, Scan
from tradewind.codestore.local import LocalFolder, find_root
from tradewind.codestore.rules import IgnoreSyntax


class KeptTree:
    """How the trees of one pinned bundle are looked at; remembers the last."""

    def __init__(
        self, name: str, *, ignore_syntax: IgnoreSyntax = "glob", safe_mode: bool = True
    ) -> None:
        """Look at nothing yet. See ``LocalFolder`` for the arguments."""
        self.name = name
        self._syntax = ignore_syntax
        self._safe_mode = safe_mode
        self._last: tuple[Path, str, Scan] | None = None

    def scan(self, tree: Path, digest: str, subdir: str = "", version: str = "") -> Scan:
        """Answer what a tree holds, under the digest it is kept by.

        Raises:
            BundleError: It has no such folder of Dag files.
        """
        if self._last is not None and self._last[:2] == (tree, subdir):
            return self._last[2]
        folder = tree / subdir if subdir else tree
        if not folder.resolve().is_relative_to(tree.resolve()) or not folder.is_dir():
            raise BundleError(
                "bundle-folder-missing",
                f"Bundle '{self.name}' has no folder '{subdir}' in {version or digest[:12]}.",
                "Name the folder of Dag files, as it is called there.",
            )
        root = find_root(folder)
        local = LocalFolder(
            self.name,
            folder,
            root=root if root.is_relative_to(tree) else tree,
            ignore_syntax=self._syntax,
            safe_mode=self._safe_mode,
        )
        found = local.scan()
        scan = Scan(
            root=found.root,
            dags_folder=folder,
            manifest=msgspec.structs.replace(found.manifest, digest=digest),
            version=version,
        )
        self._last = (tree, subdir, scan)
        return scan
