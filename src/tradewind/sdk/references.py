"""Values a Dag file names but only a running task knows: outputs of tasks, the run's parameters."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tradewind.core.mapping import prefixes_of
from tradewind.sdk.edges import DependencyMixin, EdgeModifier, Links
from tradewind.sdk.exceptions import AirflowException, UnmappableXComTypePushed, XComNotFound
from tradewind.sdk.levels import mapped_groups, shared_depth
from tradewind.sdk.sentinels import NOTSET, is_arg_set

XCOM_RETURN_KEY = "return_value"


class Reference:
    """Stands in a Dag file for a value that is looked up when the task runs."""

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Yield (task, XCom key) for each output this value is made from."""
        return iter(())

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Answer the value in the context of a running task."""
        raise NotImplementedError

    def why_unmappable(self) -> str:
        """Answer why no task can be mapped over it, where there is more to say than its type."""
        return ""


class XComArg(Reference, DependencyMixin):
    """The output of a task: passing it to another task hands over the value and orders the two.

    ``output["key"]`` names one key a task pushed, ``output.map(fn)`` applies a function to each
    item a task is mapped over.
    """

    def __init__(self, operator: Any, key: str = XCOM_RETURN_KEY) -> None:
        self.operator = operator
        self.key = key

    def __getitem__(self, item: object) -> "XComArg":
        if not isinstance(item, str):
            raise ValueError(
                f"The output of task '{self.operator.task_id}' is known only when it has run; its "
                f"keys are strings, not {type(item).__name__} ({item!r})"
            )
        return XComArg(self.operator, item)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(
            f"The output of task '{self.operator.task_id}' is known only when it has run, so it "
            "cannot be looped over in a Dag file. Map a task over it with .expand()."
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, XComArg)
            and type(other) is type(self)
            and other.operator is self.operator
            and other.key == self.key
        )

    def __hash__(self) -> int:
        return hash((id(self.operator), self.key))

    def __str__(self) -> str:
        key = "" if self.key == XCOM_RETURN_KEY else f", key='{self.key}'"
        return (
            f"{{{{ task_instance.xcom_pull(task_ids='{self.operator.task_id}', "
            f"dag_id='{self.operator.dag_id}'{key}) }}}}"
        )

    def __repr__(self) -> str:
        return f"XComArg({self.operator!r}, key={self.key!r})"

    def __enter__(self) -> Any:
        return self.operator.__enter__()

    def __exit__(self, *exc: object) -> None:
        self.operator.__exit__(*exc)

    @property
    def roots(self) -> Sequence[DependencyMixin]:
        """Answer the task itself."""
        return [self.operator]

    @property
    def leaves(self) -> Sequence[DependencyMixin]:
        """Answer the task itself."""
        return [self.operator]

    @property
    def is_setup(self) -> bool:
        """Say whether the task is a setup."""
        return bool(self.operator.is_setup)

    @property
    def is_teardown(self) -> bool:
        """Say whether the task is a teardown."""
        return bool(self.operator.is_teardown)

    def set_upstream(self, other: Links, edge_modifier: EdgeModifier | None = None) -> None:
        """Make the other side come before the task."""
        self.operator.set_upstream(other, edge_modifier)

    def set_downstream(self, other: Links, edge_modifier: EdgeModifier | None = None) -> None:
        """Make the other side come after the task."""
        self.operator.set_downstream(other, edge_modifier)

    def as_setup(self) -> DependencyMixin:
        """Make the task a setup."""
        self.operator.as_setup()
        return self

    def as_teardown(
        self, *, setups: Any = NOTSET, on_failure_fail_dagrun: bool = False
    ) -> DependencyMixin:
        """Make the task a teardown, of these setups if given."""
        self.operator.as_teardown(setups=setups, on_failure_fail_dagrun=on_failure_fail_dagrun)
        return self

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Yield the task and key."""
        yield self.operator, self.key

    def map(self, f: Callable[[Any], Any]) -> "MappedOutput":
        """Answer this output with the function applied to each item, to map a task over.

        Raises:
            AirflowException: The function is a decorated task, which cannot run inside another.
        """
        if hasattr(f, "expand"):
            raise AirflowException("map() takes a plain function, not a task")
        return MappedOutput(self, (f,))

    def zip(self, *others: "XComArg", fillvalue: Any = NOTSET) -> "XComArg":
        """Answer tuples of an item of this and of each other, to map a task over.

        As many as the shortest has; with a ``fillvalue``, as many as the longest.
        """
        return combine("zip", (self, *others), fillvalue)

    def concat(self, *others: "XComArg") -> "XComArg":
        """Answer the items of this and behind them those of each other, to map a task over."""
        return combine("concat", (self, *others), NOTSET)

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Pull the value: of a mapped task, the sequence of what its instances pushed.

        Raises:
            XComNotFound: A key other than the return value was never pushed.
        """
        value = self._pull(context)
        if is_arg_set(value):
            return value
        if self.key == XCOM_RETURN_KEY:
            return None
        raise XComNotFound(self.operator.dag_id, self.operator.task_id, self.key)

    def _pull(self, context: Mapping[str, Any]) -> Any:
        source, ti = self.operator, context["ti"]
        around = mapped_groups(source)
        if not around:
            return ti.xcom_pull(task_ids=source.task_id, key=self.key, default=NOTSET)
        depth = shared_depth(source, context["task"])
        path = prefixes_of(ti.map_path)[depth]
        return ti.pull_within(
            source.task_id, self.key, path, is_one=depth == len(around) and not source.is_mapped
        )


class MappedOutput(XComArg):
    """An output with functions applied to each of its items."""

    def __init__(self, source: XComArg, functions: tuple[Callable[[Any], Any], ...]) -> None:
        super().__init__(source.operator, source.key)
        self.source = source
        self.functions = functions

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and getattr(other, "functions", None) == self.functions

    def __hash__(self) -> int:
        return hash((id(self.operator), self.key, self.functions))

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Yield what the source is made from."""
        yield from self.source.iter_references()

    def map(self, f: Callable[[Any], Any]) -> "MappedOutput":
        """Apply one more function to each item."""
        return MappedOutput(self.source, (*self.functions, f))

    def apply(self, item: Any) -> Any:
        """Answer what the functions make of one item."""
        for function in self.functions:
            item = function(item)
        return item

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Pull the value and apply the functions to each item.

        Raises:
            AirflowException: The value is no list or dict.
        """
        value = self.source.resolve(context)
        if isinstance(value, Mapping):
            return [self.apply(item) for item in value.items()]
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise AirflowException(
                f"map() needs a list or dict; task '{self.operator.task_id}' pushed "
                f"{type(value).__name__}"
            )
        return [self.apply(item) for item in value]


class CombinedOutput(XComArg):
    """Several outputs as one: ``a.zip(b)``, ``a.concat(b)``."""

    def __init__(self, kind: str, parts: Sequence[XComArg], fill: Any) -> None:
        super().__init__(parts[0].operator, parts[0].key)
        self.kind = kind
        """``zip``, ``zip_longest`` or ``concat``."""
        self.parts = tuple(parts)
        self.fill = fill

    def __eq__(self, other: object) -> bool:
        mine = (self.kind, self.parts)
        return isinstance(other, CombinedOutput) and (other.kind, other.parts) == mine

    def __hash__(self) -> int:
        return hash((self.kind, self.parts))

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Yield the task and key of each part."""
        for part in self.parts:
            yield from part.iter_references()

    def resolve(self, context: Mapping[str, Any]) -> Sequence[Any]:
        """Pull all parts; items are taken from them only when they are asked for.

        Raises:
            UnmappableXComTypePushed: A part is neither a list nor a dict.
        """
        parts = [items_of(part, context) for part in self.parts]
        return _Behind(parts) if self.kind == "concat" else _Beside(parts, self.kind, self.fill)


def combine(kind: str, parts: Sequence[Any], fill: Any) -> CombinedOutput:
    """Answer outputs as one.

    Raises:
        TypeError: A part is no output of a task.
    """
    for part in parts:
        if not isinstance(part, XComArg):
            name = "concat" if kind == "concat" else "zip"
            raise TypeError(f"{name}() takes outputs of tasks, not {type(part).__name__}")
    longest = kind == "zip" and is_arg_set(fill)
    return CombinedOutput("zip_longest" if longest else kind, parts, fill)


def items_of(output: XComArg, context: Mapping[str, Any]) -> Sequence[Any]:
    """Answer what an output can be mapped over, functions applied only as items are taken.

    Raises:
        UnmappableXComTypePushed: It is neither a list nor a dict.
    """
    if isinstance(output, MappedOutput):
        return _Applied(items_of(output.source, context), output.apply)
    value = output.resolve(context)
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return value
    raise UnmappableXComTypePushed(
        f"Task '{output.operator.task_id}' pushed {type(value).__name__}, which cannot be mapped "
        "over; a list or a dict can"
    )


class _Lazy(Sequence[Any]):
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._take(place) for place in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        return self._take(place)

    def _take(self, place: int) -> Any:
        raise NotImplementedError


class _Applied(_Lazy):
    def __init__(self, items: Sequence[Any], function: Callable[[Any], Any]) -> None:
        self._items = items
        self._function = function

    def __len__(self) -> int:
        return len(self._items)

    def _take(self, place: int) -> Any:
        return self._function(self._items[place])


class _Beside(_Lazy):
    def __init__(self, parts: Sequence[Sequence[Any]], kind: str, fill: Any) -> None:
        self._parts = parts
        self._fill = fill
        lengths = [len(part) for part in parts]
        self._length = max(lengths) if kind == "zip_longest" else min(lengths)

    def __len__(self) -> int:
        return self._length

    def _take(self, place: int) -> Any:
        return tuple(part[place] if place < len(part) else self._fill for part in self._parts)


class _Behind(_Lazy):
    def __init__(self, parts: Sequence[Sequence[Any]]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def _take(self, place: int) -> Any:
        for part in self._parts:
            if place < len(part):
                return part[place]
            place -= len(part)
        raise IndexError(place)


class DagParam(Reference):
    """A parameter of a ``@dag`` function: the run's conf, else the Param's value."""

    def __init__(self, current_dag: Any, name: str, default: Any = NOTSET) -> None:
        self._name = name
        self._default = default
        self.current_dag = current_dag
        if is_arg_set(default):
            current_dag.params.setdefault(name, default)

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Answer the value for this run.

        Raises:
            AirflowException: Neither conf nor Params have it.
        """
        conf = context["dag_run"].conf
        if self._name in conf:
            return conf[self._name]
        if self._name in context["params"]:
            return context["params"][self._name]
        if is_arg_set(self._default):
            return self._default
        raise AirflowException(f"This run has no value for the Dag's parameter '{self._name}'")

    def __str__(self) -> str:
        return f"{{{{ params.{self._name} }}}}"


def iter_references(value: Any) -> Iterator[tuple[Any, str]]:
    """Yield (task, key) for each output anywhere in lists, dicts and objects with template fields.

    Example:
        >>> list(iter_references([1, {"a": "b"}]))
        []
    """
    if isinstance(value, Reference):
        yield from value.iter_references()
    elif isinstance(value, str | bytes):
        return
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from iter_references(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from iter_references(item)
    elif hasattr(type(value), "template_fields") and not isinstance(value, DependencyMixin):
        for name in value.template_fields:
            yield from iter_references(getattr(value, name, None))


def resolve_references(value: Any, context: Mapping[str, Any]) -> Any:
    """Answer the value with each reference in lists, tuples, sets and dicts looked up."""
    if isinstance(value, Reference):
        return value.resolve(context)
    if isinstance(value, dict):
        return {key: resolve_references(item, context) for key, item in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(resolve_references(item, context) for item in value)
    return value
