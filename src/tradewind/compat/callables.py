"""Calling an author's function for a provider's operator, as ours call theirs."""

import inspect
from collections.abc import Callable, MutableMapping
from typing import Any

from tradewind.sdk.calling import call


class ExecutionCallableRunner:
    """Calls a function; what a generator yields of the assets it made goes with their events."""

    def __init__(self, func: Callable[..., Any]) -> None:
        self.func = func

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, and answer what it answers."""
        return call(self.func, args, kwargs)


class AsyncExecutionCallableRunner(ExecutionCallableRunner):
    """Calls a function whose answer is awaited."""

    async def run(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, and answer what it answers."""
        answer = self.func(*args, **kwargs)
        return await answer if inspect.isawaitable(answer) else answer


def create_executable_runner(
    func: Callable[..., Any], outlet_events: Any, *, logger: Any = None
) -> ExecutionCallableRunner:
    """Answer what calls the function."""
    return ExecutionCallableRunner(func)


def create_async_executable_runner(
    func: Callable[..., Any], outlet_events: Any, *, logger: Any = None
) -> AsyncExecutionCallableRunner:
    """Answer what calls the function and awaits its answer."""
    return AsyncExecutionCallableRunner(func)


def context_get_outlet_events(context: MutableMapping[str, Any]) -> Any:
    """Answer what a task says of the assets it makes; an empty mapping where it makes none."""
    return context.get("outlet_events", {})
