"""How many instances a mapped task has, and how they are named.

A map path is ``''`` for an instance that is not mapped (or not expanded yet), ``'3'`` for the
fourth instance of a mapped task, and ``'3.0'`` for the first one inside that, one number a level.
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


def map_index_of(path: str) -> int:
    """Answer the map index people see: -1 unmapped, else the number of the innermost level.

    Example:
        >>> map_index_of(""), map_index_of("7")
        (-1, 7)
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
