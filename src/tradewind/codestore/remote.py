"""A bundle that lies in object storage, or wherever else fsspec can read."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tradewind.codestore.bundle import BundleError, Scan
from tradewind.codestore.kept import KeptTree
from tradewind.codestore.rules import is_folder_left_out
from tradewind.codestore.trees import Trees
from tradewind.core.manifest import manifest_digest

Options = Mapping[str, Any]
_TRIES = 4
_PASSING = frozenset({"name", "type", "nlink", "mode", "uid", "gid"})
_LARGEST = 200_000_000
_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs"}


class RemoteFolder:
    """A prefix of a store: what changed there is fetched, and each state is kept.

    A state is what two listings before and after fetching agree on, so one that is half uploaded
    while nothing is uploaded for a moment is a state too: upload what belongs together under a new
    prefix, or in one archive, where that matters.
    """

    is_pinned = True

    def __init__(
        self,
        kept: KeptTree,
        url: str,
        trees: Trees,
        *,
        kind: str = "remote",
        options: Callable[[], Options] = dict,
        refresh_seconds: float = 300.0,
    ) -> None:
        """Fetch nothing yet.

        Args:
            kept: How trees of this bundle are looked at.
            url: Where it lies, such as ``s3://bucket/dags``.
            trees: Where its states are kept.
            kind: What to call it.
            options: What the file system is made with; asked at each look, as secrets may change.
            refresh_seconds: How often to look.
        """
        self._kept = kept
        self._url = url.rstrip("/")
        self._trees = trees
        self._options = options
        self._known: dict[str, tuple[str, str, bytes | None]] = {}
        self._digest = ""
        self.name = kept.name
        self.kind = kind
        self.source = self._url
        self.refresh_seconds = refresh_seconds

    def scan(self) -> Scan:
        """Fetch what changed, and keep that state.

        Raises:
            BundleError: The store cannot be read, or changes faster than it can be fetched.
        """
        try:
            digest = self._fetch()
        except BundleError:
            raise
        except ImportError as error:
            scheme = self._url.partition("://")[0]
            package = _PACKAGES.get(scheme, str(error.name or error))
            raise BundleError(
                "bundle-needs-package",
                f"Bundle '{self.name}': reading {scheme}:// needs the package {package}.",
                f"Install it where the server runs: pip install {package}",
            ) from error
        except Exception as error:
            # Each store raises what it likes.
            why = " ".join(f"{type(error).__name__}: {error}".split())
            raise BundleError(
                "bundle-not-readable",
                f"Bundle '{self.name}': {self._url} cannot be read: {why}.",
                "See that it is there, and that the connection's credentials may read it.",
            ) from error
        return self._kept.scan(self._trees.path(self.name, digest), digest)

    def _fetch(self) -> str:
        # Late: it takes 60 ms to import, and most installations have no such bundle.
        from fsspec import url_to_fs  # noqa: PLC0415

        system, base = url_to_fs(self._url, **self._options())
        listed = self._list(system, base)
        for _ in range(_TRIES):
            known = self._known
            self._known = {
                path: known[path]
                if path in known and known[path][0] == stamp
                else _read(system, f"{base}/{path}", stamp)
                for path, stamp in listed.items()
            }
            again = self._list(system, base)
            if again == listed:
                return self._keep(system, base)
            listed = again
        raise BundleError(
            "bundle-not-kept",
            f"Bundle '{self.name}': {self._url} changes faster than it can be fetched.",
        )

    def _list(self, system: Any, base: str) -> dict[str, str]:
        system.invalidate_cache()
        if not system.exists(base):
            raise BundleError(
                "bundle-not-readable",
                f"Bundle '{self.name}': there is nothing at {self._url}.",
                "Upload the Dag files, or name the prefix they lie under.",
            )
        found: dict[str, str] = {}
        for path, info in system.find(base, detail=True).items():
            inside = path.removeprefix(base).lstrip("/")
            parts = inside.split("/")
            is_odd = not inside or ".." in parts or any(map(is_folder_left_out, parts[:-1]))
            if not is_odd and info.get("size", 0) <= _LARGEST:
                found[inside] = _stamp(info)
        return found

    def _keep(self, system: Any, base: str) -> str:
        digests = {path: digest for path, (_, digest, _) in self._known.items()}
        digest = manifest_digest(digests)

        def fill(into: Path) -> None:
            for path, (_, wanted, held) in self._known.items():
                content = held if held is not None else system.cat_file(f"{base}/{path}")
                if hashlib.sha256(content).hexdigest() != wanted:
                    raise BundleError(
                        "bundle-not-kept", f"Bundle '{self.name}': {path} changed while fetched."
                    )
                (into / path).parent.mkdir(parents=True, exist_ok=True)
                (into / path).write_bytes(content)

        if not self._trees.has(self.name, digest) and self._digest:
            self._take_from(self._trees.path(self.name, self._digest))
        self._trees.build(self.name, digest, fill)
        # The tree holds the bytes now.
        self._known = {path: (stamp, d, None) for path, (stamp, d, _) in self._known.items()}
        self._digest = digest
        return digest

    def _take_from(self, last: Path) -> None:
        """Have what did not change from the last tree instead of fetching it again."""
        for path, (stamp, digest, held) in self._known.items():
            if held is None and (last / path).is_file():
                self._known[path] = (stamp, digest, (last / path).read_bytes())


def _read(system: Any, path: str, stamp: str) -> tuple[str, str, bytes]:
    content: bytes = system.cat_file(path)
    return stamp, hashlib.sha256(content).hexdigest(), content


def _stamp(info: Mapping[str, Any]) -> str:
    """Answer what of a listing changes whenever the content does: size, times, tags."""
    return repr(sorted((key, str(value)) for key, value in info.items() if key not in _PASSING))
