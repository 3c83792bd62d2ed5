"""Tasks written as functions: what a task decorator makes when the function is called."""

import inspect
import re
import typing
from collections.abc import Callable, Collection, Mapping, MutableMapping
from typing import Any

from tradewind.errors import did_you_mean
from tradewind.sdk import scope
from tradewind.sdk.calling import check_call, parameter_names
from tradewind.sdk.context import CONTEXT_KEYS
from tradewind.sdk.mapped import MappedOperator, OperatorPartial
from tradewind.sdk.operator import BASE_NAMES, BaseOperator
from tradewind.sdk.references import XComArg
from tradewind.sdk.sources import function_source


class DecoratedOperator(BaseOperator):
    """The part of an operator that comes from its function: id, documentation, arguments.

    Put it before the operator's own class: ``class X(DecoratedOperator, PythonOperator)``.
    """

    custom_operator_name: str = ""

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        task_id: str,
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        kwargs_to_upstream: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not scope.is_detached():
            task_id = get_unique_task_id(task_id, kwargs.get("dag"), kwargs.get("task_group"))
        if kwargs.get("doc_md") is None:
            kwargs["doc_md"] = inspect.getdoc(python_callable)
        check_call(python_callable, task_id, op_args or (), op_kwargs or {})
        self.python_callable = python_callable
        super().__init__(task_id=task_id, **(kwargs_to_upstream or {}), **kwargs)
        self.op_args: Any = op_args if op_args is not None else ()
        self.op_kwargs: Any = op_kwargs if op_kwargs is not None else {}

    def get_python_source(self) -> str:
        """Answer the text of the function, without what makes it a task."""
        return function_source(self.python_callable)


def get_unique_task_id(task_id: str, dag: Any | None = None, task_group: Any | None = None) -> str:
    """Answer the id for one more call of a function: ``load``, then ``load__1``, ``load__2`` ..."""
    dag = dag if dag is not None else scope.current_dag()
    if dag is None:
        return task_id
    group = task_group if task_group is not None else scope.current_group(dag)
    name = re.sub(r"__\d+$", "", task_id) if _is_taken(dag, group, task_id) else task_id
    candidate, number = task_id, 0
    while _is_taken(dag, group, candidate):
        number += 1
        candidate = f"{name}__{number}"
    return candidate


def _is_taken(dag: Any, group: Any | None, task_id: str) -> bool:
    full = group.child_id(task_id) if group is not None else task_id
    return full in dag.task_dict or full in dag.task_group.used_ids


class TaskDecorator:
    """A function that is a task: calling it inside a Dag makes one, with the arguments given.

    ``override`` gives the task other settings, ``partial`` and ``expand`` map it.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        operator_class: type[Any],
        multiple_outputs: bool | None,
        kwargs: Mapping[str, Any],
    ) -> None:
        if isinstance(function, TaskDecorator):
            raise TypeError(f"'{function.function.__name__}' is a task already")
        self.function: Callable[..., Any] = function
        self.operator_class = operator_class
        self.multiple_outputs = multiple_outputs
        self.kwargs = dict(kwargs)
        self.is_setup = False
        self.is_teardown = False
        self.on_failure_fail_dagrun = False
        self.is_result = False
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__module__ = function.__module__

    def __call__(self, *args: Any, **kwargs: Any) -> XComArg:
        """Make the task in the Dag that is open, and answer its output."""
        operator = self.operator_class(
            python_callable=self.function,
            op_args=args,
            op_kwargs=kwargs,
            **self._settings(),
        )
        self._mark(operator)
        return XComArg(operator)

    def _settings(self) -> dict[str, Any]:
        settings = {"task_id": self.__name__, **self.kwargs}
        settings["multiple_outputs"] = (
            infers_multiple_outputs(self.function)
            if self.multiple_outputs is None
            else self.multiple_outputs
        )
        return settings

    def _mark(self, operator: Any) -> None:
        if self.is_setup:
            operator.as_setup()
        if self.is_teardown:
            operator.as_teardown(on_failure_fail_dagrun=self.on_failure_fail_dagrun)
        if self.is_result:
            operator.dag.add_result(XComArg(operator))

    def override(self, **kwargs: Any) -> "TaskDecorator":
        """Answer this task with other settings, as in ``load.override(retries=3)(x)``."""
        outputs = kwargs.pop("multiple_outputs", self.multiple_outputs)
        twin = type(self)(
            self.function,
            operator_class=self.operator_class,
            multiple_outputs=outputs,
            kwargs={**self.kwargs, **kwargs},
        )
        twin.is_setup, twin.is_teardown = self.is_setup, self.is_teardown
        twin.on_failure_fail_dagrun = self.on_failure_fail_dagrun
        twin.is_result = self.is_result
        return twin

    def partial(self, **kwargs: Any) -> "TaskDecorator":
        """Answer this task with some arguments of the function fixed; ``expand`` gives the rest.

        Raises:
            TypeError: The function takes no such argument.
        """
        self._check_names(kwargs, "partial")
        twin = self.override()
        twin.kwargs["op_kwargs"] = {**self.kwargs.get("op_kwargs", {}), **kwargs}
        return twin

    def expand(self, **kwargs: Any) -> XComArg:
        """Make one instance of the task for each combination of the values given.

        Raises:
            TypeError: The function takes no such argument, or there is nothing to map over.
        """
        self._check_names(kwargs, "expand")
        return self._mapped(self._partial().expand(**kwargs))

    def expand_kwargs(self, kwargs: Any, *, strict: bool = True) -> XComArg:
        """Make one instance of the task for each dict of arguments."""
        for item in kwargs if isinstance(kwargs, list | tuple) else ():
            if isinstance(item, Mapping):
                self._check_names(item, "expand_kwargs")
        return self._mapped(self._partial().expand_kwargs(kwargs, strict=strict))

    def _mapped(self, operator: MappedOperator) -> XComArg:
        self._mark(operator)
        return XComArg(operator)

    def _partial(self) -> OperatorPartial:
        settings = self._settings()
        dag = settings.pop("dag", None) or scope.current_dag()
        group = settings.pop("task_group", None)
        group = group if group is not None else scope.current_group(dag)
        task_id = get_unique_task_id(settings.pop("task_id"), dag, group)
        if settings.get("doc_md") is None:
            settings["doc_md"] = inspect.getdoc(self.function)
        base = {name: value for name, value in settings.items() if name in BASE_NAMES}
        with scope.detached(dag, group):
            shape = BaseOperator(task_id=task_id, **base)
        return OperatorPartial(
            self.operator_class,
            task_id=task_id,
            kwargs={"op_kwargs": {}, **settings, "python_callable": self.function},
            shape=shape,
            into="op_kwargs",
        )

    def _check_names(self, given: Mapping[str, Any], where: str) -> None:
        names, is_open = parameter_names(self.function)
        for name in given:
            if name not in names and not is_open:
                raise TypeError(
                    f"Task '{self.__name__}' has no parameter '{name}' ({where}). "
                    f"{did_you_mean(name, names)}".rstrip()
                )
            if name in CONTEXT_KEYS and where != "partial":
                raise ValueError(
                    f"'{name}' of task '{self.__name__}' is filled from the context; it cannot be "
                    "mapped over"
                )


def infers_multiple_outputs(function: Callable[..., Any]) -> bool:
    """Say whether a function's return annotation is a dict, so that each key is pushed by itself.

    Example:
        >>> def split() -> dict[str, int]: ...
        >>> infers_multiple_outputs(split)
        True
    """
    annotations = getattr(inspect.unwrap(function), "__annotations__", {})
    if "return" not in annotations:
        return False
    answer = annotations["return"]
    if isinstance(answer, str):
        try:
            answer = typing.get_type_hints(function).get("return")
        except (AttributeError, NameError, SyntaxError, TypeError):
            # An annotation may name what only a type checker imports.
            return False
    kind = typing.get_origin(answer) or answer
    if kind in (dict, Mapping, MutableMapping):
        return True
    return isinstance(kind, type) and (issubclass(kind, dict) or typing.is_typeddict(kind))


def task_decorator_factory(
    python_callable: Callable[..., Any] | None = None,
    *,
    multiple_outputs: bool | None = None,
    decorated_operator_class: type[Any],
    **kwargs: Any,
) -> Any:
    """Turn a function into a task of this operator's class; for those who write task decorators.

    Raises:
        TypeError: It was given something else than a function.
    """

    def decorate(function: Callable[..., Any]) -> TaskDecorator:
        return TaskDecorator(
            function,
            operator_class=decorated_operator_class,
            multiple_outputs=multiple_outputs,
            kwargs=kwargs,
        )

    if python_callable is None:
        return decorate
    if not callable(python_callable):
        raise TypeError(f"No args allowed while using @task, use kwargs: {python_callable!r}")
    return decorate(python_callable)
