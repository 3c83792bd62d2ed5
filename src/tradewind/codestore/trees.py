"""Bytes that are kept: trees of pinned bundles by digest, each content once on disk.

``trees/BUNDLE/DIGEST`` is one state of a bundle and never changes. Its files are hard links to
``objects``, so that a state costs what it does not share with others. ``sources`` holds Dag files
as people wrote them, for showing.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from tradewind.codestore.bundle import BundleError

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_BLOCK = 1 << 20
_NEW, _GONE = ".new-", ".gone-"


class Trees:
    """The folder that kept bytes lie in. One process writes there; any may read."""

    def __init__(self, folder: Path) -> None:
        """Make nothing yet."""
        self._objects = folder / "objects"
        self._trees = folder / "trees"
        self._sources = folder / "sources"
        self.folder = folder

    def path(self, bundle: str, digest: str) -> Path:
        """Answer where this state of a bundle is kept, or would be."""
        return self._trees / file_name(bundle) / digest

    def has(self, bundle: str, digest: str) -> bool:
        """Tell whether this state of a bundle is kept."""
        return self.path(bundle, digest).is_dir()

    def build(self, bundle: str, digest: str, fill: Callable[[Path], None]) -> Path:
        """Keep a state of a bundle: all of it, or nothing.

        Args:
            bundle: Its name.
            digest: What the state is known by.
            fill: Writes it into the empty folder that it is given.

        Raises:
            BundleError: The disk refuses.
        """
        final = self.path(bundle, digest)
        if final.is_dir():
            return final
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            # Beside the trees, so that it can be renamed; what a crash left is swept.
            fresh = Path(tempfile.mkdtemp(prefix=_NEW, dir=final.parent))
            try:
                fresh.chmod(0o755)
                fill(fresh)
                self._share(fresh)
                fresh.rename(final)
            except BaseException:
                shutil.rmtree(fresh, ignore_errors=True)
                raise
        except OSError as error:
            raise BundleError(
                "bundle-not-kept",
                f"Bundle '{bundle}' cannot be kept in {self.folder}: {error.strerror or error}.",
                "Make room there, or let Tradewind write there.",
            ) from error
        return final

    def take(self, digest: str, target: Path, *, runs: bool = False) -> bool:
        """Have a file of a new tree be what is kept of this content; False where nothing is.

        Args:
            digest: Sha256 of its bytes.
            target: Where it is to be; its folder is there.
            runs: Whether it can be executed.
        """
        try:
            os.link(self._object(digest, runs), target)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return False
        return True

    def _object(self, digest: str, runs: bool) -> Path:
        return self._objects / digest[:2] / f"{digest}{'x' if runs else ''}"

    def put_away(self, root: Path) -> None:
        """Let a tree go at once, what it holds with the next sweep; another path is left alone."""
        # At least bundle and digest: neither all trees nor all of a bundle.
        inside = root.relative_to(self._trees) if root.is_relative_to(self._trees) else Path()
        if len(inside.parts) >= 2:
            tree = self._trees / inside.parts[0] / inside.parts[1]
            # Renamed first: a half-removed tree must not be taken for a whole one.
            with contextlib.suppress(FileNotFoundError):
                tree.rename(tree.with_name(f"{_GONE}{tree.name}"))

    def clean_up(self) -> None:
        """Let go what a crash left; only before anything is built."""
        for left in (*self._trees.glob(f"*/{_NEW}*"), *self.folder.glob(".key-*")):
            shutil.rmtree(left, ignore_errors=True)

    def sweep(self, sources: Collection[str], before: float) -> None:
        """Let go what was put away, what no tree shares, and sources older than that but these."""
        for left in self._trees.glob(f"*/{_GONE}*"):
            shutil.rmtree(left, ignore_errors=True)
        for path in _files_in(self._objects):
            with contextlib.suppress(OSError):
                if path.stat().st_nlink == 1:
                    path.unlink()
        for path in _files_in(self._sources):
            with contextlib.suppress(FileNotFoundError):
                if path.name not in sources and path.stat().st_mtime < before:
                    path.unlink()

    def keep_source(self, digest: str, read: Callable[[], bytes]) -> None:
        """Keep a Dag file's text unless it is kept; what has changed since is passed over."""
        path = self._sources / digest[:2] / digest
        if path.exists():
            # A sweep leaves alone what is new, or wanted again.
            os.utime(path)
            return
        content = read()
        if hashlib.sha256(content).hexdigest() == digest:
            _write(path, content)

    def read_source(self, digest: str) -> bytes | None:
        """Answer the text of a Dag file; None where it is not kept."""
        try:
            return (self._sources / digest[:2] / digest).read_bytes() if digest else None
        except FileNotFoundError:
            return None

    def _share(self, tree: Path) -> None:
        """Make every file of a new tree the same as what is kept of its content."""
        for path in _files_in(tree):
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                continue
            runs = bool(status.st_mode & stat.S_IXUSR)
            kept = self._object(_digest_of(path), runs)
            kept.parent.mkdir(parents=True, exist_ok=True)
            # Whoever writes into a file of one tree would write into all that share it.
            path.chmod(0o555 if runs else 0o444)
            other = path.with_name(f".shared-{kept.name}")
            try:
                os.link(kept, other)
                other.replace(path)
            except FileNotFoundError:
                _link(path, kept)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise


def _link(path: Path, kept: Path) -> None:
    try:
        os.link(path, kept)
    except FileExistsError:
        # Two bundles with the same new file; the next tree shares it.
        return
    except OSError as error:
        # A disk without hard links keeps a copy for each tree.
        if error.errno not in _NO_LINKS:
            raise


_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV})


def file_name(bundle: str) -> str:
    """Answer a file name for a bundle's name, another one for each.

    Example:
        >>> file_name("sales-2"), file_name("a/b")
        ('sales-2', 'a_b-c14cddc0')
    """
    if _PLAIN.fullmatch(bundle) and not bundle.startswith("."):
        return bundle
    digest = hashlib.sha256(bundle.encode()).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', bundle)[:60]}-{digest}"


def _digest_of(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _files_in(folder: Path) -> Iterator[Path]:
    for base, _, names in os.walk(folder):
        for name in names:
            yield Path(base, name)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
