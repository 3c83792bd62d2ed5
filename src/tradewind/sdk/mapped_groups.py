"""Mapped task groups: the tasks of a group, once for each item of a list, dict or output."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tradewind.core.mapping import index_in_level, prefixes_of
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.levels import mapped_groups
from tradewind.sdk.mapped import KwargsInput, MapInput, ProductInput, check_factor
from tradewind.sdk.references import Reference, XComArg, iter_references


class GroupItem(Reference):
    """An argument of a mapped group's function: in each instance, the item that is its own."""

    def __init__(self, group: Any, name: str) -> None:
        self.group = group
        self.name = name

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Yield the outputs it is taken from."""
        yield from iter_references(self.group.map_input.source_of(self.name))

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Answer the item of the instance that runs.

        Raises:
            AirflowException: The dict of this instance has no such name.
        """
        depth = mapped_groups(context["task"]).index(self.group)
        index = index_in_level(prefixes_of(context["ti"].map_path)[depth + 1])
        arguments, _ = self.group.map_input.resolve(context, index)
        if self.name not in arguments:
            raise AirflowException(
                f"Task group '{self.group.group_id}' is mapped over dicts; number {index} has no "
                f"'{self.name}'"
            )
        return arguments[self.name]

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(
            f"'{self.name}' of task group '{self.group.group_id}' is known only when the group "
            "runs, so it cannot be looped over in a Dag file. Let a task in the group return the "
            "list, and map a task over that with .expand()."
        )

    def why_unmappable(self) -> str:
        """Answer why no task can be mapped over it."""
        return (
            f"it is one item of task group '{self.group.group_id}', and how long that is, is known "
            "only when the group runs. Let a task in the group return it, and map over its output."
        )

    def __str__(self) -> str:
        return f"<item of {self.group.group_id}: {self.name}>"


class GroupPartial:
    """A task group whose constant arguments are known; ``expand`` makes it."""

    def __init__(
        self,
        function: Callable[..., Any],
        make: Callable[..., Any],
        fixed: Mapping[str, Any],
    ) -> None:
        self._function = function
        self._make = make
        self._fixed = dict(fixed)
        self._names = inspect.signature(function).parameters
        self._check(set(fixed), "in partial()")

    def expand(self, **mapped: Any) -> Any:
        """Make the tasks of the group once for each combination of the values given.

        Raises:
            TypeError: There is nothing to map over, or the function takes no such argument.
            ValueError: A value is no list, dict or output.
        """
        name = self._function.__name__
        if not mapped:
            raise TypeError(f"expand() of task group '{name}' needs something to map over")
        for key, value in mapped.items():
            check_factor(name, key, value)
        self._check(set(mapped), "in expand()")
        return self._made(ProductInput(mapped), mapped)

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> Any:
        """Make the tasks of the group once for each dict of arguments.

        Raises:
            TypeError: It is neither a list of dicts nor an output.
        """
        if not isinstance(kwargs, XComArg | list | tuple):
            raise TypeError(
                f"expand_kwargs() takes a list of dicts or an output, not {type(kwargs).__name__}"
            )
        names = {name for name in self._names if name not in self._fixed}
        if isinstance(kwargs, list | tuple):
            for item in kwargs:
                if not isinstance(item, Mapping):
                    raise TypeError(f"expand_kwargs() needs dicts, not {type(item).__name__}")
                self._check(set(item), "in expand_kwargs()", strict=strict)
            names = {name for item in kwargs for name in item} - self._fixed.keys()
        return self._made(KwargsInput(kwargs), names)

    def _check(self, names: set[str], where: str, *, strict: bool = True) -> None:
        takes_any = any(one.kind is one.VAR_KEYWORD for one in self._names.values())
        unknown = sorted(names - set(self._names))
        if unknown and not takes_any:
            raise TypeError(
                f"Task group '{self._function.__name__}' has no argument '{unknown[0]}' {where}"
            )
        twice = sorted(names & self._fixed.keys()) if where != "in partial()" and strict else []
        if twice:
            raise TypeError(
                f"'{twice[0]}' of task group '{self._function.__name__}' is given twice: fixed "
                "and mapped"
            )

    def _made(self, map_input: MapInput, names: Any) -> Any:
        return self._make(map_input, self._fixed, sorted(names, key=list(self._names).index))
