"""A bundle's content as data: which files count, their digests, and the one digest of them all.

Pure: where the files lie and how they are read is the codestore's business.
"""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle holds at one moment."""

    files: dict[str, str] = {}
    """Path relative to the bundle's root, with forward slashes -> sha256 of its bytes, in hex."""
    dag_files: frozenset[str] = frozenset()
    """Those of ``files`` that may hold Dags and are to be parsed."""
    digest: str = ""
    """The bundle's digest: ``manifest_digest`` of ``files``."""


def manifest_digest(files: Mapping[str, str]) -> str:
    """Answer the digest of a bundle: sha256 over its sorted (path, sha256 of the bytes), in hex.

    Equal for equal content, whatever the order the files were found in.

    Example:
        >>> manifest_digest({"a.py": "1", "b.py": "2"}) == manifest_digest(
        ...     {"b.py": "2", "a.py": "1"}
        ... )
        True
        >>> manifest_digest({"a.py": "1"}) == manifest_digest({"a.py": "2"})
        False
    """
    return hashlib.sha256(msgspec.json.encode(sorted(files.items()))).hexdigest()


def split_member(path: str) -> tuple[str, str] | None:
    """Answer archive and member of a path that leads into a zip archive; None for any other.

    Example:
        >>> split_member("team/sales.zip/load.py")
        ('team/sales.zip', 'load.py')
    """
    archive, dot, member = path.partition(".zip/")
    return (f"{archive}.zip", member) if dot and member else None


def closure_digest(files: Mapping[str, str], closure: Iterable[str], generation: int = 0) -> str:
    """Answer the digest of what one Dag file imported: the key under which it is kept warm.

    Args:
        files: The bundle's paths and digests, at least those of the closure that exist.
        closure: Paths the file's import read, itself included; a path that is gone counts as such.
        generation: Grows when something outside the bundle that the import read has changed.

    Example:
        >>> closure_digest({"a.py": "1"}, ["a.py"]) == closure_digest({"a.py": "1"}, ["a.py"], 1)
        False
    """
    body = [generation, sorted((path, files.get(path)) for path in set(closure))]
    return hashlib.sha256(msgspec.json.encode(body)).hexdigest()
