"""The decorators of a Dag file: ``@task`` and its kinds, ``@task_group``, setup, teardown."""

import functools
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from tradewind.errors import did_you_mean
from tradewind.sdk.conditions import run_if, skip_if
from tradewind.sdk.decorated import TaskDecorator
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.group import TaskGroup
from tradewind.sdk.kinds import KINDS
from tradewind.sdk.kinds.python import python_task
from tradewind.sdk.mapped_groups import GroupItem, GroupPartial
from tradewind.sdk.provided import find_decorator, provided_names, where_to_get
from tradewind.sdk.references import XComArg


class TaskDecorators:
    """``@task`` and its kinds: ``@task.python`` is the same, ``@task.bash`` runs a command.

    Example:
        >>> from tradewind import dag, task
        >>> @dag(schedule=None)
        ... def sums():
        ...     @task(retries=2)
        ...     def add(a, b):
        ...         return a + b
        ...
        ...     add(add(1, 2), 3)
        >>> sums().task_ids
        ['add', 'add__1']
    """

    python = staticmethod(python_task)
    run_if = staticmethod(run_if)
    skip_if = staticmethod(skip_if)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Turn a function into a task that calls it."""
        return python_task(*args, **kwargs)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Load a kind of decorator: one of ours, or of an installed provider (``@task.docker``)."""
        if name.startswith("__"):
            raise AttributeError(name)
        found = _own(name) if name in KINDS else find_decorator(name)
        if found is None:
            hint = where_to_get(name) or did_you_mean(
                name, {"run_if", "skip_if", *KINDS, *provided_names()}
            )
            raise AttributeError(f"There is no task decorator '@task.{name}' here. {hint}".rstrip())
        setattr(self, name, found)
        return found


def _own(name: str) -> Callable[..., Any]:
    module, _, attribute = KINDS[name].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), attribute)
    return found


task = TaskDecorators()


class TaskGroupFactory:
    """A function that is a task group: calling it makes the group with the tasks it makes."""

    def __init__(self, function: Callable[..., Any], kwargs: Mapping[str, Any]) -> None:
        self.function = function
        self.kwargs = dict(kwargs)
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make the group; answer what the function returns, or the group."""
        return self._grouped(lambda _: self.function(*args, **kwargs), None)

    def _grouped(self, fill: Callable[[TaskGroup], Any], map_input: Any) -> Any:
        settings: dict[str, Any] = {
            "group_id": self.function.__name__,
            "add_suffix_on_collision": True,
        }
        settings.update(self.kwargs)
        if self.function.__doc__:
            settings.setdefault("tooltip", self.function.__doc__)
        with TaskGroup(**settings, map_input=map_input) as group:
            made = fill(group)
        return group if made is None else made

    def override(self, **kwargs: Any) -> "TaskGroupFactory":
        """Answer this group with other settings."""
        return TaskGroupFactory(self.function, {**self.kwargs, **kwargs})

    def partial(self, **kwargs: Any) -> GroupPartial:
        """Fix the arguments that do not vary; ``expand`` follows."""
        return GroupPartial(self.function, self._mapped, kwargs)

    def expand(self, **kwargs: Any) -> Any:
        """Make the tasks of the group once for each combination of the values given."""
        return self.partial().expand(**kwargs)

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> Any:
        """Make the tasks of the group once for each dict of arguments."""
        return self.partial().expand_kwargs(kwargs, strict=strict)

    def _mapped(self, map_input: Any, fixed: Mapping[str, Any], names: list[str]) -> Any:
        def fill(group: TaskGroup) -> Any:
            made = self.function(**fixed, **{name: GroupItem(group, name) for name in names})
            for source, _ in map_input.iter_references():
                group.set_upstream(source)
            return made

        return self._grouped(fill, map_input)


def task_group(group_id: Any = None, **kwargs: Any) -> Any:
    """Turn a function into a task group.

    Example:
        >>> from tradewind import dag, task, task_group
        >>> @dag(schedule=None)
        ... def loads():
        ...     @task_group
        ...     def load(name):
        ...         @task
        ...         def read(name): ...
        ...
        ...         return read(name)
        ...
        ...     load("orders")
        >>> loads().task_ids
        ['load.read']
    """
    if callable(group_id):
        return TaskGroupFactory(group_id, kwargs)
    if group_id is not None:
        kwargs["group_id"] = group_id
    return lambda function: TaskGroupFactory(function, kwargs)


def result(output: Any) -> Any:
    """Name what a task returns as a result of its Dag: ``@result`` above ``@task``, or a call.

    Example:
        >>> from tradewind import dag, result, task
        >>> @dag(schedule=None)
        ... def sums():
        ...     @result
        ...     @task
        ...     def add(a, b):
        ...         return a + b
        ...
        ...     add(1, 2)
        >>> [one.operator.task_id for one in sums().results]
        ['add']

    Raises:
        TypeError: It is neither a task decorator nor a task or its output.
    """
    if isinstance(output, TaskDecorator):
        output.is_result = True
        return output
    found = output if isinstance(output, XComArg) else getattr(output, "output", None)
    if not isinstance(found, XComArg):
        raise TypeError(f"@result goes above @task, or around an output, not {output!r}")
    found.operator.dag.add_result(found)
    return output


def setup(function: Any) -> TaskDecorator:
    """Turn a function or task into a setup: ``@setup`` above ``@task`` or alone.

    Raises:
        AirflowException: It is a task group.
    """
    made = _as_task(function, "setup")
    made.is_setup = True
    return made


def teardown(function: Any = None, *, on_failure_fail_dagrun: bool = False) -> Any:
    """Turn a function or task into a teardown: ``@teardown`` above ``@task`` or alone.

    Raises:
        AirflowException: It is a task group.
    """

    def decorate(function: Any) -> TaskDecorator:
        made = _as_task(function, "teardown")
        made.is_teardown = True
        made.on_failure_fail_dagrun = on_failure_fail_dagrun
        return made

    return decorate if function is None else decorate(function)


def _as_task(function: Any, what: str) -> TaskDecorator:
    if isinstance(function, TaskGroupFactory):
        raise AirflowException(f"A task group cannot be a {what}; its tasks can")
    made: TaskDecorator = function if isinstance(function, TaskDecorator) else python_task(function)
    return made
