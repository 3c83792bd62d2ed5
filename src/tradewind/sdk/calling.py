"""Calling an author's function with what of the context its signature asks for."""

import inspect
import logging
from collections import ChainMap
from collections.abc import (
    Callable,
    Collection,
    Generator,
    Mapping,
    MutableMapping,
    Sequence,
)
from functools import partial
from types import FunctionType
from typing import Any, TypeVar, cast

from tradewind.sdk.assets import Metadata
from tradewind.sdk.context import CONTEXT_KEYS, get_current_context

log = logging.getLogger("tradewind.task")

_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

T = TypeVar("T")


def determine_kwargs(
    func: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Answer those of the named values that the function takes beside its positional ones.

    Example:
        >>> determine_kwargs(lambda a, ds: None, [1], {"ds": "2026-04-20", "ts": "x"})
        {'ds': '2026-04-20'}
    """
    positional, named, takes_any = _asked(func)
    taken = set(positional[: len(args)])
    if takes_any:
        return {name: value for name, value in kwargs.items() if name not in taken}
    return {name: kwargs[name] for name in named if name not in taken and name in kwargs}


class KeywordParameters:
    """What of some named values a function takes; for provider packages that call functions."""

    def __init__(self, kwargs: Mapping[str, Any]) -> None:
        self._kwargs = dict(kwargs)

    @classmethod
    def determine(
        cls, func: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]
    ) -> "KeywordParameters":
        """Answer what the function takes beside its positional values."""
        return cls(determine_kwargs(func, args, kwargs))

    def unpacking(self) -> dict[str, Any]:
        """Answer the values to call the function with."""
        return dict(self._kwargs)

    def serializing(self) -> dict[str, Any]:
        """Answer the values to hand to another process."""
        return dict(self._kwargs)


def is_async_callable(func: Callable[..., Any]) -> bool:
    """Say whether calling this makes something to await.

    Example:
        >>> async def wait(): ...
        >>> is_async_callable(wait), is_async_callable(print)
        (True, False)
    """
    while isinstance(func, partial):
        func = func.func
    plain = inspect.unwrap(func)
    called = getattr(type(plain), "__call__", None)  # noqa: B004 - not whether, but how
    return inspect.iscoroutinefunction(plain) or inspect.iscoroutinefunction(called)


def merged_kwargs(own: Mapping[str, Any], context: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer the author's values before those of the context, of which none is made yet."""
    return ChainMap(dict(own), cast(MutableMapping[str, Any], context))


def _asked(func: Callable[..., Any]) -> tuple[Sequence[str], Sequence[str], bool]:
    """Answer a function's parameters in order, those that may be named, and whether any name is."""
    if type(func) is FunctionType and not hasattr(func, "__wrapped__"):
        # A signature object costs a short task more than all else that it does.
        code = func.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        takes_any = bool(code.co_flags & inspect.CO_VARKEYWORDS)
        return code.co_varnames[: code.co_argcount], names[code.co_posonlyargcount :], takes_any
    parameters = list(inspect.signature(func).parameters.values())
    return (
        [parameter.name for parameter in parameters],
        [parameter.name for parameter in parameters if parameter.kind in _KEYWORD],
        any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters),
    )


def call(func: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a function; a coroutine or a generator is run to its end."""
    return run_to_end(func(*args, **kwargs))


def run_to_end(result: Any) -> Any:
    """Answer what a coroutine or generator answers once it is run; anything else as it is."""
    if inspect.isgenerator(result):
        return _drained(result)
    if not inspect.iscoroutine(result):
        return result
    # asyncio costs 20 ms to import, and few tasks are coroutines.
    import asyncio  # noqa: PLC0415

    return asyncio.run(result)


def _drained(steps: Generator[Any, Any, Any]) -> Any:
    """Take what a function yields of its outlets; answer what it returns in the end."""
    while True:
        try:
            said = next(steps)
        except StopIteration as end:
            return end.value
        if isinstance(said, Metadata):
            get_current_context()["outlet_events"].take(said)
        else:
            log.warning("A task yielded a %s; only Metadata has a meaning", type(said).__name__)


async def aside(func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a function in another thread, and let other coroutines run meanwhile."""
    import asyncio  # noqa: PLC0415 - there is one that runs

    return await asyncio.to_thread(func, *args, **kwargs)


def check_call(
    func: Callable[..., Any], task_id: str, args: Collection[Any], kwargs: Mapping[str, Any]
) -> None:
    """Refuse arguments that the function cannot be called with; context keys need not be given.

    Raises:
        ValueError: A context key has a default other than None.
        TypeError: Arguments are missing or unknown.
    """
    parameters = [
        _filled(parameter, task_id) for parameter in inspect.signature(func).parameters.values()
    ]
    try:
        _reordered(parameters).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"Task '{task_id}': {error}") from None


def _filled(parameter: inspect.Parameter, task_id: str) -> inspect.Parameter:
    if parameter.name not in CONTEXT_KEYS or parameter.kind not in _KEYWORD:
        return parameter
    if parameter.default not in (inspect.Parameter.empty, None):
        raise ValueError(
            f"Parameter '{parameter.name}' of task '{task_id}' is filled from the context, so its "
            "default must be None"
        )
    return parameter.replace(default=None)


def _reordered(parameters: list[inspect.Parameter]) -> inspect.Signature:
    # A parameter without default may not follow one with: give those that would one too, so that
    # binding (not the signature) finds what is missing.
    seen_default = False
    fixed: list[inspect.Parameter] = []
    for parameter in parameters:
        is_positional = parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        has_default = parameter.default is not inspect.Parameter.empty
        needs_one = is_positional and seen_default and not has_default
        fixed.append(parameter.replace(default=None) if needs_one else parameter)
        seen_default = seen_default or (is_positional and has_default)
    return inspect.Signature(fixed)


def parameter_names(func: Callable[..., Any]) -> tuple[set[str], bool]:
    """Answer the names a function takes by keyword, and whether it takes any name."""
    parameters = inspect.signature(func).parameters.values()
    names = {parameter.name for parameter in parameters if parameter.kind in _KEYWORD}
    is_open = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)
    return names, is_open
