"""A bundle that is one zip archive."""

import hashlib
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from tradewind.codestore.bundle import BundleError, Scan
from tradewind.codestore.kept import KeptTree
from tradewind.codestore.trees import Trees

_SYMLINK = stat.S_IFLNK >> 12


class Archive:
    """One zip file: each content of it is a state of the bundle, known by its sha256."""

    kind = "zip"
    is_pinned = True

    def __init__(
        self,
        kept: KeptTree,
        path: Path,
        trees: Trees,
        *,
        subdir: str = "",
        refresh_seconds: float = 5.0,
    ) -> None:
        """Read nothing yet; the file need not be there.

        Args:
            kept: How trees of this bundle are looked at.
            path: The archive.
            trees: Where it is unpacked.
            subdir: The folder of Dag files in it; all of it when empty.
            refresh_seconds: How often to look whether it changed.
        """
        self._kept = kept
        self._path = path.absolute()
        self._trees = trees
        self._subdir = subdir
        self._stamp: tuple[int, int, int] | None = None
        self._digest = ""
        self.name = kept.name
        self.source = str(self._path)
        self.refresh_seconds = refresh_seconds

    def scan(self) -> Scan:
        """Unpack the archive unless these very bytes are unpacked.

        Raises:
            BundleError: It is not there, or is no whole archive.
        """
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._digest = hashlib.sha256(self._path.read_bytes()).hexdigest()
                self._trees.build(self.name, self._digest, self._unpack)
                self._stamp = stamp
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
            why = getattr(error, "strerror", None) or error
            raise BundleError(
                "bundle-not-readable",
                f"Bundle '{self.name}': the archive {self._path} cannot be read: {why}.",
                "Put a whole zip file there; write it beside its place and rename it.",
            ) from error
        return self._kept.scan(
            self._trees.path(self.name, self._digest), self._digest, self._subdir
        )

    def _unpack(self, into: Path) -> None:
        with zipfile.ZipFile(self._path) as archive:
            for info in archive.infolist():
                parts = PurePosixPath(info.filename).parts
                if info.filename.startswith("/") or ".." in parts or "\\" in info.filename:
                    raise zipfile.BadZipFile(f"'{info.filename}' would lie outside")
                mode = info.external_attr >> 16
                if mode >> 12 == _SYMLINK:
                    raise zipfile.BadZipFile(f"'{info.filename}' is a symbolic link")
                target = into.joinpath(*parts)
                if info.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as packed, target.open("wb") as file:
                    shutil.copyfileobj(packed, file)
                if mode & stat.S_IXUSR:
                    target.chmod(0o755)
