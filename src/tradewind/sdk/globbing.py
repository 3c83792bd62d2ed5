"""Looking for files by a path that may be a glob."""

import os
from collections.abc import Iterator
from glob import iglob


def find_file(path: str, *, recursive: bool = False) -> str | None:
    """Answer the first file the path stands for, or one in a folder it stands for; None for none.

    Args:
        path: A file or a folder; may be a glob.
        recursive: Let ``**`` stand for folders at any depth.
    """
    for found in iglob(path, recursive=recursive):
        if os.path.isfile(found):
            return found
        inside = next(_files_in(found), None)
        if inside is not None:
            return inside
    return None


def _files_in(folder: str) -> Iterator[str]:
    for root, _, names in os.walk(folder):
        yield from (os.path.join(root, name) for name in names)
