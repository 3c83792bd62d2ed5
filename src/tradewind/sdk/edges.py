"""How tasks are put in order: ``>>``, ``<<``, labels, and the functions that chain many at once."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from tradewind.sdk.exceptions import AirflowException


class DependencyMixin:
    """Anything that can stand on a side of ``>>``: a task, its output, a group, a label."""

    @property
    def roots(self) -> Sequence["DependencyMixin"]:
        """Answer the tasks in it that nothing in it comes before."""
        raise NotImplementedError

    @property
    def leaves(self) -> Sequence["DependencyMixin"]:
        """Answer the tasks in it that nothing in it comes after."""
        raise NotImplementedError

    def set_upstream(self, other: "Links", edge_modifier: "EdgeModifier | None" = None) -> None:
        """Make the other side come first."""
        raise NotImplementedError

    def set_downstream(self, other: "Links", edge_modifier: "EdgeModifier | None" = None) -> None:
        """Make the other side come after."""
        raise NotImplementedError

    def update_relative(
        self,
        other: "DependencyMixin",
        upstream: bool = True,
        edge_modifier: "EdgeModifier | None" = None,
    ) -> None:
        """Hear that ``other`` was put before (``upstream``) or after this; most need not know."""

    def __rshift__(self, other: "Links") -> "Links":
        self.set_downstream(other)
        return other

    def __lshift__(self, other: "Links") -> "Links":
        self.set_upstream(other)
        return other

    def __rrshift__(self, other: "Links") -> "DependencyMixin":
        self.set_upstream(other)
        return self

    def __rlshift__(self, other: "Links") -> "DependencyMixin":
        self.set_downstream(other)
        return self


Links: TypeAlias = Any
"""A DependencyMixin, or lists and tuples of them at any depth."""


def flatten_links(links: Links) -> Iterator[DependencyMixin]:
    """Yield what stands in a tree of lists, in order.

    Raises:
        AirflowException: Something in it cannot be a dependency.
    """
    if isinstance(links, DependencyMixin):
        yield links
        return
    if isinstance(links, list | tuple | set | frozenset):
        for link in links:
            yield from flatten_links(link)
        return
    raise AirflowException(
        f"Only tasks, their outputs, task groups and labels can be dependencies, not "
        f"{type(links).__name__} ({links!r})"
    )


class EdgeModifier(DependencyMixin):
    """A word on the line between two tasks: ``check >> Label("errors found") >> report``."""

    def __init__(self, label: str | None = None) -> None:
        self.label = label
        self._before: list[DependencyMixin] = []
        self._after: list[DependencyMixin] = []

    @property
    def roots(self) -> Sequence[DependencyMixin]:
        """Answer nothing: what follows is linked when both sides of the label are known."""
        return []

    @property
    def leaves(self) -> Sequence[DependencyMixin]:
        """Answer nothing: what comes before is linked when both sides are known."""
        return []

    def set_upstream(self, other: Links, edge_modifier: "EdgeModifier | None" = None) -> None:
        """Take what stands before the label."""
        for link in flatten_links(other):
            self.update_relative(link, upstream=True)

    def set_downstream(self, other: Links, edge_modifier: "EdgeModifier | None" = None) -> None:
        """Take what stands after the label."""
        for link in flatten_links(other):
            self.update_relative(link, upstream=False)

    def update_relative(
        self,
        other: DependencyMixin,
        upstream: bool = True,
        edge_modifier: "EdgeModifier | None" = None,
    ) -> None:
        """Take one side, and link it with all that is known of the other."""
        if upstream:
            self._before.append(other)
            for after in self._after:
                other.set_downstream(after, edge_modifier=self)
        else:
            self._after.append(other)
            for before in self._before:
                before.set_downstream(other, edge_modifier=self)

    def add_edge_info(self, dag: Any, upstream_id: str, downstream_id: str) -> None:
        """Write the label on that line of the Dag."""
        dag.set_edge_info(upstream_id, downstream_id, {"label": self.label})


def Label(label: str) -> EdgeModifier:  # noqa: N802 - the field's name for it
    """Answer a label to put between two tasks.

    Example:
        >>> from tradewind import DAG, EmptyOperator, Label
        >>> with DAG("labelled") as dag:
        ...     _ = EmptyOperator(task_id="a") >> Label("then") >> EmptyOperator(task_id="b")
        >>> dag.get_edge_info("a", "b")
        {'label': 'then'}
    """
    return EdgeModifier(label)


def chain(*tasks: Links) -> None:
    """Put tasks one after the other; lists of equal length side by side are linked pairwise.

    Raises:
        AirflowException: Two neighbouring lists have different lengths.

    Example:
        >>> from tradewind import DAG, EmptyOperator, chain
        >>> with DAG("chained") as dag:
        ...     a, b, c, d = (EmptyOperator(task_id=name) for name in "abcd")
        ...     chain(a, [b, c], d)
        >>> sorted(d.upstream_task_ids)
        ['b', 'c']
    """
    for up, down in pairwise(tasks):
        if isinstance(up, DependencyMixin):
            up.set_downstream(down)
        elif isinstance(down, DependencyMixin):
            down.set_upstream(up)
        else:
            _chain_lists(list(up), list(down))


def _chain_lists(ups: list[Any], downs: list[Any]) -> None:
    if len(ups) != len(downs):
        raise AirflowException(
            f"chain() links neighbouring lists pairwise, so they need the same length; these have "
            f"{len(ups)} and {len(downs)}. cross_downstream() links each with each."
        )
    for up, down in zip(ups, downs, strict=True):
        up.set_downstream(down)


def cross_downstream(from_tasks: Sequence[Any], to_tasks: Links) -> None:
    """Put every one of the first before every one of the second.

    Example:
        >>> from tradewind import DAG, EmptyOperator, cross_downstream
        >>> with DAG("crossed") as dag:
        ...     a, b, c, d = (EmptyOperator(task_id=name) for name in "abcd")
        ...     cross_downstream([a, b], [c, d])
        >>> sorted(c.upstream_task_ids), sorted(d.upstream_task_ids)
        (['a', 'b'], ['a', 'b'])
    """
    for task in from_tasks:
        task.set_downstream(to_tasks)


def chain_linear(*elements: Links) -> None:
    """Put elements one after the other; every task of a list before every task of the next.

    Raises:
        ValueError: Fewer than two elements, so there is nothing to link.

    Example:
        >>> from tradewind import DAG, EmptyOperator, chain_linear
        >>> with DAG("linear") as dag:
        ...     a, b, c, d = (EmptyOperator(task_id=name) for name in "abcd")
        ...     chain_linear([a, b], [c, d])
        >>> sorted(c.upstream_task_ids)
        ['a', 'b']
    """
    if len(elements) < 2:
        raise ValueError("chain_linear() needs at least two elements to link")
    for up, down in pairwise(elements):
        for link in flatten_links(up):
            link.set_downstream(down)
