"""What is cleared along with what a person clears."""

from collections.abc import Collection

from tradewind.core.scopes import setup_scopes
from tradewind.core.spec import DagSpec


def with_setups(spec: DagSpec, chosen: Collection[str]) -> frozenset[str]:
    """Answer these tasks, with the setups they stand in the scope of and the teardowns of those.

    What is done again needs again what was set up for it, and has it torn down again.

    Example:
        >>> from tradewind.core.spec import TaskSpec
        >>> make, work, after, drop = (
        ...     TaskSpec(task_id=name, operator="o", upstream=up, is_setup=s, is_teardown=t)
        ...     for name, up, s, t in (
        ...         ("make", (), True, False),
        ...         ("work", ("make",), False, False),
        ...         ("after", ("work",), False, False),
        ...         ("drop", ("make", "work"), False, True),
        ...     )
        ... )
        >>> spec = DagSpec(dag_id="d", file="d.py", tasks=(make, work, after, drop))
        >>> sorted(with_setups(spec, ["work"])), sorted(with_setups(spec, ["after"]))
        (['drop', 'make', 'work'], ['after'])
    """
    scopes = setup_scopes(spec.tasks)
    found = set(chosen)
    while True:
        more = {
            name
            for setup, (inside, teardowns) in scopes.items()
            if setup in found or not found.isdisjoint(inside)
            for name in (setup, *teardowns)
        }
        if more <= found:
            return frozenset(found)
        found |= more
