"""Filling in what an operator's author left out: ``default_args`` of the Dag, group and task.

Each ``__init__`` between an operator's class and BaseOperator gets the defaults that it itself
takes, unless its caller passed them; so a subclass may pass its own value on, or leave it out.
"""

import functools
import inspect
from abc import ABCMeta
from collections.abc import Callable, Mapping
from typing import Any

from tradewind.errors import did_you_mean
from tradewind.sdk import scope
from tradewind.sdk.nesting import watch_execute

_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class OperatorMeta(ABCMeta):
    """Makes ``__init__`` take defaults and names only, and ``execute`` notice who calls it."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any
    ) -> Any:
        """Make the class."""
        init = namespace.get("__init__")
        if init is not None:
            namespace["__init__"] = _with_defaults(init)
        execute = namespace.get("execute")
        if inspect.isfunction(execute):
            namespace["execute"] = watch_execute(execute)
        return super().__new__(mcs, name, bases, namespace, **kwargs)


def _with_defaults(init: Callable[..., None]) -> Callable[..., None]:
    parameters = [
        parameter
        for parameter in list(inspect.signature(init).parameters.values())[1:]
        if parameter.kind not in _VARIADIC
    ]
    names = [parameter.name for parameter in parameters]
    required = {p.name for p in parameters if p.default is inspect.Parameter.empty}

    @functools.wraps(init)
    def take_defaults(self: Any, *args: Any, **kwargs: Any) -> None:
        if args:
            raise TypeError(
                f"Pass {type(self).__name__} its arguments by name, as in task_id='load'"
            )
        outermost = "_defaults" not in self.__dict__
        if outermost:
            self.__dict__["_defaults"] = _merged_defaults(kwargs)
        defaults = self.__dict__["_defaults"]
        kwargs.update(
            {name: defaults[name] for name in names if name in defaults and name not in kwargs}
        )
        missing = sorted(required - kwargs.keys())
        if missing:
            raise TypeError(_missing(self, missing, kwargs))
        init(self, **kwargs)
        if outermost:
            del self.__dict__["_defaults"]
            self.finish_init()

    take_defaults.parameter_names = frozenset(names)  # type: ignore[attr-defined]
    take_defaults.is_open = any(  # type: ignore[attr-defined]
        p.kind is inspect.Parameter.VAR_KEYWORD for p in inspect.signature(init).parameters.values()
    )
    return take_defaults


def _missing(operator: Any, missing: list[str], kwargs: Mapping[str, Any]) -> str:
    which = ", ".join(f"'{name}'" for name in missing)
    who = f" of task '{kwargs['task_id']}'" if "task_id" in kwargs else ""
    return f"{type(operator).__name__}{who} needs {which}"


def _merged_defaults(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    dag = kwargs.get("dag") or scope.current_dag()
    group = kwargs.get("task_group") or scope.current_group(dag)
    merged: dict[str, Any] = dict(dag.default_args) if dag is not None else {}
    if group is not None:
        merged.update(group.default_args)
    merged.update(kwargs.get("default_args") or {})
    merged.pop("task_id", None)
    return merged


def accepted_names(operator_class: type) -> set[str] | None:
    """Answer the arguments an operator's class takes, or None where that cannot be told."""
    names: set[str] = set()
    for cls in operator_class.__mro__:
        init = cls.__dict__.get("__init__")
        if init is None or cls is object:
            continue
        if not hasattr(init, "parameter_names"):
            return None
        names |= init.parameter_names
        if not init.is_open:
            return names
    return names


def check_names(operator_class: type, task_id: str, names: set[str], where: str) -> None:
    """Refuse arguments that the operator's class does not take.

    Raises:
        TypeError: There is no such argument; the message names the nearest one.
    """
    accepted = accepted_names(operator_class)
    if accepted is None:
        return
    for name in sorted(names - accepted):
        raise TypeError(
            f"{operator_class.__name__} has no argument '{name}' ({where} of task '{task_id}'). "
            f"{did_you_mean(name, accepted)}".rstrip()
        )
