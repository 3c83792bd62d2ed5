"""Marks for "not given" and "not known yet", apart from None."""

from typing import Any


class ArgNotSet:
    """The type of ``NOTSET``: an argument that was not given."""

    def __repr__(self) -> str:
        return "NOTSET"

    def __bool__(self) -> bool:
        return False


class SetDuringExecution(ArgNotSet):
    """The type of ``SET_DURING_EXECUTION``: a value the task fills in while it runs."""

    def __repr__(self) -> str:
        return "SET_DURING_EXECUTION"


NOTSET: Any = ArgNotSet()
SET_DURING_EXECUTION: Any = SetDuringExecution()


def is_arg_set(value: object) -> bool:
    """Say whether an argument was given.

    Example:
        >>> is_arg_set(NOTSET), is_arg_set(None)
        (False, True)
    """
    return not isinstance(value, ArgNotSet)
