"""Zip archives among Dag files: their members are paths that lead into the archive."""

import zipfile
from pathlib import Path

from tradewind.core.manifest import split_member

_LARGEST = 10_000_000
"""A module larger than this is none."""


def read_members(path: str) -> dict[str, bytes]:
    """Answer the Python files of an archive by their paths in it.

    Raises:
        OSError: It cannot be read.
        zipfile.BadZipFile: It is no archive, or a member is broken or encrypted.
    """
    with zipfile.ZipFile(path) as archive:
        try:
            return {
                info.filename: archive.read(info)
                for info in archive.infolist()
                if info.filename.endswith(".py") and info.file_size <= _LARGEST
            }
        except (RuntimeError, NotImplementedError) as error:
            raise zipfile.BadZipFile(str(error)) from error


def archive_of(path: str) -> str:
    """Answer the archive that a member's path leads into; the path itself for any other."""
    found = split_member(path)
    return found[0] if found else path


def is_member(root: Path, path: str) -> bool:
    """Tell whether this file of a bundle lies in an archive."""
    return split_member(path) is not None and not (root / path).exists()


def read_file(root: Path, path: str) -> bytes:
    """Answer the bytes of a file of a bundle, in an archive or not.

    Raises:
        OSError: It cannot be read.
    """
    found = split_member(path)
    if found is None or (root / path).exists():
        return (root / path).read_bytes()
    try:
        with zipfile.ZipFile(root / found[0]) as archive:
            return archive.read(found[1])
    except (KeyError, zipfile.BadZipFile) as error:
        raise FileNotFoundError(path) from error
