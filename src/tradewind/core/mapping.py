"""How many instances a mapped task has, and how they are named.

A map path is ``''`` for an instance that is not mapped (or not expanded yet), ``'3'`` for the
fourth instance of a mapped task, and ``'3.0'`` for the first one inside that, one number a level.

The map index people see counts the instances of a task as they come to be: with one level it is
the number in the path. What stands for instances that are still to be made has the first one's.
"""

from collections.abc import Iterable
from math import prod

UNMAPPED = ""
"""Path of the only instance of a task that is not mapped, and of a mapped one not expanded yet."""


def expanded_length(axes: Iterable[int]) -> int:
    """Answer the number of instances: the product of the axes; no axis at all gives 0.

    Example:
        >>> expanded_length([2, 3]), expanded_length([4, 0]), expanded_length([])
        (6, 0, 0)
    """
    lengths = tuple(axes)
    return prod(lengths) if lengths else 0


def map_paths(length: int, prefix: str = UNMAPPED) -> list[str]:
    """Answer the paths of a mapping of that length, in order.

    Example:
        >>> map_paths(2), map_paths(2, "3")
        (['0', '1'], ['3.0', '3.1'])
    """
    if prefix:
        return [f"{prefix}.{index}" for index in range(length)]
    return [str(index) for index in range(length)]


def prefixes_of(path: str) -> tuple[str, ...]:
    """Answer the paths from the outermost level to this one, the empty path first.

    Example:
        >>> prefixes_of("3.0"), prefixes_of("")
        (('', '3', '3.0'), ('',))
    """
    if not path:
        return _UNMAPPED
    if "." not in path:
        return (UNMAPPED, path)
    parts = path.split(".")
    return (UNMAPPED, *(".".join(parts[:size]) for size in range(1, len(parts) + 1)))


_UNMAPPED = (UNMAPPED,)


def is_within(path: str, around: str) -> bool:
    """Answer whether a path is this one or lies in it.

    Example:
        >>> is_within("3.0", "3"), is_within("30", "3"), is_within("7", "")
        (True, False, True)
    """
    return not around or path == around or path.startswith(f"{around}.")


def path_order(path: str) -> tuple[int, ...]:
    """Answer what paths are sorted by: as a person counts, level by level.

    Example:
        >>> sorted(["10", "2", "2.1"], key=path_order)
        ['2', '2.1', '10']
    """
    return tuple(map(int, path.split("."))) if path else ()


def index_in_level(path: str) -> int:
    """Answer the number of the innermost level; -1 for an instance that is not mapped.

    Example:
        >>> index_in_level(""), index_in_level("7"), index_in_level("3.0")
        (-1, 7, 0)
    """
    return int(path.rpartition(".")[2]) if path else -1


def is_map_path(path: str) -> bool:
    """Answer whether the text is a map path in its one canonical spelling.

    Example:
        >>> [is_map_path(text) for text in ("", "3", "3.0", "03", "3.", "x")]
        [True, True, True, False, False, False]
    """
    return not path or all(
        part.isascii() and part.isdigit() and (part == "0" or part[0] != "0")
        for part in path.split(".")
    )


def split_index(index: int, axes: Iterable[int]) -> tuple[int, ...]:
    """Answer which item of each axis an instance takes; the last axis turns fastest.

    Raises:
        IndexError: The mapping has no such instance.

    Example:
        >>> split_index(4, [2, 3])
        (1, 1)
    """
    lengths = tuple(axes)
    if not 0 <= index < expanded_length(lengths):
        raise IndexError(index)
    taken: list[int] = []
    for length in reversed(lengths):
        index, item = divmod(index, length)
        taken.append(item)
    return tuple(reversed(taken))
