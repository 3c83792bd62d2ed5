"""What surrounds the line of a Dag file that runs now: the open Dag, group, setup and teardown.

Only stacks of opaque objects live here, so that the Dag, its groups and its operators can each
know what surrounds them without importing each other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_dags: ContextVar[tuple[Any, ...]] = ContextVar("open_dags", default=())
_groups: ContextVar[tuple[Any, ...]] = ContextVar("open_groups", default=())
_works: ContextVar[tuple[list[Any], ...]] = ContextVar("open_works", default=())
_detached: ContextVar[bool] = ContextVar("detached", default=False)
_registered: ContextVar[list[Any] | None] = ContextVar("registered_dags", default=None)
_file: ContextVar[str | None] = ContextVar("dag_file", default=None)


def push_dag(dag: Any) -> None:
    """Make this the Dag that new tasks belong to."""
    _dags.set((*_dags.get(), dag))
    registered = _registered.get()
    if registered is not None and dag.auto_register and dag not in registered:
        registered.append(dag)


def pop_dag() -> None:
    """Go back to the Dag that was open before."""
    _dags.set(_dags.get()[:-1])


def current_dag() -> Any | None:
    """Answer the innermost open Dag."""
    dags = _dags.get()
    return dags[-1] if dags else None


def push_group(group: Any) -> None:
    """Make this the group that new tasks of its Dag belong to."""
    _groups.set((*_groups.get(), group))


def pop_group() -> None:
    """Go back to the group that was open before."""
    _groups.set(_groups.get()[:-1])


def current_group(dag: Any | None) -> Any | None:
    """Answer the innermost open group, if it belongs to this Dag; else the Dag's own root group."""
    groups = _groups.get()
    if groups and (dag is None or groups[-1].dag is dag or groups[-1].dag is None):
        return groups[-1]
    return dag.task_group if dag is not None else None


def push_work() -> None:
    """Begin to collect the tasks made between a setup and its teardown."""
    _works.set((*_works.get(), []))


def pop_work() -> list[Any]:
    """Answer the tasks made since the innermost ``push_work``."""
    works = _works.get()
    _works.set(works[:-1])
    return works[-1]


def note_work(node: Any) -> None:
    """Tell the innermost open setup or teardown context of a task made inside it."""
    works = _works.get()
    if works:
        works[-1].append(node)


def is_detached() -> bool:
    """Say whether operators made now stay out of their Dag and group."""
    return _detached.get()


@contextmanager
def detached(dag: Any | None, group: Any | None) -> Iterator[None]:
    """Make operators that know their Dag and group (for defaults) without being added to them."""
    was_detached, dags, groups, works = _detached.get(), _dags.get(), _groups.get(), _works.get()
    _detached.set(True)
    _dags.set((dag,) if dag is not None else ())
    _groups.set((group,) if group is not None else ())
    _works.set(())
    try:
        yield
    finally:
        _detached.set(was_detached)
        _dags.set(dags)
        _groups.set(groups)
        _works.set(works)


@contextmanager
def loading(file: str) -> Iterator[list[Any]]:
    """Collect the Dags opened while this file is imported, beside those in its globals."""
    registered: list[Any] = []
    tokens = (_registered.set(registered), _file.set(file))
    try:
        yield registered
    finally:
        _registered.reset(tokens[0])
        _file.reset(tokens[1])


def loading_file() -> str | None:
    """Answer the Dag file that is being imported, if one is."""
    return _file.get()
