"""A bundle that is a folder on this machine, used in place."""

import hashlib
import logging
import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from tradewind.codestore.archives import read_members
from tradewind.codestore.bundle import Place, Scan
from tradewind.codestore.rules import (
    IGNORE_FILE,
    MAX_TEXT_BYTES,
    IgnoreSyntax,
    is_data_folder,
    is_folder_left_out,
    may_be_read,
    may_hold_dags,
    read_ignore_rules,
)
from tradewind.core.manifest import Manifest, manifest_digest

log = logging.getLogger(__name__)

_BESIDE_DAGS = ("include", "plugins", "pyproject.toml")
_LEVELS_UP = 3
_UNREADABLE = hashlib.sha256(b"unreadable").hexdigest()


def find_root(dags_folder: Path) -> Path:
    """Answer the root of the bundle that a folder of Dag files belongs to.

    It is the nearest folder with a ``tradewind.toml``, from the Dags folder up three levels at most
    and never the user's home; else the parent of a folder named ``dags`` that has ``include``,
    ``plugins`` or ``pyproject.toml`` beside it; else the Dags folder itself.
    """
    for folder in (dags_folder, *list(dags_folder.parents)[:_LEVELS_UP]):
        if folder in (Path(folder.anchor), Path.home()):
            break
        if (folder / "tradewind.toml").is_file():
            return folder
    parent = dags_folder.parent
    if dags_folder.name == "dags" and any((parent / name).exists() for name in _BESIDE_DAGS):
        return parent
    return dags_folder


_Stamp = tuple[int, int, int, int]


class LocalFolder:
    """One bundle in place. What of it counts is said in ``rules``.

    ``scan`` reads only files whose time, size or inode changed, so it costs a few milliseconds
    however often it is asked. Not for several threads at once.
    """

    kind = "local"
    is_pinned = False
    refresh_seconds = None

    def __init__(
        self,
        name: str,
        dags_folder: Path,
        *,
        root: Path | None = None,
        exclude: Iterable[Path] = (),
        ignore_syntax: IgnoreSyntax = "glob",
        safe_mode: bool = True,
    ) -> None:
        """Read nothing yet; the folder need not be there.

        Args:
            name: The bundle's name.
            dags_folder: Where Dag files lie.
            root: What they may import from; found by ``find_root`` at each scan when None.
            exclude: Folders that do not belong to the bundle though they lie in it, such as logs.
            ignore_syntax: How ``.airflowignore`` files are written.
            safe_mode: Whether only Python files that speak of Dags are taken for Dag files.
        """
        self.name = name
        self.dags_folder = dags_folder.absolute()
        self._root = root.absolute() if root else None
        self._exclude = frozenset(str(path.absolute()) for path in exclude)
        self._syntax = ignore_syntax
        self._safe_mode = safe_mode
        self._known: dict[str, _Known] = {}
        self._archives: dict[str, tuple[_Stamp, dict[str, _Known]]] = {}
        self._said: set[str] = set()

    def scan(self) -> Scan:
        """Look at the folder as it is now.

        What cannot be read is passed over and said once; a Python file that cannot be read still
        counts as a Dag file, so that its import error tells why there is no Dag.
        """
        root = self._root or find_root(self.dags_folder)
        if not self.dags_folder.is_dir() or not root.is_dir():
            return Scan(root=root, dags_folder=self.dags_folder, is_missing=True)
        walk = _Walk(self, root)
        walk.enter(str(root), "", False, (), frozenset())
        self._known = walk.known
        files = {path: known.digest for path, known in walk.known.items()}
        manifest = Manifest(
            files=files, dag_files=frozenset(walk.dag_files), digest=manifest_digest(files)
        )
        return Scan(
            root=root,
            dags_folder=self.dags_folder,
            manifest=manifest,
            places=frozenset(walk.places),
        )

    @property
    def source(self) -> str:
        """Answer its path."""
        return str(self.dags_folder)

    def may_hold_dags(self, content: bytes) -> bool:
        """Tell whether a Python file is worth importing."""
        return not self._safe_mode or may_hold_dags(content)

    def say_once(self, message: str, subject: str) -> None:
        """Warn of something wrong in the folder, the first time it is seen."""
        if subject not in self._said:
            self._said.add(subject)
            log.warning("Bundle '%s': %s: %s", self.name, message, subject)

    def is_excluded(self, path: str) -> bool:
        """Tell whether a folder inside does not belong to the bundle."""
        return path in self._exclude

    def known(self, path: str) -> "_Known | None":
        """Answer what the last scan knew of a file."""
        return self._known.get(path)

    def read_archive(self, path: str, status: os.stat_result) -> "dict[str, _Known]":
        """Answer what counts in a zip archive: nothing unless a module at its top holds Dags.

        Raises:
            OSError: It cannot be read.
            zipfile.BadZipFile: It is no archive.
        """
        stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        before = self._archives.get(path)
        if before is None or before[0] != stamp:
            texts = read_members(path)
            # Only modules at the top can be imported by their name.
            tops = {name for name, text in texts.items() if self._is_top(name, text)}
            found = {
                name: _Known(stamp, hashlib.sha256(text).hexdigest(), name in tops)
                for name, text in texts.items()
                if tops
            }
            before = self._archives[path] = (stamp, found)
        return before[1]

    def _is_top(self, name: str, text: bytes) -> bool:
        return "/" not in name and name.endswith(".py") and self.may_hold_dags(text)

    def read_rules(self, prefix: str, folder: str) -> "_Rules":
        """Read the ignore file of a folder."""
        path = f"{folder}/{IGNORE_FILE}"
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            self.say_once(f"cannot be read ({error.strerror})", path)
            content = b""
        decide, wrong = read_ignore_rules(content, self._syntax)
        for line in wrong:
            self.say_once(f"no valid rule in {path}", line)
        return prefix, decide


_Rules = tuple[str, Callable[[str], bool | None]]


class _Known(msgspec.Struct, frozen=True):
    """What is known of a file that counts."""

    stamp: _Stamp
    digest: str
    holds_dags: bool
    is_settled: bool = False
    """Read twice under this stamp: two saves within one tick of the file system's clock leave the
    same stamp, so the first read may have missed the second save."""


class _Walk:
    """One pass over a bundle's folders."""

    def __init__(self, bundle: LocalFolder, root: Path) -> None:
        self._bundle = bundle
        dags = bundle.dags_folder
        inside = dags.relative_to(root) if dags.is_relative_to(root) else Path()
        self._dags_prefix = "" if inside == Path() else f"{inside.as_posix()}/"
        # The way down to the Dags folder is walked whatever its folders are called.
        self._way = {f"{part.as_posix()}/" for part in (inside, *inside.parents)} | {""}
        self.known: dict[str, _Known] = {}
        self.dag_files: set[str] = set()
        self.places: set[Place] = set()

    def enter(
        self,
        folder: str,
        prefix: str,
        among_data: bool,
        rules: tuple[_Rules, ...],
        above: frozenset[tuple[int, int]],
    ) -> None:
        """Walk one folder and those in it; a link back to a folder above is not followed."""
        try:
            status = os.stat(folder)
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError as error:
            self._bundle.say_once(f"cannot be read ({error.strerror})", folder)
            return
        identity = (status.st_dev, status.st_ino)
        names = {entry.name for entry in entries}
        if identity in above or ("pyvenv.cfg" in names and prefix not in self._way):
            return
        self.places.add((folder, *identity))
        if IGNORE_FILE in names and prefix.startswith(self._dags_prefix):
            rules = (self._bundle.read_rules(prefix, folder), *rules)
        is_passed_through = self._is_passed_through(folder, prefix)
        for entry in entries:
            path = prefix + entry.name
            if not self._is_utf8(path):
                continue
            if _is_folder(entry):
                inner = f"{path}/"
                if inner in self._way or not (is_passed_through or self._is_left_out(entry)):
                    data = among_data or is_data_folder(entry.name)
                    self.enter(entry.path, inner, data, rules, above | {identity})
            elif not is_passed_through and may_be_read(entry.name, among_data=among_data):
                self._take(entry, path, rules)

    def _is_left_out(self, entry: "os.DirEntry[str]") -> bool:
        return is_folder_left_out(entry.name) or self._bundle.is_excluded(entry.path)

    def _is_passed_through(self, folder: str, prefix: str) -> bool:
        """Tell whether a folder does not count itself, but the Dags folder lies somewhere in it."""
        if prefix in ("", self._dags_prefix) or prefix not in self._way:
            return False
        name = prefix.rstrip("/").rpartition("/")[2]
        return is_folder_left_out(name) or self._bundle.is_excluded(folder)

    def _take(self, entry: "os.DirEntry[str]", path: str, rules: tuple[_Rules, ...]) -> None:
        is_python = path.endswith(".py")
        if path.endswith(".zip"):
            self._open(entry, path, rules)
            return
        try:
            status = entry.stat()
            if not stat.S_ISREG(status.st_mode):
                return
            if status.st_size > MAX_TEXT_BYTES and not is_python:
                return
            self.known[path] = self._read(entry.path, path, status)
            if entry.is_symlink():
                self._watch_target(entry.path)
        except FileNotFoundError:
            return
        except OSError as error:
            self._bundle.say_once(f"cannot be read ({error.strerror})", entry.path)
            self.known[path] = _Known((0, 0, 0, 0), _UNREADABLE, is_python)
        is_candidate = is_python and path.startswith(self._dags_prefix)
        if is_candidate and self.known[path].holds_dags and not _is_ignored(path, rules):
            self.dag_files.add(path)

    def _open(self, entry: "os.DirEntry[str]", path: str, rules: tuple[_Rules, ...]) -> None:
        """Take in what an archive of Dag files holds; another archive is data."""
        if not path.startswith(self._dags_prefix) or _is_ignored(path, rules):
            return
        try:
            members = self._bundle.read_archive(entry.path, entry.stat())
        except (OSError, zipfile.BadZipFile) as error:
            why = getattr(error, "strerror", None) or error
            self._bundle.say_once(f"cannot be read ({why})", entry.path)
            return
        for name, known in members.items():
            self.known[f"{path}/{name}"] = known
            if known.holds_dags and not _is_ignored(f"{path}/{name}", rules):
                self.dag_files.add(f"{path}/{name}")

    def _read(self, absolute: str, path: str, status: os.stat_result) -> _Known:
        stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        known = self._bundle.known(path)
        if known is not None and known.stamp == stamp and known.is_settled:
            return known
        content = Path(absolute).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        settled = known is not None and known.stamp == stamp and known.digest == digest
        return _Known(stamp, digest, self._bundle.may_hold_dags(content), settled)

    def _watch_target(self, link: str) -> None:
        folder = os.path.dirname(os.path.realpath(link))
        status = os.stat(folder)
        self.places.add((folder, status.st_dev, status.st_ino))

    def _is_utf8(self, path: str) -> bool:
        try:
            path.encode()
        except UnicodeEncodeError:
            self._bundle.say_once("the name is not UTF-8, so it is passed over", repr(path))
            return False
        return True


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_ignored(path: str, rules: tuple[_Rules, ...]) -> bool:
    """Ask the ignore files from the nearest up; the first that speaks of the path decides."""
    for answer in _answers(path, rules):
        if answer is not None:
            return answer
    return False


def _answers(path: str, rules: tuple[_Rules, ...]) -> Iterator[bool | None]:
    for prefix, decide in rules:
        yield decide(path[len(prefix) :])
