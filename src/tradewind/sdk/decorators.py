"""The decorators of a Dag file: ``@task`` and its kinds, ``@task_group``, setup, teardown."""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from tradewind.errors import did_you_mean
from tradewind.sdk.calling import call, determine_kwargs, merged_kwargs
from tradewind.sdk.decorated import DecoratedOperator, TaskDecorator, task_decorator_factory
from tradewind.sdk.exceptions import AirflowException, UnsupportedArgument
from tradewind.sdk.group import TaskGroup
from tradewind.sdk.operators.bash import BashOperator
from tradewind.sdk.operators.python import PythonOperator
from tradewind.sdk.sentinels import SET_DURING_EXECUTION


class PythonDecoratedOperator(DecoratedOperator, PythonOperator):
    """Calls the decorated function."""

    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")
    custom_operator_name: str = "@task"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        upstream = {
            "python_callable": python_callable,
            "op_args": op_args,
            "op_kwargs": op_kwargs,
        }
        super().__init__(
            kwargs_to_upstream=upstream,
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            **kwargs,
        )


class BashDecoratedOperator(DecoratedOperator, BashOperator):
    """Runs the command that the decorated function returns."""

    template_fields: Sequence[str] = ("env", "cwd", "op_args", "op_kwargs")
    custom_operator_name: str = "@task.bash"

    def __init__(self, *, python_callable: Callable[..., Any], **kwargs: Any) -> None:
        kwargs.pop("multiple_outputs", None)
        super().__init__(
            kwargs_to_upstream={"bash_command": SET_DURING_EXECUTION},
            python_callable=python_callable,
            multiple_outputs=False,
            **kwargs,
        )

    def execute(self, context: Any) -> Any:
        """Call the function, render what it returns, run it.

        Raises:
            TypeError: It returned no command.
        """
        asked = merged_kwargs(self.op_kwargs, context)
        kwargs = determine_kwargs(self.python_callable, self.op_args, asked)
        command = call(self.python_callable, self.op_args, kwargs)
        if not isinstance(command, str) or not command.strip():
            raise TypeError(f"Task '{self.task_id}' must return a Bash command, not {command!r}")
        self.bash_command = self.render_template(command, context)
        return super().execute(context)


def python_task(
    python_callable: Callable[..., Any] | None = None,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Turn a function into a task that calls it."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=PythonDecoratedOperator,
        **kwargs,
    )


def bash_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
    """Turn a function into a task that runs the command it returns."""
    return task_decorator_factory(
        python_callable, decorated_operator_class=BashDecoratedOperator, **kwargs
    )


_KINDS: Mapping[str, Callable[..., Any]] = {"python": python_task, "bash": bash_task}


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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Turn a function into a task that calls it."""
        return python_task(*args, **kwargs)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in _KINDS:
            hint = did_you_mean(name, _KINDS)
            raise AttributeError(f"There is no task decorator '@task.{name}' here. {hint}".rstrip())
        return _KINDS[name]


task = TaskDecorators()


class TaskGroupFactory:
    """A function that is a task group: calling it makes the group with the tasks it makes."""

    def __init__(self, function: Callable[..., Any], kwargs: Mapping[str, Any]) -> None:
        self.function = function
        self.kwargs = dict(kwargs)
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make the group; answer what the function returns, or the group."""
        settings: dict[str, Any] = {
            "group_id": self.function.__name__,
            "add_suffix_on_collision": True,
        }
        settings.update(self.kwargs)
        if self.function.__doc__:
            settings.setdefault("tooltip", self.function.__doc__)
        with TaskGroup(**settings) as group:
            made = self.function(*args, **kwargs)
        return group if made is None else made

    def override(self, **kwargs: Any) -> "TaskGroupFactory":
        """Answer this group with other settings."""
        return TaskGroupFactory(self.function, {**self.kwargs, **kwargs})

    def partial(self, **kwargs: Any) -> Any:
        """Refuse: groups are not mapped.

        Raises:
            UnsupportedArgument: Always.
        """
        raise UnsupportedArgument(
            f"Task group '{self.function.__name__}' cannot be mapped; map the tasks inside it"
        )

    expand = partial

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> Any:
        """Refuse: groups are not mapped.

        Raises:
            UnsupportedArgument: Always.
        """
        return self.partial()


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
