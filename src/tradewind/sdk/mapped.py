"""Mapped tasks: one operator, as many instances as a list, dict or upstream output has items."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

from tradewind.sdk import scope
from tradewind.sdk.defaults import accepted_names, check_names
from tradewind.sdk.exceptions import (
    AirflowException,
    UnsupportedArgument,
)
from tradewind.sdk.node import AbstractOperator
from tradewind.sdk.references import (
    Reference,
    XComArg,
    items_of,
    iter_references,
    resolve_references,
)

_FREE_TO_MAP = frozenset({"params", "doc_md"})


class MapInput:
    """What a task is mapped over: factors in order, each a literal or an upstream's output."""

    strict = True
    """Refuse arguments that are fixed as well."""

    def factors(self) -> Mapping[str, Any]:
        """Answer each factor by name: a list, a dict, or a reference."""
        raise NotImplementedError

    def pick(self, index: int, values: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the arguments of the instance of this index, given each factor's value."""
        raise NotImplementedError

    def resolve(self, context: Mapping[str, Any], index: int) -> tuple[dict[str, Any], set[int]]:
        """Answer the arguments of one instance, and the ids of those that came from upstream.

        What came from upstream is data: it is never read as a template.
        """
        values = {name: _looked_up(value, context) for name, value in self.factors().items()}
        arguments: dict[str, Any] = {}
        seen: set[int] = set()
        for name, value in self.pick(index, values).items():
            is_data = isinstance(value, Reference) or isinstance(self.source_of(name), Reference)
            arguments[name] = resolve_references(value, context)
            if is_data:
                _collect_ids(arguments[name], seen)
        return arguments, seen

    def source_of(self, name: str) -> Any:
        """Answer the factor that an argument is taken from."""
        factors = self.factors()
        return factors.get(name, factors.get("expand_kwargs"))

    def length(self, context: Mapping[str, Any]) -> int:
        """Answer how many instances there are, for this run."""
        values = {name: _looked_up(value, context) for name, value in self.factors().items()}
        return prod(len(value) for value in values.values())

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Yield (task, key) for each output among the factors."""
        for value in self.factors().values():
            yield from iter_references(value)


class ProductInput(MapInput):
    """``expand(a=..., b=...)``: every combination, the last factor changing fastest."""

    def __init__(self, kwargs: Mapping[str, Any]) -> None:
        self._kwargs = dict(kwargs)

    def factors(self) -> Mapping[str, Any]:
        """Answer the arguments of ``expand``."""
        return self._kwargs

    def pick(self, index: int, values: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the combination of this index."""
        picked: dict[str, Any] = {}
        for name in reversed(self._kwargs):
            index, place = divmod(index, len(values[name]))
            picked[name] = values[name][place]
        return {name: picked[name] for name in self._kwargs}


class KwargsInput(MapInput):
    """``expand_kwargs([...])``: one dict of arguments for each instance."""

    def __init__(self, source: Any, *, strict: bool = True) -> None:
        self._source = source
        self.strict = strict

    def factors(self) -> Mapping[str, Any]:
        """Answer the one factor."""
        return {"expand_kwargs": self._source}

    def pick(self, index: int, values: Mapping[str, Any]) -> dict[str, Any]:
        """Answer the dict of this index.

        Raises:
            AirflowException: The item is no dict with string keys.
        """
        item = values["expand_kwargs"][index]
        if isinstance(item, Reference):
            raise AirflowException("expand_kwargs() needs dicts; an output inside a list is none")
        if not isinstance(item, Mapping) or not all(isinstance(key, str) for key in item):
            raise AirflowException(
                f"expand_kwargs() needs dicts with string keys; item {index} is {item!r}"
            )
        return dict(item)


def check_twice(
    task_id: str, names: Iterable[str], fixed: Mapping[str, Any], into: str | None
) -> None:
    """Refuse arguments that are both fixed by ``partial`` and mapped over.

    Raises:
        TypeError: There is one; the message names it.
    """
    known = fixed if into is None else fixed.get(into) or {}
    for name in sorted(set(names) & known.keys()):
        raise TypeError(f"'{name}' of task '{task_id}' is given twice: fixed and mapped")


class OperatorPartial:
    """An operator whose constant arguments are known; ``expand`` makes it a task."""

    def __init__(
        self,
        operator_class: type[Any],
        *,
        task_id: str,
        kwargs: Mapping[str, Any],
        shape: Any,
        into: str | None = None,
    ) -> None:
        if into is None:
            check_names(operator_class, shape.task_id, set(kwargs), "in partial()")
        self.operator_class = operator_class
        self._task_id = task_id
        self._kwargs = dict(kwargs)
        self._shape = shape
        self._into = into

    def expand(self, **mapped_kwargs: Any) -> "MappedOperator":
        """Make one instance for each combination of the values given.

        Raises:
            TypeError: There is nothing to map over, or the class takes no such argument.
            ValueError: A value is no list, dict or output.
        """
        if not mapped_kwargs:
            raise TypeError(f"expand() of task '{self._shape.task_id}' needs something to map over")
        for name, value in mapped_kwargs.items():
            check_factor(self._shape.task_id, name, value)
        self._check_mapped(set(mapped_kwargs))
        return self._made(ProductInput(mapped_kwargs))

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> "MappedOperator":
        """Make one instance for each dict of arguments; with ``strict`` none may be given twice.

        Raises:
            TypeError: It is neither a list of dicts nor an output.
        """
        if isinstance(kwargs, list | tuple):
            for item in kwargs:
                if not isinstance(item, Mapping | XComArg):
                    raise TypeError(f"expand_kwargs() needs dicts, not {type(item).__name__}")
                if isinstance(item, Mapping):
                    self._check_mapped(set(item), strict=strict)
        elif not isinstance(kwargs, XComArg):
            raise TypeError(
                f"expand_kwargs() takes a list of dicts or an output, not {type(kwargs).__name__}"
            )
        return self._made(KwargsInput(kwargs, strict=strict))

    def _check_mapped(self, names: set[str], *, strict: bool = True) -> None:
        task_id = self._shape.task_id
        if strict:
            check_twice(task_id, names, self._kwargs, self._into)
        if self._into is not None:
            return
        check_names(self.operator_class, task_id, names, "in expand()")
        fixed = (accepted_names(type(self._shape)) or set()) - _FREE_TO_MAP
        for name in sorted(names & fixed):
            raise UnsupportedArgument(
                f"Task '{task_id}' cannot be mapped over '{name}': all instances share it"
            )

    def _made(self, map_input: MapInput) -> "MappedOperator":
        return MappedOperator(
            operator_class=self.operator_class,
            task_id=self._task_id,
            partial_kwargs=self._kwargs,
            map_input=map_input,
            shape=self._shape,
            into=self._into,
        )


class MappedOperator(AbstractOperator):
    """A task of many instances; what its instances share is read from ``shape``."""

    is_mapped = True

    def __init__(
        self,
        *,
        operator_class: type[Any],
        task_id: str,
        partial_kwargs: Mapping[str, Any],
        map_input: MapInput,
        shape: Any,
        into: str | None,
    ) -> None:
        self.operator_class = operator_class
        self.partial_kwargs = dict(partial_kwargs)
        self.map_input = map_input
        self.shape = shape
        self.task_id = shape.task_id
        self.upstream_task_ids = set()
        self.downstream_task_ids = set()
        self.is_setup = self.is_teardown = self.on_failure_fail_dagrun = False
        self.trigger_rule = shape.trigger_rule
        self.task_group = shape.task_group
        self.template_fields = operator_class.template_fields
        self.template_ext = operator_class.template_ext
        self._own_id = task_id
        self._into = into
        self._join()
        for task, _ in self.iter_inputs():
            self.set_upstream(task)

    def _join(self) -> None:
        dag = self.shape.get_dag()
        if self.task_group is not None:
            self.task_group.add(self)
        if dag is not None:
            self.dag = dag
        scope.note_work(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "shape":
            raise AttributeError(name)
        return getattr(self.__dict__["shape"], name)

    def iter_inputs(self) -> Iterator[tuple[Any, str]]:
        """Yield (task, key) for each output it is mapped over or given."""
        yield from iter_references(self.partial_kwargs)
        yield from self.map_input.iter_references()

    def unmap(self, arguments: Mapping[str, Any]) -> Any:
        """Answer the operator of one instance, made with these arguments."""
        kwargs = dict(self.partial_kwargs)
        if self._into is None:
            kwargs.update(arguments)
        else:
            kwargs[self._into] = {**kwargs.get(self._into, {}), **arguments}
        with scope.detached(self.get_dag(), self.task_group):
            operator = self.operator_class(task_id=self._own_id, **kwargs)
        operator.task_id = self.task_id
        operator.upstream_task_ids = self.upstream_task_ids
        operator.downstream_task_ids = self.downstream_task_ids
        operator.is_setup, operator.is_teardown = self.is_setup, self.is_teardown
        return operator

    def unmap_at(self, context: Mapping[str, Any], index: int) -> tuple[Any, set[int]]:
        """Answer the operator of the instance of this index, and the ids of upstream's values."""
        arguments, seen = self.map_input.resolve(context, index)
        if self.map_input.strict:
            check_twice(self.task_id, arguments, self.partial_kwargs, self._into)
        return self.unmap(arguments), seen

    @property
    def task_type(self) -> str:
        """Answer the name of the operator's class."""
        return str(self.operator_class.__name__)

    @property
    def operator_name(self) -> str:
        """Answer what people see as the kind of this task."""
        return str(getattr(self.operator_class, "custom_operator_name", None) or self.task_type)

    def __repr__(self) -> str:
        return f"<Mapped({self.task_type}): {self.task_id}>"


def check_factor(task_id: str, name: str, value: Any) -> None:
    """Refuse what cannot be mapped over.

    Raises:
        UnsupportedArgument: It is a reference whose length nobody knows in time.
        ValueError: It is no list, dict or output.
    """
    why = value.why_unmappable() if isinstance(value, Reference) else ""
    if why:
        raise UnsupportedArgument(f"Task '{task_id}' cannot be mapped over '{name}': {why}")
    if isinstance(value, XComArg | Mapping):
        return
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return
    raise ValueError(
        f"expand() of task '{task_id}' got {type(value).__name__} for '{name}'; a list, a dict or "
        f"the output of a task can be mapped over. Values that do not vary go into partial()."
    )


def _looked_up(value: Any, context: Mapping[str, Any]) -> Any:
    if isinstance(value, XComArg):
        return items_of(value, context)
    return list(value.items()) if isinstance(value, Mapping) else value


def _collect_ids(value: Any, seen: set[int]) -> None:
    seen.add(id(value))
    if isinstance(value, Mapping):
        for item in value.values():
            _collect_ids(item, seen)
    elif isinstance(value, list | tuple | set):
        for item in value:
            _collect_ids(item, seen)
